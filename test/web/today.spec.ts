/** What needs each role today: as a page, in the API, and as the page after signing in; and the calendars to take away. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Role } from '../../src/access/policy.ts'
import { ConsultationLog } from '../../src/commands/consultation-log.ts'
import { LimitedAccessCommandHandler } from '../../src/commands/limited-access-command-handler.ts'
import { dayNumbered, dayNumberOf, dayOf, type Day } from '../../src/domain/calendar.ts'
import type { ActualFacilitator } from '../../src/domain/group/room.ts'
import { Consultations } from '../../src/queries/consultations.ts'
import { Rights } from '../../src/queries/rights.ts'
import { lastWorkingDay } from '../../src/queries/today.ts'
import { LimitedCases } from '../../src/reach/limited-cases.ts'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { issuedOn, referredJourneys } from '../process/support.ts'
import { serve, type Served } from '../support/served.ts'
import { askedAs, cookieFor, personOfRole } from '../support/signed-in.ts'

let served: Served
const today = dayOf(new Date().toISOString())
const day = (days: number): Day => dayNumbered(dayNumberOf(today) + days)
const lately = lastWorkingDay(today)
const longAgo = day(-40)
/** Of the first group: long overdue, held, today and to come. Of the second: one that is on at the same time as one of the first. */
let sessions: Record<'overdue' | 'held' | 'today' | 'tomorrow' | 'clash', string>
/** Absent without and with a good reason, attended, and not marked. */
let men: Record<'absent' | 'excused' | 'present' | 'unmarked', string>
let groupId = ''

beforeAll(async () => {
  served = await serve({ journeys: 40, settings: { RATE_LIMIT: '0' } })
  const { commands } = served.runtime
  const staff = { lead: 'F612', co: 'F630', other: 'F613' }
  for (const [name, code] of [
    ['Rowan Vale', staff.lead],
    ['Ines Calder', staff.co],
    ['Tomasz Heron', staff.other],
  ] as const) {
    const { facilitatorId } = await commands.facilitators.onboard({ code, name, provider: 'North' }, issuedOn(longAgo))
    const training = { course: 'bbr_facilitator', validUntil: day(code === staff.lead ? 30 : 300) } as const
    await commands.facilitators.execute(facilitatorId, 'RecordTraining', training, issuedOn(longAgo))
    if (code === staff.co)
      await commands.facilitators.execute(facilitatorId, 'RecordFacilitatorLeft', { reason: 'other' }, issuedOn(today))
  }
  const [absent, excused, present, unmarked] = (await referredJourneys(commands, 'G611', 4)) as [string, string, string, string] // prettier-ignore
  men = { absent, excused, present, unmarked }
  const formed = async (
    code: string,
    facilitators: readonly ActualFacilitator[],
    calendar: [string, Day, string][],
  ) => {
    const { groupId } = await commands.groups.form(
      {
        ...{ code, programme: { key: 'bbr', version: 1 }, provider: 'North', place: 'Mill Lane' },
        ...{ slot: { weekday: 2, startsAt: '18:30', minutes: 150 }, capacity: 12, facilitators },
      },
      issuedOn(longAgo),
    )
    const scheduled = calendar.map(([programmeSession, on, startsAt]) => ({ programmeSession, on, startsAt }))
    return { groupId, ...(await commands.sessions.schedule(groupId, scheduled, issuedOn(longAgo))) }
  }
  const lead = { facilitator: staff.lead, role: 'lead' } as const
  const first = await formed(
    'G611',
    [lead, { facilitator: staff.co, role: 'co' }],
    [
      ['F1', day(-20), '18:30'],
      ['F2', lately, '18:30'],
      ['F3', today, '18:30'],
      ['F4', day(1), '18:30'],
    ],
  )
  const second = await formed('G612', [lead, { facilitator: staff.other, role: 'co' }], [['F1', day(1), '20:00']])
  groupId = first.groupId
  const [overdue, held, tonight, tomorrow] = first.sessionIds as [string, string, string, string]
  sessions = { overdue, held, today: tonight, tomorrow, clash: second.sessionIds[0]! }
  for (const journeyId of Object.values(men)) await commands.groups.addMember(groupId, { journeyId }, issuedOn(longAgo))
  const actual = [lead, { facilitator: 'F641', role: 'cover', standIn: 'sickness' }] as const
  const register = [
    { journeyId: men.absent, outcome: 'UAAB' },
    { journeyId: men.excused, outcome: 'AAME' },
    { journeyId: men.present, outcome: 'ATTC' },
  ]
  await commands.sessions.deliver(
    held,
    { startedAt: '18:30', minutes: 150, actual, observers: [], register },
    issuedOn(lately),
  )
  await carried(men.present, 3)
}, 240_000)

