/** One import from file to totals: judged, written, the rejects beside it, and the figures as the read models report them. */
import { stringify } from 'csv-stringify/sync'
import {
  accessSync,
  constants,
  createWriteStream,
  existsSync,
  mkdtempSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  type WriteStream,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { once } from 'node:events'
import { withCaseload } from '../../projections/caseload.ts'
import { DryRunLog } from '../commands/dry-run.ts'
import { sealedJourneys } from '../commands/journey-command-handler.ts'
import { KnownCrns } from '../commands/known-crns.ts'
import type { Actor, Source } from '../domain/history.ts'
import { oddityCodes, type OddityCode } from '../domain/journey/oddities.ts'
import { Vault } from '../protection/vault.ts'
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
  /** How many of the accepted records are improbable, by what is odd about them; the codes are those of src/domain/journey/oddities.ts. */
  readonly oddities: Readonly<Partial<Record<OddityCode, number>>>
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
  /** Records that an earlier run refused are judged again. A rejects file always is, unless said otherwise. */
  readonly reconsider?: boolean
  /** A dry run: the same totals and rejects, and nothing written to the log, the keys or the read models. */
  readonly check?: boolean
  /** The person who sends the contact log; the events keep who he is. */
  readonly importedBy?: Actor
  /** How many records are judged together, in which nothing else goes on; 1,000 unless said. */
  readonly recordsAtOnce?: number
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
  const rejectsFile = new RejectsFile(rejects, contactLog)
  // What was mended is judged with what was refused because of it, such as the records of a man whose referral was refused.
  const asked = { ...options, reconsider: options.reconsider ?? contactLog.isRejects }
  const { importer, ...judging } = options.check ? dryRun(runtime, asked) : realRun(runtime, asked)
  const odd: Partial<Record<OddityCode, number>> = {}
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
      for (const { numbered, verdict, oddities } of judged) {
        for (const code of oddities) odd[code] = (odd[code] ?? 0) + 1
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
    await judging.countJourneys(totals)
  } catch (error) {
    rejectsFile.abandon()
    throw error
  } finally {
    importer.close()
    judging.close()
  }
  totals.rejected_by_reason = Object.fromEntries(
    Object.entries(totals.rejected_by_reason).sort(([a], [b]) => (a < b ? -1 : 1)),
  )
  const oddities = Object.fromEntries(oddityCodes.flatMap((code) => (odd[code] ? [[code, odd[code]]] : [])))
  return { totals, oddities, rejects, blank: contactLog.blank, leftOut: contactLog.leftOut }
}

/** What the records are judged on, and what the journeys of the file come to in the end. */
interface Judging {
  readonly importer: Importer
  countJourneys(totals: ImportTotals): Promise<void>
  close(): void
}

function realRun(runtime: Runtime, { source = 'import', ...options }: ImportOptions): Judging {
  const { store, vault, commands, config } = runtime
  const importer = new Importer(store, vault, commands, { source, scratchDir: config.dataDir, ...options })
  return {
    importer,
    async countJourneys(totals) {
      await waitUntilCaughtUp(runtime)
      const participants = new Set<string>()
      for (const ids of importer.journeysSeen()) {
        const rows = await withCaseload(runtime.readModels.db)
          .selectFrom('caseload')
          .select(['participant_id', 'outcome'])
          .where('journey_id', 'in', [...ids])
          .execute()
        for (const { participant_id, outcome } of rows) {
          participants.add(participant_id)
          countJourney(totals, outcome)
        }
      }
      totals.participants = participants.size
    },
    close: () => undefined,
  }
}

function dryRun({ store, config }: Runtime, { source = 'import', ...options }: ImportOptions): Judging {
  const log = new DryRunLog(store)
  const vault = new Vault(config.keysDir, { dryRun: true })
  const decideAndAppend = log.commandsWith(vault)
  const scratchDir = mkdtempSync(join(tmpdir(), 'throughline-check-'))
  const importer = new Importer(
    log,
    vault,
    { decideAndAppend, crns: new KnownCrns(vault, log) },
    { source, scratchDir, ...options },
  )
  return {
    importer,
    async countJourneys(totals) {
      const participants = new Set<string>()
      for (const ids of importer.journeysSeen(50)) {
        const journeys = await Promise.all(ids.map((id) => decideAndAppend.fold(sealedJourneys, id)))
        for (const { state } of journeys) {
          if (state.participantId !== null) participants.add(state.participantId)
          countJourney(totals, state.ending?.how)
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

function countJourney(totals: ImportTotals, outcome: string | null | undefined): void {
  totals.journeys++
  if (outcome === 'completed') totals.completed++
  if (outcome === 'dropped_out') totals.dropped_out++
}

/** Written under another name and given its own when it is whole, readable by its owner only: it has everything that was in the file. */
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
