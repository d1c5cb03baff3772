import { describe, expect, it } from 'vitest'
import { request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Refusal } from '../../src/domain/history.ts'
import { StoreUnavailable, ConcurrencyConflict } from '../../src/event-store/store-errors.ts'
import { KeysBusy } from '../../src/protection/vault.ts'
import { problemFrom, type ProblemCode } from '../../src/web/api/problems.ts'
import { countEvents } from '../support/runtime.ts'
import { aReferral, expectProblem, running } from './support.ts'

const api = running()

describe('a body', () => {
  it.each([
    '',
    '{',
    '{"a":}',
    'null x',
    '{"occurredOn":"2025-01-01"',
    '\u0000',
    '{"__proto__":{"x":1}}',
    '{"constructor":{"prototype":{"x":1}}}',
  ])('that is not JSON: %j', async (body) => {
    expectProblem(await api.post('/api/journeys', body), 400, 'malformed_json')
  })

  it.each(['null', '[]', '[{}]', '"text"', '1', 'true'])('that is JSON but no object: %s', async (body) => {
    expectProblem(await api.post('/api/journeys', body), 422, 'invalid_body')
  })

  it('that is nested ever deeper', async () => {
    const deep = '['.repeat(30_000) + ']'.repeat(30_000)
    const { errors } = expectProblem(await api.post('/api/journeys', `{"note":${deep}}`), 422, 'invalid_body')
    expect(errors).toContainEqual({ field: 'note', message: 'must not hold other objects' })
    expectProblem(await api.post('/api/journeys', deep), 422, 'invalid_body')
  })

  it('larger than 64 KiB', async () => {
    expectProblem(await api.post('/api/journeys', { note: 'x'.repeat(70_000) }), 413, 'body_too_large')
    expectProblem(await api.post('/api/journeys', `{"note":"${'é'.repeat(33_000)}"}`), 413, 'body_too_large')
  })

  it.each([
    undefined,
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
    'application/xml',
  ])('declared as %s', async (type) => {
    const answer = await api.app.inject({
      method: 'POST',
      url: '/api/journeys',
      headers: type === undefined ? {} : { 'content-type': type },
      payload: Buffer.from(JSON.stringify(aReferral())),
    })
    expectProblem(answer, 415, 'not_json')
  })

  it('declared as JSON with a charset is fine', async () => {
    const answer = await api.post('/api/journeys', aReferral(), { 'content-type': 'Application/JSON; charset=utf-8' })
    expect(answer.statusCode, answer.body).toBe(201)
  })
})

