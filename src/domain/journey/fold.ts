/** Every event of a journey, and how each changes what is believed of it: the one fold, which rules, figures and read models share. */
import type { Day } from '../calendar.ts'
import { folding, type Own, type Recorded } from '../history.ts'
import { believedOf, factChangedBy, type Believed, type FactEvent } from './believed.ts'
import type { CorrectionEvent } from './correction.ts'
import { attendanceCategoryOf } from './outcomes.ts'
import { nothingKnown, type Journey, type JourneyFacts, type SessionBelief } from './state.ts'

export type JourneyEvent = FactEvent | CorrectionEvent

type FieldsRead<E extends JourneyEvent> = {
  readonly [T in E['type']]: readonly (keyof Extract<E, { type: T }>['data'])[]
}

/** What the fold reads of each event, and therefore all that is kept of it once it has been read. Never anything personal. */
export const fieldsRead: FieldsRead<JourneyEvent> = {
  ReferralReceived: ['participantId', 'programme', 'provider'],
  EligibilityAssessed: [],
  SuitabilityDecided: ['decision'],
  PlacedOnWaitingList: [],
  AllocatedToGroup: ['groupId'],
  ThreeWayMeetingHeld: [],
  ProgrammeReviewCompleted: [],
  ProviderTransferAccepted: ['provider'],
  AttendanceRecorded: ['sessionId', 'outcome', 'actualFacilitators', 'startedAt', 'endedAt'],
  AttendanceCorrected: ['sessionId', 'outcome', 'corrects'],
  WarningIssued: [],
  BreachInitiated: [],
  BreachResolved: [],
  RecallRecorded: [],
  ParticipantDroppedOut: ['reason'],
  ProgrammeCompleted: [],
  OutcomeRecategorised: ['to'],
  JourneyReinstated: [],
  RecordCorrected: ['corrects', 'of', 'data'],
  RecordWithdrawn: ['withdraws'],
}

/** Facts that belong to one piece of code alone, which may therefore change them in place. */
export type OwnFacts = Own<JourneyFacts>

export const ownFacts = (facts: JourneyFacts): OwnFacts => ({
  ...facts,
  sessions: new Map(facts.sessions),
  facilitatorsMet: new Set(facts.facilitatorsMet),
  recorded: new Map(facts.recorded),
})

/** What is believed after these events, in the order of the log. The facts given stay as they were. */
export const foldFacts = (facts: JourneyFacts, events: Iterable<Recorded<JourneyEvent>>): JourneyFacts =>
  folded.fold(facts, events)

const folded = folding<JourneyFacts, JourneyEvent>(ownFacts, applyInPlace)

/** The same with the commands that were answered. */
export const journeyFold = folding<Journey, JourneyEvent>(
  (journey) => ({ ...ownFacts(journey), handled: new Set(journey.handled) }),
  (journey, event) => {
    applyInPlace(journey, event)
    journey.handled.add(event.metadata.commandId)
  },
)

const later = (known: Day | null, day: Day): Day => (known !== null && known > day ? known : day)

/**
 * Changes one's own facts by one event. Outside this file it is for the batch processor alone, which would otherwise copy a row
 * for each event. A correction or a withdrawal of a record folds what is then believed from the beginning; every other event
 * is added to what is known.
 */
export function applyInPlace(facts: OwnFacts, event: Recorded<JourneyEvent>): OwnFacts {
  const { type, data, revision } = event
  const on = event.metadata.occurredAt
  const fact = factChangedBy(facts, { type, data }) ?? revision
  facts.recorded.set(revision, { type, on, fact, data: asRead(type, data) })
  if (type === 'RecordCorrected' || type === 'RecordWithdrawn') return Object.assign(facts, foldedAnew(facts.recorded))
  return learn(facts, { type, data, on, revision, fact } as Believed)
}

function asRead(type: JourneyEvent['type'], data: object): Record<string, unknown> {
  const given = data as Readonly<Record<string, unknown>>
  const read: Record<string, unknown> = {}
  for (const field of fieldsRead[type]) if (given[field] !== undefined) read[field] = given[field]
  if (type === 'RecordCorrected') read.data = asRead(given.of as JourneyEvent['type'], given.data as object)
  return read
}

