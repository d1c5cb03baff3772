import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { oddityCodes } from '../../src/domain/journey/oddities.ts'
import { outcomeCodes, reasonCodes } from '../../src/domain/journey/outcomes.ts'
import { countEvents } from '../support/runtime.ts'
import { aReferral, running } from './support.ts'

const api = running()
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
const requests = Number(process.env.REQUESTS ?? 600)

describe(`whatever is sent (seed ${seed}: SEED=${seed} does it again)`, () => {
  it(
    'is answered without a fault, and what is refused changes nothing',
    async () => {
      const journeys = [await api.journey(), await api.journey({ allocated: false })]
      const { runtime } = api
      let events = await countEvents(runtime)
      let [sent, told, refused] = [0, 0, 0]
      await fc.assert(
        fc.asyncProperty(aRequest(journeys), async (request) => {
          // From many addresses, so that what answers is not the limit on one.
          const remoteAddress = `10.0.0.${++sent % 250}`
          const answer = await api.app.inject({ ...request, remoteAddress } as never)
          const said = JSON.stringify({ request, answer: [answer.statusCode, answer.body.slice(0, 500)] })
          expect(answer.statusCode, said).toBeLessThan(500)
          expect(answer.headers['cache-control'], said).toBe('no-store')
          if (answer.statusCode >= 400) {
            refused++
            expect(answer.headers['content-type'], said).toMatch(/^application\/problem\+json/)
            if (request.method !== 'HEAD') {
              const problem = answer.json<{ status: number; type: string }>()
              expect(problem.status, said).toBe(answer.statusCode)
              expect(problem.type, said).toMatch(/^\/api\/problems\/[a-z_]+$/)
            }
          }
          if (answer.statusCode === 201) {
            told++
            events = await countEvents(runtime)
          } else if (request.method !== 'GET') expect(await countEvents(runtime), said).toBe(events)
        }),
        { seed, numRuns: requests },
      )
      expect(api.logged).toEqual([])
      // A fuzz that is only ever refused, or never, tries little.
      expect(told).toBeGreaterThan(requests / 100)
      expect(refused).toBeGreaterThan(requests / 4)
    },
    60_000 + 100 * requests,
  )
})

const nasty = fc.oneof(
  fc.constantFrom(
    null,
    '',
    ' ',
    0,
    -1,
    1e308,
    true,
    [],
    {},
    [[]],
    '\u0000',
    '\ud800',
    '__proto__',
    '2025-02-30',
    '9999-12-31',
    'ATTC',
    "'; DROP TABLE caseload; --",
    '../../etc/passwd',
    '😀',
  ),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.jsonValue({ maxDepth: 3 }),
)

const goodFields: Record<string, fc.Arbitrary<unknown>> = {
  occurredOn: fc.constantFrom('2025-02-03', '2025-02-04', '2024-02-29'),
  note: fc.string({ minLength: 1, maxLength: 50 }),
  sessionId: fc.constantFrom('F1', 'F2', 'PG1', 'MR', 'X9'),
  outcome: fc.constantFrom(...outcomeCodes),
  groupId: fc.constantFrom('G014', 'G1'),
  plannedFacilitators: fc.constant(['F011']),
  actualFacilitators: fc.constant(['F011', 'F029']),
  reason: fc.constantFrom(...reasonCodes),
  to: fc.constantFrom(...reasonCodes),
  decision: fc.constantFrom('suitable', 'not_ready'),
  provider: fc.constantFrom('North', 'East'),
  about: fc.constant('Two absences'),
  because: fc.constant('A mistake'),
  result: fc.constant('Medium'),
  confirmedOddities: fc.constantFrom(oddityCodes, oddityCodes, oddityCodes, []),
}

const fieldsOf: Record<string, readonly string[]> = {
  eligibility: ['occurredOn', 'result'],
  suitability: ['occurredOn', 'decision'],
  'waiting-list': ['occurredOn', 'note'],
  allocation: ['occurredOn', 'groupId'],
  'three-way-meetings': ['occurredOn'],
  'programme-reviews': ['occurredOn', 'note'],
  'provider-transfer': ['occurredOn', 'provider'],
  attendance: ['occurredOn', 'sessionId', 'outcome', 'groupId', 'plannedFacilitators', 'actualFacilitators'],
  'attendance/F1/corrections': ['occurredOn', 'outcome', 'because'],
  warnings: ['occurredOn', 'about'],
  breach: ['occurredOn'],
  'breach-resolution': ['occurredOn'],
  recall: ['occurredOn', 'about'],
  'drop-out': ['occurredOn', 'reason'],
  completion: ['occurredOn'],
  recategorisation: ['occurredOn', 'to'],
}

interface Request {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string>
  readonly payload?: string | Buffer
}

