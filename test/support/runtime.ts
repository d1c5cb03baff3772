/** A runtime of its own for a spec: the real store, the real keys, in a directory that goes when the spec is done. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { readConfig, type Config } from '../../src/runtime/config.ts'
import { importFile, type ImportOptions, type ImportTotals } from '../../src/exchange/import-file.ts'
import { reportFromLog, reportFromReadModel, type ReportedJourney } from '../../src/queries/report.ts'
import type { EventAppender } from '../../src/event-store/event-appender.ts'
import { openRuntime, type Runtime } from '../../src/runtime/runtime.ts'

/** A directory that is removed when the spec is done. */
export function temporaryDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'throughline-spec-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

export const settingsIn = (dataDir: string, settings: NodeJS.ProcessEnv = {}): Config =>
  readConfig({ DATA_DIR: dataDir, LOG_LEVEL: 'silent', ...settings })

export const openIn = (dataDir: string, databaseUrl?: string): Promise<Runtime> =>
  openRuntime(settingsIn(dataDir, { DATABASE_URL: databaseUrl }))

/** A runtime that is closed, and its directory removed, when the spec is done. */
export async function temporaryWorkplace(databaseUrl?: string): Promise<Runtime> {
  const runtime = await openIn(temporaryDirectory(), databaseUrl)
  onTestFinished(() => runtime.close())
  return runtime
}

/** What the command handlers of a runtime append with: for events that no command would write, and for appends that fail. */
export const appenderOf = ({ commands }: Pick<Runtime, 'commands'>): Pick<EventAppender, 'append'> =>
  commands.decideAndAppend['appender']

/** Imports the text of a contact log and reads back what was rejected. */
export async function importText(
  runtime: Runtime,
  csv: string,
  options: ImportOptions = {},
): Promise<{ totals: ImportTotals; rejects: string }> {
  const file = join(runtime.config.dataDir, '..', `${process.pid}-${Math.random().toString(36).slice(2)}.csv`)
  writeFileSync(file, csv)
  try {
    return await importFile(runtime, file, { rejects: `${file}.rejects`, ...options })
  } finally {
    rmSync(file)
    onTestFinished(() => rmSync(`${file}.rejects`, { force: true }))
  }
}

export const reported = async (
  runtime: Runtime,
  from: 'read-model' | 'log',
): Promise<Record<string, ReportedJourney>> => {
  const report = from === 'log' ? reportFromLog : reportFromReadModel
  const journeys = await Array.fromAsync(report(runtime, { demonstration: true }))
  // Not by assignment: a reference may be `__proto__`.
  return Object.fromEntries(journeys.map(({ reference, journey }) => [reference, journey]))
}

/** How many events the log holds, of the product's own categories. */
export async function countEvents({ store }: Runtime): Promise<number> {
  let count = 0
  for await (const _event of store.readAll(['journey', 'participant', 'import'])) count++
  return count
}
