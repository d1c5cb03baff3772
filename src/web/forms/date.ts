/** A date as three fields, the GOV.UK way: read, checked, and given back exactly as it was typed. */
import { isDay, isRecordableDay, type Day } from '../../domain/calendar.ts'

export interface FormError {
  /** The id of the control that mends it. */
  readonly field: string
  readonly text: string
  /** Where it is not the form that is wrong. */
  readonly status?: number
}

type Body = Readonly<Record<string, unknown>>

const parts = ['day', 'month', 'year'] as const

const typed = (body: Body, name: string): string => {
  const value = body[name]
  return typeof value === 'string' ? value.trim() : ''
}

/** @param what how an error begins, as in "The date must include a month" */
export function readDate(body: Body, name: string, what: string): { day: Day | null; error: FormError | null } {
  const given = parts.map((part) => typed(body, `${name}-${part}`))
  const missing = parts.filter((_, i) => given[i] === '')
  const wrong = (part: (typeof parts)[number], text: string) => ({
    day: null,
    error: { field: `${name}-${part}`, text },
  })
  if (missing.length === 3) return wrong('day', `Enter ${what.charAt(0).toLowerCase()}${what.slice(1)}`)
  if (missing.length > 0) return wrong(missing[0]!, `${what} must include a ${missing.join(' and a ')}`)
  const [day = '', month = '', year = ''] = given
  const iso = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`
  if (!/^\d{4}$/.test(year)) return wrong('year', `${what} must have a year of 4 numbers`)
  if (!isDay(iso)) return wrong('day', `${what} must be a real date`)
  if (!isRecordableDay(iso)) return wrong('year', `${what} must be in 1900 or later`)
  return { day: iso, error: null }
}

/** The options of the GOV.UK date input, with what was typed. */
export function dateInput(name: string, legend: string, body: Body, error: FormError | null, hint: string) {
  return {
    id: name,
    namePrefix: name,
    fieldset: { legend: { text: legend, classes: 'govuk-fieldset__legend--s' } },
    hint: { text: hint },
    errorMessage: error ? { text: error.text } : undefined,
    items: parts.map((part) => ({
      name: part,
      value: typed(body, `${name}-${part}`),
      classes: `govuk-input--width-${part === 'year' ? 4 : 2}${error?.field === `${name}-${part}` ? ' govuk-input--error' : ''}`,
    })),
  }
}
