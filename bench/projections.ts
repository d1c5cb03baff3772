/**
 * npm run bench -- projections: how fast the read models are built again, against a bare subscription to the same log in
 * the same run; how soon what is appended is visible, against how soon it is delivered at all; the peak memory; and how
 * long the pages' questions take, against a log of half the size or, where it is larger, of 50,000 records. The same on
 * PostgreSQL: that of DATABASE_URL, or a server of its own that syncs as any other does. --records sets the size, --dir
 * keeps and reuses the filled logs, --sqlite-only leaves PostgreSQL out.
 */
import { EventStoreDBClient, END, START, jsonEvent, streamNameFilter } from '@eventstore/db-client'
import { spawnSync } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { caseloadPage, providersAndGroups, withCaseload } from '../projections/caseload.ts'
import { categories, idOf } from '../projections/projection.ts'
import { projections } from '../projections/projections.ts'
import { rebuildReadModels } from '../projections/rebuild/rebuild.ts'
import { ShadowTables } from '../projections/rebuild/shadow-tables.ts'
import { timelineOf } from '../projections/timeline.ts'
import { readConfig } from '../src/runtime/config.ts'
import type { StoredEvent } from '../src/event-store/stored-event.ts'
import { aboutEvent } from '../src/protection/sealing.ts'
import { openRuntime, type Runtime } from '../src/runtime/runtime.ts'
import { profileOf } from './profile.ts'
import { machine, printRows, type BenchRow } from './rows.ts'

const [role = 'bench', ...rest] = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const flag = (name: string) => process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3)

/** A larger log is these records and the same ones of others: an import of millions takes an hour, and is not what is measured. */
const mostImported = 200_000

/** Asking takes seconds, and one slow moment of the machine is the ninety-ninth of a hundred. */
const timesAsked = 5

interface Rebuilt {
  events: number
  bareSeconds: number
  rebuildSeconds: number
  peakMegabytes: number
}

/** Milliseconds, the ninety-ninth of a hundred. */
interface Asked {
  caseload: number
  /** The providers and groups to choose from. */
  filters: number
  timeline: number
}

interface Followed {
  deliveredP99: number
  visibleP99: number
}

if (role === 'fill') await fill(rest[0]!, Number(rest[1]))
else if (role === 'rebuild') await measureRebuild(rest[0]!, rest[1])
else if (role === 'follow') await follow(rest[0]!, rest[1])
else if (role === 'ask') await ask(rest[0]!)
else await bench()

async function bench(): Promise<void> {
  const { startPostgres } = await import('../test/support/postgres-server.ts')
  const records = Number(flag('records') ?? 100_000)
  const rounds = Number(flag('rounds') ?? 3)
  const isOwn = !process.env.DATABASE_URL && !process.argv.includes('--sqlite-only')
  const server = isOwn ? await startPostgres({ fsync: true }) : undefined
  const postgres = server ? await server.database() : process.env.DATABASE_URL
  const databases = [undefined, ...(postgres && !process.argv.includes('--sqlite-only') ? [postgres] : [])]
  process.stderr.write(
    `${machine()}\n${records} synthetic records, ${rounds} rounds, questions ${timesAsked}, best of each reported\n`,
  )
  const kept = flag('dir')
  const dir = kept ?? mkdtempSync(join(tmpdir(), 'throughline-bench-'))
  try {
    const smaller = Math.min(50_000, records / 2)
    if (!existsSync(join(dir, 'data'))) child('fill', dir, String(records))
    if (!existsSync(join(dir, 'smaller', 'data'))) child('fill', join(dir, 'smaller'), String(smaller))
    const rows: BenchRow[] = []
    for (const url of databases) {
      const name = url ? 'PostgreSQL' : 'SQLite'
      const target = url ? 0.6 : 0.8
      const rebuilds = Array.from({ length: rounds }, () => child<Rebuilt>('rebuild', dir, url ?? ''))
      const rate = Math.max(...rebuilds.map(({ events, rebuildSeconds }) => events / rebuildSeconds))
      const bare = Math.max(...rebuilds.map(({ events, bareSeconds }) => events / bareSeconds))
      rows.push({
        name: `rebuild of all projections, ${name}`,
        value: rate,
        unit: 'events/s',
        baseline: bare,
        ratio: rate / bare,
        target: `≥ ${target.toFixed(2)} of a bare subscription`,
        ok: rate / bare >= target,
      })
      const megabytes = Math.max(...rebuilds.map(({ peakMegabytes }) => peakMegabytes))
      rows.push({
        name: `peak memory of the rebuild, ${name}, store included`,
        value: megabytes,
        unit: 'MB',
        baseline: null,
        ratio: null,
        target: '≤ 300 MB',
        ok: megabytes <= 300,
      })
      const { deliveredP99, visibleP99 } = child<Followed>('follow', dir, url ?? '')
      rows.push({
        name: `append to visible, p99 at 200/s, ${name}`,
        value: visibleP99,
        unit: 'ms',
        baseline: deliveredP99,
        ratio: visibleP99 / deliveredP99,
        target: '≤ 3.00 of append to bare delivery',
        ok: visibleP99 / deliveredP99 <= 3,
      })
    }
    const large: Asked[] = []
    const small: Asked[] = []
    for (let round = 0; round < timesAsked; round++) {
      large.push(child('ask', dir))
      small.push(child('ask', join(dir, 'smaller')))
    }
    for (const question of ['caseload', 'filters', 'timeline'] as const) {
      const [value, baseline] = [large, small].map((asked) => Math.min(...asked.map((times) => times[question])))
      rows.push({
        name: `${question} asked, p99, ${records.toLocaleString('en-GB')} records against ${smaller.toLocaleString('en-GB')}, SQLite`,
        value: value!,
        unit: 'ms',
        baseline: baseline!,
        ratio: value! / baseline!,
        target: '≤ 1.30 of the smaller',
        ok: value! / baseline! <= 1.3,
      })
    }
    printRows(rows, process.argv.includes('--json'))
  } finally {
    await server?.stop()
    if (!kept) rmSync(dir, { recursive: true, force: true })
  }
}

