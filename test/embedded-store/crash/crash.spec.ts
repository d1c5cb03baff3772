/**
 * Kills the store at random moments while six writers append, restarts it, and checks that every acknowledged event is there once, at
 * its revision and position, and that every append is there completely or not at all.
 * CRASH_RUNS sets the number of kills, CRASH_SEED repeats a run.
 */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { AppendExpectedRevision } from '@eventstore/db-client'
import { ANY, EventStoreDBClient, NO_STREAM } from '@eventstore/db-client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { anEvent, collect, isEmbedded, temporaryDirectory } from '../../event-store/target.ts'

const RUNS = Number(process.env.CRASH_RUNS ?? 8)
const SEED = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000)
const WRITERS = 6

interface Writer {
  stream: string
  /** Half of the writers expect an exact revision, half expect any. */
  exact: boolean
  /** The acknowledged events, in order. */
  acknowledged: { id: string; position: bigint | undefined }[]
  /** Revisions below this were checked after an earlier kill. */
  checkedTo: number
  /** Sent, and not answered when the store was killed. */
  pending: ReturnType<typeof anEvent>[] | undefined
}

let dataDir: string
let child: ChildProcess | undefined
beforeAll(async () => void (dataDir = await temporaryDirectory()))
afterAll(async () => {
  child?.kill('SIGKILL')
  await rm(dataDir, { recursive: true })
})

it.runIf(isEmbedded)(
  `${RUNS} kills lose nothing, double nothing and reorder nothing (CRASH_SEED=${SEED})`,
  async () => {
    const random = randomFrom(SEED)
    const writers: Writer[] = Array.from({ length: WRITERS }, (_, i) => ({
      stream: `crash-${SEED}-${i}`,
      exact: i % 2 === 0,
      acknowledged: [],
      checkedTo: 0,
      pending: undefined,
    }))
    const log: string[] = []
    let readTo: bigint | undefined
    for (let run = 0; run <= RUNS; run++) {
      const client = await startStore()
      readTo = await followLog(client, log, readTo)
      // Sometimes and at the end every stream completely, otherwise the new events.
      for (const writer of writers) await settle(client, writer, run % 50 === 0 || run === RUNS)
      if (run < RUNS) {
        const writing = writers.map((writer) => write(client, writer, random))
        await new Promise((resolve) => setTimeout(resolve, 5 + random() * 250))
        child!.kill('SIGKILL')
        await once(child!, 'exit')
        await Promise.all(writing)
      }
      void client.dispose()
    }
    expect(log.length).toBe(new Set(log).size)
    expect(writers.every(({ acknowledged }) => acknowledged.length > RUNS)).toBe(true)
    child!.kill('SIGKILL')
  },
  30_000 + RUNS * 5000,
)

async function startStore(): Promise<EventStoreDBClient> {
  child = spawn(process.execPath, [join(import.meta.dirname, 'store-process.ts'), dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [port] = (await once(child.stdout!, 'data')) as [Buffer]
  return EventStoreDBClient.connectionString(
    `esdb://127.0.0.1:${Number(String(port))}?tls=false&throwOnAppendFailure=true`,
  )
}

/** Appends without a pause until the store is killed. */
async function write(client: EventStoreDBClient, writer: Writer, random: () => number): Promise<void> {
  for (;;) {
    writer.pending = Array.from({ length: 1 + Math.floor(random() * 4) }, (_, i) => anEvent('Written', { i }))
    try {
      await append(client, writer)
    } catch (error) {
      expect(error).not.toMatchObject({ type: 'wrong-expected-version' })
      return
    }
  }
}

async function append(client: EventStoreDBClient, writer: Writer): Promise<void> {
  const { stream, acknowledged, pending } = writer
  const expectedRevision: AppendExpectedRevision | typeof ANY = !writer.exact
    ? ANY
    : acknowledged.length === 0
      ? NO_STREAM
      : BigInt(acknowledged.length - 1)
  const result = await client.appendToStream(stream, pending!, { expectedRevision })
  expect(result.nextExpectedRevision).toBe(BigInt(acknowledged.length + pending!.length - 1))
  acknowledged.push(...pending!.map(({ id }) => ({ id, position: undefined as bigint | undefined })))
  acknowledged.at(-1)!.position = result.position!.commit
  writer.pending = undefined
}

/** The stream has the acknowledged events, and the unanswered append completely or not at all; repeated, that append is there once. */
async function settle(client: EventStoreDBClient, writer: Writer, whole: boolean): Promise<void> {
  const { acknowledged, pending } = writer
  const from = whole ? 0 : writer.checkedTo
  const stored = await readFrom(client, writer.stream, from)
  const expected = acknowledged.slice(from)
  expect(stored.slice(0, expected.length).map(({ id }) => id)).toEqual(expected.map(({ id }) => id))
  for (const [index, { position }] of expected.entries())
    if (position !== undefined) expect(stored[index]!.position).toBe(position)
  const unanswered = stored.slice(expected.length).map(({ id }) => id)
  if (unanswered.length > 0) expect(unanswered).toEqual(pending!.map(({ id }) => id))
  if (pending) {
    await append(client, writer)
    const now = (await readFrom(client, writer.stream, from)).map(({ id }) => id)
    expect(now).toEqual(acknowledged.slice(from).map(({ id }) => id))
  }
  writer.checkedTo = acknowledged.length
}

async function readFrom(
  client: EventStoreDBClient,
  stream: string,
  from: number,
): Promise<{ id: string; position: bigint }[]> {
  const events = await collect(client.readStream(stream, { fromRevision: BigInt(from) })).catch((error: unknown) => {
    if ((error as { type?: string }).type === 'stream-not-found') return []
    throw error
  })
  return events.map(({ event }) => ({ id: event!.id, position: event!.position!.commit }))
}

/** The log grows only at its end: the events read before the kill are read again, in the same order. */
async function followLog(
  client: EventStoreDBClient,
  log: string[],
  from: bigint | undefined,
): Promise<bigint | undefined> {
  const last = from === undefined ? undefined : { commit: from, prepare: from }
  const read = await collect(client.readAll(last ? { fromPosition: last } : {}))
  if (last) expect(read[0]!.event!.id).toBe(log.at(-1))
  for (const { event } of last ? read.slice(1) : read) log.push(event!.id)
  return read.at(-1)?.event!.position!.commit ?? from
}

/** A small generator with a seed (mulberry32), 0 up to 1. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
