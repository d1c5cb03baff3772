import { rm } from 'node:fs/promises'
import { EventStoreDBClient, StreamDeletedError, StreamNotFoundError, binaryEvent } from '@eventstore/db-client'
import { afterEach, expect, it } from 'vitest'
import { copyEvents, compareEvents } from '../../src/embedded-store/copy.ts'
import { startEmbeddedStore } from '../../src/embedded-store/embedded-store.ts'
import { anEvent, collect, errorOf, someEvents, temporaryDirectory } from '../event-store/target.ts'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})
async function aStore(): Promise<EventStoreDBClient> {
  const dataDir = await temporaryDirectory()
  const store = await startEmbeddedStore({ dataDir })
  const client = EventStoreDBClient.connectionString(store.connectionString)
  open.push(
    () => Promise.race([client.dispose(), new Promise((resolve) => setTimeout(resolve, 300))]),
    store.close,
    () => rm(dataDir, { recursive: true }),
  )
  return client
}

async function aLife(client: EventStoreDBClient): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await client.appendToStream('journey-1', someEvents(300))
    await client.appendToStream('journey-2', [
      anEvent(),
      binaryEvent({ type: 'Bytes', data: Uint8Array.of(0, 255, 10) }),
    ])
  }
  await client.setStreamMetadata('journey-1', { maxCount: 100 })
  await client.setStreamMetadata('journey-1', { maxCount: 50, custom: 'field' } as never)
  await client.appendToStream('deleted-1', someEvents(2))
  await client.deleteStream('deleted-1')
  await client.appendToStream('gone-1', someEvents(2))
  await client.tombstoneStream('gone-1')
}

it('copies every event, and finds both servers equal', async () => {
  const [from, to] = [await aStore(), await aStore()]
  await aLife(from)
  expect(await copyEvents(from, to)).toEqual({ events: 910, metadata: 2, tombstones: 1 })
  expect(await compareEvents(from, to)).toBe(910)
  expect((await to.getStreamMetadata('journey-1')).metadata).toEqual({ maxCount: 50, custom: 'field' })
  expect(await collect(to.readStream('journey-1'))).toHaveLength(50)
  expect(await errorOf(collect(to.readStream('deleted-1')))).toBeInstanceOf(StreamNotFoundError)
  expect(await errorOf(collect(to.readStream('gone-1')))).toBeInstanceOf(StreamDeletedError)
})

it('names the first event that differs between the servers', async () => {
  const [one, other] = [await aStore(), await aStore()]
  const shared = anEvent()
  for (const client of [one, other]) await client.appendToStream('journey-1', shared)
  expect(await compareEvents(one, other)).toBe(1)
  await one.appendToStream('journey-1', anEvent())
  expect((await errorOf(compareEvents(one, other))).message).toMatch(/revision 1 of stream 'journey-1'.*on one only/)
  await other.appendToStream('journey-1', anEvent())
  expect((await errorOf(compareEvents(one, other))).message).toMatch(
    /The servers differ: revision 1 of stream 'journey-1'/,
  )
})

it('continues after an interruption', async () => {
  const [from, to] = [await aStore(), await aStore()]
  await aLife(from)
  const stop = new Error('pulled the plug')
  const interrupted = copyEvents(from, to, (events) => {
    if (events > 400) throw stop
  })
  expect(await errorOf(interrupted)).toBe(stop)
  await copyEvents(from, to)
  expect(await compareEvents(from, to)).toBe(910)
})
