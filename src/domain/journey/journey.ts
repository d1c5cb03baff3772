/** One referral's path through one programme: the chapters composed into a history. Stream `journey-<id>`. */
import { afterTheEnd, refuseImpossibleDay } from '../dates.ts'
import { Refusal, type CommandContext, type History } from '../history.ts'
import { attendancePrivacy, decideAttendance, type AttendanceCommand } from './attendance.ts'
import type { Believed, FactEvent } from './believed.ts'
import { correctionPrivacy, type CorrectionCommand } from './correction.ts'
import { decideCorrection, refuseMisplaced } from './decide-correction.ts'
import { decideDelivery, deliveryPrivacy, type DeliveryCommand } from './delivery.ts'
import { decideEnding, endingPrivacy, type EndingCommand } from './ending.ts'
import { decideEnforcement, enforcementPrivacy, type EnforcementCommand } from './enforcement.ts'
import { journeyFold, type JourneyEvent } from './fold.ts'
import { decideReferral, referralPrivacy, refuseSecondReferral, type ReferralCommand } from './referral.ts'
import { notReferred, type Journey } from './state.ts'

export type { JourneyEvent }

/** Every command that tells something of the world. */
type FactCommand = ReferralCommand | DeliveryCommand | AttendanceCommand | EnforcementCommand | EndingCommand

export type JourneyCommand = FactCommand | CorrectionCommand

export const journeyPrivacy = {
  ...referralPrivacy,
  ...deliveryPrivacy,
  ...attendancePrivacy,
  ...enforcementPrivacy,
  ...endingPrivacy,
  ...correctionPrivacy,
}

export const journeyHistory: History<Journey, JourneyCommand, JourneyEvent> = {
  category: 'journey',
  initial: notReferred,
  ...journeyFold,
  decide,
}

function decide(journey: Journey, command: JourneyCommand): readonly JourneyEvent[] {
  if (journey.handled.has(command.commandId)) return [] // a repeated command writes nothing
  refuseImpossibleDay(command)
  if (command.type === 'CorrectRecord' || command.type === 'WithdrawRecord') {
    refuseUnbegun(journey.recorded.size > 0)
    return decideCorrection(journey, command, judge)
  }
  const [event, ...none] = decideFact(journey, command)
  if (event && !command.copied) refuseMisplaced(journey, event, command)
  return event ? [event, ...none] : []
}

/** The rules by which anything is recorded, whoever tells it and whenever. */
function decideFact(journey: Journey, command: FactCommand): readonly FactEvent[] {
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
    case 'ReinstateJourney':
      return decideEnding(journey, command)
  }
}

/** The command that tells each fact. */
const commandOf: { readonly [T in FactEvent['type']]: FactCommand['type'] } = {
  ReferralReceived: 'Refer',
  EligibilityAssessed: 'AssessEligibility',
  SuitabilityDecided: 'DecideSuitability',
  PlacedOnWaitingList: 'PlaceOnWaitingList',
  AllocatedToGroup: 'AllocateToGroup',
  ThreeWayMeetingHeld: 'HoldThreeWayMeeting',
  ProgrammeReviewCompleted: 'CompleteProgrammeReview',
  ProviderTransferAccepted: 'AcceptProviderTransfer',
  AttendanceRecorded: 'RecordAttendance',
  AttendanceCorrected: 'CorrectAttendance',
  WarningIssued: 'IssueWarning',
  BreachInitiated: 'InitiateBreach',
  BreachResolved: 'ResolveBreach',
  RecallRecorded: 'RecordRecall',
  ParticipantDroppedOut: 'DropOut',
  ProgrammeCompleted: 'Complete',
  OutcomeRecategorised: 'RecategoriseOutcome',
  JourneyReinstated: 'ReinstateJourney',
}

/** Whether a fact could be recorded on what was believed before it: the rules are asked again as if it were told today. */
function judge(before: Journey, { type, data, on }: Believed): void {
  const context: CommandContext = { commandId: '', occurredOn: on, recordedOn: on }
  decideFact(before, { ...context, type: commandOf[type], data } as FactCommand)
}

function refuseUnbegun(begun: boolean): void {
  if (!begun) throw new Refusal('no_referral', 'There is no referral on this journey yet.')
}

/** What puts the record right, or sets the ending itself aside. */
const ofTheEnd: ReadonlySet<JourneyCommand['type']> = new Set([
  'CorrectAttendance',
  'RecategoriseOutcome',
  'ReinstateJourney',
])

/**
 * Nothing comes before the referral; after the end only what happened before it, and what puts the record right.
 * A session held before the end and written up late is still a session that was held.
 */
function refuseOutOfTurn(journey: Journey, command: FactCommand): void {
  refuseUnbegun(journey.participantId !== null)
  if (!journey.ending || ofTheEnd.has(command.type)) return
  const endsAgain = command.type === 'DropOut' || command.type === 'Complete'
  if (endsAgain) throw new Refusal('journey_ended', 'This journey has ended. It cannot end twice.')
  if (command.occurredOn > journey.ending.on) throw afterTheEnd(journey.ending.on)
}
