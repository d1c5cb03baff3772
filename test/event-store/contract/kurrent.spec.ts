/**
 * The successor client, written in another language underneath, must find the same store. It cannot share a process with
 * `@eventstore/db-client`: both register their messages under the same global names. Hence nothing here is taken from target.ts.
 */
import { randomUUID } from 'node:crypto'
import {
  KurrentDBClient,
  NO_STREAM,
  START,
  StreamDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
  jsonEvent,
  persistentSubscriptionToStreamSettingsFromDefaults,
  streamNameFilter,
} from '@kurrent/kurrentdb-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EmbeddedStore } from '../../../src/embedded-store/embedded-store.ts'
import { startEmbeddedStore } from '../../../src/embedded-store/embedded-store.ts'

let client: KurrentDBClient
let store: EmbeddedStore | undefined
let dataDir: string | undefined
beforeAll(async () => {
  let url = process.env.EVENT_STORE_URL
  if (!url) {
    dataDir = await mkdtemp(join(tmpdir(), 'store-'))
    store = await startEmbeddedStore({ dataDir })
    url = store.connectionString
  }
  client = KurrentDBClient.connectionString(url.replace(/^esdb/, 'kurrentdb'))
})
afterAll(async () => {
  await client.dispose()
  await store?.close()
  if (dataDir) await rm(dataDir, { recursive: true })
})

const aStream = () => `kurrent-${randomUUID()}`

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of stream) all.push(one)
  return all
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => Promise.reject(new Error('Expected an error, and there was none')),
    (error: unknown) => error,
  )
}

const events = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    jsonEvent({ id: randomUUID(), type: 'Tried', data: { i }, metadata: { by: 'me' } }),
  )

describe('the successor client', () => {
  it('appends, reads back and is refused alike', async () => {
    const stream = aStream()
    const first = await client.appendToStream(stream, events(3), { streamState: NO_STREAM })
    expect(first.nextExpectedRevision).toBe(2n)
    const read = await collect(client.readStream(stream))
    expect(read.map(({ event }) => [event!.revision, event!.data, event!.metadata])).toEqual(
      [0, 1, 2].map((i) => [BigInt(i), { i }, { by: 'me' }]),
    )
    expect(await errorOf(client.appendToStream(stream, events(1), { streamState: 0n }))).toBeInstanceOf(
      WrongExpectedVersionError,
    )
    expect(await errorOf(collect(client.readStream(aStream())))).toBeInstanceOf(StreamNotFoundError)
    const [last] = await collect(client.readAll({ fromPosition: first.position!, maxCount: 1 }))
    expect(last!.event!.id).toBe(read[2]!.event!.id)
  })

  it('follows $all through a filter', async () => {
    const category = `k${randomUUID().slice(0, 8)}`
    // Not from the start: at an address there may be millions of events before ours.
    const { position } = await client.appendToStream(aStream(), events(1))
    await client.appendToStream(`${category}-1`, events(2))
    const subscription = client.subscribeToAll({
      fromPosition: position!,
      filter: streamNameFilter({ prefixes: [`${category}-`] }),
    })
    const heard: bigint[] = []
    const done = new Promise<void>((resolve, reject) =>
      subscription.on('error', reject).on('data', ({ event }) => void (heard.push(event!.revision) === 4 && resolve())),
    )
    await client.appendToStream(`${category}-1`, events(2))
    await done
    expect(heard).toEqual([0n, 1n, 2n, 3n])
    await subscription.unsubscribe()
  })

  it('sets metadata, deletes and tombstones', async () => {
    const stream = aStream()
    await client.appendToStream(stream, events(5))
    await client.setStreamMetadata(stream, { maxCount: 2 })
    expect((await client.getStreamMetadata(stream)).metadata).toEqual({ maxCount: 2 })
    expect(await collect(client.readStream(stream))).toHaveLength(2)
    await client.deleteStream(stream)
    expect(await errorOf(collect(client.readStream(stream)))).toBeInstanceOf(StreamNotFoundError)
    await client.tombstoneStream(stream)
    expect(await errorOf(collect(client.readStream(stream)))).toBeInstanceOf(StreamDeletedError)
  })

  it('joins a group', async () => {
    const stream = aStream()
    await client.appendToStream(stream, events(3))
    await client.createPersistentSubscriptionToStream(
      stream,
      'group',
      persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START }),
    )
    const subscription = client.subscribeToPersistentSubscriptionToStream(stream, 'group')
    const heard: bigint[] = []
    await new Promise<void>((resolve, reject) =>
      subscription.on('error', reject).on('data', (event) => {
        void subscription.ack(event)
        if (heard.push(event.event!.revision) === 3) resolve()
      }),
    )
    expect(heard).toEqual([0n, 1n, 2n])
    await subscription.unsubscribe()
    await client.deletePersistentSubscriptionToStream(stream, 'group')
  })
})
