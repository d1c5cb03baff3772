/** Both databases of the read models, for the specs that must hold on either. */
import { afterAll, beforeAll } from 'vitest'
import { startPostgres, type PostgresServer } from './postgres-server.ts'

export const databases = ['SQLite', 'PostgreSQL'] as const

export type DatabaseKind = (typeof databases)[number]

/** One server for all the sentences of a file; a database of its own for each that asks. */
export function bothDatabases(): (kind: DatabaseKind) => Promise<string | undefined> {
  let server: PostgresServer | undefined
  beforeAll(async () => void (server = await startPostgres()))
  afterAll(() => server?.stop())
  return async (kind) => (kind === 'PostgreSQL' ? server!.database() : undefined)
}
