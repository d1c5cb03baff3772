/**
 * Cases that some may not see: every route that names a journey, and every page that could name one, is asked by every role for
 * a man whom nothing limits, one who is excluded for the asker, and one who is restricted to others. What answers is compared
 * with a table that was written by hand, and with what is answered of a man who does not exist.
 */
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { Test } from '@nestjs/testing'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lastValueFrom, toArray } from 'rxjs'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { askingAs } from '../../src/access/asking.ts'
import type { Role } from '../../src/access/policy.ts'
import { Reach, type KnownLimits } from '../../src/access/reach.ts'
import { AppModule } from '../../src/app.module.ts'
import { LimitedAccessCommandHandler } from '../../src/commands/limited-access-command-handler.ts'
import { dayOf } from '../../src/domain/calendar.ts'
import { EventIndexFollower } from '../../src/audit/event-index-follower.ts'
import { configure } from '../../src/main.ts'
import { LiveJourneys } from '../../src/queries/live.ts'
import { LimitedCases } from '../../src/reach/limited-cases.ts'
import { RUNTIME, waitUntilCaughtUp, type Runtime } from '../../src/runtime/runtime.ts'
import { serverOptions } from '../../src/web/api/configure-api.ts'
import { sessionCookie } from '../../src/web/sign-in/cookies.ts'
import { settingsIn } from '../support/runtime.ts'
import { personOfRole, sessionFor } from '../support/signed-in.ts'

const readers = ['case_manager', 'facilitator', 'treatment_manager', 'auditor', 'data_protection_officer'] as const
type Case = 'unlimited' | 'excluded' | 'restricted'

/** By hand: whose case is seen by somebody who is excluded from one and not named for another, and by whom both leave alone. */
const table: Readonly<Record<(typeof readers)[number], Readonly<Record<'outsider' | 'insider', readonly Case[]>>>> = {
  case_manager: { outsider: ['unlimited'], insider: ['unlimited', 'excluded', 'restricted'] },
  facilitator: { outsider: ['unlimited'], insider: ['unlimited', 'excluded', 'restricted'] },
  treatment_manager: { outsider: ['unlimited'], insider: ['unlimited', 'excluded', 'restricted'] },
  auditor: { outsider: ['unlimited'], insider: ['unlimited', 'excluded', 'restricted'] },
  // Somebody has to be able to lift a restriction; an exclusion holds for him like for anybody.
  data_protection_officer: { outsider: ['unlimited', 'restricted'], insider: ['unlimited', 'excluded', 'restricted'] },
}

interface Man {
  readonly journeyId: string
  readonly participantId: string
  /** Whatever names him, in an answer or in a file. */
  readonly marks: readonly string[]
}

let app: NestFastifyApplication
let men: Record<Case, Man>
let groupId: string
let sessionId: string
const routes: { readonly method: string; readonly url: string }[] = []
const dataDir = mkdtempSync(join(tmpdir(), 'throughline-limited-'))
const runtime = () => app.get<Runtime>(RUNTIME)

const personAs = (role: Role, where: 'outsider' | 'insider') => ({
  ...personOfRole(role),
  id: `${where}-${role.replaceAll('_', '-')}`,
})
const officer = { ...personOfRole('data_protection_officer'), id: 'the-officer' }
const cookies = new Map<string, string>()
async function cookieOf(person: Parameters<typeof sessionFor>[1]): Promise<string> {
  const known = cookies.get(person.id) ?? `${sessionCookie}=${await sessionFor(app, person)}`
  cookies.set(person.id, known)
  return known
}

async function post(
  url: string,
  payload: object,
  person: Parameters<typeof sessionFor>[1] = personOfRole('case_manager'),
) {
  const headers = { host: 'localhost', cookie: await cookieOf(person) }
  // All of it is long ago.
  const confirmed = { ...payload, confirmedOddities: ['far_from_today'] }
  return app.inject({ method: 'POST', url, payload: confirmed, headers })
}

async function referred(of: Case): Promise<Man> {
  const [crn, familyName, reference] = [`X9000${String(of.length).padStart(2, '0')}`, `Mark${of}son`, `REF-${of}-1`]
  const answer = await post('/api/journeys', {
    occurredOn: '2025-01-10',
    crn,
    familyName,
    givenNames: 'Tester',
    dateOfBirth: '1980-01-01',
    programme: 'bbr',
    provider: 'North',
    referralSource: 'court_requirement',
    reference,
  })
  expect(answer.statusCode, answer.body).toBe(201)
  const { journeyId } = answer.json<{ journeyId: string }>()
  const participantId = runtime().vault.find('crn', crn)!
  return { journeyId, participantId, marks: [crn, familyName, reference, journeyId, participantId] }
}

