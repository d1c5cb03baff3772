import { afterEach, describe, expect, it, vi } from 'vitest'
import { StoreUnavailable } from '../../src/event-store/store-errors.ts'
import { expectProblem, running } from './support.ts'

const api = running()
afterEach(() => vi.restoreAllMocks())

const checks = {
  log: { status: 'up' },
  readModels: { status: 'up' },
  clock: { status: 'up', why: null },
  projector: { status: 'up', state: 'projecting' },
}

/** What the service says of itself where this is down: never that it is dead. */
async function notReady() {
  expect((await api.get('/api/health/live')).json()).toEqual({ status: 'alive' })
  const answer = await api.get('/api/health/ready')
  const problem = expectProblem(answer, 503, 'not_ready')
  expect(answer.headers['retry-after']).toBe('5')
  expect(api.logged).toEqual([])
  return problem as unknown as { checks: unknown }
}

describe('readiness', () => {
  it('says that the log, the read models and the projector answer', async () => {
    await api.journey()
    await expect.poll(async () => (await api.get('/api/health/ready')).json<{ level: boolean }>().level).toBe(true)
    const ready = (await api.get('/api/health/ready')).json<{ asOf: string }>()
    expect(ready).toEqual({ status: 'ready', asOf: expect.any(String) as string, level: true, behind: [], checks })
    expect(Date.parse(ready.asOf)).toBeGreaterThan(Date.now() - 60_000)
  })

  it('is refused, by name, where the log is away, and says nothing of where it is', async () => {
    vi.spyOn(api.runtime.store, 'firstEventAfter').mockRejectedValue(
      new StoreUnavailable({ cause: new Error('10.0.0.7:2113') }),
    )
    const problem = await notReady()
    expect(problem.checks).toEqual({ ...checks, log: { status: 'down' } })
    expect(JSON.stringify(problem)).not.toContain('10.0.0.7')
  })

  it('is refused where the log is silent, within three seconds', async () => {
    vi.spyOn(api.runtime.store, 'firstEventAfter').mockReturnValue(new Promise(() => undefined))
    const asked = Date.now()
    expect((await notReady()).checks).toMatchObject({ log: { status: 'down' } })
    expect(Date.now() - asked).toBeLessThan(3_000)
  })

  it('is refused where the read models are away, and where the projector has refused', async () => {
    vi.spyOn(api.runtime.readModels, 'asOf').mockRejectedValue(new Error('connect ECONNREFUSED'))
    vi.spyOn(api.runtime.runner!, 'health', 'get').mockReturnValue({
      ...api.runtime.runner!.health,
      state: 'refused',
    })
    expect((await notReady()).checks).toEqual({
      log: { status: 'up' },
      readModels: { status: 'down' },
      clock: { status: 'up', why: null },
      projector: { status: 'down', state: 'refused' },
    })
  })

  it('is refused while the projector tries to follow the log again, and not where another instance projects', async () => {
    vi.spyOn(api.runtime.runner!, 'health', 'get').mockReturnValue({ ...api.runtime.runner!.health, state: 'retrying' })
    expect((await notReady()).checks).toMatchObject({ projector: { status: 'down', state: 'retrying' } })
    vi.spyOn(api.runtime.runner!, 'health', 'get').mockReturnValue({
      ...api.runtime.runner!.health,
      state: 'standing_by',
    })
    expect((await api.get('/api/health/ready')).json()).toMatchObject({
      checks: { projector: { status: 'up', state: 'standing_by' } },
    })
  })

  it('says which read models are how far behind', async () => {
    const { runner, readModels } = api.runtime
    await runner!.stop()
    await api.journey()
    vi.spyOn(runner!, 'health', 'get').mockReturnValue({ ...runner!.health, state: 'projecting' })
    const names = (await readModels.checkpoints()).flatMap((row) => (row.table_set === 'live' ? row.projection : []))
    const ready = (await api.get('/api/health/ready')).json<{ behind: { readModel: string; seconds: number }[] }>()
    expect(ready).toMatchObject({ status: 'ready', level: false })
    expect(ready.behind.map(({ readModel }) => readModel).toSorted()).toEqual(names.toSorted())
    for (const { seconds } of ready.behind) expect(seconds).toBeGreaterThan(0)
    runner!.start()
    await expect.poll(async () => (await api.get('/api/health/ready')).json<{ behind: [] }>().behind).toEqual([])
  })
})
