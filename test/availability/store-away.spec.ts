import { oddityCodes } from '../../src/domain/journey/oddities.ts'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { bothDatabases, databases } from '../support/postgres.ts'
import { ContactForm } from '../support/sent-form.ts'
import { openJourney, serve, type Served } from '../support/served.ts'
import { startStore } from '../support/store-process.ts'
import { temporaryDirectory } from '../support/runtime.ts'

const note = 'A note worth keeping, whatever happens.'

const freshDatabase = bothDatabases()

describe.each(databases)('while the event store is away, on %s,', (kind) => {
  it('pages go on and say as of when, commands answer 503 and lose nothing, and all is well ten seconds after it is back', async () => {
    const storeDir = temporaryDirectory()
    const { process: store, port } = await startStore(storeDir)
    // As one address, and as a cluster of which it is the only seed.
    const scheme = kind === 'SQLite' ? 'esdb+discover' : 'esdb'
    const served = await withStore(port, await freshDatabase(kind), scheme)
    const id = await openJourney(served)
    const form = await ContactForm.of(served, id, note)
    const before = await text(served, `/journeys/${id}`)
    expect(before).not.toContain('nothing can be recorded just now')

    store.kill('SIGKILL')
    await once(store, 'exit')
    await expect
      .poll(() => text(served, '/'), { timeout: 10_000 })
      .toMatch(/nothing can be recorded just now\.<\/strong> You see what was known on \d+ \w+ \d{4} at /)
    const during = await text(served, `/journeys/${id}`)
    expect(during).toContain('nothing can be recorded just now')
    expect(main(during)).toBe(main(before))
    const asked = await fetch(`${served.url}/api/journeys/${id}`)
    expect(asked.status).toBe(200)
    expect(Date.parse(asked.headers.get('x-as-of')!)).toBeGreaterThan(0)

    // A form comes back as it was sent, and can be sent again.
    const refused = await form.send()
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
    const again = await refused.text()
    expect(again).toContain(note)
    expect(again).toContain(`value="${form.commandId}"`)
    expect(again).toContain('it will never be recorded twice')

    const told = await tell(served, id)
    expect([told.status, told.headers.get('retry-after')]).toEqual([503, '5'])
    expect(await told.json()).toMatchObject({ code: 'store_unavailable' })

    // What is read from the log itself says that it is away.
    const history = await fetch(`${served.url}/journeys/${id}/history`)
    expect([history.status, history.headers.get('retry-after')]).toEqual([503, '5'])

    expect((await fetch(`${served.url}/api/health/live`)).status).toBe(200)
    const ready = await fetch(`${served.url}/api/health/ready`)
    expect(ready.status).toBe(503)
    expect(await ready.json()).toMatchObject({ checks: { log: { status: 'down' }, readModels: { status: 'up' } } })
    expect(await text(served, '/operations')).toContain('The log is away')
    expect(await text(served, '/metrics')).toMatch(/^throughline_log_up 0$/m)

    // Long enough for those who try again to have become patient.
    await wait(8_000)
    await startStore(storeDir, port)
    const back = Date.now()
    const until = (ms: number) => Math.max(0, back + ms - Date.now())
    await expect.poll(async () => (await form.send()).status, { timeout: until(10_000) }).toBe(303)
    await expect.poll(async () => (await tell(served, id)).status, { timeout: until(10_000) }).toBeLessThan(300)
    await expect
      .poll(async () => (await fetch(`${served.url}/api/health/ready`)).json(), { timeout: until(10_000) })
      .toMatchObject({ status: 'ready', level: true, checks: { projector: { state: 'projecting' } } })
    const after = await text(served, `/journeys/${id}`)
    expect(after).toContain(note)
    expect(after).not.toContain('nothing can be recorded just now')
    expect(Date.now() - back).toBeLessThan(10_000)

    // Each was told many times, and is written once.
    const stored = await Array.fromAsync(served.runtime.store.read(`journey-${id}`))
    const commands = stored.map(({ metadata }) => (metadata as { commandId: string }).commandId)
    expect(commands.filter((commandId) => commandId === form.commandId)).toHaveLength(1)
    expect(stored.filter(({ type }) => type === 'WarningIssued')).toHaveLength(
      before.split('Warning issued').length - 1 + 1,
    )
  })
})

describe('an event store that is silent', () => {
  it('is taken for away: a command answers 503 within half a minute, and is not lost', async () => {
    const storeDir = temporaryDirectory()
    const { process: store, port } = await startStore(storeDir)
    const served = await withStore(port)
    const id = await openJourney(served)
    const form = await ContactForm.of(served, id, note)
    store.kill('SIGSTOP')
    const asked = Date.now()
    const [page, api, ready] = await Promise.all([
      form.send(),
      tell(served, id),
      fetch(`${served.url}/api/health/ready`).then((answer) => ({ status: answer.status, at: Date.now() })),
    ])
    expect([page.status, api.status, ready.status]).toEqual([503, 503, 503])
    expect(ready.at - asked).toBeLessThan(3_000)
    expect(Date.now() - asked).toBeLessThan(30_000)
    expect(await page.text()).toContain(note)
    expect((await fetch(`${served.url}/journeys/${id}`)).status).toBe(200)
    store.kill('SIGCONT')
    const back = Date.now()
    await expect.poll(async () => (await form.send()).status, { timeout: 10_000 }).toBe(303)
    await expect.poll(() => text(served, `/journeys/${id}`), { timeout: back + 10_000 - Date.now() }).toContain(note)
  })
})

async function withStore(port: number, databaseUrl?: string, scheme = 'esdb'): Promise<Served> {
  const EVENT_STORE_URL = `${scheme}://127.0.0.1:${port}?tls=false`
  const served = await serve({ journeys: 40, settings: { EVENT_STORE_URL, DATABASE_URL: databaseUrl } })
  onTestFinished(() => served.stop())
  return served
}

const text = async ({ url }: Served, path: string) => (await fetch(`${url}${path}`)).text()

/** What a page of a journey says of it, without what may be said above it. */
const main = (html: string) => html.slice(html.indexOf('<div class="tl-columns">'))

/** The same warning each time it is sent. */
const tell = ({ url }: Served, id: string) =>
  fetch(`${url}/api/journeys/${id}/warnings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'the-same-warning' },
    body: JSON.stringify({ occurredOn: '2025-03-30', confirmedOddities: oddityCodes }),
  })
