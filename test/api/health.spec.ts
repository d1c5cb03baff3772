import { afterEach, describe, expect, it, vi } from 'vitest'
import { StoreUnavailable } from '../../src/event-store/store-errors.ts'
import { expectProblem, running } from './support.ts'

const api = running()
afterEach(() => vi.restoreAllMocks())

const checks = { log: { status: 'up' }, readModels: { status: 'up' }, projector: { status: 'up', state: 'projecting' } }

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
    expect(ready).toEqual({ status: 'ready', asOf: expect.any(String) as string, level: true, checks })
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
      projector: { status: 'down', state: 'refused' },
    })
  })

  it('is not refused where the projector takes the log up again, or another instance projects', async () => {
    for (const state of ['retrying', 'standing_by'] as const) {
      vi.spyOn(api.runtime.runner!, 'health', 'get').mockReturnValue({ ...api.runtime.runner!.health, state })
      expect((await api.get('/api/health/ready')).json()).toMatchObject({
        checks: { projector: { status: 'up', state } },
      })
    }
  })
})
