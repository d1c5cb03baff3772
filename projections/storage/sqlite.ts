/** The read models in one SQLite file, for a single machine. */
import { Kysely, SqliteDialect, type SqliteDatabase as KyselyDatabase } from 'kysely'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import type { Row, Table, Value } from '../projection.ts'
import type { ReadModelTables } from './read-models.ts'
import {
  keeperOf,
  quoted,
  rowsOf,
  seen,
  RowWriteBuffer,
  type Database as OneDatabase,
  type Election,
  type Snapshot,
  type Statements,
} from './database.ts'

/** Raised when the tables that keep the books change; they are then made anew, and every projection with them. */
const booksVersion = 2

/** SQLite's own number for it, in the lowest byte: the others say what kind. */
const busy = 5

/** How long a transaction waits for its turn before it fails. */
const patienceMs = 30_000

/**
 * One transaction at a time on each file: a second connection of this process would wait for the first with the whole
 * process standing still, the first with it.
 */
const lastOf = new Map<string, Promise<unknown>>()

export class SqliteDatabase implements OneDatabase {
  readonly db: Kysely<ReadModelTables>
  readonly declared = { text: 'TEXT', integer: 'INTEGER', blob: 'BLOB', json: 'TEXT' }
  readonly numbered = 'INTEGER PRIMARY KEY'
  readonly findTable = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
  /**
   * SQLite takes the other columns from the row that has the maximum: https://sqlite.org/lang_select.html#bareagg. To find the
   * groups it has sorted them, so that they come in order without being sorted again.
   */
  readonly lastOfEach = (key: string, columns: string, from: string) =>
    `SELECT ${columns} FROM (SELECT ${columns}, max(nth) FROM ${from} GROUP BY ${key})`
  readonly listOfIndexes = "SELECT name, tbl_name AS 'table' FROM sqlite_master WHERE type = 'index'"
  /** Soon written and forgotten: rows that are kept longer cost more to clear up than a commit does. */
  readonly worthWriting = 200
  private readonly file: string
  private readonly writer: DatabaseSync
  private readonly prepared = new Map<string, StatementSync>()

  constructor(file: string) {
    this.file = file
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    this.writer = new DatabaseSync(file, { timeout: 10_000 })
    // NORMAL: a lost last transaction is only heard again, the checkpoint is lost with it. The cache is small: the operating
    // system has its own. The log is long: whoever has it copied into the file waits for two syncs. Threads sort, for an index.
    this.writer.exec(`
      PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 16000; PRAGMA cache_size = -2000;
      PRAGMA threads = 2`)
    if (this.writer.prepare('PRAGMA user_version').get()!.user_version !== booksVersion)
      this.writer.exec(`
        BEGIN IMMEDIATE; DROP TABLE IF EXISTS checkpoint; DROP TABLE IF EXISTS held; PRAGMA user_version = ${booksVersion}; COMMIT`)
    this.writer.exec('PRAGMA busy_timeout = 0')
    // Pages read on a connection of their own, so that they see whole batches only.
    const reader = new DatabaseSync(file, { timeout: 10_000 })
    reader.exec('PRAGMA cache_size = -16000')
    this.db = new Kysely<ReadModelTables>({ dialect: new SqliteDialect({ database: asKyselyAsks(reader) }) })
  }

  waitingFor(): RowWriteBuffer {
    return new RowWriteBuffer()
  }

