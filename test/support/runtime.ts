/** A runtime of its own for a spec: the real store, the real keys, in a directory that goes when the spec is done. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { categories } from '../../projections/projection.ts'
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

/**
 * Counts the events of the product's own categories that the log received since it was last asked and that belong to no request
 * known by then: for specs that ask after each of thousands of requests. What a process carries on later belongs to the request
 * that began it. Looks are left out, which are written down whoever asks, and what an import appends in the background.
 */
export async function countingArrivals({ store }: Pick<Runtime, 'store'>): Promise<() => Promise<number>> {
  const known = new Set<unknown>()
  let seen = await store.headPosition()
  return async () => {
    const head = await store.headPosition()
    const requests: unknown[] = []
    if (head > seen)
      for await (const { position, metadata } of store.readAll(categories, seen)) {
        if (position! <= seen || position! > head) continue
        const { correlationId, source } = metadata as { correlationId?: unknown; source?: unknown }
        if (source !== 'import' && !known.has(correlationId)) requests.push(correlationId)
      }
    seen = head
    for (const one of requests) known.add(one)
    return requests.length
  }
}
