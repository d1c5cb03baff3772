import { expect, it, onTestFinished } from 'vitest'
import { isDatabaseUnavailable } from '../../projections/storage/availability.ts'
import { PostgresDatabase } from '../../projections/storage/postgres.ts'
import { bothDatabases } from '../support/postgres.ts'

const freshDatabase = bothDatabases()

it('a connection that is cut between two statements fails its transaction, and not the process', async () => {
  const url = (await freshDatabase('PostgreSQL'))!
  const [database, other] = [new PostgresDatabase(url), new PostgresDatabase(url)]
  onTestFinished(() => Promise.all([database.close(), other.close()]).then(() => undefined))
  const cut = database.transaction(async ({ all }) => {
    const [own] = await all<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    await other.transaction((statements) => statements.all('SELECT pg_terminate_backend(?)', [own!.pid]))
    // An error nobody listens to would end the process here.
    await new Promise((resolve) => setTimeout(resolve, 200))
    await all('SELECT 1')
  })
  await expect(cut.catch(isDatabaseUnavailable)).resolves.toBe(true)
  expect(await database.transaction(({ all }) => all('SELECT 1 AS one'))).toEqual([{ one: 1 }])
})
