/** One import from file to totals: judged, written, the rejects beside it, and the figures as the read models report them. */
import { accessSync, constants, existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { CommandHandler } from '../commands/command-handler.ts'
import type { Source } from '../domain/history.ts'
import { journeyHistory } from '../domain/journey/journey.ts'
import { Vault } from '../protection/vault.ts'
import { waitUntilCaughtUp, type Runtime } from '../runtime/runtime.ts'
import { NotAContactLog, type NumberedRow } from './contact-log.ts'
import { DryRunLog } from './dry-run.ts'
import { Importer } from './import.ts'
import { checkFile, openContactLog, type ReadingOptions } from './reading/contact-log-file.ts'
import { RejectsFile } from './rejects.ts'

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

export interface ImportOptions extends ReadingOptions {
  readonly source?: Extract<Source, 'import' | 'simulator'>
  readonly rejects?: string
  readonly reconsider?: boolean
  /** A dry run: the same totals and rejects, and nothing in the log, the keys or the read models. */
  readonly check?: boolean
  readonly onProgress?: (done: ImportProgress) => void
}

export interface ImportProgress {
  readonly bytes: number
  readonly totalBytes: number
  readonly phase: 'reading' | 'projecting'
  /** The number of the last record that was judged, as the rejects count them. */
  readonly line: number
  readonly totals: Readonly<ImportTotals>
}

export interface ImportOutcome {
  readonly totals: ImportTotals
  /** The path of the file of rejects. */
  readonly rejects: string
  /** How the file was read and what of it was left out, in sentences, where that is not a matter of course. */
  readonly remarks: readonly string[]
}

/** The file cannot be read from some record on. What came before was judged. */
export class ImportStopped extends NotAContactLog {
  constructor(
    cause: NotAContactLog,
    readonly totals: ImportTotals,
    /** The path of the file of rejects, where there are any so far. */
    readonly rejects: string | null,
  ) {
    super(cause.message, cause.line)
    this.name = 'ImportStopped'
  }
}

/** How an import that was judged to its end ended: 2 where every record was refused, otherwise 0. */
export const exitStatusOf = ({ rows, rejected }: ImportTotals): 0 | 2 => (rows > 0 && rejected === rows ? 2 : 0)

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

/**
 * @throws NotAContactLog where the file cannot be read as one, before anything is judged
 * @throws ImportStopped where it cannot be read from some record on; what was accepted before stays, and another run goes on from there
 */
export async function importFile(runtime: Runtime, file: string, options: ImportOptions = {}): Promise<ImportOutcome> {
  checkFile(file)
  const rejects = options.rejects ?? rejectsBeside(file)
  if (existsSync(rejects) && realpathSync(rejects) === realpathSync(file)) {
    throw new NotAContactLog('The rejects would replace the contact log itself. Say another file with --rejects.')
  }
  const log = await openContactLog(file, options)
  const rejectsFile = new RejectsFile(rejects, log.header, log.delimiter)
  const judging = options.check ? dryRun(runtime, options) : realRun(runtime, options)
  const { importer } = judging
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
  const { totalBytes } = log
  const until: { stopped?: NotAContactLog } = {}
  let line = 1
  try {
    for await (const judged of importer.run(untilUnreadable(log.records, until))) {
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
      const last = judged.at(-1)!.numbered
      line = last.line
      options.onProgress?.({ bytes: last.bytes, totalBytes, line, totals, phase: 'reading' })
    }
    totals.rejected_by_reason = Object.fromEntries(
      Object.entries(totals.rejected_by_reason).sort(([a], [b]) => (a < b ? -1 : 1)),
    )
    if (until.stopped && totals.rejected === 0) rejectsFile.abandon()
    else await rejectsFile.finish()
    options.onProgress?.({ bytes: totalBytes, totalBytes, line, totals, phase: 'projecting' })
    await judging.countJourneys(totals)
  } catch (error) {
    rejectsFile.abandon()
    throw error
  } finally {
    await log.records.return(undefined)
    importer.close()
    judging.close()
  }
  if (until.stopped) throw new ImportStopped(until.stopped, totals, totals.rejected === 0 ? null : rejects)
  const { emptyRows } = log
  return {
    totals,
    rejects,
    remarks: [
      ...log.remarks,
      ...(emptyRows === 0
        ? []
        : [`${emptyRows === 1 ? '1 row' : `${emptyRows} rows`} with nothing in any cell passed over.`]),
    ],
  }
}

/** The records up to the first that cannot be read, so that those before it are judged before anybody is told. */
async function* untilUnreadable(
  records: AsyncIterable<NumberedRow>,
  until: { stopped?: NotAContactLog },
): AsyncGenerator<NumberedRow> {
  try {
    yield* records
  } catch (error) {
    if (!(error instanceof NotAContactLog)) throw error
    until.stopped = error
  }
}

/** What the records are judged on, and what the journeys of the file come to in the end. */
interface Judging {
  readonly importer: Importer
  countJourneys(totals: ImportTotals): Promise<void>
  close(): void
}

function realRun(runtime: Runtime, { source = 'import', reconsider }: ImportOptions): Judging {
  const { store, vault, commands, config } = runtime
  const importer = new Importer(store, vault, commands, { source, scratchDir: config.dataDir, reconsider })
  return {
    importer,
    async countJourneys(totals) {
      await waitUntilCaughtUp(runtime)
      const participants = new Set<string>()
      for (const ids of importer.journeysSeen()) {
        const rows = await runtime.readModels.db
          .selectFrom('caseload')
          .select(['participant_id', 'outcome'])
          .where('journey_id', 'in', [...ids])
          .execute()
        for (const { participant_id, outcome } of rows) {
          participants.add(participant_id)
          count(totals, outcome)
        }
      }
      totals.participants = participants.size
    },
    close: () => undefined,
  }
}

function dryRun({ store, config }: Runtime, { source = 'import', reconsider }: ImportOptions): Judging {
  const log = new DryRunLog(store)
  const vault = new Vault(config.keysDir, { dryRun: true })
  const scratchDir = mkdtempSync(join(tmpdir(), 'throughline-check-'))
  const importer = new Importer(log, vault, new CommandHandler(log, vault), { source, scratchDir, reconsider })
  return {
    importer,
    async countJourneys(totals) {
      const participants = new Set<string>()
      for (const ids of importer.journeysSeen(50)) {
        for (const { participantId, ending } of await Promise.all(ids.map((id) => log.fold(journeyHistory, id)))) {
          if (participantId !== null) participants.add(participantId)
          count(totals, ending?.how)
        }
      }
      totals.participants = participants.size
    },
    close() {
      vault.close()
      log.close()
      rmSync(scratchDir, { recursive: true, force: true })
    },
  }
}

function count(totals: ImportTotals, outcome: string | null | undefined): void {
  totals.journeys++
  if (outcome === 'completed') totals.completed++
  if (outcome === 'dropped_out') totals.dropped_out++
}
