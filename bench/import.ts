/**
 * npm run bench -- import: records a second through the whole import, against bare client appends of the same events in
 * the same run, and the peak memory of the importing process.
 */
import { spawnSync } from 'node:child_process'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { readConfig } from '../src/runtime/config.ts'
import { startEmbeddedStore } from '../src/embedded-store/embedded-store.ts'
import { EventStore } from '../src/event-store/event-store.ts'
import type { StoredEvent } from '../src/event-store/stored-event.ts'
import { importFile } from '../src/exchange/import-file.ts'
import { simulateContactLog, writeCsv } from '../src/simulator/contact-log.ts'
import { openRuntime } from '../src/runtime/runtime.ts'
import { profileOf } from './profile.ts'
import { machine, printRows } from './rows.ts'

const callers = 64
const [role = 'bench', ...rest] = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const flag = (name: string) => process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3)

if (role === 'importing') await importing(rest[0]!, rest[1]!)
else if (role === 'appending') await appending(rest[0]!, rest[1]!)
else await bench()

async function bench(): Promise<void> {
  const records = Number(flag('records') ?? 50_000)
  const rounds = Number(flag('rounds') ?? 3)
  if (!Number.isInteger(records) || records < 1 || !Number.isInteger(rounds) || rounds < 1) {
    process.stderr.write('Give whole numbers: npm run bench -- import [--records=50000] [--rounds=3] [--json]\n')
    process.exitCode = 1
    return
  }
  const dir = mkdtempSync(join(tmpdir(), 'throughline-bench-'))
  try {
    const file = join(dir, 'log.csv')
    process.stderr.write(`${machine()}\n${records} synthetic records, ${rounds} rounds, median reported\n`)
    await writeCsv(
      simulateContactLog({ seed: 11, records, from: '2012-01-01', until: '2026-06-30', messy: true }),
      createWriteStream(file),
    )
    const runs: (Imported & Appended)[] = []
    for (let round = 1; round <= rounds; round++) {
      const data = join(dir, `data-${round}`)
      const imported = child<Imported>('importing', data, file)
      const appended = child<Appended>('appending', data, join(dir, `bare-${round}`))
      runs.push({ ...imported, ...appended })
      process.stderr.write(`round ${round}: ${JSON.stringify(runs.at(-1))}\n`)
      rmSync(data, { recursive: true })
      rmSync(join(dir, `bare-${round}`), { recursive: true })
    }
    const median = (pick: (run: Imported & Appended) => number) =>
      runs.map(pick).sort((a, b) => a - b)[Math.floor(runs.length / 2)]!
    const bare = median((run) => run.events / run.appendSeconds)
    const durable = median((run) => run.records / run.durableSeconds)
    const level = median((run) => run.records / run.levelSeconds)
    const durableRatio = median((run) => run.records / run.durableSeconds / (run.events / run.appendSeconds))
    const levelRatio = median((run) => run.records / run.levelSeconds / (run.events / run.appendSeconds))
    const memory = Math.max(...runs.map((run) => run.peakMegabytes))
    printRows(
      [
        {
          name: 'import, to the last record durable',
          value: durable,
          unit: 'records/s',
          baseline: bare,
          ratio: durableRatio,
          target: '≥ 0.50 of bare appends',
          ok: durableRatio >= 0.5,
        },
        {
          name: 'import, to the read models level',
          value: level,
          unit: 'records/s',
          baseline: bare,
          ratio: levelRatio,
          target: '(told, not promised)',
          ok: true,
        },
        {
          name: `peak memory at ${records} records`,
          value: memory,
          unit: 'MB',
          baseline: null,
          ratio: null,
          target: '≤ 250 MB',
          ok: memory <= 250,
        },
      ],
      process.argv.includes('--json'),
    )
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

interface Imported {
  records: number
  durableSeconds: number
  levelSeconds: number
  peakMegabytes: number
}

interface Appended {
  events: number
  appendSeconds: number
}

function child<T>(part: string, ...args: string[]): T {
  const { flags, environment } = profileOf('import')
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [...(part === 'importing' ? flags : []), fileURLToPath(import.meta.url), part, ...args],
    {
      encoding: 'utf8',
      env: environment,
      maxBuffer: 1 << 26,
    },
  )
  if (status !== 0) throw new Error(`${part} failed: ${stderr}`)
  return JSON.parse(stdout) as T
}

/** The import as npm run import does it, with a watch. */
async function importing(dataDir: string, file: string): Promise<void> {
  const runtime = await openRuntime({ ...readConfig({ DATA_DIR: dataDir }), logLevel: 'warn' })
  const begun = performance.now()
  let durable = begun
  const { totals } = await importFile(runtime, file, {
    rejects: join(dataDir, 'rejects.csv'),
    onProgress: ({ phase }) => {
      if (phase === 'reading') durable = performance.now()
    },
  })
  const level = performance.now()
  await runtime.close()
  const result: Imported = {
    records: totals.rows,
    durableSeconds: (durable - begun) / 1_000,
    levelSeconds: (level - begun) / 1_000,
    peakMegabytes: process.resourceUsage().maxRSS / 1_000,
  }
  process.stdout.write(JSON.stringify(result))
}

/** The same events, read back from the import and appended one by one to an empty store by the bare client. */
async function appending(from: string, to: string): Promise<void> {
  const source = await startEmbeddedStore({ dataDir: join(from, 'store') })
  const reader = EventStore.connect(source.connectionString)
  const events: StoredEvent[] = []
  for await (const event of reader.readAll(['journey', 'participant', 'import'])) events.push(event)
  await reader.close()
  await source.close()

  const target = await startEmbeddedStore({ dataDir: to })
  const client = EventStoreDBClient.connectionString(target.connectionString)
  const ready = events.map(({ id, type, stream, data, metadata }) => ({
    stream,
    event: jsonEvent({ id, type, data: data as never, metadata: metadata as never }),
  }))
  await client.appendToStream('warm-up', jsonEvent({ type: 'WarmUp', data: {} }))
  const queue = ready.values()
  const begun = performance.now()
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (const { stream, event } of queue) await client.appendToStream(stream, event)
    }),
  )
  const appendSeconds = (performance.now() - begun) / 1_000
  await client.dispose()
  await target.close()
  const result: Appended = { events: events.length, appendSeconds }
  process.stdout.write(JSON.stringify(result))
}
