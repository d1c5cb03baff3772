import fc from 'fast-check'
import type { Readable } from 'node:stream'
import 'reflect-metadata'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { oddityCodes } from '../../src/domain/journey/oddities.ts'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { takesFiles } from '../../src/web/import/receive-files.ts'
import { declaredRoutes } from '../support/page-routes.ts'
import { addressOf, RandomWorlds, type World } from '../support/random-world.ts'
import { countingArrivals } from '../support/runtime.ts'
import { buildAssets, openJourney, serve, type Served } from '../support/served.ts'
import { caseManager } from '../support/signed-in.ts'
import { filled, formIn, names, nasty, ShownAddresses, type Form } from './random-forms.ts'

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
const requests = Number(process.env.REQUESTS ?? 350)

/** What it answers is no page: it may be kept by whoever asked, and has another way to say no. */
const isForPrograms = (path: string) => /^\/(?:metrics|evidence)(?:\/|$)/.test(path)
/** After it nothing is answered: the specs of signing in send it. */
const signsOut = '/sign-out'

let served: Served
let facilitator: string
let record: string
beforeAll(async () => {
  await buildAssets()
  served = await serve({ journeys: 20 })
  const onboarded = await served.runtime.commands.facilitators.onboard(
    { code: 'F611', name: 'Rowan Vale', provider: 'North' },
    { by: caseManager, source: 'ui', commandId: crypto.randomUUID(), occurredOn: '2024-01-08' },
  )
  facilitator = onboarded.facilitatorId
  const { partnerSafety } = served.runtime.commands
  const askedFor = { journeyId: await openJourney(served), participantId: crypto.randomUUID() }
  await partnerSafety.askForOffer(askedFor, { by: caseManager, commandId: crypto.randomUUID() })
  for await (const { stream } of served.runtime.store.readAll(['partnersafety'])) record = stream.split(/-(.*)/)[1]!
}, 180_000)
afterAll(() => served?.stop())

describe(`whatever is asked of the pages (seed ${seed}: SEED=${seed} does it again)`, () => {
  it(
    'is answered without a fault, and what is refused changes nothing',
    async () => {
      const routes = declaredRoutes(served).filter(({ path }) => path !== signsOut)
      expect(routes.length).toBeGreaterThan(60)
      const shown = new ShownAddresses(routes)
      const worlds = new RandomWorlds(served.runtime, ({ groupId, journeyIds, sessionIds }) => ({
        id: journeyIds as [string, ...string[]],
        journey: journeyIds as [string, ...string[]],
        group: [groupId],
        session: sessionIds as [string, ...string[]],
        facilitator: [facilitator],
        record: [record],
      }))
      const arrived = await countingArrivals(served.runtime)
      const session = await signedIn()
      let forms = new Map<string, Form>()
      const formAt = async (url: string) => {
        if (!forms.has(url)) {
          const page = await ask({ method: 'GET', url })
          shown.learn(page.body, page.location)
          forms.set(url, formIn((page.location ? await ask({ method: 'GET', url: page.location }) : page).body))
        }
        return forms.get(url)!
      }
      const reached = new Map(routes.map((route) => [`${route.method} ${route.path}`, 0]))
      let lastWorld: World | undefined
      let [sent, refused, answered, recorded] = [0, 0, 0, 0]
      await fc.assert(
        fc.asyncProperty(choices, async ({ which, strange, query, spoiled, commandId, file }) => {
          const world = await worlds.next()
          if (world !== lastWorld) {
            await waitUntilCaughtUp(served.runtime)
            await arrived()
            forms = new Map()
            lastWorld = world
          }
          const route = routes[sent++ % routes.length]!
          const { method, path, isStream } = route
          const own = strange === null && which % 2 === 0 ? shown.of(route, which) : undefined
          const url = own ?? addressOf(path.replace('*', ':rest'), world, which, strange)
          const address = query && !own?.includes('?') ? `${url}?${query}` : url
          const good = method === 'POST' && !takesFiles(url) ? await formAt(url.split('?')[0]!) : {}
          // Half of them as they come from a form, half as they come from its check page.
          const step = which % 3 === 0 ? 'confirm' : ''
          const confirmedOddities = oddityCodes.join(' ')
          const fields = {
            ...filled(good, which),
            commandId,
            step,
            confirmedOddities,
            ...spoiled,
            _csrf: session.token,
          }
          const body = takesFiles(url) ? asFile(file, session.token) : asForm(fields)
          const answer = await ask(
            method === 'GET'
              ? { method, url: address }
              : { method, url: address, headers: { ...body.headers, cookie: session.cookie }, payload: body.payload },
          )
          const said = JSON.stringify({ method, address, fields, status: answer.statusCode })
          expect(answer.statusCode, `${said} ${answer.body.slice(0, 2_000)}`).toBeLessThan(500)
          if (!isForPrograms(path) && !isStream) {
            expect(answer.headers['cache-control'], said).toBe('no-store')
            shown.learn(answer.body, answer.location)
          }
          if (answer.statusCode < 400) {
            answered++
            reached.set(`${method} ${path}`, reached.get(`${method} ${path}`)! + 1)
          } else refused++
          // That something was taken away is on record.
          if (method === 'GET') return void (await arrived())
          const written = await arrived()
          if (answer.statusCode === 303) recorded += written
          else expect(written, said).toBe(0)
        }),
        // What was sent has changed what the next is sent to: a failure cannot be made smaller by sending less of it.
        { seed, numRuns: requests, endOnFailure: true },
      )
      // What is only ever refused, or never, tries little.
      expect(refused).toBeGreaterThan(requests / 100)
      expect(answered).toBeGreaterThan(requests / 10)
      expect(recorded).toBeGreaterThan(requests / 100)
      const never = [...reached].filter(([, count]) => count === 0).map(([route]) => route)
      expect(never.length, never.join()).toBeLessThan(routes.length / 3)
    },
    60_000 + 200 * requests,
  )
})

