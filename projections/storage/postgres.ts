/** The read models in PostgreSQL, for many instances. */
import { Kysely, PostgresDialect } from 'kysely'
import { finished } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import type { WriteTarget } from '../runner/checkpoint-store.ts'
import type { Row, Table, Value } from '../projection.ts'
import type { ReadModelTables } from './read-models.ts'
import { CopyText } from './copy-text.ts'
import {
  keeperOf,
  quoted,
  rowsOf,
  seen,
  RowWriteBuffer,
  type Database,
  type Election,
  type Snapshot,
  type Statements,
  type WriteBuffer,
} from './database.ts'

/** Which lock of this database the projector is elected by; any number, the same in every instance. */
const electionLock = 0x7468726f
const tablesLock = 0x7461626c
/** A projector that says nothing for this long is taken for dead: its session, and the lock with it, is ended by the server. */
const silenceMs = 3_000

/** Counts come as int8; none of ours is beyond what a number holds. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: 'text') =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)) as never,
}

export class PostgresDatabase implements Database {
  readonly db: Kysely<ReadModelTables>
  readonly declared = { text: 'TEXT COLLATE "C"', integer: 'BIGINT', blob: 'BYTEA', json: 'TEXT' }
  readonly numbered = 'BIGSERIAL'
  readonly findTable = 'SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = ?'
  readonly lastOfEach = (key: string, columns: string, from: string) =>
    `SELECT DISTINCT ON (${key}) ${columns} FROM ${from} ORDER BY ${key}, nth DESC`
  readonly listOfIndexes =
    'SELECT indexname AS name, tablename AS table FROM pg_indexes WHERE schemaname = current_schema()'
  /** A transaction goes to and fro five times and more. */
  readonly worthWriting = 1_000
  private readonly url: string
  private readonly pool: pg.Pool

  constructor(url: string) {
    this.url = url
    this.pool = new pg.Pool({
      connectionString: url,
      types,
      max: 10,
      connectionTimeoutMillis: 5_000,
      application_name: 'throughline',
    })
    // A connection that is cut is replaced when next needed, idle or between two statements; whoever asks then hears of it.
    this.pool.on('error', () => undefined)
    this.pool.on('connect', (client) => client.on('error', () => undefined))
    this.db = new Kysely<ReadModelTables>({ dialect: new PostgresDialect({ pool: this.pool }) })
  }

  /** A transaction goes to and fro while they wait: what is kept as objects meanwhile grows old. */
  waitingFor({ table, hasKey }: WriteTarget): WriteBuffer {
    return hasKey ? new RowWriteBuffer() : new CopyText(table)
  }

  suffixOf(): string {
    return ''
  }

  async transaction<T>(work: (statements: Statements) => Promise<T>): Promise<T> {
    // A lost last transaction is only heard again: the checkpoint is lost with it.
    return this.during('BEGIN; SET LOCAL synchronous_commit TO off', (client) => work(statementsOf(client)))
  }

  /** Transactions here do not wait for each other. */
  transactionUnlessBusy<T>(work: (statements: Statements) => Promise<T>): Promise<T> {
    return this.transaction(work)
  }

  async load(table: Table, name: string, keys: readonly (readonly Value[])[]): Promise<Row[]> {
    const columns = Object.keys(table.columns).map((column) => `stored.${quoted(column)}`)
    const { rows } = await this.pool.query<Row>(
      `SELECT ${columns.join(', ')} FROM ${quoted(name)} stored JOIN ${recordset(table, table.key)} ON ${table.key
        .map((column) => `stored.${quoted(column)} = ${given(table, column)}`)
        .join(' AND ')}`,
      [JSON.stringify(keys.map((key) => record(table.key, key)))],
    )
    return rows.map((row) => seen(table, row))
  }

  async snapshot<T>(look: (moment: Snapshot) => Promise<T>): Promise<T> {
    return this.during('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', (client) =>
      look({
        all: (sql, values) => statementsOf(client).all(sql, values),
        rows: async function* (table, name) {
          await client.query(
            `DECLARE every_row NO SCROLL CURSOR FOR SELECT * FROM ${quoted(name)} ORDER BY ${table.key.map(quoted).join(', ')}`,
          )
          for (;;) {
            const { rows } = await client.query<Record<string, Value>>('FETCH 1000 FROM every_row')
            if (rows.length === 0) break
            yield* rows
          }
          await client.query('CLOSE every_row')
        },
      }),
    )
  }

  async alone({ all }: Statements): Promise<void> {
    await all('SELECT pg_advisory_xact_lock(?)', [tablesLock])
  }

  /**
   * By an advisory lock on a session of its own: gone when the process is, and ended by the server when the process
   * hangs. What a stalled projector still tries to write fails on its checkpoint, whose epoch the next one has raised.
   */
  async elect(): Promise<Election | null> {
    const client = new pg.Client({
      connectionString: this.url,
      connectionTimeoutMillis: 5_000,
      application_name: 'throughline projector',
    })
    const lost = new AbortController()
    const beat = setInterval(() => void client.query('SELECT 1').catch(() => void end()), silenceMs / 4)
    const end = async () => {
      clearInterval(beat)
      lost.abort()
      await client.end().catch(() => undefined)
    }
    client.on('error', () => void end())
    client.on('end', () => lost.abort())
    try {
      await client.connect()
      await client.query(`SET idle_session_timeout = ${silenceMs}`)
      const { rows } = await client.query<{ elected: boolean }>('SELECT pg_try_advisory_lock($1) AS elected', [
        electionLock,
      ])
      if (!rows[0]?.elected) {
        await end()
        return null
      }
    } catch (error) {
      await end()
      throw error
    }
    return { lost: lost.signal, release: end }
  }

  isFault(error: unknown): boolean {
    return error instanceof pg.DatabaseError || (error as { code?: string }).code !== undefined
  }

  async close(): Promise<void> {
    await this.db.destroy()
  }

  private async during<T>(begin: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect()
    let broken: Error | undefined
    try {
      await client.query(begin)
      const result = await work(client)
      await client.query('COMMIT')
      return result
    } catch (error) {
      await client.query('ROLLBACK').catch((failed: Error) => (broken = failed))
      throw error
    } finally {
      client.release(broken)
    }
  }
}

