/** The door: read, fold, decide, append, retry. Everything that changes anything goes through here; told twice, written once. */
import { v5 as uuidv5 } from 'uuid'
import type { DomainEvent } from '../domain/events.ts'
import type { Actor, CommandContext, History, Metadata, Recorded, Source } from '../domain/history.ts'
import { journeyHistory, type JourneyCommand, type JourneyEvent } from '../domain/journey/journey.ts'
import type { Journey } from '../domain/journey/state.ts'
import { participantHistory, type Details } from '../domain/participant.ts'
import { recordedFrom, schemaVersionOf } from '../domain/codec.ts'
import { EventStore, type AppendResult } from '../event-store/event-store.ts'
import { ConcurrencyConflict } from '../event-store/store-errors.ts'
import type { NewEvent } from '../event-store/stored-event.ts'
import { sealedData } from '../protection/sealing.ts'
import { Vault } from '../protection/vault.ts'
import { dayOf, type Day, type Instant } from '../domain/calendar.ts'

/** Who tells us, through which door, and when: what the metadata of every event says beside the fact. */
export interface Issuer {
  readonly by: Actor
  readonly source: Source
  readonly recordedAt: Instant
  readonly correlationId?: string
}

/** The fold of a stream, and the revision it was folded to (-1 where nothing is written yet). */
export interface FoldedStream<S> {
  readonly state: S
  readonly revision: number
}

/** Somebody asked for the stream at a revision it no longer has: what he looked at has changed. */
export class StaleRevision extends Error {
  constructor(
    readonly expected: number,
    readonly actual: number,
  ) {
    super('The record changed since you opened it. Look at what is new, then decide again.')
    this.name = 'ChangedMeanwhile'
  }
}

/** How telling ends, well or badly, for whoever tells. */
export { ConcurrencyConflict as StreamMoved, type AppendResult as Written }

const tries = 5

/** Made by a factory and not decorated: commands at the terminal use it too, and start without Nest in memory. */
export class CommandHandler {
  constructor(
    private readonly store: EventStore,
    private readonly vault: Vault,
  ) {}

  /** What the rules know of one history now. */
  async fold<S, C, E extends DomainEvent>(history: History<S, C, E>, id: string): Promise<FoldedStream<S>> {
    const events: Recorded<E>[] = []
    for await (const stored of this.store.read(`${history.category}-${id}`)) events.push(recordedFrom<E>(stored))
    return { state: history.fold(history.initial, events), revision: events.at(-1)?.revision ?? -1 }
  }

  /**
   * Lets a history decide on a command and appends what it says. When somebody else appended first, the history decides again.
   * @throws Refusal when the domain says no, ChangedMeanwhile, StoreUnavailable, StreamMoved after bounded tries
   */
  async handle<S, C extends CommandContext, E extends DomainEvent>(
    history: History<S, C, E>,
    id: string,
    command: C,
    teller: Issuer,
    keyId: (state: S, news: readonly E[]) => string | undefined,
    expectedRevision?: number,
  ): Promise<AppendResult | 'nothing_new'> {
    for (let attempt = 1; ; attempt++) {
      const { state, revision } = await this.fold(history, id)
      const news = history.decide(state, command)
      if (news.length === 0) return 'nothing_new'
      if (expectedRevision !== undefined && expectedRevision !== revision)
        throw new StaleRevision(expectedRevision, revision)
      const stream = `${history.category}-${id}`
      try {
        return await this.store.append(
          stream,
          revision,
          this.written(stream, news, command, teller, keyId(state, news)),
        )
      } catch (error) {
        if (!(error instanceof ConcurrencyConflict) || attempt === tries) throw error
      }
    }
  }

  /** The events as they go to the log: ids worked out from the command, personal fields sealed, both clocks in the metadata. */
  written(
    stream: string,
    news: readonly DomainEvent[],
    telling: CommandContext,
    teller: Issuer,
    keyId: string | undefined,
  ): (NewEvent & { metadata: Metadata })[] {
    return news.map((event, n) => {
      // A command may speak to two histories (a referral does): the category keeps their ids apart.
      const id = eventIdOf(telling.commandId, categoryOf(stream), n)
      const data = sealedData(this.vault, keyId, { stream, id }, event)
      return {
        id,
        type: event.type,
        data,
        metadata: {
          commandId: telling.commandId,
          actor: { id: teller.by.id, role: teller.by.role, organisation: teller.by.organisation },
          occurredAt: telling.occurredOn,
          recordedAt: teller.recordedAt,
          schemaVersion: schemaVersionOf(event.type),
          correlationId: teller.correlationId ?? telling.commandId,
          causationId: telling.commandId,
          source: teller.source,
          ...(data.sealed === undefined ? {} : { keyId }),
        },
      }
    })
  }

