import { describe, expect, it } from 'vitest'
import { countEvents } from '../support/runtime.ts'
import { aReferral, expectProblem, running, type Written } from './support.ts'

const api = running()

const eventsOf = async (journeyId: string) =>
  (await api.get(`/api/journeys/${journeyId}/history`)).json<
    { type: string; event: { data: Record<string, unknown>; metadata: Record<string, unknown> } }[]
  >()

describe('what can be told', () => {
  it('a whole path, each step at the next revision', async () => {
    const referred = await api.post('/api/journeys', aReferral({ note: 'First contact by telephone.' }))
    expect(referred.statusCode, referred.body).toBe(201)
    const { journeyId } = referred.json<Written>()
    expect(referred.headers.location).toBe(`/api/journeys/${journeyId}`)
    expect(referred.headers.etag).toBe('"0"')

    let revision = 0
    for (const [path, body, type] of steps) {
      const answer = await api.post(`/api/journeys/${journeyId}/${path}`, body)
      expect({ path, status: answer.statusCode, body: answer.body }).toMatchObject({ path, status: 201 })
      revision++
      expect(answer.json<Written>()).toMatchObject({
        journeyId,
        revision,
        position: expect.stringMatching(/^\d+$/) as unknown,
      })
      expect(answer.headers.etag).toBe(`"${revision}"`)
      const last = (await eventsOf(journeyId)).at(-1)!
      expect(last.type).toBe(type)
      expect(last.event.metadata).toMatchObject({
        source: 'api',
        occurredAt: (body as { occurredOn: string }).occurredOn,
      })
    }
    expect(await eventsOf(journeyId)).toHaveLength(steps.length + 1)
  })

  it('keeps no name of who told it in the log', async () => {
    const [referral] = await eventsOf(await api.journey())
    expect(Object.keys(referral!.event.metadata.actor as object).sort()).toEqual(['id', 'organisation', 'role'])
  })

  it('keeps the fields it was told and no others', async () => {
    const id = await api.journey()
    await api.post(`/api/journeys/${id}/attendance`, { occurredOn: '2025-02-03', sessionId: 'F1', outcome: 'ATTC' })
    expect((await eventsOf(id)).at(-1)!.event.data).toEqual({
      sessionId: 'F1',
      outcome: 'ATTC',
      groupId: '',
      plannedFacilitators: [],
      actualFacilitators: [],
    })
  })
})

describe('told twice', () => {
  const warning = { occurredOn: '2025-02-04', about: 'Two absences' }

  it('with one key, is written once and answered with where it was written', async () => {
    const id = await api.journey()
    const first = await api.post(`/api/journeys/${id}/warnings`, warning, { 'idempotency-key': 'warn-1' })
    await api.post(`/api/journeys/${id}/warnings`, { occurredOn: '2025-02-05' })
    const before = await countEvents(api.runtime)
    const again = await api.post(`/api/journeys/${id}/warnings`, warning, { 'idempotency-key': 'warn-1' })
    expect(first.statusCode).toBe(201)
    expect(again.statusCode).toBe(200)
    expect(again.json()).toEqual(first.json())
    expect(again.headers.etag).toBe('"3"')
    expect(await countEvents(api.runtime)).toBe(before)
  })

  it('with the fields in another order and other spaces, is still the same telling', async () => {
    const id = await api.journey()
    const url = `/api/journeys/${id}/warnings`
    await api.post(url, '{"occurredOn":"2025-02-04","confirmedOddities":["far_from_today"],"about":"Two absences"}', {
      'idempotency-key': 'order',
    })
    const again = await api.post(url, '{ "about": " Two absences",\n "occurredOn": "2025-02-04" }', {
      'idempotency-key': 'order',
    })
    expect(again.statusCode, again.body).toBe(200)
  })

  it('with one key and another body, is refused and changes nothing', async () => {
    const id = await api.journey()
    await api.post(`/api/journeys/${id}/warnings`, warning, { 'idempotency-key': 'warn-2' })
    const before = await countEvents(api.runtime)
    const other = await api.post(
      `/api/journeys/${id}/warnings`,
      { ...warning, about: 'Three absences' },
      { 'idempotency-key': 'warn-2' },
    )
    expectProblem(other, 422, 'key_used_differently')
    expect(await countEvents(api.runtime)).toBe(before)
  })

  it('a referral with one key and another reference does not begin a second journey', async () => {
    const referral = aReferral()
    const first = await api.post('/api/journeys', referral, { 'idempotency-key': 'refer-1' })
    const again = await api.post('/api/journeys', referral, { 'idempotency-key': 'refer-1' })
    expect([first.statusCode, again.statusCode]).toEqual([201, 200])
    expect(again.json()).toEqual(first.json())
    const other = await api.post(
      '/api/journeys',
      { ...referral, reference: 'ANOTHER-1' },
      { 'idempotency-key': 'refer-1' },
    )
    expectProblem(other, 422, 'key_used_differently')
    expect(api.runtime.vault.find('reference', 'ANOTHER-1')).toBeUndefined()
  })

  it('with one key about two journeys, is two tellings', async () => {
    for (const id of [await api.journey(), await api.journey()]) {
      const answer = await api.post(`/api/journeys/${id}/warnings`, warning, { 'idempotency-key': 'shared' })
      expect(answer.statusCode).toBe(201)
    }
  })

  it('many times at once with one key, is written once', async () => {
    const id = await api.journey()
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => api.post(`/api/journeys/${id}/warnings`, warning, { 'idempotency-key': 'rush' })),
    )
    // Those that raced to the log are all answered 201: the log itself knew the event again by its id.
    for (const answer of answers) {
      expect([200, 201]).toContain(answer.statusCode)
      expect(answer.json()).toEqual(answers[0]!.json())
    }
    expect(await eventsOf(id)).toHaveLength(3)
  })

  it('without a key, is two tellings: two warnings can be given on one day', async () => {
    const id = await api.journey()
    await api.post(`/api/journeys/${id}/warnings`, warning)
    await api.post(`/api/journeys/${id}/warnings`, warning)
    expect(await eventsOf(id)).toHaveLength(4)
  })

  it.each([' ', 'a b', 'é', 'x'.repeat(256), ''])('refuses the key %j', async (key) => {
    const id = await api.journey()
    const { errors } = expectProblem(
      await api.post(`/api/journeys/${id}/warnings`, warning, { 'idempotency-key': key }),
      400,
      'invalid_header',
    )
    expect(errors[0]!.field).toBe('Idempotency-Key')
  })
})

