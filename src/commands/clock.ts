/** Wall-clock times in the service's own time zone. */
import { Temporal } from 'temporal-polyfill'
import { timeZone, type Day, type Instant } from '../domain/calendar.ts'

/** A wall-clock time in the service's time zone as an instant. In the hour the clocks skip, the hour after; in the hour they repeat, the first. */
export const instantOf = (day: Day, hour: number, minute: number): Instant =>
  new Date(
    Temporal.PlainDateTime.from(`${day}T00:00`).with({ hour, minute }).toZonedDateTime(timeZone).epochMilliseconds,
  ).toISOString()