let asked = 0

interface Sent {
  readonly method: string
  readonly url: string
  readonly headers?: Record<string, string>
  readonly payload?: string
}

/** From many addresses, so that what answers is not the limit on one. Of an event stream, which does not end, nothing is read. */
async function ask(request: Sent) {
  const answer = await served.app.inject({
    ...request,
    remoteAddress: `10.0.1.${++asked % 250}`,
    payloadAsStream: true,
  } as never)
  const { statusCode, headers } = answer as { statusCode: number; headers: Record<string, string | undefined> }
  const stream = (answer as unknown as { stream(): Readable }).stream()
  let body = ''
  if (headers['content-type']?.startsWith('text/event-stream')) stream.destroy()
  else body = Buffer.concat((await Array.fromAsync(stream)) as Buffer[]).toString()
  return { statusCode, headers, location: headers.location, body, cookies: answer.cookies }
}

async function signedIn(): Promise<{ cookie: string; token: string }> {
  const page = await ask({ method: 'GET', url: '/' })
  const cookie = page.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
  return { cookie, token: /name="_csrf" value="([^"]+)"/.exec(page.body)![1]! }
}

const asForm = (fields: Record<string, string>) => ({
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  payload: new URLSearchParams(fields).toString(),
})

/** A file as a browser sends it. */
const asFile = (file: string, token: string) => ({
  headers: { 'content-type': 'multipart/form-data; boundary=----random' },
  payload: [
    '------random\r\nContent-Disposition: form-data; name="_csrf"\r\n',
    `${token}\r\n------random\r\nContent-Disposition: form-data; name="file"; filename="log.csv"\r\nContent-Type: text/csv\r\n`,
    `${file}\r\n------random--\r\n`,
  ].join('\r\n'),
})

const strange = fc.oneof(
  { weight: 9, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.oneof(fc.uuid(), fc.webSegment(), fc.constantFrom('constructor', '..%2f..', '%00')) },
)

/** What is left to chance of a request; which route it is for goes round. */
const choices = fc.record({
  which: fc.nat(30),
  strange,
  query: fc
    .oneof(
      { weight: 2, arbitrary: fc.constant({}) },
      { weight: 3, arbitrary: fc.dictionary(names, nasty, { minKeys: 1, maxKeys: 3 }) },
    )
    .map((some) => new URLSearchParams(some).toString()),
  spoiled: fc.oneof(
    { weight: 2, arbitrary: fc.constant<Record<string, string>>({}) },
    { weight: 3, arbitrary: fc.dictionary(names, nasty, { maxKeys: 2 }) },
  ),
  commandId: fc.uuid({ version: 4 }),
  file: fc.oneof(fc.constant('journey_ref,crn\r\n'), fc.string({ unit: 'binary', maxLength: 300 })),
})
