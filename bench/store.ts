/**
 * How fast the store is, and how much of that is the client: every figure beside the same figure from a server that stores nothing,
 * taken in turns in one run, after both are warm. `--json` prints rows of {name, value, unit, baseline, ratio, target, ok};
 * `--events=N` sets how large the large store is (the target is stated for 10 million), `--rounds=N` how often everything is taken.
 */
import type { ChildProcess } from 'node:child_process'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { BACKWARDS, END, EventStoreDBClient, streamNameFilter } from '@eventstore/db-client'
import { machine, printRows, type BenchRow } from './rows.ts'
import { anEvent } from './store-events.ts'

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    events: { type: 'string', default: '300000' },
    rounds: { type: 'string', default: '9' },
  },
})
const LARGE = Number(options.events)
const ROUNDS = Number(options.rounds)
const SMALL = 100_000
const READ = 20_000
const APPENDS = 4000
const CALLERS = 64
/** Rounds that are not counted: a program that has just begun is a slow one. */
const WARM_UP = 3
const STARTS = 3
/** A round in which others used more than this share of one processor says nothing, and is taken again, but not for ever. */
const DISTURBED = 0.15

/** A server in a process of its own. */
interface Server {
  child: ChildProcess
  client: EventStoreDBClient
  /** Milliseconds from spawning to the first answer. */
  startedIn: number
}

const ROOT = join(import.meta.dirname, '..')
const extension = import.meta.filename.endsWith('.ts') ? 'ts' : 'js'
const script = (path: string) => join(ROOT, `${path}.${extension}`)
const directories: string[] = []
const children: ChildProcess[] = []

async function start(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Server> {
  const began = performance.now()
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } })
  children.push(child)
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const client = EventStoreDBClient.connectionString(String(line).trim())
  await all(client.readAll({ maxCount: 1 }))
  return { child, client, startedIn: performance.now() - began }
}

const startStore = (directory: string) =>
  start([script('src/embedded-store/cli'), 'run', '--data-dir', directory, '--port', '0'])
const startBaseline = () => start([script('bench/store-baseline')], { BASELINE_EVENTS: String(READ) })

async function stop({ child, client }: Server): Promise<void> {
  await Promise.race([client.dispose(), new Promise((resolve) => setTimeout(resolve, 300))])
  child.kill('SIGKILL')
  await once(child, 'exit')
}

function emptyDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'bench-store-'))
  directories.push(directory)
  return directory
}

function filledDirectory(events: number): string {
  const directory = emptyDirectory()
  execFileSync(process.execPath, [script('bench/store-fill'), directory, String(events)], { stdio: 'inherit' })
  return directory
}

async function all<T>(stream: AsyncIterable<T>): Promise<number> {
  let count = 0
  for await (const one of stream) if (one !== undefined) count++
  return count
}

/** Processor time all threads of the server have used, in microseconds, from the system's own books. */
function processorTime({ child }: Server): number {
  const tasks = `/proc/${child.pid}/task`
  const nanoseconds = readdirSync(tasks).map((task) =>
    Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]),
  )
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1000
}

/** Processor time used by whoever is not part of this bench since the machine started, in microseconds (10 ms steps). */
function timeOfOthers(servers: readonly Server[]): number {
  const [, user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8').split(/\s+/, 9).map(Number)
  const used = (user! + nice! + system! + irq! + softirq! + steal!) * 10_000
  const mine = process.cpuUsage()
  return used - mine.user - mine.system - servers.reduce((sum, server) => sum + processorTime(server), 0)
}

function residentMegabytes({ child }: Server): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1]) / 1024
}

let streams = 0
const newStream = () => `bench-${process.pid}-${streams++}`

async function appendsPerSecond(server: Server, callers: number): Promise<{ rate: number; cpu: number }> {
  let left = APPENDS
  const cpu = processorTime(server)
  const began = performance.now()
  await Promise.all(
    Array.from({ length: callers }, async () => {
      const stream = newStream()
      while (left-- > 0) await server.client.appendToStream(stream, anEvent(left))
    }),
  )
  return { rate: (APPENDS / (performance.now() - began)) * 1000, cpu: (processorTime(server) - cpu) / APPENDS }
}

