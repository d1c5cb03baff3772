/** One import from file to totals: judged, written, the rejects beside it, and the figures as the read models report them. */
import { stringify } from 'csv-stringify/sync'
import {
  accessSync,
  constants,
  createWriteStream,
  existsSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  type WriteStream,
} from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { once } from 'node:events'
import { withCaseload } from '../../projections/caseload.ts'
import type { Source } from '../domain/history.ts'
import { waitUntilCaughtUp, type Runtime } from '../runtime/runtime.ts'
import { whatToMend } from './contact-log.ts'
import {
  addedColumns,
  NotAContactLog,
  openContactLog,
  type ContactLogFile,
  type NumberedRow,
} from './contact-log-file.ts'
import { harmless } from './csv-records.ts'
import { Importer } from './import.ts'

/** The same keys as every import has been reported with, so that two can be compared. */
export interface ImportTotals {
  rows: number
  accepted: number
  duplicates: number
  rejected: number
  rejected_by_reason: Record<string, number>
  /** Of this file: what the read models say of the journeys it has records of. */
  participants: number
  journeys: number
  completed: number
  dropped_out: number
}

export interface ImportResult {
  readonly totals: ImportTotals
  /** Where the refused records are. */
  readonly rejects: string
  /** Records with nothing in any field, which were passed over. */
  readonly blank: number
  /** Columns of the file that a contact log does not have; nothing of them was imported. */
  readonly leftOut: readonly string[]
}

export interface ImportOptions {
  readonly source?: Extract<Source, 'import' | 'simulator'>
  readonly rejects?: string
  readonly reconsider?: boolean
  readonly onProgress?: (done: {
    bytes: number
    totalBytes: number
    rows: number
    phase: 'reading' | 'projecting'
    /** Of what has been judged so far; the journeys are counted at the end. */
    totals: ImportTotals
  }) => void
}

/** Where the rejects of a file go: beside it, or in the current directory where that place cannot be written. */
export function rejectsBeside(file: string): string {
  const name = `${basename(file, extname(file))}.rejects.csv`
  try {
    accessSync(dirname(resolve(file)), constants.W_OK)
    return join(dirname(resolve(file)), name)
  } catch {
    return resolve(name)
  }
}

/** @throws NotAContactLog where the file cannot be read as one; what was accepted before stays, and another run goes on from there */
export async function importFile(runtime: Runtime, file: string, options: ImportOptions = {}): Promise<ImportResult> {
  const contactLog = await openContactLog(file)
  const { size: totalBytes } = statSync(file)
  const rejects = options.rejects ?? rejectsBeside(file)
  if (existsSync(rejects) && realpathSync(rejects) === realpathSync(file)) {
    throw new NotAContactLog('The rejects would replace the contact log itself. Say another file with --rejects.')
  }
  const { store, vault, commands, config } = runtime
  const rejectsFile = new RejectsFile(rejects, contactLog)
  const importer = new Importer(store, vault, commands, {
    source: options.source ?? 'import',
    scratchDir: config.dataDir,
    reconsider: options.reconsider,
  })
  const totals: ImportTotals = {
    rows: 0,
    accepted: 0,
    duplicates: 0,
    rejected: 0,
    rejected_by_reason: {},
    participants: 0,
    journeys: 0,
    completed: 0,
    dropped_out: 0,
  }
  try {
    for await (const judged of importer.run(contactLog.rows())) {
      for (const { numbered, verdict } of judged) {
        totals.rows++
        if (verdict === 'accepted') totals.accepted++
        else if (verdict === 'duplicate') totals.duplicates++
        else {
          totals.rejected++
          totals.rejected_by_reason[verdict.refused] = (totals.rejected_by_reason[verdict.refused] ?? 0) + 1
          await rejectsFile.add(numbered, verdict.refused)
        }
      }
      options.onProgress?.({
        bytes: judged.at(-1)!.numbered.bytes,
        totalBytes,
        rows: totals.rows,
        phase: 'reading',
        totals,
      })
    }
    await rejectsFile.finish()
    options.onProgress?.({ bytes: totalBytes, totalBytes, rows: totals.rows, phase: 'projecting', totals })
    await waitUntilCaughtUp(runtime)
    await countJourneys(runtime, importer, totals)
  } catch (error) {
    rejectsFile.abandon()
    throw error
  } finally {
    importer.close()
  }
  totals.rejected_by_reason = Object.fromEntries(
    Object.entries(totals.rejected_by_reason).sort(([a], [b]) => (a < b ? -1 : 1)),
  )
  return { totals, rejects, blank: contactLog.blank, leftOut: contactLog.leftOut }
}

async function countJourneys({ readModels }: Runtime, importer: Importer, totals: ImportTotals): Promise<void> {
  const participants = new Set<string>()
  for (const ids of importer.journeysSeen()) {
    const rows = await withCaseload(readModels.db)
      .selectFrom('caseload')
      .select(['participant_id', 'outcome'])
      .where('journey_id', 'in', [...ids])
      .execute()
    for (const { participant_id, outcome } of rows) {
      participants.add(participant_id)
      totals.journeys++
      if (outcome === 'completed') totals.completed++
      if (outcome === 'dropped_out') totals.dropped_out++
    }
  }
  totals.participants = participants.size
}

/** Written under another name and given its own when it is whole, readable by its owner only: it holds what the file held. */
class RejectsFile {
  private readonly part: string
  private readonly out: WriteStream
  private failed: Error | undefined
  private readonly lineOf: (fields: readonly string[]) => string

  constructor(
    private readonly path: string,
    private readonly contactLog: ContactLogFile,
  ) {
    this.lineOf = (fields) => stringify([fields.map(harmless)], { delimiter: contactLog.delimiter })

    this.part = `${path}.part`
    try {
      if (existsSync(path) && !statSync(path).isFile()) throw new Error('it is not a file')
      rmSync(this.part, { force: true })
      this.out = createWriteStream(this.part, { fd: openSync(this.part, 'wx', 0o600) })
    } catch (error) {
      throw new NotAContactLog(
        `The rejects cannot be written to ${path}: ${(error as Error).message}. Say where with --rejects.`,
      )
    }
    this.out.on('error', (error) => (this.failed ??= error))
    // A spreadsheet takes a file that begins with this mark for UTF-8.
    this.out.write(`\ufeff${this.lineOf([...addedColumns, ...contactLog.header])}`)
  }

  async add({ line, row, given }: NumberedRow, reason: string): Promise<void> {
    if (this.failed) throw this.failed
    const { column, expected } = whatToMend(reason, row)
    const text = this.lineOf([String(line), reason, column && this.contactLog.nameOf(column), expected, ...given])
    if (!this.out.write(text)) await once(this.out, 'drain')
  }

  async finish(): Promise<void> {
    this.out.end()
    await once(this.out, 'close')
    if (this.failed) throw this.failed
    renameSync(this.part, this.path)
  }

  abandon(): void {
    this.out.destroy()
    rmSync(this.part, { force: true })
  }
}
