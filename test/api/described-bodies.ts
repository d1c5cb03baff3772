/** Random bodies for every command of the API, made from its own description: a route that is added is tried without a word here. */
import type { OpenAPIObject } from '@nestjs/swagger'
import fc from 'fast-check'
import { aReferral } from './support.ts'

interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly items?: Schema
  readonly allOf?: readonly Schema[]
  readonly minimum?: number
  readonly maximum?: number
  readonly example?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}

interface Described {
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
}

export type Body = Readonly<Record<string, unknown>>

/** Days that believable histories have, and one that no year but some has. */
const days = fc.constantFrom('2025-02-03', '2025-02-04', '2025-03-01', '2024-02-29')

/** Fields of which an example would be refused wherever it is not about the same people. */
const better = (ids: Readonly<Record<string, readonly string[]>>): Readonly<Record<string, fc.Arbitrary<unknown>>> => ({
  occurredOn: days,
  on: days,
  // Whatever is unusual about it is mostly meant.
  confirmedOddities: fc.constant(ids.confirmedOddities),
  journeyId: fc.constantFrom(...ids.journeyId!),
  // Who was in the room is who is in the group.
  register: fc
    .tuple(fc.subarray([...ids.memberId!], { minLength: 1 }), fc.constantFrom('ATTC', 'AAME', 'UAAB'))
    .map(([members, outcome]) => members.map((journeyId) => ({ journeyId, outcome }))),
  corrects: fc.nat(6),
  withdraws: fc.nat(6),
  sessionId: fc.constantFrom('F1', 'F2', 'PG1', 'MR', 'X9'),
  code: fc.integer({ min: 100_000, max: 999_999 }).map((number) => `G${number}`),
})

/**
 * The body of a route, mostly one that would do.
 * @param route as Fastify writes it, `POST /api/journeys/:journeyId/breach`
 * @returns null where the route takes none
 */
export function bodyOf(
  description: OpenAPIObject,
  route: string,
  ids: Readonly<Record<string, readonly string[]>>,
): fc.Arbitrary<Body> | null {
  if (route === 'POST /api/journeys') return fc.constant(null).map(() => aReferral())
  const [method, path] = route.split(' ') as [string, string]
  const described = (description.paths[path.replace(/:(\w+)/g, '{$1}')] as Record<string, Described> | undefined)?.[
    method.toLowerCase()
  ]
  const schema = described?.requestBody?.content['application/json']?.schema
  if (!schema) return null
  const schemas = description.components!.schemas as Readonly<Record<string, Schema>>
  const fields = better(ids)
  const valueOf = (given: Schema): fc.Arbitrary<unknown> => {
    const one = given.$ref ? schemas[given.$ref.split('/').at(-1)!]! : given
    if (one.allOf) return valueOf(one.allOf[0]!)
    if (one.properties) return bodyFor(one)
    if (one.enum) return fc.constantFrom(...one.enum)
    if (one.example !== undefined) return fc.constant(one.example)
    if (one.type === 'array') return fc.array(valueOf(one.items ?? {}), { minLength: 1, maxLength: 3 })
    if (one.type === 'integer' || one.type === 'number')
      return fc.integer({ min: one.minimum ?? 0, max: one.maximum ?? 300 })
    return fc.string({ minLength: 1, maxLength: 40 })
  }
  const bodyFor = ({ properties = {}, required = [] }: Schema): fc.Arbitrary<Body> =>
    fc.record(
      Object.fromEntries(
        Object.entries(properties).map(([name, property]) => [name, fields[name] ?? valueOf(property)]),
      ),
      { requiredKeys: [...required, 'confirmedOddities'].filter((name) => name in properties) },
    )
  return valueOf(schema) as fc.Arbitrary<Body>
}

/** A body with some of its fields spoiled, left out or added to; or something that is no such body. */
export function spoiledOf(good: fc.Arbitrary<Body>, nasty: fc.Arbitrary<unknown>): fc.Arbitrary<string | Buffer> {
  const spoiling = good.chain((body) =>
    fc
      .dictionary(fc.constantFrom(...Object.keys(body), 'constructor', 'toString', '__proto__', 'x'), nasty, {
        maxKeys: 2,
      })
      .map((spoiled) => JSON.stringify({ ...body, ...spoiled })),
  )
  return fc.oneof(
    { weight: 8, arbitrary: good.map((body) => JSON.stringify(body)) },
    { weight: 5, arbitrary: spoiling },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.string({ maxLength: 200 }) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  )
}