/** Median of one caller's appends, in milliseconds. */
async function appendLatency(server: Server, count = 300): Promise<number> {
  const stream = newStream()
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const event = anEvent(i)
    const began = performance.now()
    await server.client.appendToStream(stream, event)
    times.push(performance.now() - began)
  }
  return median(times)
}

async function readsPerSecond(server: Server, maxCount = READ): Promise<{ rate: number; cpu: number }> {
  const cpu = processorTime(server)
  const began = performance.now()
  const count = await all(server.client.readAll({ maxCount }))
  return { rate: (count / (performance.now() - began)) * 1000, cpu: (processorTime(server) - cpu) / count }
}

async function catchUpPerSecond(server: Server): Promise<number> {
  const began = performance.now()
  let count = 0
  const subscription = server.client.subscribeToAll()
  await new Promise<void>((resolve, reject) => {
    subscription.on('data', () => ++count === READ && resolve()).on('error', reject)
  })
  const elapsed = performance.now() - began
  await subscription.unsubscribe()
  return (count / elapsed) * 1000
}

/** Medians of `count` runs of one small thing on two servers, in milliseconds: one run here, one there, the first by turns. */
async function latencies<S extends string>(
  count: number,
  servers: Record<S, Server>,
  run: (server: Server, which: S, i: number) => Promise<unknown>,
): Promise<Record<S, number>> {
  const names = Object.keys(servers) as S[]
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<S, number[]>
  for (let i = 0; i < count; i++)
    for (const which of i % 2 === 0 ? names : names.toReversed()) {
      const began = performance.now()
      await run(servers[which], which, i)
      times[which].push(performance.now() - began)
    }
  return Object.fromEntries(names.map((name) => [name, median(times[name])])) as Record<S, number>
}

function median(numbers: number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!
}

const rows: BenchRow[] = []

function row(
  name: string,
  unit: string,
  value: number,
  baseline: number | null,
  target: { atLeast?: number; atMost?: number; of: 'ratio' | 'value' },
) {
  const ratio = baseline === null ? null : value / baseline
  const measured = target.of === 'ratio' ? ratio! : value
  const ok = target.atLeast !== undefined ? measured >= target.atLeast : measured <= target.atMost!
  const words = `${target.atLeast !== undefined ? '>=' : '<='} ${target.atLeast ?? target.atMost}${target.of === 'ratio' ? ' x baseline' : ` ${unit}`}`
  rows.push({
    name,
    value: round(value),
    unit,
    baseline: baseline === null ? null : round(baseline),
    ratio: ratio === null ? null : round(ratio),
    target: words,
    ok,
  })
}

const round = (value: number) => Number(value.toPrecision(4))

async function againstNoStorage(): Promise<void> {
  const store = await startStore(filledDirectory(READ))
  const baseline = await startBaseline()
  const taken = {
    append64: [] as number[],
    append1: [] as number[],
    read: [] as number[],
    catchUp: [] as number[],
    cpuRead: [] as number[],
    cpuAppend: [] as number[],
  }
  const ceiling = structuredClone(taken)
  const servers = [
    [baseline, ceiling],
    [store, taken],
  ] as const
  let again = 0
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const [began, othersBefore] = [performance.now(), timeOfOthers([baseline, store])]
    const figuresOfRound = []
    for (const [server, figures] of round % 2 === 0 ? servers : servers.toReversed()) {
      const [reads, catchUp] = [await readsPerSecond(server), await catchUpPerSecond(server)]
      const [latencyOfOne, appends] = [await appendLatency(server), await appendsPerSecond(server, CALLERS)]
      figuresOfRound.push({ figures, reads, catchUp, latencyOfOne, appends })
    }
    if (round < 0) continue
    const others = (timeOfOthers([baseline, store]) - othersBefore) / 1000 / (performance.now() - began)
    if (others > DISTURBED && again < 3 * ROUNDS) {
      again++
      round--
      continue
    }
    for (const { figures, reads, catchUp, latencyOfOne, appends } of figuresOfRound) {
      figures.read.push(reads.rate)
      figures.cpuRead.push(reads.cpu)
      figures.catchUp.push(catchUp)
      figures.append1.push(latencyOfOne)
      figures.append64.push(appends.rate)
      figures.cpuAppend.push(appends.cpu)
    }
  }
  if (again > 0) process.stderr.write(`${again} rounds taken again because others used the machine\n`)
  row('append, 64 callers', 'events/s', median(taken.append64), median(ceiling.append64), { atLeast: 0.9, of: 'ratio' })
  row('append, 1 caller, p50', 'ms', median(taken.append1), median(ceiling.append1), { atMost: 2.5, of: 'ratio' })
  row('read $all', 'events/s', median(taken.read), median(ceiling.read), { atLeast: 0.95, of: 'ratio' })
  row('catch-up subscription to $all', 'events/s', median(taken.catchUp), median(ceiling.catchUp), {
    atLeast: 0.95,
    of: 'ratio',
  })
  row('server CPU per event read, in memory', 'us', median(taken.cpuRead), median(ceiling.cpuRead), {
    atMost: 12,
    of: 'value',
  })
  row('server CPU per append, 64 callers', 'us', median(taken.cpuAppend), median(ceiling.cpuAppend), {
    atMost: 45,
    of: 'value',
  })
  await stop(store)
  await stop(baseline)
}