afterAll(() => served?.stop())

/** What the group's stream told is on the journey: so many events. */
async function carried(journeyId: string, events: number): Promise<void> {
  const { store } = served.runtime
  await vi.waitUntil(async () => (await Array.fromAsync(store.read(`journey-${journeyId}`))).length >= events, { timeout: 20_000, interval: 50 }) // prettier-ignore
  await waitUntilCaughtUp(served.runtime)
}

const ask = async (address: string, role: Role) =>
  fetch(new URL(address, served.url), { redirect: 'manual', headers: { cookie: await cookieFor(served.app, role) } })

/** The page, and its tables by the kind of task. */
async function pageOf(role: Role, query = '') {
  const html = await (await ask(`/today${query}`, role)).text()
  const tables = [...html.matchAll(/<table [^>]*id="(\w+)">.*?<\/table>/gs)]
  return { html, kinds: tables.map(([, kind]) => kind), of: (kind: string) => tables.find((it) => it[1] === kind)?.[0] ?? '' } // prettier-ignore
}

const links = (table: string) => [...table.matchAll(/href="([^"]+)"/g)].map(([, href]) => href)

describe('a facilitator', () => {
  it('sees the registers that are missing, oldest first, then who meets today and in the days to come', async () => {
    const page = await pageOf('facilitator')
    expect(page.kinds).toEqual([
      'register_outstanding',
      'session_today',
      'register_incomplete',
      'session_this_week',
      'training_lapses',
    ])
    expect(links(page.of('register_outstanding'))).toEqual([`/sessions/${sessions.overdue}/register`])
    expect(links(page.of('session_today'))).toEqual([`/sessions/${sessions.today}/register`])
    expect(page.of('session_today')).toMatch(/G611, F3 at 6:30pm.*F612 and F630/s)
    expect(links(page.of('register_incomplete'))).toEqual([`/sessions/${sessions.held}/register`])
    expect(page.of('register_incomplete')).toContain('1 person not marked')
    expect(links(page.of('session_this_week'))).toEqual([
      `/sessions/${sessions.tomorrow}`,
      `/sessions/${sessions.clash}`,
    ])
    expect(page.of('training_lapses')).toMatch(/F612.*Building Better Relationships: facilitator/s)
  })

  it('may look at what is one person’s: by staff code, and an unknown code is everybody’s', async () => {
    const own = await pageOf('facilitator', '?facilitator=F613')
    expect(own.html).toContain('<option value="F613" selected>')
    expect(own.kinds).toEqual(['session_this_week'])
    expect(links(own.of('session_this_week'))).toEqual([`/sessions/${sessions.clash}`])
    const everybodys = await pageOf('facilitator', '?facilitator=F999')
    expect(everybodys.of('session_this_week')).toContain('G612')
  })
})

describe('a case manager', () => {
  it('sees who missed a session, whatever counts first, and of whom nothing was recorded for long', async () => {
    const page = await pageOf('case_manager')
    expect(links(page.of('missed'))).toEqual([`/journeys/${men.absent}`, `/journeys/${men.excused}`])
    expect(page.of('missed')).toMatch(/Unacceptable absence.*Acceptable absence: medical/s)
    expect(links(page.of('no_contact'))).toHaveLength(10)
    expect(page.html).toContain('href="/?need=no_contact">All of them in the case load')
  })

  it('no longer sees an absence that was corrected, and the mark that is new is no absence', async () => {
    const corrected = { journeyId: men.excused, outcome: 'ATTC', minutes: 150, because: 'He came late.' } as const
    await served.runtime.commands.sessions.execute(
      sessions.held,
      'CorrectRegister',
      corrected as never,
      issuedOn(today),
    )
    await carried(men.excused, 4)
    expect(links((await pageOf('case_manager')).of('missed'))).toEqual([`/journeys/${men.absent}`])
  })

  it('sees what somebody disputes, until that is settled', async () => {
    const { erasures } = served.runtime.commands
    const participantId = await participantOf(men.present)
    const dispute = { journeyId: men.present, disputes: 1, text: 'That was not me.' }
    const by = personOfRole('data_protection_officer')
    const issued = () => ({ by, source: 'ui' as const, commandId: randomUUID() })
    const raised = issued()
    await erasures.disputeRecord(participantId, dispute, raised)
    await waitUntilCaughtUp(served.runtime)
    expect(links((await pageOf('case_manager')).of('dispute'))).toEqual([`/journeys/${men.present}`])
    expect((await pageOf('data_protection_officer')).of('dispute')).toContain('He says that a record is wrong')
    const [settled] = (await served.app.get(Rights).ownWords(participantId)).disputes
    await erasures.settleDispute(participantId, settled!.disputeId, 'kept', issued())
    await waitUntilCaughtUp(served.runtime)
    expect((await pageOf('case_manager')).kinds).not.toContain('dispute')
  })

  it('sees nobody who is withheld from him, neither named nor counted', async () => {
    const participantId = await participantOf(men.absent)
    const outsider = { ...personOfRole('case_manager') }
    const limits = served.app.get(LimitedAccessCommandHandler)
    const written = await limits.limit(
      participantId,
      { kind: 'exclusion', people: [outsider.id], reason: 'knows_him', until: today },
      { by: personOfRole('data_protection_officer'), source: 'ui', commandId: randomUUID() },
    )
    await served.app.get(LimitedCases).catchUpTo(BigInt((written as { position: string }).position))
    const page = await pageOf('case_manager')
    expect(page.kinds).not.toContain('missed')
    expect(page.html).not.toContain(men.absent)
    expect(page.html).toContain('Missed a session since the last working day: none')
  })
})

