import { describe, expect, it } from 'vitest'
import { expectProblem, running } from './support.ts'

const api = running()

const formation = (code: string) => ({
  occurredOn: '2025-03-01',
  code,
  programme: 'bbr',
  provider: 'North',
  place: 'Mill Lane',
  weekday: 2,
  startsAt: '18:30',
  minutes: 150,
  capacity: 2,
  facilitators: [
    { facilitator: 'F012', role: 'lead' },
    { facilitator: 'F030', role: 'co' },
  ],
})

interface GroupWritten {
  ids: [string, ...string[]]
  position: string
}

/** @returns the answer of a command that must be recorded */
async function recorded(url: string, body: object): Promise<GroupWritten> {
  const answer = await api.post(url, body)
  expect(answer.statusCode, answer.body).toBe(201)
  return answer.json<GroupWritten>()
}

/** A group with one member and F1 in its calendar. */
async function group(code: string) {
  const journeyId = await api.journey({ allocated: false })
  const [groupId] = (await recorded('/api/groups', formation(code))).ids
  await recorded(`/api/groups/${groupId}/members`, { occurredOn: '2025-03-01', journeyId })
  const sessions = [{ programmeSession: 'F1', on: '2025-03-04' }]
  const [sessionId] = (await recorded(`/api/groups/${groupId}/sessions`, { occurredOn: '2025-03-01', sessions })).ids
  return { groupId, journeyId, sessionId }
}

describe('a facilitator’s evening, through the API', () => {
  it('is recorded, carried to the journey, corrected, and answered', async () => {
    const { groupId, journeyId, sessionId } = await group('G501')
    const moved = { occurredOn: '2025-03-02', on: '2025-03-05', startsAt: '18:00', reason: 'room' }
    await recorded(`/api/sessions/${sessionId}/moves`, moved)
    const written = await recorded(`/api/sessions/${sessionId}/delivery`, {
      occurredOn: '2025-03-05',
      startedAt: '18:05',
      minutes: 145,
      actual: [{ facilitator: 'F099', role: 'cover', standIn: 'sickness' }],
      observers: ['F050'],
      register: [{ journeyId, outcome: 'ATTC', engagement: 'full', note: 'Spoke first.' }],
    })
    const correction = { occurredOn: '2025-03-06', journeyId, outcome: 'AAME', because: 'A medical note arrived.' }
    await recorded(`/api/sessions/${sessionId}/register-corrections`, correction)
    await expect
      .poll(
        async () =>
          (await api.get(`/api/journeys/${journeyId}/history`)).json<{ type: string }[]>().map(({ type }) => type),
        { timeout: 20_000 },
      )
      .toEqual(['ReferralReceived', 'AllocatedToGroup', 'AttendanceRecorded', 'AttendanceCorrected'])
    expect((await api.get(`/api/sessions/${sessionId}`)).json()).toEqual({
      sessionId,
      groupId,
      programmeSession: 'F1',
      on: '2025-03-05',
      startsAt: '18:05',
      status: 'delivered',
      planned: ['F012', 'F030'],
      actual: ['F099'],
      register: [
        { journeyId, outcome: 'AAME', minutes: 0, engagement: 'not_stated', corrections: 1, notCarried: null },
      ],
    })
    const groups = (await api.get(`/api/groups?after=${written.position}`)).json<{ code: string; members: number }[]>()
    expect(groups).toContainEqual(expect.objectContaining({ code: 'G501', members: 1 }))
    await recorded(`/api/groups/${groupId}/departures`, { occurredOn: '2025-03-07', journeyId, reason: 'other_group' })
  })

  it('sent twice with one key is recorded once', async () => {
    const headers = { 'idempotency-key': 'the-same' }
    const first = await api.post('/api/groups', formation('G502'), headers)
    const second = await api.post('/api/groups', formation('G502'), headers)
    expect([first.statusCode, second.statusCode]).toEqual([201, 200])
    expect(second.json()).toEqual(first.json())
    expectProblem(await api.post('/api/groups', formation('G503'), headers), 422, 'key_used_differently')
  })

  it('is refused with the rule’s own code', async () => {
    const { groupId, journeyId, sessionId } = await group('G504')
    expectProblem(await api.post('/api/groups', formation('G504')), 409, 'already_formed')
    const [mark] = [{ occurredOn: '2025-03-04', register: [{ journeyId, outcome: 'ATTC' }] }]
    expectProblem(await api.post(`/api/sessions/${sessionId}/register`, mark), 409, 'not_delivered')
    const member = { occurredOn: '2025-03-01', journeyId }
    expectProblem(await api.post(`/api/groups/${groupId}/members`, member), 409, 'already_member')
    const nowhere = '00000000-0000-4000-8000-000000000000'
    const cancelled = { occurredOn: '2025-03-03', reason: 'weather' }
    expectProblem(await api.post(`/api/sessions/${nowhere}/cancellation`, cancelled), 404, 'no_session')
    expectProblem(await api.post(`/api/groups/${nowhere}/members`, member), 404, 'no_group')
    expectProblem(await api.get(`/api/sessions/${nowhere}`), 404, 'not_found')
  })

  it('is checked row by row, and every row that is wrong is named', async () => {
    const { errors } = expectProblem(
      await api.post('/api/groups', {
        ...formation('G505'),
        facilitators: [{ facilitator: 'Amy', role: 'tutor', age: 3 }, { facilitator: { a: 1 } }],
      }),
      422,
      'invalid_body',
    )
    const named = (errors as { field: string }[]).map(({ field }) => field)
    expect(named).toEqual(
      expect.arrayContaining([
        'facilitators[0].age',
        'facilitators[0].facilitator',
        'facilitators[0].role',
        'facilitators[1].facilitator',
        'facilitators[1].role',
      ]),
    )
    for (const facilitators of [[], 'F012', ['F012'], [null], {}])
      expectProblem(await api.post('/api/groups', { ...formation('G505'), facilitators }), 422, 'invalid_body')
  })
})
