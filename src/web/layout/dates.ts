/** Dates as the service says them: GOV.UK style, in the service's own time zone. */
import { dayOf, timeZone as serviceTimeZone, type Day, type Instant } from '../../domain/calendar.ts'

const format = (options: Intl.DateTimeFormatOptions, timeZone = serviceTimeZone) =>
  new Intl.DateTimeFormat('en-GB', { timeZone, ...options })

const longDay = format({ day: 'numeric', month: 'long', year: 'numeric' }, 'UTC')
const shortDay = format({ day: 'numeric', month: 'short', year: 'numeric' }, 'UTC')
const clock = format({ hour: 'numeric', minute: '2-digit', hour12: true })

const noon = (day: Day) => new Date(`${day.slice(0, 10)}T12:00:00Z`)

/** `12 March 2024` */
export const sayDay = (day: Day | null | undefined): string => (day ? longDay.format(noon(day)) : '')

/** `12 Mar 2024` */
export const sayDayShort = (day: Day | null | undefined): string =>
  day ? shortDay.format(noon(day)).replace('Sept', 'Sep') : ''

/** `4:52pm` */
export const sayTime = (instant: Instant): string => clock.format(new Date(instant)).replace(/\s/g, '').toLowerCase()

/** `12 March 2024 at 4:52pm` */
export const sayInstant = (instant: Instant | null | undefined): string =>
  instant ? `${sayDay(dayOf(instant))} at ${sayTime(instant)}` : ''

/** `12 Mar 2024, 4:52pm` */
export const sayInstantShort = (instant: Instant | null | undefined): string =>
  instant ? `${sayDayShort(dayOf(instant))}, ${sayTime(instant)}` : ''

/** `1 day`, `14 weeks` */
export const sayCount = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`
