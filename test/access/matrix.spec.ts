/**
 * Every route against every role, and against those who are nobody: what answers is compared with a table that was written by
 * hand. A route that is not in the table fails, and so does one that is gone.
 */
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { roleCodes, type Role } from '../../src/access/policy.ts'
import { Sessions } from '../../src/access/sessions.ts'
import { AppModule } from '../../src/app.module.ts'
import { UploadedImports } from '../../src/exchange/uploaded-imports.ts'
import { configure } from '../../src/main.ts'
import { serverOptions } from '../../src/web/api/configure-api.ts'
import { sessionCookie } from '../../src/web/sign-in/cookies.ts'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { Test } from '@nestjs/testing'
import { HostileProvider } from '../support/hostile-provider.ts'
import { settingsIn } from '../support/runtime.ts'
import { personOfRole, sessionFor } from '../support/signed-in.ts'

/** Case manager, facilitator, treatment manager, auditor, data protection officer, partner-safety worker, administrator. */
const columns = 'C F T A D P O'
const everybody = 'C F T A D P O'
const readers = 'C F T A D . .'
const recorders = 'C F T . . . .'
const reviewers = '. . . A D . .'
const protectors = '. . . . D . .'
const limiters = '. . T . D . .'
const partnerWorkers = '. . . . . P .'
const operators = '. . . . . . O'
const open = 'public'

