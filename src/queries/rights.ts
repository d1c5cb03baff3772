/** What a data protection officer asks: how the erasure of a participant stands, what keeps his record, and whose is waiting. */
import { Injectable } from '@nestjs/common'
import { withCaseload } from '../../projections/caseload.ts'
import type { ErasureTable, OwnWordsTable } from '../../projections/participants.ts'
import { ReadModels } from '../../projections/runner/read-models.ts'
import type { Day, Instant } from '../domain/calendar.ts'
import { recordedFrom } from '../domain/codec.ts'
import type { HoldReason, Protection } from '../domain/erasure.ts'
import { sentenceOf } from '../domain/event-words.ts'
import type { Actor, Recorded } from '../domain/history.ts'
import { participantHistory, type ParticipantEvent } from '../domain/participant.ts'
import { dueUpTo } from '../domain/retention.ts'
import type { Settlement } from '../domain/statements.ts'
import { EventStore } from '../event-store/event-store.ts'
import { openedFields } from '../protection/sealing.ts'
import { Vault } from '../protection/vault.ts'
import { ReachedCases } from './reached-cases.ts'

/** One thing that was recorded about who he is or about his rights. */
export interface RightsEntry {
  readonly revision: number
  readonly type: ParticipantEvent['type']
  readonly recordedAt: Instant
  readonly by: Actor
  /** Says nothing about who he is. */
  readonly sentence: string
}

export interface HeldRecord {
  readonly holdId: string
  readonly reason: HoldReason
  readonly since: Instant
  readonly by: string
}

export interface Statement {
  /** Empty where it was erased. */
  readonly text: string
  readonly at: Instant
}

export interface Dispute extends Statement {
  readonly disputeId: string
  readonly journeyId: string
  /** The revision of the event that he says is wrong. */
  readonly disputes: number
  readonly settled: { readonly settlement: Settlement; readonly at: Instant } | null
}

/** What he says himself, the oldest first. */
export interface OwnWords {
  readonly statements: readonly Statement[]
  readonly disputes: readonly Dispute[]
}

export interface PersonRights extends OwnWords {
  readonly participantId: string
  readonly erasure: Protection['erasure']
  readonly holds: readonly HeldRecord[]
  /** The oldest first. */
  readonly entries: readonly RightsEntry[]
}

/** An erasure that was ever asked for, with a journey of the man it is about. */
export interface ListedErasure {
  readonly participantId: string
  /** Null where none of his journeys is known. */
  readonly journeyId: string | null
  readonly state: ErasureTable['state']
  readonly by: string
  readonly at: Instant
}

/** Somebody whose record has been kept for as long as the rule says. */
export interface DueForReview {
  /** One of his journeys, and how many he has. */
  readonly journeyId: string
  readonly journeys: number
  /** When the last of them ended. */
  readonly endedOn: Day
  /** Whether his erasure has been asked for. */
  readonly isAsked: boolean
}

/** More than these nobody reads through: those that were carried out long ago are found by their participant. */
const mostListed = 200
/** How long an erasure waits for the read models to know each journey of his, in milliseconds. */
const patienceMs = 10_000

@Injectable()
export class Rights {
  constructor(
    private readonly store: EventStore,
    private readonly readModels: ReadModels,
    private readonly vault: Vault,
    private readonly reached: ReachedCases,
  ) {}

  /** From the log itself. */
  async of(participantId: string): Promise<PersonRights> {
    const events: Recorded<ParticipantEvent>[] = []
    for await (const stored of this.store.read(`${participantHistory.category}-${participantId}`))
      events.push(recordedFrom<ParticipantEvent>(stored))
    const { erasure, holds } = participantHistory.fold(participantHistory.initial, events)
    return {
      participantId,
      ...(await this.ownWords(participantId)),
      erasure,
      holds: events.flatMap((event) =>
        event.type === 'RetentionHoldPlaced' && holds.has(event.data.holdId)
          ? [{ ...event.data, since: event.metadata.recordedAt, by: event.metadata.actor.id }]
          : [],
      ),
      entries: events.map((event) => ({
        revision: event.revision,
        type: event.type,
        recordedAt: event.metadata.recordedAt,
        by: event.metadata.actor,
        sentence: sentenceOf(event),
      })),
    }
  }

