import { describe, expect, it, onTestFinished } from 'vitest'
import { isDatabaseUnavailable } from '../../projections/storage/availability.ts'
import type { WriteTarget } from '../../projections/storage/database.ts'
import { PostgresDatabase } from '../../projections/storage/postgres.ts'
import type { Row } from '../../projections/projection.ts'
import { bothDatabases } from '../support/postgres.ts'

const freshDatabase = bothDatabases()

describe('rows that are copied in at once', () => {
  it('are all there, or none where one of them is refused; the connection goes on', async () => {
    const { database } = await withTable()
    const refused = database.transaction(async ({ put }) => {
      await put(notes, many(3))
      await put(notes, [...many(200), { id: 'no number', text: '' }, ...many(20_000)])
    })
    await expect(refused).rejects.toThrow(/bigint/)
    expect(await count(database)).toBe(0)
    await database.transaction(({ put }) => put(notes, many(3)))
    expect(await count(database)).toBe(3)
  })

  it('are none where they cannot be made into a text, and nobody waits for the rest', async () => {
    const { database } = await withTable()
    const unsayable = {
      toString() {
        throw new RangeError('Invalid string length')
      },
    }
    const failed = database.transaction(({ put }) => put(notes, [...many(3), { id: 4, text: unsayable }]))
    await expect(failed).rejects.toThrow(RangeError)
    expect(await count(database)).toBe(0)
  })

  it.each([0, 5, 20])('are none where the connection is cut %i ms into it, and the process goes on', async (ms) => {
    const { database, other } = await withTable()
    const cut = database.transaction(async ({ all, put }) => {
      const [own] = await all<{ pid: number }>('SELECT pg_backend_pid() AS pid')
      const cutting = new Promise((resolve) => setTimeout(resolve, ms)).then(() =>
        other.transaction((statements) => statements.all('SELECT pg_terminate_backend(?)', [own!.pid])),
      )
      await Promise.all([put(notes, many(20_000)), cutting])
      await all('SELECT 1')
    })
    await expect(cut.catch(isDatabaseUnavailable)).resolves.toBe(true)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await count(database)).toBe(0)
  })
})

describe('rows that wait to be copied in', () => {
  const awkward = ['', '\\N', '\\.', 'a\tb\nc\rd\\e', 'Ærøskøbing €', '😀'.repeat(30_000), null, 'x'.repeat(200_000)]

  it('come out as they went in, whatever is in them, and so do those that wait after them', async () => {
    const { database } = await withTable()
    const waiting = database.writeBuffer(notes)
    const rows: Row[] = []
    for (const texts of [awkward, awkward.toReversed()]) {
      const next = texts.map((text, n) => ({ id: rows.length + n, text }))
      for (const row of next) waiting.add(row)
      expect(waiting.length).toBe(next.length)
      await database.transaction(({ put }) => put(notes, waiting))
      waiting.clear()
      rows.push(...next)
    }
    await database.transaction(({ put }) => put(notes, waiting))
    const stored = await database.transaction(({ all }) => all('SELECT id, text FROM note__shadow ORDER BY id'))
    expect(stored).toEqual(rows)
  })
})

const notes: WriteTarget = {
  table: { name: 'note', columns: { id: 'integer', text: 'text' }, key: ['id'], kind: 'append' },
  name: 'note__shadow',
  hasKey: false,
}

const many = (count: number): Row[] => Array.from({ length: count }, (_, id) => ({ id, text: 'x'.repeat(2_000) }))

async function withTable() {
  const url = (await freshDatabase('PostgreSQL'))!
  const [database, other] = [new PostgresDatabase(url), new PostgresDatabase(url)]
  onTestFinished(() => Promise.all([database.close(), other.close()]).then(() => undefined))
  await database.transaction(({ run }) => run('CREATE TABLE note__shadow (id BIGINT, text TEXT)'))
  return { database, other }
}

const count = async (database: PostgresDatabase): Promise<number> =>
  (await database.transaction(({ all }) => all<{ count: number }>('SELECT count(*) AS count FROM note__shadow')))[0]!
    .count