/** The median start, in milliseconds, and the server that was started last. */
async function startRepeatedly(directory: string): Promise<Server> {
  const times: number[] = []
  for (;;) {
    const server = await startStore(directory)
    times.push(server.startedIn)
    if (times.length === STARTS) return { ...server, startedIn: median(times) }
    await stop(server)
  }
}

async function againstSmall(): Promise<void> {
  const empty = await startRepeatedly(emptyDirectory())
  row('start to first answer, empty', 'ms', empty.startedIn, null, { atMost: 300, of: 'value' })
  await stop(empty)
  const small = await startRepeatedly(filledDirectory(SMALL))
  const large = await startRepeatedly(filledDirectory(LARGE))
  const size = LARGE.toLocaleString('en')
  row(`start to first answer, ${size} events`, 'ms', large.startedIn, small.startedIn, { atMost: 3000, of: 'value' })
  // So many do not stay in the store's memory until they are asked for again.
  const fromFile = [await readsPerSecond(small, SMALL), await readsPerSecond(small, SMALL)].map(({ cpu }) => cpu)
  row('server CPU per event read from the file', 'us', Math.min(...fromFile), null, { atMost: 12, of: 'value' })
  const events = { small: SMALL, large: LARGE }
  for (const { client } of [small, large]) await client.appendToStream('rare-1', anEvent(0))
  const stream = newStream()
  const figures: [name: string, count: number, run: Parameters<typeof latencies<'small' | 'large'>>[2]][] = [
    ['append, 1 caller', 100, ({ client }, _, i) => client.appendToStream(stream, anEvent(i))],
    [
      'read of one stream',
      100,
      ({ client }, which, i) =>
        all(client.readStream(`journey-${Math.floor(((i * 7919) % 1000) * (events[which] / 40 / 1000))}`)),
    ],
    [
      'page of $all from the middle',
      50,
      ({ client }, which) => {
        const middle = BigInt(Math.floor(events[which] / 2)) * 128n
        return all(client.readAll({ fromPosition: { commit: middle, prepare: middle }, maxCount: 100 }))
      },
    ],
    [
      'newest of $all',
      50,
      ({ client }) => all(client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 10 })),
    ],
    ['rare prefix in $all', 20, ({ client }) => firstThrough(client, 'rare-')],
  ]
  for (const [name, count, run] of figures) {
    await latencies(count * WARM_UP, { small, large }, run)
    const taken = await latencies(count * ROUNDS, { small, large }, run)
    row(`${name}, ${size} against ${SMALL.toLocaleString('en')} events`, 'ms', taken.large, taken.small, {
      atMost: 1.2,
      of: 'ratio',
    })
  }
  row(`memory, ${size} events`, 'MB', residentMegabytes(large), residentMegabytes(small), { atMost: 200, of: 'value' })
  await stop(small)
  await stop(large)
}

async function firstThrough(client: EventStoreDBClient, prefix: string): Promise<void> {
  const subscription = client.subscribeToAll({
    filter: streamNameFilter({ prefixes: [prefix], maxSearchWindow: 1_000_000 }),
  })
  await new Promise<void>((resolve, reject) => subscription.on('data', () => resolve()).on('error', reject))
  await subscription.unsubscribe()
}

try {
  await againstNoStorage()
  await againstSmall()
  process.stderr.write(`${machine()}\n`)
  printRows(rows, options.json)
} finally {
  for (const child of children) child.kill('SIGKILL')
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
}
process.exit(0)
