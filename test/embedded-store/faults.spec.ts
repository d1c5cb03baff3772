import { rm } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import {
  CancelledError,
  EventStoreDBClient,
  NO_STREAM,
  NotLeaderError,
  TimeoutError,
  UnavailableError,
  persistentSubscriptionToAllSettingsFromDefaults,
} from '@eventstore/db-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EmbeddedStore } from '../../src/embedded-store/embedded-store.ts'
import { startEmbeddedStore } from '../../src/embedded-store/embedded-store.ts'
import { aStream, anEvent, collect, errorOf, temporaryDirectory } from '../event-store/target.ts'

let store: EmbeddedStore
let client: EventStoreDBClient
let dataDir: string
beforeEach(async () => {
  dataDir = await temporaryDirectory()
  store = await startEmbeddedStore({ dataDir, faults: {} })
  client = EventStoreDBClient.connectionString(store.connectionString)
})
afterEach(async () => {
  await client.dispose()
  await store.close()
  await rm(dataDir, { recursive: true })
})

const ways = [
  { way: 'in a batch', options: {}, whenClosed: CancelledError },
  {
    way: 'by the classic call',
    options: { credentials: { username: 'a', password: 'b' } },
    whenClosed: UnavailableError,
  },
]

describe.each(ways)('with injected faults, an append $way', ({ options, whenClosed }) => {
  it('that was not committed fails as unavailable, and can be repeated', async () => {
    const stream = aStream()
    const event = anEvent()
    await store.setFaults({ unavailable: { when: 'before_commit', times: 1 } })
    const first = await errorOf(client.appendToStream(stream, event, { ...options, expectedRevision: NO_STREAM }))
    expect(first).toBeInstanceOf(UnavailableError)
    expect(await errorOf(collect(client.readStream(stream)))).toMatchObject({ type: 'stream-not-found' })
    await client.appendToStream(stream, event, { ...options, expectedRevision: NO_STREAM })
    expect(await collect(client.readStream(stream))).toHaveLength(1)
  })

  it('that was committed but not acknowledged fails as unavailable, and when repeated is written once', async () => {
    const stream = aStream()
    const event = anEvent()
    await store.setFaults({ unavailable: { when: 'after_commit', times: 1 } })
    const first = await errorOf(client.appendToStream(stream, event, { ...options, expectedRevision: NO_STREAM }))
    expect(first).toBeInstanceOf(UnavailableError)
    expect(await collect(client.readStream(stream))).toHaveLength(1)
    const again = await client.appendToStream(stream, event, { ...options, expectedRevision: NO_STREAM })
    expect(again.nextExpectedRevision).toBe(0n)
    expect(await collect(client.readStream(stream))).toHaveLength(1)
  })

  it('is acknowledged with a delay', async () => {
    await client.appendToStream(aStream(), anEvent(), options)
    await store.setFaults({ delayedAcknowledgement: 200 })
    const began = Date.now()
    await client.appendToStream(aStream(), anEvent(), options)
    expect(Date.now() - began).toBeGreaterThanOrEqual(195)
  })

  it('waits for a slow disk', async () => {
    await client.appendToStream(aStream(), anEvent(), options)
    await store.setFaults({ slowDisk: 150 })
    const began = Date.now()
    await client.appendToStream(aStream(), anEvent(), options)
    expect(Date.now() - began).toBeGreaterThanOrEqual(145)
  })

  it('is sent to the leader', async () => {
    await store.setFaults({ notLeader: { host: '127.0.0.1', port: store.port } })
    const error = await errorOf(client.appendToStream(aStream(), anEvent(), options))
    expect(error).toBeInstanceOf(NotLeaderError)
    expect(error.leader).toEqual({ address: '127.0.0.1', port: store.port })
    await store.setFaults({})
    await client.appendToStream(aStream(), anEvent(), options)
  })

  it('that was committed when the store closes is acknowledged', async () => {
    const stream = aStream()
    await client.appendToStream(aStream(), anEvent(), options)
    await store.setFaults({ slowDisk: 10 })
    const appends = Array.from({ length: 60 }, async (_, number) => {
      await setTimeout(number / 2)
      return client.appendToStream(stream, anEvent(), options)
    })
    const told = Promise.allSettled(appends)
    await setTimeout(20)
    await store.close()
    const acknowledged = (await told).filter(({ status }) => status === 'fulfilled')
    await client.dispose()
    store = await startEmbeddedStore({ dataDir })
    client = EventStoreDBClient.connectionString(store.connectionString)
    const kept = await collect(client.readStream(stream)).catch(() => [])
    expect(kept).toHaveLength(acknowledged.length)
  })

  it('that is still open when the store closes ends with its outcome unknown', async () => {
    await client.appendToStream(aStream(), anEvent(), options)
    await store.setFaults({ delayedAcknowledgement: 60_000 })
    const error = errorOf(client.appendToStream(aStream(), anEvent(), options))
    await setTimeout(50)
    await store.close()
    expect(await error).toBeInstanceOf(whenClosed)
  })
})

it('a persistent subscription is managed and consumed at the leader', async () => {
  const settings = persistentSubscriptionToAllSettingsFromDefaults()
  await client.createPersistentSubscriptionToAll('group', settings)
  await store.setFaults({ notLeader: { host: '127.0.0.1', port: store.port } })
  const operations = [
    () => client.createPersistentSubscriptionToAll('other', settings),
    () => client.listAllPersistentSubscriptions(),
    () => collect(client.subscribeToPersistentSubscriptionToAll('group')),
  ]
  for (const operation of operations) expect(await errorOf(operation())).toBeInstanceOf(NotLeaderError)
})

it('a read may be answered by any node, unless it requires the leader', async () => {
  const stream = aStream()
  await client.appendToStream(stream, anEvent())
  await store.setFaults({ notLeader: { host: '127.0.0.1', port: store.port } })
  expect(await collect(client.readStream(stream))).toHaveLength(1)
  const error = await errorOf(collect(client.readStream(stream, { requiresLeader: true })))
  expect(error).toBeInstanceOf(NotLeaderError)
})

it('a subscription that is dropped as too slow gets that error, and can be opened again', async () => {
  const stream = aStream()
  const { position } = await client.appendToStream(stream, anEvent())
  const subscription = client.subscribeToAll()
  const error = new Promise((resolve) => subscription.on('error', resolve))
  await new Promise((resolve) => subscription.once('data', resolve))
  await store.dropSubscriptions()
  expect(await error).toBeInstanceOf(TimeoutError)
  await client.appendToStream(stream, anEvent('Later'))
  for await (const { event } of client.subscribeToAll({ fromPosition: position! })) {
    expect(event!.type).toBe('Later')
    break
  }
})

it('a store that crashes reports it, and can still be closed', async () => {
  const dying = await temporaryDirectory()
  let failed: (error: Error) => void
  const failure = new Promise<Error>((resolve) => (failed = resolve))
  const doomed = await startEmbeddedStore({ dataDir: dying, faults: {}, onFailure: (error) => failed(error) })
  await doomed.setFaults({ crash: true })
  expect((await failure).message).toMatch(/crashed/)
  await doomed.close()
  await rm(dying, { recursive: true })
})

it('faults cannot be injected into a store that was not started with them', async () => {
  const plainDir = await temporaryDirectory()
  const plain = await startEmbeddedStore({ dataDir: plainDir })
  expect((await errorOf(plain.setFaults({ diskFull: true }))).message).toMatch(/not started with faults/)
  await plain.close()
  await rm(plainDir, { recursive: true })
})
