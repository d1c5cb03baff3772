/** The fields of a form, checked by class-validator and its dates part by part; every error names the control that puts it right. */
import { IsUUID, ValidateBy, validate } from 'class-validator'
import { randomUUID } from 'node:crypto'
import type { Day } from '../../domain/calendar.ts'
import { firstSentences } from '../validation.ts'
import { readDate, type FormError } from './date.ts'

/** What a browser sent, or what a form is filled in with. */
export type FormValues = Readonly<Record<string, unknown>>

/** What every form that records something carries: the id of its command, made when the form was shown. Sent twice, it is written once. */
export class CommandFields {
  @IsUUID('all', { message: 'This form was not complete. Load the page again before you send it.' })
  commandId = ''
}

export interface CheckedFields<F> {
  readonly fields: F
  readonly days: Readonly<Record<string, Day>>
  readonly errors: readonly FormError[]
}

/**
 * @param dates the date fields, each with how an error about it begins
 */
export async function checkedFields<F extends object>(
  Fields: new () => F,
  body: FormValues,
  dates: Readonly<Record<string, string>> = {},
): Promise<CheckedFields<F>> {
  const fields = new Fields()
  Object.assign(fields, Object.fromEntries(Object.keys(fields).map((field) => [field, textOf(body[field])])))
  const problems = await validate(fields, { stopAtFirstError: true })
  const errors: FormError[] = firstSentences(problems).map(({ field, message }) => ({ field, text: message }))
  const days: Record<string, Day> = {}
  for (const [name, subject] of Object.entries(dates)) {
    const { day, error } = readDate(body, name, subject)
    if (error) errors.push(error)
    else days[name] = day
  }
  return { fields, days, errors }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value.replace(/\r\n?/g, '\n').trim() : '')

/** What a form page shows: what was typed, and what is wrong with it, in the order of the page. */
export function formModel(values: FormValues, errors: readonly FormError[], order: readonly string[]) {
  const place = (field: string) => (order.indexOf(controlOf(field)) + order.length + 1) % (order.length + 1)
  const sorted = [...errors].sort((a, b) => place(a.field) - place(b.field))
  return {
    values: { ...values, commandId: textOf(values.commandId) || randomUUID() },
    errors: sorted.map(({ field, text }) => ({
      text,
      href: `#${order.includes(controlOf(field)) ? field : 'main-content'}`,
    })),
    errorFor: Object.fromEntries(sorted.map(({ field, text }) => [controlOf(field), { text }])),
  }
}

/** The control of which a field is a part: a date has three. */
export const controlOf = (field: string): string => field.replace(/-(day|month|year)$/, '')

/** 200 where nothing is wrong, 400 where the form is, and what an error says otherwise. */
export const httpStatusOf = (errors: readonly FormError[]): number =>
  errors.find(({ status }) => status)?.status ?? (errors.length > 0 ? 400 : 200)

/** Staff codes as people write them: parted by commas, semicolons or spaces. */
export const staffCodes = (written: string): readonly string[] => [...new Set(written.split(/[\s,;]+/).filter(Boolean))]

export const staffCodesShape = /^[A-Za-z0-9-]{1,20}(?:[\s,;]+[A-Za-z0-9-]{1,20})*[\s,;]*$/

/** Text as people write it: so long at most, and no character that cannot be shown. @param name how an error begins */
export const WrittenText = (name: string, longest: number, { lines = 'one' }: { lines?: 'one' | 'many' } = {}) =>
  ValidateBy({
    name: 'writtenText',
    validator: {
      validate: (value) => isShort(value, longest) && isShown(value, lines),
      defaultMessage: (about) =>
        isShort(about?.value, longest)
          ? `${name} must not have characters that cannot be shown, such as ${lines === 'one' ? 'a tab' : 'an escape'}`
          : `${name} must be ${longest.toLocaleString('en-GB')} characters or fewer`,
    },
  })

const isShort = (value: unknown, longest: number): value is string =>
  typeof value === 'string' && value.length <= longest

const isShown = (text: string, lines: 'one' | 'many'): boolean =>
  text.isWellFormed() && !(lines === 'one' ? /[\p{Cc}\u2028\u2029]/u : /[^\P{Cc}\t\n\r]/u).test(text)

/** A note or a reason, in characters. */
export const longestNote = 4_000

/** The name of a group that is typed, where there are none or too many to choose from. */
export const groupShape = /^$|^(?=.*\d)[A-Za-z0-9_.-]{1,20}$/
