/** The successor client, written in another language underneath, must find the same store. */
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
import { aServer, aStream, collect, errorOf } from './target.ts'

const server = aServer()
let client: KurrentDBClient
beforeAll(() => {
  client = KurrentDBClient.connectionString(server.connectionString.replace(/^esdb/, 'kurrentdb'))
})
afterAll(() => client.dispose())

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
    const [newest] = await collect(client.readAll({ direction: 'backwards', fromPosition: 'end', maxCount: 1 }))
    expect(newest!.event!.id).toBe(read[2]!.event!.id)
  })

  it('writes what the first client reads, and the other way round', async () => {
    const stream = aStream()
    const [mine, theirs] = [events(1)[0]!, events(1)[0]!]
    await client.appendToStream(stream, mine)
    await server.client.appendToStream(stream, theirs as never)
    expect((await collect(client.readStream(stream))).map(({ event }) => event!.id)).toEqual([mine.id, theirs.id])
    expect((await collect(server.client.readStream(stream))).map(({ event }) => event!.id)).toEqual([
      mine.id,
      theirs.id,
    ])
  })

  it('follows $all through a filter', async () => {
    const category = `k${randomUUID().slice(0, 8)}`
    await client.appendToStream(`${category}-1`, events(2))
    const subscription = client.subscribeToAll({
      fromPosition: START,
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
  })
})
