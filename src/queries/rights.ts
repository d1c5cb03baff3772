/** What a data protection officer asks: how the erasure of a participant stands, what keeps his record, and whose is waiting. */
import { Injectable } from '@nestjs/common'
import { withCaseload } from '../../projections/caseload.ts'
import type { ErasureTable } from '../../projections/participants.ts'
import { ReadModels } from '../../projections/runner/read-models.ts'
import type { Instant } from '../domain/calendar.ts'
import { recordedFrom } from '../domain/codec.ts'
import type { HoldReason, Protection } from '../domain/erasure.ts'
import { sentenceOf } from '../domain/event-words.ts'
import type { Actor, Recorded } from '../domain/history.ts'
import { participantHistory, type ParticipantEvent } from '../domain/participant.ts'
import { EventStore } from '../event-store/event-store.ts'

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

export interface PersonRights {
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

/** More than these nobody reads through: those that were carried out long ago are found by their participant. */
const mostListed = 200
/** How long an erasure waits for the read models to know each journey of his, in milliseconds. */
const patienceMs = 10_000

@Injectable()
export class Rights {
  constructor(
    private readonly store: EventStore,
    private readonly readModels: ReadModels,
  ) {}

  /** From the log itself. */
  async of(participantId: string): Promise<PersonRights> {
    const events: Recorded<ParticipantEvent>[] = []
    for await (const stored of this.store.read(`${participantHistory.category}-${participantId}`))
      events.push(recordedFrom<ParticipantEvent>(stored))
    const { erasure, holds } = participantHistory.fold(participantHistory.initial, events)
    return {
      participantId,
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
    const rows = await withCaseload(this.readModels.db)
      .selectFrom('erasure')
      .leftJoin('caseload', 'caseload.participant_id', 'erasure.participant_id')
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