  /**
   * In the order of their keys, or in the order they were written: what is written or folded on is then at the end of the
   * table, where the newest histories are, and not on a page of its own for each history.
   */
  suffixOf({ foldedOn, writtenOnce }: Table): string {
    return foldedOn || writtenOnce ? ' STRICT' : ' STRICT, WITHOUT ROWID'
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
      if (this.writer.isTransaction) this.writer.exec('ROLLBACK')
      throw error
    }
  }

  /** Another thread or process may be writing: this one answers others while it waits. */
  private async begin(): Promise<void> {
    const since = Date.now()
    while (!this.hasBegun(Date.now() - since > patienceMs)) await pause(1 + Math.random() * 4)
  }

  /** @returns false where somebody else writes; throws then, where it is the `last` try */
  private hasBegun(last = false): boolean {
    try {
      this.writer.exec('BEGIN IMMEDIATE')
      return true
    } catch (error) {
      const { errcode = 0 } = error as { errcode?: number }
      if ((errcode & 0xff) !== busy || last) throw error
      return false
    }
  }

  async load(table: Table, name: string, keys: readonly (readonly Value[])[]): Promise<Row[]> {
    const columns = Object.keys(table.columns).map(quoted).join(', ')
    const get = this.statement(
      `SELECT ${columns} FROM ${quoted(name)} WHERE ${table.key.map((column) => `${quoted(column)} = ?`).join(' AND ')}`,
    )
    const rows: Row[] = []
    for (const key of keys) {
      const row = get.get(...asGiven(key))
      if (row) rows.push(seen(table, asKept(row)))
    }
    return rows
  }

  async snapshot<T>(look: (moment: Snapshot) => Promise<T>): Promise<T> {
    const reader = new DatabaseSync(this.file, { readOnly: true, timeout: 10_000 })
    try {
      reader.exec('BEGIN')
      return await look({
        all: async <R>(sql: string, values: readonly Value[] = []) =>
          reader.prepare(sql).all(...asGiven(values)) as R[],
        rows: async function* (table, name) {
          const all = reader.prepare(`SELECT * FROM ${quoted(name)} ORDER BY ${table.key.map(quoted).join(', ')}`)
          for (const row of all.iterate()) yield asKept(row)
        },
      })
    } finally {
      reader.close()
    }
  }

  /** Every transaction here holds the file to itself. */
  async alone(): Promise<void> {}

  /** The data directory has one holder, and only it projects. */
  async elect(): Promise<Election> {
    return { lost: new AbortController().signal, release: async () => undefined }
  }

  isFault(error: unknown): boolean {
    return (error as { code?: string }).code === 'ERR_SQLITE_ERROR'
  }

  async close(): Promise<void> {
    await lastOf.get(this.file)
    await this.db.destroy()
    if (this.writer.isOpen) this.writer.close()
  }

  private readonly statements: Statements = {
    all: async <T>(sql: string, values: readonly Value[] = []) =>
      this.writer.prepare(sql).all(...asGiven(values)) as T[],
    run: async (sql, values = []) => {
      const statement = values.length > 0 ? this.statement(sql) : this.writer.prepare(sql)
      return Number(statement.run(...asGiven(values)).changes)
    },
    put: async ({ table, name, hasKey }, rows) => {
      const columns = Object.keys(table.columns)
      const put = this.statement(
        `INSERT OR REPLACE INTO ${quoted(name)} (${columns.map(quoted).join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
      )
      const kept = keeperOf(table)
      // In the order of the key: neighbours share a page, which is then found and written once.
      const inOrder = hasKey ? rowsOf(rows).toSorted(byKey(table)) : rowsOf(rows)
      for (const row of inOrder) put.run(...asGiven(kept(row)))
    },
  }

  /** Prepared once; SQLite prepares it again by itself where a table was swapped. */
  private statement(sql: string): StatementSync {
    let statement = this.prepared.get(sql)
    if (!statement) {
      statement = this.writer.prepare(sql)
      this.prepared.set(sql, statement)
    }
    return statement
  }
}

const asGiven = (values: readonly Value[]) => values as readonly SQLInputValue[]

/** Bytes come as plain ones. */
function asKept(row: Record<string, unknown>): Record<string, Value> {
  for (const column in row) {
    const value = row[column]
    if (value instanceof Uint8Array) row[column] = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  }
  return row as Record<string, Value>
}

const asKyselyAsks = (connection: DatabaseSync): KyselyDatabase => ({
  close: () => connection.isOpen && connection.close(),
  prepare: (sql) => {
    const statement = connection.prepare(sql)
    return {
      reader: statement.columns().length > 0,
      all: (values) => statement.all(...asGiven(values as Value[])),
      run: (values) => statement.run(...asGiven(values as Value[])),
      iterate: (values) => statement.iterate(...asGiven(values as Value[])),
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
