/** Filters are answered from indexes that may lack the newest thousand events; the results must not depend on where the indexes end. */
import { rmSync } from 'node:fs'
import {
  EventStoreDBClient,
  START,
  persistentSubscriptionToAllSettingsFromDefaults,
  streamNameFilter,
} from '@eventstore/db-client'
import fc from 'fast-check'
import { expect, it, onTestFinished, vi } from 'vitest'
import { Appender, ExpectedRevision } from '../../src/embedded-store/storage/append.ts'
import { openDatabase } from '../../src/embedded-store/storage/database.ts'
import { EventLog, type EventPage } from '../../src/embedded-store/storage/event-log.ts'
import { CompiledFilter, type EventFilter } from '../../src/embedded-store/storage/filter.ts'
import { GroupCommit } from '../../src/embedded-store/storage/group-commit.ts'
import { verifyFile } from '../../src/embedded-store/storage/maintenance.ts'
import { eventIdOf } from '../../src/embedded-store/storage/event-record.ts'
import { WriteAheadLog } from '../../src/embedded-store/storage/write-ahead-log.ts'
import { startEmbeddedStore } from '../../src/embedded-store/embedded-store.ts'
import { aStream, someEvents, temporaryDirectory } from '../event-store/target.ts'

const STREAMS = ['journey-1', 'journey-2', 'journeyman-1', 'register-1', 'plain']
const TYPES = ['SessionHeld', 'SessionMissed', 'ReferralReceived']

interface Commit {
  events: number
  rolledBack: boolean
}
const commits: fc.Arbitrary<Commit[]> = fc.array(
  fc.record({ events: fc.integer({ min: 1, max: 500 }), rolledBack: fc.nat(4).map((n) => n === 0) }),
  { minLength: 4, maxLength: 12 },
)
const filter: fc.Arbitrary<EventFilter> = fc.oneof(
  fc.record({
    on: fc.constant('stream' as const),
    prefixes: fc.uniqueArray(fc.constantFrom('journey-', 'journey-1', 'journey', 'reg', 'plain', 'nobody-'), {
      minLength: 1,
      maxLength: 3,
    }),
    regex: fc.constant(''),
  }),
  fc.record({
    on: fc.constant('type' as const),
    prefixes: fc.uniqueArray(fc.constantFrom('Session', 'SessionHeld', 'Ref', 'None'), { minLength: 1, maxLength: 3 }),
    regex: fc.constant(''),
  }),
  fc.record({
    on: fc.constantFrom('stream' as const, 'type' as const),
    prefixes: fc.constant([]),
    regex: fc.constant('[12]$|^Ref'),
  }),
)

const newEvent = (type: string, bytes = 2) => {
  const [data, metadata] = [new Uint8Array(bytes), new Uint8Array()]
  return { id: crypto.randomUUID(), type, isJson: false, data, metadata }
}

interface Known {
  id: string
  position: bigint
  stream: string
  type: string
}

/** Every event that matches, page after page. */
function pagesOf(log: EventLog, compiled: CompiledFilter, from: bigint, backwards: boolean, events: number): string[] {
  const ids: string[] = []
  for (let cursor: bigint | undefined = from; cursor !== undefined;) {
    const size = { events, bytes: 1_000_000 }
    const page: EventPage<bigint> = backwards
      ? log.filteredBackwards(compiled, cursor, size)
      : log.filteredForwards(compiled, cursor, size)
    ids.push(...page.events.map(({ body }) => eventIdOf(body)))
    cursor = page.next
  }
  return ids
}

