import { describe, expect, it } from 'vitest'
import { CheckpointConflict } from '../../projections/runner/checkpoint-store.ts'
import { projections } from '../../projections/projections.ts'
import { rebuildReadModels } from '../../projections/rebuild/rebuild.ts'
import type { ReadModels } from '../../projections/storage/read-models.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { bothDatabases, databases } from '../support/postgres.ts'
import { everything, silent } from '../support/read-models.ts'
import { importText, temporaryWorkplace } from '../support/runtime.ts'

const log = csvOf(simulateContactLog({ seed: 9, journeys: 120, from: '2022-01-01', until: '2024-12-31', messy: false }))

const freshDatabase = bothDatabases()

const inLanes = (runtime: Runtime, onProgress = () => {}) =>
  rebuildReadModels({ ...runtime, log: silent }, projections, {
    signal: new AbortController().signal,
    isFree: true,
    onProgress,
    most: 8,
    splitAfter: 1,
  })

const threads = () => process.getActiveResourcesInfo().filter((what) => /Worker|MessagePort/.test(what)).length

describe.each(databases)('one of two lanes that fails, on %s,', (kind) => {
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
    const failing = new Proxy(runtime.readModels, {
      get(readModels, name) {
        if (name === 'commit')
          return (steps: Parameters<ReadModels['commit']>[0]) => {
            isSplit ||= steps.some(({ build }) => build.tableSet !== 'beside')
            if (isSplit) meanwhile = threads()
            return isSplit ? Promise.reject(new Error('the database is away')) : readModels.commit(steps)
          }
        const value = Reflect.get(readModels, name, readModels) as unknown
        return typeof value === 'function' ? (value.bind(readModels) as unknown) : value
      },
    })
    await expect(inLanes({ ...runtime, readModels: failing })).rejects.toThrow('the database is away')
    expect(meanwhile).toBeGreaterThan(before)
    expect(threads()).toBe(before)
    expect(await inLanes(runtime)).toBe(true)
    expect(await everything(runtime.readModels)).toEqual(right)
  })

  it('says so where another process took over once they were joined, and leaves it to that one', async () => {
    const { runtime, right } = await imported()
    const { checkpointStore: builds } = runtime.readModels
    const join = builds.merge.bind(builds)
    builds.merge = async (build, to) => {
      const joined = await join(build, to)
      await builds.acquireShadow(build.projection)
      return joined
    }
    await expect(inLanes(runtime)).rejects.toThrow(CheckpointConflict)
    builds.merge = join
    expect(await inLanes(runtime)).toBe(true)
    expect(await everything(runtime.readModels)).toEqual(right)
  })

  it('takes the other with it where it is that of the other thread; both are gone on with', async () => {
    const { runtime, right } = await imported()
    const before = threads()
    const nowhere = { ...runtime.connections, databaseUrl: 'postgres://nobody@127.0.0.1:1/none' }
    await expect(inLanes({ ...runtime, connections: nowhere })).rejects.toThrow(/ECONNREFUSED/)
    expect(threads()).toBe(before)
    expect(await inLanes(runtime)).toBe(true)
    expect(await everything(runtime.readModels)).toEqual(right)
  })
})
