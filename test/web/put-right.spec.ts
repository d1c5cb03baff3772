/** Any record is corrected and withdrawn through one pair of forms, and every page shows what was and what is. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { randomUUID } from 'node:crypto'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { isFactType } from '../../src/domain/journey/correctable.ts'
import { oddityCodes } from '../../src/domain/journey/oddities.ts'
import { recordedFrom } from '../../src/domain/codec.ts'
import { openJourney, serve, type Served } from '../support/served.ts'

let served: Served
let path: string

beforeAll(async () => {
  served = await serve({ journeys: 12, settings: { RATE_LIMIT: '0' } })
  path = `/journeys/${await openJourney(served)}`
}, 240_000)

afterAll(() => served?.stop())

const issued = (occurredOn: string) => ({
  occurredOn,
  by: { id: 'CM001', role: 'case_manager', organisation: 'North' },
  source: 'ui' as const,
  commandId: randomUUID(),
})

async function get(address: string) {
  const answer = await fetch(address.startsWith('http') ? address : `${served.url}${address}`)
  return {
    status: answer.status,
    url: answer.url,
    cookie: answer.headers.getSetCookie().join('; '),
    html: await answer.text(),
  }
}

/** What a browser would send back of a form as it stands: hidden fields, texts, what is selected. */
function fieldsOf(html: string): Record<string, string> {
  const unescape = (text: string) =>
    text
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&amp;', '&')
  const fields: Record<string, string> = {}
  for (const [tag] of html.matchAll(/<input\b[^>]*>/g)) {
    const name = /name="([^"]+)"/.exec(tag)?.[1]
    if (name) fields[name] = unescape(/ value="([^"]*)"/.exec(tag)?.[1] ?? '')
  }
  for (const [, name, text] of html.matchAll(/<textarea[^>]* name="([^"]+)"[^>]*>([^<]*)</g))
    fields[name!] = unescape(text!)
  for (const [, name, options] of html.matchAll(/<select[^>]* name="([^"]+)"[^>]*>([\s\S]*?)<\/select>/g))
    fields[name!] = /value="([^"]*)" selected/.exec(options!)?.[1] ?? ''
  return fields
}

class Sent {
  constructor(
    readonly status: number,
    readonly html: string,
    readonly location: string | null,
  ) {}
}

async function send(address: string, changes: Record<string, string>): Promise<Sent> {
  const page = await fetch(`${served.url}${address}`)
  const html = await page.text()
  // The form is reached by a redirect that names its command; its cookie comes with the page.
  const cookie = page.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ')
  const answer = await fetch(`${served.url}${address}`, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie },
    // Whatever is unusual about it is meant.
    body: new URLSearchParams({ ...fieldsOf(html), confirmedOddities: oddityCodes.join(' '), ...changes }),
  })
  return new Sent(answer.status, await answer.text(), answer.headers.get('location'))
}

async function record(
  type: 'IssueWarning' | 'HoldThreeWayMeeting' | 'DropOut',
  data: object,
  on: string,
): Promise<number> {
  const id = path.replace('/journeys/', '')
  const written = await served.runtime.commands.journeys.execute(id, type, data as never, issued(on))
  await waitUntilCaughtUp(served.runtime)
  return written === 'nothing_new' ? -1 : written.revision
}

const events = async () =>
  (await Array.fromAsync(served.runtime.store.read(path.replace('/journeys/', 'journey-')))).map((stored) =>
    recordedFrom(stored),
  )