/** Written by hand from issue 22: who may ask for what. */
const table: Readonly<Record<string, string>> = {
  'GET /': readers,
  'POST /': readers,
  'GET /today': readers,
  'GET /journeys/:id': readers,
  'GET /journeys/:id/replay': readers,
  'GET /journeys/:id/replay/outline': readers,
  'GET /journeys/:id/replay/moments': readers,
  'GET /journeys/:id/compare': readers,
  'GET /journeys/:id/record': readers,
  'GET /journeys/:id/replay/table': readers,
  'GET /journeys/:id/replay/picture.svg': readers,
  'GET /journeys/:id/history': readers,
  'GET /journeys/:id/history.jsonl': readers,
  'GET /journeys/:id/looks': reviewers,
  'GET /rights': protectors,
  'GET /rights/retention': protectors,
  'GET /journeys/:id/rights/access-pack': protectors,
  'POST /journeys/:id/rights/access-pack': protectors,
  'GET /journeys/:id/rights/statement': protectors,
  'POST /journeys/:id/rights/statement': protectors,
  'GET /journeys/:id/rights/dispute': protectors,
  'POST /journeys/:id/rights/dispute': protectors,
  'GET /journeys/:id/rights/dispute/:item/settlement': protectors,
  'POST /journeys/:id/rights/dispute/:item/settlement': protectors,
  'GET /journeys/:id/rights': protectors,
  'GET /journeys/:id/rights/erasure': protectors,
  'POST /journeys/:id/rights/erasure': protectors,
  'GET /journeys/:id/rights/erasure/decision': protectors,
  'POST /journeys/:id/rights/erasure/decision': protectors,
  'GET /journeys/:id/rights/hold': protectors,
  'POST /journeys/:id/rights/hold': protectors,
  'GET /journeys/:id/rights/hold/:item/release': protectors,
  'POST /journeys/:id/rights/hold/:item/release': protectors,
  'GET /journeys/:id/access': limiters,
  'GET /journeys/:id/access/new': limiters,
  'POST /journeys/:id/access/new': limiters,
  'GET /journeys/:id/access/:limit/lift': limiters,
  'POST /journeys/:id/access/:limit/lift': limiters,
  'GET /journeys/:id/recorded': recorders,
  'GET /journeys/:id/details': recorders,
  'POST /journeys/:id/details': recorders,
  'GET /journeys/:id/details/corrected': recorders,
  'GET /journeys/:id/attendance': recorders,
  'POST /journeys/:id/attendance': recorders,
  'GET /journeys/:id/correction': recorders,
  'GET /journeys/:id/contact': recorders,
  'POST /journeys/:id/contact': recorders,
  'GET /journeys/:id/completion': recorders,
  'POST /journeys/:id/completion': recorders,
  'GET /journeys/:id/drop-out': recorders,
  'POST /journeys/:id/drop-out': recorders,
  'GET /journeys/:id/recategorisation': recorders,
  'POST /journeys/:id/recategorisation': recorders,
  'GET /groups': readers,
  'GET /groups/:group': readers,
  'GET /sessions/:session': readers,
  'POST /sessions/:session/carry-again': recorders,
  'GET /groups/new': recorders,
  'POST /groups/new': recorders,
  'GET /groups/:group/members/new': recorders,
  'POST /groups/:group/members/new': recorders,
  'GET /groups/:group/members/:journey/leave': recorders,
  'POST /groups/:group/members/:journey/leave': recorders,
  'GET /groups/:group/schedule': recorders,
  'POST /groups/:group/schedule': recorders,
  'GET /sessions/:session/move': recorders,
  'POST /sessions/:session/move': recorders,
  'GET /sessions/:session/cancel': recorders,
  'POST /sessions/:session/cancel': recorders,
  'GET /sessions/:session/register': recorders,
  'POST /sessions/:session/register': recorders,
  'GET /sessions/:session/correction/:journey': recorders,
  'POST /sessions/:session/correction/:journey': recorders,
  'GET /facilitators': readers,
  'GET /facilitators/:facilitator': readers,
  'GET /facilitators/new': recorders,
  'POST /facilitators/new': recorders,
  'GET /facilitators/:facilitator/training': recorders,
  'POST /facilitators/:facilitator/training': recorders,
  'GET /facilitators/:facilitator/support': recorders,
  'POST /facilitators/:facilitator/support': recorders,
  'GET /facilitators/:facilitator/leave': recorders,
  'POST /facilitators/:facilitator/leave': recorders,
  'GET /api/today': readers,
  'GET /groups/:group/calendar.ics': readers,
  'GET /facilitators/:facilitator/calendar.ics': readers,
  'GET /api/groups/:groupId/calendar.ics': readers,
  'GET /api/facilitators/:facilitatorId/calendar.ics': readers,
  'GET /api/facilitators': readers,
  'POST /api/facilitators': recorders,
  'POST /api/facilitators/:facilitatorId/training': recorders,
  'POST /api/facilitators/:facilitatorId/supervision': recorders,
  'POST /api/facilitators/:facilitatorId/debriefs': recorders,
  'POST /api/facilitators/:facilitatorId/departure': recorders,
  'GET /api/groups': readers,
  'GET /api/sessions/:sessionId': readers,
  'POST /api/groups': recorders,
  'POST /api/groups/:groupId/members': recorders,
  'POST /api/groups/:groupId/departures': recorders,
  'POST /api/groups/:groupId/sessions': recorders,
  'POST /api/sessions/:sessionId/moves': recorders,
  'POST /api/sessions/:sessionId/cancellation': recorders,
  'POST /api/sessions/:sessionId/delivery': recorders,
  'POST /api/sessions/:sessionId/register': recorders,
  'POST /api/sessions/:sessionId/register-corrections': recorders,
  'GET /import': recorders,
  'POST /import': recorders,
  'GET /import/template.csv': recorders,
  'GET /import/:upload': recorders,
  'POST /import/:upload': recorders,
  'GET /import/:upload/rejects.csv': recorders,
  'GET /journeys/:id/reinstatement': recorders,
  'POST /journeys/:id/reinstatement': recorders,
  'GET /journeys/:id/events/:revision/correct': recorders,
  'POST /journeys/:id/events/:revision/correct': recorders,
  'GET /journeys/:id/events/:revision/withdraw': recorders,
  'POST /journeys/:id/events/:revision/withdraw': recorders,
  'GET /evidence/checkpoint': open,
  'GET /evidence/tile/entries/*': reviewers,
  'GET /evidence/tile/:level/*': open,
  'GET /audit': reviewers,
  'POST /audit': reviewers,
  'GET /audit/people': reviewers,
  'GET /audit/streams/:stream': reviewers,
  'GET /audit/changes': reviewers,
  'GET /audit/packs/new': reviewers,
  'POST /audit/packs': reviewers,
  'GET /audit/packs/:pack': reviewers,
  'GET /audit/packs/:pack/download': reviewers,
  'GET /partner-safety': partnerWorkers,
  'GET /partner-safety/:record': partnerWorkers,
  'GET /partner-safety/:record/looks': partnerWorkers,
  'GET /partner-safety/:record/partner': partnerWorkers,
  'POST /partner-safety/:record/partner': partnerWorkers,
  'GET /partner-safety/:record/details': partnerWorkers,
  'POST /partner-safety/:record/details': partnerWorkers,
  'GET /partner-safety/:record/offer': partnerWorkers,
  'POST /partner-safety/:record/offer': partnerWorkers,
  'GET /partner-safety/:record/answer': partnerWorkers,
  'POST /partner-safety/:record/answer': partnerWorkers,
  'GET /partner-safety/:record/contact': partnerWorkers,
  'POST /partner-safety/:record/contact': partnerWorkers,
  'GET /partner-safety/:record/concern': partnerWorkers,
  'POST /partner-safety/:record/concern': partnerWorkers,
  'GET /partner-safety/:record/concerns/:item/pass-on': partnerWorkers,
  'POST /partner-safety/:record/concerns/:item/pass-on': partnerWorkers,
  'GET /partner-safety/:record/concerns/:item/settle': partnerWorkers,
  'POST /partner-safety/:record/concerns/:item/settle': partnerWorkers,
  'GET /partner-safety/:record/entries/:item/withdraw': partnerWorkers,
  'POST /partner-safety/:record/entries/:item/withdraw': partnerWorkers,
  'GET /partner-safety/:record/close': partnerWorkers,
  'POST /partner-safety/:record/close': partnerWorkers,
  'GET /journeys/:id/partner-contact': recorders,
  'POST /journeys/:id/partner-contact': recorders,
  'GET /registers': reviewers,
  'GET /registers/:name': reviewers,
  'GET /registers/:name/rows.csv': reviewers,
  'GET /registers/:name/rows.jsonl': reviewers,
  'POST /registers/views': reviewers,
  'POST /registers/views/:view/delete': reviewers,
  'GET /questions/:name': reviewers,
  'GET /live': 'C F T A D . O',
  'GET /operations': operators,
  'POST /operations/reprocess': operators,
  'GET /alerts': reviewers,
  'GET /account': everybody,
  'GET /account/looks': everybody,
  'GET /sign-in/home': everybody,
  'GET /sign-in': open,
  'GET /sign-in/callback': open,
  'POST /sign-out': open,
  'GET /signed-out': open,
  'POST /sign-out/back-channel': open,
  'GET /metrics': open,
  'GET /assets/*': open,
  'GET /api/docs': open,
  'GET /api/openapi.json': open,
  'GET /api/health/live': open,
  'GET /api/health/ready': open,
  'GET /api/problems': open,
  'GET /api/problems/:code': open,
  'GET /api/programmes': open,
  'GET /api/programmes/:key/:version': open,
  'POST /api/caseload/search': readers,
  'GET /api/journeys/:journeyId': readers,
  'GET /api/journeys/:journeyId/timeline': readers,
  'GET /api/journeys/:journeyId/replay': readers,
  'GET /api/journeys/:journeyId/history': readers,
  'GET /api/journeys/:journeyId/live': readers,
  'POST /api/journeys': recorders,
  'POST /api/journeys/:journeyId/details-corrections': recorders,
  'POST /api/journeys/:journeyId/eligibility': recorders,
  'POST /api/journeys/:journeyId/suitability': recorders,
  'POST /api/journeys/:journeyId/allocation': recorders,
}