const lengthOf = async (journeyId: string) =>
  (await Array.fromAsync(runtime().store.read(`journey-${journeyId}`))).length

/** Recorded now, and known to everything that answers. */
async function settled(): Promise<void> {
  await waitUntilCaughtUp(runtime())
  const end = await runtime().store.headPositionOf(['journey', 'participant', 'group', 'session', 'limitedaccess'])
  await app.get(EventIndexFollower).catchUpTo(end)
}

beforeAll(async () => {
  const config = settingsIn(dataDir, { RATE_LIMIT: '0' })
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
  men = {
    unlimited: await referred('unlimited'),
    excluded: await referred('excluded'),
    restricted: await referred('restricted'),
  }
  const staff = [{ facilitator: 'F012', role: 'lead' }]
  const formed = await post('/api/groups', {
    ...{ occurredOn: '2025-02-01', code: 'G701', programme: 'bbr', provider: 'North', place: 'Mill Lane' },
    ...{ weekday: 2, startsAt: '18:30', minutes: 150, capacity: 8, facilitators: staff },
  })
  expect(formed.statusCode, formed.body).toBe(201)
  groupId = formed.json<{ ids: string[] }>().ids[0]!
  for (const { journeyId } of Object.values(men)) {
    const joined = await post(`/api/groups/${groupId}/members`, { occurredOn: '2025-02-02', journeyId })
    expect(joined.statusCode, joined.body).toBe(201)
  }
  const sessions = [{ programmeSession: 'F1', on: '2025-03-04' }]
  const scheduled = await post(`/api/groups/${groupId}/sessions`, { occurredOn: '2025-02-03', sessions })
  expect(scheduled.statusCode, scheduled.body).toBe(201)
  sessionId = scheduled.json<{ ids: string[] }>().ids[0]!
  const delivered = await post(`/api/sessions/${sessionId}/delivery`, {
    ...{ occurredOn: '2025-03-04', startedAt: '18:30', minutes: 150, observers: [] },
    actual: staff,
    register: Object.values(men).map(({ journeyId }) => ({ journeyId, outcome: 'ATTC' })),
  })
  expect(delivered.statusCode, delivered.body).toBe(201)
  for (const { journeyId } of Object.values(men)) {
    await vi.waitUntil(async () => (await lengthOf(journeyId)) === 3, { timeout: 20_000, interval: 50 })
    const corrected = await post(`/api/sessions/${sessionId}/register-corrections`, {
      ...{ occurredOn: '2025-03-06', journeyId, outcome: 'AAME', because: 'A note arrived.' },
    })
    expect(corrected.statusCode, corrected.body).toBe(201)
  }
  await settled()
  // Everybody has looked at everybody before: what he looked at then is not told him now.
  for (const role of readers)
    for (const { journeyId } of Object.values(men)) await ask('GET', `/journeys/${journeyId}`, role, 'outsider')
  const people = (where: 'outsider' | 'insider') => readers.map((role) => personAs(role, where).id)
  await limited(men.excluded, { kind: 'exclusion', people: people('outsider') })
  await limited(men.restricted, { kind: 'restriction', people: people('insider') })
  await settled()
})
afterAll(async () => {
  await app.close()
  rmSync(dataDir, { recursive: true })
})
afterEach(() => vi.restoreAllMocks())

const limited = async (
  { participantId }: Man,
  limit: { readonly kind: 'exclusion' | 'restriction'; readonly people: readonly string[] },
) => {
  const until = dayOf(new Date().toISOString())
  const issued = { by: officer, source: 'ui' as const, commandId: crypto.randomUUID() }
  const data = { ...limit, reason: 'knows_him' as const, until }
  const written = await app.get(LimitedAccessCommandHandler).limit(participantId, data, issued)
  if (written !== 'nothing_new') await app.get(LimitedCases).catchUpTo(BigInt(written.position))
}

