/** The server under test: an embedded store of our own, or whatever EVENT_STORE_URL points at. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { afterAll, beforeAll } from 'vitest'
import type { EmbeddedStore } from '../../src/embedded-store/embedded-store.ts'
import { startEmbeddedStore } from '../../src/embedded-store/embedded-store.ts'

export const isEmbedded = !process.env.EVENT_STORE_URL

/** Whoever the address says; a store without TLS does not ask. */
export const credentials = (() => {
  const { username, password } = new URL(
    (process.env.EVENT_STORE_URL || 'esdb://127.0.0.1').replace(/^[a-z+]+:/, 'http:'),
  )
  return { username: decodeURIComponent(username) || 'admin', password: decodeURIComponent(password) || 'changeit' }
})()

export interface Target {
  readonly client: EventStoreDBClient
  readonly connectionString: string
}

/** One server for all the sentences of a file. They share its log, so each uses streams of its own. */
export function aServer(): Target {
  let store: EmbeddedStore | undefined
  let dataDir: string | undefined
  let client: EventStoreDBClient | undefined
  let connectionString = process.env.EVENT_STORE_URL ?? ''
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
