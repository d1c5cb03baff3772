/** The clock of the process is set wrong, and right again, while the event store keeps its own. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { categories } from '../../projections/projection.ts'
import { ClockCheck, ClockWrong } from '../../src/commands/clock-check.ts'
import type { Metadata } from '../../src/domain/history.ts'
import { oddityCodes } from '../../src/domain/journey/oddities.ts'
import { appenderOf } from '../support/runtime.ts'
import { openJourney, serve, type Served } from '../support/served.ts'

const day = 86_400_000

let served: Served
let id: string

beforeAll(async () => {
  served = await serve({ journeys: 20 })
  id = await openJourney(served)
})
afterAll(() => served.stop())
afterEach(() => void vi.useRealTimers())

describe('a clock that is three days behind', () => {
  it('records nothing, says so on ready and the operations page and in one log line, and goes on when it is right', async () => {
    expect((await warn('before')).status).toBe(201)
    const before = await recorded()
    const log = { warn: vi.fn(), info: vi.fn() }
    const check = new ClockCheck(served.runtime.store, categories, log, false)
    await check.assertRight()

    vi.setSystemTime(Date.now() - 3 * day)
    const refused = await warn('meanwhile')
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '60'])
    expect(await refused.json()).toMatchObject({ code: 'clock_wrong' })
    const ready = await fetch(`${served.url}/api/health/ready`)
    expect(ready.status).toBe(503)
    const why = expect.stringMatching(
      /^The clock of this machine is 3 days behind that of the event store\. Nothing is recorded until it is right\..*CLOCK=trust\.$/,
    )
    expect(await ready.json()).toMatchObject({ checks: { log: { status: 'up' }, clock: { status: 'down', why } } })
    expect(await text('/operations')).toContain('The clock of this machine is 3 days behind that of the event store.')
    await expect(check.assertRight()).rejects.toThrow(ClockWrong)
    await expect(check.assertRight()).rejects.toThrow(ClockWrong)
    expect(log.warn.mock.calls).toEqual([[why]])
    expect(await recorded()).toEqual(before)

    vi.useRealTimers()
    expect((await warn('meanwhile')).status).toBe(201)
    await check.assertRight()
    expect(log.info).toHaveBeenCalledTimes(1)
    expect((await fetch(`${served.url}/api/health/ready`)).status).toBe(200)
    expect(await text('/operations')).not.toContain('The clock of this machine')
  })
})

describe('a clock that is ahead of that of the event store', () => {
  it('records nothing', async () => {
    vi.setSystemTime(Date.now() + 9 * day)
    expect(await (await warn('ahead')).json()).toMatchObject({ code: 'clock_wrong' })
  })
})

describe('clocks of two instances that differ by seconds', () => {
  it('records at the later of the two within a stream', async () => {
    expect((await warn('one')).status).toBe(201)
    const last = (await recorded()).at(-1)!
    vi.setSystemTime(Date.now() - 40_000)
    expect((await warn('other')).status).toBe(201)
    const now = await recorded()
    expect(now.at(-1)).toBe(last)
    expect(now).toHaveLength(new Set(now).size + 1)
    expect(now).toEqual(now.toSorted())
  })
})

describe('events that were recorded while the clock was nine days ahead', () => {
  it('are found at the next start and shown, and their histories say which is in doubt', async () => {
    const stored = await Array.fromAsync(served.runtime.store.read(`journey-${id}`))
    const last = stored.findLast(({ type }) => type === 'WarningIssued')!
    const recordedAt = new Date(Date.now() + 9 * day).toISOString()
    const metadata = { ...(last.metadata as Metadata), commandId: crypto.randomUUID(), recordedAt }
    await appenderOf(served.runtime).append(`journey-${id}`, stored.at(-1)!.revision, [
      { id: crypto.randomUUID(), type: last.type, data: last.data as object, metadata },
    ])
    await served.runtime.commands.clock.begin() // as each start does

    const { problem, future } = served.runtime.commands.clock.standing
    expect(problem).toBe('The clock of this machine is 9 days behind the newest event in the log.')
    expect(future).toEqual({ events: 1, isAll: true, latest: recordedAt, streams: [`journey-${id}`] })
    expect(await text('/operations')).toContain(`one event is dated in the future, up to ${recordedAt}`)
    expect((await warn('after')).status).toBe(503)
    const history = await text(`/journeys/${id}/history`)
    expect(history.match(/In doubt: the event store received it before/g)).toHaveLength(1)

    const log = { warn: vi.fn(), info: vi.fn() }
    const trusted = new ClockCheck(served.runtime.store, categories, log, true)
    await trusted.begin()
    await trusted.assertRight()
    expect(log.warn.mock.calls.flat().join('\n')).toContain('because CLOCK is trust')
  })
})

const text = async (path: string) => (await fetch(`${served.url}${path}`)).text()

/** When each event of the journey that was typed or sent was recorded, in order. */
async function recorded(): Promise<string[]> {
  const stored = await Array.fromAsync(served.runtime.store.read(`journey-${id}`))
  return stored.map(({ metadata }) => metadata as Metadata).flatMap((m) => (m.source === 'api' ? m.recordedAt : []))
}

const warn = (key: string) =>
  fetch(`${served.url}/api/journeys/${id}/warnings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': `clock-${key}` },
    body: JSON.stringify({ occurredOn: '2025-03-30', confirmedOddities: oddityCodes }),
  })
