/** What needs doing on a journey, as far as its events can say. When an order ends is in no event, so nothing here can tell whose order ends too soon. */
import { dayNumbered, dayNumberOf, type Day } from '../calendar.ts'
import { programmeAt, programmes, type SessionDefinition } from '../programme.ts'
import { attendanceCategoryOf } from './outcomes.ts'
import type { JourneyFacts } from './state.ts'
import { figuresOf } from './figures.ts'

export const needs = {
  no_contact: 'Nothing recorded lately',
  warning: 'Absences at the warning threshold',
  review: 'Review due',
} as const

export type Need = keyof typeof needs

export const needCodes = Object.keys(needs) as Need[]

/** An open journey of which nothing has happened for so many days wants looking at. Our own choice of threshold. */
export const quietAfterDays = 28

/** A warning is due for so many unacceptable absences that none was given for. Our own choice: no definition of a programme says. */
export const absencesAWarning = 2

/** The last day of contact that is too long ago. */
export const quietSince = (today: Day): Day => dayNumbered(dayNumberOf(today) - quietAfterDays)

/** Every second unacceptable absence asks for a warning, until one is recorded, breach has begun, he was recalled, or the journey has ended. */
export function isWarningDue(facts: JourneyFacts): boolean {
  if (facts.ending !== null || facts.breachOn !== null || facts.recalledOn !== null) return false
  return Math.floor(figuresOf(facts).unacceptable_absences / absencesAWarning) > facts.warnings
}

/**
 * A review is due once every session before it was attended, or any after it. It is done once it was attended itself; a review
 * that was recorded as a contact of its own does for one of them.
 */
export function isReviewDue(facts: JourneyFacts): boolean {
  if (facts.ending !== null || facts.programme === null || facts.sessions.size === 0) return false
  const isAttended = (id: string) => {
    const session = facts.sessions.get(id)
    return session !== undefined && attendanceCategoryOf(session.outcome) === 'attended'
  }
  const definition = programmeAt(facts.programme.key, facts.programme.version)
  const due = (definition ? reviewsOf.get(definition)! : []).filter(
    ({ id, before, after }) => !isAttended(id) && (before.every(isAttended) || after.some(isAttended)),
  )
  return due.length > 0 && due.length > reviewsRecorded(facts)
}

/** Each review of a programme, with the sessions before and after it that are none. */
const reviewsOf = new Map(
  programmes.map((programme) => {
    const others = (part: readonly SessionDefinition[]) =>
      part.filter(({ kind }) => kind !== 'review').map(({ id }) => id)
    const reviews = programme.sessions.flatMap(({ kind, id }, place) =>
      kind === 'review'
        ? [{ id, before: others(programme.sessions.slice(0, place)), after: others(programme.sessions.slice(place)) }]
        : [],
    )
    return [programme, reviews] as const
  }),
)

/** Those that stand: what was withdrawn since, or said of another event anew, is not one of them. */
function reviewsRecorded({ recorded }: JourneyFacts): number {
  const withdrawn = new Set<unknown>()
  let reviews = 0
  for (const [revision, { type, data }] of [...recorded].reverse()) {
    if (withdrawn.has(revision)) continue
    if (type === 'RecordWithdrawn') withdrawn.add(data.withdraws)
    else if (type === 'ProgrammeReviewCompleted') reviews++
  }
  return reviews
}
