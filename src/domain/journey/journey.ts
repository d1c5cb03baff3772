/** One referral's path through one programme: the chapters composed into a history. Stream `journey-<id>`. */
import { refuseFuture, Refusal, type History, type Recorded } from '../history.ts'
import { attendancePrivacy, decideAttendance, type AttendanceCommand, type AttendanceEvent } from './attendance.ts'
import { decideDelivery, deliveryPrivacy, type DeliveryCommand, type DeliveryEvent } from './delivery.ts'
import { decideEnding, endingPrivacy, type EndingCommand, type EndingEvent } from './ending.ts'
import { decideEnforcement, enforcementPrivacy, type EnforcementCommand, type EnforcementEvent } from './enforcement.ts'
import { attendanceCategoryOf, type Outcome } from './outcomes.ts'
import {
  decideReferral,
  referralPrivacy,
  refuseSecondReferral,
  type ReferralCommand,
  type ReferralEvent,
} from './referral.ts'
import { notReferred, type Journey } from './state.ts'

export type JourneyEvent = ReferralEvent | DeliveryEvent | AttendanceEvent | EnforcementEvent | EndingEvent

export type JourneyCommand = ReferralCommand | DeliveryCommand | AttendanceCommand | EnforcementCommand | EndingCommand

export const journeyPrivacy = {
  ...referralPrivacy,
  ...deliveryPrivacy,
  ...attendancePrivacy,
  ...enforcementPrivacy,
  ...endingPrivacy,
}

export const journeyHistory: History<Journey, JourneyCommand, JourneyEvent> = {
  category: 'journey',
  initial: notReferred,
  evolve: (journey, event) => ({
    ...believe(journey, event),
    handled: new Set(journey.handled).add(event.metadata.commandId),
  }),
  decide,
}

function decide(journey: Journey, command: JourneyCommand): readonly JourneyEvent[] {
  if (journey.handled.has(command.commandId)) return [] // told twice, written once
  refuseFuture(command)
  if (command.type === 'Refer') refuseSecondReferral(journey)
  else refuseOutOfTurn(journey, command)
  switch (command.type) {
    case 'Refer':
    case 'AssessEligibility':
    case 'DecideSuitability':
    case 'PlaceOnWaitingList':
      return decideReferral(command)
    case 'AllocateToGroup':
    case 'HoldThreeWayMeeting':
    case 'CompleteProgrammeReview':
    case 'AcceptProviderTransfer':
      return decideDelivery(command)
    case 'RecordAttendance':
    case 'CorrectAttendance':
      return decideAttendance(journey, command)
    case 'IssueWarning':
    case 'InitiateBreach':
    case 'ResolveBreach':
    case 'RecordRecall':
      return decideEnforcement(command)
    case 'DropOut':
    case 'Complete':
    case 'RecategoriseOutcome':
      return decideEnding(journey, command)
  }
}

/**
 * Nothing comes before the referral; after the end only what happened before it, and what puts the record right.
 * A session held before the end and written up late is still a session that was held.
 */
function refuseOutOfTurn(journey: Journey, command: JourneyCommand): void {
  if (journey.participantId === null) throw new Refusal('no_referral', 'There is no referral on this journey yet.')
  if (!journey.ending || command.type === 'CorrectAttendance' || command.type === 'RecategoriseOutcome') return
  const endsAgain = command.type === 'DropOut' || command.type === 'Complete'
  if (endsAgain || command.occurredOn > journey.ending.on) {
    throw new Refusal('journey_ended', `This journey ended on ${journey.ending.on}. Nothing later can be added to it.`)
  }
}

function believe(journey: Journey, event: Recorded<JourneyEvent>): Journey {
  switch (event.type) {
    case 'ReferralReceived':
      return { ...journey, participantId: event.data.participantId, programme: event.data.programme }
    case 'AllocatedToGroup':
      return { ...journey, allocated: true }
    case 'AttendanceRecorded':
    case 'AttendanceCorrected':
      return withSession(journey, event, event.data)
    case 'ParticipantDroppedOut':
      return { ...journey, ending: { how: 'dropped_out', on: event.metadata.occurredAt, reason: event.data.reason } }
    case 'ProgrammeCompleted':
      return { ...journey, ending: { how: 'completed', on: event.metadata.occurredAt, reason: null } }
    case 'OutcomeRecategorised':
      return { ...journey, ending: journey.ending && { ...journey.ending, reason: event.data.to } }
    case 'EligibilityAssessed':
    case 'SuitabilityDecided':
    case 'PlacedOnWaitingList':
    case 'ThreeWayMeetingHeld':
    case 'ProgrammeReviewCompleted':
    case 'ProviderTransferAccepted':
    case 'WarningIssued':
    case 'BreachInitiated':
    case 'BreachResolved':
    case 'RecallRecorded':
      return journey
  }
}

function withSession(
  journey: Journey,
  event: Recorded<AttendanceEvent>,
  { sessionId, outcome }: { sessionId: string; outcome: Outcome },
): Journey {
  const sessions = new Map(journey.sessions)
  const heldOn = sessions.get(sessionId)?.heldOn ?? event.metadata.occurredAt
  sessions.set(sessionId, { outcome, heldOn, revision: event.revision })
  return { ...journey, sessions, started: journey.started || attendanceCategoryOf(outcome) === 'attended' }
}
