/** The form of a body or a query, checked before anything looks at what it says. Unknown fields are refused by name. */
import { Injectable, type ArgumentMetadata, type PipeTransform, type Type } from '@nestjs/common'
import { plainToInstance } from 'class-transformer'
import { getMetadataStorage, validate } from 'class-validator'
import { firstSentences } from '../validation.ts'
import { holdsFields, rowsIn } from './fields.ts'
import { Problem, type FieldError } from './problems.ts'

@Injectable()
export class DtoPipe implements PipeTransform {
  async transform(value: unknown, { type, metatype }: ArgumentMetadata): Promise<unknown> {
    if ((type !== 'body' && type !== 'query') || !metatype) return value
    const code = type === 'body' ? 'invalid_body' : 'invalid_query'
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new Problem(code, { detail: 'The body must be one JSON object.', errors: [] })
    }
    const { dto, errors } = await checkedRequest(value, metatype as Type<object>, '')
    if (errors.length > 0) throw new Problem(code, { errors: errors.slice(0, mostErrors) })
    return dto
  }
}

/** @param within what stands before the name of a field in an error: `register[2].` for a row of a list */
async function checkedRequest(
  value: object,
  metatype: Type<object>,
  within: string,
): Promise<{ dto: object; errors: readonly FieldError[] }> {
  const known = fieldsOf(metatype)
  const lists = rowsIn(metatype)
  const errors: FieldError[] = []
  const kept: Record<string, unknown> = {}
  for (const [field, sent] of Object.entries(value)) {
    const list = lists.get(field)
    // class-validator's own whitelist looks names up in a plain object, and so lets `constructor` through.
    if (!known.has(field))
      errors.push({ field: within + fieldNameOf(field), message: 'is not a field of this request' })
    else if (list) {
      if (!Array.isArray(sent) || sent.length < 1 || sent.length > list.max || !sent.every(isObject))
        errors.push({ field: within + field, message: `must be a list of 1 to ${list.max} objects` })
      else {
        const rows = await Promise.all(
          sent.map((row: object, n) => checkedRequest(row, list.of, `${within}${field}[${n}].`)),
        )
        kept[field] = rows.map(({ dto }) => ({ ...dto }))
        errors.push(...rows.flatMap((row) => row.errors))
      }
    } else if (isFlat(sent) || (holdsFields(metatype, field) && isFlatObject(sent))) kept[field] = sent
    else errors.push({ field: within + field, message: 'must not hold other objects' })
  }
  const dto = plainToInstance(metatype, kept)
  const wrong = firstSentences(await validate(dto, { whitelist: true, forbidNonWhitelisted: true }))
  const named = wrong.map(({ field, message }) => ({ field: within + field, message }))
  errors.push(...named.filter(({ field }) => errors.every((one) => one.field !== field)))
  return { dto, errors }
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const mostErrors = 50

/** No request here needs more than lists of plain values; deeper ones only serve to exhaust whoever walks them. */
const isFlat = (value: unknown): boolean =>
  Array.isArray(value) ? value.length <= 1_000 && value.every(isPlain) : isPlain(value)

const isPlain = (value: unknown): boolean => typeof value !== 'object' || value === null

/** An object of plain values: where a field is said to hold others, and there alone. No name that every object answers to is a field. */
const isFlatObject = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.entries(value).every(([name, one]) => !(name in Object.prototype) && isFlat(one))

/** Only what has the form of a field's name is repeated in the answer: anything else might be personal. */
const fieldNameOf = (name: string): string => (/^[A-Za-z_][A-Za-z0-9_]{0,39}$/.test(name) ? name : '(not a field name)')

const known = new Map<unknown, ReadonlySet<string>>()

function fieldsOf(metatype: Type<unknown>): ReadonlySet<string> {
  let fields = known.get(metatype)
  if (!fields) {
    const checks = getMetadataStorage().getTargetValidationMetadatas(metatype, '', false, false)
    fields = new Set(checks.map(({ propertyName }) => propertyName))
    known.set(metatype, fields)
  }
  return fields
}
