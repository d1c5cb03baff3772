/** An event's bytes in the log: canonical JSON, the same whichever order its members were given in. */
import { NO_STREAM, type EventStoreDBClient, type JSONEventData } from '@eventstore/db-client'
import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { EventAppender } from '../../src/event-store/event-appender.ts'

const storedEvents = globSync('test/stored-events/*.json').map(
  (file) => JSON.parse(readFileSync(file, 'utf8')) as { data: object; metadata: object },
)

describe('what is appended', () => {
  it('has its members in the order of RFC 8785, for every stored event', async () => {
    expect(storedEvents.length).toBeGreaterThan(20)
    for (const { data, metadata } of storedEvents) {
      const bytes = { data: canonicalize(data), metadata: canonicalize(metadata) }
      expect(await written(data, metadata)).toEqual(bytes)
      expect(await written(turned(data), turned(metadata))).toEqual(bytes)
    }
  })

  it.each<[object, string]>([
    [
      { z: 1, a: { d: [3, { y: 1, x: 2 }], b: null }, A: true },
      '{"A":true,"a":{"b":null,"d":[3,{"x":2,"y":1}]},"z":1}',
    ],
    [
      { n: [0, -0, 1e21, 1e-7, 0.1 + 0.2, 5e-324, 2 ** 53] },
      '{"n":[0,0,1e+21,1e-7,0.30000000000000004,5e-324,9007199254740992]}',
    ],
    [
      { s: ['é', 'e\u0301', '\u2028', '\u007f', '"\\/', '👩🏽‍🦰', '\ufeff'] },
      '{"s":["é","e\u0301","\u2028","\u007f","\\"\\\\/","👩🏽‍🦰","\ufeff"]}',
    ],
    // By UTF-16 units, as RFC 8785 has it: the first unit of a surrogate pair comes before U+FB33.
    [{ '\ufb33': 1, '😀': 2, '\u20ac': 3, é: 4 }, '{"é":4,"€":3,"😀":2,"\ufb33":1}'],
    [{ given: undefined, items: [undefined, 1], '': 'no name' }, '{"":"no name","items":[null,1]}'],
  ])('keeps awkward values: %j', async (data, bytes) => {
    expect((await written(data, data)).data).toBe(bytes)
  })

  it('is what it was while the members were sorted without the library', async () => {
    const name = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('0', '10', '9', '01', 'a10', 'a9', ''))
    const { fact } = fc.letrec((tie) => ({
      fact: fc.array(fc.tuple(name, tie('value'))).map((members) => Object.fromEntries(members)),
      value: fc.oneof(
        { maxDepth: 4 },
        fc.string({ unit: 'grapheme' }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.constantFrom(null, true, undefined),
        fc.array(tie('value')),
        tie('fact'),
      ),
    }))
    await fc.assert(
      fc.asyncProperty(fact, async (data) => {
        expect((await written(data as object, {})).data).toBe(JSON.stringify(sorted(data)))
      }),
      { numRuns: 100 },
    )
  })
})

/** What the client is given, as the client writes it. */
async function written(data: object, metadata: object) {
  let given: JSONEventData | undefined
  const appendToStream = async (_stream: string, [event]: JSONEventData[], options: object) => {
    given = event
    expect(options).toMatchObject({ expectedRevision: NO_STREAM })
    return { success: true, nextExpectedRevision: 0n, position: { commit: 0n, prepare: 0n } }
  }
  const appender = new EventAppender({ appendToStream } as unknown as EventStoreDBClient)
  await appender.append('journey-1', -1, [{ id: '7f9b1b0c-3b5f-5c57-9f57-6f2f5a3d1c11', type: 'T', data, metadata }])
  return { data: JSON.stringify(given!.data), metadata: JSON.stringify(given!.metadata) }
}

/** The same value with the members of every object in the opposite order. */
function turned<T>(value: T): T {
  if (Array.isArray(value)) return value.map(turned) as T
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, member]) => [name, turned(member) as unknown] as const)
      .toReversed(),
  ) as T
}

/** As events were put in order before; what the log holds already was written so. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  )
}
