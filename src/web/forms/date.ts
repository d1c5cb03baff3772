/** A date as three fields, the GOV.UK way: read, checked, and given back exactly as it was typed. */
import { isDay, isRecordableDay, type Day } from '../../domain/calendar.ts'

export interface FormError {
  /** The id of the control to go to. */
  readonly field: string
  readonly text: string
  /** The parts of a date that are wrong: each is marked. */
  readonly parts?: readonly DatePart[]
  /** The HTTP status, where the fault is not in the form. */
  readonly status?: number
}

type Typed = Readonly<Record<string, unknown>>

const parts = ['day', 'month', 'year'] as const
export type DatePart = (typeof parts)[number]

const typed = (body: Typed, name: string): string => {
  const value = body[name]
  return typeof value === 'string' ? value.trim() : ''
}

/** An error about some parts of a date, or about all of it. */
export const dateError = (name: string, text: string, wrong: readonly DatePart[] = parts): FormError => ({
  field: `${name}-${wrong[0]}`,
  text,
  parts: wrong,
})

/** @param subject how an error begins, as in "The date must include a month" */
export function readDate(
  body: Typed,
  name: string,
  subject: string,
): { readonly day: Day; readonly error: null } | { readonly day: null; readonly error: FormError } {
  const given = parts.map((part) => typed(body, `${name}-${part}`))
  const missing = parts.filter((_, i) => given[i] === '')
  const wrong = (text: string, of?: readonly DatePart[]) => ({ day: null, error: dateError(name, text, of) })
  if (missing.length === 3) return wrong(`Enter ${subject.charAt(0).toLowerCase()}${subject.slice(1)}`)
  if (missing.length > 0) return wrong(`${subject} must include a ${missing.join(' and a ')}`, missing)
  const [day = '', month = '', year = ''] = given
  if (!/^\d{4}$/.test(year)) return wrong(`${subject} must have a year of 4 numbers`, ['year'])
  const iso = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`
  if (!isDay(iso)) return wrong(`${subject} must be a real date`, impossibleParts(day, month))
  if (!isRecordableDay(iso)) return wrong(`${subject} must be in 1900 or later`, ['year'])
  return { day: iso, error: null }
}

/** Of a day that does not exist: the parts that no date has, or the day, where it is only that month that has no such day. */
function impossibleParts(day: string, month: string): readonly DatePart[] {
  const within = (text: string, most: number) => /^\d{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= most
  const wrong = [...(within(day, 31) ? [] : (['day'] as const)), ...(within(month, 12) ? [] : (['month'] as const))]
  return wrong.length > 0 ? wrong : ['day']
}

/** The options of the GOV.UK date input, with what was typed. */
export function dateInput(name: string, legend: string, body: Typed, error: FormError | null, hint: string) {
  return {
    id: name,
    namePrefix: name,
    fieldset: { legend: { text: legend, classes: 'govuk-fieldset__legend--s' } },
    hint: { text: hint },
    errorMessage: error ? { text: error.text } : undefined,
    items: parts.map((part) => ({
      name: part,
      value: typed(body, `${name}-${part}`),
      classes: `govuk-input--width-${part === 'year' ? 4 : 2}${error?.parts?.includes(part) ? ' govuk-input--error' : ''}`,
    })),
  }
}
