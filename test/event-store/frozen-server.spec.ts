/** A server that is stopped and not ended keeps its connections, takes new ones, and says nothing on either. */
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { readConfig } from '../../src/runtime/config.ts'
import { reportFromLog } from '../../src/queries/report.ts'
import { openRuntime } from '../../src/runtime/runtime.ts'
import { StoreUnavailable } from '../../src/event-store/store-errors.ts'
import { ContactForm } from '../support/sent-form.ts'
import { appenderOf, temporaryDirectory } from '../support/runtime.ts'
import { openJourney, serve, type Served } from '../support/served.ts'
import { startStore } from '../support/store-process.ts'

/** What a read and an append have, with something for a busy machine. */
const deadlineMs = 15_000 + 5_000

it('a frozen server: first and later commands and histories, the start and the report end within the deadline, and all is well once it goes on', async () => {
  const { process: server, port } = await startStore(temporaryDirectory())
  onTestFinished(() => void server.kill('SIGCONT'))
  const EVENT_STORE_URL = `esdb://127.0.0.1:${port}?tls=false`
  const served = await serve({ journeys: 20, settings: { EVENT_STORE_URL } })
  onTestFinished(() => served.stop())
  const id = await openJourney(served)
  const form = await ContactForm.of(served, id, 'A note worth keeping.')
  const history = () => fetch(`${served.url}/journeys/${id}/history`)
  expect((await history()).status).toBe(200)

  server.kill('SIGSTOP')
  // Three times: while the first connection is still open, when it has been given up, and when a new one has been tried.
  for (let turn = 1; turn <= 3; turn++) {
    const answers = await Promise.all([form.send(), warn(served, id, `turn-${turn}`), history()].map(timed))
    for (const { answer, ms } of answers) {
      expect([answer.status, answer.headers.get('retry-after')], `turn ${turn}`).toEqual([503, '5'])
      expect(ms).toBeLessThan(deadlineMs)
    }
  }
  const settings = { DATA_DIR: temporaryDirectory(), LOG_LEVEL: 'silent', EVENT_STORE_URL }
  const [start, report] = await Promise.all([
    timed(failureOf(openRuntime(readConfig(settings)))),
    timed(failureOf(Array.fromAsync(reportFromLog(served.runtime, { demonstration: true })))),
  ])
  for (const { answer, ms } of [start, report]) {
    expect(answer).toBeInstanceOf(StoreUnavailable)
    expect(ms).toBeLessThan(deadlineMs)
  }

  server.kill('SIGCONT')
  await expect.poll(async () => (await form.send()).status, { timeout: 10_000 }).toBe(303)
  expect((await warn(served, id, 'afterwards')).status).toBe(201)
  expect((await history()).status).toBe(200)
  await expect
    .poll(async () => (await fetch(`${served.url}/api/health/ready`)).json(), { timeout: 20_000 })
    .toMatchObject({ status: 'ready', level: true, checks: { projector: { state: 'projecting' } } })
  expect((await Array.fromAsync(reportFromLog(served.runtime, { demonstration: true }))).length).toBeGreaterThan(0)
  const stored = await Array.fromAsync(served.runtime.store.read(`journey-${id}`))
  const commands = stored.map(({ metadata }) => (metadata as { commandId: string }).commandId)
  expect(commands.filter((commandId) => commandId === form.commandId)).toHaveLength(1)
}, 180_000)

it('a server that freezes in the middle of a long stream is given up from its last event on', async () => {
  const { process: server, port } = await startStore(temporaryDirectory())
  onTestFinished(() => void server.kill('SIGCONT'))
  const settings = { DATA_DIR: temporaryDirectory(), LOG_LEVEL: 'silent' }
  const runtime = await openRuntime(readConfig({ ...settings, EVENT_STORE_URL: `esdb://127.0.0.1:${port}?tls=false` }))
  onTestFinished(() => runtime.close())
  const long = Array.from({ length: 3_000 }, () => ({
    id: crypto.randomUUID(),
    type: 'WarningIssued',
    data: { note: 'x'.repeat(1_000) },
    metadata: {},
  }))
  for (let from = 0; from < long.length; from += 500)
    await appenderOf(runtime).append('journey-long', from - 1, long.slice(from, from + 500))
  let read = 0
  const reading = (async () => {
    for await (const _event of runtime.store.read('journey-long')) {
      if (++read === 1) server.kill('SIGSTOP')
      if (read === 1) await wait(200)
    }
  })()
  const { answer, ms } = await timed(failureOf(reading))
  expect(answer).toBeInstanceOf(StoreUnavailable)
  expect(ms).toBeLessThan(deadlineMs)
  expect(read).toBeLessThan(long.length)
}, 90_000)

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'there was none',
    (error: unknown) => error,
  )

async function timed<T>(asked: Promise<T>): Promise<{ answer: T; ms: number }> {
  const begun = performance.now()
  return { answer: await asked, ms: performance.now() - begun }
}

const warn = ({ url }: Served, id: string, key: string) =>
  fetch(`${url}/api/journeys/${id}/warnings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ occurredOn: '2025-03-30', confirmedOddities: ['far_from_today', 'weekend', 'second_same_day'] }),
  })