describe('fields', () => {
  it('all that are wrong are named at once', async () => {
    const { errors } = expectProblem(
      await api.post('/api/journeys', { crn: 'x', occuredOn: '2025-01-01' }),
      422,
      'invalid_body',
    )
    expect(errors.map(({ field }) => field).sort()).toEqual(
      [
        'crn',
        'dateOfBirth',
        'familyName',
        'givenNames',
        'occuredOn',
        'occurredOn',
        'programme',
        'provider',
        'reference',
        'referralSource',
      ].sort(),
    )
    expect(errors.find(({ field }) => field === 'occuredOn')!.message).toBe('is not a field of this request')
  })

  it.each([
    'constructor',
    'hasOwnProperty',
    'toString',
    '__defineGetter__',
    'then',
    'commandId',
    'source',
    'recordedAt',
    'participantId',
    'sealed',
    'asWritten',
  ])('unknown: %s', async (field) => {
    const id = await api.journey()
    const answer = await api.post(
      `/api/journeys/${id}/warnings`,
      `{"occurredOn":"2025-02-01","${field}":"Quillon Ambrose"}`,
    )
    expect(expectProblem(answer, 422, 'invalid_body').errors).toEqual([
      { field, message: 'is not a field of this request' },
    ])
  })

  it('whose name is not a name is not said back', async () => {
    const { errors } = expectProblem(
      await api.post('/api/caseload/search', { 'Marker-Smythe, Quillon <script>': 1 }),
      422,
      'invalid_body',
    )
    expect(errors[0]!.field).toBe('(not a field name)')
  })

  it.each([
    ['2025-02-29'],
    ['2025-13-01'],
    ['2025-00-10'],
    ['2025-04-31'],
    ['1900-02-29'],
    ['25-01-01'],
    ['01/02/2025'],
    ['2025-1-1'],
    ['2025-01-01T00:00:00Z'],
    [' 2025-01-01'],
    ['2025-01-01\n'],
    ['٢٠٢٥-٠١-٠١'],
    ['1899-12-31'],
    [''],
    [20250101],
    [null],
    [true],
    [['2025-01-01']],
    [{ $date: 1 }],
  ])('a day that is none: %j', async (occurredOn) => {
    const id = await api.journey()
    const { errors } = expectProblem(
      await api.post(`/api/journeys/${id}/warnings`, { occurredOn }),
      422,
      'invalid_body',
    )
    expect(errors.map(({ field }) => field)).toEqual(['occurredOn'])
  })

  it.each([
    ['crn', 'z123456'],
    ['crn', 'Z12345'],
    ['crn', 'Z123456 '],
    ['crn', 123456],
    ['familyName', ''],
    ['familyName', '   '],
    ['familyName', 'x'.repeat(101)],
    ['familyName', 'a\u0000b'],
    ['familyName', '\ud800'],
    ['familyName', ['x']],
    ['programme', 'BBR'],
    ['programme', 'other'],
    ['provider', 'x'.repeat(61)],
    ['provider', '<b>'],
    ['referralSource', 'friend'],
    ['reference', ''],
    ['reference', 'R\t1'],
    ['reference', 'R\n1'],
    ['reference', 'R\r\n1'],
    ['reference', 'R\u001b[31m1'],
    ['reference', 'R\u00851'],
    ['reference', 'R\u20281'],
    ['familyName', 'two\nlines'],
    ['givenNames', 'a\ttab'],
    ['note', 'x'.repeat(4_001)],
    ['note', 7],
    ['note', null],
  ])('%s: %j', async (field, value) => {
    const { errors } = expectProblem(
      await api.post('/api/journeys', aReferral({ [field]: value })),
      422,
      'invalid_body',
    )
    expect(errors.map((error) => error.field)).toEqual([field])
  })

  it.each([
    ['outcome', 'attc'],
    ['outcome', 'constructor'],
    ['sessionId', 'f1'],
    ['groupId', 'Tuesdays'],
    ['groupId', 'G 1'],
    ['plannedFacilitators', 'F011'],
    ['plannedFacilitators', ['Jo Bloggs']],
    ['actualFacilitators', ['F011', 'F011']],
    ['actualFacilitators', Array.from({ length: 11 }, (_, i) => `F${i}`)],
    ['actualFacilitators', [1]],
    ['actualFacilitators', [['F011']]],
  ])('of a session, %s: %j', async (field, value) => {
    const id = await api.journey()
    const session = { occurredOn: '2025-02-03', sessionId: 'F1', outcome: 'ATTC', [field]: value }
    const { errors } = expectProblem(await api.post(`/api/journeys/${id}/attendance`, session), 422, 'invalid_body')
    expect(errors.map((error) => error.field)).toEqual([field])
  })

  it('of writing may be of any script, with line breaks', async () => {
    const answer = await api.post(
      '/api/journeys',
      aReferral({ familyName: 'Ní Bhriain-Özdemir', givenNames: '李 明', note: 'Line one\nLine two\t– “quoted” 😀' }),
    )
    expect(answer.statusCode, answer.body).toBe(201)
  })
})

