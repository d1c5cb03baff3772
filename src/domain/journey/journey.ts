/** One referral's path through one programme: the chapters composed into a history. Stream `journey-<id>`. */
import { refuseFuture, Refusal, type History } from '../history.ts'
import { attendancePrivacy, decideAttendance, type AttendanceCommand } from './attendance.ts'
import { decideDelivery, deliveryPrivacy, type DeliveryCommand } from './delivery.ts'
import { decideEnding, endingPrivacy, type EndingCommand } from './ending.ts'
import { decideEnforcement, enforcementPrivacy, type EnforcementCommand } from './enforcement.ts'
import { journeyFold, type JourneyEvent } from './fold.ts'
import { decideReferral, referralPrivacy, refuseSecondReferral, type ReferralCommand } from './referral.ts'
import { notReferred, type Journey } from './state.ts'

export type { JourneyEvent }

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
  ...journeyFold,
  decide,
}

function decide(journey: Journey, command: JourneyCommand): readonly JourneyEvent[] {
  if (journey.handled.has(command.commandId)) return [] // a repeated command writes nothing
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
    throw new Refusal(
      'journey_ended',
      'This journey has ended. Nothing that happened after its end can be added to it.',
    )
  }
}
