/** The read models in one SQLite file, for a single machine. */
import { Kysely, SqliteDialect, type SqliteDatabase as KyselyDatabase } from 'kysely'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import type { Row, Table, Value } from '../projection.ts'
import type { BookkeepingTables, QueryDatabase } from './bookkeeping.ts'
import { isFileDamaged, setAside } from './damage.ts'
import {
  quoted,
  rowsOf,
  RowWriteBuffer,
  type Database as ReadModelDatabase,
  type Election,
  type Snapshot,
  type Statements,
  type WriteTarget,
} from './database.ts'
import { arrivalsDdl, bookkeepingDdl, createIndexOnce, isOfOldLayout, tableDdl } from './ddl.ts'
import { decoded, encoderOf } from './row-codec.ts'

/** The layout of the bookkeeping tables. Where a file has another, they are created again and every projection is rebuilt. */
const bookkeepingVersion = 4

const columnTypes = { text: 'TEXT', integer: 'INTEGER', blob: 'BLOB', json: 'TEXT' }

const listOfIndexes = "SELECT name, tbl_name AS 'table' FROM sqlite_master WHERE type = 'index'"

/** The primary result code SQLITE_BUSY, in the lowest byte of an extended one: https://sqlite.org/rescode.html. */
const busy = 5

/** How long a transaction waits for another to end before it fails. */
const patienceMs = 30_000

/**
 * The last transaction on each file. A second connection of this process would wait for the first by blocking the process,
 * and the first with it; so one transaction begins after the other.
 */
const lastOf = new Map<string, Promise<unknown>>()

export class SqliteDatabase implements ReadModelDatabase {
  readonly db: QueryDatabase
  /** Rows that are kept longer than this cost the garbage collector more than a commit costs. */
  readonly worthWriting = 200
  private writer!: DatabaseSync
  private reader!: DatabaseSync
  private readonly prepared = new Map<string, StatementSync>()
  /** Aborted when the file turns out to be damaged. */
  private damage = new AbortController()

