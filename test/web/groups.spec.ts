import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GroupCommandHandler } from '../../src/commands/group-command-handler.ts'
import { bankHolidayOn } from '../../src/commands/bank-holidays.ts'
import { Groups } from '../../src/queries/groups.ts'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { oddityCodes } from '../../src/domain/journey/oddities.ts'
import { groupOf } from '../process/support.ts'
import { serve, type Served } from '../support/served.ts'
import { askedAs } from '../support/signed-in.ts'

describe('a group', () => {
  it('is formed after its answers were checked, and is on the list of groups', async () => {
    const form = await opened('/groups/new')
    const wrong = await send('/groups/new', { ...form, ...formation, code: 'TUESDAY', lead: '' })
    expect(wrong.status).toBe(400)
    for (const problem of ['Group must be a code with a number in it', 'Enter the staff code of the lead facilitator'])
      expect(wrong.html).toContain(problem)
    const check = await send('/groups/new', { ...form, ...formation, code: 'g301' })
    for (const answer of ['G301', 'Mill Lane &amp; Sons', 'Tuesdays at 6:30pm, 150 minutes', 'F030, F041'])
      expect(check.html).toContain(answer)
    expect((await get('/groups')).html).not.toContain('G301')
    const { status, location } = await send('/groups/new', { ...formIn(check.html), step: 'confirm' })
    expect(status).toBe(303)
    const page = await get(location!)
    expect(page.html).toContain('Group formed')
    expect((await get('/groups')).html).toContain('Mill Lane &amp; Sons')
    // Sent again it is recorded once; another group may not take its code.
    const again = await send('/groups/new', { ...formIn(check.html), step: 'confirm' })
    expect((await get(again.location!)).html).toContain('You sent this more than once')
    const taken = await send('/groups/new', {
      ...(await opened('/groups/new')),
      ...formation,
      code: 'G301',
      step: 'confirm',
    })
    expect(taken.status).toBe(400)
    expect(taken.html).toContain('There is a group G301 already')
  })

  it('gives a place to somebody from the case load, who is then allocated on his journey', async () => {
    const group = `/groups/${served.app.get(GroupCommandHandler).idOf('G301')}`
    const { html } = await get(`${group}/members/new`)
    const journeyId = /name="journeyId" type="radio" value="([^"]+)"/.exec(html)![1]!
    const form = formIn(html)
    expect((await send(`${group}/members/new`, { ...form, ...date('joinedOn') })).html).toContain(
      'Select who is given a place',
    )
    const check = await send(`${group}/members/new`, { ...form, journeyId, ...date('joinedOn') })
    expect(check.html).toContain('Check your answers before giving him a place')
    const { location } = await send(`${group}/members/new`, { ...formIn(check.html), step: 'confirm' })
    expect((await get(location!)).html).toContain(`/journeys/${journeyId}`)
    await expect
      .poll(async () => (await Array.fromAsync(served.runtime.store.read(`journey-${journeyId}`))).at(-1)!.data, {
        timeout: 10_000,
      })
      .toMatchObject({ groupId: 'G301' })
    const leaving = `${group}/members/${journeyId}/leave`
    const left = await send(leaving, {
      ...(await opened(leaving)),
      ...date('leftOn'),
      reason: 'other_group',
      step: 'confirm',
    })
    expect((await get(left.location!)).html).toContain('Moved to another group')
  })

  it('meets every week but on bank holidays, and shows every date before anything is recorded', async () => {
    const address = `/groups/${served.app.get(GroupCommandHandler).idOf('G301')}/schedule`
    // Christmas 2029 is on a Tuesday, and New Year a week later.
    const dates = { 'startsOn-day': '11', 'startsOn-month': '12', 'startsOn-year': '2029' }
    const check = await send(address, { ...(await opened(address)), first: 'F1', count: '3', ...dates })
    for (const answer of [
      'Tuesday 11 December 2029 at 6:30pm',
      'Tuesday 25 December 2029: Christmas Day',
      'Tuesday 1 January 2030: New Year',
      'Tuesday 8 January 2030',
    ])
      expect(check.html).toContain(answer)
    const { location } = await send(address, { ...formIn(check.html), step: 'confirm' })
    const { html } = await get(location!)
    expect(html.match(/To come/g)).toHaveLength(3)
    expect(bankHolidayOn('2026-04-06')).toBe('Easter Monday')
    expect(bankHolidayOn('2026-03-17')).toBeUndefined() // Northern Ireland alone
  })
})

