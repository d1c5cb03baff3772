import { HttpException, NotFoundException, type ArgumentsHost } from '@nestjs/common'
import { beforeEach, describe, expect, it } from 'vitest'
import { Forbidden } from '../../src/access/policy.ts'
import { StaleRevision } from '../../src/commands/decide-and-append.ts'
import { PoisonEvent } from '../../src/domain/codec.ts'
import { Refusal } from '../../src/domain/history.ts'
import { StoreUnavailable } from '../../src/event-store/store-errors.ts'
import { KeyMissing, KeysBusy, SealBroken } from '../../src/protection/vault.ts'
import { BadAddress, PagesFilter } from '../../src/web/errors/pages.filter.ts'

describe('an error page', () => {
  it.each([
    [new BadAddress('No such clock.', 'Use clock=known.'), 400, 'Use clock=known.'],
    [new Refusal('journey_ended', 'This journey has ended.'), 400, 'This journey has ended.'],
    [new Forbidden(), 403, 'Your role does not allow this.'],
    [new HttpException('x', 403, { cause: { code: 'FST_CSRF_INVALID_TOKEN' } }), 403, 'Nothing was recorded'],
    [new NotFoundException(), 404, 'check it is correct'],
    [new StaleRevision(3, 4), 409, 'changed since you opened it'],
    [Object.assign(new Error('x'), { code: 'SQLITE_FULL' }), 507, 'The disk is full'],
    [new HttpException('x', 415), 415, 'Nothing was recorded'],
    [new HttpException('x', 413), 413, 'shorten the note'],
    [new HttpException('x', 429), 429, 'Wait a minute'],
    [new PoisonEvent('journey-1', 3, 'unknown event type Secret'), 409, 'This journey cannot be read'],
    [new SealBroken('journey-1/2'), 409, 'This journey cannot be read'],
    [new KeyMissing('1'), 409, 'newest copy of the keys'],
    [new StoreUnavailable({ cause: new Error('ECONNREFUSED 10.0.0.7:2113') }), 503, 'The log cannot be reached'],
    [new KeysBusy(), 503, 'busy'],
    [Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' }), 503, 'busy'],
    [new Error('SELECT * FROM secrets'), 500, 'What went wrong was noted'],
  ])('for %o says what to do next', async (error, status, words) => {
    const said = await answer(error, '/journeys/1')
    expect(said.status).toBe(status)
    expect(said.body).toContain(words)
  })

  it('keeps what broke to itself', async () => {
    for (const error of [
      new Error('SELECT * FROM secrets'),
      new StoreUnavailable({ cause: new Error('ECONNREFUSED 10.0.0.7:2113') }),
    ]) {
      expect((await answer(error, '/')).body).not.toMatch(/secrets|ECONNREFUSED|10\.0\.0\.7/)
    }
  })

  it('leaves where it broke in the log, and not what it said', async () => {
    await answer(new TypeError('no such column: Quillon'), '/journeys/1')
    expect(logged).toEqual([
      expect.objectContaining({
        requestId: 'r1',
        route: 'GET /pattern',
        fault: 'TypeError',
        at: expect.any(Array) as unknown,
      }),
    ])
    expect(JSON.stringify(logged)).not.toMatch(/Quillon|journeys\/1/)
  })

  it('that is nobody’s fault here is not logged as one', async () => {
    for (const error of [new StoreUnavailable(), new NotFoundException(), new Forbidden()]) await answer(error, '/')
    expect(logged).toEqual([])
  })

  it('is a problem of its own kind where a program asked', async () => {
    const { type, body } = await answer(new NotFoundException(), '/api/nothing')
    expect(type).toBe('application/problem+json')
    expect(JSON.parse(body)).toMatchObject({ status: 404 })
  })
})

const logged: object[] = []
beforeEach(() => void (logged.length = 0))

async function answer(error: unknown, url: string) {
  const said = { status: 0, type: 'text/html', body: '' }
  const reply = {
    sent: false,
    raw: { headersSent: false },
    status(status: number) {
      said.status = status
      return reply
    },
    header: () => reply,
    type(type: string) {
      said.type = type
      return reply
    },
    send: (body: string) => (said.body = body),
    view: (_template: string, model: object) => (said.body = JSON.stringify(model)),
  }
  const host = {
    switchToHttp: () => ({
      getResponse: () => reply,
      getRequest: () => ({ url, method: 'GET', id: 'r1', routeOptions: { url: '/pattern' } }),
    }),
  }
  const log = { error: (about: object) => void logged.push(about) }
  await new PagesFilter(log).catch(error, host as unknown as ArgumentsHost)
  return said
}
