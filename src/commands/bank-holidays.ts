/** The bank holidays of England and Wales, from the data package `date-holidays`: a newer version of the package brings newer holidays. */
import Holidays from 'date-holidays'
import type { Day } from '../domain/calendar.ts'

const england = new Holidays('GB', 'ENG')

const byYear = new Map<number, ReadonlyMap<Day, string>>()

/** What the bank holiday of a day is called; undefined where the day is none. */
export function bankHolidayOn(day: Day): string | undefined {
  const year = Number(day.slice(0, 4))
  let known = byYear.get(year)
  if (!known) {
    const holidays = england.getHolidays(year, 'en').filter(({ type }) => type === 'public')
    byYear.set(year, (known = new Map(holidays.map(({ date, name }) => [date.slice(0, 10), name]))))
  }
  return known.get(day)
}
