/** What is believed of a journey as a whole, folded from any part of its events: its status and its figures. */
import type { Day, Recorded } from '../history.ts'
import type { JourneyEvent } from './journey.ts'
import { standingOf, type Outcome, type Reason } from './outcomes.ts'
import type { Ending } from './state.ts'

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
  readonly sessions: { readonly [sessionId: string]: { readonly outcome: Outcome; readonly heldOn: Day } }
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

export const nothingKnown: JourneyFacts = {
  programme: null,
  referredOn: null,
  suitability: null,
  waitingSince: null,
  allocatedOn: null,
  groupId: null,
  groupSince: null,
  provider: null,
  providerSince: null,
  sessions: {},
  facilitatorsMet: [],
  warnings: 0,
  breachOn: null,
  breachResolvedOn: null,
  recalledOn: null,
  ending: null,
  corrections: 0,
  recategorisations: 0,
  lastContactOn: null,
}

const later = (known: Day | null, day: Day): Day => (known !== null && known > day ? known : day)

/**
 * Order matters only between an event and what it corrects, and between two of a kind on one day, where the one recorded
 * last is believed; everything else lands the same whenever it was recorded.
 */
export function learn(known: JourneyFacts, event: Recorded<JourneyEvent>): JourneyFacts {
  const on = event.metadata.occurredAt
  const facts = { ...known, lastContactOn: later(known.lastContactOn, on) }
  switch (event.type) {
    case 'ReferralReceived':
      return {
        ...facts,
        programme: event.data.programme,
        referredOn: on,
        provider: known.providerSince === null ? event.data.provider || null : known.provider,
      }
    case 'EligibilityAssessed':
    case 'ThreeWayMeetingHeld':
    case 'ProgrammeReviewCompleted':
      return facts
    case 'SuitabilityDecided':
      if (known.suitability && known.suitability.on > on) return facts
      return {
        ...facts,
        suitability: { on, ready: event.data.decision === 'suitable' || event.data.decision === 'not_stated' },
      }
    case 'PlacedOnWaitingList':
      return { ...facts, waitingSince: later(known.waitingSince, on) }
    case 'AllocatedToGroup': {
      const { groupId } = event.data
      const allocatedOn = later(known.allocatedOn, on)
      if (!groupId || (known.groupSince !== null && known.groupSince > on)) return { ...facts, allocatedOn }
      return { ...facts, allocatedOn, groupId, groupSince: on }
    }
    case 'ProviderTransferAccepted': {
      const { provider } = event.data
      if (!provider || (known.providerSince !== null && known.providerSince > on)) return facts
      return { ...facts, provider, providerSince: on }
    }
    case 'AttendanceRecorded': {
      const { sessionId, outcome, actualFacilitators } = event.data
      return {
        ...facts,
        sessions: { ...known.sessions, [sessionId]: { outcome, heldOn: on } },
        facilitatorsMet: [...new Set([...known.facilitatorsMet, ...actualFacilitators])],
      }
    }
    case 'AttendanceCorrected': {
      const { sessionId, outcome } = event.data
      const heldOn = known.sessions[sessionId]?.heldOn ?? on
      return {
        ...facts,
        sessions: { ...known.sessions, [sessionId]: { outcome, heldOn } },
        corrections: known.corrections + 1,
      }
    }
    case 'WarningIssued':
      return { ...facts, warnings: known.warnings + 1 }
    case 'BreachInitiated':
      return { ...facts, breachOn: later(known.breachOn, on) }
    case 'BreachResolved':
      return { ...facts, breachResolvedOn: later(known.breachResolvedOn, on) }
    case 'RecallRecorded':
      return { ...facts, recalledOn: later(known.recalledOn, on) }
    case 'ParticipantDroppedOut':
      return { ...facts, ending: { how: 'dropped_out', on, reason: event.data.reason } }
    case 'ProgrammeCompleted':
      return { ...facts, ending: { how: 'completed', on, reason: null } }
    case 'OutcomeRecategorised':
      return {
        ...facts,
        ending: known.ending && { ...known.ending, reason: event.data.to },
        recategorisations: known.recategorisations + 1,
      }
  }
}

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
  const attendedOn = Object.values(facts.sessions)
    .filter(({ outcome }) => standingOf(outcome) === 'attended')
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
  const standings = Object.values(facts.sessions).map(({ outcome }) => standingOf(outcome))
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
