/** The files of one data directory: locked by one process at a time, checked and migrated before they are used. */
import {
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { DamagedStore, StoreInUse } from './errors.ts'
import { INT64_MAX } from './position.ts'

export type SqliteConnection = Database.Database

export const damagedStore = (file: string, what: string) => new DamagedStore(`Damaged store ${file}: ${what}`)

/** "TLes", SQLite's `application_id` of an event file: tells it apart from other programs' databases. */
const APPLICATION_ID = 0x544c6573

export const EVENTS_FILE = 'events.sqlite'
const LOCK_FILE = 'lock.sqlite'
const OWNER_FILE = 'owner.json'

/** Ids in table `type` of the two event types that the store treats specially; inserted when the file is created. */
export const LINK_TYPE = 1n
export const STREAM_DELETED_TYPE = 2n

/**
 * Format 1. The row of `stream` repeats the newest settings of `$$stream`, so that one lookup gives a reader every bound it
 * must apply. In `event`, the columns that scans read come before the body.
 */
const FIRST_FORMAT = `
  CREATE TABLE stream (
    id              INTEGER PRIMARY KEY,
    name            TEXT    NOT NULL UNIQUE,
    category        INTEGER NOT NULL,
    last_revision   INTEGER NOT NULL,
    tombstoned      INTEGER NOT NULL DEFAULT 0,
    max_count       INTEGER,
    max_age         INTEGER,
    truncate_before INTEGER,
    acl             TEXT
  ) STRICT;
  CREATE TABLE category (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE type     (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE event (
    position INTEGER PRIMARY KEY,
    stream   INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    type     INTEGER NOT NULL,
    category INTEGER NOT NULL,
    created  INTEGER NOT NULL,
    crc      INTEGER NOT NULL,
    body     BLOB    NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX event_by_stream ON event (stream, revision);
  CREATE INDEX event_by_category ON event (category);
  CREATE INDEX event_by_type ON event (type);
  INSERT INTO type (id, name) VALUES (1, '$>'), (2, '$streamDeleted');
`

/** Format 2 adds what is not an event: checkpoints of system projections, persistent subscriptions, user accounts. */
const SECOND_FORMAT = `
  CREATE TABLE projection (
    name       TEXT    PRIMARY KEY,
    state      TEXT    NOT NULL,
    checkpoint INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE persistent_subscription (
    stream     TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    settings   TEXT    NOT NULL,
    next       INTEGER NOT NULL,
    PRIMARY KEY (stream, name)
  ) STRICT;
  CREATE TABLE user (
    name     TEXT PRIMARY KEY,
    groups   TEXT NOT NULL,
    salt     BLOB NOT NULL,
    password BLOB NOT NULL
  ) STRICT;
`

/**
 * Format 3 replaces the indexes by category and event type with tables that are filled in batches: see secondary-indexes.ts. A
 * stream's last revision is read from its events instead of being stored. The position of the newest event is stored once, so
 * that missing events at the end of the log are detected.
 */
const THIRD_FORMAT = `
  CREATE TABLE listed_by_category (
    category INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (category, position)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE listed_by_type (
    type     INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (type, position)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE log (head INTEGER NOT NULL, listed_up_to INTEGER NOT NULL) STRICT;
  INSERT INTO listed_by_category (category, position) SELECT category, position FROM event ORDER BY category, position;
  INSERT INTO listed_by_type (type, position) SELECT type, position FROM event ORDER BY type, position;
  INSERT INTO log (head, listed_up_to) SELECT coalesce(max(position), 0), coalesce(max(position), 0) FROM event;
  DROP INDEX event_by_category;
  DROP INDEX event_by_type;
  ALTER TABLE stream DROP COLUMN last_revision;
`

/** One migration step for each format: a file of any earlier format is migrated when it is opened. */
const FORMATS = [FIRST_FORMAT, SECOND_FORMAT, THIRD_FORMAT]

/**
 * Locks a data directory for this process. The lock is SQLite's on a file of its own; the operating system releases it when the
 * process ends, also after a crash.
 */
export class StoreDirectoryLock {
  private readonly connection: SqliteConnection
  private readonly dataDir: string

  constructor(dataDir: string) {
    this.dataDir = dataDir
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    this.connection = new Database(join(dataDir, LOCK_FILE), { timeout: 0 })
    try {
      this.connection.pragma('journal_mode = MEMORY')
      this.connection.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      this.connection.close()
      if (sqliteCode(error)?.startsWith('SQLITE_BUSY')) throw storeInUse(dataDir)
      throw error
    }
  }

  /** Records this process's id and port in `owner.json`, for operators and error messages. */
  writeOwnerFile(owner: { port: number }): void {
    writeFileSync(join(this.dataDir, OWNER_FILE), JSON.stringify({ pid: process.pid, ...owner }), { mode: 0o600 })
  }

  release(): void {
    this.connection.close()
  }
}

function storeInUse(dataDir: string): StoreInUse {
  const owner = ownerOf(dataDir)
  return new StoreInUse(`The data directory ${dataDir} is in use by another store${owner ? ` (${owner})` : ''}`)
}

function ownerOf(dataDir: string): string | undefined {
  try {
    const owner = JSON.parse(readFileSync(join(dataDir, OWNER_FILE), 'utf8')) as { pid: number; port: number }
    return `process ${owner.pid}, port ${owner.port}`
  } catch {
    return undefined
  }
}

/** Opens the event file, and creates it if it is missing. The caller has the {@link StoreDirectoryLock}. */
export function openDatabase(dataDir: string): SqliteConnection {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const file = join(dataDir, EVENTS_FILE)
  const isNew = !existsSync(file)
  if (!isNew) assertComplete(file)
  let connection: SqliteConnection
  try {
    connection = new Database(file)
    if (isNew) chmodSync(file, 0o600)
    connection.pragma('journal_mode = WAL')
    configure(connection)
    if (connection.pragma('application_id', { simple: true }) === 0 && isEmpty(connection))
      connection.pragma(`application_id = ${APPLICATION_ID}`)
  } catch (error) {
    throw isCorruption(error) ? damagedStore(file, (error as Error).message) : error
  }
  try {
    migrate(connection, file)
  } catch (error) {
    connection.close()
    throw isCorruption(error) ? damagedStore(file, (error as Error).message) : error
  }
  return connection
}

function configure(connection: SqliteConnection): void {
  connection.pragma('synchronous = FULL')
  connection.pragma('wal_autocheckpoint = 4000') // 16 MB: fewer and longer checkpoints
  connection.pragma('journal_size_limit = 67108864')
  connection.pragma('cache_size = -8192') // 8 MB; the operating system caches the rest
  connection.pragma('temp_store = MEMORY')
  connection.pragma('trusted_schema = OFF')
}

const isEmpty = (connection: SqliteConnection) => connection.prepare('SELECT 1 FROM sqlite_master').get() === undefined

/** Makes an empty database an event file of the newest format. */
export function createSchema(connection: SqliteConnection): void {
  connection.pragma(`application_id = ${APPLICATION_ID}`)
  for (const step of FORMATS) connection.exec(step)
  connection.pragma(`user_version = ${FORMATS.length}`)
}

function migrate(connection: SqliteConnection, file: string): void {
  if (connection.pragma('application_id', { simple: true }) !== APPLICATION_ID)
    throw damagedStore(file, 'this is not an event store file')
  const format = connection.pragma('user_version', { simple: true }) as number
  if (format > FORMATS.length)
    throw damagedStore(file, `it has format ${format}, this version reads formats up to ${FORMATS.length}`)
  if (format === FORMATS.length) return
  const [lost] = truncatedStreams(connection)
  if (lost !== undefined) throw damagedStore(file, lost)
  connection.transaction(() => {
    for (const step of FORMATS.slice(format)) connection.exec(step)
    connection.pragma(`user_version = ${FORMATS.length}`)
  })()
}

/** Describes the streams whose stored last revision (formats 1 and 2) differs from their newest event's: events are missing. */
export function truncatedStreams(connection: SqliteConnection): string[] {
  const isKept = connection.prepare("SELECT 1 FROM pragma_table_info('stream') WHERE name = 'last_revision'").get()
  if (isKept === undefined) return []
  const lost = connection
    .prepare(
      `SELECT name, last_revision, found FROM (
         SELECT s.name, s.last_revision, coalesce(
           (SELECT max(revision) FROM event WHERE stream = s.id AND revision < ${INT64_MAX}), -1) AS found
         FROM stream s) WHERE last_revision <> found LIMIT 20`,
    )
    .safeIntegers()
    .raw()
    .all() as [name: string, last: bigint, found: bigint][]
  return lost.map(([name, last, found]) => `Stream '${name}' should end at revision ${last} and ends at ${found}`)
}

/** Detects truncated and foreign files in constant time; `verifyFile` reads everything. */
function assertComplete(file: string): void {
  const descriptor = openSync(file, 'r')
  try {
    const size = fstatSync(descriptor).size
    if (size === 0) return // created and never written: a first start that was interrupted
    const header = Buffer.alloc(100)
    readSync(descriptor, header, 0, 100, 0)
    if (header.toString('latin1', 0, 16) !== 'SQLite format 3\0') throw damagedStore(file, 'the header is not SQLite')
    const pageSize = header.readUInt16BE(16) === 1 ? 65536 : header.readUInt16BE(16)
    const pages = header.readUInt32BE(28)
    // With a write-ahead log, the main file may be shorter than the size in its header until the next checkpoint.
    if (size < pages * pageSize && !existsSync(`${file}-wal`))
      throw damagedStore(file, `it should have ${pages * pageSize} bytes and has ${size}: its end is missing`)
  } finally {
    closeSync(descriptor)
  }
}

export function sqliteCode(error: unknown): string | undefined {
  return error instanceof Database.SqliteError ? error.code : undefined
}

export function isCorruption(error: unknown): boolean {
  const code = sqliteCode(error)
  return code !== undefined && (code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB'))
}