let app: NestFastifyApplication
let provider: HostileProvider
const routes: { readonly method: string; readonly url: string }[] = []
const dataDir = mkdtempSync(join(tmpdir(), 'throughline-matrix-'))
beforeAll(async () => {
  provider = await HostileProvider.start()
  const config = settingsIn(dataDir, {
    OIDC_ISSUER: provider.issuer,
    OIDC_CLIENT_ID: 'throughline',
    OIDC_AUDIENCE: 'urn:throughline:api',
    RATE_LIMIT: '0',
  })
  const modules = await Test.createTestingModule({ imports: [AppModule.forRoot(config)] }).compile()
  app = modules.createNestApplication<NestFastifyApplication>(new FastifyAdapter(serverOptions(config)), {
    logger: false,
  })
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) if (one !== 'HEAD') routes.push({ method: one, url })
    })
  await configure(app)
  await app.init()
})
afterAll(async () => {
  await app.close()
  await provider.stop()
  rmSync(dataDir, { recursive: true })
})

const idOfNobody = '00000000-0000-4000-8000-000000000000'

/** An address of the pattern, of a journey that is not there. A stream would not end, so it is asked for no topic at all. */
const addressOf = (url: string) =>
  url
    .replace('*', 'app.css')
    .replace(/:version/, '1')
    .replace(/:key/, 'bbr')
    .replace(/:code/, 'forbidden')
    .replace(/:\w+/g, idOfNobody)

