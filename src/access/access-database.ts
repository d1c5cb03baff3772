/**
 * Where access keeps what is no record of the service and so is not in the log: who is signed in, saved views, how many records somebody was
 * shown. With PostgreSQL it is there, for all instances together; without, in a SQLite file, for the one instance there then is.
 */
import SQLite from 'better-sqlite3'
import { Kysely, PostgresDialect, sql, SqliteDialect, type Dialect, type Transaction } from 'kysely'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import pg from 'pg'

/** All times are milliseconds since 1970. */
export interface AccessTables {
  access_session: {
    /** A digest of the browser's cookie. */
    id: string
    issuer: string
    subject: string
    sid: string | null
    actor: string
    role: string
    organisation: string
    name: string
    begun: number
    seen: number
  }
  access_sign_in: { id: string; what: string; begun: number }
  access_message: { id: string; until: number }
  access_view: { id: string; actor: string; name: string; address: string }
  access_shown: { actor: string; kind: string; records: string; alerted: number | null }
}

const tables = [
  `access_session (
    id TEXT PRIMARY KEY, issuer TEXT NOT NULL, subject TEXT NOT NULL, sid TEXT, actor TEXT NOT NULL, role TEXT NOT NULL,
    organisation TEXT NOT NULL, name TEXT NOT NULL, begun BIGINT NOT NULL, seen BIGINT NOT NULL)`,
  'access_sign_in (id TEXT PRIMARY KEY, what TEXT NOT NULL, begun BIGINT NOT NULL)',
  'access_message (id TEXT PRIMARY KEY, until BIGINT NOT NULL)',
  `access_view (
    id TEXT PRIMARY KEY, actor TEXT NOT NULL, name TEXT NOT NULL, address TEXT NOT NULL, UNIQUE (actor, name))`,
  `access_shown (
    actor TEXT NOT NULL, kind TEXT NOT NULL, records TEXT NOT NULL, alerted BIGINT, PRIMARY KEY (actor, kind))`,
]

/** The advisory lock under which tables are created: any number, the same in every instance, and not one of the read models'. */
const tablesLock = 0x61636373

/** Times come as int8; none of ours is beyond what a number holds. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: 'text') =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)) as never,
}

/** Opened when it is first needed; where that fails, again when it is next needed. */
export class AccessDatabase {
  private opened: Promise<Kysely<AccessTables>> | undefined

  /** @param place the address of a PostgreSQL database, the name of a file, or `:memory:` for what need not outlive the process */
  constructor(private readonly place: string) {}

  db(): Promise<Kysely<AccessTables>> {
    return (this.opened ??= this.open().catch((error: unknown) => {
      this.opened = undefined
      throw error
    }))
  }

  async transaction<T>(work: (db: Transaction<AccessTables>) => Promise<T>): Promise<T> {
    return (await this.db()).transaction().execute(work)
  }

  async close(): Promise<void> {
    const opened = await this.opened?.catch(() => undefined)
    this.opened = undefined
    await opened?.destroy()
  }

  private async open(): Promise<Kysely<AccessTables>> {
    const isShared = /^postgres(ql)?:/.test(this.place)
    const db = new Kysely<AccessTables>({ dialect: isShared ? inPostgres(this.place) : inFile(this.place) })
    try {
      await db.transaction().execute(async (one) => {
        // Two instances that start at once would each find that there are no tables.
        if (isShared) await sql`SELECT pg_advisory_xact_lock(${tablesLock})`.execute(one)
        for (const table of tables) await sql.raw(`CREATE TABLE IF NOT EXISTS ${table}`).execute(one)
      })
      return db
    } catch (error) {
      await db.destroy()
      throw error
    }
  }
}

function inPostgres(url: string): Dialect {
  const pool = new pg.Pool({
    connectionString: url,
    types,
    max: 5,
    connectionTimeoutMillis: 5_000,
    application_name: 'throughline access',
  })
  // A connection that is cut is replaced when it is next needed; its next statement fails.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  return new PostgresDialect({ pool })
}

function inFile(file: string): Dialect {
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const database = new SQLite(file, { timeout: 5_000 })
  database.pragma('journal_mode = WAL')
  // A session that was ended stays ended after a loss of power, and a deleted view is gone from the file.
  database.pragma('synchronous = FULL')
  database.pragma('secure_delete = ON')
  return new SqliteDialect({ database })
}