  /**
   * Tells the journey something that happened. It is recorded now.
   * @param telling.expectedRevision what the teller was looking at; the command is refused as ChangedMeanwhile when it is no longer so
   */
  async execute<T extends JourneyCommand['type']>(
    journeyId: string,
    type: T,
    data: Extract<JourneyCommand, { type: T }>['data'],
    telling: {
      occurredOn: Day
      by: Actor
      source: 'ui' | 'api'
      commandId: string
      expectedRevision?: number
      correlationId?: string
    },
  ): Promise<AppendResult | 'nothing_new'> {
    if (type === 'Refer') throw new Error('A referral begins a journey: use refer().')
    const { teller, clocks } = this.now(telling)
    const command = { type, data, ...clocks } as unknown as JourneyCommand
    return this.handle(journeyHistory, journeyId, command, teller, keyOfJourney, telling.expectedRevision)
  }

  /** The place in the log of the last event of a journey: whoever is told that nothing was new may wait for what was. */
  async headPositionOf(journeyId: string): Promise<string | null> {
    let last: bigint | null = null
    for await (const { position } of this.store.read(`journey-${journeyId}`)) last = position
    return last === null ? null : String(last)
  }

  /** Registers the participant, if he is new, and begins a journey for him. */
  async refer(
    referral: {
      details: Required<Details>
      programme: { key: string; version: number }
      provider: string
      referralSource: Extract<JourneyCommand, { type: 'Refer' }>['data']['source']
      reference: string
      note?: string
    },
    telling: { occurredOn: Day; by: Actor; source: 'ui' | 'api'; commandId: string; correlationId?: string },
  ): Promise<{ journeyId: string; written: AppendResult | 'nothing_new' }> {
    const { teller, clocks } = this.now(telling)
    const participantId = this.vault.participant(referral.details.crn)
    const journeyId = this.vault.journey(referral.reference)
    const { state } = await this.fold(journeyHistory, journeyId)
    const refer: JourneyCommand = {
      type: 'Refer',
      ...clocks,
      data: {
        participantId,
        programme: referral.programme,
        source: referral.referralSource,
        provider: referral.provider,
        reference: referral.reference,
        note: referral.note,
      },
    }
    journeyHistory.decide(state, refer) // refuses before anything is written
    const details = { ...referral.details, fingerprint: detailsFingerprint(this.vault, referral.details) }
    await this.handle(
      participantHistory,
      participantId,
      { type: 'TellDetails', data: details, ...clocks },
      teller,
      () => participantId,
    )
    const written = await this.handle(journeyHistory, journeyId, refer, teller, keyOfJourney)
    return { journeyId, written }
  }

  private now(telling: { occurredOn: Day; by: Actor; source: Source; commandId: string; correlationId?: string }): {
    teller: Issuer
    clocks: CommandContext
  } {
    const recordedAt = new Date().toISOString()
    return {
      teller: { by: telling.by, source: telling.source, recordedAt, correlationId: telling.correlationId },
      clocks: { commandId: telling.commandId, occurredOn: telling.occurredOn, recordedOn: dayOf(recordedAt) },
    }
  }
}

/** The id of the nth event that a command adds to a stream of a category: the same whenever the command comes. */
export const eventIdOf = (commandId: string, category: string, n = 0): string => uuidv5(`${category} ${n}`, commandId)

const categoryOf = (stream: string): string => stream.slice(0, stream.indexOf('-'))

/** A journey's personal fields are sealed under its participant's key; the referral is what says who he is. */
export function keyOfJourney(state: Journey, news: readonly JourneyEvent[]): string | undefined {
  if (state.participantId !== null) return state.participantId
  const first = news[0]
  return first?.type === 'ReferralReceived' ? first.data.participantId : undefined
}

/** A keyed digest of the details: tells whether they changed, not what they are. */
export const detailsFingerprint = (
  vault: Vault,
  { crn, familyName, givenNames, dateOfBirth }: Required<Details>,
): string => vault.token('details', JSON.stringify([crn, familyName, givenNames, dateOfBirth])).toString('base64url')
