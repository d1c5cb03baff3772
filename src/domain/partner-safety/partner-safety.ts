/**
 * What is done for the safety of a partner or former partner of a man on a programme: one record for each of them, stream
 * `partnersafety-<id>`. Nothing of it is part of the man's record. All that an event says, its kind and its day included, is
 * sealed under a key of that record before it reaches the log.
 */
import type { Day } from '../calendar.ts'
import { isDay } from '../calendar.ts'
import { refuseImpossibleDay } from '../dates.ts'
import { folding, Refusal, type CommandContext, type History } from '../history.ts'
import {
  concernRecipients,
  concernSettlements,
  isCodeIn,
  offerAnswers,
  partnerConcerns,
  partnerContactOutcomes,
  partnerContactWays,
  partnerRelations,
  strandClosings,
  strandWithdrawals,
  type ConcernRecipient,
  type ConcernSettlement,
  type OfferAnswer,
  type PartnerConcern,
  type PartnerContactOutcome,
  type PartnerContactWay,
  type PartnerRelation,
  type StrandClosing,
  type StrandWithdrawal,
} from './partner-safety-codes.ts'

/** Who the partner is, and how to reach them without putting them in danger. */
export interface PartnerDetails {
  readonly name: string
  readonly relation: PartnerRelation
  /** How they can be reached safely: numbers, addresses, people. */
  readonly safeWays: string
  readonly safeTimes?: string
  /** What must never be done: ways, times and words that would put them in danger. */
  readonly doNot?: string
}

/** Names and fields are the stored format: add to them, never rename them. */
export type PartnerSafetyEvent =
  /** A case manager asked that contact be offered, and said nothing else. */
  | { type: 'ContactOfferAskedFor'; data: { journeyId: string; participantId: string } }
  | { type: 'PartnerRecorded'; data: PartnerDetails }
  /** Their details were put right, or are others now. What was recorded before stays. */
  | { type: 'PartnerDetailsChanged'; data: PartnerDetails }
  | { type: 'ContactOffered'; data: { way: PartnerContactWay; note?: string } }
  | { type: 'ContactOfferAnswered'; data: { answer: OfferAnswer; nextOn?: Day; note?: string } }
  | {
      type: 'PartnerContacted'
      data: { way: PartnerContactWay; outcome: PartnerContactOutcome; nextOn?: Day; note?: string }
    }
  | { type: 'PartnerConcernRaised'; data: { concern: PartnerConcern; note?: string } }
  /** @see raised the revision of the event that raised it */
  | { type: 'PartnerConcernPassedOn'; data: { raised: number; to: ConcernRecipient } }
  | { type: 'PartnerConcernSettled'; data: { raised: number; settlement: ConcernSettlement } }
  /** An entry does not stand. @see withdraws its revision */
  | { type: 'PartnerEntryWithdrawn'; data: { withdraws: number; reason: StrandWithdrawal } }
  | { type: 'PartnerWorkClosed'; data: { reason: StrandClosing } }

export type PartnerSafetyEventType = PartnerSafetyEvent['type']

/** Each command is named for the event that it adds. */
export type PartnerSafetyCommand = CommandContext & PartnerSafetyEvent

interface PartnerConcernFacts {
  readonly raised: number
  readonly concern: PartnerConcern
  readonly on: Day
  readonly passedOn: readonly { readonly to: ConcernRecipient; readonly on: Day }[]
  readonly settled: { readonly settlement: ConcernSettlement; readonly on: Day } | null
}

/** What one record comes to. It holds codes, days and opaque ids: no name and no words. */
export interface PartnerSafetyFacts {
  readonly journeyId: string | null
  readonly participantId: string | null
  readonly askedForOn: Day | null
  readonly isRecorded: boolean
  /** The events about the work with the partner, by revision, those withdrawn included. */
  readonly entries: ReadonlyMap<number, StrandEntry>
  readonly withdrawn: ReadonlySet<number>
  readonly closed: { readonly reason: StrandClosing; readonly on: Day } | null
  /** The ids of those who recorded something here, whoever asked for the offer left out. */
  readonly workers: ReadonlySet<string>
  readonly handled: ReadonlySet<string>
}

interface StrandEntry {
  readonly type: PartnerSafetyEventType
  readonly on: Day
  readonly answer?: OfferAnswer
  readonly nextOn?: Day
  readonly concern?: PartnerConcern
  readonly raised?: number
  readonly to?: ConcernRecipient
  readonly settlement?: ConcernSettlement
}

