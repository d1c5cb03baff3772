/** The pages on which access to a case is limited and a limit is lifted; and what whoever walks through records is answered. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { AccessDatabase } from '../../src/access/access-database.ts'
import { UnusualReach, reachLimitsOf } from '../../src/access/unusual-reach.ts'
import { openJourney, serve, type Served } from '../support/served.ts'
import { cookieFor } from '../support/signed-in.ts'
import { withCaseload } from '../../projections/caseload.ts'

let served: Served
let id: string
beforeAll(async () => {
  served = await serve({ journeys: 12, settings: { RATE_LIMIT: '0', REACH_LIMIT: '8' } })
  id = await openJourney(served)
})
afterAll(() => served.stop())

async function get(path: string, role: Parameters<typeof cookieFor>[1] = 'treatment_manager') {
  const answer = await fetch(served.url + path, { headers: { cookie: await cookieFor(served.app, role) } })
  const csrf = answer.headers.get('set-cookie')?.split(';')[0] ?? ''
  return { status: answer.status, html: await answer.text(), csrf }
}

/** Sends a form as it was opened, with what is typed into it. */
async function send(path: string, typed: Readonly<Record<string, string>>) {
  const { html, csrf } = await get(path)
  const hidden = (name: string) => new RegExp(`name="${name}" value="([^"]+)"`).exec(html)![1]!
  const answer = await fetch(served.url + path, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie: `${await cookieFor(served.app, 'treatment_manager')}; ${csrf}` },
    body: new URLSearchParams({ _csrf: hidden('_csrf'), commandId: hidden('commandId'), ...typed }),
  })
  return { status: answer.status, html: await answer.text(), location: answer.headers.get('location') }
}

const tomorrow = new Date(Date.now() + 86_400_000)
const limit = {
  kind: 'exclusion',
  people: 'spec-facilitator, FA002',
  reason: 'knows_him',
  'until-day': String(tomorrow.getUTCDate()),
  'until-month': String(tomorrow.getUTCMonth() + 1),
  'until-year': String(tomorrow.getUTCFullYear()),
}

describe('the pages of limited access', () => {
  it('say what is wrong at each field, and have a way back', async () => {
    const form = await get(`/journeys/${id}/access/new`)
    expect(form.html).toContain('govuk-back-link')
    const empty = await send(`/journeys/${id}/access/new`, {})
    expect(empty.status).toBe(400)
    for (const problem of [
      'Select what the limit is',
      'Enter the id of each person',
      'Select why',
      'Enter the last day',
    ])
      expect(empty.html).toContain(problem)
    const past = await send(`/journeys/${id}/access/new`, { ...limit, 'until-year': '2020' })
    expect(past.html).toContain('The last day must be today or later')
    const far = await send(`/journeys/${id}/access/new`, { ...limit, 'until-year': '2199' })
    expect(far.html).toContain('The last day must be within two years')
  })

  it('limit a case after its answers were checked, at once, and lift it again', async () => {
    expect((await get(`/journeys/${id}`, 'facilitator')).status).toBe(200)
    const check = await send(`/journeys/${id}/access/new`, limit)
    expect(check.html).toContain('Check your answers before limiting who may see the case')
    expect(check.html).toContain('They know him or his family')
    expect((await get(`/journeys/${id}`, 'facilitator')).status).toBe(200)
    const done = await send(`/journeys/${id}/access/new`, { ...limit, step: 'confirm' })
    expect(done).toMatchObject({ status: 303, location: `/journeys/${id}/access?done=limited` })
    const refused = await get(`/journeys/${id}`, 'facilitator')
    expect(refused.status).toBe(404)
    expect(refused.html).toContain('ask a data protection officer')
    const shown = await get(done.location!)
    expect(shown.html).toContain('spec-facilitator, FA002')
    expect(shown.html).toContain('Who may see this case was limited')
    const lift = `/journeys/${id}/access/0/lift`
    expect((await send(lift, {})).location).toBe(`/journeys/${id}/access?done=lifted`)
    expect((await get(`/journeys/${id}`, 'facilitator')).status).toBe(200)
    expect((await get(`/journeys/${id}/access`)).html).toContain('Limits that are over')
    expect((await get(lift)).html).toContain('This limit was lifted on')
  })
})

describe('whoever walks through records', () => {
  it('is stopped, told why, and named to auditors; others are not', async () => {
    const rows = await withCaseload(served.runtime.readModels.db).selectFrom('caseload').select('journey_id').execute()
    const statuses: number[] = []
    for (const { journey_id: one } of rows) statuses.push((await get(`/journeys/${one}`, 'case_manager')).status)
    expect(statuses).toEqual([...Array<number>(8).fill(200), ...Array<number>(4).fill(429)])
    const stopped = await get(`/journeys/${rows[10]!.journey_id}`, 'case_manager')
    expect(stopped.html).toContain('You have looked at very many records')
    const byProgram = await get(`/api/journeys/${rows[10]!.journey_id}`, 'case_manager')
    expect(JSON.parse(byProgram.html)).toMatchObject({ status: 429, code: 'too_many_records' })
    // What he was shown before is his to go on with.
    expect((await get(`/journeys/${rows[0]!.journey_id}`, 'case_manager')).status).toBe(200)
    expect((await get(`/journeys/${rows[10]!.journey_id}`, 'auditor')).status).toBe(200)
    const { html } = await get('/alerts', 'auditor')
    expect(html.match(/Opened records one by one/g)).toHaveLength(1)
    expect(html).toContain('9 in 10 minutes; 8 are usual at most')
    const alerts = await Array.fromAsync(served.runtime.store.readAllBackwards(['consultation_alert'], 10))
    expect(alerts.map(({ stream, type }) => [stream, type])).toEqual([
      ['consultation_alert-CM001', 'UnusualReachRefused'],
    ])
  })

  it('can go on once time has passed, and is named again if he goes on as before', async () => {
    let now = 0
    const database = new AccessDatabase(':memory:')
    onTestFinished(() => database.close())
    const usual = new UnusualReach(reachLimitsOf(2), database, () => now)
    const reach = (id: string) => usual.reaching('A', 'opened', [id])
    expect([await reach('1'), await reach('2')].every(({ isUsual }) => isUsual)).toBe(true)
    expect(await reach('3')).toMatchObject({ isUsual: false, isFirst: true, records: 3 })
    expect(await reach('4')).toMatchObject({ isUsual: false, isFirst: false })
    now = 10 * 60_000 + 1
    expect([await reach('3'), await reach('4')].every(({ isUsual }) => isUsual)).toBe(true)
    expect(await reach('5')).toMatchObject({ isUsual: false, isFirst: true })
    expect(await new UnusualReach(reachLimitsOf(0), database).reaching('A', 'taken', ['1'])).toEqual({ isUsual: true })
  })
})
