/** Every event of a journey, and how each changes what is believed of it: the one fold, which rules, figures and read models share. */
import type { Day } from '../calendar.ts'
import { folding, type Own, type Recorded } from '../history.ts'
import type { AttendanceEvent } from './attendance.ts'
import type { DeliveryEvent } from './delivery.ts'
import type { EndingEvent } from './ending.ts'
import type { EnforcementEvent } from './enforcement.ts'
import { attendanceCategoryOf } from './outcomes.ts'
import type { ReferralEvent } from './referral.ts'
import type { Journey, JourneyFacts, SessionBelief } from './state.ts'

export type JourneyEvent = ReferralEvent | DeliveryEvent | AttendanceEvent | EnforcementEvent | EndingEvent

/** Facts that belong to one piece of code alone, which may therefore change them in place. */
export type OwnFacts = Own<JourneyFacts>

export const ownFacts = (facts: JourneyFacts): OwnFacts => ({
  ...facts,
  sessions: new Map(facts.sessions),
  facilitatorsMet: new Set(facts.facilitatorsMet),
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
 * for each event.
 *
 * Order matters only between an event and what it corrects, and between two of a kind on one day, where the one recorded
 * last is believed; everything else comes to the same whenever it was recorded.
 */
export function applyInPlace(facts: OwnFacts, event: Recorded<JourneyEvent>): OwnFacts {
  const on = event.metadata.occurredAt
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
      facts.ending = { how: 'dropped_out', on, reason: event.data.reason }
      return facts
    case 'ProgrammeCompleted':
      facts.ending = { how: 'completed', on, reason: null }
      return facts
    case 'OutcomeRecategorised':
      facts.ending = facts.ending && { ...facts.ending, reason: event.data.to }
      facts.recategorisations++
      return facts
  }
}

/** What was believed of the same session before no longer counts. */
function believe(facts: OwnFacts, sessionId: string, session: SessionBelief): void {
  facts.sessions.set(sessionId, session)
  if (attendanceCategoryOf(session.outcome) === 'attended') facts.started = true
}