/** What is believed after these events, corrected and withdrawn ones among them. */
export function foldedAnew(recorded: OwnFacts['recorded']): OwnFacts {
  const { believed, corrections, recategorisations } = believedOf(recorded)
  const facts = ownFacts(nothingKnown)
  for (const event of believed) learn(facts, event)
  return { ...facts, recorded, corrections, recategorisations }
}

/**
 * Changes one's own facts by what one event says, once it is known that it is believed.
 *
 * Order matters only between an event and what it corrects, between an ending and what reinstates the journey, and between two
 * of a kind on one day, where the one recorded last is believed; everything else comes to the same whenever it was recorded.
 */
export function learn(facts: OwnFacts, event: Believed): OwnFacts {
  const { on } = event
  facts.lastContactOn = later(facts.lastContactOn, on)
  // No default: the compiler names this function when there is a new event type.
  switch (event.type) {
    case 'ReferralReceived':
      facts.participantId = event.data.participantId
      facts.programme = event.data.programme
      facts.referredOn = on
      if (facts.providerSince === null) facts.provider = event.data.provider || null
      return facts
    case 'EligibilityAssessed':
    case 'ThreeWayMeetingHeld':
    case 'ProgrammeReviewCompleted':
      return facts
    case 'SuitabilityDecided': {
      if (facts.suitability && facts.suitability.on > on) return facts
      const { decision } = event.data
      facts.suitability = { on, ready: decision === 'suitable' || decision === 'not_stated' }
      return facts
    }
    case 'PlacedOnWaitingList':
      facts.waitingSince = later(facts.waitingSince, on)
      return facts
    case 'AllocatedToGroup': {
      const { groupId } = event.data
      facts.allocatedOn = later(facts.allocatedOn, on)
      if (!groupId || (facts.groupSince !== null && facts.groupSince > on)) return facts
      facts.groupId = groupId
      facts.groupSince = on
      return facts
    }
    case 'ProviderTransferAccepted': {
      const { provider } = event.data
      if (!provider || (facts.providerSince !== null && facts.providerSince > on)) return facts
      facts.provider = provider
      facts.providerSince = on
      return facts
    }
    case 'AttendanceRecorded': {
      const { sessionId, outcome, actualFacilitators } = event.data
      believe(facts, sessionId, { outcome, heldOn: on, revision: event.revision })
      for (const facilitator of actualFacilitators) facts.facilitatorsMet.add(facilitator)
      return facts
    }
    case 'AttendanceCorrected': {
      const { sessionId, outcome } = event.data
      const heldOn = facts.sessions.get(sessionId)?.heldOn ?? on
      believe(facts, sessionId, { outcome, heldOn, revision: event.revision })
      facts.corrections++
      return facts
    }
    case 'WarningIssued':
      facts.warnings++
      return facts
    case 'BreachInitiated':
      facts.breachOn = later(facts.breachOn, on)
      return facts
    case 'BreachResolved':
      facts.breachResolvedOn = later(facts.breachResolvedOn, on)
      return facts
    case 'RecallRecorded':
      facts.recalledOn = later(facts.recalledOn, on)
      return facts
    case 'ParticipantDroppedOut':
      facts.ending = { how: 'dropped_out', on, reason: event.data.reason, revision: event.revision }
      return facts
    case 'ProgrammeCompleted':
      facts.ending = { how: 'completed', on, reason: null, revision: event.revision }
      return facts
    case 'OutcomeRecategorised':
      facts.ending = facts.ending && { ...facts.ending, reason: event.data.to }
      facts.recategorisations++
      return facts
    case 'JourneyReinstated':
      facts.ending = null
      return facts
  }
}

/** What was believed of the same session before no longer counts. */
function believe(facts: OwnFacts, sessionId: string, session: SessionBelief): void {
  facts.sessions.set(sessionId, session)
  if (attendanceCategoryOf(session.outcome) === 'attended') facts.started = true
}
