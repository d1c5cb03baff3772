import { oddityCodes } from '../../src/domain/journey/oddities.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { withCaseload } from '../../projections/caseload.ts'
import { StaleRevision } from '../../src/commands/decide-and-append.ts'
import { JourneyCommandHandler } from '../../src/commands/journey-command-handler.ts'
import { Refusal } from '../../src/domain/history.ts'
import { ConcurrencyConflict, StoreUnavailable } from '../../src/event-store/store-errors.ts'
import { openJourney, serve, type Served } from '../support/served.ts'

describe('a form of a journey', () => {
  it('has an address of its own for each command, which shows what was recorded once it was', async () => {
    const first = await get(`${path}/contact`)
    const second = await get(`${path}/contact`)
    expect(first.url).toMatch(/\/contact\?command=[0-9a-f-]{36}$/)
    expect(second.url).not.toBe(first.url)
    const form = formIn(first.html)
    await send('contact', { ...form, ...meeting, step: 'confirm' })
    await caughtUp()
    const back = await get(first.url)
    expect(back.url).toMatch(/\/recorded\?event=\d+$/)
    expect(back.html).toContain('Contact recorded')
    expect(back.html).toContain(meeting.note)
  })

  it('shows every answer to be checked, and writes nothing before they are', async () => {
    const before = await eventCount()
    const { status, html } = await send('attendance', { ...(await opened('attendance')), ...(await session()) })
    expect(status).toBe(200)
    expect(html).toContain('Check your answers before recording attendance')
    for (const answer of ['30 March 2025', 'Attended, complied (ATTC)', 'F001, F009', 'Took part &lt;well&gt;.'])
      expect(html).toContain(answer)
    expect(await eventCount()).toBe(before)
    // What travels with the page is checked again: a check page that was tampered with is a form with errors.
    const tampered = await send('attendance', { ...formIn(html), outcome: 'NONE', step: 'confirm' })
    expect(tampered.status).toBe(400)
    expect(tampered.html).toContain('Select whether he came and took part')
    expect(await eventCount()).toBe(before)
  })

  it('comes back as it was typed when an answer is changed', async () => {
    const checking = await send('contact', { ...(await opened('contact')), ...meeting })
    const { status, html } = await send('contact', { ...formIn(checking.html), step: 'change' })
    expect(status).toBe(200)
    expect(html).toContain('<h1 class="govuk-heading-l">Record another contact</h1>')
    expect(html).not.toContain('There is a problem')
    expect(html).toContain(meeting.note)
    expect(html).toMatch(/name="happenedOn-year"[^>]* value="2025"/)
  })

  it('once recorded, says what was recorded and what can be done next', async () => {
    const before = await eventCount()
    const { status, location } = await send('contact', { ...(await opened('contact')), ...meeting, step: 'confirm' })
    expect(status).toBe(303)
    expect(location).toMatch(/\/recorded\?event=\d+&after=\d+$/)
    const { html } = await get(location!)
    expect(html).toContain('<h1 class="govuk-panel__title">')
    expect(html).toContain('Three-way meeting')
    expect(html).toContain(`href="${path}/attendance"`)
    expect(await eventCount()).toBe(before + 1)
  })

  it('sent twice is recorded once, and says so', async () => {
    const before = await eventCount()
    const form = { ...(await opened('contact')), ...meeting, step: 'confirm' }
    await send('contact', form)
    const { location } = await send('contact', form)
    expect(location).toContain('repeated=same')
    expect((await get(location!)).html).toContain('It was recorded once')
    expect(await eventCount()).toBe(before + 1)
  })

  it.each([
    ['another note', { note: 'Something else.' }],
    ['no note', { note: '' }],
    ['another day', { 'happenedOn-day': '29' }],
    ['another contact', { contact: 'programme-review' }],
  ])('changed to %s after it was recorded, says that the change was not', async (_what, change) => {
    const before = await eventCount()
    const form = { ...(await opened('contact')), ...meeting, step: 'confirm' }
    await send('contact', form)
    for (const step of ['confirm', '']) {
      const { location } = await send('contact', { ...form, ...change, step })
      expect(location).toContain('repeated=changed')
      const { html } = await get(location!)
      expect(html).toContain('Your change was not recorded')
      expect(html).toContain(meeting.note)
      await caughtUp()
    }
    expect(await eventCount()).toBe(before + 1)
  })

  it('marks the part of a date that is wrong, and all three where all are missing', async () => {
    const form = { ...(await opened('contact')), ...meeting }
    const date = async (day: string, month: string, year: string) => {
      const body = { ...form, 'happenedOn-day': day, 'happenedOn-month': month, 'happenedOn-year': year }
      const { html } = await send('contact', body)
      const wrong = [...html.matchAll(/govuk-input--error"\s+id="happenedOn-(\w+)"/g)].map(([, part]) => part)
      return [/id="happenedOn-error"[^>]*>\s*<span[^>]*>Error:<\/span> ([^<]+?)\s*</.exec(html)?.[1], ...wrong]
    }
    const all = ['day', 'month', 'year']
    expect(await date('', '', '')).toEqual(['Enter the date it happened', ...all])
    expect(await date('3', '', '')).toEqual(['The date it happened must include a month and a year', 'month', 'year'])
    expect(await date('3', '3', '25')).toEqual(['The date it happened must have a year of 4 numbers', 'year'])
    expect(await date('31', '2', '2025')).toEqual(['The date it happened must be a real date', 'day'])
    expect(await date('3', '13', '2025')).toEqual(['The date it happened must be a real date', 'month'])
    expect(await date('32', '13', '2025')).toEqual(['The date it happened must be a real date', 'day', 'month'])
    expect(await date('3', '3', '0224')).toEqual(['The date it happened must be in 1900 or later', 'year'])
    expect(await date('3', '3', '2199')).toEqual(['The date it happened must be today or in the past', ...all])
  })

  it('takes no character that cannot be shown', async () => {
    const form = { ...(await opened('contact')), ...meeting }
    const unshown = [{ note: 'an \u001b escape' }, { contact: 'warning-issued', about: 'a \t tab' }] as Record<
      string,
      string
    >[]
    for (const body of unshown)
      expect((await send('contact', { ...form, ...body })).html).toContain(
        'must not have characters that cannot be shown',
      )
    expect((await send('contact', { ...form, note: 'two\nlines,\tand a tab' })).status).toBe(200)
  })

  it('has the group chosen from those there are', async () => {
    const { html } = await get(`${path}/contact`)
    expect(html).toMatch(/<select class="govuk-select" id="groupId"/)
    const allocation = { ...formIn(html), ...meeting, contact: 'allocated-to-group' }
    expect((await send('contact', { ...allocation, groupId: 'G999X' })).html).toContain('Select a group from the list')
    expect((await send('contact', { ...allocation, groupId: '' })).html).toContain('Select the group')
    // Confirmed without ever having been checked, it is no different.
    const before = await eventCount()
    const confirmed = await send('contact', { ...allocation, groupId: 'G999X', step: 'confirm' })
    expect([confirmed.status, await eventCount()]).toEqual([400, before])
  })
})

describe('what goes wrong while a form is recorded', () => {
  it('what the rules refuse comes back at the control that puts it right', async () => {
    failing(new Refusal('recorded_before_occurred', 'Check the date.'))
    expect(await problemsAfterConfirming()).toEqual([400, '#happenedOn-day', 'Check the date.'])
    failing(new Refusal('something_new', 'No.'))
    expect(await problemsAfterConfirming()).toEqual([400, '#contact', 'No.'])
  })

  it('when the record has changed, nothing is lost', async () => {
    failing(new StaleRevision(1, 2))
    const [status, , text] = await problemsAfterConfirming()
    expect([status, text]).toEqual([400, expect.stringContaining('Somebody added to this record')])
  })

  it.each([new StoreUnavailable(), new ConcurrencyConflict('journey-x')])(
    'when the log does not answer (%o), nothing is claimed and the same can be sent again',
    async (error) => {
      failing(error)
      const form = { ...(await opened('contact')), ...meeting, step: 'confirm' }
      const { status, html } = await send('contact', form)
      expect(status).toBe(503)
      expect(html).toContain('cannot say whether this was recorded')
      vi.restoreAllMocks()
      expect((await send('contact', { ...formIn(html), step: 'confirm' })).status).toBe(303)
    },
  )

  it('what nobody foresaw is not hidden', async () => {
    failing(new Error('bug'))
    const { status, html } = await send('contact', { ...(await opened('contact')), ...meeting, step: 'confirm' })
    expect(status).toBe(500)
    expect(html).not.toContain('bug')
  })

  async function problemsAfterConfirming() {
    const { status, html } = await send('contact', { ...(await opened('contact')), ...meeting, step: 'confirm' })
    const [, href, text] = /govuk-error-summary__list">\s*<li>\s*<a href="([^"]+)">([^<]+)</.exec(html) ?? []
    expect(html).toContain(meeting.note)
    return [status, href, text]
  }
})

describe('what is offered', () => {
  const offered = async (journey: string) => {
    const { html } = await get(journey)
    const list = html.slice(html.indexOf('tl-actions__list'), html.indexOf('tl-sum'))
    return [...list.matchAll(/href="[^"]*\/([a-z-]+)"/g)].map(([, form]) => form)
  }

  it('follows the state of the journey', async () => {
    expect(await offered(path)).toEqual(['attendance', 'contact', 'completion', 'drop-out', 'partner-contact'])
    expect(await offered(await journeyWith('completed'))).not.toEqual(expect.arrayContaining(['completion']) as unknown)
    const left = await offered(await journeyWith('withdrawn'))
    expect(left).toContain('recategorisation')
    expect(left).not.toContain('drop-out')
    expect(await offered(await journeyWith('awaiting_assessment'))).toEqual(['contact', 'drop-out', 'partner-contact'])
  })

  it('and a form that cannot be filled in says why, and what can be done instead', async () => {
    const waiting = await journeyWith('awaiting_assessment')
    for (const [journey, form, why] of [
      [waiting, 'attendance', 'has not been allocated'],
      [waiting, 'completion', 'cannot be complete'],
      [waiting, 'recategorisation', 'no reason to recategorise'],
      [await journeyWith('completed'), 'drop-out', 'This journey has ended'],
    ] as const) {
      const { status, html } = await get(`${journey}/${form}`)
      expect(status).toBe(200)
      expect(html).toContain(why)
      expect(/<main[^]*<\/main>/.exec(html)![0]).not.toMatch(/<select|<form/)
      expect(html).toContain(`href="${journey}/contact"`)
    }
  })

  it('and a form that could be filled in when it was opened, and no longer can be, records nothing', async () => {
    const left = await journeyWith('withdrawn')
    const { html } = await get(`${left}/contact`)
    const body = { ...formIn(html), reason: 'health', 'leftOn-day': '1', 'leftOn-month': '1', 'leftOn-year': '2024' }
    for (const step of ['', 'confirm']) {
      const { status, html } = await send('drop-out', { ...body, step }, left)
      expect(status).toBe(409)
      expect(html).toContain('This journey has ended. Nothing was recorded.')
    }
  })

  it('of an ended journey is dated by its end at the latest', async () => {
    const ended = await journeyWith('completed')
    const { html } = await get(`${ended}/contact`)
    expect(html).toContain('This journey ended on')
    const { status, html: again } = await send(
      'contact',
      { ...formIn(html), ...meeting, 'happenedOn-day': '1', 'happenedOn-month': '4', 'happenedOn-year': '2026' },
      ended,
    )
    expect(status).toBe(400)
    expect(again).toMatch(/must be on or before \d+ \w+ \d{4}, when the journey ended/)
  })
})

describe('what no browser sends', () => {
  it('a body that is not a form is not taken', async () => {
    for (const [type, body] of [
      ['application/json', 'null'],
      ['application/json', '{}'],
      ['text/plain', 'x'],
    ] as const) {
      const answer = await fetch(`${served.url}${path}/contact`, {
        method: 'POST',
        headers: { 'content-type': type, cookie },
        body,
      })
      expect(answer.status).toBe(415)
      expect(await answer.text()).toContain('Nothing was recorded')
    }
    expect((await fetch(`${served.url}${path}/contact`, { method: 'POST' })).status).toBe(415)
  })

  it('an address that says that something was done is not believed', async () => {
    const { html } = await get(`${path}?done=constructor&repeated=constructor`)
    expect(html).not.toMatch(/native code|moj-alert--success/)
    for (const query of ['event=constructor', 'event=-1', 'event=99999', 'event=0', ''])
      expect((await get(`${path}/recorded?${query}`)).status).toBe(404)
    expect((await get(`${path}/constructor`)).status).toBe(404)
    expect((await get(`${path}/contact?command=constructor`)).url).toMatch(/\?command=[0-9a-f-]{36}$/)
  })

  it('fields that are lists, or missing, are answered as a form with errors', async () => {
    const form = await opened('contact')
    const twice = new URLSearchParams([...Object.entries(form), ['contact', 'recall-recorded'], ['contact', 'x']])
    const answer = await fetch(`${served.url}${path}/contact`, { method: 'POST', headers: { cookie }, body: twice })
    expect(answer.status).toBe(400)
  })
})

// --- what the sentences above stand on

const meeting = {
  contact: 'three-way-meeting',
  'happenedOn-day': '30',
  'happenedOn-month': '3',
  'happenedOn-year': '2025',
  note: 'A note worth keeping.',
}

let served: Served
let path: string
let cookie = ''

beforeAll(async () => {
  served = await serve()
  path = `/journeys/${await openJourney(served)}`
}, 120_000)
afterAll(() => served?.stop())
beforeEach(() => void vi.restoreAllMocks())

const failing = (error: Error) => vi.spyOn(served.app.get(JourneyCommandHandler), 'execute').mockRejectedValue(error)

async function get(address: string) {
  const answer = await fetch(new URL(address, served.url), { headers: cookie ? { cookie } : {} })
  cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? cookie
  const { pathname, search } = new URL(answer.url)
  return { status: answer.status, url: `${pathname}${search}`, html: await answer.text() }
}

/** The hidden fields of a form, as a browser sends them back. */
const formIn = (html: string): Record<string, string> =>
  Object.fromEntries(
    [...html.matchAll(/<input type="hidden" name="([^"]+)"(?: id="[^"]+")? value="([^"]*)"/g)].map(
      ([, name, value]) => [name!, value!.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')],
    ),
  )

const opened = async (form: string) => formIn((await get(`${path}/${form}`)).html)

async function send(form: string, body: Record<string, string>, journey = path) {
  const answer = await fetch(`${served.url}${journey}/${form}`, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie },
    // Whatever is unusual about it is meant, unless a spec says otherwise.
    body: new URLSearchParams({ confirmedOddities: oddityCodes.join(' '), ...body }),
  })
  return { status: answer.status, location: answer.headers.get('location'), html: await answer.text() }
}

async function session() {
  const { html } = await get(`${path}/attendance`)
  return {
    sessionId: /<optgroup[^>]*>\s*<option value="([^"]+)"/.exec(html)![1]!,
    'heldOn-day': '30',
    'heldOn-month': '3',
    'heldOn-year': '2025',
    outcome: 'ATTC',
    planned: 'F001',
    actual: 'F001, F009',
    groupId: '',
    note: 'Took part <well>.',
  }
}

const eventCount = async () =>
  (await Array.fromAsync(served.runtime.store.read(path.replace('/journeys/', 'journey-')))).length

async function caughtUp() {
  const events = await Array.fromAsync(served.runtime.store.read(path.replace('/journeys/', 'journey-')))
  await served.runtime.readModels.waitFor(String(events.at(-1)!.position), 5_000)
}

async function journeyWith(status: 'completed' | 'withdrawn' | 'awaiting_assessment'): Promise<string> {
  const row = await withCaseload(served.runtime.readModels.db)
    .selectFrom('caseload')
    .select('journey_id')
    .where('status', '=', status)
    .limit(1)
    .executeTakeFirstOrThrow()
  return `/journeys/${row.journey_id}`
}