const headers: fc.Arbitrary<Record<string, string>> = fc
  .record(
    {
      'content-type': fc.constantFrom(
        'application/json',
        'application/json; charset=utf-8',
        'text/plain',
        'application/x-www-form-urlencoded',
        'application/json, text/html',
        ';',
      ),
      'idempotency-key': fc.oneof(fc.constantFrom('k1', 'k2', 'k3'), fc.string({ maxLength: 300 })),
      'if-match': fc.oneof(fc.constantFrom('*', '"0"', '"1"', '"2"', 'W/"1"', '""'), fc.string({ maxLength: 30 })),
      'if-none-match': fc.string({ maxLength: 30 }),
      'x-after-position': fc.constantFrom('0', '1', '-1', 'x', '00000000000000000000000'),
      accept: fc.constantFrom('*/*', 'application/jsonl', 'text/html', ';;;,,q=', 'application/json;q=abc'),
    },
    { requiredKeys: [] },
  )
  .map((some) => Object.fromEntries(Object.entries(some).filter(([, value]) => /^[\t\x20-\x7e]*$/.test(value))))

/** A body that would do, with some of its fields spoiled, left out or added to. */
const bodyLike = (good: fc.Arbitrary<Record<string, unknown>>): fc.Arbitrary<string | Buffer> =>
  fc.oneof(
    { weight: 6, arbitrary: good.map((body) => JSON.stringify(body)) },
    {
      weight: 5,
      arbitrary: fc
        .tuple(
          good,
          fc.dictionary(fc.constantFrom(...Object.keys(goodFields), 'constructor', 'toString', 'x'), nasty, {
            maxKeys: 2,
          }),
        )
        .map(([body, spoiled]) => JSON.stringify({ ...body, ...spoiled })),
    },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.string({ maxLength: 200 }) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  )

/** A client resolves `..` before it asks. */
const staysInside = (url: string) => new URL(url, 'http://x').pathname.startsWith('/api')

function aRequest(journeys: readonly string[]): fc.Arbitrary<Request> {
  const id = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...journeys) },
    { weight: 1, arbitrary: fc.webSegment().map((text) => text.slice(0, 80)) },
    { weight: 1, arbitrary: fc.uuid() },
  )
  const json = headers.map((some) => ({ 'content-type': 'application/json', ...some }))

  const telling = fc.constantFrom(...Object.keys(fieldsOf)).chain((path) => {
    const good = fc.record(
      Object.fromEntries(
        // Whatever is unusual about it is mostly meant.
        [...fieldsOf[path]!, 'confirmedOddities'].map((field) => [field, goodFields[field]!]),
      ),
    ) as fc.Arbitrary<Record<string, unknown>>
    return fc.record({
      method: fc.constant('POST'),
      url: id.map((id) => `/api/journeys/${id}/${path}`),
      headers: fc.oneof(
        { weight: 2, arbitrary: fc.constant({ 'content-type': 'application/json' }) },
        { weight: 1, arbitrary: json },
      ),
      payload: bodyLike(good),
    })
  })
  const referring = fc.record({
    method: fc.constant('POST'),
    url: fc.constant('/api/journeys'),
    headers: json,
    payload: bodyLike(fc.constant(null).map(() => aReferral())),
  })
  const searching = fc.record({
    method: fc.constant('POST'),
    url: fc.constantFrom('/api/caseload/search', '/api/caseload/search?after=1', '/api/caseload/search?x'),
    headers: json,
    payload: bodyLike(
      fc.record(
        {
          find: fc.string({ minLength: 1, maxLength: 40 }),
          sort: fc.constantFrom('referred', 'status'),
          direction: fc.constantFrom('asc', 'desc'),
          page: fc.integer({ min: 1, max: 1_000_000 }),
          pageSize: fc.integer({ min: 1, max: 200 }),
        },
        { requiredKeys: [] },
      ),
    ),
  })
  const query = fc.oneof(
    fc.constant(''),
    fc.webQueryParameters().map((text) => `?${text}`),
    fc.constantFrom(
      '?clock=known&at=2025-01-01T00:00:00Z',
      '?clock=happened&at=2025-02-03',
      '?at[]=1',
      '?after=1&after=2',
      '?clock=known&at=275760-09-13T00:00:00Z',
    ),
  )
  const asking = fc.record({
    method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD'),
    url: fc
      .tuple(id, fc.constantFrom('', '/timeline', '/replay', '/history'), query)
      .map(([id, path, query]) => `/api/journeys/${id}${path}${query}`),
    headers,
  })
  const wandering = fc.record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
    url: fc.oneof(
      fc
        .webPath()
        .map((path) => `/api${path}`)
        .filter(staysInside),
      fc.constantFrom(
        '/api/%',
        '/api/journeys//timeline',
        '/api/journeys/',
        '/api/problems/',
        '/api/docs/..%2f..%2fpackage.json',
        '/api/programmes/bbr/999999999999',
        '/api/openapi.json',
      ),
    ),
    headers,
  })
  return fc.oneof(
    { weight: 5, arbitrary: telling },
    referring,
    searching,
    { weight: 2, arbitrary: asking },
    wandering,
  ) as fc.Arbitrary<Request>
}
