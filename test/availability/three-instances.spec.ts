/** Three instances as processes of their own, on one event store, one PostgreSQL database and one identity provider, with the same keys. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { withCaseload } from '../../projections/caseload.ts'
import { DevelopmentProvider } from '../../src/access/development-provider.ts'
import { oddityCodes } from '../../src/domain/journey/oddities.ts'
import { consultationCategory, type ConsultationMetadata } from '../../src/domain/consultation.ts'
import { openRuntime, waitUntilCaughtUp, type Runtime } from '../../src/runtime/runtime.ts'
import { sessionCookie } from '../../src/web/sign-in/cookies.ts'
import { accessTokenFor, Visitor } from '../support/browsing.ts'
import { startInstance, type Instance } from '../support/instance-process.ts'
import { bothDatabases } from '../support/postgres.ts'
import { importText, settingsIn, temporaryDirectory } from '../support/runtime.ts'
import { syntheticLog } from '../support/served.ts'
import { startStore } from '../support/store-process.ts'

const freshDatabase = bothDatabases()

it('any of three instances does for the others, and while one after the other is killed nothing acknowledged and no look is lost', async () => {
  const dir = temporaryDirectory()
  const { port } = await startStore(join(dir, 'store'))
  const provider = await DevelopmentProvider.start(join(dir, 'none.css'))
  onTestFinished(() => provider.stop())
  const { issuer, clientId, audience } = provider.settings
  const shared = {
    EVENT_STORE_URL: `esdb://127.0.0.1:${port}?tls=false`,
    DATABASE_URL: await freshDatabase('PostgreSQL'),
    KEYS_DIR: join(dir, 'keys'),
    RATE_LIMIT: '0',
    REACH_LIMIT: '0',
    OIDC_ISSUER: issuer,
    OIDC_CLIENT_ID: clientId,
    OIDC_AUDIENCE: audience,
  }
  const beside = await openRuntime(settingsIn(join(dir, 'beside'), shared))
  onTestFinished(() => beside.close())
  await importText(beside, syntheticLog(12))
  await waitUntilCaughtUp(beside)
  const id = await someJourney(beside)
  const before = (await Array.fromAsync(beside.store.read(`journey-${id}`))).length
  // From here on the instances project.
  await beside.runner!.stop()

  const start = (n: number) => startInstance({ ...shared, DATA_DIR: join(dir, `instance-${n}`) })
  const instances = await Promise.all([0, 1, 2].map(start))

  // Signed in at one, known to the second, signed out there, refused by the third.
  const visitor = new Visitor()
  const [one, two, three] = instances.map(({ url }) => url) as [string, string, string]
  await visitor.signIn(one, 'case_manager')
  const cookie = visitor.cookie(one, sessionCookie)!
  for (const url of [two, three]) visitor.setCookie(url, sessionCookie, cookie)
  const account = await visitor.ask(`${two}/account`)
  expect(account.status).toBe(200)
  expect((await visitor.ask(`${three}/account`)).status).toBe(200)
  const csrf = /name="_csrf" value="([^"]+)"/.exec(await account.text())![1]!
  const out = await visitor.ask(`${two}/sign-out`, { method: 'POST', body: new URLSearchParams({ _csrf: csrf }) })
  expect(out.status).toBe(303)
  for (const url of [one, three]) {
    visitor.setCookie(url, sessionCookie, cookie)
    expect((await visitor.ask(`${url}/account`, { headers: { accept: 'application/json' } })).status).toBe(401)
  }

  // Who records and who looks goes from one instance to the next, whether it is there or not.
  const authorization = `Bearer ${await accessTokenFor(issuer, 'case_manager')}`
  const written = new Map<string, number>()
  const looks = new Set<string>()
  let isOver = false
  const ask = async (path: string, init: RequestInit = {}) => {
    const { url } = instances[Math.floor(Math.random() * instances.length)]!
    const headers = { authorization, 'content-type': 'application/json', ...(init.headers as Record<string, string>) }
    return fetch(`${url}${path}`, { ...init, headers, signal: AbortSignal.timeout(20_000) })
  }
  const recording = async () => {
    while (!isOver) {
      const key = randomUUID()
      const body = JSON.stringify({ occurredOn: '2025-03-30', about: key, confirmedOddities: oddityCodes })
      // Whoever got no answer asks again, by the same key.
      for (let settled = false; !settled && !isOver; await wait(20)) {
        const answer = await ask(`/api/journeys/${id}/warnings`, {
          method: 'POST',
          headers: { 'idempotency-key': key },
          body,
        }).catch(() => null)
        settled = answer !== null && answer.status < 300
        if (settled) written.set(key, ((await answer!.json()) as { revision: number }).revision)
      }
    }
  }
  const looking = async () => {
    for (; !isOver; await wait(20)) {
      const answer = await ask(`/api/journeys/${id}`).catch(() => null)
      if (answer?.status !== 200) continue
      // Only what arrived was seen.
      const read = await answer.text().catch(() => null)
      if (read !== null) looks.add(answer.headers.get('x-request-id')!)
    }
  }
  const going = [recording(), recording(), looking(), looking()]
  for (const n of [0, 1, 2]) {
    const [records, looked] = [written.size, looks.size]
    await instances[n]!.kill()
    // The other two go on.
    await expect.poll(() => written.size, { timeout: 60_000 }).toBeGreaterThan(records + 3)
    await expect.poll(() => looks.size, { timeout: 60_000 }).toBeGreaterThan(looked + 3)
    instances[n] = await start(n)
  }
  isOver = true
  await Promise.all(going)

  const recorded = await Array.fromAsync(beside.store.read(`journey-${id}`))
  for (const revision of written.values()) expect(recorded[revision]?.type).toBe('WarningIssued')
  expect(new Set(written.values()).size).toBe(written.size)
  const commands = recorded.slice(before).map(({ metadata }) => (metadata as { commandId: string }).commandId)
  expect(new Set(commands).size).toBe(commands.length)
  // A look that was kept in an instance’s directory while the log did not answer in time is sent on within seconds.
  const lost = async () => {
    const logged = await Array.fromAsync(beside.store.readAll([consultationCategory]))
    const known = new Set(logged.map(({ metadata }) => (metadata as ConsultationMetadata).correlationId))
    return [...looks].filter((look) => !known.has(look))
  }
  await expect.poll(lost, { timeout: 30_000 }).toEqual([])
  for (const instance of instances) await showsAll(instance, authorization, id, recorded.length - 1)
}, 480_000)

async function someJourney({ readModels }: Runtime): Promise<string> {
  const { journey_id: id } = await withCaseload(readModels.db)
    .selectFrom('caseload')
    .select('journey_id')
    .where('status', '=', 'on_programme')
    .orderBy('referred_on')
    .limit(1)
    .executeTakeFirstOrThrow()
  return id
}

/** Whichever of them projects now. */
const showsAll = ({ url }: Instance, authorization: string, id: string, revision: number) =>
  expect
    .poll(async () => (await fetch(`${url}/api/journeys/${id}`, { headers: { authorization } })).json(), {
      timeout: 30_000,
    })
    .toMatchObject({ revision })