function live(dataDir: string, life: Commit[], filters: EventFilter[], pageSize: number): void {
  const connection = openDatabase(dataDir)
  connection.pragma('synchronous = OFF') // durability is not tested here
  const log = new EventLog(connection)
  const appender = new Appender(log)
  const known: Known[] = []
  const compiled = filters.map((each) => new CompiledFilter(log, each))
  for (const { events, rolledBack } of life) {
    connection.exec('BEGIN IMMEDIATE')
    appender.begin()
    const written: Known[] = []
    for (let i = 0; i < events; i++) {
      const [stream, type] = [STREAMS[(i * i + events) % STREAMS.length]!, TYPES[(i + events) % TYPES.length]!]
      const event = newEvent(type)
      const outcome = appender.append(stream, ExpectedRevision.ANY, [event])
      if (outcome.kind === 'written') written.push({ id: event.id, position: outcome.position!, stream, type })
    }
    if (rolledBack) {
      connection.exec('ROLLBACK')
      appender.rolledBack()
      continue
    }
    appender.end()
    connection.exec('COMMIT')
    log.publishCommit(appender.head, appender.changedStreams)
    known.push(...written)
    for (const [at, each] of filters.entries()) {
      const right = known.filter((event) => compiled[at]!.matches(event[each.on]))
      const middle = known[Math.floor((known.length * (at + 1)) / 4)]!.position
      const ids = (of: Known[]) => of.map(({ id }) => id)
      expect(pagesOf(log, compiled[at]!, 0n, false, pageSize)).toEqual(ids(right))
      expect(pagesOf(log, compiled[at]!, middle, false, pageSize)).toEqual(
        ids(right.filter((e) => e.position >= middle)),
      )
      const newestFirst = right.toReversed()
      expect(pagesOf(log, compiled[at]!, log.head + 1n, true, pageSize)).toEqual(ids(newestFirst))
      expect(pagesOf(log, compiled[at]!, middle, true, pageSize)).toEqual(
        ids(newestFirst.filter((e) => e.position < middle)),
      )
    }
  }
  connection.close()
  expect(verifyFile(`${dataDir}/events.sqlite`).problems).toEqual([])
}

it('a filter finds the same events, indexed or not yet, forwards and backwards', async () => {
  const dataDir = await temporaryDirectory()
  let lives = 0
  const filters = fc.array(filter, { minLength: 1, maxLength: 3 })
  try {
    fc.assert(
      fc.property(commits, filters, fc.constantFrom(7, 256), (life, wanted, pageSize) => {
        live(`${dataDir}/${lives++}`, life, wanted, pageSize)
      }),
      { numRuns: Number(process.env.MODEL_RUNS ?? 15) },
    )
  } finally {
    rmSync(dataDir, { recursive: true })
  }
})

it('no filter sorts its results: a page costs the same however many events match', async () => {
  const dataDir = await temporaryDirectory()
  const connection = openDatabase(dataDir)
  const log = new EventLog(connection)
  const appender = new Appender(log)
  appender.begin()
  for (const stream of STREAMS)
    for (const type of TYPES) appender.append(stream, ExpectedRevision.ANY, [newEvent(type)])
  appender.end()
  const filters: EventFilter[] = [
    { on: 'stream', prefixes: ['journey-', 'register-'], regex: '' },
    { on: 'stream', prefixes: ['journey-1'], regex: '' },
    { on: 'type', prefixes: ['Session', 'Ref'], regex: '' },
    { on: 'type', prefixes: [], regex: 'Held$' },
    { on: 'stream', prefixes: [], regex: '1$' },
  ]
  for (const each of filters) {
    const { indexed: listed, unindexed: unlisted } = new CompiledFilter(log, each).plan()
    for (const query of [listed, unlisted])
      for (const sql of [query.forwards, query.backwards]) {
        const plan = connection.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...query.parameters(0n, 1n, 1))
        const steps = (plan as { detail: string }[]).map(({ detail }) => detail)
        expect(steps, JSON.stringify(each)).not.toContainEqual(expect.stringMatching(/TEMP B-TREE|SCAN/))
      }
  }
  connection.close()
  rmSync(dataDir, { recursive: true })
})