describe('an address', () => {
  it.each([
    '/api',
    '/api/',
    '/api/nothing',
    '/api/journeys/',
    '/api?x=1',
    '/api/journeys/x/y/z',
    `/api/${'x'.repeat(3_000)}`,
    '/api/docs/index.html',
  ])('that leads nowhere: %s', async (url) => {
    expectProblem(await api.get(url), 404, 'not_found')
    expectProblem(await api.post(url, {}), 404, 'not_found')
  })

  it.each(['/api/%', '/api/journeys/%zz', '/api/%c0%ae'])('that cannot be decoded: %s', async (url) => {
    const answer = await api.get(url)
    expectProblem(answer, 400, 'malformed_request')
    expect(answer.body).not.toContain('zz')
  })

  it('asked by another method says which it knows', async () => {
    const id = await api.journey()
    const answer = await api.app.inject({ method: 'DELETE', url: `/api/journeys/${id}` })
    expectProblem(answer, 405, 'method_not_allowed')
    expect(answer.headers.allow).toBe('GET, HEAD')
    expectProblem(await api.get('/api/caseload/search'), 405, 'method_not_allowed')
    expectProblem(await api.app.inject({ method: 'OPTIONS', url: '/api/journeys' }), 405, 'method_not_allowed')
  })

  it('outside the API is none of its business', async () => {
    const answer = await api.get('/apiary')
    expect(answer.headers['content-type']).not.toMatch(/problem/)
    expect(answer.headers['x-request-id']).toBeUndefined()
  })
})

describe('every answer', () => {
  it('is kept by nobody in between, and has an id of its own', async () => {
    const answers = [
      await api.get('/api/programmes'),
      await api.get('/api/nothing'),
      await api.post('/api/journeys', '{'),
      await api.get('/api/docs'),
      await api.get('/api/openapi.json'),
    ]
    for (const { headers } of answers) {
      expect(headers['cache-control']).toBe('no-store')
      expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
      expect(headers['access-control-allow-origin']).toBeUndefined()
    }
    expect(new Set(answers.map(({ headers }) => headers['x-request-id'])).size).toBe(answers.length)
    expect(answers[1]!.json<{ instance: string }>().instance).toBe(
      `urn:uuid:${String(answers[1]!.headers['x-request-id'])}`,
    )
  })

  it('that says no repeats nothing that was sent, and nothing of it is logged', async () => {
    const marker = 'Zzyzx-Marker'
    const id = await api.journey()
    const answers = [
      await api.post(
        '/api/journeys',
        aReferral({ familyName: `${marker}\u0007`, crn: marker, reference: marker.repeat(20) }),
      ),
      await api.post('/api/journeys', `{"familyName":"${marker}`),
      await api.post(`/api/journeys/${id}/attendance`, {
        occurredOn: marker,
        sessionId: marker,
        outcome: marker,
        groupId: marker,
      }),
      await api.post(`/api/journeys/${id}/warnings`, { occurredOn: '2999-01-01', note: marker }),
      await api.post(
        `/api/journeys/${id}/warnings`,
        { occurredOn: '2025-02-01' },
        { 'idempotency-key': `${marker} ${marker}` },
      ),
      await api.post(`/api/journeys/${id}/warnings`, { occurredOn: '2025-02-01' }, { 'if-match': marker }),
      await api.get(`/api/journeys/${marker}`),
      await api.get(`/api/${marker}?find=${marker}`),
      await api.get(`/api/%zz${marker}`),
      await api.get(`/api/journeys/${id}?after=${marker}`),
    ]
    for (const answer of answers) {
      expect(answer.statusCode).toBeGreaterThanOrEqual(400)
      expect(answer.statusCode).toBeLessThan(500)
      expect(JSON.stringify(answer.headers) + answer.body).not.toContain(marker)
    }
    expect(api.logged).toEqual([])
  })

  it('that says no leaves the log as it was', async () => {
    const id = await api.journey()
    const before = await countEvents(api.runtime)
    await api.post('/api/journeys', aReferral({ extra: 1 }))
    await api.post('/api/journeys', aReferral({ occurredOn: '2999-01-01' }))
    await api.post(`/api/journeys/${id}/warnings`, { occurredOn: '2025-02-30' })
    await api.post(`/api/journeys/${id}/warnings`, { occurredOn: '2025-02-01' }, { 'if-match': '"7"' })
    expect(await countEvents(api.runtime)).toBe(before)
  })
})