const statementsOf = (client: pg.ClientBase): Statements => ({
  all: async <T>(sql: string, values: readonly Value[] = []) =>
    (await client.query(numbered(sql), [...values])).rows as T[],
  run: async (sql, values = []) => (await client.query(numbered(sql), [...values])).rowCount ?? 0,
  put: async (target, rows) => {
    if (rows.length === 0) return
    const { table, name } = target
    if (rows instanceof CopyText) return copied(client, target, rows)
    const all = rowsOf(rows)
    if (!target.hasKey) return copied(client, target, CopyText.of(table, all))
    const columns = Object.keys(table.columns)
    const kept = keeperOf(table)
    const others = columns.filter((column) => !table.key.includes(column))
    const replaced = others.map((column) => `${quoted(column)} = excluded.${quoted(column)}`).join(', ')
    const onConflict = `ON CONFLICT (${table.key.map(quoted).join(', ')}) DO ${replaced ? `UPDATE SET ${replaced}` : 'NOTHING'}`
    await client.query(
      `INSERT INTO ${quoted(name)} (${columns.map(quoted).join(', ')}) SELECT ${columns
        .map((column) => given(table, column))
        .join(', ')} FROM ${recordset(table, columns)}
       ${onConflict}`,
      [JSON.stringify(all.map((row) => record(columns, kept(row))))],
    )
  },
})

/**
 * Where nothing is replaced, in the quickest way there is. The text is whole before the statement begins: for the end of one that
 * cannot be made the server would wait, and its ROLLBACK behind it.
 */
async function copied(client: pg.ClientBase, { table, name }: WriteTarget, waiting: CopyText): Promise<void> {
  const columns = Object.keys(table.columns).map(quoted).join(', ')
  const stream = client.query(copyFrom(`COPY ${quoted(name)} (${columns}) FROM STDIN`))
  stream.end(waiting.text)
  await finished(stream)
}

const numbered = (sql: string): string => {
  let n = 0
  return sql.replaceAll('?', () => `$${++n}`)
}

/** Many rows as one value: one statement then writes or reads them all. Bytes travel in hexadecimal. */
const record = (columns: readonly string[], values: readonly Value[]) =>
  Object.fromEntries(
    columns.map((column, n) => {
      const value = values[n] ?? null
      return [column, Buffer.isBuffer(value) ? value.toString('hex') : value]
    }),
  )

const recordset = (table: Table, columns: readonly string[]) =>
  `json_to_recordset($1::json) AS given (${columns
    .map((column) => `${quoted(column)} ${table.columns[column] === 'integer' ? 'bigint' : 'text'}`)
    .join(', ')})`

const given = (table: Table, column: string) =>
  table.columns[column] === 'blob' ? `decode(given.${quoted(column)}, 'hex')` : `given.${quoted(column)}`
