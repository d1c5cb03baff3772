/**
 * npm run bench -- live: what people who use the application notice of an import that runs beside it, against the same
 * application while nothing else happens. Two figures, on SQLite and on PostgreSQL (that of DATABASE_URL, or a server of its own):
 * how long a command takes to be recorded, and how long after the log received an event the pages show it. --records sets the size
 * of the import, --quiet the seconds without one, --sqlite-only leaves PostgreSQL out.
 */
import type { Runtime } from '../src/runtime/runtime.ts'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
// What is under measurement is loaded only by the process that needs it: the one that sends commands must be at work at once.
import { machine, printRows, type BenchRow } from './rows.ts'
import { withCaseload } from '../projections/caseload.ts'

/** Commands sent in a second, one after another whatever the answers take: under the limit on requests from one address. */
const commandsPerSecond = 10

/** So many that no command waits for one on the same journey: people seldom record on one at the same moment. */
const journeysRecordedOn = 100

/** How many times as long as while quiet something may take while an import runs. */
const most = 5

/** Milliseconds, the ninety-ninth of a hundred. */
interface Noticed {
  readonly answered: number
  readonly visible: number
}

interface Measured {
  readonly quiet: Noticed
  readonly busy: Noticed
  readonly commandsWhileBusy: number
  readonly importSeconds: number
}

const [role = 'bench', ...rest] = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const flag = (name: string) => process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3)

if (role === 'serving') await serving(rest[0]!, rest[1]!, Number(rest[2]), rest[3])
else if (role === 'importing') await importing(rest[0]!, rest[1]!, rest[2])
else if (role === 'sending') await sending(rest[0]!, rest[1]!, rest.slice(2))
else await bench()

async function bench(): Promise<void> {
  const { startPostgres } = await import('../test/support/postgres-server.ts')
  const records = Number(flag('records') ?? 50_000)
  const quietSeconds = Number(flag('quiet') ?? 20)
  const sqliteOnly = process.argv.includes('--sqlite-only')
  const server = process.env.DATABASE_URL || sqliteOnly ? undefined : await startPostgres({ fsync: true })
  const postgres = sqliteOnly ? undefined : (process.env.DATABASE_URL ?? (await server!.database()))
  process.stderr.write(
    `${machine()}\nan import of ${records} records, ${commandsPerSecond} commands a second, ${quietSeconds} s quiet\n`,
  )
  const dir = mkdtempSync(join(tmpdir(), 'throughline-bench-'))
  try {
    await writeLog(join(dir, 'before.csv'), { seed: 3, records: 5_000, from: '2024-10-01', refPrefix: 'BEFORE' })
    await writeLog(join(dir, 'import.csv'), { seed: 11, records, from: '2018-01-01', refPrefix: 'DURING' })
    const rows: BenchRow[] = []
    for (const url of [undefined, ...(postgres ? [postgres] : [])]) {
      const database = url ? 'PostgreSQL' : 'SQLite'
      const words = ['serving', dir, database, String(quietSeconds), ...(url ? [url] : [])]
      const { stdout, stderr, status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...words], {
        encoding: 'utf8',
      })
      if (status !== 0) throw new Error(`serving failed: ${stderr}`)
      const measured = JSON.parse(stdout) as Measured
      process.stderr.write(
        `${database}: ${measured.commandsWhileBusy} commands in an import of ${measured.importSeconds.toFixed(1)} s\n`,
      )
      for (const [figure, name] of [
        ['answered', 'command sent to recorded'],
        ['visible', 'event received to visible'],
      ] as const) {
        const [value, baseline] = [measured.busy[figure], measured.quiet[figure]]
        rows.push({
          name: `${name}, p99 while an import runs, ${database}`,
          value,
          unit: 'ms',
          baseline,
          ratio: value / baseline,
          target: `≤ ${most.toFixed(2)} of quiet`,
          ok: value / baseline <= most,
        })
      }
    }
    printRows(rows, process.argv.includes('--json'))
  } finally {
    await server?.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Journeys of other references than those of another prefix, so that no two logs tell of the same. */
async function writeLog(
  file: string,
  options: { readonly seed: number; readonly records: number; readonly from: string; readonly refPrefix: string },
): Promise<void> {
  const { simulateContactLog, writeCsv } = await import('../src/simulator/contact-log.ts')
  const log = simulateContactLog({ ...options, until: '2025-03-31', messy: false })
  await writeCsv(log, createWriteStream(file))
}

/** The application as npm start has it, with a case load to record on, first while nothing else happens and then beside an import. */
async function serving(dir: string, database: string, quietSeconds: number, databaseUrl?: string): Promise<void> {
  const [{ importFile }, { createApp }, { readConfig }, { RUNTIME, waitUntilCaughtUp }, { IdentityProvider }] =
    await Promise.all([
      import('../src/exchange/import-file.ts'),
      import('../src/main.ts'),
      import('../src/runtime/config.ts'),
      import('../src/runtime/runtime.ts'),
      import('../src/access/identity-provider.ts'),
    ])
  const dataDir = join(dir, database)
  const app = await createApp({ ...readConfig({ DATA_DIR: dataDir }), databaseUrl, logLevel: 'error' })
  const runtime = app.get<Runtime>(RUNTIME)
  await importFile(runtime, join(dir, 'before.csv'), { rejects: join(dir, 'before-rejects.csv') })
  await waitUntilCaughtUp(runtime)
  const open = await withCaseload(runtime.readModels.db)
    .selectFrom('caseload')
    .select('journey_id')
    .where('status', '=', 'on_programme')
    .orderBy('referred_on')
    .limit(journeysRecordedOn)
    .execute()
  if (open.length < journeysRecordedOn)
    throw new Error(`Only ${open.length} journeys are open: import more records before.`)
  let visible: number[] = []
  runtime.runner!.progress.subscribe(({ events }) => {
    for (const { receivedAt } of events) visible.push(Date.now() - receivedAt.getTime())
  })
  const token = await tokenOf((await app.get(IdentityProvider).settings()).issuer)
  await app.listen(0, '127.0.0.1')
  const url = (await app.getUrl()).replace(/\/$/, '')
  runtime.lock!.announce({ pid: process.pid, eventStoreUrl: runtime.eventStoreUrl, url })

  const during = async (work: () => Promise<unknown>): Promise<Noticed & { commands: number }> => {
    visible = []
    const sender = child('sending', url, token, ...open.map(({ journey_id }) => journey_id))
    const answers = textOf(sender)
    await work()
    sender.stdin!.end()
    const answered = JSON.parse(await answers) as number[]
    await wait(1_000)
    return { answered: p99(answered), visible: p99(visible), commands: answered.length }
  }
  await during(() => wait(3_000)) // warm
  const quiet = await during(() => wait(quietSeconds * 1_000))
  const begun = performance.now()
  const busy = await during(async () => {
    const importer = child('importing', dataDir, join(dir, 'import.csv'), ...(databaseUrl ? [databaseUrl] : []))
    const [status] = (await once(importer, 'exit')) as [number | null]
    if (status !== 0) throw new Error(`importing failed with ${status}`)
  })
  const importSeconds = (performance.now() - begun) / 1_000
  await app.close()
  process.stdout.write(
    JSON.stringify({ quiet, busy, commandsWhileBusy: busy.commands, importSeconds } satisfies Measured),
  )
}

/** A case manager's access token, from the development provider. */
async function tokenOf(issuer: string): Promise<string> {
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('CM001:development')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  })
  return ((await answer.json()) as { access_token: string }).access_token
}