/** Where the work with a partner stands, once what was withdrawn is left out. */
interface PartnerSafetyStanding {
  readonly offeredOn: Day | null
  readonly answer: OfferAnswer | null
  /** The day of the next contact that is agreed; null where none is, or contact is not wanted. */
  readonly nextOn: Day | null
  readonly lastContactOn: Day | null
  readonly concerns: readonly PartnerConcernFacts[]
}

const withdrawable: ReadonlySet<PartnerSafetyEventType> = new Set([
  'ContactOffered',
  'ContactOfferAnswered',
  'PartnerContacted',
  'PartnerConcernRaised',
])

/** Whether an entry may be withdrawn. What others were told stays told: then the concern is settled instead. */
export const isWithdrawable = ({ entries, withdrawn }: PartnerSafetyFacts, revision: number): boolean => {
  const entry = entries.get(revision)
  if (!entry || withdrawn.has(revision) || !withdrawable.has(entry.type)) return false
  return ![...entries.values()].some(({ raised }) => raised === revision)
}

export function partnerStandingOf({ entries, withdrawn, closed }: PartnerSafetyFacts): PartnerSafetyStanding {
  let offeredOn: Day | null = null
  let answer: OfferAnswer | null = null
  let nextOn: Day | null = null
  let lastContactOn: Day | null = null
  const concerns = new Map<number, PartnerConcernFacts>()
  for (const [revision, entry] of entries) {
    if (withdrawn.has(revision)) continue
    const { type, on, raised } = entry
    const concern = raised === undefined ? undefined : concerns.get(raised)
    if (type === 'ContactOffered') offeredOn = on
    if (type === 'ContactOfferAnswered') answer = entry.answer ?? null
    if (type === 'ContactOfferAnswered' || type === 'PartnerContacted') nextOn = entry.nextOn ?? null
    if (type === 'PartnerContacted') lastContactOn = on
    if (type === 'PartnerConcernRaised')
      concerns.set(revision, { raised: revision, concern: entry.concern!, on, passedOn: [], settled: null })
    if (type === 'PartnerConcernPassedOn' && concern)
      concerns.set(raised!, { ...concern, passedOn: [...concern.passedOn, { to: entry.to!, on }] })
    if (type === 'PartnerConcernSettled' && concern)
      concerns.set(raised!, { ...concern, settled: { settlement: entry.settlement!, on } })
  }
  const isWanted = answer === 'accepted' && closed === null
  return { offeredOn, answer, nextOn: isWanted ? nextOn : null, lastContactOn, concerns: [...concerns.values()] }
}

export const partnerSafetyHistory: History<PartnerSafetyFacts, PartnerSafetyCommand, PartnerSafetyEvent> = {
  category: 'partnersafety',
  initial: {
    journeyId: null,
    participantId: null,
    askedForOn: null,
    isRecorded: false,
    entries: new Map(),
    withdrawn: new Set(),
    closed: null,
    workers: new Set(),
    handled: new Set(),
  },
  ...folding<PartnerSafetyFacts, PartnerSafetyEvent>(
    (facts) => ({
      ...facts,
      entries: new Map(facts.entries),
      withdrawn: new Set(facts.withdrawn),
      workers: new Set(facts.workers),
      handled: new Set(facts.handled),
    }),
    (facts, event) => {
      const { type, data, revision, metadata } = event
      const on = metadata.occurredAt
      facts.handled.add(metadata.commandId)
      if (type !== 'ContactOfferAskedFor') facts.workers.add(metadata.actor.id)
      switch (type) {
        case 'ContactOfferAskedFor':
          facts.journeyId = data.journeyId
          facts.participantId = data.participantId
          facts.askedForOn = on
          return
        case 'PartnerRecorded':
        case 'PartnerDetailsChanged':
          facts.isRecorded = true
          return
        case 'PartnerEntryWithdrawn':
          facts.withdrawn.add(data.withdraws)
          return
        case 'PartnerWorkClosed':
          facts.closed = { reason: data.reason, on }
          return
        default:
          facts.entries.set(revision, entryFrom(event, on))
      }
    },
  ),
  decide(facts, command) {
    if (facts.handled.has(command.commandId)) return []
    refuseImpossibleDay(command)
    const event = { type: command.type, data: command.data } as PartnerSafetyEvent
    if (event.type === 'ContactOfferAskedFor') return facts.journeyId === null ? [event] : []
    if (facts.journeyId === null) throw new Refusal('no_partner_record', 'There is no such record.')
    if (facts.closed) throw new Refusal('partner_work_closed', 'This record is closed. Nothing can be added to it.')
    refuseUnfit(facts, event)
    return [event]
  },
}

