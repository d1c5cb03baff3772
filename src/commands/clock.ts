/** Days and instants in the service's own time zone. */
import { Temporal } from 'temporal-polyfill'
import type { Day, Instant } from '../domain/history.ts'

export const timeZone = 'Europe/London'

const dayFormat = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })

/** The calendar day, in the service's time zone, of an instant. */
export const dayOf = (instant: Instant): Day => dayFormat.format(new Date(instant))

/** A wall-clock time in the service's time zone as an instant. In the hour the clocks skip, the hour after; in the hour they repeat, the first. */
export const instantOf = (day: Day, hour: number, minute: number): Instant =>
  new Date(
    Temporal.PlainDateTime.from(`${day}T00:00`).with({ hour, minute }).toZonedDateTime(timeZone).epochMilliseconds,
  ).toISOString()
