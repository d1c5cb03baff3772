import { describe, expect, it } from 'vitest'
import { CheckpointMoved } from '../../projections/builds.ts'
import { projections } from '../../projections/projections.ts'
import { rebuildBeside } from '../../projections/rebuild.ts'
import type { ReadModels } from '../../projections/read-models.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import type { Workplace } from '../../src/workplace.ts'
import { bothDatabases, databases } from '../support/postgres.ts'
import { everything, silent } from '../support/read-models.ts'
import { importText, temporaryWorkplace } from '../support/workplace.ts'

const log = csvOf(simulateContactLog({ seed: 9, journeys: 120, from: '2022-01-01', until: '2024-12-31', messy: false }))

const freshDatabase = bothDatabases()

const inLanes = (workplace: Workplace, onProgress = () => {}) =>
  rebuildBeside({ ...workplace, log: silent }, projections, {
    signal: new AbortController().signal,
    isFree: true,
    onProgress,
    most: 8,
    splitAfter: 1,
  })

const threads = () => process.getActiveResourcesInfo().filter((what) => /Worker|MessagePort/.test(what)).length

describe.each(databases)('one of two lanes that fails, on %s,', (kind) => {
  const imported = async () => {
    const workplace = await temporaryWorkplace(await freshDatabase(kind))
    await importText(workplace, log)
    return { workplace, right: await everything(workplace.readModels) }
  }

  it('takes the other with it where it is that of the thread that asks; both are gone on with', async () => {
    const { workplace, right } = await imported()
    const before = threads()
    let isSplit = false
    let meanwhile = before
    const failing = new Proxy(workplace.readModels, {
      get(readModels, name) {
        if (name === 'commit')
          return (steps: Parameters<ReadModels['commit']>[0]) => {
            isSplit ||= steps.some(({ build }) => build.place !== 'beside')
            if (isSplit) meanwhile = threads()
            return isSplit ? Promise.reject(new Error('the database is away')) : readModels.commit(steps)
          }
        const value = Reflect.get(readModels, name, readModels) as unknown
        return typeof value === 'function' ? (value.bind(readModels) as unknown) : value
      },
    })
    await expect(inLanes({ ...workplace, readModels: failing })).rejects.toThrow('the database is away')
    expect(meanwhile).toBeGreaterThan(before)
    expect(threads()).toBe(before)
    expect(await inLanes(workplace)).toBe(true)
    expect(await everything(workplace.readModels)).toEqual(right)
  })

  it('says so where another process took over once they were joined, and leaves it to that one', async () => {
    const { workplace, right } = await imported()
    const { builds } = workplace.readModels
    const join = builds.join.bind(builds)
    builds.join = async (build, to) => {
      const joined = await join(build, to)
      await builds.takeOverBeside(build.projection)
      return joined
    }
    await expect(inLanes(workplace)).rejects.toThrow(CheckpointMoved)
    builds.join = join
    expect(await inLanes(workplace)).toBe(true)
    expect(await everything(workplace.readModels)).toEqual(right)
  })

  it('takes the other with it where it is that of the other thread; both are gone on with', async () => {
    const { workplace, right } = await imported()
    const before = threads()
    const nowhere = { ...workplace.whereabouts, databaseUrl: 'postgres://nobody@127.0.0.1:1/none' }
    await expect(inLanes({ ...workplace, whereabouts: nowhere })).rejects.toThrow(/ECONNREFUSED/)
    expect(threads()).toBe(before)
    expect(await inLanes(workplace)).toBe(true)
    expect(await everything(workplace.readModels)).toEqual(right)
  })
})