  constructor(private readonly file: string) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    this.open()
    this.db = new Kysely<BookkeepingTables>({
      dialect: new SqliteDialect({
        database: kyselyDatabase(
          () => this.reader,
          (work) => this.watched(work),
        ),
      }),
    })
  }

  private open(): void {
    this.writer = new DatabaseSync(this.file, { timeout: 10_000 })
    try {
      this.configure()
    } catch (error) {
      this.writer.close()
      throw error
    }
  }

  private configure(): void {
    // NORMAL: a last transaction that is lost is projected again, because its checkpoint is lost with it. The cache is small,
    // because the operating system has its own. The write-ahead log is long, because a checkpoint of it waits for two syncs.
    // The threads sort the rows of a new index. Tokens of whoever was erased are overwritten where they stood.
    this.writer.exec(`
      PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 16000; PRAGMA cache_size = -2000;
      PRAGMA threads = 2; PRAGMA secure_delete = FAST`)
    this.writer.exec('PRAGMA busy_timeout = 0')
    // Queries have a connection of their own, so that they see whole batches only.
    this.reader = new DatabaseSync(this.file, { timeout: 10_000 })
    this.reader.exec('PRAGMA cache_size = -16000')
  }

  /** Notices where a question or a statement finds the file damaged: whoever projects then has it set aside. */
  private watched<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (isFileDamaged(error)) this.damage.abort()
      throw error
    }
  }

  writeBuffer(): RowWriteBuffer {
    return new RowWriteBuffer()
  }

  createBookkeeping(): Promise<void> {
    return this.transaction(async ({ all, run }) => {
      const [{ user_version: version }] = (await all('PRAGMA user_version')) as [{ user_version: number }]
      if (version !== bookkeepingVersion) {
        const tables = await all<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
        const old = tables.map(({ name }) => name).filter(isOfOldLayout)
        for (const name of ['checkpoint', 'parked_stream', ...old]) await run(`DROP TABLE IF EXISTS ${quoted(name)}`)
        await run(`PRAGMA user_version = ${bookkeepingVersion}`)
      }
      for (const statement of bookkeepingDdl(columnTypes)) await run(statement)
    })
  }

  transaction<T>(work: (statements: Statements) => Promise<T>): Promise<T> {
    return this.inTurn(async () => {
      await this.begin()
      return this.ended(work)
    })
  }

  async transactionUnlessBusy<T>(work: (statements: Statements) => Promise<T>): Promise<T | undefined> {
    return lastOf.has(this.file) || !this.hasBegun() ? undefined : this.inTurn(() => this.ended(work))
  }

  private inTurn<T>(transaction: () => Promise<T>): Promise<T> {
    const before = lastOf.get(this.file)
    const mine = before ? before.then(transaction) : transaction()
    const settled = mine.then(
      () => undefined,
      () => undefined,
    )
    lastOf.set(this.file, settled)
    void settled.then(() => lastOf.get(this.file) === settled && lastOf.delete(this.file))
    return mine
  }

  private async ended<T>(work: (statements: Statements) => Promise<T>): Promise<T> {
    try {
      const result = await work(this.statements)
      this.writer.exec('COMMIT')
      return result
    } catch (error) {
      if (isFileDamaged(error)) this.damage.abort()
      if (this.writer.isTransaction) this.writer.exec('ROLLBACK')
      throw error
    }
  }

  /** Another thread or process may be writing: this one answers others while it waits. */
  private async begin(): Promise<void> {
    const since = Date.now()
    while (!this.hasBegun(Date.now() - since > patienceMs)) await pause(1 + Math.random() * 4)
  }

  /** @returns false where another connection writes; throws then, where it is the `last` try */
  private hasBegun(last = false): boolean {
    try {
      this.watched(() => this.writer.exec('BEGIN IMMEDIATE'))
      return true
    } catch (error) {
      const { errcode = 0 } = error as { errcode?: number }
      if ((errcode & 0xff) !== busy || last) throw error
      return false
    }
  }

  async load({ table, name }: WriteTarget, keys: readonly (readonly Value[])[]): Promise<Row[]> {
    const columns = Object.keys(table.columns).map(quoted).join(', ')
    const get = this.statement(
      `SELECT ${columns} FROM ${quoted(name)} WHERE ${table.key.map((column) => `${quoted(column)} = ?`).join(' AND ')}`,
    )
    const rows: Row[] = []
    for (const key of keys) {
      const row = this.watched(() => get.get(...asSql(key)))
      if (row) rows.push(decoded(table, withBuffers(row)))
    }
    return rows
  }

  async snapshot<T>(look: (moment: Snapshot) => Promise<T>): Promise<T> {
    const reader = new DatabaseSync(this.file, { readOnly: true, timeout: 10_000 })
    try {
      reader.exec('BEGIN')
      return await look({
        all: async <R>(sql: string, values: readonly Value[] = []) => reader.prepare(sql).all(...asSql(values)) as R[],
        rows: async function* (table, name) {
          const all = reader.prepare(`SELECT * FROM ${quoted(name)} ORDER BY ${table.key.map(quoted).join(', ')}`)
          for (const row of all.iterate()) yield withBuffers(row)
        },
      })
    } finally {
      reader.close()
    }
  }

  /** The data directory is locked by one process, and only that process projects. */
  async elect(): Promise<Election> {
    const aside = this.damage.signal.aborted ? { setAside: await this.replace() } : {}
    return { ...aside, lost: this.damage.signal, release: async () => undefined }
  }

  /** @returns the name under which the damaged file was set aside */
  private async replace(): Promise<string> {
    while (lastOf.has(this.file)) await lastOf.get(this.file)
    for (const connection of [this.writer, this.reader]) if (connection.isOpen) connection.close()
    this.prepared.clear()
    const aside = setAside(this.file)
    this.open()
    this.damage = new AbortController()
    await this.createBookkeeping()
    return aside
  }

  async close(): Promise<void> {
    await lastOf.get(this.file)
    await this.db.destroy()
    for (const connection of [this.writer, this.reader]) if (connection.isOpen) connection.close()
  }

  private readonly statements: Statements = {
    all: async <T>(sql: string, values: readonly Value[] = []) => this.writer.prepare(sql).all(...asSql(values)) as T[],
    run: async (sql, values = []) => {
      const statement = values.length > 0 ? this.statement(sql) : this.writer.prepare(sql)
      return Number(statement.run(...asSql(values)).changes)
    },
    put: async ({ table, name, hasKey }, rows) => {
      const columns = Object.keys(table.columns)
      const put = this.statement(
        `INSERT OR REPLACE INTO ${quoted(name)} (${columns.map(quoted).join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
      )
      const encode = encoderOf(table)
      // In the order of the key: neighbours share a page, which is then found and written once.
      const inOrder = hasKey ? rowsOf(rows).toSorted(byKey(table)) : rowsOf(rows)
      for (const row of inOrder) put.run(...asSql(encode(row)))
    },
    hasTable: async (name) =>
      this.writer.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").get(name) !== undefined,
    createTable: async (table, name) => {
      this.writer.exec(`DROP TABLE IF EXISTS ${quoted(name)}`)
      this.writer.exec(tableDdl(columnTypes, table, name) + storageOf(table))
    },
    createArrivalsTable: async (table, name) => {
      this.writer.exec(`DROP TABLE IF EXISTS ${quoted(name)}`)
      this.writer.exec(arrivalsDdl(columnTypes, 'INTEGER PRIMARY KEY', table, name))
    },
    // SQLite takes the other columns from the row that has the maximum: https://sqlite.org/lang_select.html#bareagg. To find the
    // groups it has sorted them, so that they come in order without being sorted again.
    copyLastArrivals: async ({ key, columns }, from, into) => {
      const [all, ordered] = [Object.keys(columns), key].map((names) => names.map(quoted).join(', '))
      this.writer.exec(
        `INSERT INTO ${quoted(into)} (${all}) SELECT ${all} FROM (SELECT ${all}, max(nth) FROM ${quoted(from)} GROUP BY ${ordered})`,
      )
    },
    createIndex: (table, name, index) => createIndexOnce(this.statements, listOfIndexes, { table, name, index }),
    // Every transaction on the file excludes all others.
    lockSchema: async () => undefined,
  }

  /** Prepared once; SQLite prepares it again by itself where a table was replaced. */
  private statement(sql: string): StatementSync {
    let statement = this.prepared.get(sql)
    if (!statement) {
      statement = this.writer.prepare(sql)
      this.prepared.set(sql, statement)
    }
    return statement
  }
}

/**
 * Rows of a table of documents lie in the order of their keys. Rows of the others lie in the order in which they were first
 * written: rows that are added or folded are then at the end of the table, where the newest journeys are, and not each on a page of its own.
 */
const storageOf = ({ kind }: Table): string => (kind === 'document' ? ' STRICT, WITHOUT ROWID' : ' STRICT')

const asSql = (values: readonly Value[]) => values as readonly SQLInputValue[]

/** SQLite gives bytes as a Uint8Array. */
function withBuffers(row: Record<string, unknown>): Record<string, Value> {
  for (const column in row) {
    const value = row[column]
    if (value instanceof Uint8Array) row[column] = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  }
  return row as Record<string, Value>
}

/** @param connection gives the present one: a damaged file is replaced while questions are asked */
const kyselyDatabase = (connection: () => DatabaseSync, watched: <T>(work: () => T) => T): KyselyDatabase => ({
  close: () => undefined, // by whoever opened it
  prepare: (sql) => {
    const statement = watched(() => connection().prepare(sql))
    return {
      reader: statement.columns().length > 0,
      all: (values) => watched(() => statement.all(...asSql(values as Value[]))),
      run: (values) => watched(() => statement.run(...asSql(values as Value[]))),
      iterate: (values) => statement.iterate(...asSql(values as Value[])),
    }
  },
})

/** Near enough the order SQLite keeps the rows in: it only has to put neighbours side by side. */
const byKey =
  ({ key }: Table) =>
  (one: Row, other: Row): number => {
    for (const column of key) {
      const [a, b] = [one[column] as Value, other[column] as Value]
      if (Buffer.isBuffer(a)) {
        const order = a.compare(b as Buffer)
        if (order !== 0) return order
      } else if (a !== b) return a! < b! ? -1 : 1
    }
    return 0
  }
