/** What is possible and improbable is answered 409 with a sentence for each oddity, until the request says which are meant. */
import { describe, expect, it } from 'vitest'
import { countEvents } from '../support/runtime.ts'
import { aReferral, expectProblem, running } from './support.ts'

const api = running()

const saturday = { occurredOn: '2025-03-08', note: 'A meeting.' }
const meetings = (id: string) => `/api/journeys/${id}/three-way-meetings`

describe('an unusual record', () => {
  it('is not written, and each oddity is said, until it is meant; its key stays the same', async () => {
    const id = await api.journey()
    const before = await countEvents(api.runtime)
    const key = { 'idempotency-key': 'on-a-saturday' }
    const asked = await api.send(meetings(id), saturday, key)
    expect(expectProblem(asked, 409, 'oddities')).toMatchObject({
      oddities: [
        { code: 'far_from_today', sentence: '8 March 2025 is more than a year ago.' },
        { code: 'weekend', sentence: '8 March 2025 was a Saturday.' },
      ],
    })
    // One of two is not enough.
    expectProblem(await api.send(meetings(id), { ...saturday, confirmedOddities: ['weekend'] }, key), 409, 'oddities')
    expect(await countEvents(api.runtime)).toBe(before)
    const confirmedOddities = ['weekend', 'far_from_today', 'bank_holiday']
    const meant = await api.send(meetings(id), { ...saturday, confirmedOddities }, key)
    expect(meant.statusCode, meant.body).toBe(201)
    const again = await api.send(meetings(id), saturday, key)
    expect([again.statusCode, again.json()]).toEqual([200, meant.json()])
    // What was odd and confirmed is kept beside the event, and nothing that was not odd.
    const [stored] = await Array.fromAsync(api.runtime.store.readBackwards(`journey-${id}`, 1))
    expect(stored!.metadata).toMatchObject({ oddities: ['far_from_today', 'weekend'] })
    expect(stored!.data).not.toHaveProperty('confirmedOddities')
  })

  it('is asked about as a referral and as a correction too', async () => {
    const { confirmedOddities: _, ...referral } = aReferral()
    expectProblem(await api.send('/api/journeys', referral), 409, 'oddities')
    const id = await api.journey()
    const { revision } = (await api.post(meetings(id), { occurredOn: '2025-03-07' })).json<{ revision: number }>()
    const correction = { corrects: revision, occurredOn: '2025-03-08', because: 'Mistyped.' }
    const asked = await api.send(`/api/journeys/${id}/corrections`, correction)
    expect(expectProblem(asked, 409, 'oddities')).toMatchObject({
      oddities: [{ code: 'far_from_today' }, { code: 'weekend' }],
    })
    const confirmedOddities = ['far_from_today', 'weekend']
    const meant = await api.send(`/api/journeys/${id}/corrections`, { ...correction, confirmedOddities })
    expect(meant.statusCode, meant.body).toBe(201)
  })

  it('with a code that is none is refused as any wrong field is', async () => {
    const id = await api.journey()
    const { errors } = expectProblem(
      await api.send(meetings(id), { ...saturday, confirmedOddities: ['full_moon'] }),
      422,
      'invalid_body',
    )
    expect(errors.map(({ field }) => field)).toEqual(['confirmedOddities'])
  })
})

describe('a session of a group on an unusual day', () => {
  it('is not scheduled, moved or recorded as held until each oddity is meant, which is kept with its event', async () => {
    const id = await api.journey({ allocated: false })
    const { ids } = (
      await api.post('/api/groups', {
        occurredOn: '2025-01-06',
        code: 'G909',
        programme: 'bbr',
        provider: 'North',
        place: 'Mill Lane',
        weekday: 2,
        startsAt: '18:30',
        minutes: 150,
        capacity: 12,
        facilitators: [{ facilitator: 'F012', role: 'lead' }],
      })
    ).json<{ ids: string[] }>()
    const [groupId] = ids
    const joining = { occurredOn: '2025-01-13', journeyId: id }
    expectProblem(await api.send(`/api/groups/${groupId}/members`, joining), 409, 'oddities')
    expect((await api.post(`/api/groups/${groupId}/members`, joining)).statusCode).toBe(201)
    const sessions = [
      { programmeSession: 'F1', on: '2025-03-08' },
      { programmeSession: 'F2', on: '2025-03-08' },
    ]
    const schedule = { occurredOn: '2025-01-13', sessions }
    const asked = expectProblem(await api.send(`/api/groups/${groupId}/sessions`, schedule), 409, 'oddities')
    expect(asked).toMatchObject({
      oddities: [{ code: 'far_from_today' }, { code: 'weekend' }, { code: 'second_same_day' }],
    })
    const confirmedOddities = ['far_from_today', 'weekend', 'second_same_day']
    const key = { 'idempotency-key': 'on-one-saturday' }
    const meant = await api.send(`/api/groups/${groupId}/sessions`, { ...schedule, confirmedOddities }, key)
    expect(meant.statusCode, meant.body).toBe(201)
    const again = await api.send(`/api/groups/${groupId}/sessions`, schedule, key)
    expect([again.statusCode, again.json()]).toEqual([200, meant.json()])
    const [first] = meant.json<{ ids: string[] }>().ids
    const lastOf = async (stream: string) => (await Array.fromAsync(api.runtime.store.readBackwards(stream, 1)))[0]!
    expect((await lastOf(`session-${first}`)).metadata).toMatchObject({ oddities: confirmedOddities })
    const move = { occurredOn: '2025-03-01', on: '2025-03-09', startsAt: '18:30', reason: 'room' }
    expect(expectProblem(await api.send(`/api/sessions/${first}/moves`, move), 409, 'oddities')).toMatchObject({
      oddities: [{ code: 'far_from_today' }, { code: 'weekend' }],
    })
    const held = {
      occurredOn: '2025-03-08',
      startedAt: '18:30',
      minutes: 150,
      actual: [{ facilitator: 'F012', role: 'lead' }],
      register: [{ journeyId: id, outcome: 'ATTC' }],
    }
    expectProblem(await api.send(`/api/sessions/${first}/delivery`, held), 409, 'oddities')
    const delivered = await api.send(`/api/sessions/${first}/delivery`, { ...held, confirmedOddities })
    expect(delivered.statusCode, delivered.body).toBe(201)
    const events = await Array.fromAsync(api.runtime.store.read(`session-${first}`))
    expect(events.find(({ type }) => type === 'SessionDelivered')!.metadata).toHaveProperty('oddities')
  })
})
