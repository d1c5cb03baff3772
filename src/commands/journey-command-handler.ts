/** Commands of one journey: what happened on it, and the referral that begins it. */
import { Forbidden, permit } from '../access/policy.ts'
import type { Reach } from '../access/reach.ts'
import { dayOf, type Day, type Instant } from '../domain/calendar.ts'
import { recordedFrom, schemaVersionOf } from '../domain/codec.ts'
import { adultOn } from '../domain/dates.ts'
import { Refusal, type Actor, type CommandContext, type Recorded, type Source } from '../domain/history.ts'
import { journeyHistory, type JourneyCommand, type JourneyEvent } from '../domain/journey/journey.ts'
import { believedOf } from '../domain/journey/believed.ts'
import { OdditiesUnconfirmed, type Oddity } from '../domain/journey/oddities.ts'
import type { Journey } from '../domain/journey/state.ts'
import { versionsIn } from '../domain/journey/versions.ts'
import type { Details } from '../domain/participant.ts'
import type { EventStore } from '../event-store/event-store.ts'
import { opened } from '../protection/sealing.ts'
import type { Vault } from '../protection/vault.ts'
import {
  StaleRevision,
  type CommandResult,
  type DecideAndAppend,
  type DecidedStream,
  type PendingStream,
  type SealedHistory,
} from './decide-and-append.ts'
import { refuseUnstorable, type Issuer } from './event-envelope.ts'
import type { KnownCrns } from './known-crns.ts'
import { confirmed, odditiesAmong } from './unconfirmed-oddities.ts'
import type { DetailsCorrection, ParticipantCommandHandler } from './participant-command-handler.ts'

/** A journey's personal fields are sealed under its participant's key; the referral says who he is. */
export const sealedJourneys: SealedHistory<Journey, JourneyCommand, JourneyEvent> = {
  ...journeyHistory,
  keyIdOf(_journeyId, journey, [first]) {
    if (journey.participantId === null && first?.type === 'ReferralReceived') return first.data.participantId
    return participantOf(journey)
  },
}

/** Whom a journey is about; undefined where nobody was referred yet. */
function participantOf({ participantId, recorded }: Journey): string | undefined {
  if (participantId !== null) return participantId
  // Where the referral was withdrawn, what is recorded of it still belongs to the man who was referred.
  const referral = [...recorded.values()].findLast(({ type }) => type === 'ReferralReceived')
  return referral?.data.participantId as string | undefined
}

/** Refuses a command about a case that is withheld as if there were no such journey. */
function refuseAsUnknown(command: JourneyCommand): never {
  journeyHistory.decide(journeyHistory.initial, command)
  throw new Forbidden('record')
}

/** One journey, and the commands decided on it so far. */
type PendingJourney = PendingStream<Journey, JourneyCommand, JourneyEvent>

/** @param adultFrom from which day on the man is an adult: the rule of dates asks it of every command */
type JourneyDecider = (journey: PendingJourney, adultFrom: Day | undefined) => void

/** The journey is another man's than it was when his details were read: its referral came, or was withdrawn, meanwhile. */
class OfAnother extends Error {}

/** Who issues a command through a page or the API, what it is recognised by when it comes again, and when it happened. */
export interface IssuedBy {
  readonly occurredOn: Day
  readonly by: Actor
  readonly source: Exclude<Source, 'import'>
  readonly commandId: string
  readonly correlationId?: string
  /** Now, unless the simulator says otherwise. */
  readonly recordedAt?: Instant
}

/** What somebody who issues a command was looking at, where that matters, and which oddities of it he means. */
interface Confirmed {
  readonly expectedRevision?: number
  /** Nothing odd is written unless it is among these; where they are left out, nobody is asked. */
  readonly confirmedOddities?: readonly string[]
}

export type IssuedOnRecord = IssuedBy & Confirmed

/** The day of the fact, where it is not the day that is on record. */
type IssuedOnFact = Omit<IssuedBy, 'occurredOn'> & Confirmed & { readonly occurredOn?: Day }

