import { oddityCodes } from '../../src/domain/journey/oddities.ts'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { ContactForm } from '../support/sent-form.ts'
import { openJourney, serve } from '../support/served.ts'

let postgres: PostgresServer
beforeAll(async () => void (postgres = await startPostgres()))
afterAll(() => postgres.stop())

const note = 'Told while the database was away.'

it('while the database of the read models is away, pages say so, the API records, and all is well ten seconds after it is back', async () => {
  const served = await serve({ journeys: 40, settings: { DATABASE_URL: await postgres.database() } })
  onTestFinished(() => served.stop())
  const { url, runtime } = served
  const id = await openJourney(served)
  const form = await ContactForm.of(served, id, 'Not told.')
  const told = await ContactForm.of(served, id, 'Told before.')
  const where = (await told.send()).headers.get('location')!
  // An administrator who is signed in already: while it is away, nobody can begin a session.
  expect((await fetch(`${url}/operations`)).status).toBe(200)

  await postgres.halt()
  for (const path of ['/', `/journeys/${id}`, where]) {
    const page = await fetch(`${url}${path}`)
    expect([page.status, page.headers.get('retry-after')]).toEqual([503, '5'])
    const html = await page.text()
    expect(html).toContain('Sorry, the pages are unavailable')
    expect(html).not.toMatch(/postgres|ECONNREFUSED|ENOENT|\.ts:/i)
  }
  expect((await form.send()).status).toBe(503)
  const asked = await fetch(`${url}/api/journeys/${id}`)
  expect([asked.status, asked.headers.get('retry-after')]).toEqual([503, '5'])
  expect(asked.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  expect(await asked.json()).toMatchObject({ code: 'read_models_unavailable' })

  // The log does not need the database.
  const recorded = await fetch(`${url}/api/journeys/${id}/warnings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ occurredOn: '2025-03-30', note, confirmedOddities: oddityCodes }),
  })
  expect(recorded.status).toBe(201)

  expect((await fetch(`${url}/api/health/live`)).status).toBe(200)
  const ready = await fetch(`${url}/api/health/ready`)
  expect(ready.status).toBe(503)
  expect(await ready.json()).toMatchObject({ checks: { log: { status: 'up' }, readModels: { status: 'down' } } })
  const operations = await fetch(`${url}/operations`)
  expect(operations.status).toBe(200)
  expect(await operations.text()).toContain('The database of the read models is away')
  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toMatch(/^throughline_read_models_up 0$/m)
  await expect.poll(() => runtime.runner!.health.state, { timeout: 5_000 }).toBe('retrying')

  await postgres.resume()
  const back = Date.now()
  await expect.poll(async () => (await fetch(`${url}/journeys/${id}`)).text(), { timeout: 10_000 }).toContain(note)
  await expect
    .poll(async () => (await fetch(`${url}/api/health/ready`)).json(), {
      timeout: Math.max(0, back + 10_000 - Date.now()),
    })
    .toMatchObject({ status: 'ready', level: true })
  expect((await form.send()).status).toBe(303)
  expect(await (await fetch(`${url}${where}`)).text()).toContain('Told before.')
})