describe('a treatment manager', () => {
  it('sees whose sessions lack somebody, who is planned twice, and who stood in', async () => {
    const page = await pageOf('treatment_manager')
    expect(page.kinds.slice(0, 3)).toEqual(['session_unstaffed', 'double_booked', 'register_outstanding'])
    expect(page.of('session_unstaffed')).toMatch(/G611, F3.*F630 has left; 1 of those planned will be there/s)
    expect(links(page.of('session_unstaffed'))).toEqual([
      `/sessions/${sessions.today}`,
      `/sessions/${sessions.tomorrow}`,
    ])
    expect(page.of('double_booked')).toMatch(/G611, F4 at 6:30pm.*F612: also G612, F1 at 8pm/s)
    expect(page.of('stand_in')).toMatch(/F641: sickness/)
  })
})

describe('whoever sees to the records', () => {
  const at = (role: Role, address = '/sign-in/home') => ask(address, role)
  const began = async (role: Role) => (await at(role)).headers.get('location')

  it('begins with today only where there is something to do', async () => {
    expect(await began('auditor')).toBe('/')
    expect((await pageOf('auditor')).html).toContain('Nothing needs you today.')
    expect(await began('case_manager')).toBe('/today')
    expect(await began('partner_safety_worker')).toBe('/partner-safety')
    expect((await ask('/today', 'partner_safety_worker')).status).toBe(403)
  })

  it('sees who reached for more records than is usual, and the auditor begins there', async () => {
    const alert = { kind: 'listed', records: 6_001, minutes: 10, limit: 6_000 } as const
    const by = personOfRole('facilitator')
    await served.app.get(ConsultationLog).alert(alert, { by, source: 'ui', requestId: 'r' })
    for (const role of ['auditor', 'data_protection_officer'] as const)
      expect((await pageOf(role)).of('unusual_reach')).toMatch(
        /spec-facilitator.*Went through lists of records: 6001 records/s,
      )
    expect(await began('auditor')).toBe('/today')
  })

  it('sees which erasure waits, and whether for himself or for somebody else', async () => {
    const participantId = await participantOf(men.unmarked)
    const officer = personOfRole('data_protection_officer')
    const asked = { reason: 'unlawful', journeys: [men.unmarked] } as const
    await served.runtime.commands.erasures.request(participantId, asked, {
      by: { ...officer, id: 'DP777' },
      source: 'ui',
      commandId: randomUUID(),
    })
    await waitUntilCaughtUp(served.runtime)
    const page = await pageOf('data_protection_officer')
    expect(page.kinds[0]).toBe('erasure')
    expect(links(page.of('erasure'))).toEqual([`/journeys/${men.unmarked}/rights`])
    expect(page.of('erasure')).toContain('DP777 asked for it: decide')
  })
})