/** The media type and the body that a route takes; `fields` has the token of a form. */
function bodyFor(url: string, fields: string): readonly [type: string, payload: string] {
  if (url.startsWith('/api/')) return ['application/json', '{}']
  if (url !== '/import') return ['application/x-www-form-urlencoded', fields]
  const parts = [...new URLSearchParams(fields)].map(
    ([name, value]) => `--part\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  return ['multipart/form-data; boundary=part', `${parts.join('')}--part--\r\n`]
}

type Answer = 'let in' | 'refused' | 'not signed in'

/** A route lets somebody in that goes on to look at what was asked for, whatever it then makes of it. */
async function ask({ method, url }: { method: string; url: string }, headers: Record<string, string>): Promise<Answer> {
  const [type, payload] = bodyFor(url, headers['x-spec-form'] ?? '')
  const {
    statusCode,
    headers: answered,
    body,
  } = await app.inject({
    method: method as 'GET',
    url: addressOf(url),
    headers: {
      host: 'localhost',
      ...headers,
      ...(method === 'POST' && { 'content-type': type }),
    },
    ...(method === 'POST' && { payload }),
  })
  expect(statusCode, `${method} ${url}`).not.toBe(500)
  if (statusCode === 401) return 'not signed in'
  if (statusCode === 303 && String(answered.location).startsWith('/sign-in?')) return 'not signed in'
  return statusCode === 403 && /role does not allow|You cannot see this/.test(body) ? 'refused' : 'let in'
}

/** The token that every form of a page carries, and the cookie it goes with. */
async function formToken(cookie: string): Promise<Record<string, string>> {
  const page = await app.inject({ url: '/signed-out', headers: { host: 'localhost', cookie } })
  const csrf = page.cookies.find(({ name }) => name === '_csrf')!
  const account = await app.inject({
    url: '/account',
    headers: { host: 'localhost', cookie: `${cookie}; _csrf=${csrf.value}` },
  })
  const token = /name="_csrf" value="([^"]+)"/.exec(account.body)?.[1]
  return { cookie: `${cookie}; _csrf=${csrf.value}`, 'x-spec-form': `_csrf=${encodeURIComponent(token ?? '')}` }
}

const commands = () => routes.filter(({ method, url }) => method === 'POST' && url.startsWith('/api/journeys'))
const expectedOf = ({ method, url }: { method: string; url: string }): string | undefined =>
  table[`${method} ${url}`] ?? (commands().some((one) => one.url === url) ? recorders : undefined)

it('knows every route there is, and no other', () => {
  const known = new Set(routes.map(({ method, url }) => `${method} ${url}`))
  expect(
    [...known].filter(
      (route) =>
        !(route in table) && !/^POST \/api\/journeys\/:journeyId\/[a-z-]+(\/:sessionId\/[a-z-]+)?$/.test(route),
    ),
  ).toEqual([])
  expect(Object.keys(table).filter((route) => !known.has(route))).toEqual([])
})

it.each(roleCodes)('lets a %s in where the table says so, and nowhere else', async (role: Role) => {
  const column = columns.split(' ')[roleCodes.indexOf(role)]!
  const session = await sessionFor(app, personOfRole(role))
  const asked = await formToken(`${sessionCookie}=${session}`)
  const wrong: string[] = []
  for (const route of routes) {
    const expected = expectedOf(route)
    // Signing out last: it would end the session that all others are asked with.
    if (route.url === '/sign-out') continue
    const answer = await ask(route, asked)
    const may = expected === open || expected?.split(' ').includes(column)
    const right = expected === open ? answer !== 'refused' : answer === (may ? 'let in' : 'refused')
    if (!right) wrong.push(`${route.method} ${route.url}: ${answer}`)
  }
  expect(wrong).toEqual([])
  expect(await ask({ method: 'POST', url: '/sign-out' }, asked)).toBe('let in')
  expect(await ask({ method: 'GET', url: '/account' }, asked)).toBe('not signed in')
})

const strangers: readonly (readonly [string, () => Promise<Record<string, string>>])[] = [
  ['nobody', async () => ({})],
  [
    'somebody whose session is over',
    async () => {
      const session = await sessionFor(app, personOfRole('case_manager'))
      const sessions = app.get(Sessions)
      await sessions.end((await sessions.of(session))!.id)
      return { cookie: `${sessionCookie}=${session}` }
    },
  ],
  ['somebody with a made-up session', async () => ({ cookie: `${sessionCookie}=${'A'.repeat(43)}` })],
  ['a program whose token is for another API', async () => tokenWith({ aud: 'urn:another' })],
  ['a program whose token has expired', async () => tokenWith({ exp: 1_000_000_000 })],
  ['a program whose token names no role', async () => tokenWith({ role: 'nobody' })],
]

async function tokenWith(claims: object): Promise<Record<string, string>> {
  const token = await provider.token(
    { aud: 'urn:throughline:api', role: 'case_manager' },
    { typ: 'at+jwt', claims: claims as never },
  )
  return { authorization: `Bearer ${token}` }
}

it.each(strangers)('lets %s in only where nothing is said about anybody', async (_name, headers) => {
  const asked = { ...(await headers()), ...(await formToken('none=none')), ...(await headers()) }
  const wrong: string[] = []
  for (const route of routes) {
    const answer = await ask(route, asked)
    const isOpen = expectedOf(route) === open
    // A form of a page needs the token of a form before anything else, which nobody has who is not signed in.
    const isForm = route.method === 'POST' && !route.url.startsWith('/api/')
    if (!isOpen && !isForm && answer !== 'not signed in') wrong.push(`${route.method} ${route.url}: ${answer}`)
  }
  expect(wrong).toEqual([])
})

it('lets a program in by its token as its role says, on the API alone', async () => {
  for (const role of ['case_manager', 'administrator'] as const) {
    const asked = await tokenWith({ role })
    expect(await ask({ method: 'GET', url: '/api/journeys/:journeyId' }, asked)).toBe(
      role === 'case_manager' ? 'let in' : 'refused',
    )
    expect(await ask({ method: 'GET', url: '/account' }, asked)).toBe('not signed in')
  }
})

it('reads no file from who may not record', async () => {
  const uploads = app.get(UploadedImports)
  const placeForFile = vi.spyOn(uploads, 'placeForFile')
  onTestFinished(() => placeForFile.mockRestore())
  const send = (cookie: string) =>
    app.inject({
      method: 'POST',
      url: '/import',
      headers: { host: 'localhost', cookie, 'content-type': 'multipart/form-data; boundary=part' },
      payload: `--part\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\nreference\r\n--part--\r\n`,
    })
  expect((await send('none=none')).statusCode).toBe(401)
  expect((await send(`${sessionCookie}=${await sessionFor(app, personOfRole('auditor'))}`)).statusCode).toBe(403)
  expect(placeForFile).not.toHaveBeenCalled()
  // The token of a form is missing, which is seen once the form is read.
  expect((await send(`${sessionCookie}=${await sessionFor(app, personOfRole('case_manager'))}`)).statusCode).toBe(403)
  expect(placeForFile).toHaveBeenCalledOnce()
})
