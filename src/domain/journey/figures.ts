/** What is believed of a journey as a whole, folded from any part of its events: its status and its figures. */
import type { Day } from '../calendar.ts'
import type { Recorded } from '../history.ts'
import type { JourneyEvent } from './journey.ts'
import { attendanceCategoryOf, type Outcome, type Reason } from './outcomes.ts'
import type { Ending } from './state.ts'

/** What is believed of a session he was to attend, and the day it was held. */
export interface SessionFact {
  readonly sessionId: string
  readonly outcome: Outcome
  readonly heldOn: Day
}

/** Plain data, so that a read model can keep it. Days are the latest of their kind unless named otherwise. */
export interface JourneyFacts {
  readonly programme: { readonly key: string; readonly version: number } | null
  readonly referredOn: Day | null
  readonly suitability: { readonly on: Day; readonly ready: boolean } | null
  readonly waitingSince: Day | null
  readonly allocatedOn: Day | null
  /** The last group that was named, and the day he was given his place in it. */
  readonly groupId: string | null
  readonly groupSince: Day | null
  /** Who has him, and the day of the transfer that said so: null while it is the referral's own provider. */
  readonly provider: string | null
  readonly providerSince: Day | null
  /** In the order they were first recorded. */
  readonly sessions: readonly SessionFact[]
  readonly facilitatorsMet: readonly string[]
  readonly warnings: number
  readonly breachOn: Day | null
  readonly breachResolvedOn: Day | null
  readonly recalledOn: Day | null
  readonly ending: Ending | null
  readonly corrections: number
  readonly recategorisations: number
  readonly lastContactOn: Day | null
}

/** What is believed, open to whoever it belongs to alone: nobody else may hold it, or a part of it, while it is added to. */
export type OwnFacts = {
  -readonly [F in keyof JourneyFacts]: JourneyFacts[F] extends readonly (infer T)[] ? T[] : JourneyFacts[F]
}

export const nothingKnown = (): OwnFacts => ({
  programme: null,
  referredOn: null,
  suitability: null,
  waitingSince: null,
  allocatedOn: null,
  groupId: null,
  groupSince: null,
  provider: null,
  providerSince: null,
  sessions: [],
  facilitatorsMet: [],
  warnings: 0,
  breachOn: null,
  breachResolvedOn: null,
  recalledOn: null,
  ending: null,
  corrections: 0,
  recategorisations: 0,
  lastContactOn: null,
})

const later = (known: Day | null, day: Day): Day => (known !== null && known > day ? known : day)

/**
 * Adds the event to facts of one's own, without a copy of them for every event.
 *
 * Order matters only between an event and what it corrects, and between two of a kind on one day, where the one recorded
 * last is believed; everything else lands the same whenever it was recorded.
 */
export function learn(facts: OwnFacts, event: Recorded<JourneyEvent>): OwnFacts {
  const on = event.metadata.occurredAt
  facts.lastContactOn = later(facts.lastContactOn, on)
  switch (event.type) {
    case 'ReferralReceived':
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
      believe(facts.sessions, { sessionId, outcome, heldOn: on })
      for (const facilitator of actualFacilitators)
        if (!facts.facilitatorsMet.includes(facilitator)) facts.facilitatorsMet.push(facilitator)
      return facts
    }
    case 'AttendanceCorrected': {
      const { sessionId, outcome } = event.data
      believe(facts.sessions, { sessionId, outcome, heldOn: sessionIn(facts, sessionId)?.heldOn ?? on })
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

/** What was believed of the same session before is so no more. */
function believe(sessions: SessionFact[], session: SessionFact): void {
  const place = sessions.findIndex(({ sessionId }) => sessionId === session.sessionId)
  if (place < 0) sessions.push(session)
  else sessions[place] = session
}

/** What is believed of one session, if anything was recorded of it. */
export const sessionIn = ({ sessions }: JourneyFacts, sessionId: string): SessionFact | undefined =>
  sessions.find((session) => session.sessionId === sessionId)

/** The states practitioners know. Never set by anyone: concluded from what has happened. */
export const statuses = {
  not_referred: 'Not yet referred',
  awaiting_assessment: 'Awaiting assessment',
  suitable_not_ready: 'Suitable but not ready',
  awaiting_allocation: 'Awaiting allocation',
  scheduled: 'Scheduled',
  on_programme: 'On programme',
  breach: 'Breach (non-attendance)',
  recall: 'Recall',
  completed: 'Programme complete',
  withdrawn: 'Withdrawn',
} as const

export type Status = keyof typeof statuses

export const statusCodes = Object.keys(statuses) as Status[]

/** An ending outlasts all else; then recall, until he is back in the room; then an open breach; then how far he has come. */
export function statusOf(facts: JourneyFacts): Status {
  if (facts.ending) return facts.ending.how === 'completed' ? 'completed' : 'withdrawn'
  const attendedOn = facts.sessions
    .filter(({ outcome }) => attendanceCategoryOf(outcome) === 'attended')
    .map(({ heldOn }) => heldOn)
  if (facts.recalledOn !== null && !attendedOn.some((day) => day > facts.recalledOn!)) return 'recall'
  if (facts.breachOn !== null && !(facts.breachResolvedOn !== null && facts.breachResolvedOn >= facts.breachOn))
    return 'breach'
  if (attendedOn.length > 0) return 'on_programme'
  if (facts.allocatedOn !== null) return 'scheduled'
  const { suitability, waitingSince } = facts
  if (suitability && !suitability.ready && !(waitingSince !== null && waitingSince > suitability.on))
    return 'suitable_not_ready'
  if (waitingSince !== null || suitability?.ready) return 'awaiting_allocation'
  return facts.referredOn === null ? 'not_referred' : 'awaiting_assessment'
}

/** What the case system and the evaluators count for one journey. */
export interface JourneyFigures {
  readonly outcome: 'open' | 'completed' | 'dropped_out'
  /** Why he left, after any recategorisation. */
  readonly reason: Reason | null
  readonly attended: number
  readonly acceptable_absences: number
  readonly unacceptable_absences: number
  readonly corrections: number
  readonly recategorisations: number
  /** How many different staff actually delivered his sessions. */
  readonly facilitators_met: number
}

export function figuresOf(facts: JourneyFacts): JourneyFigures {
  const standings = facts.sessions.map(({ outcome }) => attendanceCategoryOf(outcome))
  const count = (standing: string) => standings.filter((s) => s === standing).length
  return {
    outcome: facts.ending?.how ?? 'open',
    reason: facts.ending?.reason ?? null,
    attended: count('attended'),
    acceptable_absences: count('acceptable_absence'),
    unacceptable_absences: count('unacceptable_absence'),
    corrections: facts.corrections,
    recategorisations: facts.recategorisations,
    facilitators_met: facts.facilitatorsMet.length,
  }
}
