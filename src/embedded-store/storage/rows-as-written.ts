/** The event file read row by row for who looks for damage: what a reader would be refused is described, and the next row follows. */
import Database from 'better-sqlite3'
import { isCorruption } from './database.ts'
import { checksum, decodeBody, type DecodedRecord } from './event-record.ts'
import { ordinalOf, positionOf } from './position.ts'

/** A row that some reader of the store would be given, or would hear of. */
export interface WrittenRow {
  position: bigint
  stream: string
  revision: number
  /** Absent where the row cannot be read at all. */
  event: DecodedRecord | undefined
  /** Why readers are not given the event, or not by every way of reading; absent where nothing is wrong. */
  problem: string | undefined
}

type Row = [
  position: bigint,
  revision: bigint,
  streamId: bigint,
  stream: string | null,
  truncateBefore: bigint | null,
  maxCount: bigint | null,
  category: string | null,
  type: string | null,
  crc: bigint,
  body: Buffer,
  isListed: bigint,
]

const rows = `
  SELECT e.position, e.revision, e.stream, s.name, s.truncate_before, s.max_count, c.name, t.name, e.crc, e.body,
         e.position > (SELECT listed_up_to FROM log)
           OR EXISTS (SELECT 1 FROM listed_by_category l WHERE l.category = e.category AND l.position = e.position)
  FROM event e LEFT JOIN stream s ON s.id = e.stream LEFT JOIN category c ON c.id = e.category LEFT JOIN type t ON t.id = e.type`

/**
 * Every event in the order of the log. Events that the settings of their stream hide, and events whose stream has no name, are
 * passed over: no reader is given them. A store may serve from the file meanwhile.
 * @throws SqliteError where the file cannot be opened as a database at all
 */
export function* rowsAsWritten(file: string): Generator<WrittenRow, void> {
  const connection = new Database(file, { readonly: true, fileMustExist: true })
  try {
    connection.exec('BEGIN') // one snapshot, however long it takes
    let last = 0n
    try {
      for (const row of prepared(connection, `${rows} ORDER BY e.position`).iterate() as IterableIterator<Row>) {
        last = row[0]
        const written = writtenRow(connection, row)
        if (written) yield written
      }
    } catch (error) {
      if (!isCorruption(error)) throw error
      yield* rowsOneByOne(connection, last)
    }
  } finally {
    connection.close()
  }
}

/** After a page that cannot be read: each position is asked for by itself, and those on other pages are still found. */
function* rowsOneByOne(connection: Database.Database, after: bigint): Generator<WrittenRow, void> {
  const one = prepared(connection, `${rows} WHERE e.position = ?`)
  const end = ordinalOf((prepared(connection, 'SELECT head FROM log').get() as [bigint])[0])
  for (let ordinal = ordinalOf(after) + 1n; ordinal <= end; ordinal++) {
    try {
      const row = one.get(positionOf(ordinal)) as Row | undefined
      const written = row && writtenRow(connection, row)
      if (written) yield written
    } catch (error) {
      if (!isCorruption(error)) throw error
    }
  }
}

function writtenRow(connection: Database.Database, row: Row): WrittenRow | null {
  const [position, revision, streamId, stream, truncateBefore, maxCount, category, type, crc, body, isListed] = row
  if (stream === null) return null
  if (truncateBefore !== null && revision < truncateBefore) return null
  if (maxCount !== null && revision <= lastRevision(connection, streamId) - maxCount) return null
  const written: WrittenRow = { position, stream, revision: Number(revision), event: undefined, problem: undefined }
  try {
    written.event = decodeBody(body)
  } catch {
    written.problem = 'it cannot be decoded'
  }
  if (BigInt(checksum(body, position, revision, streamId)) !== crc) written.problem = 'it does not match its checksum'
  else if (written.event && (written.event.type !== type || categoryOf(stream) !== category))
    written.problem = 'it disagrees with its columns'
  else if (isListed === 0n) written.problem = 'the index by category does not list it'
  return written
}

const lastRevision = (connection: Database.Database, stream: bigint): bigint =>
  (prepared(connection, 'SELECT max(revision) FROM event WHERE stream = ?').get(stream) as [bigint])[0]

const prepared = (connection: Database.Database, sql: string) => connection.prepare(sql).safeIntegers().raw()

const categoryOf = (stream: string) => stream.slice(0, stream.indexOf('-') + 1) || stream