function entryFrom({ type, data }: PartnerSafetyEvent, on: Day): StrandEntry {
  const { answer, nextOn, concern, raised, to, settlement } = data as Partial<StrandEntry>
  return {
    type,
    on,
    ...(answer && { answer }),
    ...(nextOn && { nextOn }),
    ...(concern && { concern }),
    ...(raised !== undefined && { raised }),
    ...(to && { to }),
    ...(settlement && { settlement }),
  }
}

/** @throws Refusal where the event does not fit what is recorded, or is not made of known codes */
function refuseUnfit(facts: PartnerSafetyFacts, { type, data }: PartnerSafetyEvent): void {
  const { answer, concerns, offeredOn } = partnerStandingOf(facts)
  switch (type) {
    case 'ContactOfferAskedFor':
      return
    case 'PartnerRecorded':
      if (facts.isRecorded)
        throw new Refusal('partner_recorded', 'The partner is recorded already. Change the details.')
      return refuseDetails(data)
    case 'PartnerDetailsChanged':
      refuseUnrecorded(facts)
      return refuseDetails(data)
    case 'ContactOffered':
      refuseUnrecorded(facts)
      return refuseUnknownCode(partnerContactWays, data.way)
    case 'ContactOfferAnswered':
      refuseUnknownCode(offerAnswers, data.answer)
      refuseNextDay(data.nextOn)
      if (offeredOn === null) throw new Refusal('contact_not_offered', 'Record first that contact was offered.')
      if (data.answer === 'withdrawn' && answer !== 'accepted')
        throw new Refusal('contact_not_accepted', 'Contact was not accepted, so that cannot be taken back.')
      return
    case 'PartnerContacted':
      refuseUnknownCode(partnerContactWays, data.way)
      refuseUnknownCode(partnerContactOutcomes, data.outcome)
      refuseNextDay(data.nextOn)
      if (answer !== 'accepted')
        throw new Refusal('contact_not_accepted', 'Contact was not accepted. Record the answer to the offer first.')
      return
    case 'PartnerConcernRaised':
      return refuseUnknownCode(partnerConcerns, data.concern)
    case 'PartnerConcernPassedOn':
      refuseUnknownCode(concernRecipients, data.to)
      return refuseNoOpenConcern(concerns, data.raised)
    case 'PartnerConcernSettled':
      refuseUnknownCode(concernSettlements, data.settlement)
      return refuseNoOpenConcern(concerns, data.raised)
    case 'PartnerEntryWithdrawn':
      refuseUnknownCode(strandWithdrawals, data.reason)
      if (!isWithdrawable(facts, data.withdraws))
        throw new Refusal('not_withdrawable', 'This entry cannot be withdrawn, or was withdrawn already.')
      return
    case 'PartnerWorkClosed':
      refuseUnknownCode(strandClosings, data.reason)
      if (concerns.some(({ settled }) => settled === null))
        throw new Refusal('concern_open', 'A concern is open. Settle it before you close this record.')
  }
}

function refuseUnrecorded({ isRecorded }: PartnerSafetyFacts): void {
  if (!isRecorded) throw new Refusal('partner_not_recorded', 'Record first who the partner is.')
}

function refuseDetails({ name, relation, safeWays }: PartnerDetails): void {
  refuseUnknownCode(partnerRelations, relation)
  if (name.trim() === '' || safeWays.trim() === '')
    throw new Refusal('partner_details_missing', 'Enter the name, and how the partner can be reached safely.')
}

function refuseUnknownCode(codes: object, code: unknown): void {
  if (!isCodeIn(codes, code)) throw new Refusal('unknown_choice', 'That is not one of the choices. Select one.')
}

function refuseNextDay(nextOn: Day | undefined): void {
  if (nextOn !== undefined && !isDay(nextOn))
    throw new Refusal('unknown_next_day', 'The next contact must be a real date.')
}

function refuseNoOpenConcern(concerns: readonly PartnerConcernFacts[], raised: number): void {
  if (!concerns.some((one) => one.raised === raised && one.settled === null))
    throw new Refusal('no_open_concern', 'There is no such concern, or it is settled already.')
}