describe('what the teller was looking at', () => {
  it('at the revision it still has, is recorded', async () => {
    const id = await api.journey()
    const answer = await api.post(`/api/journeys/${id}/warnings`, { occurredOn: '2025-02-04' }, { 'if-match': '"1"' })
    expect(answer.statusCode, answer.body).toBe(201)
  })

  it('at a revision it no longer has, is refused', async () => {
    const id = await api.journey()
    const answer = await api.post(`/api/journeys/${id}/warnings`, { occurredOn: '2025-02-04' }, { 'if-match': '"0"' })
    expectProblem(answer, 412, 'changed_meanwhile')
    expect(await eventsOf(id)).toHaveLength(2)
  })

  it('of several at once at one revision, only one is recorded', async () => {
    const id = await api.journey()
    const answers = await Promise.all(
      Array.from({ length: 6 }, () =>
        api.post(`/api/journeys/${id}/warnings`, { occurredOn: '2025-02-04' }, { 'if-match': '"1"' }),
      ),
    )
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([201, 412, 412, 412, 412, 412])
  })

  it('told again with its key after others wrote, is still answered as recorded', async () => {
    const id = await api.journey()
    const headers = { 'if-match': '"1"', 'idempotency-key': 'late-retry' }
    await api.post(`/api/journeys/${id}/warnings`, { occurredOn: '2025-02-04' }, headers)
    await api.post(`/api/journeys/${id}/warnings`, { occurredOn: '2025-02-05' })
    expect((await api.post(`/api/journeys/${id}/warnings`, { occurredOn: '2025-02-04' }, headers)).statusCode).toBe(200)
  })

  it.each(['1', 'W/"1"', '"1", "2"', '"x"', '""', '"-1"', '"99999999999999999999"'])(
    'refuses If-Match: %s',
    async (tag) => {
      const id = await api.journey()
      const { errors } = expectProblem(
        await api.post(`/api/journeys/${id}/warnings`, { occurredOn: '2025-02-04' }, { 'if-match': tag }),
        400,
        'invalid_header',
      )
      expect(errors[0]!.field).toBe('If-Match')
    },
  )

  it('cannot be a revision before there is a journey', async () => {
    expectProblem(await api.post('/api/journeys', aReferral(), { 'if-match': '"0"' }), 400, 'invalid_header')
  })
})

