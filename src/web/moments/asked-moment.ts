/** A moment that an address or a form names: read, and where it cannot be one, said plainly which part is wrong. */
import {
  dayNumbered,
  dayNumberOf,
  dayOf,
  endOfDay,
  isDay,
  isWrittenInstant,
  type Day,
  type Instant,
} from '../../domain/calendar.ts'
import type { Clock } from '../replay/moments.ts'
import { dateError, readDate, type FormError } from '../forms/date.ts'
import { sayDay, sayInstant } from '../layout/dates.ts'

export type AddressQuery = Readonly<Record<string, unknown>>

export interface ClockRead {
  readonly clock: Clock
  readonly error: FormError | null
}

/** Without a clock, that of what happened. */
export function clockIn({ clock = 'happened' }: AddressQuery): ClockRead {
  if (clock === 'happened' || clock === 'known') return { clock, error: null }
  return { clock: 'happened', error: { field: 'clock', text: 'Select which clock to use' } }
}

export interface MomentRead {
  /** A day, or on the clock of what was known an instant; null where none is named or it is wrong. */
  readonly by: string | null
  readonly error: FormError | null
}

interface Named {
  /** How the fields of the form and the parameter of the address are called. */
  readonly name: string
  /** How an error begins: `The first moment`. */
  readonly subject: string
}

/** @param now the instant of the request: nothing is known of what comes after it */
export function momentIn(query: AddressQuery, { name, subject }: Named, clock: Clock, now: Instant): MomentRead {
  const typed = ['day', 'month', 'year'].some((part) => `${name}-${part}` in query)
  if (typed) {
    const { day, error } = readDate(query, name, subject)
    return error ? { by: null, error } : untilNow(day, { name, subject }, clock, now)
  }
  const at = query[name]
  if (at === undefined || at === '') return { by: null, error: null }
  if (isDay(at)) return untilNow(at, { name, subject }, clock, now)
  if (clock === 'known' && isWrittenInstant(at)) {
    const instant = new Date(at).toISOString()
    return instant > now ? future(name, subject) : { by: instant, error: null }
  }
  return wrong(
    name,
    clock === 'known'
      ? `${subject} in the address must be a real day or instant, such as ${name}=2024-03-12 or ${name}=2024-03-12T16:52:00Z`
      : `${subject} in the address must be a real day, such as ${name}=2024-03-12`,
  )
}

/** As known on a day is all that was recorded by its end; of today, all that has been recorded by now. */
function untilNow(day: Day, { name, subject }: Named, clock: Clock, now: Instant): MomentRead {
  if (day > dayOf(now)) return future(name, subject)
  if (clock === 'happened') return { by: day, error: null }
  const end = endOfDay(day)
  return { by: end < now ? end : now, error: null }
}

const wrong = (name: string, text: string): MomentRead => ({ by: null, error: dateError(name, text) })
const future = (name: string, subject: string) => wrong(name, `${subject} must be today or in the past`)

/** The day, in the service's time zone, on which a moment is. */
export const dayOfMoment = (by: string): Day => (isDay(by) ? by : dayOf(by))

export const sayMoment = (by: string): string => (isDay(by) ? sayDay(by) : sayInstant(by))

/** So many days before a day. */
export const daysBefore = (day: Day, days: number): Day => dayNumbered(dayNumberOf(day) - days)

/** A day as the fields of a date input. */
export function dateParts(name: string, day: Day): Readonly<Record<string, string>> {
  const [year, month, date] = day.split('-').map((part) => String(Number(part)))
  return { [`${name}-day`]: date!, [`${name}-month`]: month!, [`${name}-year`]: year! }
}

/** What each clock is called where somebody chooses, and what a moment on it means. */
export const clockWords: Readonly<Record<Clock, { readonly name: string; readonly means: string }>> = {
  happened: {
    name: 'As it happened',
    means: 'Everything we know today of what had happened by the end of that day.',
  },
  known: {
    name: 'As known on',
    means: 'Only what had been recorded by then, right or wrong.',
  },
}

/** The two clocks to choose from, as radios. */
export const clockItems = (chosen: Clock) =>
  (['happened', 'known'] as const).map((clock) => ({
    value: clock,
    text: clockWords[clock].name,
    hint: { text: clockWords[clock].means },
    checked: clock === chosen,
  }))
