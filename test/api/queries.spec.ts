import { describe, expect, it } from 'vitest'
import { aReferral, expectProblem, running, type Written } from './support.ts'

const api = running()

/** A journey with an absence that is corrected afterwards, read as soon as it is written. */
async function corrected(): Promise<{ id: string; last: Written }> {
  const id = await api.journey()
  await api.post(`/api/journeys/${id}/attendance`, {
    occurredOn: '2025-02-03',
    sessionId: 'F1',
    outcome: 'UAAB',
    plannedFacilitators: ['F011'],
    actualFacilitators: ['F029'],
    note: 'Nobody heard from him.',
  })
  const last = await api.post(`/api/journeys/${id}/attendance/F1/corrections`, {
    occurredOn: '2025-02-06',
    outcome: 'ATTC',
    because: 'Signed in late.',
  })
  return { id, last: last.json<Written>() }
}

describe('a journey', () => {
  it('is known at once to who waits for what he told', async () => {
    const referral = aReferral()
    const written = (await api.post('/api/journeys', referral)).json<Written>()
    const answer = await api.get(`/api/journeys/${written.journeyId}?after=${written.position}`)
    expect(answer.statusCode, answer.body).toBe(200)
    expect(answer.json()).toMatchObject({
      journeyId: written.journeyId,
      name: 'Marker-Smythe, Quillon Ambrose',
      crn: referral.crn,
      reference: referral.reference,
      dateOfBirth: '1984-02-29',
      status: 'awaiting_assessment',
      programmeKey: 'bbr',
      programmeVersion: 1,
      revision: 0,
      attended: 0,
      demonstration: false,
    })
    expect(answer.headers.etag).toBe('"0"')
    expect(answer.headers['x-still-catching-up']).toBeUndefined()
    expect(answer.headers['x-as-of']).toMatch(/^\d{4}-.*Z$/)
  })

  it('says so when it is not level yet with what was waited for', async () => {
    const { id } = await corrected()
    const answer = await api.get(`/api/journeys/${id}`, { 'x-after-position': '9000000000000000000' })
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['x-still-catching-up']).toBe('true')
  })

  it('that has not changed is not sent again', async () => {
    const { id, last } = await corrected()
    const url = `/api/journeys/${id}?after=${last.position}`
    const { etag } = (await api.get(url)).headers
    expect(etag).toBe('"3"')
    for (const tag of [etag as string, `W/${etag as string}`, `"1", ${etag as string}`, '*']) {
      const again = await api.get(url, { 'if-none-match': tag })
      expect([again.statusCode, again.body]).toEqual([304, ''])
      expect(again.headers.etag).toBe(etag)
    }
    expect((await api.get(url, { 'if-none-match': '"2"' })).statusCode).toBe(200)
  })

  it.each([
    'journeys/00000000-0000-4000-8000-000000000000',
    'journeys/x',
    `journeys/${'a'.repeat(500)}`,
    'journeys/%00',
  ])('is not found at %s', async (path) => {
    for (const part of ['', '/timeline', '/history', '/live', '/replay?clock=happened&at=2025-01-01']) {
      expectProblem(await api.get(`/api/${path}${part}`), 404, 'not_found')
    }
  })

  it.each(['x', '-1', '1e3', '99999999999999999999', ''])('refuses to wait for %j', async (after) => {
    const { id } = await corrected()
    expectProblem(await api.get(`/api/journeys/${id}?after=${after}`), 400, 'invalid_query')
    expectProblem(await api.get(`/api/journeys/${id}`, { 'x-after-position': after }), 400, 'invalid_header')
  })

  it('refuses a question it does not know, by name', async () => {
    const { id } = await corrected()
    const { errors } = expectProblem(await api.get(`/api/journeys/${id}?crn=Z100001`), 400, 'invalid_query')
    expect(errors).toEqual([{ field: 'crn', message: 'is not a field of this request' }])
  })
})

