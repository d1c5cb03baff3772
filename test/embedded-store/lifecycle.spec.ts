import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import * as http2 from 'node:http2'
import { connect as connectTo } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { AllStreamSubscription } from '@eventstore/db-client'
import {
  CancelledError,
  EventStoreDBClient,
  NO_STREAM,
  START,
  persistentSubscriptionToStreamSettingsFromDefaults,
} from '@eventstore/db-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EmbeddedStore } from '../../src/embedded-store/embedded-store.ts'
import { DamagedStore, StoreInUse, startEmbeddedStore } from '../../src/embedded-store/embedded-store.ts'
import { aStream, anEvent, collect, errorOf, someEvents, temporaryDirectory } from '../event-store/target.ts'

let dataDir: string
const open: { close(): Promise<void> }[] = []
const start = async (options: Partial<Parameters<typeof startEmbeddedStore>[0]> = {}) => {
  const store = await startEmbeddedStore({ dataDir, ...options })
  open.push(store)
  return store
}
const connect = (store: EmbeddedStore) => {
  const client = EventStoreDBClient.connectionString(store.connectionString)
  open.unshift({ close: () => client.dispose() })
  return client
}
beforeEach(async () => void (dataDir = await temporaryDirectory()))
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
  await rm(dataDir, { recursive: true })
})

/** The code with which the server takes its leave of a connection. */
function goodbyeOf(port: number): Promise<number> {
  const session = http2.connect(`http://127.0.0.1:${port}`)
  return new Promise((resolve, reject) => {
    session.on('goaway', resolve)
    session.on('error', reject)
    session.on('close', () => reject(new Error('The connection went without a word')))
  })
}

