import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { CheckpointConflict } from '../../projections/runner/checkpoint-store.ts'
import { projections } from '../../projections/projections.ts'
import { rebuildReadModels } from '../../projections/rebuild/rebuild.ts'
import { ShadowTables } from '../../projections/rebuild/shadow-tables.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { bothDatabases, databases } from '../support/postgres.ts'
import { everything, silent } from '../support/read-models.ts'
import { importText, temporaryWorkplace } from '../support/runtime.ts'

const log = csvOf(simulateContactLog({ seed: 9, journeys: 120, from: '2022-01-01', until: '2024-12-31', messy: false }))

const freshDatabase = bothDatabases()

const inPartitions = (runtime: Runtime, onProgress = () => {}) =>
  rebuildReadModels({ ...runtime, log: silent }, projections, {
    signal: new AbortController().signal,
    isFree: true,
    onProgress,
    batchSize: 8,
    splitAfter: 1,
  })

const threads = () => process.getActiveResourcesInfo().filter((what) => /Worker|MessagePort/.test(what)).length

describe.each(databases)('one of two partitions that fails, on %s,', (kind) => {
  const imported = async () => {
    const runtime = await temporaryWorkplace(await freshDatabase(kind))
    await importText(runtime, log)
    return { runtime, right: await everything(runtime.readModels) }
  }

  it('takes the other with it where it is that of the thread that asks; both are gone on with', async () => {
    const { runtime, right } = await imported()
    const before = threads()
    let isSplit = false
    let meanwhile = before
    const { checkpointStore } = runtime.readModels
    const commit = checkpointStore.commit.bind(checkpointStore)
    const failing = vi.spyOn(checkpointStore, 'commit').mockImplementation((writes) => {
      isSplit ||= writes.some(({ checkpoint }) => checkpoint.partition !== '')
      if (isSplit) meanwhile = threads()
      return isSplit ? Promise.reject(new Error('the database is away')) : commit(writes)
    })
    await expect(inPartitions(runtime)).rejects.toThrow('the database is away')
    failing.mockRestore()
    expect(meanwhile).toBeGreaterThan(before)
    expect(threads()).toBe(before)
    expect(await inPartitions(runtime)).toBe(true)
    expect(await everything(runtime.readModels)).toEqual(right)
  })

  it('says so where another process acquired it once they were merged, and leaves it to that one', async () => {
    const { runtime, right } = await imported()
    const merge = ShadowTables.prototype.merge
    const overtaken = vi.spyOn(ShadowTables.prototype, 'merge').mockImplementation(async function (
      this: ShadowTables,
      checkpoint,
      to,
    ) {
      const merged = await merge.call(this, checkpoint, to)
      await this.acquire(checkpoint.projection)
      return merged
    })
    onTestFinished(() => overtaken.mockRestore())
    await expect(inPartitions(runtime)).rejects.toThrow(CheckpointConflict)
    overtaken.mockRestore()
    expect(await inPartitions(runtime)).toBe(true)
    expect(await everything(runtime.readModels)).toEqual(right)
  })

  it('takes the other with it where it is that of the other thread; both are gone on with', async () => {
    const { runtime, right } = await imported()
    const before = threads()
    const nowhere = { ...runtime.connections, databaseUrl: 'postgres://nobody@127.0.0.1:1/none' }
    await expect(inPartitions({ ...runtime, connections: nowhere })).rejects.toThrow(/ECONNREFUSED/)
    expect(threads()).toBe(before)
    expect(await inPartitions(runtime)).toBe(true)
    expect(await everything(runtime.readModels)).toEqual(right)
  })
})
