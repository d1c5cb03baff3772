/**
 * npm run bench -- peers: the commands of a journey, given to Throughline and to what a team would have built or installed instead:
 * a hand-written table of events in PostgreSQL behind @nestjs/cqrs, and emmett-postgresql. Each has the same rules, facts and metadata, and
 * answers a command once it is durable. They take turns, with 1, 16 and 64 callers, called in their own process and over HTTP.
 * --rounds sets how often each has its turn, --journeys how many journeys a caller records in one, --only=handler|models|http
 * leaves the other ways in out.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { oddityCodes } from '../src/domain/journey/oddities.ts'
import { answeredTo, callerAt, type Answered, type Load } from './peers/load.ts'
import { processorSecondsOf } from './peers/processor-time.ts'
import { commandsAJourney, type Contender } from './peers/work.ts'
import { machine, printRows, type BenchRow } from './rows.ts'

const contenders = ['Throughline', 'hand-written', 'emmett'] as const
type ContenderName = (typeof contenders)[number]

const ways = {
  handler: 'handler',
  models: 'handler with read models',
  http: 'HTTP',
} as const
type Way = keyof typeof ways

const callersAtOnce = [1, 16, 64]

/** As many journeys at least in one turn, so that a p99 is more than one command. */
const fewestJourneys = 8

/** What they may take in proportion to the hand-written one, where that is agreed. */
const floors: readonly {
  readonly way: Way
  readonly callers: readonly number[]
  readonly figure: keyof Figures
  readonly atMost?: number
  readonly atLeast?: number
}[] = [
  { way: 'handler', callers: [16], figure: 'processor', atMost: 1.2 },
  { way: 'http', callers: [16], figure: 'processor', atMost: 1.7 },
  { way: 'models', callers: [16, 64], figure: 'rate', atLeast: 0.8 },
]

interface Figures {
  /** Commands a second. */
  readonly rate: number
  /** Milliseconds within which ninety-nine of a hundred commands were answered. */
  readonly p99: number
  /** Milliseconds of processor time a command, of the application and its servers. */
  readonly processor: number
}

const units = { rate: 'commands/s', p99: 'ms, p99', processor: 'ms of processor' } as const

const [role = 'bench', ...rest] = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const flag = (name: string) => process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3)

async function bench(): Promise<void> {
  const { startPostgres } = await import('../test/support/postgres-server.ts')
  const rounds = Number(flag('rounds') ?? 2)
  const journeysACaller = Number(flag('journeys') ?? 1)
  const only = flag('only')
  const server = await startPostgres({ fsync: true })
  const dir = mkdtempSync(join(tmpdir(), 'throughline-bench-'))
  const rows: BenchRow[] = []
  process.stderr.write(`${machine()}\n${rounds} rounds, ${commandsAJourney} commands a journey\n`)
  try {
    for (const way of Object.keys(ways) as Way[]) {
      if (only !== undefined && only !== way) continue
      const running: { readonly name: ContenderName; readonly process: Running }[] = []
      for (const name of contenders) {
        const place = name === 'Throughline' ? join(dir, way) : await server.database()
        running.push({ name, process: await Running.start(name, way, place, server.process.pid!) })
      }
      try {
        for (const { process } of running) await process.measured({ callers: 16, journeys: 32 }) // warm
        for (const callers of callersAtOnce) {
          const journeys = Math.max(fewestJourneys, callers * journeysACaller)
          const figures = new Map<ContenderName, Figures[]>(contenders.map((name) => [name, []]))
          for (let round = 0; round < rounds; round++)
            for (const { name, process: one } of running) {
              const measured = await one.measured({ callers, journeys })
              figures.get(name)!.push(measured)
              const { rate, p99, processor } = measured
              process.stderr.write(
                `${ways[way]}, ${callers} callers, ${name}: ${rate.toFixed(0)} commands/s, p99 ${p99.toFixed(1)} ms, ${processor.toFixed(2)} ms of processor\n`,
              )
            }
          rows.push(...rowsOf(way, callers, figures))
        }
      } finally {
        for (const { process } of running) await process.stop()
      }
    }
    printRows(rows, process.argv.includes('--json'))
  } finally {
    await server.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

function rowsOf(way: Way, callers: number, figures: ReadonlyMap<ContenderName, readonly Figures[]>): BenchRow[] {
  const middle = (name: ContenderName, figure: keyof Figures) => {
    const all = figures
      .get(name)!
      .map((one) => one[figure])
      .toSorted((a, b) => a - b)
    return (all[Math.floor((all.length - 1) / 2)]! + all[Math.ceil((all.length - 1) / 2)]!) / 2
  }
  return (Object.keys(units) as (keyof Figures)[]).flatMap((figure) =>
    (['Throughline', 'emmett'] as const).map((name): BenchRow => {
      const value = middle(name, figure)
      const baseline = middle('hand-written', figure)
      const ratio = value / baseline
      const floor = floors.find((one) => one.way === way && one.callers.includes(callers) && one.figure === figure)
      const { atMost = Infinity, atLeast = 0 } = (name === 'Throughline' && floor) || {}
      const target = atMost < Infinity ? `≤ ${atMost}` : atLeast > 0 ? `≥ ${atLeast}` : ''
      return {
        name: `${ways[way]}, ${callers} callers, ${name}`,
        value,
        unit: units[figure],
        baseline,
        ratio,
        target,
        ok: ratio <= atMost && ratio >= atLeast,
      }
    }),
  )
}

/** One contender in a process of its own, as the bench sees it. */
class Running {
  private first = 0

  private constructor(
    private readonly process: ChildProcess,
    private readonly sender: ChildProcess | undefined,
    private readonly server: number | undefined,
  ) {}

  static async start(name: ContenderName, way: Way, place: string, postgres: number): Promise<Running> {
    const process = child('contender', name, way, place)
    const { url, token } = await answer<{ url?: string; token?: string }>(process)
    const sender = url === undefined ? undefined : child('sending', name, url, token!)
    if (sender) await answer(sender)
    return new Running(process, sender, name === 'Throughline' ? undefined : postgres)
  }

  async measured(load: Omit<Load, 'first'>): Promise<Figures> {
    const measured = [this.process.pid!, ...(this.server === undefined ? [] : [this.server])]
    const before = processorSecondsOf(measured)
    const caller = this.sender ?? this.process
    caller.send({ ...load, first: this.first } satisfies Load)
    this.first += load.journeys
    const { seconds, times } = await answer<Answered>(caller)
    const spent = processorSecondsOf(measured) - before
    return {
      rate: times.length / seconds,
      p99: times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)]!,
      processor: (spent * 1_000) / times.length,
    }
  }

  async stop(): Promise<void> {
    for (const one of [this.sender, this.process])
      if (one?.exitCode === null) {
        const gone = once(one, 'exit')
        one.send('stop')
        await gone
      }
  }
}