describe('what goes wrong within', () => {
  it.each<[unknown, ProblemCode, number]>([
    [new StoreUnavailable(), 'store_unavailable', 503],
    [new ConcurrencyConflict('journey-x'), 'busy', 409],
    [Object.assign(new Error('connect'), { code: 'ECONNREFUSED', syscall: 'connect' }), 'read_models_unavailable', 503],
    [Object.assign(new Error('Quillon'), { code: '57P01' }), 'read_models_unavailable', 503],
    [Object.assign(new Error('Quillon'), { code: '42P01' }), 'unexpected', 500],
    [new Refusal('something_new', 'A rule nobody has described yet.'), 'refused', 409],
    [Object.assign(new Error('Quillon'), { code: 'SQLITE_FULL' }), 'storage_full', 507],
    [Object.assign(new Error('Quillon'), { code: 'ERR_SQLITE_ERROR', errcode: 13 }), 'storage_full', 507],
    [Object.assign(new Error('Quillon'), { code: 'ERR_SQLITE_ERROR', errcode: 517 }), 'database_busy', 503],
    [Object.assign(new Error('Quillon'), { code: 'SQLITE_BUSY' }), 'database_busy', 503],
    [new KeysBusy(), 'database_busy', 503],
    [Object.assign(new Error('slow down'), { statusCode: 429 }), 'too_many_requests', 429],
    [new TypeError('Quillon is not a function'), 'unexpected', 500],
    ['thrown text', 'unexpected', 500],
    [null, 'unexpected', 500],
  ])('%s is %s', (error, code, status) => {
    const problem = problemFrom(error)
    expect([problem.code, problem.status]).toEqual([code, status])
    expect(JSON.stringify(problem.body('x'))).not.toMatch(/Quillon|slow down|thrown/)
  })

  it('is answered without what it was, and logged without what it said', async () => {
    const { journeys } = { journeys: api.runtime.readModels }
    const asOf = journeys.asOf
    journeys.asOf = () => Promise.reject(new TypeError('no such column: Quillon'))
    try {
      const id = await api.journey()
      const problem = expectProblem(await api.get(`/api/journeys/${id}`), 500, 'unexpected')
      expect(JSON.stringify(problem)).not.toMatch(/Quillon|TypeError|\.ts/)
      expect(api.logged).toHaveLength(1)
      expect(api.logged[0]).toMatchObject({ fault: 'TypeError', route: 'GET /api/journeys/:journeyId' })
      expect(JSON.stringify(api.logged)).not.toMatch(/Quillon|no such column/)
    } finally {
      journeys.asOf = asOf
      api.logged.length = 0
    }
  })
})

describe('over the wire', () => {
  it('an over-long body is refused, whatever it says of its length', async () => {
    const server = await listening()
    const status = await new Promise<number>((resolve, reject) => {
      const request = httpRequest(
        {
          port: server.port,
          method: 'POST',
          path: '/api/journeys',
          headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
        },
        (response) => {
          response.resume()
          resolve(response.statusCode!)
        },
      )
      request.on('error', reject)
      for (let i = 0; i < 40; i++) request.write('x'.repeat(4_096))
      request.end()
    })
    expect(status).toBe(413)
  })
})

async function listening(): Promise<{ port: number }> {
  const { server } = api.app.getHttpAdapter().getInstance()
  if (!server.listening) await api.app.listen(0, '127.0.0.1')
  return { port: (server.address() as AddressInfo).port }
}
