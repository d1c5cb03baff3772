/** The kinds of field a request may have: each checks its form, says in one sentence what it should be, and describes itself for OpenAPI. */
import { applyDecorators } from '@nestjs/common'
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger'
import { Transform } from 'class-transformer'
import { ValidateBy, ValidateIf, type ValidationArguments } from 'class-validator'
import { isTime } from '../../domain/group/room.ts'
import { isWritten } from '../../domain/text.ts'
import { isDay, isRecordableDay, isWrittenInstant } from '../../domain/calendar.ts'

interface About {
  readonly description: string
  readonly example?: unknown
  /** May be left out. It may never be null: what is not known is left out. */
  readonly optional?: boolean
}

/** One check a field, so that a wrong value gets one sentence; the sentence never quotes the value. */
const field = (
  schema: ApiPropertyOptions,
  { description, example, optional = false }: About,
  sentence: string,
  holds: (value: unknown, about?: ValidationArguments) => boolean,
): PropertyDecorator =>
  applyDecorators(
    ApiProperty({ ...schema, description, example, required: !optional } as ApiPropertyOptions),
    ...(optional ? [ValidateIf((_, value) => value !== undefined)] : []),
    ValidateBy({ name: 'form', validator: { validate: holds, defaultMessage: () => sentence } }),
  )

const trimmed = () => Transform(({ value }) => (typeof value === 'string' ? value.trim() : value))