describe('the lists of a day', () => {
  it('are written down as a look at each journey that is shown', async () => {
    await pageOf('data_protection_officer')
    const { id } = personOfRole('data_protection_officer')
    const looks = await vi.waitUntil(
      async () => {
        const { looks } = await askedAs('data_protection_officer', () => served.app.get(Consultations).by(id))
        return looks.some(({ view }) => view === 'today') && looks
      },
      { timeout: 10_000, interval: 50 },
    )
    const look = looks.find(({ view }) => view === 'today')!
    expect(look.type).toBe('RecordsListed')
    expect(look.subjects).toContain(men.unmarked)
  })

  it('are answered by the API, with ids and no names', async () => {
    const answer = await ask('/api/today?facilitator=F612', 'facilitator')
    expect(answer.status).toBe(200)
    const lists = (await answer.json()) as { kind: string; tasks: Record<string, unknown>[]; total: number }[]
    expect(lists.map(({ kind, total }) => [kind, total])).toEqual([
      ['register_outstanding', 1],
      ['session_today', 1],
      ['register_incomplete', 1],
      ['session_this_week', 2],
      ['training_lapses', 1],
    ])
    expect(lists[0]!.tasks[0]).toEqual({
      ...{ on: day(-20), journeyId: null, sessionId: sessions.overdue, otherSessionId: null },
      ...{ staff: [], detail: null, count: 1 },
    })
    expect((await ask('/api/today?facilitator=Rowan%20Vale', 'facilitator')).status).toBe(400)
    const ofManager = await (await ask('/api/today', 'case_manager')).text()
    expect(ofManager).not.toContain('Example')
  })

  it('begin on Friday where today is Monday', () => {
    expect(lastWorkingDay('2025-03-10')).toBe('2025-03-07')
    expect(lastWorkingDay('2025-03-09')).toBe('2025-03-07')
    expect(lastWorkingDay('2025-03-12')).toBe('2025-03-11')
  })
})

describe('a calendar that is taken away', () => {
  it('holds the sessions of a group or of a facilitator, moved and called off, and nobody’s name', async () => {
    const { commands } = served.runtime
    const to = { on: day(2), startsAt: '19:00', reason: 'room' } as const
    await commands.sessions.execute(sessions.tomorrow, 'RescheduleSession', to, issuedOn(today))
    await commands.sessions.execute(sessions.clash, 'CancelSession', { reason: 'weather' }, issuedOn(today))
    await waitUntilCaughtUp(served.runtime)
    const listed = (await (await ask('/api/facilitators', 'facilitator')).json()) as { facilitatorId: string; code: string }[] // prettier-ignore
    const { facilitatorId } = listed.find(({ code }) => code === 'F612')!
    expect(await (await ask(`/groups/${groupId}`, 'facilitator')).text()).toContain(`/groups/${groupId}/calendar.ics`)
    for (const begin of ['', '/api']) {
      const ofGroup = await ask(`${begin}/groups/${groupId}/calendar.ics`, 'facilitator')
      expect(ofGroup.headers.get('content-type')).toBe('text/calendar; charset=utf-8')
      const group = eventsIn(await ofGroup.text())
      expect([...group.keys()]).toEqual([sessions.overdue, sessions.held, sessions.today, sessions.tomorrow])
      expect(group.get(sessions.today)).toMatch(/SEQUENCE:0.*STATUS:CONFIRMED/s)
      expect(group.get(sessions.tomorrow)).toContain(`DTSTART;TZID=Europe/London:${day(2).replaceAll('-', '')}T190000`)
      expect(group.get(sessions.tomorrow)).toMatch(/SEQUENCE:1.*STATUS:CONFIRMED/s)
      const own = await (await ask(`${begin}/facilitators/${facilitatorId}/calendar.ics`, 'facilitator')).text()
      expect(eventsIn(own).get(sessions.clash)).toMatch(/SEQUENCE:1.*STATUS:CANCELLED/s)
      expect(eventsIn(own).size).toBe(5)
      expect(own).not.toMatch(/Example|Rowan|Vale|F612/)
      for (const unknown of [`${begin}/groups/${facilitatorId}`, `${begin}/facilitators/${groupId}`])
        expect((await ask(`${unknown}/calendar.ics`, 'facilitator')).status).toBe(404)
    }
  })
})

/** The events of an iCalendar file, by session. */
const eventsIn = (file: string): ReadonlyMap<string, string> =>
  new Map(file.split('BEGIN:VEVENT').slice(1).map((event) => [/UID:session-([0-9a-f-]{36})@/.exec(event)![1]!, event])) // prettier-ignore

async function participantOf(journeyId: string): Promise<string> {
  const [referral] = await Array.fromAsync(served.runtime.store.read(`journey-${journeyId}`))
  return (referral!.data as { participantId: string }).participantId
}
