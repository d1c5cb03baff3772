/** Opens the database of the read models. */
import { join } from 'node:path'
import type { Database } from './database.ts'
import { PostgresDatabase } from './postgres.ts'
import { SqliteDatabase } from './sqlite.ts'

/** In PostgreSQL where there is a URL, else in a file of the data directory. */
export const openReadModelDatabase = (dataDir: string, databaseUrl?: string): Database =>
  databaseUrl ? new PostgresDatabase(databaseUrl) : new SqliteDatabase(join(dataDir, 'read-models.sqlite'))
