import { EventStoreDBClient } from '@eventstore/db-client'
import { expect, it, onTestFinished, vi } from 'vitest'
import { CatchUpSubscription } from '../../src/event-store/catch-up-subscription.ts'
import { EventAppender } from '../../src/event-store/event-appender.ts'
import { StoreUnavailable } from '../../src/event-store/store-errors.ts'
import { startStore } from '../support/store-process.ts'
import { appenderOf, temporaryDirectory, temporaryWorkplace } from '../support/runtime.ts'

it('hands over a full batch once it is heavy, however few its events', async () => {
  const runtime = await temporaryWorkplace()
  const { store } = runtime
  const sealed = 'x'.repeat(900_000)
  for (let n = 0; n < 12; n++) await appenderOf(runtime).append('journey-heavy', n - 1, [warning({ sealed })])
  const sizes: number[] = []
  for await (const { events, caughtUp } of store.subscribe(everything())) {
    sizes.push(events.length)
    if (caughtUp) break
  }
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(12)
  expect(Math.max(...sizes)).toBeLessThan(8)
})

it('hands over together what arrives together: a burst while live is far fewer batches than events', async () => {
  const runtime = await temporaryWorkplace()
  const { store } = runtime
  const burst = 400
  let received = 0
  let batches = 0
  let appended: Promise<unknown> = Promise.resolve()
  for await (const { events, caughtUp } of store.subscribe(everything())) {
    if (caughtUp && batches === 0) {
      // Not waited for: the reader is at leisure while they arrive.
      appended = Promise.all(
        Array.from({ length: burst }, (_, n) => appenderOf(runtime).append(`journey-${n}`, -1, [warning({ n })])),
      )
      continue
    }
    received += events.length
    batches++
    if (received >= burst) break
  }
  await appended
  expect(received).toBe(burst)
  expect(batches).toBeLessThan(burst / 8)
})

it('goes on from the last event received where the server drops it, each event once and in order', async () => {
  const { client } = await dropping({ atEvent: 3 })
  await new EventAppender(client).append(
    'journey-dropped',
    -1,
    Array.from({ length: 10 }, (_, n) => warning({ n })),
  )
  const revisions: number[] = []
  for await (const { events } of new CatchUpSubscription(client, everything())) {
    revisions.push(...events.map(({ revision }) => revision))
    if (revisions.length >= 10) break
  }
  expect(revisions).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  // The event with which it is dropped is not received: each call brings two.
  expect(client.subscribeToAll).toHaveBeenCalledTimes(5)
})

it('is over where the server drops it before anything has come', async () => {
  const { client } = await dropping({ atEvent: 0 })
  const read = Array.fromAsync(new CatchUpSubscription(client, everything()))
  await expect(read).rejects.toThrow('The consumer is too slow.')
  expect(client.subscribeToAll).toHaveBeenCalledTimes(1)
})

it('is over where the server is gone', async () => {
  const { process: server, port } = await startStore(temporaryDirectory())
  const client = EventStoreDBClient.connectionString(`esdb://127.0.0.1:${port}?tls=false`)
  onTestFinished(() => client.dispose())
  const following = async () => {
    for await (const { caughtUp } of new CatchUpSubscription(client, everything())) if (caughtUp) server.kill('SIGKILL')
  }
  await expect(following()).rejects.toThrow(StoreUnavailable)
})

it('ends where it is told to', async () => {
  const runtime = await temporaryWorkplace()
  const { store } = runtime
  const stop = new AbortController()
  for await (const { caughtUp } of store.subscribe({ ...everything(), signal: stop.signal })) if (caughtUp) stop.abort()
  expect(stop.signal.aborted).toBe(true)
})

const everything = () => ({
  categories: ['journey'],
  after: null,
  batchSize: 1_000,
  signal: new AbortController().signal,
})

const warning = (data: object) => ({ id: crypto.randomUUID(), type: 'WarningIssued', data, metadata: {} })

/** A store, and a client of it whose subscriptions the server drops with the event of this number, or before any. */
async function dropping({ atEvent }: { atEvent: number }) {
  const { store, eventStoreUrl } = await temporaryWorkplace()
  const client = EventStoreDBClient.connectionString(eventStoreUrl)
  onTestFinished(() => client.dispose())
  const subscribeToAll = client.subscribeToAll.bind(client)
  vi.spyOn(client, 'subscribeToAll').mockImplementation((options) => {
    const subscription = subscribeToAll(options)
    const drop = () => subscription.emit('error', new Error('The consumer is too slow.'))
    let events = 0
    if (atEvent === 0) subscription.on('confirmation', drop)
    else subscription.on('data', () => void (++events === atEvent && drop()))
    return subscription as never
  })
  return { store, client }
}