async function ask(method: string, url: string, role: Role, where: 'outsider' | 'insider', payload?: object) {
  const headers = {
    host: 'localhost',
    accept: url.startsWith('/api/') ? 'application/json' : 'text/html',
    cookie: await cookieOf(personAs(role, where)),
  }
  return app.inject({ method: method as 'GET', url, headers, ...(payload && { payload }) })
}

/** What differs from one answer to the next however alike the two are. */
const withoutIds = (body: string, journeyId: string) =>
  body
    .replaceAll(journeyId, '(journey)')
    .replace(/name="_csrf" value="[^"]*"/g, '')
    .replace(/"(instance|traceId|requestId)":"[^"]*"/g, '')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '(id)')

const addressOf = (url: string, journeyId: string) =>
  url
    .replace(':revision', '1')
    .replace(':limit', '0')
    .replace(/:journeyId|:journey|(?<=^\/journeys\/):id/, journeyId)
    .replace(/:groupId|:group/, groupId)
    .replace(/:sessionId|:session/, sessionId)

const namesAJourney = (url: string) => /:journeyId|:journey\b|^\/journeys\/:id/.test(url)
const isStream = (url: string) => url.endsWith('/live')
const nobody = '00000000-0000-4000-8000-000000000000'

/** What else an address needs to be answered. */
const queries: Readonly<Record<string, string>> = {
  '/api/journeys/:journeyId/replay': '?clock=happened&at=2025-02-01',
  '/journeys/:id/replay/moments': '?from=1&count=2',
  '/journeys/:id/recorded': '?event=2',
}

/** Bodies that each command of the API takes, so that a refusal is not of the body. */
const bodies: Readonly<Record<string, object>> = {
  eligibility: { occurredOn: '2025-03-01' },
  suitability: { occurredOn: '2025-03-01', decision: 'suitable' },
  allocation: { occurredOn: '2025-03-01', groupId: 'G014' },
  corrections: { corrects: 0, changes: { provider: 'South' }, because: 'A slip.' },
  withdrawals: { withdraws: 1, because: 'A slip.' },
}

describe.each(readers)('whoever is %s', (role) => {
  it.each(['outsider', 'insider'] as const)(
    'and %s sees of each case what the table says, by every route that names one',
    async (where) => {
      const wrong: string[] = []
      for (const { method, url } of routes.filter(({ url }) => namesAJourney(url))) {
        const payload = method === 'POST' ? (bodies[url.split('/').at(-1)!] ?? {}) : undefined
        const answerOf = async (journeyId: string) => {
          const address = addressOf(url, journeyId) + (method === 'GET' ? (queries[url] ?? '') : '')
          const answer = await ask(method, address, role, where, payload)
          const { location = '' } = answer.headers
          return { status: answer.statusCode, text: withoutIds(`${location} ${answer.body}`, journeyId) }
        }
        const ofNobody = await answerOf(nobody)
        // Refused to the role, whomever it is about.
        if (ofNobody.status === 403) continue
        for (const of of Object.keys(men) as Case[]) {
          const isShown = table[role][where].includes(of)
          // A stream that is let in does not end, and what is recorded here would be there for the next to find.
          if (isShown && (isStream(url) || method === 'POST')) continue
          // Where no limit was ever set there is none to lift.
          if (of === 'unlimited' && url.endsWith('/lift')) continue
          // Nobody's details were corrected, so there is no correction to show of anybody.
          if (isShown && url.endsWith('/details/corrected')) continue
          const answer = await answerOf(men[of].journeyId)
          const isAsOfNobody = answer.status === ofNobody.status && answer.text === ofNobody.text
          if (isAsOfNobody === isShown)
            wrong.push(`${method} ${url}, ${of}: ${answer.status}, of nobody ${ofNobody.status}`)
        }
      }
      expect(wrong).toEqual([])
    },
  )

  it.each(['outsider', 'insider'] as const)(
    'and %s finds no mark of whom he may not see on any page, in any file or list',
    async (where) => {
      const found: string[] = []
      const streams = [
        `session-${sessionId}`,
        `group-${groupId}`,
        ...Object.values(men).flatMap((man) => [
          `journey-${man.journeyId}`,
          `participant-${man.participantId}`,
          `limitedaccess-${man.participantId}`,
        ]),
      ]
      const registers = ['corrections', 'late-recording', 'recategorised-outcomes', 'taken-away']
      const addresses = routes
        .filter(
          ({ method, url }) =>
            method === 'GET' &&
            !namesAJourney(url) &&
            !isStream(url) &&
            !/^\/(?:sign|assets|metrics|evidence)/.test(url),
        )
        .flatMap(({ url }) => {
          if (url.includes(':stream')) return streams.map((stream) => url.replace(':stream', stream))
          if (url.startsWith('/registers/:name')) return registers.map((name) => url.replace(':name', name))
          if (url === '/questions/:name')
            return ['late-bursts', 'gaps?days=1'].map((name) => url.replace(':name', name))
          if (url === '/audit') return ['/audit', ...streams.map((stream) => `/audit?case=${stream}`)]
          if (url === '/audit/changes')
            return [
              '/audit/changes?clock=happened&from=2025-01-01&to=2025-12-31',
              `/audit/changes?clock=happened&from=2025-01-01&to=2025-12-31&case=group-${groupId}`,
            ]
          return [addressOf(url, nobody)]
        })
      let shown = 0
      const look = (address: string, body: string) => {
        for (const [of, { marks }] of Object.entries(men) as [Case, Man][]) {
          // The address that was asked for stands in the links of the page that says there is nothing.
          const said = marks.filter(
            (mark) => body.replaceAll(encodeURIComponent(address), '').includes(mark) && !address.includes(mark),
          )
          if (said.length === 0) continue
          shown++
          if (!table[role][where].includes(of)) found.push(`${address}: ${of}, ${said.join(' ')}`)
        }
      }
      for (const address of addresses) look(address, (await ask('GET', address, role, where)).body)
      for (const find of Object.values(men).flatMap(({ marks }) => marks.slice(0, 3)))
        for (const sort of ['match', 'name', 'referred'])
          look(`search ${find}`, (await ask('POST', '/api/caseload/search', role, where, { find, sort })).body)
      expect(found).toEqual([])
      expect(shown).toBeGreaterThan(5)
    },
  )

  it('counts nobody whom he may not see', async () => {
    for (const where of ['outsider', 'insider'] as const) {
      const count = table[role][where].length
      const groups = (await ask('GET', '/api/groups', role, where)).json<{ code: string; members: number }[]>()
      expect(groups.find(({ code }) => code === 'G701')).toMatchObject({ members: count })
      const { register } = (await ask('GET', `/api/sessions/${sessionId}`, role, where)).json<{ register: unknown[] }>()
      expect(register).toHaveLength(count)
      const { total } = (await ask('POST', '/api/caseload/search', role, where, {})).json<{ total: number }>()
      expect(total).toBe(count)
    }
  })
})

