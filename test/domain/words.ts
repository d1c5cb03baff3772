/** What the specs of a journey speak of: facts that were told, and commands that tell. */
import type { Day, Instant } from '../../src/domain/calendar.ts'
import type { CommandContext } from '../../src/domain/history.ts'
import type { FactType } from '../../src/domain/journey/believed.ts'
import type { JourneyCommand, JourneyEvent } from '../../src/domain/journey/journey.ts'
import type { Outcome, Reason } from '../../src/domain/journey/outcomes.ts'
import type { Suitability } from '../../src/domain/journey/referral.ts'
import type { Fact } from './given.ts'

export type Spoken = Fact<JourneyEvent>

/** The same fact on another day, and told at another time. */
export const dated = (fact: Spoken, on: Day, at?: Instant): Spoken => ({ ...fact, on, at })

const referral = {
  participantId: 'he',
  programme: { key: 'bbr', version: 1 },
  source: 'court_requirement',
  provider: 'north',
} as const

export const referred: Spoken = { on: '2025-01-06', event: { type: 'ReferralReceived', data: referral } }

export const eligible: Spoken = { on: '2025-01-13', event: { type: 'EligibilityAssessed', data: {} } }

export const found = (decision: Suitability): Spoken => ({
  on: '2025-01-20',
  event: { type: 'SuitabilityDecided', data: { decision } },
})

export const waiting: Spoken = { on: '2025-01-27', event: { type: 'PlacedOnWaitingList', data: {} } }

export const placedIn = (groupId: string): Spoken => ({
  on: '2025-02-03',
  event: { type: 'AllocatedToGroup', data: { groupId } },
})

export const allocated = placedIn('G1')

const room = { groupId: 'G1', plannedFacilitators: ['amy', 'bob'], actualFacilitators: ['amy', 'bob'] }

export const attendance = (
  sessionId: string,
  outcome: Outcome,
  actualFacilitators = room.actualFacilitators,
): Spoken => ({
  on: '2025-03-03',
  event: { type: 'AttendanceRecorded', data: { ...room, sessionId, outcome, actualFacilitators } },
})

export const correction = (sessionId: string, was: Outcome, outcome: Outcome, corrects: number): Spoken => ({
  on: '2025-03-24',
  event: { type: 'AttendanceCorrected', data: { sessionId, outcome, was, corrects } },
})

export const met: Spoken = { on: '2025-03-10', event: { type: 'ThreeWayMeetingHeld', data: {} } }

export const reviewed: Spoken = { on: '2025-03-11', event: { type: 'ProgrammeReviewCompleted', data: {} } }

export const transferredTo = (provider: string): Spoken => ({
  on: '2025-03-12',
  event: { type: 'ProviderTransferAccepted', data: { provider } },
})

export const warned: Spoken = { on: '2025-03-17', event: { type: 'WarningIssued', data: {} } }

export const breached: Spoken = { on: '2025-03-18', event: { type: 'BreachInitiated', data: {} } }

export const resolved: Spoken = { on: '2025-04-01', event: { type: 'BreachResolved', data: {} } }

export const recalled: Spoken = { on: '2025-04-07', event: { type: 'RecallRecorded', data: {} } }

export const droppedOut = (reason: Reason): Spoken => ({
  on: '2025-05-05',
  event: { type: 'ParticipantDroppedOut', data: { reason } },
})

export const completed: Spoken = { on: '2025-05-05', event: { type: 'ProgrammeCompleted', data: {} } }

export const recategorised = (from: Reason, to: Reason): Spoken => ({
  on: '2025-05-19',
  event: { type: 'OutcomeRecategorised', data: { from, to } },
})

export const reinstated: Spoken = {
  on: '2025-05-20',
  event: { type: 'JourneyReinstated', data: { because: 'he came back' } },
}

/** Told once, on 2 June, of something that happened the day before: after everything above, unless a spec says otherwise. */
const telling: CommandContext = { commandId: 'this-telling', occurredOn: '2025-06-01', recordedOn: '2025-06-02' }

