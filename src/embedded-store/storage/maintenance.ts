/**
 * Maintenance of the files: verify, back up, restore, salvage, count. All but restore and salvage may run while a store serves from
 * the same directory.
 */
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import type { SqliteConnection } from './database.ts'
import { StoreDirectoryLock, EVENTS_FILE, isCorruption, truncatedStreams } from './database.ts'
import { INT64_MAX, ordinalOf } from './position.ts'
import { checksum, decodeBody } from './event-record.ts'
import { writeWhole } from './disk-room.ts'
import type { LostEvent } from './lost-events.ts'
import type { Salvage } from './salvage.ts'
import { salvageInto } from './salvage.ts'

export interface VerificationReport {
  /** Events whose checksum and columns are right. */
  events: number
  streams: number
  /** Descriptions of what is damaged, in the order of the log; empty for an undamaged file. */
  problems: string[]
  /** In a damaged file, every event that cannot be read; empty where only indexes are damaged, or what repeats an event. */
  lost: LostEvent[]
}

/** Verification stops after this many problems. */
const MAX_PROBLEMS = 20

export interface VerificationProgress {
  done: number
  total: number
}

/**
 * Reads the whole file: every page; every event's checksum; that no position is missing; that the revisions of every stream
 * count from 0 without gaps; that the log ends at the stored head; that the category index and the event-type index are right.
 */
export function verifyFile(file: string, onProgress?: (progress: VerificationProgress) => void): VerificationReport {
  const report: VerificationReport = { events: 0, streams: 0, problems: [], lost: [] }
  const connection = new Database(file, { readonly: true, fileMustExist: true })
  try {
    connection.exec('BEGIN') // one snapshot, however long verification takes
    verifyEvents(connection, report, onProgress)
    verifyStreams(connection, report)
    for (const stream of truncatedStreams(connection)) addProblem(report, stream)
    verifyLog(connection, report)
    for (const found of connection.pragma('integrity_check(20)') as { integrity_check: string }[])
      if (found.integrity_check !== 'ok') addProblem(report, `The file's structure: ${found.integrity_check}`)
  } catch (error) {
    if (!isCorruption(error)) throw error
    addProblem(report, `The file cannot be read on after ${report.events} events: ${(error as Error).message}`)
  } finally {
    connection.close()
  }
  if (report.problems.length > 0) surveyDamage(file, report)
  return report
}

/** Counts what is sound in a damaged file, and lists what is lost, wherever SQLite itself cannot go on. */
function surveyDamage(file: string, report: VerificationReport): void {
  const scratch = new Database('') // a temporary file
  try {
    const { events, streams, lost } = salvageInto(scratch, file, { withoutContent: true })
    Object.assign(report, { events, streams, lost: unlessReadable(lost, file) })
  } finally {
    scratch.close()
  }
}

/** A running store may have been changing the page at which the survey looked: what SQLite reads there is right. */
function unlessReadable(lost: readonly LostEvent[], file: string): LostEvent[] {
  const connection = new Database(file, { readonly: true, fileMustExist: true })
  const isReadable = (position: bigint) => {
    try {
      const found = connection
        .prepare('SELECT body, position, revision, stream, crc FROM event WHERE position = ?')
        .safeIntegers()
        .raw()
        .get(position) as [Buffer, bigint, bigint, bigint, bigint] | undefined
      if (!found) return false
      const [body, at, revision, stream, crc] = found
      return BigInt(checksum(body, at, revision, stream)) === crc
    } catch (error) {
      if (isCorruption(error)) return false
      throw error
    }
  }
  try {
    return lost.filter(({ position }) => position === null || !isReadable(position))
  } finally {
    connection.close()
  }
}

type EventRow = [
  position: bigint,
  stream: bigint,
  name: string | null,
  revision: bigint,
  type: string | null,
  created: bigint,
  crc: bigint,
  body: Buffer,
]