const child = (...words: string[]): ChildProcess => fork(fileURLToPath(import.meta.url), words)

async function answer<T>(process: ChildProcess): Promise<T> {
  const ended = new AbortController()
  const exit = once(process, 'exit', { signal: ended.signal }).then(([status]) => {
    throw new Error(`A contender ended with ${status}.`)
  })
  exit.catch(() => undefined)
  try {
    const [message] = (await Promise.race([once(process, 'message', { signal: ended.signal }), exit])) as [T]
    return message
  } finally {
    ended.abort()
  }
}

/** Answers each load that the bench sends with how it was answered, until it is told to stop. */
function serveLoads(to: Parameters<typeof answeredTo>[1], close: () => Promise<void>): void {
  process.on('message', (message: Load | 'stop') => {
    void (async () => {
      if (message !== 'stop') return void process.send!(await answeredTo(message, to))
      await close()
      process.disconnect()
    })()
  })
}

async function contender(name: ContenderName, way: Way, place: string): Promise<void> {
  const readModels = way !== 'handler'
  if (name === 'Throughline') {
    const { throughlineIn, throughlineServedIn } = await import('./peers/throughline.ts')
    if (way !== 'http') return servesItself(await throughlineIn(place, { readModels }))
    const served = await throughlineServedIn(place)
    return servesHttp(served, () => served.close())
  }
  const { peerApp } = await import('./peers/nest-app.ts')
  const events =
    name === 'emmett'
      ? await (await import('./peers/emmett-events.ts')).EmmettEvents.in(place, { readModels })
      : await (await import('./peers/event-table.ts')).EventTable.in(place, { readModels })
  const app = await peerApp(events)
  if (way === 'http') servesHttp(await app.listen(), () => app.close())
  else servesItself(app)
}

function servesItself(one: Contender): void {
  serveLoads(one, () => one.close())
  process.send!({})
}

function servesHttp(
  { url, token }: { readonly url: string; readonly token: string },
  close: () => Promise<void>,
): void {
  process.on('message', (message) => {
    if (message === 'stop') void close().then(() => process.disconnect())
  })
  process.send!({ url, token })
}

async function sending(name: ContenderName, url: string, token: string): Promise<void> {
  const meant = name === 'Throughline' ? { confirmedOddities: oddityCodes } : {}
  serveLoads(callerAt(url, token, meant), () => Promise.resolve())
  process.send!({})
}

if (role === 'contender') await contender(rest[0] as ContenderName, rest[1] as Way, rest[2]!)
else if (role === 'sending') await sending(rest[0] as ContenderName, rest[1]!, rest[2]!)
else await bench()
