/** Opens the database of the read models. */
import { join } from 'node:path'
import { isFileDamaged, setAside } from './damage.ts'
import type { Database } from './database.ts'
import { PostgresDatabase } from './postgres.ts'
import { SqliteDatabase } from './sqlite.ts'

const fileIn = (dataDir: string): string => join(dataDir, 'read-models.sqlite')

/** In PostgreSQL where there is a URL, else in a file of the data directory. */
export const openReadModelDatabase = (dataDir: string, databaseUrl?: string): Database =>
  databaseUrl ? new PostgresDatabase(databaseUrl) : new SqliteDatabase(fileIn(dataDir))

/**
 * Sets the file of the read models aside where the error says that it is damaged. To be called by the process that has the lock on
 * the data directory, which then opens an empty one.
 * @returns the new name of the file; null where the error says something else
 */
export const setAsideWhereDamaged = (dataDir: string, error: unknown): string | null =>
  isFileDamaged(error) ? setAside(fileIn(dataDir)) : null