describe('the timeline', () => {
  it('shows a correction beside what it corrects, and who was in the room', async () => {
    const { id, last } = await corrected()
    const entries = (await api.get(`/api/journeys/${id}/timeline?after=${last.position}`)).json<
      Record<string, unknown>[]
    >()
    expect(entries.map(({ type }) => type)).toEqual([
      'ReferralReceived',
      'AllocatedToGroup',
      'AttendanceRecorded',
      'AttendanceCorrected',
    ])
    expect(entries[2]).toMatchObject({
      outcome: 'UAAB',
      plannedFacilitators: ['F011'],
      actualFacilitators: ['F029'],
      correctedBy: 3,
      note: 'Nobody heard from him.',
    })
    expect(entries[3]).toMatchObject({ outcome: 'ATTC', wasOutcome: 'UAAB', corrects: 2, note: 'Signed in late.' })
  })
})

describe('replay', () => {
  it('knows on the one clock what it did not know on the other', async () => {
    const { id } = await corrected()
    const log = (await api.get(`/api/journeys/${id}/history`)).json<{ event: { metadata: { recordedAt: string } } }[]>()
    const beforeCorrection = log[2]!.event.metadata.recordedAt

    const happened = await api.get(`/api/journeys/${id}/replay?clock=happened&at=2025-02-03`)
    expect(happened.statusCode, happened.body).toBe(200)
    expect(happened.json()).toMatchObject({
      status: 'on_programme',
      figures: { attended: 1, unacceptable_absences: 0 },
      changedSince: [],
    })

    const known = await api.get(`/api/journeys/${id}/replay?clock=known&at=${beforeCorrection}`)
    expect(known.json()).toMatchObject({
      clock: 'known',
      status: 'scheduled',
      figures: { attended: 0, unacceptable_absences: 1 },
      sessions: [{ sessionId: 'F1', name: 'Foundation 1', outcome: 'UAAB', heldOn: '2025-02-03' }],
      changedSince: [{ about: 'session', sessionId: 'F1', then: 'UAAB', now: 'ATTC', revision: 3 }],
      last: { type: 'AttendanceRecorded' },
    })
    expect(known.json<{ sentences: unknown[] }>().sentences).toHaveLength(3)
  })

  it('before the first event, knows nothing', async () => {
    const { id } = await corrected()
    const answer = await api.get(`/api/journeys/${id}/replay?clock=known&at=2020-01-01T00:00Z`)
    expect(answer.json()).toMatchObject({
      at: '2020-01-01T00:00:00.000Z',
      status: 'not_referred',
      last: null,
      sentences: [],
    })
  })

  it.each([
    '',
    '?clock=happened',
    '?at=2025-01-01',
    '?clock=happened&at=2025-02-29',
    '?clock=happened&at=2025-01-01T00:00:00Z',
    '?clock=known&at=2025-01-01',
    '?clock=known&at=2025-02-30T00:00:00Z',
    '?clock=known&at=2025-01-01T25:00:00Z',
    '?clock=wrong&at=2025-01-01',
    '?clock=happened&at=2025-01-01&at=2025-01-02',
    '?clock=happened&at=2025-01-01&constructor=1',
  ])('refuses %s', async (query) => {
    const { id } = await corrected()
    expectProblem(await api.get(`/api/journeys/${id}/replay${query}`), 400, 'invalid_query')
  })
})

