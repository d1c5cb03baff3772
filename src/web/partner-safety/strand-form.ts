/** What one form of the partner-safety strand consists of, and how it is checked. Showing, check your answers and recording are the same for all. */
import { IsIn, IsNotEmpty } from 'class-validator'
import type { Day } from '../../domain/calendar.ts'
import type { PartnerSafetyEvent, PartnerSafetyFacts } from '../../domain/partner-safety/partner-safety.ts'
import { dateError, dateInput, type FormError } from '../forms/date.ts'
import { checkedFields, CommandFields, controlOf, WrittenText, type FormValues } from '../forms/form-fields.ts'
import { sayDay } from '../layout/dates.ts'

interface TextField {
  readonly kind: 'text' | 'note'
  readonly name: string
  readonly label: string
  /** How an error about it begins. */
  readonly subject: string
  readonly hint?: string
  /** In characters. */
  readonly longest: number
  /** What is said where it is left empty; it may be, unless this is given. */
  readonly missing?: string
}

interface ChoiceField {
  readonly kind: 'choice'
  readonly name: string
  readonly label: string
  readonly codes: Readonly<Record<string, string>>
  readonly missing: string
}

interface DateField {
  readonly kind: 'date'
  readonly name: string
  readonly label: string
  readonly subject: string
  readonly hint: string
  /** `past`: today or before, and it must be given. `future`: today or later, and may be left empty. */
  readonly when: 'past' | 'future'
}

export type StrandField = TextField | ChoiceField | DateField

/** What was typed and is right. */
export interface StrandAnswers {
  readonly text: Readonly<Record<string, string>>
  readonly days: Readonly<Partial<Record<string, Day>>>
}

export interface StrandForm {
  /** After the address of the record; `:item` is the revision of an entry. */
  readonly path: string
  readonly title: string
  /** As a sentence says it before it is done: `Check your answers before …`. */
  readonly doing: string
  readonly confirm: string
  /** What is said once it is recorded. */
  readonly recorded: string
  readonly intro?: string
  readonly fields: readonly StrandField[]
  /** Why there is nothing to fill in, in a sentence; null where there is. */
  unavailable(facts: PartnerSafetyFacts, item: number): string | null
  event(answers: StrandAnswers, item: number): PartnerSafetyEvent
}

const isBlank = (values: FormValues, name: string): boolean =>
  ['day', 'month', 'year'].every((part) => {
    const value = values[`${name}-${part}`]
    return typeof value !== 'string' || value.trim() === ''
  })

/** The fields of a form, as they are checked. */
function fieldsOf({ fields }: StrandForm): new () => CommandFields & Record<string, string> {
  class Typed extends CommandFields {
    constructor() {
      super()
      for (const { kind, name } of fields) if (kind !== 'date') Object.assign(this, { [name]: '' })
    }
  }
  for (const field of fields) {
    if (field.kind === 'date') continue
    if (field.kind === 'choice') IsIn(Object.keys(field.codes), { message: field.missing })(Typed.prototype, field.name)
    else {
      const lines = field.kind === 'note' ? 'many' : 'one'
      WrittenText(field.subject, field.longest, { lines })(Typed.prototype, field.name)
      if (field.missing) IsNotEmpty({ message: field.missing })(Typed.prototype, field.name)
    }
  }
  return Typed as never
}

const checkedWith = new WeakMap<StrandForm, ReturnType<typeof fieldsOf>>()

export async function readStrandForm(
  form: StrandForm,
  body: FormValues,
  today: Day,
): Promise<{ readonly answers: StrandAnswers; readonly commandId: string; readonly errors: readonly FormError[] }> {
  if (!checkedWith.has(form)) checkedWith.set(form, fieldsOf(form))
  const dates = form.fields.filter((field): field is DateField => field.kind === 'date')
  const asked = dates.filter(({ when, name }) => when === 'past' || !isBlank(body, name))
  const subjects = Object.fromEntries(asked.map(({ name, subject }) => [name, subject]))
  const { fields, days, errors } = await checkedFields(checkedWith.get(form)!, body, subjects)
  const wrong = asked.flatMap(({ name, subject, when }) => {
    const day = days[name]
    if (day === undefined) return []
    if (when === 'past' && day > today) return [dateError(name, `${subject} must be today or in the past`)]
    return when === 'future' && day < today ? [dateError(name, `${subject} must be today or later`)] : []
  })
  const { commandId, ...text } = fields
  return { answers: { text, days }, commandId, errors: [...errors, ...wrong] }
}

/** The controls of the form, filled in with what was typed. */
export const strandControls = (form: StrandForm, values: FormValues, errors: readonly FormError[]) =>
  form.fields.map((field) => {
    const error = errors.find(({ field: at }) => controlOf(at) === field.name) ?? null
    const { kind, name, label } = field
    if (field.kind === 'date') return { kind, name, date: dateInput(name, label, values, error, field.hint) }
    const value = typeof values[name] === 'string' ? values[name] : ''
    if (field.kind !== 'choice') return { kind, name, label, hint: field.hint, value }
    const items = Object.entries(field.codes).map(([code, text]) => ({ value: code, text, checked: code === value }))
    return { kind, name, label, items }
  })

/** What was answered, as it is checked before it is recorded. */
export const strandAnswersInWords = (form: StrandForm, { text, days }: StrandAnswers) =>
  form.fields.map((field) => {
    const said =
      field.kind === 'date'
        ? sayDay(days[field.name])
        : field.kind === 'choice'
          ? field.codes[text[field.name] ?? '']
          : text[field.name]
    const control = field.kind === 'date' ? `${field.name}-day` : field.name
    return { label: field.label, text: said || 'Not given', control }
  })
