/** A week of a partner-safety worker on its pages; who else may see any of it; and what is left of it when the man's record changes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dayNumbered, dayNumberOf, dayOf } from '../../src/domain/calendar.ts'
import { roleCodes, type Role } from '../../src/access/policy.ts'
import { openJourney, serve, type Served } from '../support/served.ts'
import { personOfRole, sessionFor } from '../support/signed-in.ts'
import { sessionCookie } from '../../src/web/sign-in/cookies.ts'

let served: Served
let journeyId: string
beforeAll(async () => {
  served = await serve({ journeys: 12, settings: { RATE_LIMIT: '0' } })
  journeyId = await openJourney(served)
})
afterAll(() => served?.stop())

const worker: Role = 'partner_safety_worker'
const today = dayOf(new Date().toISOString())
const inDays = (days: number) => dayNumbered(dayNumberOf(today) + days)
const cookies = new Map<string, string>()

/** One browser for each person. */
async function ask(address: string, who = personOfRole(worker), init: RequestInit = {}) {
  const key = `${who.id} ${who.role}`
  if (!cookies.has(key)) cookies.set(key, `${sessionCookie}=${await sessionFor(served.app, who)}`)
  const answer = await fetch(new URL(address, served.url), {
    ...init,
    redirect: 'manual',
    headers: { cookie: cookies.get(key)! },
  })
  for (const set of answer.headers.getSetCookie()) {
    const pair = set.split(';')[0]!
    const others = cookies
      .get(key)!
      .split('; ')
      .filter((one) => !one.startsWith(`${pair.split('=')[0]}=`))
    cookies.set(key, [...others, pair].join('; '))
  }
  return { status: answer.status, location: answer.headers.get('location'), html: await answer.text() }
}

const formIn = (html: string): Record<string, string> =>
  Object.fromEntries(
    [...html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [
      name!,
      value!,
    ]),
  )

const send = (address: string, body: Record<string, string>, who = personOfRole(worker)) =>
  ask(address, who, { method: 'POST', body: new URLSearchParams(body) })

const date = (name: string, day: string) => {
  const [year, month, dayOfMonth] = day.split('-') as [string, string, string]
  return { [`${name}-day`]: dayOfMonth, [`${name}-month`]: month, [`${name}-year`]: year }
}

/** Filled in, checked and confirmed. @returns the page after it */
async function fill(address: string, answers: Record<string, string>): Promise<string> {
  const check = await send(address, { ...formIn((await ask(address)).html), ...answers })
  expect(check.html).toContain('Check your answers before')
  const { status, location } = await send(address, { ...formIn(check.html), step: 'confirm' })
  expect(status).toBe(303)
  return (await ask(location!)).html
}

async function askForOffer(of = journeyId) {
  const caseManager = personOfRole('case_manager')
  const page = await ask(`/journeys/${of}/partner-contact`, caseManager)
  const answer = await send(`/journeys/${of}/partner-contact`, formIn(page.html), caseManager)
  expect(answer).toMatchObject({ status: 303, location: `/journeys/${of}/partner-contact?asked=yes` })
  return (await ask(answer.location!, caseManager)).html
}

const strands = async () => [
  ...new Set((await Array.fromAsync(served.runtime.store.readAll(['partnersafety']))).map(({ stream }) => stream)),
]

let path: string

