import { describe, expect, it } from 'vitest'
import type { RunnerHealth } from '../../projections/runner/projection-runner.ts'
import type { ReadModelStatus, StatusOfReadModels } from '../../src/operations/status.ts'
import { Staleness } from '../../src/operations/staleness.ts'

const asOf = '2026-03-04T10:15:00.000Z'

const outOfDate = (health: Partial<RunnerHealth>, standing: Partial<ReadModelStatus> | Error) => {
  const runner = { state: 'projecting', troubledSince: null, ...health }
  const looks = { count: 0 }
  const look = async () => {
    looks.count++
    if (standing instanceof Error) throw standing
    return { log: 'answers', lagSeconds: 0, asOf, runner, ...standing }
  }
  const staleness = new Staleness({ health: runner, look } as unknown as StatusOfReadModels)
  return { looks, answer: () => staleness.outOfDate() }
}

describe('whether a page is out of date', () => {
  it('is not asked of anybody while the projector of this process follows the log', async () => {
    const { looks, answer } = outOfDate({}, new Error('not to be asked'))
    expect([await answer(), looks.count]).toEqual([null, 0])
  })

  it.each([
    ['the log does not answer', { troubledSince: asOf, state: 'retrying' }, { log: 'away', lagSeconds: null }, 'log'],
    ['another projects, and the log does not answer', { state: 'standing_by' }, { log: 'away' }, 'log'],
    ['another projects, and is far behind', { state: 'standing_by' }, { lagSeconds: 31 }, 'projector'],
    ['the projector has refused', { troubledSince: asOf, state: 'refused' }, {}, 'projector'],
  ] as const)('is said where %s', async (_, health, standing, because) => {
    expect(await outOfDate(health, standing).answer()).toEqual({ because, asOf })
  })

  it.each([
    ['another projects', { state: 'standing_by' }, { lagSeconds: 0.2 }],
    ['the log is back, and the projector about to hear of it', { troubledSince: asOf, state: 'retrying' }, {}],
    ['nothing can be said', { state: 'standing_by' }, new Error('the database is away')],
  ] as const)('is not claimed where %s', async (_, health, standing) => {
    expect(await outOfDate(health, standing).answer()).toBeNull()
  })

  it('is asked once for many pages', async () => {
    const { looks, answer } = outOfDate({ state: 'standing_by' }, {})
    await Promise.all([answer(), answer(), answer()])
    expect(looks.count).toBe(1)
  })
})