  /** What he says himself about his record, from the read model: it is shown while the log is away, too. */
  async ownWords(participantId: string): Promise<OwnWords> {
    const rows = await this.readModels.db
      .withTables<{ own_words: OwnWordsTable }>()
      .selectFrom('own_words')
      .selectAll()
      .where('participant_id', '=', participantId)
      .orderBy('recorded_at')
      .orderBy('event_id')
      .execute()
    const said = rows.map((row) => {
      const at = { stream: `${participantHistory.category}-${participantId}`, id: row.event_id, keyId: participantId }
      const { text } = openedFields(this.vault, { ...at, sealed: row.sealed }).fields
      return { ...row, at: row.recorded_at, text: typeof text === 'string' ? text : '' }
    })
    return {
      statements: said.filter(({ type }) => type === 'StatementAdded').map(({ text, at }) => ({ text, at })),
      disputes: said
        .filter(({ type }) => type === 'RecordDisputed')
        .map((row): Dispute => {
          const settled = said.find((one) => one.type === 'DisputeSettled' && one.dispute_id === row.dispute_id)
          return {
            disputeId: row.dispute_id!,
            journeyId: row.journey_id!,
            disputes: row.disputes!,
            text: row.text,
            at: row.at,
            settled: settled ? { settlement: settled.settlement!, at: settled.at } : null,
          }
        }),
    }
  }

  /** Whose last journey ended so long ago that the record is due for review, the longest ago first; nobody who was erased. */
  async dueForReview(today: Day): Promise<readonly DueForReview[]> {
    const withheld = [...(await this.reached.withheld())]
    const rows = await withCaseload(this.readModels.db)
      .selectFrom('caseload')
      .leftJoin('erasure', 'erasure.participant_id', 'caseload.participant_id')
      .where(({ or, eb }) => or([eb('erasure.state', 'is', null), eb('erasure.state', 'in', ['asked', 'declined'])]))
      .$if(withheld.length > 0, (due) => due.where('caseload.participant_id', 'not in', withheld))
      .groupBy(['caseload.participant_id', 'erasure.state'])
      .having(({ fn }) => fn.max('caseload.ended_on'), '<=', dueUpTo(today))
      // One that has not ended keeps all of them.
      .having(({ fn, eb }) => eb(fn.count('caseload.ended_on'), '=', fn.countAll()))
      .select(['caseload.participant_id', 'erasure.state'])
      .select(({ fn }) => [
        fn.max('caseload.ended_on').as('ended_on'),
        fn.min('caseload.journey_id').as('journey_id'),
        fn.countAll().as('journeys'),
      ])
      .orderBy('ended_on')
      .orderBy('journey_id')
      .limit(mostListed)
      .execute()
    return rows.map((row) => ({
      journeyId: row.journey_id,
      journeys: Number(row.journeys),
      endedOn: row.ended_on!,
      isAsked: row.state === 'asked',
    }))
  }

  /**
   * Every journey of his that the log has by now; null where the read models do not catch up, and one might be missing.
   */
  async journeysOf(participantId: string): Promise<readonly string[] | null> {
    const head = await this.store.headPositionOf(['journey'])
    if (head > 0n && !(await this.readModels.waitFor(String(head), patienceMs))) return null
    const found = await withCaseload(this.readModels.db)
      .selectFrom('caseload')
      .select('journey_id')
      .where('participant_id', '=', participantId)
      .orderBy('journey_id')
      .execute()
    return found.map(({ journey_id: id }) => id)
  }

  /** Those that wait for somebody first, then the others, the newest first. */
  async erasures(): Promise<readonly ListedErasure[]> {
    const withheld = [...(await this.reached.withheld())]
    const rows = await withCaseload(this.readModels.db)
      .selectFrom('erasure')
      .leftJoin('caseload', 'caseload.participant_id', 'erasure.participant_id')
      .$if(withheld.length > 0, (asked) => asked.where('erasure.participant_id', 'not in', withheld))
      .groupBy(['erasure.participant_id', 'erasure.state', 'erasure.actor', 'erasure.recorded_at'])
      .select(['erasure.participant_id', 'erasure.state', 'erasure.actor', 'erasure.recorded_at'])
      .select(({ fn }) => fn.min('caseload.journey_id').as('journey_id'))
      .orderBy('erasure.recorded_at', 'desc')
      .limit(mostListed)
      .execute()
    const waiting = (row: (typeof rows)[number]) => Number(row.state !== 'asked')
    return rows
      .toSorted((one, other) => waiting(one) - waiting(other))
      .map((row) => ({
        participantId: row.participant_id,
        journeyId: row.journey_id,
        state: row.state,
        by: row.actor,
        at: row.recorded_at,
      }))
  }
}