const isWriting = (value: unknown, max: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= max && isWritten(value)

/** Words a person writes: a name, a note. Trimmed; always sealed before it reaches the log. */
export const Writing = (max: number, about: About) =>
  applyDecorators(
    trimmed(),
    field({ type: String, maxLength: max, minLength: 1 }, about, `must be text of 1 to ${max} characters`, (value) =>
      isWriting(value, max),
    ),
  )

/** One line of writing: a name, a reference. It stands in one row of a report, so tabs and line ends are refused. */
export const Line = (max: number, about: About) =>
  applyDecorators(
    trimmed(),
    field(
      { type: String, maxLength: max, minLength: 1 },
      about,
      `must be text of 1 to ${max} characters, in one line and without control characters`,
      (value) => isWriting(value, max) && !/[\p{Cc}\u2028\u2029]/u.test(value),
    ),
  )

export const OneOf = (codes: readonly string[], about: About) =>
  field({ type: String, enum: [...codes] }, about, `must be one of: ${codes.join(', ')}`, (value) =>
    codes.some((code) => code === value),
  )

export const SomeOf = (codes: readonly string[], about: About) =>
  field(
    { type: String, isArray: true, enum: [...codes], maxItems: codes.length },
    about,
    `must be a list of any of: ${codes.join(', ')}`,
    (value) =>
      Array.isArray(value) && value.length <= codes.length && value.every((one) => codes.some((code) => code === one)),
  )

/** Codes are written to the log unsealed, so they must not be able to carry a name: a digit is asked for, and no spaces. */
const looksLikeACode = /^(?=.*\d)[A-Za-z0-9_.-]{1,20}$/
const codeSentence = 'of up to 20 letters, digits, dots, hyphens or underscores, with at least one digit'

const isCode = (value: unknown) => typeof value === 'string' && looksLikeACode.test(value)

export const Code = (about: About) =>
  field({ type: String, pattern: looksLikeACode.source }, about, `must be a code ${codeSentence}; never a name`, isCode)

export const Codes = (max: number, about: About) =>
  field(
    { type: String, isArray: true, maxItems: max },
    about,
    `must be a list of at most ${max} different codes, each ${codeSentence}; never a name`,
    (value) =>
      Array.isArray(value) && value.length <= max && value.every(isCode) && new Set(value).size === value.length,
  )

/** A session of some programme: which ones there are is for the rules to say. */
export const isSessionCode = (value: unknown): value is string =>
  typeof value === 'string' && /^[A-Z0-9]{1,10}$/.test(value)

export const SessionCode = (about: About) =>
  field(
    { type: String, pattern: '^[A-Z0-9]{1,10}$' },
    about,
    'must be a session code of the programme, such as F1',
    isSessionCode,
  )

const looksLikeAPlace = /^[\p{L}\p{N}][\p{L}\p{N} &'().,-]{0,59}$/u

/** The name of a provider: an organisation or an area, in the open. */
export const ProviderName = (about: About) =>
  applyDecorators(
    trimmed(),
    field(
      { type: String, maxLength: 60 },
      about,
      "must be the name of an organisation or area, up to 60 letters, digits, spaces and & ' ( ) . , -",
      (value) => typeof value === 'string' && looksLikeAPlace.test(value),
    ),
  )

export const Crn = (about: About) =>
  field(
    { type: String, pattern: '^[A-Z][0-9]{6}$' },
    about,
    'must be a capital letter and six digits',
    (value) => typeof value === 'string' && /^[A-Z]\d{6}$/.test(value),
  )

export const CalendarDay = (about: About) =>
  field(
    { type: String, format: 'date' },
    about,
    'must be a real date from 1900 on, written YYYY-MM-DD',
    isRecordableDay,
  )

/** A place on the clock that the field `clock` names. */
export const PlaceOnClock = (about: About) =>
  field(
    { type: String },
    about,
    'must be a day (YYYY-MM-DD) on the clock happened, and an instant (such as 2025-03-01T12:00:00Z) on the clock known',
    (value, at) => ((at?.object as { clock?: unknown }).clock === 'known' ? isWrittenInstant(value) : isDay(value)),
  )

export const Whole = (min: number, max: number, about: About) =>
  field(
    { type: 'integer', minimum: min, maximum: max },
    about,
    `must be a whole number from ${min} to ${max}`,
    (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
  )

/** A wall-clock time of 24 hours in the service's own time zone. */
export const TimeOfDay = (about: About) =>
  field(
    { type: String, pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$' },
    about,
    'must be a time of 24 hours, such as 18:30',
    (value) => typeof value === 'string' && isTime(value),
  )

const isUuid = (value: unknown) =>
  typeof value === 'string' && /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(value)

/** An id that this service made up. */
export const OpaqueId = (about: About) =>
  field({ type: String, format: 'uuid' }, about, 'must be an id as this service answered it', isUuid)

type Row = new () => object

const rowsByRequest = new Map<object, Map<string, { readonly of: Row; readonly max: number }>>()

/** What the rows of a list are, by the field that holds it, here or in what the request extends: no other field may hold objects. */
export function rowsIn({ prototype }: { readonly prototype: object }): ReadonlyMap<string, { of: Row; max: number }> {
  const inherited = Object.getPrototypeOf(prototype) as object | null
  const known = inherited === null ? [] : rowsIn({ prototype: inherited })
  return new Map([...known, ...(rowsByRequest.get(prototype) ?? [])])
}

/** A list of objects, each checked as a request is. */
export const Rows =
  (of: Row, max: number, about: About): PropertyDecorator =>
  (prototype, name) => {
    const known = rowsByRequest.get(prototype) ?? new Map<string, { of: Row; max: number }>()
    rowsByRequest.set(prototype, known.set(String(name), { of, max }))
    field(
      { type: [of], minItems: 1, maxItems: max },
      about,
      `must be a list of 1 to ${max} objects`,
      Array.isArray,
    )(prototype, name)
  }

const isValue = (value: unknown): boolean =>
  typeof value === 'string'
    ? value.length <= 4_000 && isWritten(value)
    : Array.isArray(value) && value.length <= 10 && value.every((one) => typeof one === 'string' && one.length <= 20)

/** By class, the fields that hold other fields, one level deep. */
const holders = new Map<unknown, Set<string>>()

export const holdsFields = (dto: unknown, name: string): boolean => holders.get(dto)?.has(name) ?? false

/** New values by field: which fields a record has, and what each may be, is for the rules to say. */
export const Changes = (about: About): PropertyDecorator =>
  applyDecorators(
    (target: object, name?: string | symbol) => {
      const fields = holders.get(target.constructor) ?? new Set<string>()
      holders.set(target.constructor, fields.add(String(name)))
    },
    field(
      { type: 'object', additionalProperties: true, maxProperties: 20 } as ApiPropertyOptions,
      about,
      'must be an object of at most 20 fields, each with a text of up to 4000 characters or a list of codes',
      (value) =>
        typeof value === 'object' &&
        value !== null &&
        !Array.isArray(value) &&
        Object.keys(value).length <= 20 &&
        Object.entries(value).every(([name, one]) => /^[A-Za-z]{1,40}$/.test(name) && isValue(one)),
    ),
  )

/** A place in the whole log, as a command answered it. Larger than a number can be trusted with. */
export const isPosition = (value: unknown): value is string => typeof value === 'string' && /^\d{1,19}$/.test(value)

export const Position = (about: About) =>
  field({ type: String, pattern: '^[0-9]{1,19}$' }, about, 'must be a position as a command answered it', isPosition)