export interface NewReferral {
  readonly details: Required<Details>
  readonly programme: { readonly key: string; readonly version: number }
  readonly provider: string
  readonly referralSource: Extract<JourneyCommand, { type: 'Refer' }>['data']['source']
  readonly reference: string
  readonly note?: string
}

/** What a person says who corrects a record. */
export interface RecordCorrection {
  /** The revision of the event that is wrong. */
  readonly corrects: number
  /** By field, what it should have said. */
  readonly changes: Readonly<Record<string, unknown>>
  readonly because: string
}

/** Made by the runtime, not by Nest: the commands at the terminal use it too, without a framework in memory. */
export class JourneyCommandHandler {
  private readonly store: EventStore
  private readonly vault: Vault
  private readonly reach: Reach
  private readonly crns: KnownCrns

  constructor(
    private readonly commands: DecideAndAppend,
    private readonly participants: ParticipantCommandHandler,
    {
      store,
      vault,
      reach,
      crns,
    }: { readonly store: EventStore; readonly vault: Vault; readonly reach: Reach; readonly crns: KnownCrns },
  ) {
    this.store = store
    this.vault = vault
    this.reach = reach
    this.crns = crns
  }

  /**
   * Records something that happened on a journey. It is recorded now.
   * @param issued.expectedRevision what the issuer was looking at, where that matters
   * @throws Forbidden, OdditiesUnconfirmed, Refusal, StaleRevision, ConcurrencyConflict, StoreUnavailable, PoisonEvent
   */
  async execute<T extends JourneyCommand['type']>(
    journeyId: string,
    type: T,
    data: Extract<JourneyCommand, { type: T }>['data'],
    issued: IssuedOnRecord,
  ): Promise<CommandResult> {
    const decider = await this.deciderOf({ type, data }, issued)
    for (;;) {
      const { participantId } = (await this.commands.lastKnown(sealedJourneys, journeyId)).state
      const adultFrom = await this.adultFrom(participantId)
      try {
        return await this.commands.decideAndAppend(sealedJourneys, journeyId, (journey) => {
          if (journey.after.state.participantId !== participantId) throw new OfAnother()
          decider(journey, adultFrom)
        })
      } catch (error) {
        if (!(error instanceof OfAnother)) throw error
      }
    }
  }

  /**
   * What is improbable about a command, which {@link execute} will ask about. Nothing is written.
   * @throws what {@link execute} throws where it would be refused
   */
  async odditiesOf<T extends JourneyCommand['type']>(
    journeyId: string,
    type: T,
    data: Extract<JourneyCommand, { type: T }>['data'],
    issued: IssuedOnRecord,
  ): Promise<readonly Oddity[]> {
    try {
      await this.decide(journeyId, await this.deciderOf({ type, data }, { ...issued, confirmedOddities: [] }))
      return []
    } catch (error) {
      if (error instanceof OdditiesUnconfirmed) return error.oddities
      throw error
    }
  }

  private async deciderOf(
    { type, data }: { readonly type: JourneyCommand['type']; readonly data: JourneyCommand['data'] },
    issued: IssuedOnRecord,
  ): Promise<JourneyDecider> {
    if (type === 'Refer') throw new Error('A referral begins a journey: use refer().')
    const { issuer, context } = issuedNow(issued)
    const { expectedRevision, confirmedOddities } = issued
    const withheld = await this.reach.withheldFrom(issued.by)
    return (journey, adultFrom) => {
      const { revision } = journey.after
      const command = { type, data, ...context, adultFrom } as unknown as JourneyCommand
      if (withheld.has(participantOf(journey.after.state) ?? '')) refuseAsUnknown(command)
      journey.decide(command, issuer, (state, events) => {
        if (expectedRevision !== undefined && expectedRevision !== revision)
          throw new StaleRevision(expectedRevision, revision)
        return confirmedOddities ? confirmed(odditiesAmong(state, events, context), confirmedOddities) : []
      })
    }
  }