describe('a limit', () => {
  it('keeps its people from recording anything: what they send is refused as of nobody, and nothing is appended', async () => {
    const before = await Promise.all(Object.values(men).map(({ journeyId }) => lengthOf(journeyId)))
    const row = { occurredOn: '2025-03-06', journeyId: men.excluded.journeyId, outcome: 'ATTC', because: 'Wrong.' }
    const outsider = personAs('facilitator', 'outsider')
    const refused = await post(`/api/sessions/${sessionId}/register-corrections`, row, outsider)
    const unknown = await post(
      `/api/sessions/${sessionId}/register-corrections`,
      { ...row, journeyId: nobody },
      outsider,
    )
    expect([refused.statusCode, refused.json<{ code: string }>().code]).toEqual([
      unknown.statusCode,
      unknown.json<{ code: string }>().code,
    ])
    const leaving = { occurredOn: '2025-03-06', journeyId: men.excluded.journeyId, reason: 'other_group' }
    const left = await post(`/api/groups/${groupId}/departures`, leaving, outsider)
    expect(left.json<{ code: string }>().code).toBe('not_a_member')
    const joined = await post(
      `/api/groups/${groupId}/members`,
      { occurredOn: '2025-03-06', journeyId: men.excluded.journeyId },
      outsider,
    )
    const noOne = await post(
      `/api/groups/${groupId}/members`,
      { occurredOn: '2025-03-06', journeyId: nobody },
      outsider,
    )
    expect(joined.json<{ code: string }>().code).toBe(noOne.json<{ code: string }>().code)
    const after = await Promise.all(Object.values(men).map(({ journeyId }) => lengthOf(journeyId)))
    expect(after).toEqual(before)
  })

  it('ends what is being followed at once', async () => {
    const live = app.get(LiveJourneys)
    const follower = personAs('case_manager', 'insider')
    const man = men.unlimited
    const told = askingAs(follower, () => lastValueFrom(live.after(99, man.journeyId).pipe(toArray())))
    await limited(man, { kind: 'exclusion', people: [follower.id] })
    expect(await told).toEqual([])
    expect((await ask('GET', `/journeys/${man.journeyId}`, 'case_manager', 'insider')).statusCode).toBe(404)
    const { limits } = await app.get(LimitedAccessCommandHandler).limitsOf(man.participantId)
    const page = `/journeys/${man.journeyId}/access`
    const set = [...limits.keys()].at(-1)!
    const issued = { by: officer, source: 'ui' as const, commandId: crypto.randomUUID() }
    const lifted = await app.get(LimitedAccessCommandHandler).lift(man.participantId, { limit: set }, issued)
    await app.get(LimitedCases).catchUpTo(BigInt((lifted as { position: string }).position))
    expect((await ask('GET', `/journeys/${man.journeyId}`, 'case_manager', 'insider')).statusCode).toBe(200)
    const shown = await app.inject({ url: page, headers: { host: 'localhost', cookie: await cookieOf(officer) } })
    expect(shown.body).toContain('Limits that are over')
  })

  it('is set and lifted by nobody whom it shuts out, and by no role but two', async () => {
    const commands = app.get(LimitedAccessCommandHandler)
    const lift = (by: Parameters<typeof sessionFor>[1]) =>
      commands.lift(men.excluded.participantId, { limit: 0 }, { by, source: 'ui', commandId: crypto.randomUUID() })
    for (const person of [
      personAs('data_protection_officer', 'outsider'),
      personAs('auditor', 'insider'),
      personAs('case_manager', 'insider'),
    ])
      await expect(lift(person)).rejects.toThrow('Your role does not allow this.')
  })
})

