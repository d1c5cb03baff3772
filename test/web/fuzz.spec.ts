import { oddityCodes } from '../../src/domain/journey/oddities.ts'
import fc from 'fast-check'
import 'reflect-metadata'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pageRoutes } from '../support/page-routes.ts'
import { countEvents } from '../support/runtime.ts'
import { buildAssets, openJourney, richestJourney, serve, type Served } from '../support/served.ts'

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
const requests = Number(process.env.REQUESTS ?? 250)

let served: Served
beforeAll(async () => {
  await buildAssets()
  served = await serve({ journeys: 20 })
}, 180_000)
afterAll(() => served?.stop())

describe(`whatever is asked of the pages (seed ${seed}: SEED=${seed} does it again)`, () => {
  it(
    'is answered without a fault, and what is refused changes nothing',
    async () => {
      const ids = [await openJourney(served), await richestJourney(served)]
      const routes = pageRoutes(served)
      expect(routes.length).toBeGreaterThan(15)
      const session = await signedIn()
      const forms = new Map<string, Form>()
      const formAt = async (url: string) => {
        if (!forms.has(url)) {
          const page = await ask({ method: 'GET', url })
          const { location } = page.headers as { location?: string }
          forms.set(url, formIn((location ? await ask({ method: 'GET', url: location }) : page).body))
        }
        return forms.get(url)!
      }
      let events = await countEvents(served.runtime)
      let [refused, answered, recorded] = [0, 0, 0]
      await fc.assert(
        fc.asyncProperty(aRequest(routes, ids), async ({ method, url, query, spoiled, which, commandId }) => {
          const address = `${url}${query}`
          const good = method === 'POST' ? await formAt(url) : {}
          // Half of them as they come from a form, half as they come from its check page.
          const step = which % 2 === 0 ? 'confirm' : ''
          const confirmedOddities = oddityCodes.join(' ')
          const fields = {
            ...filled(good, which),
            commandId,
            step,
            confirmedOddities,
            ...spoiled,
            _csrf: session.token,
          }
          const answer = await ask(
            method === 'GET'
              ? { method, url: address }
              : {
                  method,
                  url: address,
                  headers: { 'content-type': 'application/x-www-form-urlencoded', cookie: session.cookie },
                  payload: new URLSearchParams(fields).toString(),
                },
          )
          const said = JSON.stringify({ method, address, fields, status: answer.statusCode })
          expect(answer.statusCode, said).toBeLessThan(500)
          expect(answer.headers['cache-control'], said).toBe('no-store')
          if (method === 'POST' && answer.statusCode === 303) {
            const now = await countEvents(served.runtime)
            recorded += now - events
            events = now
          } else if (answer.statusCode >= 400) {
            refused++
            expect(await countEvents(served.runtime), said).toBe(events)
          } else answered++
        }),
        { seed, numRuns: requests },
      )
      // What is only ever refused, or never, tries little.
      expect(refused).toBeGreaterThan(requests / 100)
      expect(answered).toBeGreaterThan(requests / 10)
      expect(recorded).toBeGreaterThan(requests / 100)
    },
    60_000 + 200 * requests,
  )
})

let asked = 0

/** From many addresses, so that what answers is not the limit on one. */
const ask = (request: { method: string; url: string; headers?: Record<string, string>; payload?: string }) =>
  served.app.inject({ ...request, remoteAddress: `10.0.1.${++asked % 250}` } as never)

/** Every page there is, as the controllers declare them, but for the evidence log, which is for programs, event streams, which do not end, and signing out, after which nothing is answered. */
async function signedIn(): Promise<{ cookie: string; token: string }> {
  const page = await ask({ method: 'GET', url: '/' })
  const cookie = page.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
  return { cookie, token: /name="_csrf" value="([^"]+)"/.exec(page.body)![1]! }
}

/** The fields of a form, each with what could be chosen. */
type Form = Readonly<Record<string, readonly string[]>>

function formIn(html: string): Form {
  const form: Record<string, string[]> = {}
  const main = html.slice(html.indexOf('<main'))
  for (const [tag, name] of main.matchAll(/<(?:input|textarea|select)[^>]*\sname="([^"]+)"[^>]*>/g)) {
    const value = /\svalue="([^"]*)"/.exec(tag)?.[1]
    form[name!] = [...(form[name!] ?? []), ...(value === undefined ? [] : [value])]
  }
  for (const [, name, options] of main.matchAll(/<select[^>]*\sname="([^"]+)"[^>]*>([\s\S]*?)<\/select>/g))
    form[name!] = [...options!.matchAll(/value="([^"]*)"/g)].map(([, value]) => value!)
  return form
}

const likely: Record<string, string> = { day: '31', month: '3', year: '2025', actual: 'F001', planned: 'F001' }

const filled = (form: Form, which: number): Record<string, string> =>
  Object.fromEntries(
    Object.entries(form).map(([name, values]) => [
      name,
      likely[name.split('-').at(-1)!] ?? values[which % Math.max(1, values.length)] ?? 'x',
    ]),
  )

const nasty = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    '\t',
    '\u001b[31m',
    '__proto__',
    'constructor',
    '-1',
    '2025-02-30',
    '0224',
    '😀',
    '\ud800',
  ),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ minLength: 4_001, maxLength: 4_100 }),
)

const names = fc.oneof(
  fc.constantFrom('clock', 'at', 'place', 'done', 'after', 'page', 'order', 'status', 'find', 'sessionId', 'from'),
  fc.constantFrom('count', 'date-day', 'date-month', 'date-year', 'outcome', 'commandId', 'revision', 'stream', 'to'),
  fc.constantFrom('constructor', '__proto__', 'toString'),
)

function aRequest(routes: ReturnType<typeof pageRoutes>, ids: readonly string[]) {
  const id = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...ids) },
    { weight: 1, arbitrary: fc.oneof(fc.uuid(), fc.webSegment(), fc.constantFrom('constructor', '..%2f..', '%00')) },
  )
  return fc
    .record({
      route: fc.oneof(fc.constantFrom(...routes), fc.constantFrom(...routes.filter(({ method }) => method === 'POST'))),
      id,
      query: fc.dictionary(names, nasty, { maxKeys: 3 }),
      spoiled: fc.oneof(
        { weight: 2, arbitrary: fc.constant({}) },
        { weight: 3, arbitrary: fc.dictionary(names, nasty, { maxKeys: 2 }) },
      ),
      which: fc.nat(30),
      commandId: fc.uuid({ version: 4 }),
    })
    .map(({ route, id, query, spoiled, which, commandId }) => ({
      method: route.method,
      url: route.path.replace(/:[a-zA-Z]+/g, id),
      query: Object.keys(query).length > 0 ? `?${new URLSearchParams(query).toString()}` : '',
      spoiled: spoiled as Record<string, string>,
      which,
      commandId,
    }))
}