  /** Decides commands of one journey as it is now, and writes nothing. */
  async decide(
    journeyId: string,
    decider: JourneyDecider,
  ): Promise<DecidedStream<Journey, JourneyCommand, JourneyEvent>> {
    const folded = await this.commands.fold(sealedJourneys, journeyId)
    const adultFrom = await this.adultFrom(folded.state.participantId)
    return this.commands.decide(sealedJourneys, journeyId, (journey) => decider(journey, adultFrom), folded)
  }

  private async adultFrom(participantId: string | null): Promise<Day | undefined> {
    return participantId === null ? undefined : this.participants.adultFrom(participantId)
  }

  /**
   * Corrects what an event of a journey says. What it said until now is read from the log; the issuer says only what changes.
   * @param issued.occurredOn the day on which it happened, where that day was wrong too; otherwise the day stays as it was
   * @throws what {@link execute} throws; Refusal where the event cannot be corrected
   */
  async correctRecord(journeyId: string, correction: RecordCorrection, issued: IssuedOnFact): Promise<CommandResult> {
    const { data, occurredOn } = await this.correctionOf(journeyId, correction, issued)
    return this.execute(journeyId, 'CorrectRecord', data, { ...issued, occurredOn })
  }

  /** What is improbable about a correction, as {@link odditiesOf} says it of a command. */
  async odditiesOfCorrection(
    journeyId: string,
    correction: RecordCorrection,
    issued: IssuedOnFact,
  ): Promise<readonly Oddity[]> {
    const { data, occurredOn } = await this.correctionOf(journeyId, correction, issued)
    return this.odditiesOf(journeyId, 'CorrectRecord', data, { ...issued, occurredOn })
  }

  private async correctionOf(
    journeyId: string,
    { corrects, changes, because }: RecordCorrection,
    issued: IssuedOnFact,
  ) {
    permit(issued.by, 'record')
    const events = await this.eventsOf(journeyId, issued.by)
    const version = versionsIn(events).said.get(corrects)
    if (!version) {
      const why = events.some(({ revision }) => revision === corrects)
        ? new Refusal('not_correctable', 'That took a record back. Withdraw it, and the record can be corrected.')
        : new Refusal('no_such_record', `There is no event ${corrects} on this journey.`)
      throw why
    }
    const said = { of: version.of, version: schemaVersionOf(version.of), data: version.data }
    return { data: { corrects, changes, because, said }, occurredOn: issued.occurredOn ?? version.on }
  }

  /** Takes back what an event of a journey says, or a correction of it, as recorded in error. */
  async withdrawRecord(
    journeyId: string,
    data: { readonly withdraws: number; readonly because: string },
    issued: Omit<IssuedBy, 'occurredOn'> & { readonly expectedRevision?: number },
  ): Promise<CommandResult> {
    permit(issued.by, 'record')
    const events = await this.eventsOf(journeyId, issued.by)
    const { said, factOf } = versionsIn(events)
    // It is about the day of the fact, whenever it is done.
    const fact = factOf.get(data.withdraws)
    const occurredOn = (fact === undefined ? undefined : said.get(fact)?.on) ?? dayOf(new Date().toISOString())
    return this.execute(journeyId, 'WithdrawRecord', data, { ...issued, occurredOn })
  }

  /**
   * Corrects who the man of a journey is.
   * @param ofHim all journeys of his that are known: he was an adult on the first day on record of any of them
   * @param issued.expectedRevision of the participant's own stream
   * @throws what {@link execute} throws; Refusal where the CRN is somebody else's, or nothing changes
   */
  async correctDetails(
    ofHim: readonly string[],
    correction: DetailsCorrection,
    issued: Omit<IssuedOnRecord, 'occurredOn'>,
  ): Promise<CommandResult> {
    const { participantId, from, context } = await this.detailsInHand(ofHim, issued)
    return this.participants.correctDetails(participantId, correction, from, { ...issued, ...context })
  }