/** A log that is written to through group commits, some of which fail. */
async function groupCommits() {
  const dataDir = await temporaryDirectory()
  const connection = openDatabase(dataDir)
  const writeAheadLog = new WriteAheadLog(connection)
  const log = new EventLog(connection)
  const disk = { fails: false }
  const commits = new GroupCommit(log, new Appender(log), writeAheadLog, {
    beforeCommit: () => {
      if (disk.fails) throw new Error('the disk failed')
    },
  })
  onTestFinished(() => {
    connection.close()
    rmSync(dataDir, { recursive: true })
  })
  const write = (count: number, stream = 'journey-1') => {
    let kind = ''
    const events = Array.from({ length: count }, () => newEvent('SessionHeld'))
    commits.submit({
      apply: (appender) => appender.append(stream, ExpectedRevision.ANY, events),
      bytes: 1,
      deadline: Infinity,
      settle: (outcome) => (kind = outcome.kind),
    })
    commits.flushAll()
    return kind
  }
  return { log, disk, write, file: `${dataDir}/events.sqlite` }
}

it('no event is missing from an index after a disk that failed twice: in the commit, and in the reads of the rollback', async () => {
  const { log, disk, write, file } = await groupCommits()
  expect(write(1200)).toBe('written')
  disk.fails = true
  const reading = vi.spyOn(log, 'readHead').mockImplementation(() => {
    throw new Error('the disk failed')
  })
  expect(write(1)).toBe('failed')
  disk.fails = false
  const found = (type: string) =>
    pagesOf(log, new CompiledFilter(log, { on: 'type', prefixes: [type], regex: '' }), 0n, false, 256).length
  expect(found('SessionHeld')).toBe(1200)
  expect(write(1)).toBe('failed')
  reading.mockRestore()
  for (const count of [5, 5, 1100, 1]) expect(write(count)).toBe('written')
  expect(found('SessionHeld')).toBe(2311)
  expect(verifyFile(file).problems).toEqual([])
})

it('unindexed events are scanned a bounded number at a time, however many there are', async () => {
  const { log, write } = await groupCommits()
  for (let n = 0; n < 3; n++) expect(write(20_000)).toBe('written')
  expect(write(1, 'register-1')).toBe('written')
  const filter = new CompiledFilter(log, { on: 'stream', prefixes: ['register-'], regex: '' })
  const behind = log.indexedUpTo + 1n
  expect(log.head - behind).toBeGreaterThan(25_000n * 128n)
  const page = log.filteredForwards(filter, behind)
  expect(page.events).toEqual([])
  expect(page.next! - behind).toBeLessThan(5_000n * 128n)
  expect(pagesOf(log, filter, 0n, false, 256)).toHaveLength(1)
})

it('a page fetches no more rows than it needs, whatever limit the caller gives', async () => {
  const { log, write } = await groupCommits()
  expect(write(2_000)).toBe('written')
  const page = log.allForwards(0n, { events: 20_000, bytes: 1024 * 1024 })
  expect(page.events.length).toBeLessThan(300)
  expect(page.next).toBeDefined()
})

it('a consumer group that finds nothing in the indexes scans the newest events at once', async () => {
  const dataDir = await temporaryDirectory()
  const store = await startEmbeddedStore({ dataDir })
  const client = EventStoreDBClient.connectionString(store.connectionString)
  for (let n = 0; n < 3; n++) await client.appendToStream(aStream('noise'), someEvents(600))
  await client.appendToStream('wanted-1', someEvents(1))
  await client.createPersistentSubscriptionToAll(
    'group',
    persistentSubscriptionToAllSettingsFromDefaults({ startFrom: START }),
    { filter: streamNameFilter({ prefixes: ['wanted-'] }) },
  )
  const began = performance.now()
  const consumer = client.subscribeToPersistentSubscriptionToAll('group')
  for await (const { event } of consumer) {
    expect(event!.streamId).toBe('wanted-1')
    break
  }
  // A group that waits for a commit looks again after a second.
  expect(performance.now() - began).toBeLessThan(800)
  await client.dispose()
  await store.close()
  rmSync(dataDir, { recursive: true })
})