describe('where it cannot be found out who may see a case', () => {
  const lies: Readonly<Record<string, () => Promise<unknown>>> = {
    'because the look-up fails': () => Promise.reject(new Error('Away.')),
    'because the look-up takes its time': () => new Promise(() => undefined),
    'because it answers nothing': () => Promise.resolve(undefined),
    'because it answers what is no set of limits': () => Promise.resolve(['everybody may']),
  }
  it.each(Object.keys(lies))('%s, nobody is shown and nothing is recorded', async (why) => {
    vi.spyOn(app.get(LimitedCases), 'known').mockImplementation(lies[why] as () => Promise<KnownLimits>)
    vi.spyOn(app.get(Reach), 'patienceMs', 'get').mockReturnValue(30)
    const marks = Object.values(men).flatMap(({ marks }) => marks)
    for (const url of [
      '/',
      `/journeys/${men.unlimited.journeyId}`,
      `/groups/${groupId}`,
      `/sessions/${sessionId}`,
      `/api/journeys/${men.unlimited.journeyId}/history`,
      '/audit',
      '/registers/corrections',
      `/audit/streams/journey-${men.unlimited.journeyId}`,
      '/account/looks',
    ]) {
      const { statusCode, body } = await ask('GET', url, 'auditor', 'insider')
      expect([url, statusCode]).toEqual([url, 503])
      expect(marks.filter((mark) => body.includes(mark) && !url.includes(mark))).toEqual([])
    }
    // Whether there is such a case is not told either.
    const [there, nowhere] = [
      await ask('GET', `/api/journeys/${men.unlimited.journeyId}`, 'auditor', 'insider'),
      await ask('GET', `/api/journeys/${nobody}`, 'auditor', 'insider'),
    ]
    expect(withoutIds(there.body, men.unlimited.journeyId)).toBe(withoutIds(nowhere.body, nobody))
    const command = await post(`/api/journeys/${men.unlimited.journeyId}/eligibility`, bodies.eligibility!)
    expect(command.json()).toMatchObject({ status: 503, code: 'reach_unknown' })
  })

  it('of one case alone, that case is shown to nobody', async () => {
    const { limits } = { limits: await app.get(LimitedCases).known() }
    const lie = new Map(limits).set(men.unlimited.participantId, [{ kind: 'open to all' }] as never)
    vi.spyOn(app.get(LimitedCases), 'known').mockResolvedValue(lie)
    expect((await ask('GET', `/journeys/${men.unlimited.journeyId}`, 'auditor', 'insider')).statusCode).toBe(404)
    expect((await ask('GET', `/journeys/${men.excluded.journeyId}`, 'auditor', 'insider')).statusCode).toBe(200)
  })
})