/** An import as npm run import does it beside the application. */
async function importing(dataDir: string, file: string, databaseUrl?: string): Promise<void> {
  const { importFile } = await import('../src/exchange/import-file.ts')
  const { readConfig } = await import('../src/runtime/config.ts')
  const { openRuntime } = await import('../src/runtime/runtime.ts')
  const config = { ...readConfig({ DATA_DIR: dataDir }), databaseUrl, logLevel: 'error' as const }
  const runtime = await openRuntime(config, { besideAnother: true })
  await importFile(runtime, file, { rejects: `${file}.rejects.csv` })
  await runtime.close()
}

/**
 * Issues warnings by turns on the journeys until stdin ends; one that is refused for the moment is sent again when the answer says.
 * @returns on stdout, in milliseconds, how long after each was first sent it was answered as recorded
 */
async function sending(url: string, token: string, journeys: readonly string[]): Promise<void> {
  const stopped = new AbortController()
  process.stdin.on('end', () => stopped.abort()).resume()
  const times: number[] = []
  const send = async (journeyId: string, key: string): Promise<void> => {
    const answer = await fetch(`${url}/api/journeys/${journeyId}/warnings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key, authorization: `Bearer ${token}` },
      body: JSON.stringify({ occurredOn: '2025-03-31' }),
    })
    const text = await answer.text()
    const retryAfter = answer.headers.get('retry-after')
    if (retryAfter !== null) {
      await wait(Number(retryAfter) * 1_000)
      return send(journeyId, key)
    }
    if (answer.status !== 201) throw new Error(`A command was answered ${answer.status}: ${text}`)
  }
  const one = async (journeyId: string) => {
    const begun = performance.now()
    await send(journeyId, crypto.randomUUID())
    times.push(performance.now() - begun)
  }
  const sent: Promise<void>[] = []
  const begun = performance.now()
  for (let n = 0; !stopped.signal.aborted; n++) {
    sent.push(one(journeys[n % journeys.length]!))
    await wait(Math.max(0, begun + ((n + 1) * 1_000) / commandsPerSecond - performance.now()))
  }
  await Promise.all(sent)
  process.stdout.write(JSON.stringify(times))
}

function child(...words: string[]): ChildProcess {
  return spawn(process.execPath, [fileURLToPath(import.meta.url), ...words], { stdio: ['pipe', 'pipe', 'inherit'] })
}

async function textOf({ stdout }: ChildProcess): Promise<string> {
  let text = ''
  for await (const chunk of stdout!) text += String(chunk)
  return text
}

function p99(all: readonly number[]): number {
  return all.toSorted((a, b) => a - b)[Math.floor(all.length * 0.99)]!
}
