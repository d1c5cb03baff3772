/** The description of the API as a page shows it: every operation with what it takes, an example, and what it answers. */
import type { OpenAPIObject } from '@nestjs/swagger'

type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>
type Schema = Schemas[string]
type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>

interface DescribedField {
  readonly name: string
  readonly type: string
  readonly required: boolean
  readonly description: string
  /** Of a parameter: `path`, `query` or `header`. */
  readonly where: string
}

interface DescribedOperation {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly summary: string
  readonly description: string
  readonly parameters: readonly DescribedField[]
  readonly body: { readonly name: string; readonly fields: readonly DescribedField[]; readonly example: string } | null
  readonly answers: readonly { readonly status: string; readonly description: string; readonly what: string }[]
}

const methods = ['get', 'post', 'put', 'patch', 'delete'] as const

export function descriptionView({ info, paths, components }: OpenAPIObject) {
  const schemas: Schemas = components?.schemas ?? {}
  const groups = new Map<string, DescribedOperation[]>()
  for (const [path, item] of Object.entries(paths))
    for (const method of methods) {
      const operation = item[method]
      if (!operation) continue
      const group = operation.tags?.[0] ?? 'Others'
      if (!groups.has(group)) groups.set(group, [])
      groups.get(group)!.push(described(method.toUpperCase(), path, operation, schemas))
    }
  const answered = Object.keys(schemas).sort((a, b) => a.localeCompare(b, 'en-GB'))
  return {
    about: info.description,
    version: info.version,
    groups: [...groups].map(([name, operations]) => ({ name, id: idOf(name), operations })),
    shapes: answered.map((name) => ({ name, id: `shape-${name}`, fields: fieldsOf(schemas[name]!) })),
  }
}

const idOf = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]+/g, '-')

function described(method: string, path: string, operation: Operation, schemas: Schemas): DescribedOperation {
  const body = operation.requestBody && 'content' in operation.requestBody ? operation.requestBody : undefined
  const asked = body && Object.values(body.content)[0]?.schema
  return {
    id: operation.operationId ?? idOf(`${method} ${path}`),
    method,
    path,
    summary: operation.summary ?? '',
    description: operation.description ?? '',
    parameters: (operation.parameters ?? []).flatMap((parameter) =>
      'name' in parameter
        ? {
            name: parameter.name,
            where: parameter.in,
            type: parameter.schema ? typeOf(parameter.schema) : '',
            required: parameter.required ?? false,
            description: parameter.description ?? '',
          }
        : [],
    ),
    body: asked
      ? {
          name: typeOf(asked),
          fields: fieldsOf(resolved(asked, schemas)),
          example: JSON.stringify(exampleOf(resolved(asked, schemas)), null, 2),
        }
      : null,
    answers: Object.entries(operation.responses).map(([status, answer]) => {
      const said = answer as { description?: string; content?: Record<string, { schema?: Schema }> }
      const shown = Object.entries(said.content ?? {}).map(([type, { schema }]) =>
        schema ? `${type}: ${typeOf(schema)}` : type,
      )
      return { status, description: said.description ?? '', what: shown.join('; ') }
    }),
  }
}

const resolved = (schema: Schema, schemas: Schemas): Schema =>
  '$ref' in schema ? (schemas[schema.$ref.split('/').at(-1)!] ?? {}) : schema

/** `string`, `list of JourneyDto`, `one of: asc, desc` */
function typeOf(schema: Schema): string {
  if ('$ref' in schema) return schema.$ref.split('/').at(-1)!
  if (schema.enum) return `one of: ${schema.enum.join(', ')}`
  const several = schema.allOf ?? schema.oneOf ?? schema.anyOf
  if (several) return several.map(typeOf).join(' or ')
  if (schema.type === 'array') return `list of ${schema.items ? typeOf(schema.items) : 'anything'}`
  const type = [schema.type ?? 'anything'].flat().join(' or ')
  return schema.format ? `${type} (${schema.format})` : type
}

function fieldsOf(schema: Schema): DescribedField[] {
  if ('$ref' in schema) return []
  return Object.entries(schema.properties ?? {}).map(([name, field]) => ({
    name,
    where: '',
    type: typeOf(field),
    required: schema.required?.includes(name) ?? false,
    description: ('description' in field && field.description) || '',
  }))
}

/** What its fields give as examples. */
const exampleOf = (schema: Schema): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries('$ref' in schema ? {} : (schema.properties ?? {})).flatMap(([name, field]) =>
      'example' in field && field.example !== undefined ? [[name, field.example as unknown]] : [],
    ),
  )
