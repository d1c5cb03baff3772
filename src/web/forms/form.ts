/** A form, checked: its fields by class-validator, its dates part by part, and every problem tied to the control that mends it. */
import { IsUUID, validate } from 'class-validator'
import { randomUUID } from 'node:crypto'
import type { Day } from '../../domain/calendar.ts'
import { readDate, type FormError } from './date.ts'

export type { FormError }

export type Body = Readonly<Record<string, unknown>>

/** What every form that records something carries: which telling this is, made when the form was shown. Sent twice, it is written once. */
export class TellingForm {
  @IsUUID('all', { message: 'This form was not complete. Load the page again before you send it.' })
  commandId = ''
}

export interface Checked<T> {
  readonly form: T
  readonly days: Readonly<Record<string, Day>>
  readonly errors: readonly FormError[]
}

/**
 * @param dates the date fields, each with how an error about it begins
 */
export async function checked<T extends object>(
  Form: new () => T,
  body: Body,
  dates: Readonly<Record<string, string>> = {},
): Promise<Checked<T>> {
  const form = new Form()
  const fields = Object.keys(form)
  Object.assign(form, Object.fromEntries(fields.map((field) => [field, text(body[field])])))
  const problems = await validate(form, { stopAtFirstError: true })
  const errors: FormError[] = problems.map(({ property, constraints }) => ({
    field: property,
    text: Object.values(constraints ?? {})[0] ?? '',
  }))
  const days: Record<string, Day> = {}
  for (const [name, what] of Object.entries(dates)) {
    const { day, error } = readDate(body, name, what)
    if (error) errors.push(error)
    else days[name] = day!
  }
  return { form, days, errors }
}

const text = (value: unknown): string => (typeof value === 'string' ? value.replace(/\r\n?/g, '\n').trim() : '')

/** A new telling, for a form about to be shown. */
export const newCommandId = (): string => randomUUID()

/** What a form page shows: what was typed, and what is wrong with it, in the order of the page. */
export function formModel(values: Body, errors: readonly FormError[], order: readonly string[]) {
  const base = (field: string) => field.replace(/-(day|month|year)$/, '')
  const place = (field: string) => (order.indexOf(base(field)) + order.length + 1) % (order.length + 1)
  const sorted = [...errors].sort((a, b) => place(a.field) - place(b.field))
  return {
    values: { ...values, commandId: text(values.commandId) || newCommandId() },
    errors: sorted.map(({ field, text }) => ({
      text,
      href: `#${field === 'commandId' || field === 'revision' ? 'main-content' : field}`,
    })),
    errorFor: Object.fromEntries(sorted.map(({ field, text }) => [base(field), { text }])),
    faults: sorted,
  }
}

export const httpStatusOf = (errors: readonly FormError[]): number =>
  errors.find(({ status }) => status)?.status ?? (errors.length > 0 ? 400 : 200)

/** Staff codes as people write them: parted by commas, semicolons or spaces. */
export const staffCodes = (written: string): readonly string[] => [...new Set(written.split(/[\s,;]+/).filter(Boolean))]

export const staffCodesShape = /^[A-Za-z0-9-]{1,20}(?:[\s,;]+[A-Za-z0-9-]{1,20})*[\s,;]*$/

export const longestNote = 4_000