function verifyEvents(
  connection: SqliteConnection,
  report: VerificationReport,
  onProgress?: (progress: VerificationProgress) => void,
): void {
  const total = Number(
    (connection.prepare('SELECT max(position) FROM event').safeIntegers().pluck().get() as bigint | null) ?? 0n,
  )
  const rows = connection
    .prepare(
      `SELECT e.position, e.stream, s.name, e.revision, t.name, e.created, e.crc, e.body
       FROM event e LEFT JOIN stream s ON s.id = e.stream LEFT JOIN type t ON t.id = e.type ORDER BY e.position`,
    )
    .safeIntegers()
    .raw()
    .iterate() as IterableIterator<EventRow>
  let expected = 1n
  for (const [position, stream, name, revision, type, created, crc, body] of rows) {
    const where = `revision ${revision} of stream '${name ?? `number ${stream}`}' (position ${position})`
    if (report.problems.length >= MAX_PROBLEMS) return
    const ordinal = ordinalOf(position)
    if (ordinal !== expected) addProblem(report, `${ordinal - expected} events are missing before ${where}`)
    expected = ordinal + 1n
    if (BigInt(checksum(body, position, revision, stream)) !== crc)
      addProblem(report, `Damaged: ${where} does not match its checksum`)
    else {
      const event = decodeBody(body)
      if (event.type !== type || BigInt(event.createdAt) !== created)
        addProblem(report, `Damaged: ${where} disagrees with its columns`)
      else if (name === null) addProblem(report, `Damaged: the stream of ${where} is not known`)
      else report.events++
    }
    if (report.events % 10_000 === 0) onProgress?.({ done: Number(position), total })
  }
}

function verifyStreams(connection: SqliteConnection, report: VerificationReport): void {
  const rows = connection
    .prepare(
      `SELECT s.name, s.tombstoned, count(e.revision), max(e.revision) FILTER (WHERE e.revision < ${INT64_MAX}),
              count(*) FILTER (WHERE e.revision = ${INT64_MAX})
       FROM stream s LEFT JOIN event e INDEXED BY event_by_stream ON e.stream = s.id GROUP BY s.id`,
    )
    .safeIntegers()
    .raw()
    .iterate() as IterableIterator<[string, bigint, bigint, bigint | null, bigint]>
  for (const [name, tombstoned, count, last, tombstones] of rows) {
    if (report.problems.length >= MAX_PROBLEMS) return
    report.streams++
    if (count - tombstones !== (last ?? -1n) + 1n)
      addProblem(report, `Stream '${name}' ends at revision ${last} and has ${count - tombstones} events`)
    if (tombstoned !== tombstones) addProblem(report, `Stream '${name}': its tombstone is not where it should be`)
  }
}

/** Checks that the log ends at the stored head, and that each index has exactly one right entry for every event it covers. */
function verifyLog(connection: SqliteConnection, report: VerificationReport): void {
  const one = (sql: string) => connection.prepare(sql).safeIntegers().pluck().get() as bigint | null
  if (one(`SELECT 1 FROM sqlite_master WHERE name = 'log'`) === undefined) return // a file of format 1 or 2
  const [head, end] = [one('SELECT max(position) FROM event') ?? 0n, one('SELECT head FROM log')]
  if (head !== end) addProblem(report, `The log should end at position ${end} and ends at ${head}`)
  for (const kind of ['category', 'type']) {
    const events = one('SELECT count(*) FROM event WHERE position <= (SELECT listed_up_to FROM log)')
    const entries = one(`SELECT count(*) FROM listed_by_${kind}`)
    const right = one(
      `SELECT count(*) FROM listed_by_${kind} l CROSS JOIN event e ON e.position = l.position AND e.${kind} = l.${kind}`,
    )
    if (entries !== events || right !== events)
      addProblem(report, `The index by ${kind} has ${entries} entries, ${right} of them right, for ${events} events`)
  }
}

function addProblem(report: VerificationReport, problem: string): void {
  if (report.problems.length < MAX_PROBLEMS) report.problems.push(problem)
}

/**
 * Copies a snapshot of the store, which may be running. The file gets its name only when it is complete and verified.
 * @throws when `to` exists
 */