describe('a record', () => {
  it('is corrected: was and is are checked, recorded, and shown both ways', async () => {
    const revision = await record('IssueWarning', { about: 'late', note: 'First warning.' }, '2025-03-20')
    const address = `${path}/events/${revision}/correct`
    const checked = await send(address, { 'happenedOn-day': '21', about: 'absent', why: 'Misread the diary.' })
    expect(checked.status, checked.html).toBe(200)
    expect(checked.html).toContain('Check your answers before correcting the warning of 20 March 2025')
    expect(checked.html).toMatch(
      /<del><span class="govuk-visually-hidden">was <\/span>20 March 2025<\/del> 21 March 2025/,
    )
    expect(checked.html).toMatch(/late<\/del> absent/)
    const sent = await send(address, {
      'happenedOn-day': '21',
      about: 'absent',
      why: 'Misread the diary.',
      step: 'confirm',
    })
    expect(sent.status, sent.html).toBe(303)
    const { html } = await get(sent.location!)
    expect(html).toContain('Record corrected')
    expect(html).toMatch(/late<\/del> absent/)
    await waitUntilCaughtUp(served.runtime)
    const timeline = (await get(path)).html
    expect(timeline).toContain('Misread the diary.')
    expect(timeline).toMatch(new RegExp(`corrects <a[^>]*#event-${revision}"`))
    const history = (await get(`${path}/history`)).html
    expect(history).toContain(`Corrects <a class="govuk-link" href="#event-${revision}">event ${revision}</a>`)
    expect(history).toContain(
      `Corrected by <a class="govuk-link" href="#event-${revision + 1}">event ${revision + 1}</a>`,
    )
    for (const clock of ['known', 'happened']) {
      const replay = await get(`${path}/replay?clock=${clock}`)
      expect(replay.status).toBe(200)
      expect(replay.html).toContain(`Event ${revision}, about the warning, was corrected.`)
    }
  })

  it('is withdrawn, struck through, counted no more, and put back', async () => {
    const revision = await record('HoldThreeWayMeeting', { note: 'With his manager.' }, '2025-03-22')
    const sent = await send(`${path}/events/${revision}/withdraw`, { why: 'Another man.', step: 'confirm' })
    expect(sent.status, sent.html).toBe(303)
    expect((await get(sent.location!)).html).toContain('Record withdrawn')
    await waitUntilCaughtUp(served.runtime)
    const timeline = (await get(path)).html
    expect(timeline).toContain('Recorded in error')
    expect(timeline).toContain(`${path}/events/${revision + 1}/withdraw`)
    expect((await get(`${path}/replay?clock=known`)).html).toContain('Withdrawn as recorded in error')
    const back = await send(`${path}/events/${revision + 1}/withdraw`, { why: 'It was him.', step: 'confirm' })
    expect((await get(back.location!)).html).toContain('Record put back')
    await waitUntilCaughtUp(served.runtime)
    expect((await get(path)).html).not.toContain('Recorded in error</span>')
  })

  it('asks why, and what is wrong with a value, at the control that puts it right', async () => {
    const revision = await record('IssueWarning', {}, '2025-03-23')
    const address = `${path}/events/${revision}/correct`
    const silent = await send(address, { note: 'x' })
    expect(silent.status).toBe(400)
    expect(silent.html).toContain('Enter why the record was wrong')
    const same = await send(address, { why: 'No reason.', step: 'confirm' })
    expect(same.html).toContain('That is what the record already says')
    const early = await send(address, { why: 'x', 'happenedOn-year': '1999', step: 'confirm' })
    expect(early.html).toContain('when he was referred')
  })

  it('that no longer stands says which event to correct instead; one that is not there is not found', async () => {
    const revision = await record('IssueWarning', {}, '2025-03-24')
    await send(`${path}/events/${revision}/correct`, { note: 'x', why: 'y', step: 'confirm' })
    await waitUntilCaughtUp(served.runtime)
    expect((await get(`${path}/events/${revision}/correct`)).html).toContain(
      `Event ${revision + 1} has corrected this record`,
    )
    expect((await get(`${path}/events/99999/correct`)).status).toBe(404)
    expect((await get(`${path}/events/${revision}/withdraw`)).status).toBe(200)
  })

  it('of attendance is corrected where any record is: the address of its own form leads there', async () => {
    const attended = (await events()).find(({ type }) => type === 'AttendanceRecorded')!
    const { sessionId } = attended.data as { sessionId: string }
    const moved = (search: string) => fetch(`${served.url}${path}/correction${search}`, { redirect: 'manual' })
    const answer = await moved(`?sessionId=${sessionId}`)
    expect([answer.status, answer.headers.get('location')]).toEqual([
      303,
      `${path}/events/${attended.revision}/correct`,
    ])
    expect((await moved('')).headers.get('location')).toBe(path)
  })

  it('of every kind there is has its form', async () => {
    for (const { revision, type } of await events()) {
      const { status, html } = await get(`${path}/events/${revision}/correct`)
      if (isFactType(type)) expect([status, html.includes('Correct a record')], type).toEqual([200, true])
      expect((await get(`${path}/events/${revision}/withdraw`)).status, type).toBe(200)
    }
  })
})