export const told = (command: JourneyCommand, how: Partial<CommandContext>): JourneyCommand => ({ ...command, ...how })

export const refer: JourneyCommand = { ...telling, type: 'Refer', data: referral }
export const assess: JourneyCommand = { ...telling, type: 'AssessEligibility', data: {} }
export const decideOn = (decision: Suitability): JourneyCommand => ({
  ...telling,
  type: 'DecideSuitability',
  data: { decision },
})
export const putOnList: JourneyCommand = { ...telling, type: 'PlaceOnWaitingList', data: {} }
export const allocate = (groupId = 'G1'): JourneyCommand => ({ ...telling, type: 'AllocateToGroup', data: { groupId } })
export const meet: JourneyCommand = { ...telling, type: 'HoldThreeWayMeeting', data: {} }
export const review: JourneyCommand = { ...telling, type: 'CompleteProgrammeReview', data: {} }
export const transferTo = (provider: string): JourneyCommand => ({
  ...telling,
  type: 'AcceptProviderTransfer',
  data: { provider },
})
export const record = (sessionId: string, outcome: string): JourneyCommand => ({
  ...telling,
  type: 'RecordAttendance',
  data: { ...room, sessionId, outcome },
})
export const correct = (sessionId: string, outcome: string): JourneyCommand => ({
  ...telling,
  type: 'CorrectAttendance',
  data: { sessionId, outcome },
})
export const warn: JourneyCommand = { ...telling, type: 'IssueWarning', data: {} }
export const breach: JourneyCommand = { ...telling, type: 'InitiateBreach', data: {} }
export const resolve: JourneyCommand = { ...telling, type: 'ResolveBreach', data: {} }
export const recall: JourneyCommand = { ...telling, type: 'RecordRecall', data: {} }
export const dropOut = (reason: string): JourneyCommand => ({ ...telling, type: 'DropOut', data: { reason } })
export const complete: JourneyCommand = { ...telling, type: 'Complete', data: {} }
export const recategorise = (to: string): JourneyCommand => ({ ...telling, type: 'RecategoriseOutcome', data: { to } })

export const reinstate: JourneyCommand = { ...telling, type: 'ReinstateJourney', data: { because: 'he came back' } }
/** @param said what the log says of the record until now */
export const correctRecord = (
  corrects: number,
  changes: Record<string, unknown>,
  said: Spoken,
  occurredOn = said.on,
): JourneyCommand => ({
  ...telling,
  occurredOn,
  type: 'CorrectRecord',
  data: {
    corrects,
    changes,
    because: 'mistyped',
    said: { of: said.event.type as FactType, version: 1, data: said.event.data as Record<string, unknown> },
  },
})
export const withdrawRecord = (withdraws: number): JourneyCommand => ({
  ...telling,
  type: 'WithdrawRecord',
  data: { withdraws, because: 'wrong man' },
})

/** One command of each kind; a new kind does not compile until it is here, and so in every spec about all of them. */
export const everyCommand: { readonly [T in JourneyCommand['type']]: JourneyCommand } = {
  Refer: refer,
  AssessEligibility: assess,
  DecideSuitability: decideOn('suitable'),
  PlaceOnWaitingList: putOnList,
  AllocateToGroup: allocate(),
  HoldThreeWayMeeting: meet,
  CompleteProgrammeReview: review,
  AcceptProviderTransfer: transferTo('south'),
  RecordAttendance: record('PG1', 'ATTC'),
  CorrectAttendance: correct('PG1', 'UAAB'),
  IssueWarning: warn,
  InitiateBreach: breach,
  ResolveBreach: resolve,
  RecordRecall: recall,
  DropOut: dropOut('health'),
  Complete: complete,
  RecategoriseOutcome: recategorise('health'),
  ReinstateJourney: reinstate,
  CorrectRecord: correctRecord(1, { groupId: 'G2' }, allocated),
  WithdrawRecord: withdrawRecord(1),
}
