import { describe, expect, it } from 'vitest'
import type { Projection } from '../../projections/projection.ts'
import { projections } from '../../projections/projections.ts'
import { ShadowTables } from '../../projections/rebuild/shadow-tables.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { bothDatabases, databases } from '../support/postgres.ts'
import { everything } from '../support/read-models.ts'
import { importText, temporaryWorkplace } from '../support/runtime.ts'

const log = csvOf(simulateContactLog({ seed: 3, journeys: 5, from: '2023-01-01', until: '2024-12-31', messy: false }))

/** One that some release had, or will have. */
const other: Projection = {
  ...projections[0]!,
  name: 'other',
  tables: [
    {
      name: 'other_table',
      columns: { id: 'text', said: 'text' },
      key: ['id'],
      indexes: [['said']],
      kind: 'document',
    },
  ],
}

const freshDatabase = bothDatabases()

describe.each(databases)('read models of a projection that is no more, on %s,', (kind) => {
  const withAnother = async () => {
    const runtime = await temporaryWorkplace(await freshDatabase(kind))
    const { readModels } = runtime
    await readModels.prepare([...projections, other])
    await new ShadowTables(readModels.database).acquire(other)
    return runtime
  }

  it('are dropped when they are named, what is being built of them too, and nothing else is', async () => {
    const runtime = await withAnother()
    const { readModels } = runtime
    await importText({ ...runtime, readModels }, log)
    const before = await everything(readModels)
    const tables = async () => (await readModels.db.introspection.getTables()).map(({ name }) => name)
    expect(await tables()).toEqual(
      expect.arrayContaining(['other_table', 'other_table__shadow', 'other_table__arrivals']),
    )

    expect(await readModels.prepare(projections, [{ name: 'other', tables: ['other_table'] }])).toEqual(['other'])
    expect((await tables()).filter((name) => name.startsWith('other'))).toEqual([])
    expect((await readModels.checkpoints()).map(({ projection }) => projection).toSorted()).toEqual(
      projections.map(({ name }) => name).toSorted(),
    )
    expect(await everything(readModels)).toEqual(before)
    expect(await readModels.prepare(projections, [{ name: 'other', tables: ['other_table'] }])).toEqual([])
  })

  it('that nobody named are left alone, and nobody waits for them', async () => {
    const runtime = await withAnother()
    const { readModels, store, runner } = runtime
    expect(await readModels.prepare(projections)).toEqual([])
    await importText(runtime, log)
    const end = await store.headPositionOf(['journey', 'participant'])
    await runner!.catchUpTo(end)
    expect(BigInt((await readModels.asOf()).position)).toBeGreaterThanOrEqual(end)
    expect((await readModels.checkpoints()).filter(({ projection }) => projection === 'other')).toHaveLength(2)
  })
})