describe('who he is', () => {
  const address = () => `${path}/details`
  const header = async () => (await fetch(`${served.url}/api${path}`)).json() as Promise<Record<string, string>>

  const searched = async (search: object) => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${served.url}/api/caseload/search`, {
      method: 'POST',
      headers,
      body: JSON.stringify(search),
    })
    return ((await answer.json()) as { rows: { crn: string; name: string }[] }).rows
  }

  it('is corrected by whoever says why, and what was believed stays, struck through', async () => {
    const { name, crn, dateOfBirth } = await header()
    const [familyName] = name!.split(', ')
    expect((await get(path)).html).toContain('Correct his details')
    const checked = await send(address(), { familyName: 'Newname', because: 'As his passport says.' })
    expect(checked.html).toContain('Check your answers before correcting his details')
    expect(checked.html).toMatch(new RegExp(`<del>.*${familyName}</del> Newname`))
    expect(checked.html).not.toContain('Check what is unusual')
    const sent = await send(address(), { familyName: 'Newname', because: 'As his passport says.', step: 'confirm' })
    expect([sent.status, sent.location]).toEqual([303, expect.stringContaining(`${path}/details/corrected?event=1`)])
    const { html } = await get(sent.location!)
    expect(html).toContain('Details corrected')
    for (const page of [html, (await get(path)).html, (await get(`${path}/history`)).html]) {
      expect(page).toMatch(new RegExp(`<del>.*${familyName}</del> Newname`))
      expect(page).toContain('As his passport says.')
    }
    expect(await header()).toMatchObject({ crn, dateOfBirth, name: expect.stringMatching(/^Newname, /) })
    // He is found by both names, and the case load shows the one that is believed.
    for (const find of ['Newname', familyName!]) {
      const found = (await searched({ find })).filter(({ name }) => name.startsWith('Newname'))
      expect(found).toHaveLength(1)
    }
  })

  it('is corrected again, and back; what was sent twice is recorded once', async () => {
    const command = await get(address())
    const form = fieldsOf(command.html)
    const body = { ...form, familyName: 'Backname', because: 'Another passport.', step: 'confirm' }
    const cookie = command.cookie.split(';')[0]!
    const post = () =>
      fetch(command.url, { method: 'POST', redirect: 'manual', headers: { cookie }, body: new URLSearchParams(body) })
    const first = (await post()).headers.get('location')!
    expect(first).toContain('event=2')
    await waitUntilCaughtUp(served.runtime)
    expect((await post()).headers.get('location')).toContain('event=2&repeated=same')
    expect((await get(command.url)).html).toContain('Details corrected')
    expect((await get(`${path}?x`)).html.match(/id="details-\d+"/g)).toEqual(['id="details-2"', 'id="details-1"'])
  })

  it('is not corrected to nothing, to what it is, to a minor, or to somebody else', async () => {
    const all = {
      familyName: '',
      givenNames: '',
      crn: '',
      because: '',
      'dateOfBirth-day': '31',
      'dateOfBirth-month': '2',
    }
    const wrong = await send(address(), all)
    expect(wrong.status).toBe(400)
    for (const text of [
      'Enter his family name',
      'Enter his given names',
      'Enter his CRN',
      'Enter why the details were wrong',
      'His date of birth must be a real date',
    ])
      expect(wrong.html).toContain(text)
    expect((await send(address(), { because: 'x' })).html).toContain('Nothing differs from what is on record')
    const minor = await send(address(), { because: 'x', 'dateOfBirth-year': '2015' })
    expect([minor.status, minor.html]).toEqual([400, expect.stringContaining('he would have been younger than 18')])
    const { crn } = await header()
    const taken = (await searched({})).find((row) => row.crn !== crn)!.crn
    const other = await send(address(), { because: 'x', crn: taken })
    expect([other.status, other.html]).toEqual([400, expect.stringContaining('The CRN is on record for somebody else')])
  })

  it('that changes altogether, or makes him very old, is recorded once somebody says that it is meant', async () => {
    const old = { 'dateOfBirth-year': '1921', because: 'Mistyped.', confirmedOddities: '' }
    const asked = await send(address(), old)
    expect(asked.html).toContain('he is more than 90 years old')
    expect(asked.html).toContain('Yes, these are his details')
    const refused = await send(address(), { ...old, step: 'confirm' })
    expect([refused.status, refused.html]).toEqual([400, expect.stringContaining('Select if these are his details')])
    const meant = await send(address(), { ...old, step: 'confirm', confirmedOddities: 'very_old' })
    expect(meant.status).toBe(303)
    await waitUntilCaughtUp(served.runtime)
    expect((await header()).dateOfBirth).toMatch(/^1921/)
  })
})

it('a journey that ended is reinstated, and goes on', async () => {
  await record('DropOut', { reason: 'work' }, '2025-03-29')
  const sent = await send(`${path}/reinstatement`, {
    'reinstatedOn-day': '30',
    'reinstatedOn-month': '3',
    'reinstatedOn-year': '2025',
    because: 'He found another job.',
    step: 'confirm',
  })
  expect(sent.status, sent.html).toBe(303)
  expect((await get(sent.location!)).html).toContain('Journey reinstated')
  await waitUntilCaughtUp(served.runtime)
  expect((await get(path)).html).toContain('He found another job.')
  expect((await get(`${path}/attendance`)).html).not.toContain('This journey ended')
})