  /** What is improbable about a correction of who he is. Nothing is written. @throws what {@link correctDetails} throws */
  async odditiesOfDetailsCorrection(
    ofHim: readonly string[],
    correction: DetailsCorrection,
    issued: Omit<IssuedOnRecord, 'occurredOn'>,
  ): Promise<readonly Oddity[]> {
    const { participantId, from, context } = await this.detailsInHand(ofHim, issued)
    return this.participants.odditiesOfCorrection(participantId, correction, from, { ...issued, ...context })
  }

  /** It happens on the day on which it is recorded: that is when the mistake was found. */
  private async detailsInHand(ofHim: readonly string[], issued: Omit<IssuedOnRecord, 'occurredOn'>) {
    const { recordedAt = new Date().toISOString() } = issued
    const context = issuedNow({ ...issued, recordedAt, occurredOn: dayOf(recordedAt) })
    let participantId: string | null = null
    const days: Day[] = []
    for (const journeyId of ofHim) {
      const { state } = await this.commands.fold(sealedJourneys, journeyId)
      participantId ??= state.participantId
      if (state.participantId === participantId) days.push(...believedOf(state.recorded).believed.map(({ on }) => on))
    }
    const withheld = await this.reach.withheldFrom(issued.by)
    if (participantId === null || withheld.has(participantId))
      throw new Refusal('no_referral', 'There is no referral on this journey.')
    const from = days.toSorted()[0]
    return { participantId, from, context }
  }

  /** None of a journey that is withheld from whoever asks. */
  private async eventsOf(journeyId: string, asker: Actor): Promise<readonly Recorded<JourneyEvent>[]> {
    const withheld = await this.reach.withheldFrom(asker)
    const events: Recorded<JourneyEvent>[] = []
    for await (const stored of this.store.read(`journey-${journeyId}`))
      events.push(opened(this.vault, recordedFrom<JourneyEvent>(stored)))
    const isWithheld = events.some(
      ({ type, data }) =>
        type === 'ReferralReceived' && withheld.has((data as { participantId: string }).participantId),
    )
    return isWithheld ? [] : events
  }

  /** Registers the participant, if he is new, and begins a journey for him. Nothing is written where either is refused. */
  async refer(
    { details, programme, provider, referralSource, reference, note }: NewReferral,
    issued: IssuedBy & Pick<Confirmed, 'confirmedOddities'>,
  ): Promise<{ journeyId: string; written: CommandResult }> {
    const { issuer, context } = issuedNow(issued)
    refuseUnstorable({ type: 'ParticipantRegistered', data: this.participants.detailsCommand(details, context).data })
    return this.crns.whileClaimed(details.crn, async (participantId) => {
      const journeyId = await this.vault.whenFree(() => this.vault.journey(reference))
      const data = { participantId, programme, source: referralSource, provider, reference, note }
      const referral = await this.commands.decide(sealedJourneys, journeyId, (journey) => {
        const command = { type: 'Refer', ...context, adultFrom: adultOn(details.dateOfBirth), data } as const
        const { confirmedOddities } = issued
        journey.decide(command, issuer, (state, events) =>
          confirmedOddities ? confirmed(odditiesAmong(state, events, context), confirmedOddities) : [],
        )
      })
      await this.participants.tellDetails(participantId, details, context, issuer)
      return { journeyId, written: (await this.commands.append(referral)).result }
    })
  }

  /** The position in the log of the last event of a journey: whoever repeated a command may wait for what it wrote the first time. */
  async headPositionOf(journeyId: string): Promise<string | null> {
    let last: bigint | null = null
    for await (const { position } of this.store.read(`journey-${journeyId}`)) last = position
    return last === null ? null : String(last)
  }
}

/**
 * A command that is issued now: who issues it, and both its clocks. The route has asked already; a command is refused to
 * whoever may not record however it comes here.
 * @throws Forbidden
 */
export function issuedNow({
  by,
  source,
  correlationId,
  commandId,
  occurredOn,
  recordedAt = new Date().toISOString(),
}: IssuedBy): {
  issuer: Issuer
  context: CommandContext
} {
  permit(by, 'record')
  return {
    issuer: { by, source, recordedAt, correlationId },
    context: { commandId, occurredOn, recordedOn: dayOf(recordedAt) },
  }
}
