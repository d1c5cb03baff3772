/** A workplace of its own for a spec: the real store, the real keys, in a directory that goes when the spec is done. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { importFile, type ImportOptions, type ImportTotals } from '../../src/exchange/import-file.ts'
import { reportFromLog, reportFromReadModel, type ReportedJourney } from '../../src/reading/report.ts'
import { openWorkplace, type Workplace } from '../../src/workplace.ts'

/** A directory that is removed when the spec is done. */
export function temporaryDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'throughline-spec-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

export const openIn = (dataDir: string, databaseUrl?: string): Promise<Workplace> =>
  openWorkplace(readConfig({ DATA_DIR: dataDir, LOG_LEVEL: 'silent', DATABASE_URL: databaseUrl }))

/** A workplace that is closed, and its directory removed, when the spec is done. */
export async function temporaryWorkplace(databaseUrl?: string): Promise<Workplace> {
  const workplace = await openIn(temporaryDirectory(), databaseUrl)
  onTestFinished(() => workplace.close())
  return workplace
}

/** Imports the text of a contact log and reads back what was rejected. */
export async function importText(
  workplace: Workplace,
  csv: string,
  options: ImportOptions = {},
): Promise<{ totals: ImportTotals; rejects: string }> {
  const file = join(workplace.config.dataDir, '..', `${process.pid}-${Math.random().toString(36).slice(2)}.csv`)
  writeFileSync(file, csv)
  try {
    return await importFile(workplace, file, { rejects: `${file}.rejects`, ...options })
  } finally {
    rmSync(file)
    onTestFinished(() => rmSync(`${file}.rejects`, { force: true }))
  }
}

export const reported = async (
  workplace: Workplace,
  from: 'read-model' | 'log',
): Promise<Record<string, ReportedJourney>> => {
  const report = from === 'log' ? reportFromLog : reportFromReadModel
  const journeys = await Array.fromAsync(report(workplace, { demonstration: true }))
  // Not by assignment: a reference may be `__proto__`.
  return Object.fromEntries(journeys.map(({ reference, journey }) => [reference, journey]))
}

/** How many events the log holds, of the product's own categories. */
export async function countEvents({ store }: Workplace): Promise<number> {
  let count = 0
  for await (const _event of store.readEverything(['journey', 'participant', 'import'])) count++
  return count
}
