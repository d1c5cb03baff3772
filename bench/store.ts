/**
 * How fast the store is, and how much of that is the client: every figure beside the same figure from a server that stores nothing,
 * taken in turns in one run. `--json` prints rows of {name, value, unit, baseline, ratio, target, ok}; `--events=N` sets how large
 * the large store is (the target is stated for 10 million), `--rounds=N` how often everything is taken.
 */
import type { ChildProcess } from 'node:child_process'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
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
    rounds: { type: 'string', default: '3' },
  },
})
const LARGE = Number(options.events)
const ROUNDS = Number(options.rounds)
const SMALL = 100_000
const READ = 20_000
const APPENDS = 4000
const CALLERS = 64

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

/** Processor time the server has used, in microseconds, from the system's own books (10 ms steps). */
function processorTime({ child }: Server): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
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

async function readsPerSecond(server: Server): Promise<{ rate: number; cpu: number }> {
  const cpu = processorTime(server)
  const began = performance.now()
  const count = await all(server.client.readAll({ maxCount: READ }))
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

/** Median of `count` runs of one small read, in milliseconds. */
async function latency(count: number, read: (i: number) => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const began = performance.now()
    await read(i)
    times.push(performance.now() - began)
  }
  return median(times)
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
  for (let round = -1; round < ROUNDS; round++) {
    for (const [server, figures] of [
      [baseline, ceiling],
      [store, taken],
    ] as const) {
      const [reads, catchUp] = [await readsPerSecond(server), await catchUpPerSecond(server)]
      const [latencyOfOne, appends] = [await appendLatency(server), await appendsPerSecond(server, CALLERS)]
      if (round < 0) continue // the first round warms both up
      figures.read.push(reads.rate)
      figures.cpuRead.push(reads.cpu)
      figures.catchUp.push(catchUp)
      figures.append1.push(latencyOfOne)
      figures.append64.push(appends.rate)
      figures.cpuAppend.push(appends.cpu)
    }
  }
  row('append, 64 callers', 'events/s', median(taken.append64), median(ceiling.append64), { atLeast: 0.9, of: 'ratio' })
  row('append, 1 caller, p50', 'ms', median(taken.append1), median(ceiling.append1), { atMost: 2.5, of: 'ratio' })
  row('read $all', 'events/s', median(taken.read), median(ceiling.read), { atLeast: 0.95, of: 'ratio' })
  row('catch-up subscription to $all', 'events/s', median(taken.catchUp), median(ceiling.catchUp), {
    atLeast: 0.95,
    of: 'ratio',
  })
  row('server CPU per event read', 'us', median(taken.cpuRead), median(ceiling.cpuRead), { atMost: 12, of: 'value' })
  row('server CPU per append, 64 callers', 'us', median(taken.cpuAppend), median(ceiling.cpuAppend), {
    atMost: 45,
    of: 'value',
  })
  await stop(store)
  await stop(baseline)
}

async function againstSmall(): Promise<void> {
  const empty = await startStore(emptyDirectory())
  row('start to first answer, empty', 'ms', empty.startedIn, null, { atMost: 300, of: 'value' })
  await stop(empty)
  const small = await startStore(filledDirectory(SMALL))
  const directory = filledDirectory(LARGE)
  const large = await startStore(directory)
  const size = LARGE.toLocaleString('en')
  row(`start to first answer, ${size} events`, 'ms', large.startedIn, small.startedIn, { atMost: 3000, of: 'value' })
  const names = [
    'append, 1 caller',
    'read of one stream',
    'page of $all from the middle',
    'newest of $all',
    'rare prefix in $all',
  ] as const
  const taken = names.map(() => ({ small: [] as number[], large: [] as number[] }))
  await small.client.appendToStream('rare-1', anEvent(0))
  await large.client.appendToStream('rare-1', anEvent(0))
  for (let round = -1; round < ROUNDS; round++) {
    for (const [server, which, events] of [
      [small, 'small', SMALL],
      [large, 'large', LARGE],
    ] as const) {
      const { client } = server
      const middle = BigInt(Math.floor(events / 2)) * 128n
      const journeys = events / 40
      const figures = [
        await appendLatency(server, 200),
        await latency(100, (i) =>
          all(client.readStream(`journey-${Math.floor(((i * 7919) % 1000) * (journeys / 1000))}`)),
        ),
        await latency(50, () =>
          all(client.readAll({ fromPosition: { commit: middle, prepare: middle }, maxCount: 100 })),
        ),
        await latency(50, () => all(client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 10 }))),
        await latency(20, () => firstThrough(client, 'rare-')),
      ]
      if (round >= 0) figures.forEach((figure, i) => taken[i]![which].push(figure))
    }
  }
  names.forEach((name, i) =>
    row(
      `${name}, ${size} against ${SMALL.toLocaleString('en')} events`,
      'ms',
      median(taken[i]!.large),
      median(taken[i]!.small),
      { atMost: 1.2, of: 'ratio' },
    ),
  )
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
