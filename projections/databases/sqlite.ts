/** The read models in one SQLite file, for a single machine. */
import Database, { type Statement } from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Row, Table, Value } from '../projection.ts'
import { hasKey, nameIn } from '../builds.ts'
import type { ReadModelTables } from '../read-models.ts'
import {
  keeperOf,
  quoted,
  seen,
  type Database as OneDatabase,
  type Election,
  type Moment,
  type Statements,
} from './database.ts'

/** Raised when the tables that keep the books change; they are then made anew, and every projection with them. */
const booksVersion = 2

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
  readonly listOfIndexes = "SELECT name, tbl_name AS 'table' FROM sqlite_master WHERE type = 'index'"
  /** Soon written and forgotten: rows that are kept longer cost more to clear up than a commit does. */
  readonly worthWriting = 200
  private readonly file: string
  private readonly writer: Database.Database
  private readonly prepared = new Map<string, Statement<unknown[]>>()

  constructor(file: string) {
    this.file = file
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    this.writer = new Database(file, { timeout: 10_000 })
    this.writer.pragma('journal_mode = WAL')
    // A lost last transaction is only heard again: the checkpoint is lost with it.
    this.writer.pragma('synchronous = NORMAL')
    this.writer.pragma('wal_autocheckpoint = 4000')
    this.writer.pragma('cache_size = -2000') // the operating system caches the rest
    this.writer.pragma('busy_timeout = 0')
    if (this.writer.pragma('user_version', { simple: true }) !== booksVersion)
      this.writer
        .transaction(() => {
          this.writer.exec('DROP TABLE IF EXISTS checkpoint; DROP TABLE IF EXISTS held')
          this.writer.pragma(`user_version = ${booksVersion}`)
        })
        .immediate()
    // Pages read on a connection of their own, so that they see whole batches only.
    const reader = new Database(file, { timeout: 10_000 })
    this.db = new Kysely<ReadModelTables>({ dialect: new SqliteDialect({ database: reader }) })
  }

  /**
   * In the order of their keys, or in the order they were written: what is written or folded on is then at the end of the
   * table, where the newest histories are, and not on a page of its own for each history.
   */
  suffixOf({ foldedOn, writtenOnce }: Table): string {
    return foldedOn || writtenOnce ? ' STRICT' : ' STRICT, WITHOUT ROWID'
  }

  transaction<T>(work: (statements: Statements) => Promise<T>): Promise<T> {
    const mine = (lastOf.get(this.file) ?? Promise.resolve()).then(async () => {
      await this.begin()
      try {
        const result = await work(this.statements)
        this.writer.exec('COMMIT')
        return result
      } catch (error) {
        if (this.writer.inTransaction) this.writer.exec('ROLLBACK')
        throw error
      }
    })
    lastOf.set(
      this.file,
      mine.catch(() => undefined),
    )
    return mine
  }

  /** Another thread or process may be writing: this one answers others while it waits. */
  private async begin(): Promise<void> {
    const since = Date.now()
    for (;;) {
      try {
        this.writer.exec('BEGIN IMMEDIATE')
        return
      } catch (error) {
        if ((error as { code?: string }).code !== 'SQLITE_BUSY' || Date.now() - since > patienceMs) throw error
      }
      await pause(1 + Math.random() * 4)
    }
  }

  async load(table: Table, name: string, keys: readonly (readonly Value[])[]): Promise<Row[]> {
    const columns = Object.keys(table.columns).map(quoted).join(', ')
    const get = this.statement(
      `SELECT ${columns} FROM ${quoted(name)} WHERE ${table.key.map((column) => `${quoted(column)} = ?`).join(' AND ')}`,
    )
    const rows: Row[] = []
    for (const key of keys) {
      const row = get.get(...key) as Row | undefined
      if (row) rows.push(seen(table, row))
    }
    return rows
  }

  async snapshot<T>(look: (moment: Moment) => Promise<T>): Promise<T> {
    const reader = new Database(this.file, { readonly: true, timeout: 10_000 })
    try {
      reader.exec('BEGIN')
      return await look({
        all: async <R>(sql: string, values: readonly Value[] = []) => reader.prepare(sql).all(...values) as R[],
        rows: async function* (table, name) {
          const all = reader.prepare(`SELECT * FROM ${quoted(name)} ORDER BY ${table.key.map(quoted).join(', ')}`)
          for (const row of all.iterate()) yield row as Record<string, Value>
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
    return (error as Error).name === 'SqliteError'
  }

  async close(): Promise<void> {
    await lastOf.get(this.file)
    await this.db.destroy()
    this.writer.close()
  }

  private readonly statements: Statements = {
    all: async <T>(sql: string, values: readonly Value[] = []) => this.writer.prepare(sql).all(...values) as T[],
    run: async (sql, values = []) => this.writer.prepare(sql).run(...values).changes,
    put: async (table, place, rows) => {
      const columns = Object.keys(table.columns)
      const put = this.statement(
        `INSERT OR REPLACE INTO ${quoted(nameIn(place, table))} (${columns.map(quoted).join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
      )
      const kept = keeperOf(table)
      // In the order of the key: neighbours share a page, which is then found and written once.
      const inOrder = hasKey(table, place) ? rows.toSorted(byKey(table)) : rows
      for (const row of inOrder) put.run(kept(row))
    },
  }

  /** Prepared once; SQLite prepares it again by itself where a table was swapped. */
  private statement(sql: string): Statement<unknown[]> {
    let statement = this.prepared.get(sql)
    if (!statement) {
      statement = this.writer.prepare(sql)
      this.prepared.set(sql, statement)
    }
    return statement
  }
}

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
