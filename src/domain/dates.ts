/**
 * The one rule of dates: of which day a record may be, and beside which other records it may stand. Every decider asks it, so a
 * date that is refused in a form is refused by the API and in a register too. Pure; reads no clock.
 */
import { dayInWords, isDay, isRecordableDay, type Day } from './calendar.ts'
import { Refusal, type CommandContext } from './history.ts'

/** The age from which a man can be on a programme, in years. The programmes delivered here are for adults. */
export const adultAge = 18

/** The codes with which the rule of dates refuses. What puts each of them right is a date. */
export const dateRefusals = [
  'recorded_before_occurred',
  'before_1900',
  'before_referral',
  'before_adulthood',
  'before_allocation',
  'journey_ended',
  'before_the_end',
  'two_at_one_time',
] as const

export const isDateRefusal = (code: string): boolean => dateRefusals.some((known) => known === code)

/** The part of the rule that needs nothing but the command: nothing is recorded before it happened, and nobody alive then took part. */
export function refuseImpossibleDay({ occurredOn, recordedOn }: CommandContext): void {
  if (occurredOn > recordedOn) throw new Refusal('recorded_before_occurred', 'The date must be today or in the past.')
  if (!isRecordableDay(occurredOn)) throw new Refusal('before_1900', 'The date must be a real date in 1900 or later.')
}

/** The day on which somebody born on a day becomes an adult; of 29 February that is 1 March where the year has none. */
export function adultOn(dateOfBirth: Day): Day {
  const day = `${String(Number(dateOfBirth.slice(0, 4)) + adultAge).padStart(4, '0')}${dateOfBirth.slice(4)}`
  const exists: boolean = isDay(day)
  return exists ? day : `${day.slice(0, 4)}-03-01`
}

/** @throws Refusal `before_adulthood`, which never says when he was born */
export function refuseMinor(occurredOn: Day, adultFrom: Day | undefined): void {
  if (adultFrom !== undefined && occurredOn < adultFrom)
    throw new Refusal(
      'before_adulthood',
      `The date must be on or after the day he turned ${adultAge}. Check the date, and his date of birth.`,
    )
}

/** What may be dated before the referral: a court is often told how he was assessed before it makes the order. */
const mayPrecedeReferral: ReadonlySet<string> = new Set(['EligibilityAssessed', 'SuitabilityDecided'])

/** What is recorded about another record, on the day its mistake was found, which may be after the journey ended. */
const aboutAnother: ReadonlySet<string> = new Set(['AttendanceCorrected', 'OutcomeRecategorised'])

/** A record of a journey as far as the rule of dates reads it. */
export interface DatedFact {
  readonly type: string
  readonly on: Day
  /** The event that says so. */
  readonly revision: number
  /** Of a session: when it began and ended, wall-clock times of 24 hours, where that is known. */
  readonly startedAt?: string
  readonly endedAt?: string
}

/** Against what a record of a journey is dated. Null where there is no such day. */
export interface DateFrame {
  readonly referredOn: Day | null
  /** The first day on which he had a place in a group. */
  readonly allocatedOn: Day | null
  /** The last ending, unless the journey was reinstated since. */
  readonly ending: { readonly on: Day; readonly revision: number } | null
  /** The day he became an adult; undefined where his date of birth is not known or was erased. */
  readonly adultFrom: Day | undefined
  /** The sessions of the journey whose times are known. */
  readonly timed: readonly DatedFact[]
}

/** Why a record cannot be of its day; null where it can. Whatever the order in which the records were made, the answer is the same. */
export function refusalOfDate(fact: DatedFact, frame: DateFrame): Refusal | null {
  const { type, on, revision } = fact
  const { referredOn, allocatedOn, ending, adultFrom } = frame
  if (adultFrom !== undefined && on < adultFrom) return refusalIn(() => refuseMinor(on, adultFrom))
  const isFirst = type === 'ReferralReceived'
  if (referredOn !== null && on < referredOn && !isFirst && !mayPrecedeReferral.has(type))
    return new Refusal(
      'before_referral',
      `The date must be on or after ${dayInWords(referredOn)}, when he was referred. If he was referred earlier, correct the referral first.`,
    )
  if (type === 'AttendanceRecorded' && allocatedOn !== null && on < allocatedOn)
    return new Refusal(
      'before_allocation',
      `The date must be on or after ${dayInWords(allocatedOn)}, when he was allocated to a group. If he was allocated earlier, correct the allocation first.`,
    )
  if (ending && on > ending.on && revision !== ending.revision && !aboutAnother.has(type)) return afterTheEnd(ending.on)
  const other = frame.timed.find((one) => one.revision !== revision && overlap(one, fact))
  if (other)
    return new Refusal(
      'two_at_one_time',
      `The time must be before ${other.startedAt} or after ${other.endedAt}: event ${other.revision} says that he was in another session then. Correct that record first if it is wrong.`,
    )
  return null
}

/** Nothing that happened after the end belongs to the journey. */
export const afterTheEnd = (endedOn: Day): Refusal =>
  new Refusal(
    'journey_ended',
    `The date must be on or before ${dayInWords(endedOn)}, when this journey ended. If the journey goes on, reinstate it first.`,
  )

/** Whether two sessions of one man took the same minutes. One may begin when the other ends. */
function overlap(one: DatedFact, other: DatedFact): boolean {
  if (one.on !== other.on || !one.startedAt || !one.endedAt || !other.startedAt || !other.endedAt) return false
  return one.startedAt < other.endedAt && other.startedAt < one.endedAt
}

function refusalIn(refuse: () => void): Refusal | null {
  try {
    refuse()
    return null
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}