describe('a session', () => {
  it('is moved and called off, with the reason, and not after that', async () => {
    const { sessions } = await group('G302')
    const [first] = sessions as [string]
    const moving = `/sessions/${first}/move`
    const sent = {
      ...(await opened(moving)),
      'movedTo-day': '9',
      'movedTo-month': '1',
      'movedTo-year': '2025',
      startsAt: '19:00',
    }
    expect((await send(moving, sent)).html).toContain('Select why it is moved')
    const moved = await send(moving, { ...sent, reason: 'room', step: 'confirm' })
    expect((await get(moved.location!)).html).toContain('Thursday 9 January 2025 at 7pm')
    const cancelling = `/sessions/${first}/cancel`
    const cancelled = await send(cancelling, { ...(await opened(cancelling)), reason: 'weather', step: 'confirm' })
    expect((await get(cancelled.location!)).html).toContain('Called off')
    expect((await get(moving)).html).toContain('This session was called off.')
    expect(
      (await send(cancelling, { ...sent, commandId: crypto.randomUUID(), reason: 'weather', step: 'confirm' })).status,
    ).toBe(409)
  })

  it('is not there under an address that names none', async () => {
    for (const address of [
      '/sessions/constructor',
      '/sessions/constructor/register',
      '/groups/constructor',
      '/groups/constructor/schedule',
    ])
      expect((await get(address)).status, address).toBe(404)
  })
})

describe('what is unusual about the day of a session', () => {
  it('is said on check your answers, and recorded once somebody says that it is meant', async () => {
    const { sessions } = await group('G514')
    const address = `/sessions/${sessions[0]}/move`
    const asked = { ...(await opened(address)), ...date('movedTo'), startsAt: '18:30', reason: 'room' }
    // A Sunday of 2025.
    const sunday = { ...asked, 'movedTo-day': '6', confirmedOddities: '' }
    const check = await send(address, sunday)
    expect(check.html).toContain('Check what is unusual')
    expect(check.html).toContain('6 April 2025 was a Sunday.')
    expect(check.html).toContain('6 April 2025 is more than a year ago.')
    expect(check.html).toContain('value="far_from_today weekend"')
    const refused = await send(address, { ...sunday, step: 'confirm' })
    expect([refused.status, refused.html]).toEqual([400, expect.stringContaining('Select if this is right')])
    const meant = await send(address, { ...sunday, step: 'confirm', confirmedOddities: 'far_from_today weekend' })
    expect([meant.status, meant.location]).toEqual([303, expect.stringContaining(`/sessions/${sessions[0]}`)])
    const [stored] = await Array.fromAsync(served.runtime.store.readBackwards(`session-${sessions[0]}`, 1))
    expect(stored!.metadata).toMatchObject({ oddities: ['far_from_today', 'weekend'] })
  })
})

