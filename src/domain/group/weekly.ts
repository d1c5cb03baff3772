/** The days on which a group meets every week. Pure: which days are bank holidays is given. */
import { dayNumbered, dayNumberOf, type Day } from '../calendar.ts'
import type { WeeklySlot } from './room.ts'

export interface WeeklyDays {
  readonly days: readonly Day[]
  /** The days of the week's slot that were passed over, and why. */
  readonly skipped: readonly { readonly day: Day; readonly because: string }[]
}

/** A year of bank holidays in a row is a fault of whoever tells them. */
const mostSkipped = 52

/**
 * @param from the first day that may be one
 * @param closedBecause why the group does not meet on a day; undefined where it does
 */
export function weeklyDays(
  { weekday }: Pick<WeeklySlot, 'weekday'>,
  from: Day,
  count: number,
  closedBecause: (day: Day) => string | undefined,
): WeeklyDays {
  const days: Day[] = []
  const skipped: { day: Day; because: string }[] = []
  for (let day = firstOn(weekday, from); days.length < count && skipped.length < mostSkipped; day += 7) {
    const because = closedBecause(dayNumbered(day))
    if (because === undefined) days.push(dayNumbered(day))
    else skipped.push({ day: dayNumbered(day), because })
  }
  return { days, skipped }
}

/** The day of the week, 1 for Monday. 1 January 1970 was a Thursday. */
export const weekdayOf = (dayNumber: number): number => ((((dayNumber + 3) % 7) + 7) % 7) + 1

const firstOn = (weekday: number, from: Day): number => {
  const first = dayNumberOf(from)
  return first + ((weekday - weekdayOf(first) + 7) % 7)
}
