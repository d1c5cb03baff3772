/** The read models in PostgreSQL, for many instances. */
import { Kysely, PostgresDialect } from 'kysely'
import { finished } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import type { Row, Table, Value } from '../projection.ts'
import type { BookkeepingTables, QueryDatabase } from './bookkeeping.ts'
import { CopyText } from './copy-text.ts'
import {
  quoted,
  rowsOf,
  RowWriteBuffer,
  type Database,
  type Election,
  type Snapshot,
  type Statements,
  type WriteBuffer,
  type WriteTarget,
} from './database.ts'
import { arrivalsDdl, bookkeepingDdl, createIndexOnce, isOfOldLayout, tableDdl } from './ddl.ts'
import { decoded, encoderOf } from './row-codec.ts'

/** The advisory locks for the election and for creating tables: any numbers, the same in every instance. */
const electionLock = 0x7468726f
const schemaLock = 0x7461626c

/** The server ends the session of an elected process that is silent for this long, and its lock with the session. */
const silenceMs = 3_000

const columnTypes = { text: 'TEXT COLLATE "C"', integer: 'BIGINT', blob: 'BYTEA', json: 'TEXT' }

const listOfTables = 'SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()'

const listOfIndexes = 'SELECT indexname AS name, tablename AS table FROM pg_indexes WHERE schemaname = current_schema()'

/** Counts come as int8; none of ours is beyond what a number holds. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: 'text') =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)) as never,
}

export class PostgresDatabase implements Database {
  readonly db: QueryDatabase
  /** A transaction has five round trips to the server, and more. */
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
    // A connection that is cut, idle or between two statements, is replaced when it is next needed; its next statement fails.
    this.pool.on('error', () => undefined)
    this.pool.on('connect', (client) => client.on('error', () => undefined))
    this.db = new Kysely<BookkeepingTables>({ dialect: new PostgresDialect({ pool: this.pool }) })
  }

  /** Rows wait for several round trips: kept as objects, they would be moved to the old generation of the heap meanwhile. */
  writeBuffer({ table, hasKey }: WriteTarget): WriteBuffer {
    return hasKey ? new RowWriteBuffer() : new CopyText(table)
  }

  createBookkeeping(): Promise<void> {
    return this.transaction(async ({ all, run, lockSchema }) => {
      await lockSchema()
      const columns = await all<{ name: string }>(
        "SELECT column_name AS name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = 'checkpoint'",
      )
      if (columns.length > 0 && !columns.some(({ name }) => name === 'event_id')) {
        const tables = await all<{ name: string }>(listOfTables)
        const left = tables.map(({ name }) => name).filter(isOfOldLayout)
        for (const name of ['checkpoint', 'parked_stream', ...left]) await run(`DROP TABLE IF EXISTS ${quoted(name)}`)
      }
      for (const statement of bookkeepingDdl(columnTypes)) await run(statement)
    })
  }

  async transaction<T>(work: (statements: Statements) => Promise<T>): Promise<T> {
    // A last transaction that is lost is projected again, because its checkpoint is lost with it.
    return this.during('BEGIN; SET LOCAL synchronous_commit TO off', (client) => work(statementsOf(client)))
  }

  /** Transactions on PostgreSQL do not wait for each other. */
  transactionUnlessBusy<T>(work: (statements: Statements) => Promise<T>): Promise<T> {
    return this.transaction(work)
  }

  async load({ table, name }: WriteTarget, keys: readonly (readonly Value[])[]): Promise<Row[]> {
    const columns = Object.keys(table.columns).map((column) => `stored.${quoted(column)}`)
    const { rows } = await this.pool.query<Row>(
      `SELECT ${columns.join(', ')} FROM ${quoted(name)} stored JOIN ${recordset(table, table.key)} ON ${table.key
        .map((column) => `stored.${quoted(column)} = ${given(table, column)}`)
        .join(' AND ')}`,
      [JSON.stringify(keys.map((key) => record(table.key, key)))],
    )
    return rows.map((row) => decoded(table, row))
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

  /**
   * By an advisory lock on a session of its own, which ends with the process, and is ended by the server when the process
   * hangs. What a stalled process still tries to write fails on its checkpoint, whose fencing token the next process has raised.
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

function statementsOf(client: pg.ClientBase): Statements {
  const all = async <T>(sql: string, values: readonly Value[] = []) =>
    (await client.query(numbered(sql), [...values])).rows as T[]
  const run = async (sql: string, values: readonly Value[] = []) =>
    (await client.query(numbered(sql), [...values])).rowCount ?? 0
  return {
    all,
    run,
    put: (target, rows) => put(client, target, rows),
    hasTable: async (name) => (await all(`${listOfTables} AND tablename = ?`, [name])).length > 0,
    createTable: async (table, name) => {
      await run(`DROP TABLE IF EXISTS ${quoted(name)}`)
      await run(tableDdl(columnTypes, table, name))
    },
    createArrivalsTable: async (table, name) => {
      await run(`DROP TABLE IF EXISTS ${quoted(name)}`)
      await run(arrivalsDdl(columnTypes, 'BIGSERIAL', table, name))
    },
    copyLastArrivals: async ({ key, columns }, from, into) => {
      const [every, ordered] = [Object.keys(columns), key].map((names) => names.map(quoted).join(', '))
      await run(
        `INSERT INTO ${quoted(into)} (${every}) SELECT DISTINCT ON (${ordered}) ${every} FROM ${quoted(from)} ORDER BY ${ordered}, nth DESC`,
      )
    },
    createIndex: (table, name, index) => createIndexOnce({ all, run }, listOfIndexes, { table, name, index }),
    lockSchema: async () => void (await all('SELECT pg_advisory_xact_lock(?)', [schemaLock])),
  }
}

async function put(client: pg.ClientBase, target: WriteTarget, rows: readonly Row[] | WriteBuffer): Promise<void> {
  if (rows.length === 0) return
  const { table, name } = target
  if (rows instanceof CopyText) return copyIn(client, target, rows)
  const all = rowsOf(rows)
  if (!target.hasKey) return copyIn(client, target, CopyText.of(table, all))
  const columns = Object.keys(table.columns)
  const encode = encoderOf(table)
  const others = columns.filter((column) => !table.key.includes(column))
  const replaced = others.map((column) => `${quoted(column)} = excluded.${quoted(column)}`).join(', ')
  const onConflict = `ON CONFLICT (${table.key.map(quoted).join(', ')}) DO ${replaced ? `UPDATE SET ${replaced}` : 'NOTHING'}`
  await client.query(
    `INSERT INTO ${quoted(name)} (${columns.map(quoted).join(', ')}) SELECT ${columns
      .map((column) => given(table, column))
      .join(', ')} FROM ${recordset(table, columns)}
       ${onConflict}`,
    [JSON.stringify(all.map((row) => record(columns, encode(row))))],
  )
}

/**
 * By COPY, the fastest way where no row is replaced. The text is complete before the statement begins: if making it failed in the
 * middle, the server would wait for the rest, and the ROLLBACK behind it.
 */
async function copyIn(client: pg.ClientBase, { table, name }: WriteTarget, waiting: CopyText): Promise<void> {
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
