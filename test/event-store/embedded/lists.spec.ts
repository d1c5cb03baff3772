/** Filters are answered from lists that are behind by up to a thousand events: wherever they end, nobody may notice. */
import { rmSync } from 'node:fs'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Appender, Expected } from '../../../src/embedded-store/storage/append.ts'
import { openDatabase } from '../../../src/embedded-store/storage/database.ts'
import { EventLog, type Page } from '../../../src/embedded-store/storage/event-log.ts'
import { CompiledFilter, type Filter } from '../../../src/embedded-store/storage/filter.ts'
import { verify } from '../../../src/embedded-store/storage/maintenance.ts'
import { idOf } from '../../../src/embedded-store/storage/recorded-event.ts'
import { temporaryDirectory } from '../target.ts'

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
const filter: fc.Arbitrary<Filter> = fc.oneof(
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

interface Known {
  id: string
  position: bigint
  stream: string
  type: string
}

/** Every event that passes, page after page. */
function pagesOf(log: EventLog, compiled: CompiledFilter, from: bigint, backwards: boolean, events: number): string[] {
  const ids: string[] = []
  for (let cursor: bigint | undefined = from; cursor !== undefined;) {
    const size = { events, bytes: 1_000_000 }
    const page: Page<bigint> = backwards
      ? log.filteredBackwards(compiled, cursor, size)
      : log.filteredForwards(compiled, cursor, size)
    ids.push(...page.events.map(({ body }) => idOf(body)))
    cursor = page.next
  }
  return ids
}

function live(dataDir: string, life: Commit[], filters: Filter[], pageSize: number): void {
  const connection = openDatabase(dataDir)
  connection.pragma('synchronous = OFF') // nothing here is about power
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
      const id = crypto.randomUUID()
      const event = { id, type, isJson: true, data: Buffer.from('{}'), metadata: Buffer.alloc(0) }
      const outcome = appender.append(stream, Expected.ANY, [event])
      if (outcome.kind === 'written') written.push({ id, position: outcome.position!, stream, type })
    }
    if (rolledBack) {
      connection.exec('ROLLBACK')
      appender.forget()
      continue
    }
    appender.end()
    connection.exec('COMMIT')
    log.advanced(appender.head, appender.touched)
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
  expect(verify(`${dataDir}/events.sqlite`).problems).toEqual([])
}

it('a filter finds the same, listed or not yet, forwards and backwards', async () => {
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

it('no filter sorts what it finds: a page costs the same however much passes', async () => {
  const dataDir = await temporaryDirectory()
  const connection = openDatabase(dataDir)
  const log = new EventLog(connection)
  const appender = new Appender(log)
  appender.begin()
  for (const stream of STREAMS)
    for (const type of TYPES) {
      const event = { id: crypto.randomUUID(), type, isJson: true, data: Buffer.from('{}'), metadata: Buffer.alloc(0) }
      appender.append(stream, Expected.ANY, [event])
    }
  appender.end()
  const filters: Filter[] = [
    { on: 'stream', prefixes: ['journey-', 'register-'], regex: '' },
    { on: 'stream', prefixes: ['journey-1'], regex: '' },
    { on: 'type', prefixes: ['Session', 'Ref'], regex: '' },
    { on: 'type', prefixes: [], regex: 'Held$' },
    { on: 'stream', prefixes: [], regex: '1$' },
  ]
  for (const each of filters) {
    const { listed, unlisted } = new CompiledFilter(log, each).plan()
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
