/** The pages of one moment and of two: what they show, how they are asked for, and what they say where they cannot be. */
import { hash, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { recordedFrom } from '../../src/domain/codec.ts'
import { dayOf } from '../../src/domain/calendar.ts'
import type { Recorded } from '../../src/domain/history.ts'
import type { JourneyEvent } from '../../src/domain/journey/journey.ts'
import { Evidence } from '../../src/evidence/evidence.module.ts'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { sayDay } from '../../src/web/layout/dates.ts'
import { richestJourney, serve, type Served } from '../support/served.ts'

let served: Served
let id: string
let path: string
let events: readonly Recorded<JourneyEvent>[]

beforeAll(async () => {
  served = await serve({ journeys: 12, settings: { RATE_LIMIT: '0' } })
  id = await richestJourney(served)
  path = `/journeys/${id}`
  await correctOne()
  events = await eventsOf()
}, 240_000)

afterAll(() => served?.stop())

const today = () => dayOf(new Date().toISOString())

/** The first session that he attended is corrected: the record was of somebody else. */
async function correctOne(): Promise<void> {
  const attended = (await eventsOf()).find(({ type, data }) => type === 'AttendanceRecorded' && data.outcome === 'ATTC')
  const { sessionId } = (attended as Recorded<Extract<JourneyEvent, { type: 'AttendanceRecorded' }>>).data
  const by = { id: 'CM001', role: 'case_manager', organisation: 'North' }
  const issued = { occurredOn: today(), by, source: 'ui', commandId: randomUUID() } as const
  const corrected = { sessionId, outcome: 'UAAB', because: 'Read the wrong line of the register.' }
  await served.runtime.commands.journeys.execute(id, 'CorrectAttendance', corrected, issued)
  await waitUntilCaughtUp(served.runtime)
}

const eventsOf = async () =>
  (await Array.fromAsync(served.runtime.store.read(`journey-${id}`))).map((stored) =>
    recordedFrom<JourneyEvent>(stored),
  )

async function get(address: string, init?: RequestInit) {
  const answer = await fetch(`${served.url}${address}`, init)
  return { status: answer.status, html: await answer.text(), headers: answer.headers, url: answer.url }
}

const correction = () => events.findLast((event) => event.type === 'AttendanceCorrected')!
const text = (html: string) =>
  html
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll('&quot;', '"')
    .replaceAll(/\s+/g, ' ')

describe('two moments', () => {
  it('as known on either side of a correction show what was corrected, by whom, and in which event', async () => {
    const { data, revision, metadata } = correction() as Recorded<
      Extract<JourneyEvent, { type: 'AttendanceCorrected' }>
    >
    const before = new Date(Date.parse(metadata.recordedAt) - 1).toISOString()
    const { status, html } = await get(`${path}/compare?clock=known&from=${before}&to=${metadata.recordedAt}`)
    expect(status).toBe(200)
    const row = html.split('<tr').find((one) => one.includes('tl-compare__how--corrected'))!
    expect(row).toContain(`(${data.was})</del>`)
    expect(text(row)).toContain(`(${data.outcome})`)
    expect(text(row)).toContain(`Corrected event ${data.corrects}`)
    expect(text(row)).toContain(`by ${metadata.actor.id}`)
    expect(row).toContain(`href="${path}/history#event-${revision}"`)
    expect(text(row)).toContain('“Read the wrong line of the register.”')
    expect(text(html)).toMatch(/1 corrected/)
  })

  it('as it happened, from before the referral to the end, show every record as added', async () => {
    const { html } = await get(`${path}/compare?clock=happened&from=1950-01-01&to=${today()}`)
    const told = events.filter(({ type }) => type !== 'AttendanceCorrected' && type !== 'OutcomeRecategorised')
    expect(html.match(/tl-compare__how--added/g)).toHaveLength(told.length)
    expect(text(html)).toContain('Not yet referred')
  })

  it('that are the same differ in nothing, and the page says so', async () => {
    const { html } = await get(`${path}/compare?clock=happened&from=2024-06-01&to=2024-06-01`)
    expect(html).toContain('Nothing changed between these two moments.')
    expect(html).not.toContain('tl-compare__changed')
  })

  it('that nobody named are the last record and four weeks before it', async () => {
    const { status, html } = await get(`${path}/compare`)
    expect(status).toBe(200)
    expect(html).toContain('tl-compare__how--')
  })

  it('chosen in the form lead to an address that names them', async () => {
    const asked = new URLSearchParams({ clock: 'known' })
    for (const [name, day] of [
      ['from', '1'],
      ['to', '30'],
    ] as const)
      for (const [part, value] of [
        ['day', day],
        ['month', '6'],
        ['year', '2024'],
      ] as const)
        asked.set(`${name}-${part}`, value)
    const { status, headers } = await get(`${path}/compare?${asked}`, { redirect: 'manual' })
    expect(status).toBe(303)
    expect(headers.get('location')).toBe(
      `${path}/compare?clock=known&from=2024-06-01T22%3A59%3A59.999Z&to=2024-06-30T22%3A59%3A59.999Z`,
    )
    expect((await get(headers.get('location')!)).status).toBe(200)
  })

  it('as known today are named by the instant of now, so that the link says the same tomorrow', async () => {
    const [year, month, day] = today().split('-')
    const asked = { clock: 'known', 'from-day': '1', 'from-month': '6', 'from-year': '2024' }
    const to = { 'to-day': day!, 'to-month': month!, 'to-year': year! }
    const { headers } = await get(`${path}/compare?${new URLSearchParams({ ...asked, ...to })}`, { redirect: 'manual' })
    const named = new URL(headers.get('location')!, served.url).searchParams.get('to')!
    expect(Math.abs(Date.parse(named) - Date.now())).toBeLessThan(60_000)
  })

  it.each([
    [
      'clock=happened&from=2024-02-30&to=2024-03-01',
      'The first moment in the address must be a real day, such as from=2024-03-12',
    ],
    ['clock=happened&from=2024-02-01&to=2999-01-01', 'The second moment must be today or in the past'],
    ['clock=known&from=2999-01-01T00:00:00Z', 'The first moment must be today or in the past'],
    ['clock=known&from=yesterday', 'The first moment in the address must be a real day or instant'],
    ['clock=happened&from=2024-05-01&to=2024-03-01', 'The first moment must be the same as or before the second'],
    ['clock=cuckoo', 'Select which clock to use'],
    [
      'clock=happened&from-day=31&from-month=2&from-year=2024&to-day=&to-month=3&to-year=2024',
      'The first moment must be a real date',
    ],
    [
      'clock=happened&from-day=1&from-month=2&from-year=2024&to-day=&to-month=3&to-year=2024',
      'The second moment must include a day',
    ],
  ])('at a bad address (%s) are not shown, and the page says why', async (query, why) => {
    const { status, html } = await get(`${path}/compare?${query}`)
    expect(status).toBe(400)
    expect(text(html)).toContain('There is a problem')
    expect(text(html)).toContain(why)
    expect(html).not.toContain('tl-compare__summary')
    expect(html).toContain(`href="${path}/replay"`)
  })

  it('of no journey are not found', async () => {
    expect((await get('/journeys/00000000-0000-4000-8000-000000000000/compare')).status).toBe(404)
  })

  it('are written down as a look of their own', async () => {
    await get(`${path}/compare`)
    const looks = await Array.fromAsync(served.runtime.store.read(`consultation-${id}`))
    expect(looks.map(({ data }) => (data as { view: string }).view)).toContain('comparison')
  })
})

describe('the record at a moment', () => {
  const rowsOf = (html: string, caption: string) => {
    const [, table = ''] =
      new RegExp(`<caption[^>]*>${caption}[\\s\\S]*?<tbody[^>]*>([\\s\\S]*?)</tbody>`).exec(html) ?? []
    return table.split('<tr').slice(1).map(text)
  }

  it('says what stood, as it was known then, and what was recorded only later', async () => {
    const { data, revision, metadata } = correction() as Recorded<
      Extract<JourneyEvent, { type: 'AttendanceCorrected' }>
    >
    const before = new Date(Date.parse(metadata.recordedAt) - 1).toISOString()
    const { status, html } = await get(`${path}/record?clock=known&at=${before}`)
    expect(status).toBe(200)
    const stood = rowsOf(html, 'What stood at this moment')
    expect(stood).toHaveLength(events.filter(({ type }) => type !== 'AttendanceCorrected').length)
    expect(stood.find((row) => row.includes(`Session ${data.sessionId} `))).toContain(`(${data.was})`)
    expect(rowsOf(html, 'What was recorded only after this moment')).toEqual([
      expect.stringContaining('“Read the wrong line of the register.”'),
    ])
    expect(rowsOf(html, 'What was believed then and is no longer')).toEqual([
      expect.stringContaining(`(${data.outcome})`),
    ])
    // The correction, known at its own instant, stands.
    const after = await get(`${path}/record?clock=known&at=${metadata.recordedAt}`)
    const now = rowsOf(after.html, 'What stood at this moment').find((row) =>
      row.includes(`Session ${data.sessionId} `),
    )
    expect(now).toContain(`(${data.outcome})`)
    expect(now).toContain(`${data.corrects} , corrected by ${revision}`)
  })

  it('has the hash of every event, which is its leaf in the evidence log, under a signed head', async () => {
    const { log } = served.app.get(Evidence)
    await expect.poll(() => log!.file.latestCheckpoint()?.size, { timeout: 20_000 }).toBeGreaterThan(0)
    await expect.poll(() => log!.file.indexOf(`journey-${id}`, events.length - 1), { timeout: 20_000 }).not.toBeNull()
    const leaf = log!.file.indexOf(`journey-${id}`, events.length - 1)!
    await expect.poll(() => log!.file.latestCheckpoint()!.size, { timeout: 20_000 }).toBeGreaterThan(leaf)
    const { html } = await get(`${path}/record?clock=known`)
    const hashes = rowsOf(html, 'The hash of each event')
    expect(hashes).toHaveLength(events.length)
    for (const [revision, row] of hashes.entries()) {
      const nth = log!.file.indexOf(`journey-${id}`, revision)!
      const bytes = log!.file.records(nth, nth + 1)[0]!
      // Worked out here as the page says it is: a byte of value 0, then the record.
      const sha256 = hash('sha256', Buffer.concat([Buffer.alloc(1), bytes]), 'hex')
      expect(row).toContain(sha256)
      expect(row).toContain(`Leaf ${nth}`)
      expect(row).not.toContain('DIFFERENT')
    }
    expect(html).toContain('npm run verify -- log')
    expect(text(html)).toMatch(/Root hash [A-Za-z0-9+/]{43}=/)
  })

  it('says who asked for it, and when', async () => {
    const { html } = await get(`${path}/record?clock=happened&at=2024-12-31`)
    expect(text(html)).toContain('Asked for by Spec case manager, case manager, demonstration (CM001)')
    expect(text(html)).toContain(`Printed ${sayDay(today())}`)
  })

  it('of a moment that is none or is in the future is not shown, and the page says why', async () => {
    for (const [query, why] of [
      ['at=2024-02-30', 'The moment in the address must be a real day, such as at=2024-03-12'],
      ['clock=known&at=2999-01-01', 'The moment must be today or in the past'],
      ['clock=known&at-day=1&at-month=&at-year=2024', 'The moment must include a month'],
    ] as const) {
      const { status, html } = await get(`${path}/record?${query}`)
      expect({ query, status }).toEqual({ query, status: 400 })
      expect(text(html)).toContain(why)
      expect(html).not.toContain('tl-record__hash')
    }
  })

  it('is written down as a look of its own', async () => {
    await get(`${path}/record`)
    const looks = await Array.fromAsync(served.runtime.store.read(`consultation-${id}`))
    expect(looks.map(({ data }) => (data as { view: string }).view)).toContain('record_at_moment')
  })
})

describe('the table of the replay', () => {
  it('has a row for every mark that is drawn, and says what is still to come', async () => {
    const { status, html } = await get(`${path}/replay/table?clock=happened&at=${events[8]!.metadata.occurredAt}`)
    expect(status).toBe(200)
    const [, table = ''] = /Every mark on the line[\s\S]*?<tbody[^>]*>([\s\S]*?)<\/tbody>/.exec(html) ?? []
    const rows = table.split('<tr').slice(1).map(text)
    expect(rows).toHaveLength(events.length)
    expect(rows.filter((row) => row.includes('Still to come')).length).toBeGreaterThan(0)
    const { data, revision } = correction() as Recorded<Extract<JourneyEvent, { type: 'AttendanceCorrected' }>>
    expect(rows.find((row) => row.includes(` ${revision} , about ${data.corrects} `))).toContain('corrected to')
    expect(text(html)).toContain('It goes on')
  })

  it('and the picture of a moment in the future or of no clock say so, with a way back', async () => {
    for (const address of ['table?at=2999-01-01', 'picture.svg?clock=cuckoo', 'table?at=now']) {
      const { status, html } = await get(`${path}/replay/${address}`)
      expect({ address, status }).toEqual({ address, status: 400 })
      expect(html).toContain(`href="${path}/replay"`)
    }
  })
})

describe('the journeys of one man', () => {
  it('lead to each other, and that they were listed is written down', async () => {
    const by = { id: 'CM001', role: 'case_manager', organisation: 'North' }
    const refer = async (reference: string, occurredOn: string) => {
      const details = { crn: 'X765432', familyName: 'Example', givenNames: 'One', dateOfBirth: '1980-02-01' }
      const programme = { key: 'bbr', version: 1 }
      const referral = { details, programme, provider: 'North', referralSource: 'voluntary', reference } as const
      const issued = { occurredOn, by, source: 'ui', commandId: randomUUID() } as const
      return (await served.runtime.commands.journeys.refer(referral, issued)).journeyId
    }
    const [first, other] = [await refer('R-98', '2025-01-06'), await refer('R-99', '2025-06-02')]
    await waitUntilCaughtUp(served.runtime)
    const [one, two] = [await get(`/journeys/${first}`), await get(`/journeys/${other}`)]
    expect(one.html).toContain(`href="/journeys/${other}"`)
    expect(text(one.html)).toContain('R-99, referred 2 Jun 2025 : awaiting assessment')
    expect(two.html).toContain(`href="/journeys/${first}"`)
    const looks = await Array.fromAsync(served.runtime.store.read('consultation_by-CM001'))
    expect(looks.some(({ data: look }) => (look as { subjects: string[] }).subjects.includes(other))).toBe(true)
  })
})