describe('what the rules refuse', () => {
  it('a journey that was never referred', async () => {
    const answer = await api.post('/api/journeys/00000000-0000-4000-8000-000000000000/warnings', {
      occurredOn: '2025-02-04',
    })
    expectProblem(answer, 404, 'no_referral')
  })

  it('a second referral under one reference', async () => {
    const referral = aReferral()
    await api.post('/api/journeys', referral)
    expectProblem(await api.post('/api/journeys', referral), 409, 'already_referred')
  })

  it('a session before the allocation', async () => {
    const id = await api.journey({ allocated: false })
    const answer = await api.post(`/api/journeys/${id}/attendance`, {
      occurredOn: '2025-02-03',
      sessionId: 'F1',
      outcome: 'ATTC',
    })
    expectProblem(answer, 409, 'not_allocated')
  })

  it('a session the programme does not have', async () => {
    const id = await api.journey()
    const answer = await api.post(`/api/journeys/${id}/attendance`, {
      occurredOn: '2025-02-03',
      sessionId: 'X9',
      outcome: 'ATTC',
    })
    expect(expectProblem(answer, 422, 'unknown_session').errors[0]!.field).toBe('sessionId')
  })

  it('what has not happened yet', async () => {
    const id = await api.journey()
    const answer = await api.post(`/api/journeys/${id}/completion`, { occurredOn: '2999-01-01' })
    expect(expectProblem(answer, 422, 'recorded_before_occurred').errors[0]!.field).toBe('occurredOn')
  })

  it.each([
    ['completion', { occurredOn: '2025-02-03' }, 'not_started'],
    ['recategorisation', { occurredOn: '2025-02-03', to: 'health' }, 'nothing_to_recategorise'],
    ['attendance/F1/corrections', { occurredOn: '2025-02-03', outcome: 'ATTC' }, 'nothing_to_correct'],
  ])('%s out of turn', async (path, body, code) => {
    const id = await api.journey()
    expectProblem(await api.post(`/api/journeys/${id}/${path}`, body), 409, code)
  })

  it('anything after the end', async () => {
    const id = await api.journey()
    await api.post(`/api/journeys/${id}/drop-out`, { occurredOn: '2025-02-03', reason: 'work' })
    expectProblem(await api.post(`/api/journeys/${id}/warnings`, { occurredOn: '2025-02-04' }), 409, 'journey_ended')
  })

  it('and appends nothing', async () => {
    const id = await api.journey()
    const before = await countEvents(api.runtime)
    await api.post(`/api/journeys/${id}/completion`, { occurredOn: '2025-02-03' })
    await api.post(`/api/journeys/${id}/attendance`, { occurredOn: '2025-02-03', sessionId: 'X9', outcome: 'ATTC' })
    expect(await countEvents(api.runtime)).toBe(before)
  })
})

const steps: readonly (readonly [string, { occurredOn: string } & Record<string, unknown>, string])[] = [
  ['eligibility', { occurredOn: '2025-01-11', result: 'Medium' }, 'EligibilityAssessed'],
  ['suitability', { occurredOn: '2025-01-12', decision: 'suitable', note: 'Motivated.' }, 'SuitabilityDecided'],
  ['waiting-list', { occurredOn: '2025-01-13' }, 'PlacedOnWaitingList'],
  ['allocation', { occurredOn: '2025-01-20', groupId: 'G014' }, 'AllocatedToGroup'],
  ['three-way-meetings', { occurredOn: '2025-01-22' }, 'ThreeWayMeetingHeld'],
  [
    'attendance',
    {
      occurredOn: '2025-02-03',
      sessionId: 'F1',
      outcome: 'UAAB',
      groupId: 'G014',
      plannedFacilitators: ['F011', 'F008'],
      actualFacilitators: ['F011'],
    },
    'AttendanceRecorded',
  ],
  [
    'attendance/F1/corrections',
    { occurredOn: '2025-02-06', outcome: 'AAME', because: 'A medical note arrived.' },
    'AttendanceCorrected',
  ],
  [
    'attendance',
    { occurredOn: '2025-02-10', sessionId: 'F2', outcome: 'ATTC', note: 'Took part.' },
    'AttendanceRecorded',
  ],
  ['warnings', { occurredOn: '2025-02-11', about: 'Late twice' }, 'WarningIssued'],
  ['breach', { occurredOn: '2025-02-12' }, 'BreachInitiated'],
  ['breach-resolution', { occurredOn: '2025-02-14' }, 'BreachResolved'],
  ['recall', { occurredOn: '2025-02-15' }, 'RecallRecorded'],
  ['programme-reviews', { occurredOn: '2025-02-16' }, 'ProgrammeReviewCompleted'],
  ['provider-transfer', { occurredOn: '2025-02-17', provider: 'East & Partners' }, 'ProviderTransferAccepted'],
  ['drop-out', { occurredOn: '2025-02-20', reason: 'missed_sessions' }, 'ParticipantDroppedOut'],
  ['recategorisation', { occurredOn: '2025-02-21', to: 'health', note: 'Seen by a doctor.' }, 'OutcomeRecategorised'],
]

describe('a journey that is completed', () => {
  it('ends once', async () => {
    const id = await api.journey()
    await api.post(`/api/journeys/${id}/attendance`, { occurredOn: '2025-02-03', sessionId: 'F1', outcome: 'ATTC' })
    expect((await api.post(`/api/journeys/${id}/completion`, { occurredOn: '2025-06-03' })).statusCode).toBe(201)
    expectProblem(await api.post(`/api/journeys/${id}/completion`, { occurredOn: '2025-06-03' }), 409, 'journey_ended')
  })
})
