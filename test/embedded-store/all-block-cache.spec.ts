import { rmSync } from 'node:fs'
import { BACKWARDS, END, binaryEvent, type AllStreamRecordedEvent, type EventData } from '@eventstore/db-client'
import { EventStoreDBClient } from '@eventstore/db-client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startEmbeddedStore } from '../../src/embedded-store/embedded-store.ts'
import { AllBlockCache, BLOCK_EVENTS } from '../../src/embedded-store/services/all-block-cache.ts'
import { Appender, ExpectedRevision } from '../../src/embedded-store/storage/append.ts'
import { openDatabase } from '../../src/embedded-store/storage/database.ts'
import { EventLog } from '../../src/embedded-store/storage/event-log.ts'
import { aStream, anEvent, collect, temporaryDirectory } from '../event-store/target.ts'

let dataDir: string
const open: (() => unknown)[] = []
beforeEach(async () => void (dataDir = await temporaryDirectory()))
afterEach(async () => {
  for (const close of open.splice(0)) await close()
  rmSync(dataDir, { recursive: true })
})

const idsOf = (events: readonly { event?: { id: string } }[]) => events.map(({ event }) => event!.id)

/** Events of `bytes` each. */
const heavy = (count: number, bytes: number): EventData[] =>
  Array.from({ length: count }, () => binaryEvent({ type: 'Heavy', data: new Uint8Array(bytes) }))

describe('the block cache of $all', () => {
  it('returns the same events from every position, from the file and from the cache, for small and large events', async () => {
    const store = await startEmbeddedStore({ dataDir })
    const client = EventStoreDBClient.connectionString(store.connectionString)
    open.push(() => client.dispose(), store.close)
    const light = (count: number) => Array.from({ length: count }, () => anEvent())
    for (const events of [light(100), heavy(3, 300_000), heavy(40, 20_000), light(120)])
      await client.appendToStream(aStream(), events)

    // Reads backwards do not use the cache.
    const whole = (await collect(client.readAll({ direction: BACKWARDS, fromPosition: END }))).reverse()
    const ids = idsOf(whole)
    expect(ids.length).toBeGreaterThan(4 * BLOCK_EVENTS)
    for (const turn of ['from the file', 'from memory']) {
      expect(idsOf(await collect(client.readAll())), turn).toEqual(ids)
      for (let i = 0; i < ids.length; i += 7) {
        const fromPosition = (whole[i]!.event as AllStreamRecordedEvent).position
        const expected = ids.slice(i, i + BLOCK_EVENTS + 5)
        const read = client.readAll({ fromPosition, maxCount: BLOCK_EVENTS + 5 })
        expect(idsOf(await collect(read)), `${turn}, from event ${i}`).toEqual(expected)
      }
    }
  })

  it('continues past the last full block as events are appended', async () => {
    const store = await startEmbeddedStore({ dataDir })
    const client = EventStoreDBClient.connectionString(store.connectionString)
    open.push(() => client.dispose(), store.close)
    const stream = aStream()
    const heard: string[] = []
    const subscription = client.subscribeToAll()
    subscription.on('data', ({ event }) => event?.streamId === stream && heard.push(event.id))
    const sent: string[] = []
    for (let i = 0; i < 40; i++) {
      const events = Array.from({ length: 1 + (i % 9) }, () => anEvent())
      sent.push(...events.map(({ id }) => id))
      await client.appendToStream(stream, events)
    }
    await vi.waitFor(() => expect(heard).toHaveLength(sent.length))
    expect(heard).toEqual(sent)
    await subscription.unsubscribe()
  })

  it('keeps the most recently used blocks, at most 16 MB of them', () => {
    const connection = openDatabase(dataDir)
    open.push(() => connection.close())
    const log = new EventLog(connection)
    const appender = new Appender(log)
    const [bytes, count] = [3_900, 80]
    for (let i = 0; i < count; i++) {
      const events = Array.from({ length: BLOCK_EVENTS }, () => {
        const [data, metadata] = [new Uint8Array(bytes), new Uint8Array()]
        return { id: crypto.randomUUID(), type: 'Heavy', isJson: false, data, metadata }
      })
      appender.begin()
      appender.append('a-1', ExpectedRevision.ANY, events)
      log.publishCommit(appender.head, appender.changedStreams)
    }
    const blocks = new AllBlockCache(log)
    const read = vi.spyOn(log, 'allForwards')
    const readings = (position: bigint) => {
      read.mockClear()
      const block = blocks.blockStartingAt(position)!
      expect(block.framed.length).toBeGreaterThan(bytes * BLOCK_EVENTS)
      return { next: block.next, fromFile: read.mock.calls.length }
    }
    const starts = [0n]
    for (let i = 0; i < count; i++) {
      const { next, fromFile } = readings(starts.at(-1)!)
      expect(fromFile).toBe(1)
      starts.push(next)
    }
    const whatMayBeKept = Math.floor((16 * 1024 * 1024) / (bytes * BLOCK_EVENTS))
    expect(readings(starts[count - 1]!).fromFile).toBe(0)
    expect(readings(starts[count - whatMayBeKept + 8]!).fromFile).toBe(0)
    expect(readings(starts[count - whatMayBeKept - 1]!).fromFile).toBe(1)
    expect(blocks.blockStartingAt(starts[count]!)).toBeUndefined()
  })
})