describe('a week of a partner-safety worker', () => {
  it('begins with a case manager who asks for an offer, and is told the same however often', async () => {
    const first = await askForOffer()
    expect(first).toContain('A contact offer was asked for')
    const words = (html: string) => html.replaceAll(/value="[^"]*"|Printed [^<]*/g, '')
    expect(words(await askForOffer())).toBe(words(first))
    const [stream] = await strands()
    expect(await strands()).toHaveLength(1)
    path = `/partner-safety/${stream!.slice('partnersafety-'.length)}`
    const { html } = await ask('/partner-safety')
    expect(html).toContain('Waiting for an offer (1)')
    expect(html).toContain(`href="${path}"`)
  })

  it('goes on with who the partner is, and says what is wrong at each field', async () => {
    const empty = await send(`${path}/partner`, formIn((await ask(`${path}/partner`)).html))
    expect(empty.status).toBe(400)
    for (const problem of ['Enter the name', 'Select who it is', 'Enter how the partner can be reached safely'])
      expect(empty.html).toContain(problem)
    const page = await fill(`${path}/partner`, {
      name: 'Branwen Alder',
      relation: 'former_partner',
      safeWays: 'By text to the work number',
      safeTimes: 'Weekdays before noon',
      doNot: 'Never leave a voice message',
    })
    for (const text of ['The partner was recorded', 'Branwen Alder', 'Do not: Never leave a voice message'])
      expect(page).toContain(text)
    expect((await ask(`${path}/details`)).html).toContain('By text to the work number')
  })

  it('has the offer, the answer and a contact on record, and when the next is due', async () => {
    expect((await ask(`${path}/contact`)).html).toContain('Record the answer to the offer first')
    const early = await send(`${path}/offer`, {
      ...formIn((await ask(`${path}/offer`)).html),
      way: 'telephone',
      ...date('on', inDays(1)),
    })
    expect(early.html).toContain('The date of the offer must be today or in the past')
    await fill(`${path}/offer`, { way: 'telephone', ...date('on', today), note: 'She asked for time to think' })
    await fill(`${path}/answer`, { answer: 'accepted', ...date('on', today), ...date('nextOn', inDays(3)) })
    expect((await ask('/partner-safety')).html).toContain('Next contacts (1)')
    const page = await fill(`${path}/contact`, {
      way: 'video',
      outcome: 'spoke',
      ...date('on', today),
      ...date('nextOn', inDays(40)),
      note: 'We spoke about the children',
    })
    expect(page).toContain('We spoke about the children')
    const { html } = await ask('/partner-safety')
    expect(html).toContain('Next contacts (0)')
    expect(html).toContain('Other open records (1)')
  })

  it('has a concern open until it is settled, and withdraws what was wrong', async () => {
    await fill(`${path}/concern`, { concern: 'coercive_control', ...date('on', today), note: 'He follows her' })
    expect((await ask('/partner-safety')).html).toContain('Open concerns (1)')
    const item = /concerns\/(\d+)\/pass-on/.exec((await ask(path)).html)![1]!
    await fill(`${path}/concerns/${item}/pass-on`, { to: 'police', ...date('on', today) })
    expect((await ask(`${path}/close`)).html).toContain('A concern is open')
    await fill(`${path}/concerns/${item}/settle`, { settlement: 'safety_plan', ...date('on', today) })
    expect((await ask('/partner-safety')).html).toContain('Open concerns (0)')
    const contact = Number(item) - 1
    const page = await fill(`${path}/entries/${contact}/withdraw`, { reason: 'wrong_details' })
    expect(page).toContain('withdrawn: </span>Contact, video call')
  })

  it('records once what is sent twice', async () => {
    const form = { ...formIn((await ask(`${path}/concern`)).html), concern: 'other', ...date('on', today) }
    const before = served.runtime.store.read(`partnersafety-${path.split('/')[2]}`)
    const events = (await Array.fromAsync(before)).length
    for (let n = 0; n < 2; n++) expect((await send(`${path}/concern`, { ...form, step: 'confirm' })).status).toBe(303)
    const after = served.runtime.store.read(`partnersafety-${path.split('/')[2]}`)
    expect(await Array.fromAsync(after)).toHaveLength(events + 1)
    await fill(`${path}/concerns/${events}/settle`, { settlement: 'no_further_action', ...date('on', today) })
  })

  it('writes down each look before it shows anything, where the pages about the men do not look', async () => {
    const looks = (await ask(`${path}/looks`)).html
    expect(looks).toContain('The record')
    expect(looks).toContain(personOfRole(worker).id)
    const byWorker = await Array.fromAsync(
      served.runtime.store.read(`partnersafety_look_by-${personOfRole(worker).id}`),
    )
    expect(byWorker.length).toBeGreaterThan(10)
    expect(await Array.fromAsync(served.runtime.store.read(`consultation_by-${personOfRole(worker).id}`))).toEqual([])
    const ofTheMan = await Array.fromAsync(served.runtime.store.read(`consultation-${journeyId}`))
    expect(ofTheMan.filter(({ metadata }) => JSON.stringify(metadata).includes(worker))).toEqual([])
  })
})

describe('whoever works with the men', () => {
  const others = roleCodes.filter((role) => role !== worker)

  it.each(others)('as %s is shown no page of the strand', async (role) => {
    for (const address of ['/partner-safety', path, `${path}/looks`, `${path}/details`])
      expect((await ask(address, personOfRole(role))).status).toBe(403)
  })

  it('cannot work for the partner of a man about whom he or she recorded something', async () => {
    const both = { ...personOfRole(worker), id: personOfRole('case_manager').id }
    const recorded = { ...personOfRole(worker), id: 'recorder' }
    expect((await ask(path, recorded)).status).toBe(200)
    await served.runtime.commands.journeys.execute(
      journeyId,
      'HoldThreeWayMeeting',
      { note: 'Met' },
      { by: { ...recorded, role: 'case_manager' }, source: 'ui', commandId: crypto.randomUUID(), occurredOn: today },
    )
    expect((await ask(path, recorded)).status).toBe(404)
    expect((await ask('/partner-safety', recorded)).html).not.toContain('Branwen Alder')
    const form = { ...formIn((await ask(`${path}/concern`)).html), concern: 'other', ...date('on', today) }
    expect((await send(`${path}/concern`, { ...form, step: 'confirm' }, recorded)).status).toBe(403)
    expect(both.id).not.toBe(recorded.id)
  })

  it('who works for a partner finds the man in no other role', async () => {
    const turned = { ...personOfRole('case_manager'), id: personOfRole(worker).id }
    expect((await ask(`/journeys/${journeyId}`, turned)).status).toBe(404)
    expect((await ask(`/journeys/${journeyId}/attendance`, turned)).status).toBe(404)
    expect((await ask(`/journeys/${journeyId}`, personOfRole('case_manager'))).status).toBe(200)
  })
})
