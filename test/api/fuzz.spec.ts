import type { OpenAPIObject } from '@nestjs/swagger'
import fc from 'fast-check'
import type { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { oddityCodes } from '../../src/domain/journey/oddities.ts'
import { reasonCodes } from '../../src/domain/journey/outcomes.ts'
import { problemKinds } from '../../src/web/api/problems.ts'
import { describeApi } from '../../src/web/api/openapi.ts'
import { addressOf, RandomWorlds, type World } from '../support/random-world.ts'
import { countingArrivals } from '../support/runtime.ts'
import { bodyOf, spoiledOf } from './described-bodies.ts'
import { running } from './support.ts'

const api = running()
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
const requests = Number(process.env.REQUESTS ?? 600)

describe(`whatever is sent (seed ${seed}: SEED=${seed} does it again)`, () => {
  it(
    'is answered without a fault, and what is refused changes nothing',
    async () => {
      const { runtime } = api
      const description = describeApi(api.app)
      const worlds = new RandomWorlds(runtime, async ({ groupId, journeyIds, sessionIds }) => ({
        memberId: journeyIds as [string, ...string[]],
        journeyId: [...(journeyIds as [string, string]), await onProgramme(), await droppedOut()],
        groupId: [groupId],
        sessionId: sessionIds as [string, ...string[]],
        key: ['bbr'],
        version: ['1', '999999999999'],
        code: Object.keys(problemKinds) as [string, ...string[]],
      }))
      const arrived = await countingArrivals(runtime)
      const told = new Map(api.routes.map((route) => [route, 0]))
      const refusals = new Map<string, Set<string>>()
      let [sent, refused] = [0, 0]
      let lastWorld: World | undefined
      await fc.assert(
        fc.asyncProperty(fc.gen(), async (draw) => {
          const world = await worlds.next()
          if (world !== lastWorld) await arrived()
          lastWorld = world
          // Each route in turn, and a wandering one after each round.
          const route = api.routes[sent % (api.routes.length + 1)]
          const request = draw(() => (route ? requestOf(description, route, world) : wandering))
          // From many addresses, so that what answers is not the limit on one.
          const remoteAddress = `10.0.0.${++sent % 250}`
          const answer = await api.app.inject({ ...request, remoteAddress, payloadAsStream: true } as never)
          const body = await textOf(answer)
          const said = JSON.stringify({ request, answer: [answer.statusCode, body.slice(0, 500)] })
          expect(answer.statusCode, said).toBeLessThan(500)
          expect(answer.headers['cache-control'], said).toBe('no-store')
          if (answer.statusCode >= 400) {
            refused++
            expect(answer.headers['content-type'], said).toMatch(/^application\/problem\+json/)
            if (request.method !== 'HEAD') {
              const problem = JSON.parse(body) as { status: number; type: string }
              expect(problem.status, said).toBe(answer.statusCode)
              expect(problem.type, said).toMatch(/^\/api\/problems\/[a-z_]+$/)
              if (route) refusals.set(route, (refusals.get(route) ?? new Set()).add(problem.type.split('/').at(-1)!))
            }
          }
          if (route && answer.statusCode < 300) told.set(route, told.get(route)! + 1)
          const written = await arrived()
          // That something was taken away is on record.
          if (request.method === 'GET' || request.method === 'HEAD') return
          if (answer.statusCode !== 201) expect(written, said).toBe(0)
        }),
        // What was sent has changed what the next is sent to: a failure cannot be made smaller by sending less of it.
        { seed, numRuns: requests, endOnFailure: true },
      )
      expect(api.logged).toEqual([])
      // A fuzz that is only ever refused, or never, tries little.
      expect(refused).toBeGreaterThan(requests / 4)
      const never = [...told]
        .filter(([, count]) => count === 0)
        .map(([route]) => `${route} (${[...(refusals.get(route) ?? [])].join()})`)
      expect(never.length, never.join()).toBeLessThanOrEqual(requests < 10_000 ? api.routes.length / 3 : 0)
    },
    60_000 + 100 * requests,
  )
})

/** A journey with a session attended. */
async function onProgramme(): Promise<string> {
  const journeyId = await api.journey()
  const attendance = { occurredOn: '2025-02-03', sessionId: 'F1', outcome: 'ATTC' }
  await api.post(`/api/journeys/${journeyId}/attendance`, attendance)
  return journeyId
}

/** A journey that ended: what is said of it has to be about its ending. */
async function droppedOut(): Promise<string> {
  const journeyId = await onProgramme()
  await api.post(`/api/journeys/${journeyId}/drop-out`, { occurredOn: '2025-02-04', reason: reasonCodes[0] })
  return journeyId
}

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

const strange = fc.oneof(
  { weight: 9, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.webSegment().map((text) => text.slice(0, 80)) },
  { weight: 1, arbitrary: fc.oneof(fc.uuid(), fc.constantFrom('constructor', '%00', '%ff', '..%2f..')) },
)

/** All that was answered; of an event stream, which does not end, nothing. */
async function textOf(answer: { headers: Record<string, unknown>; stream(): Readable }): Promise<string> {
  const stream = answer.stream()
  if (String(answer.headers['content-type']).startsWith('text/event-stream')) {
    stream.destroy()
    return ''
  }
  return (await Array.fromAsync(stream)).join('')
}

/** A client resolves `..` before it asks. */
const staysInside = (url: string) => new URL(url, 'http://x').pathname.startsWith('/api')

/** A request of a route, about the journeys, the group and the sessions of the world. */
function requestOf(description: OpenAPIObject, route: string, world: World): fc.Arbitrary<Request> {
  const [method, path] = route.split(' ') as [string, string]
  const url = fc
    .tuple(fc.nat(30), strange, method === 'POST' ? fc.constant('') : query)
    .map(([which, strange, query]) => addressOf(ofProgramme(path), world, which, strange) + query)
    .filter(staysInside)
  const good = bodyOf(description, route, { ...world, confirmedOddities: oddityCodes })
  if (!good) return fc.record({ method: fc.constant(method), url, headers })
  return fc.record({
    method: fc.constant(method),
    url,
    headers: fc.oneof(
      { weight: 2, arbitrary: fc.constant({ 'content-type': 'application/json' }) },
      { weight: 1, arbitrary: headers.map((some) => ({ 'content-type': 'application/json', ...some })) },
    ),
    payload: spoiledOf(good, nasty),
  })
}

/** A session of a journey is called by its code in the programme, one of a calendar by its id. */
const ofProgramme = (path: string) => path.replace('/attendance/:sessionId/', '/attendance/F1/')

const wandering: fc.Arbitrary<Request> = fc.record({
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
      '/api/docs',
      '/api/openapi.json',
    ),
  ),
  headers,
})