describe('the register', () => {
  it('marks a whole group on one page, with who was in the room, and is on every timeline', async () => {
    const { sessions, journeyIds } = await group('G303')
    const address = `/sessions/${sessions[0]}/register`
    const { html } = await get(address)
    expect(html.match(/data-outcome/g)).toHaveLength(journeyIds.length)
    const room = { 'there-F012': 'yes', 'standIn-1': 'F099', 'standInRole-1': 'cover', 'standInReason-1': 'sickness' }
    const times = { ...date('heldOn'), startedAt: '18:35', minutes: '140' }
    const empty = await send(address, { ...formIn(html), ...times })
    expect(empty.status).toBe(400)
    expect(empty.html).toContain('Select who was in the room, or enter who stood in')
    expect(empty.html).toContain('Select an outcome for at least one person')
    // One button marks whoever is left; what was chosen before stays.
    const absent = { [`outcome-${journeyIds[0]}`]: 'AAME', [`note-${journeyIds[0]}`]: 'Rang <before> noon.' }
    const filled = await send(address, { ...formIn(html), ...room, ...times, ...absent, step: 'all' })
    expect(filled.html.match(/value="ATTC" selected/g)).toHaveLength(journeyIds.length - 1)
    expect(filled.html).toContain('value="AAME" selected')
    const marks = Object.fromEntries(journeyIds.slice(1).map((id) => [`outcome-${id}`, 'ATTC']))
    const check = await send(address, { ...formIn(html), ...room, ...times, ...absent, ...marks })
    for (const answer of [
      'F012 (Lead facilitator)',
      'F099 (Cover facilitator, stood in: sickness)',
      'Rang &lt;before&gt; noon.',
    ])
      expect(check.html).toContain(answer)
    const recorded = await send(address, { ...formIn(check.html), step: 'confirm' })
    const page = await get(recorded.location!)
    expect(page.html).toContain('Register recorded')
    expect(page.html).toContain(`${journeyIds.length} of ${journeyIds.length} are on the timeline`)
    for (const journeyId of journeyIds) {
      const last = (await Array.fromAsync(served.runtime.store.read(`journey-${journeyId}`))).at(-1)!
      expect(last).toMatchObject({ type: 'AttendanceRecorded', data: { actualFacilitators: ['F012', 'F099'] } })
    }
    // Sent again: recorded once.
    const again = await send(address, { ...formIn(check.html), step: 'confirm' })
    expect((await get(again.location!)).html).toContain('You sent this more than once')
  })

  it('may be filled in in part, finished later, and corrected the day after', async () => {
    const { sessions, journeyIds } = await group('G304')
    const [first, second] = journeyIds as [string, string]
    const address = `/sessions/${sessions[0]}/register`
    const times = { ...date('heldOn'), startedAt: '18:35', minutes: '140', 'there-F030': 'yes' }
    const half = await send(address, {
      ...(await opened(address)),
      ...times,
      [`outcome-${first}`]: 'ATTC',
      step: 'confirm',
    })
    expect((await get(half.location!)).html).toContain('Not marked yet')
    const { html } = await get(address)
    expect(html).toContain('1 person is marked already')
    expect(html).not.toContain('Who’s in the room')
    const rest = await send(address, { ...formIn(html), [`outcome-${second}`]: 'UAAB', step: 'confirm' })
    expect((await get(rest.location!)).html).toContain('Unacceptable absence (UAAB)')
    const correction = `/sessions/${sessions[0]}/correction/${second}`
    const put = { ...(await opened(correction)), outcome: 'AAFC', minutes: '0', engagement: 'not_stated' }
    expect((await send(correction, { ...put, because: '' })).html).toContain('Enter why the register was wrong')
    const corrected = await send(correction, { ...put, because: 'His daughter was ill.', step: 'confirm' })
    const page = await get(corrected.location!)
    expect(page.html).toContain('Corrected')
    expect(page.html).toContain('His daughter was ill.')
    await expect
      .poll(async () => (await Array.fromAsync(served.runtime.store.read(`journey-${second}`))).at(-1)!.data, {
        timeout: 10_000,
      })
      .toMatchObject({ was: 'UAAB', outcome: 'AAFC' })
    const attendance = (
      await get(
        `/groups/${(await askedAs('case_manager', () => served.app.get(Groups).session(sessions[0]!)))!.facts.scheduled!.groupId}`,
      )
    ).html
    expect(attendance).toMatch(/tl-attendance__cell--acceptable_absence[^<]*><span aria-hidden="true"[^>]*>AAFC\*/)
  })

  it('is not recorded over what somebody else recorded meanwhile', async () => {
    const { sessions, journeyIds } = await group('G305')
    const address = `/sessions/${sessions[0]}/register`
    const times = { ...date('heldOn'), startedAt: '18:35', minutes: '140', 'there-F030': 'yes' }
    const [mine, theirs] = [await opened(address), await opened(address)]
    const first = await send(address, { ...theirs, ...times, [`outcome-${journeyIds[0]}`]: 'ATTC', step: 'confirm' })
    expect(first.status).toBe(303)
    const second = await send(address, { ...mine, ...times, [`outcome-${journeyIds[1]}`]: 'ATTC', step: 'confirm' })
    expect(second.status).toBe(400)
    expect(second.html).toContain('Somebody added to this session while you were filling in the form')
  })

  it('says what a journey did not take, and why, and tries again when asked', async () => {
    const { sessions, journeyIds } = await group('G306')
    const [first] = journeyIds as [string]
    await served.runtime.commands.journeys.execute(
      first,
      'RecordAttendance',
      { sessionId: 'F1', outcome: 'UAAB', groupId: 'G306', plannedFacilitators: [], actualFacilitators: ['F012'] },
      {
        occurredOn: '2025-01-07',
        by: { id: 'CM002', role: 'case_manager', organisation: 'North' },
        source: 'api',
        commandId: crypto.randomUUID(),
      },
    )
    const address = `/sessions/${sessions[0]}/register`
    const times = { ...date('heldOn'), startedAt: '18:35', minutes: '140', 'there-F030': 'yes' }
    const recorded = await send(address, {
      ...(await opened(address)),
      ...times,
      [`outcome-${first}`]: 'ATTC',
      step: 'confirm',
    })
    const page = await get(recorded.location!)
    expect(page.html).toContain('Not carried')
    expect(page.html).toContain('Attendance at this session is already recorded.')
    const again = await send(`/sessions/${sessions[0]}/carry-again`, {
      _csrf: /name="_csrf" value="([^"]+)"/.exec(page.html)![1]!,
    })
    expect(again.status).toBe(303)
    expect((await get(again.location!)).html).toContain('Not carried')
  })
})