function child<T>(part: string, ...args: string[]): T {
  const { flags, environment } = profileOf('rebuild')
  const words = [...flags, fileURLToPath(import.meta.url), part, ...args]
  const { stdout, stderr, status } = spawnSync(process.execPath, words, {
    encoding: 'utf8',
    env: environment,
    maxBuffer: 1 << 26,
  })
  if (status !== 0) throw new Error(`${part} failed: ${stderr}`)
  return (stdout ? JSON.parse(stdout) : undefined) as T
}

function opened(dir: string, databaseUrl: string | undefined): Promise<Runtime> {
  return openRuntime({
    ...readConfig({ DATA_DIR: join(dir, 'data') }),
    databaseUrl: databaseUrl || undefined,
    logLevel: 'warn',
  })
}

async function fill(dir: string, records: number): Promise<void> {
  // Here, so that a rebuild that is measured holds no more than npm run rebuild does.
  const { importFile } = await import('../src/exchange/import-file.ts')
  const { simulateContactLog, writeCsv } = await import('../src/simulator/contact-log.ts')
  mkdirSync(dir, { recursive: true })
  const file = join(dir, 'log.csv')
  const first = Math.min(records, mostImported)
  await writeCsv(
    simulateContactLog({ seed: 11, records: first, from: '2012-01-01', until: '2026-06-30', messy: false }),
    createWriteStream(file),
  )
  const runtime = await opened(dir, undefined)
  await importFile(runtime, file, { rejects: join(dir, 'rejects.csv') })
  await tellAgain(runtime, Math.ceil(records / first) - 1)
  await runtime.close()
}

/** Tells every history again, side by side with its likes, as that of so many other men. */
async function tellAgain(runtime: Runtime, times: number): Promise<void> {
  if (times === 0) return
  const { store, vault } = runtime
  const client = EventStoreDBClient.connectionString(runtime.eventStoreUrl)
  const again = (event: StoredEvent, time: number) => {
    const another = (id: string) => {
      const hex = createHash('sha256').update(`${time}/${id}`).digest('hex')
      return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
    }
    const [category, id] = [event.stream.split('-', 1)[0]!, idOf(event.stream)]
    const told = { stream: `${category}-${another(id)}`, id: another(event.id) }
    const data = { ...(event.data as Record<string, unknown>) }
    const { keyId } = event.metadata as { keyId?: string }
    if (typeof data.participantId === 'string') data.participantId = another(data.participantId)
    if (typeof data.sealed === 'string' && keyId)
      data.sealed = vault.seal(keyId, aboutEvent(told), vault.open(keyId, aboutEvent(event), data.sealed))
    return {
      stream: told.stream,
      event: jsonEvent({ id: told.id, type: event.type, data: data as never, metadata: event.metadata as never }),
    }
  }
  const appendAll = async (events: readonly StoredEvent[]) => {
    const others = events.flatMap((event) => Array.from({ length: times }, (_, time) => again(event, time)))
    const streams = Map.groupBy(others, ({ stream }) => stream).entries()
    const caller = async () => {
      for (const [stream, told] of streams)
        await client.appendToStream(
          stream,
          told.map(({ event }) => event),
        )
    }
    await Promise.all(Array.from({ length: 64 }, caller))
  }
  const end = await store.headPositionOf(categories)
  let window: StoredEvent[] = []
  for await (const event of store.readAll(categories)) {
    window.push(event)
    const isLast = event.position === end
    if (window.length * times < 20_000 && !isLast) continue
    await appendAll(window)
    window = []
    if (isLast) break
  }
  await client.dispose()
}

