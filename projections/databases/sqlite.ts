/** The read models in one SQLite file, for a single machine. */
import Database, { type Statement } from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Row, Table, Value } from '../projection.ts'
import type { ReadModelTables } from '../read-models.ts'
import {
  kept,
  quoted,
  seen,
  type Database as OneDatabase,
  type Election,
  type Moment,
  type Statements,
} from './database.ts'

/** Raised when the tables that keep the books change; they are then made anew, and every projection with them. */
const booksVersion = 2

/**
 * One transaction at a time on each file: a second connection of this process would wait for the first with the whole
 * process standing still, the first with it.
 */
const lastOf = new Map<string, Promise<unknown>>()

export class SqliteDatabase implements OneDatabase {
  readonly db: Kysely<ReadModelTables>
  readonly declared = { text: 'TEXT', integer: 'INTEGER', blob: 'BLOB', json: 'TEXT' }
  readonly tableSuffix = ' STRICT, WITHOUT ROWID'
  private readonly writer: Database.Database
  private readonly prepared = new Map<string, Statement<unknown[]>>()

  constructor(private readonly file: string) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    this.writer = new Database(file, { timeout: 10_000 })
    this.writer.pragma('journal_mode = WAL')
    // A lost last transaction is only heard again: the checkpoint is lost with it.
    this.writer.pragma('synchronous = NORMAL')
    this.writer.pragma('wal_autocheckpoint = 4000')
    this.writer.pragma('cache_size = -32000')
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

  transaction<T>(work: (statements: Statements) => Promise<T>): Promise<T> {
    const mine = (lastOf.get(this.file) ?? Promise.resolve()).then(async () => {
      this.writer.exec('BEGIN IMMEDIATE')
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
    put: async (table, name, rows) => {
      const columns = Object.keys(table.columns)
      const put = this.statement(
        `INSERT OR REPLACE INTO ${quoted(name)} (${columns.map(quoted).join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
      )
      for (const row of rows) put.run(...kept(table, row))
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
