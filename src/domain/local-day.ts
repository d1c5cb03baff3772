/** The service's own time zone: the day an instant falls on for the people who work in it. Pure; reads no clock. */
import type { Day, Instant } from './history.ts'

export const timeZone = 'Europe/London'

const dayFormat = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })

/** The calendar day, in the service's time zone, of an instant. */
export const dayOf = (instant: Instant): Day => dayFormat.format(new Date(instant))