describe('the embedded store', () => {
  it('keeps all events when it is closed and opened again', async () => {
    const stream = aStream()
    const first = await start()
    const events = someEvents(5)
    const written = await connect(first).appendToStream(stream, events)
    await first.close()
    const client = connect(await start())
    expect((await collect(client.readStream(stream))).map(({ event }) => event!.id)).toEqual(events.map(({ id }) => id))
    expect(await client.appendToStream(stream, events, { expectedRevision: NO_STREAM })).toEqual(written)
    expect(await client.appendToStream(stream, events)).toEqual(written)
    expect((await client.appendToStream(stream, anEvent())).position!.commit).toBeGreaterThan(written.position!.commit)
  })

  it('keeps consumer groups, their checkpoints and parked messages, and which projections run', async () => {
    const stream = aStream()
    const first = await start()
    const before = connect(first)
    await before.appendToStream(stream, someEvents(10))
    const settings = persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START, maxRetryCount: 7 })
    await before.createPersistentSubscriptionToStream(stream, 'group', settings)
    await before.enableProjection('$by_category')
    const consumer = before.subscribeToPersistentSubscriptionToStream(stream, 'group')
    consumer.on('error', () => {})
    await new Promise<void>((resolve) => {
      consumer.on('data', (event) => {
        const revision = Number(event.event!.revision)
        void (revision === 3 ? consumer.nack('park', 'not now', event) : revision < 6 && consumer.ack(event))
        if (revision === 9) resolve()
      })
    })
    for (let parked = 0n; parked < 1n;)
      parked = (await before.getPersistentSubscriptionToStreamInfo(stream, 'group')).stats.parkedMessageCount
    await first.close()

    const after = connect(await start())
    const info = await after.getPersistentSubscriptionToStreamInfo(stream, 'group')
    expect(info.settings).toEqual(settings)
    expect(info.stats).toMatchObject({ parkedMessageCount: 1n, lastCheckpointedEventRevision: 5n })
    expect((await after.getProjectionStatus('$by_category')).projectionStatus).toBe('Running')
    const again = after.subscribeToPersistentSubscriptionToStream(stream, 'group')
    const heard: number[] = []
    await new Promise<void>((resolve) =>
      again.on('data', (event) => {
        void again.ack(event)
        if (heard.push(Number(event.event!.revision)) === 4) resolve()
      }),
    )
    expect(heard).toEqual([6, 7, 8, 9])
    await again.unsubscribe()
  })

  it('listens on the given port', async () => {
    const { port, close } = await start()
    await close()
    expect((await start({ port })).connectionString).toBe(`esdb://127.0.0.1:${port}?tls=false`)
  })

  it('refuses a directory that is in use, by name', async () => {
    await start()
    const error = await errorOf(startEmbeddedStore({ dataDir }))
    expect(error).toBeInstanceOf(StoreInUse)
    expect(error.message).toContain(dataDir)
  })

  it('refuses a directory that another process has locked, until that process is killed', async () => {
    const holder = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      HOLD,
      join(import.meta.dirname, '../../src/embedded-store/embedded-store.ts'),
      dataDir,
    ])
    await once(holder.stdout, 'data')
    const error = await errorOf(startEmbeddedStore({ dataDir }))
    expect(error).toBeInstanceOf(StoreInUse)
    expect(error.message).toContain(String(holder.pid))
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    await start()
  })

  it('cancels open reads when it closes', async () => {
    const store = await start()
    const client = connect(store)
    const subscription: AllStreamSubscription = client.subscribeToAll()
    const error = new Promise((resolve) => subscription.on('error', resolve))
    await once(subscription, 'confirmation')
    await store.close()
    expect(await error).toBeInstanceOf(CancelledError)
  })

  it.each([
    ['said nothing', ''],
    ['keeps its connection for the next page', 'GET /ping HTTP/1.1\r\nHost: store\r\n\r\n'],
    ['has not finished what it said', 'PRI * HTTP/2.0'],
  ])('does not wait for one who %s when it closes', async (_, said) => {
    const store = await start()
    const socket = connectTo(store.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.on('error', () => {}).resume()
    if (said) socket.write(said)
    await setTimeout(50)
    const began = Date.now()
    await store.close()
    expect(Date.now() - began).toBeLessThan(2000)
  })

  it('ends a slow reader with a backlog, and an append without answer, as cancelled before the connection goes', async () => {
    const store = await start({ faults: {} })
    const client = connect(store)
    const large = () => Array.from({ length: 16 }, () => anEvent('Large', { text: 'x'.repeat(60_000) }))
    for (let round = 0; round < 12; round++) await client.appendToStream('long', large())
    const reader = client.readStream('long')[Symbol.asyncIterator]()
    await reader.next()
    await store.setFaults({ delayedAcknowledgement: 60_000 })
    const appending = errorOf(client.appendToStream('other', anEvent()))
    const goingAway = goodbyeOf(store.port)
    await setTimeout(200)
    await store.close()
    expect(await appending).toBeInstanceOf(CancelledError)
    const read = async () => {
      for (let count = 1; ; count++) if ((await reader.next()).done) return count
    }
    expect(await errorOf(read())).toBeInstanceOf(CancelledError)
    expect(await goingAway).toBe(http2.constants.NGHTTP2_NO_ERROR)
  })

  it('can be closed twice, and immediately', async () => {
    const store = await start()
    await Promise.all([store.close(), store.close()])
  })

  it('creates files that only their owner can read', async () => {
    await start()
    expect((await stat(join(dataDir, 'events.sqlite'))).mode & 0o077).toBe(0)
  })

  it('serves the pages that load balancers request', async () => {
    const { port } = await start()
    const ping = await fetch(`http://127.0.0.1:${port}/ping`)
    expect(ping.status).toBe(200)
    expect(await ping.json()).toEqual({ msgTypeId: expect.any(Number), text: 'Ping request successfully handled' })
    expect((await fetch(`http://127.0.0.1:${port}/health/live`)).status).toBe(204)
    expect((await fetch(`http://127.0.0.1:${port}/streams/x`)).status).toBe(404)
  })

  it('is found by discovery', async () => {
    const { port } = await start()
    const client = EventStoreDBClient.connectionString(`esdb+discover://127.0.0.1:${port}?tls=false`)
    open.unshift({ close: () => client.dispose() })
    expect((await client.appendToStream(aStream(), anEvent())).success).toBe(true)
  })
})

describe('a damaged store', () => {
  const events = () => join(dataDir, 'events.sqlite')
  const filled = async () => {
    const store = await start()
    await connect(store).appendToStream(aStream(), someEvents(500))
    await store.close()
  }

  it.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length - 8192)],
    ['with another header', (bytes: Buffer) => (bytes.fill(1, 0, 16), bytes)],
    [
      'with a newest event that changed',
      (bytes: Buffer) => (bytes.write('"number":498', bytes.indexOf('"number":499')), bytes),
    ],
    ['that is no store', () => Buffer.from('a shopping list'.repeat(100))],
  ])('%s does not start, and says which file', async (_, damage) => {
    await filled()
    await writeFile(events(), damage(await readFile(events())))
    const error = await errorOf(startEmbeddedStore({ dataDir }))
    expect(error).toBeInstanceOf(DamagedStore)
    expect(error.message).toContain(events())
  })
})

/** Locks a directory until it is killed. */
const HOLD = `
  const { startEmbeddedStore } = await import(process.argv[1])
  const store = await startEmbeddedStore({ dataDir: process.argv[2] })
  console.log(store.port)
`
