/** What an inspector asks: each question finds what it says it finds, at the threshold that is set, and can be saved as a view of one's own. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withGroups } from '../../projections/groups.ts'
import type { CommandResult } from '../../src/commands/decide-and-append.ts'
import { mostSavedViews, SavedViews } from '../../src/access/saved-views.ts'
import { dayNumbered, dayNumberOf } from '../../src/domain/calendar.ts'
import { recordedFrom } from '../../src/domain/codec.ts'
import type { JourneyEvent } from '../../src/domain/journey/journey.ts'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { openJourney, serve, type Served } from '../support/served.ts'
import { cookieFor, personOfRole } from '../support/signed-in.ts'

let served: Served
let journeyId: string
let cookie: string
const today = new Date().toISOString().slice(0, 10)
const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)

const issued = (id: string, occurredOn: string) => ({
  occurredOn,
  by: { id, role: 'case_manager', organisation: 'North' },
  source: 'ui' as const,
  commandId: randomUUID(),
})
const revisionOf = (result: CommandResult) => Number((result as { revision: bigint | number }).revision)

beforeAll(async () => {
  served = await serve({ journeys: 8, settings: { RATE_LIMIT: '0' } })
  journeyId = await openJourney(served)
  cookie = await cookieFor(served.app, 'auditor')
}, 240_000)

afterAll(() => served?.stop())

const get = (address: string) => fetch(`${served.url}${address}`, { headers: { cookie } })
const page = async (address: string) => (await get(address)).text()

describe('an inspector', () => {
  it('finds who recorded much in one day that had happened long before, and the records', async () => {
    const { journeys } = served.runtime.commands
    for (const day of ['2025-04-01', '2025-04-02', '2025-04-03'])
      await journeys.execute(journeyId, 'IssueWarning', { about: day }, issued('CM-BURST', day))
    await waitUntilCaughtUp(served.runtime)
    const html = await page('/questions/recording-bursts?late=30&records=3')
    expect(html).toContain(`/registers/late-recording?from=${today}&amp;to=${today}&amp;by=CM-BURST`)
    expect(await page('/questions/recording-bursts?late=30&records=4')).not.toContain('CM-BURST')
    expect(await page(`/registers/late-recording?from=${today}&to=${today}&by=CM-BURST`)).toContain('3 records')
  })

  it('finds who corrected much before an inspection, beside what he corrects otherwise', async () => {
    const { journeys } = served.runtime.commands
    const at = revisionOf(
      await journeys.execute(journeyId, 'IssueWarning', { about: 'x' }, issued('CM-A', '2025-04-04')),
    )
    const first = await journeys.correctRecord(
      journeyId,
      { corrects: at, changes: { about: 'y' }, because: 'Wrong.' },
      issued('CM-FIX', '2025-04-04'),
    )
    await journeys.withdrawRecord(
      journeyId,
      { withdraws: revisionOf(first), because: 'It was right.' },
      issued('CM-FIX', '2025-04-04'),
    )
    await waitUntilCaughtUp(served.runtime)
    const before = (inspection: string, corrections: number) =>
      page(`/questions/corrections-before-inspection?inspection=${inspection}&days=1&corrections=${corrections}`)
    expect(await before(tomorrow, 2)).toContain(`/registers/corrections?from=${today}&amp;to=${today}&amp;by=CM-FIX`)
    expect(await before(tomorrow, 3)).not.toContain('CM-FIX')
    expect(await before(today, 1), 'the day of the inspection is not before it').not.toContain('CM-FIX')
  })

  it('finds who recategorised outcomes, and how many of all', async () => {
    const { journeys } = served.runtime.commands
    await journeys.execute(journeyId, 'DropOut', { reason: 'work' }, issued('CM-A', today))
    await journeys.execute(journeyId, 'RecategoriseOutcome', { to: 'family' }, issued('CM-RECAT', today))
    await journeys.execute(journeyId, 'ReinstateJourney', { because: 'He came back.' }, issued('CM-A', today))
    await waitUntilCaughtUp(served.runtime)
    expect(await page('/questions/recategorised-by-one-person?outcomes=1')).toMatch(/CM-RECAT[\s\S]*?1 of \d+/)
    expect(await page('/questions/recategorised-by-one-person?outcomes=2')).not.toContain('CM-RECAT')
  })

  it('finds one man in two groups on one day, until the record is put right', async () => {
    const { journeys } = served.runtime.commands
    const events = (await Array.fromAsync(served.runtime.store.read(`journey-${journeyId}`))).map(
      recordedFrom<JourneyEvent>,
    )
    const corrected = new Set(events.map((event) => (event.type === 'AttendanceCorrected' ? event.data.corrects : -1)))
    const [first, second] = events
      .filter((event) => event.type === 'AttendanceRecorded')
      .filter(({ revision, data }) => data.outcome === 'ATTC' && !corrected.has(revision))
    const on = first!.metadata.occurredAt
    const said = { corrects: second!.revision, changes: { groupId: 'X-2' }, because: 'He was elsewhere.' }
    const moved = revisionOf(await journeys.correctRecord(journeyId, said, issued('CM-A', on)))
    await waitUntilCaughtUp(served.runtime)
    const html = await page('/questions/man-in-two-places')
    for (const revision of [first!.revision, moved])
      expect(html).toContain(`/journeys/${journeyId}/history#event-${revision}`)
    expect(html).toContain(`${first!.data.groupId} (${first!.data.sessionId}), X-2 (${second!.data.sessionId})`)
    await journeys.withdrawRecord(journeyId, { withdraws: moved, because: 'He was not.' }, issued('CM-A', on))
    await waitUntilCaughtUp(served.runtime)
    expect(await page('/questions/man-in-two-places')).not.toContain('X-2')
  })

  it('finds one facilitator in two sessions at the same time', async () => {
    const db = withGroups(served.runtime.readModels.db)
    const group = {
      programme_key: 'bbr',
      programme_version: 1,
      provider: 'North',
      place: 'Hall',
      weekday: 1,
      starts_at: '18:00',
      minutes: 120,
      capacity: 8,
      formed_on: '2025-01-01',
      staff: '[]',
      source: 'ui',
    }
    const session = (n: number, starts_at: string, staff: string) => ({
      session_id: `00000000-0000-4000-8000-00000000000${n}`,
      group_id: `g${n}`,
      programme_session: 'F1',
      on_day: '2025-05-05',
      starts_at,
      minutes: 120,
      status: 'delivered' as const,
      because: null,
      planned: '[]',
      actual: JSON.stringify([{ facilitator: staff, role: 'lead' }]),
    })
    await db
      .insertInto('programme_group')
      .values([1, 2, 3].map((n) => ({ ...group, group_id: `g${n}`, code: `G${n}` })))
      .execute()
    await db
      .insertInto('group_session')
      .values([session(1, '18:00', 'F-TWICE'), session(2, '19:30', 'F-TWICE'), session(3, '18:00', 'F-ONCE')])
      .execute()
    const html = await page('/questions/facilitator-in-two-places?minutes=30')
    expect(html).toContain('G1 (F1) from 18:00, G2 (F1) from 19:30')
    expect(html).toContain('30 minutes')
    expect(html).not.toContain('F-ONCE')
    expect(await page('/questions/facilitator-in-two-places?minutes=31')).not.toContain('F-TWICE')
  })

  it('finds who delivered sessions without a training in force on that day, and for how long a lapsed one is let count', async () => {
    const { facilitators } = served.runtime.commands
    const day = (
      await withGroups(served.runtime.readModels.db)
        .selectFrom('group_session')
        .select('on_day')
        .executeTakeFirstOrThrow()
    ).on_day
    const before = (days: number) => dayNumbered(dayNumberOf(day) - days)
    const train = async (code: string, validUntil: string) => {
      const person = { code, name: 'Somebody', provider: 'North' }
      const { facilitatorId } = await facilitators.onboard(person, issued('CM-A', before(400)))
      const training = { course: 'bbr_facilitator', validUntil } as const
      await facilitators.execute(facilitatorId, 'RecordTraining', training, issued('CM-A', before(400)))
    }
    expect(await page('/questions/delivered-untrained?sessions=1')).toMatch(/F-TWICE[\s\S]*None completed/)
    await train('F-TWICE', before(10))
    await train('F-ONCE', day)
    await waitUntilCaughtUp(served.runtime)
    const html = await page('/questions/delivered-untrained?sessions=1')
    expect(html).toMatch(/F-TWICE[\s\S]*Lapsed after/)
    expect(html).not.toContain('F-ONCE')
    expect(await page('/questions/delivered-untrained?sessions=3')).not.toContain('F-TWICE')
    expect(await page('/questions/delivered-untrained?sessions=2&grace=9')).toContain('F-TWICE')
    expect(await page('/questions/delivered-untrained?sessions=2&grace=10')).not.toContain('F-TWICE')
  })

  it('finds times in which nothing was recorded on an open journey', async () => {
    const html = await page('/questions/gaps?days=30')
    // It was last recorded on in the spring of 2025, and then today.
    expect(html).toMatch(new RegExp(`/journeys/${journeyId}/history#event-\\d+`))
    expect(html).toContain('It still lasts')
    expect(await page('/questions/gaps?days=3650')).toContain('Nothing reaches this threshold')
  })

  it('is told which thresholds cannot be used', async () => {
    const asked = [
      'gaps?days=x',
      'gaps?days=1',
      'recording-bursts?late=-5',
      'corrections-before-inspection?inspection=soon',
      'none',
    ]
    const statuses = await Promise.all(asked.map(async (one) => (await get(`/questions/${one}`)).status))
    expect(statuses).toEqual([400, 400, 400, 400, 404])
  })
})

describe('a saved view', () => {
  const send = async (address: string, fields: Record<string, string>) => {
    const form = await get('/questions/gaps?days=77')
    const token = /name="_csrf" value="([^"]+)"/.exec(await form.text())![1]!
    const cookies = [cookie, ...form.headers.getSetCookie().map((one) => one.split(';')[0]!)].join('; ')
    return fetch(`${served.url}${address}`, {
      method: 'POST',
      headers: { cookie: cookies },
      body: new URLSearchParams({ _csrf: token, ...fields }),
      redirect: 'manual',
    })
  }

  it('is kept under its name, opened, and deleted by nobody else', async () => {
    const saved = await send('/registers/views', { name: 'Quiet <ones>', address: '/questions/gaps?days=77' })
    expect([saved.status, saved.headers.get('location')]).toEqual([303, '/registers#views'])
    expect(await page('/registers')).toContain(
      '<a class="govuk-link" href="/questions/gaps?days=77">Quiet &lt;ones&gt;</a>',
    )
    expect(await page('/questions/gaps?days=77')).toContain('among')
    const views = served.app.get(SavedViews)
    const { id } = personOfRole('auditor')
    const [view] = await views.of(id)
    await views.delete('somebody-else', view!.id)
    expect(await views.of(id)).toEqual([view])
    expect((await send(`/registers/views/${view!.id}/delete`, {})).status).toBe(303)
    expect(await page('/registers')).not.toContain('Quiet')
  })

  it('leads nowhere else, and there are only so many', async () => {
    for (const address of [
      'https://example.org',
      '//example.org',
      '/journeys/1',
      '/registers/a"b',
      '/questions/gaps?a=<b>',
    ])
      expect((await send('/registers/views', { name: 'Away', address })).status, address).toBe(400)
    expect((await send('/registers/views', { name: ' ', address: '/questions/gaps' })).status).toBe(400)
    const views = served.app.get(SavedViews)
    const { id } = personOfRole('auditor')
    for (let n = 0; n < mostSavedViews; n++) await views.save(id, `View ${n}`, '/questions/gaps')
    expect((await send('/registers/views', { name: 'One more', address: '/questions/gaps' })).status).toBe(400)
    expect((await send('/registers/views', { name: 'View 3', address: '/questions/gaps?days=8' })).status).toBe(303)
    expect(await views.of(id)).toHaveLength(mostSavedViews)
  })
})
