/** What a day and an instant are, and which day an instant falls on for the service. Pure; reads no clock. */

/** A calendar day, `YYYY-MM-DD`. Contacts are dated to the day, as practitioners date them. */
export type Day = string

/** An instant in UTC, ISO 8601 with milliseconds and `Z`. */
export type Instant = string

/** The service's own time zone. */
export const timeZone = 'Europe/London'

/** Nobody in a programme was born earlier: an earlier year is a slip of the keyboard. */
const firstYear = 1900

const dayShape = /^(\d{4})-(\d{2})-(\d{2})$/
const storedInstantShape = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/
const writtenInstantShape = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/

/** Whether it is a day that exists, written `YYYY-MM-DD`: 29 February 2023 does not. */
export function isDay(value: unknown): value is Day {
  const parts = typeof value === 'string' && dayShape.exec(value)
  if (!parts) return false
  const [year, month, day] = parts.slice(1).map(Number) as [number, number, number]
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
}

/** The rule for every date that is recorded, whether it comes from a form, another system or a contact log: a day from 1900 on. */
export const isRecordableDay = (value: unknown): value is Day => isDay(value) && Number(value.slice(0, 4)) >= firstYear

function daysIn(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]!
}

/** Whether it is an instant as people and programs write one: RFC 3339 with its offset, to the minute, second or millisecond. */
export function isWrittenInstant(value: unknown): value is string {
  const parts = typeof value === 'string' && writtenInstantShape.exec(value)
  return !!parts && isDay(parts[1]) && !Number.isNaN(Date.parse(parts[0]))
}

/** Whether a day in the log sorts as text with the others. No more is asked of it: the log may hold days that are refused today. */
export const isStoredDay = (text: string): boolean => dayShape.test(text)

/** Whether an instant in the log sorts as text with the others. */
export const isStoredInstant = (text: string): boolean => storedInstantShape.test(text)

const inWords = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' })

/** The day as a sentence says it: `12 March 2024`. */
export const dayInWords = (day: Day): string => inWords.format(new Date(`${day}T00:00:00Z`))

const dayFormat = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })
const hourFormat = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', hourCycle: 'h23' })

/** The day, in the service's time zone, of an instant. */
export const dayOf = (instant: Instant): Day => dayFormat.format(new Date(instant)).padStart('yyyy-mm-dd'.length, '0')

/** The last instant of a day in the service's time zone. */
export function endOfDay(day: Day): Instant {
  const utc = new Date(`${day}T23:59:59.999Z`)
  // In summer time that is an hour into the next day.
  return new Date(utc.getTime() - (hourFormat.format(utc) === '23' ? 0 : msInHour)).toISOString()
}

const msInHour = 3_600_000

/** A day in milliseconds. */
export const msInDay = 24 * msInHour

/** Whole days from one day to another; negative where the other comes first. */
/** The same day so many years before; of 29 February, where that year has none, 28 February. */
export function yearsBefore(day: Day, years: number): Day {
  const before = `${String(Number(day.slice(0, 4)) - years).padStart(4, '0')}${day.slice(4)}`
  const exists: boolean = isDay(before)
  return exists ? before : `${before.slice(0, 4)}-02-28`
}

export const daysBetween = (from: Day, to: Day): number => dayNumberOf(to) - dayNumberOf(from)

/** A day as a number that can be reckoned with: days since 1 January 1970. */
export const dayNumberOf = (day: Day): number => Math.round(Date.parse(`${day}T00:00:00Z`) / msInDay)

/** The day of a number: the inverse of {@link dayNumberOf}. */
export const dayNumbered = (dayNumber: number): Day => new Date(dayNumber * msInDay).toISOString().slice(0, 10)