describe('the log itself', () => {
  it('is read whole, as JSON or as JSON Lines', async () => {
    const { id } = await corrected()
    const whole = await api.get(`/api/journeys/${id}/history`)
    expect(whole.headers['content-type']).toMatch(/^application\/json/)
    const records = whole.json<{ revision: number; sentence: string; stored: { data: { sealed?: string } } }[]>()
    expect(records.map(({ revision }) => revision)).toEqual([0, 1, 2, 3])
    expect(records[2]!.stored.data).not.toHaveProperty('note')
    expect(records[2]!.stored.data.sealed).toMatch(/^v1\./)

    const lines = await api.get(`/api/journeys/${id}/history`, { accept: 'application/jsonl' })
    expect(lines.headers['content-type']).toMatch(/^application\/jsonl/)
    expect(
      lines.body
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual(records)
  })

  it.each([
    [undefined, 'application/json'],
    ['', 'application/json'],
    ['*/*', 'application/json'],
    ['application/json; charset=UTF-8', 'application/json'],
    ['application/*;q=0.1, application/x-ndjson', 'application/x-ndjson'],
    ['application/jsonl, application/json;q=0.5', 'application/jsonl'],
    ['application/x-ndjson', 'application/x-ndjson'],
    ['application/json;q=0, application/*', 'application/jsonl'],
  ])('for Accept: %s is %s', async (accept, type) => {
    const { id } = await corrected()
    const answer = await api.get(`/api/journeys/${id}/history`, accept === undefined ? {} : { accept })
    expect(answer.headers['content-type']).toBe(`${type}; charset=utf-8`)
  })

  it('is not had in any other form', async () => {
    const { id } = await corrected()
    expectProblem(await api.get(`/api/journeys/${id}/history`, { accept: 'text/html' }), 406, 'not_acceptable')
  })
})

describe('the case load', () => {
  it('finds him by CRN, by name and by reference, and never in an address', async () => {
    const referral = aReferral({ familyName: 'Featherstonehaugh' })
    const written = (await api.post('/api/journeys', referral)).json<Written>()
    for (const find of [referral.crn, 'featherstonehaugh quillon', referral.reference]) {
      const answer = await api.post('/api/caseload/search', { find }, { 'x-after-position': written.position })
      expect(answer.statusCode, answer.body).toBe(200)
      expect(answer.json()).toMatchObject({ total: 1, rows: [{ journeyId: written.journeyId, crn: referral.crn }] })
    }
  })

  it('is filtered, sorted and paged', async () => {
    const { last } = await corrected()
    const answer = await api.post(
      '/api/caseload/search',
      { statuses: ['on_programme'], groupId: 'G014', sort: 'attended', direction: 'asc', page: 2, pageSize: 1 },
      { 'x-after-position': last.position },
    )
    expect(answer.json()).toMatchObject({ page: 2, pageSize: 1, empty: false, providers: ['North'], groups: ['G014'] })
    for (const row of answer.json<{ rows: { status: string }[] }>().rows) expect(row.status).toBe('on_programme')
  })

  it.each([
    [{ statuses: ['asleep'] }, 'statuses'],
    [{ statuses: 'on_programme' }, 'statuses'],
    [{ sort: 'shoe_size' }, 'sort'],
    [{ direction: 'up' }, 'direction'],
    [{ page: 0 }, 'page'],
    [{ page: '1' }, 'page'],
    [{ pageSize: 201 }, 'pageSize'],
    [{ pageSize: 1.5 }, 'pageSize'],
    [{ find: '' }, 'find'],
    [{ find: null }, 'find'],
    [{ find: 'x'.repeat(101) }, 'find'],
    [{ groupId: 'Quillon Ambrose' }, 'groupId'],
    [{ order: 'asc' }, 'order'],
  ])('refuses %j', async (search, field) => {
    const { errors } = expectProblem(await api.post('/api/caseload/search', search), 422, 'invalid_body')
    expect(errors.map((error) => error.field)).toEqual([field])
  })
})

describe('reference', () => {
  it('lists the programmes, and each version of one', async () => {
    const all = (await api.get('/api/programmes')).json<{ key: string; version: number; sessions: unknown[] }[]>()
    expect(all.map(({ key, version }) => [key, version])).toContainEqual(['bbr', 1])
    const one = await api.get('/api/programmes/bbr/1')
    expect(one.json<{ sessions: unknown[] }>().sessions).toHaveLength(33)
    for (const path of ['bbr/2', 'bbr/01', 'bbr/x', 'other/1', 'constructor/1'])
      expectProblem(await api.get(`/api/programmes/${path}`), 404, 'not_found')
  })

  it('explains every problem at the address of its type', async () => {
    const all = (await api.get('/api/problems')).json<{ type: string; code: string; status: number }[]>()
    expect(all.length).toBeGreaterThan(20)
    for (const kind of all) expect((await api.get(kind.type)).json()).toEqual(kind)
    expectProblem(await api.get('/api/problems/toString'), 404, 'not_found')
  })
})