async function measureRebuild(dir: string, url: string | undefined): Promise<void> {
  const runtime = await opened(dir, url)
  const client = EventStoreDBClient.connectionString(runtime.eventStoreUrl)
  const filter = streamNameFilter({ prefixes: categories.map((category) => `${category}-`) })
  const bare = () =>
    new Promise<number>((resolve, reject) => {
      let events = 0
      const subscription = client.subscribeToAll({ fromPosition: START, filter })
      subscription.on('data', () => events++)
      subscription.on('error', reject)
      subscription.on('caughtUp', () => resolve(subscription.unsubscribe().then(() => events)))
    })
  const rebuildAll = () =>
    rebuildReadModels(runtime, projections, { signal: new AbortController().signal, isFree: true })
  // A rebuild that was cut short before would be gone on with, and be done sooner than one from the beginning.
  for (const projection of projections)
    if ((await new ShadowTables(runtime.readModels.database).rebuildState(projection)) !== 'none') await rebuildAll()
  await bare() // the store's pages are in memory for both
  let begun = performance.now()
  const events = await bare()
  const bareSeconds = (performance.now() - begun) / 1_000
  begun = performance.now()
  await rebuildAll()
  const rebuildSeconds = (performance.now() - begun) / 1_000
  const peakMegabytes = process.resourceUsage().maxRSS / 1_000
  await client.dispose()
  await runtime.close()
  process.stdout.write(JSON.stringify({ events, bareSeconds, rebuildSeconds, peakMegabytes } satisfies Rebuilt))
}

/** What the caseload's first pages, all journeys or one status, and one man's timeline ask of the database. */
async function ask(dir: string): Promise<void> {
  const runtime = await opened(dir, undefined)
  const { db } = runtime.readModels
  await runtime.runner!.catchUpTo(await runtime.store.headPositionOf(categories))
  const journeys = await withCaseload(db).selectFrom('caseload').select('journey_id').execute()
  const p99 = async (question: (n: number) => Promise<unknown>) => {
    const times: number[] = []
    for (let n = 0; n < 1_000; n++) {
      const begun = performance.now()
      await question(n)
      if (n >= 100) times.push(performance.now() - begun)
    }
    return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)]!
  }
  const timeline = await p99((n) => timelineOf(db, journeys[(n * 7_919) % journeys.length]!.journey_id))
  const order = { sort: 'last_contact', direction: 'desc' } as const
  const caseload = await p99(async (n) => {
    const filter = n % 2 === 0 ? {} : { statuses: ['on_programme' as const] }
    await caseloadPage(db, filter, order, { limit: 25, offset: 25 * (n % 4) })
  })
  const filters = await p99(() => providersAndGroups(db))
  await runtime.close()
  process.stdout.write(JSON.stringify({ caseload, filters, timeline } satisfies Asked))
}

/** 200 appends a second: when each was delivered to a bare subscription while nothing projects, and then when it was visible. */
async function follow(dir: string, url: string | undefined): Promise<void> {
  const runtime = await opened(dir, url)
  const { runner, readModels, store } = runtime
  const client = EventStoreDBClient.connectionString(runtime.eventStoreUrl)
  await runner!.catchUpTo(await store.headPositionOf(categories))
  const journeys = await withCaseload(readModels.db).selectFrom('caseload').select('journey_id').limit(200).execute()
  const good = (await Array.fromAsync(store.read(`journey-${journeys[0]!.journey_id}`))).at(-1)!
  const p99 = (all: number[]) => all.toSorted((a, b) => a - b)[Math.floor(all.length * 0.99)]!

  const load = async (seconds: number) => {
    const sent: { position: bigint; at: number }[] = []
    const one = async (journeyId: string) => {
      const event = jsonEvent({ id: randomUUID(), type: 'WarningIssued', data: {}, metadata: good.metadata as never })
      const at = performance.now()
      const { position } = await client.appendToStream(`journey-${journeyId}`, event)
      sent.push({ position: position!.commit, at })
    }
    const appends: Promise<void>[] = []
    const begun = performance.now()
    for (let n = 0; performance.now() - begun < seconds * 1_000; n++) {
      appends.push(one(journeys[n % journeys.length]!.journey_id))
      await wait(Math.max(0, begun + (n + 1) * 5 - performance.now()))
    }
    await Promise.all(appends)
    await wait(1_000)
    return sent
  }

  const arrivals = new Map<bigint, number>()
  const subscription = client.subscribeToAll({ fromPosition: END })
  subscription.on('data', ({ event }) => event?.position && arrivals.set(event.position.commit, performance.now()))
  await wait(500)
  await load(1) // warm
  const bare = await load(5)
  const deliveredP99 = p99(bare.map(({ position, at }) => arrivals.get(position)! - at))
  await subscription.unsubscribe()

  const visible: { position: bigint; at: number }[] = []
  runner!.progress.subscribe(({ position }) => visible.push({ position, at: performance.now() }))
  runner!.start()
  await wait(1_000)
  await load(1)
  const projected = await load(5)
  const visibleP99 = p99(projected.map(({ position, at }) => visible.find((one) => one.position >= position)!.at - at))
  await client.dispose()
  await runtime.close()
  process.stdout.write(JSON.stringify({ deliveredP99, visibleP99 } satisfies Followed))
}
