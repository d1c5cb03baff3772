/** The server under test: an embedded store of our own, or whatever EVENT_STORE_URL points at. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { afterAll, beforeAll } from 'vitest'
import type { EmbeddedStore } from '../../src/embedded-store/embedded-store.ts'
import { startEmbeddedStore } from '../../src/embedded-store/embedded-store.ts'

const address = process.env.EVENT_STORE_URL
export const isEmbedded = !address

/** Whoever the address says; a store without TLS does not ask. An address may name several hosts, which `URL` cannot read. */
export const credentials = (() => {
  const [, username, password] = /^[^:]+:\/\/([^:]+):([^@]+)@/.exec(address ?? '') ?? []
  return { username: decodeURIComponent(username ?? 'admin'), password: decodeURIComponent(password ?? 'changeit') }
})()

/** An address with one more setting. */
export const withSetting = (url: string, name: string, value: string) =>
  `${url}${url.includes('?') ? '&' : '?'}${name}=${encodeURIComponent(value)}`

/** How long to wait for what comes by and by. A server elsewhere has others to serve, and looks after some things once a second. */
export const PATIENCE = isEmbedded ? 10_000 : 30_000

/** How far the server's clock may be from ours. */
export const CLOCKS_DIFFER = isEmbedded ? 5 : 60_000

export interface Target {
  readonly client: EventStoreDBClient
  readonly connectionString: string
}

/**
 * One server for all the sentences of a file. They share its log, so each uses streams of its own. At an address others write meanwhile,
 * the other files among them, and there may be millions of events: nobody may count on the end of $all, or read it from the start.
 */
export function aServer(): Target {
  let store: EmbeddedStore | undefined
  let dataDir: string | undefined
  let client: EventStoreDBClient | undefined
  let connectionString = address ?? ''
  beforeAll(async () => {
    if (isEmbedded) {
      dataDir = await temporaryDirectory()
      store = await startEmbeddedStore({ dataDir })
      connectionString = store.connectionString
    }
    client = EventStoreDBClient.connectionString(connectionString)
  })
  afterAll(async () => {
    await client?.dispose()
    await store?.close()
    if (dataDir) await rm(dataDir, { recursive: true })
  })
  return {
    get client() {
      return client!
    },
    get connectionString() {
      return connectionString
    },
  }
}

export const temporaryDirectory = () => mkdtemp(join(tmpdir(), 'store-'))

/** A stream nobody else uses. */
export const aStream = (category = 'contract') => `${category}-${randomUUID()}`

export const anEvent = (type = 'Tried', data: Record<string, unknown> = { some: 'data' }, id: string = randomUUID()) =>
  jsonEvent({ id, type, data })

export const someEvents = (count: number, type = 'Tried') =>
  Array.from({ length: count }, (_, number) => anEvent(type, { number }))

export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of stream) all.push(one)
  return all
}

/** The error a promise ends with; fails when it does not end with one. */
export async function errorOf(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await promise
  } catch (error) {
    return error as Error & Record<string, unknown>
  }
  throw new Error('Expected an error, and there was none')
}