// --- what the sentences above stand on

const formation = {
  provider: 'North',
  place: 'Mill Lane & Sons',
  programme: 'bbr@1',
  weekday: '2',
  startsAt: '18:30',
  minutes: '150',
  capacity: '12',
  lead: 'F012',
  co: 'F030, F041',
}

const date = (name: string) => ({ [`${name}-day`]: '7', [`${name}-month`]: '4', [`${name}-year`]: '2025' })

let served: Served
let cookie = ''

beforeAll(async () => {
  served = await serve({ journeys: 30 })
}, 120_000)
afterAll(() => served?.stop())

/** A group of three, allocated on their journeys, with F1 and F2 in its calendar. */
async function group(code: string) {
  const { sessionIds, journeyIds, groupId } = await groupOf(served.runtime.commands, code, 3, ['F1', 'F2'])
  await waitUntilCaughtUp(served.runtime)
  await expect
    .poll(async () => (await Array.fromAsync(served.runtime.store.read(`journey-${journeyIds[2]}`))).length, {
      timeout: 10_000,
    })
    .toBe(2)
  return { sessions: sessionIds, journeyIds, groupId }
}

async function get(address: string) {
  const answer = await fetch(new URL(address, served.url), { headers: cookie ? { cookie } : {} })
  cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? cookie
  return { status: answer.status, html: await answer.text() }
}

/** The hidden fields of a form, as a browser sends them back. */
const formIn = (html: string): Record<string, string> =>
  Object.fromEntries(
    [...html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [
      name!,
      value!.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'),
    ]),
  )

const opened = async (address: string) => formIn((await get(address)).html)

/** Whatever is unusual about it is meant, unless the body says what is. */
async function send(address: string, body: Record<string, string>) {
  const answer = await fetch(new URL(address, served.url), {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie },
    body: new URLSearchParams({ confirmedOddities: oddityCodes.join(' '), ...body }),
  })
  return { status: answer.status, location: answer.headers.get('location'), html: await answer.text() }
}
