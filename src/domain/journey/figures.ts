/** What is concluded from the facts of a journey: its status, and the figures that are counted. */
import { attendanceCategoryOf, type AttendanceCategory, type Reason } from './outcomes.ts'
import type { JourneyFacts } from './state.ts'

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
  const attendedOn = [...facts.sessions.values()]
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
  const categories = [...facts.sessions.values()].map(({ outcome }) => attendanceCategoryOf(outcome))
  const count = (category: AttendanceCategory) => categories.filter((one) => one === category).length
  return {
    outcome: facts.ending?.how ?? 'open',
    reason: facts.ending?.reason ?? null,
    attended: count('attended'),
    acceptable_absences: count('acceptable_absence'),
    unacceptable_absences: count('unacceptable_absence'),
    corrections: facts.corrections,
    recategorisations: facts.recategorisations,
    facilitators_met: facts.facilitatorsMet.size,
  }
}