export function backupStore(dataDir: string, to: string): VerificationReport {
  if (existsSync(to)) throw new Error(`${to} exists already`)
  mkdirSync(dirname(to), { recursive: true })
  const unfinished = `${to}.unfinished`
  rmSync(unfinished, { force: true })
  const source = join(dataDir, EVENTS_FILE)
  const connection = new Database(source, { fileMustExist: true })
  try {
    writeWhole(unfinished, source, () => {
      connection.prepare('VACUUM INTO ?').run(unfinished)
      chmodSync(unfinished, 0o600)
      syncFile(unfinished)
    })
  } finally {
    connection.close()
  }
  const report = verifyFile(unfinished)
  if (report.problems.length > 0) {
    rmSync(unfinished)
    throw new Error(`The copy is damaged and was deleted: ${report.problems[0]}`)
  }
  renameSync(unfinished, to)
  syncFile(dirname(to))
  return report
}

/**
 * Verifies a backup and copies it into a data directory without a store.
 * @throws when there is a store, or the backup is damaged
 */
export function restoreStore(from: string, dataDir: string): VerificationReport {
  const file = join(dataDir, EVENTS_FILE)
  const report = verifyFile(from)
  if (report.problems.length > 0) throw new Error(`The backup is damaged: ${report.problems[0]}`)
  const lock = new StoreDirectoryLock(dataDir)
  try {
    if (existsSync(file)) throw new Error(`${dataDir} already has a store; restore into an empty directory`)
    writeWhole(`${file}.unfinished`, from, () => {
      copyFileSync(from, `${file}.unfinished`)
      chmodSync(`${file}.unfinished`, 0o600)
      syncFile(`${file}.unfinished`)
    })
    renameSync(`${file}.unfinished`, file)
    syncFile(dataDir)
  } finally {
    lock.release()
  }
  return report
}

/**
 * Copies all that is sound of a damaged store into a new one. The damaged files are only read. In the place of each lost event the new
 * store has one of type `EventLost`.
 * @param backup a backup of this store, from which damaged events are taken that are in it
 * @throws when the damaged store is running, there is a store in `to`, or the backup is of another store
 */
export function salvageStore(dataDir: string, to: string, backup?: string): Salvage {
  const file = join(to, EVENTS_FILE)
  const source = new StoreDirectoryLock(dataDir)
  try {
    const lock = new StoreDirectoryLock(to)
    try {
      if (existsSync(file)) throw new Error(`${to} already has a store; salvage into an empty directory`)
      const unfinished = `${file}.unfinished`
      rmSync(unfinished, { force: true })
      const damaged = join(dataDir, EVENTS_FILE)
      const salvage = writeWhole(unfinished, damaged, () => {
        const into = new Database(unfinished)
        try {
          into.pragma('synchronous = OFF') // synced at the end, whole
          into.pragma('journal_mode = OFF')
          return salvageInto(into, damaged, backup === undefined ? {} : { backup })
        } finally {
          into.close()
        }
      })
      const { problems } = verifyFile(unfinished)
      if (problems.length > 0) throw new Error(`The new store is damaged too: ${problems[0]}`)
      chmodSync(unfinished, 0o600)
      syncFile(unfinished)
      renameSync(unfinished, file)
      syncFile(to)
      return salvage
    } finally {
      lock.release()
    }
  } finally {
    source.release()
  }
}

export interface StoreStatistics {
  events: number
  streams: number
  types: number
  /** Position of the newest event in the log. */
  position: string
  /** Size of the database in bytes. */
  size: number
}

export function storeStatistics(dataDir: string): StoreStatistics {
  const connection = new Database(join(dataDir, EVENTS_FILE), { readonly: true, fileMustExist: true })
  try {
    const one = (sql: string) => (connection.prepare(sql).safeIntegers().pluck().get() as bigint | null) ?? 0n
    const position = one('SELECT max(position) FROM event')
    return {
      events: Number(ordinalOf(position)),
      streams: Number(
        one(
          `SELECT count(*) FROM stream s WHERE EXISTS (SELECT 1 FROM event WHERE stream = s.id AND revision < ${INT64_MAX})`,
        ),
      ),
      types: Number(one('SELECT count(*) FROM type')),
      position: String(position),
      size: Number(one('PRAGMA page_count') * one('PRAGMA page_size')),
    }
  } finally {
    connection.close()
  }
}

function syncFile(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
