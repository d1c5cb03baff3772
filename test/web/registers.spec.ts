/** The registers across journeys: each lists what it says it lists, as a page, a chart and two files; and who took them is written down. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withRegisters } from '../../projections/registers.ts'
import { lookFrom } from '../../src/domain/consultation.ts'
import { oddityCodes } from '../../src/domain/journey/oddities.ts'
import type { CommandResult } from '../../src/commands/decide-and-append.ts'
import { Registers, type RegisterName } from '../../src/queries/registers.ts'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { openJourney, serve, type Served } from '../support/served.ts'
import { askedAs, cookieFor, personOfRole } from '../support/signed-in.ts'

let served: Served
let journeyId: string
let cookie: string
/** The revisions of what was recorded on one journey, by name. */
const at: Record<string, number> = {}
const today = new Date().toISOString().slice(0, 10)

const issued = (occurredOn = today) => ({
  occurredOn,
  by: { id: '=CM"7', role: 'case_manager', organisation: 'North' },
  source: 'ui' as const,
  commandId: randomUUID(),
})

beforeAll(async () => {
  served = await serve({ journeys: 12, settings: { RATE_LIMIT: '0' } })
  journeyId = await openJourney(served)
  cookie = await cookieFor(served.app, 'auditor')
  const { journeys } = served.runtime.commands
  const revisionOf = (result: CommandResult) => Number((result as { revision: bigint | number }).revision)
  at.warned = revisionOf(
    await journeys.execute(
      journeyId,
      'IssueWarning',
      { about: 'late' },
      { ...issued('2025-04-01'), confirmedOddities: oddityCodes },
    ),
  )
  at.corrected = revisionOf(
    await journeys.correctRecord(
      journeyId,
      { corrects: at.warned, changes: { about: 'absent' }, because: 'Misread <it>.' },
      issued('2025-04-01'),
    ),
  )
  at.left = revisionOf(await journeys.execute(journeyId, 'DropOut', { reason: 'motivation' }, issued()))
  at.withdrawn = revisionOf(
    await journeys.withdrawRecord(journeyId, { withdraws: at.left, because: 'Another man.' }, issued()),
  )
  at.leftAgain = revisionOf(await journeys.execute(journeyId, 'DropOut', { reason: 'work' }, issued()))
  at.recategorised = revisionOf(await journeys.execute(journeyId, 'RecategoriseOutcome', { to: 'family' }, issued()))
  const sameReason = {
    corrects: at.recategorised,
    changes: { note: 'Said so himself.' },
    because: 'A note was missing.',
  }
  at.noteCorrected = revisionOf(await journeys.correctRecord(journeyId, sameReason, issued()))
  at.reinstated = revisionOf(
    await journeys.execute(journeyId, 'ReinstateJourney', { because: 'He came back.' }, issued()),
  )
  await waitUntilCaughtUp(served.runtime)
}, 240_000)

afterAll(() => served?.stop())

const get = (address: string) => fetch(`${served.url}${address}`, { headers: { cookie } })
const page = async (address: string) => (await get(address)).text()
const mine = `by=${encodeURIComponent('=CM"7')}`
const revisionsOf = (html: string) =>
  [...html.matchAll(new RegExp(`/journeys/${journeyId}/history#event-(\\d+)`, 'g'))].map(([, revision]) =>
    Number(revision),
  )

describe('the registers', () => {
  it('list what was recorded on any journey, each leading to its event in the log', async () => {
    const expected: readonly [RegisterName, readonly (keyof typeof at)[], RegExp][] = [
      ['corrections', ['noteCorrected', 'withdrawn', 'corrected'], /Warning corrected/],
      ['late-recording', ['warned'], /Warning of 1 Apr 2025/],
      ['recategorised-outcomes', ['recategorised'], /Work became family/],
      ['withdrawn-endings', ['withdrawn'], /Dropped out \(motivation\) withdrawn/],
      ['reinstatements', ['reinstated'], /The journey goes on/],
      ['confirmed-oddities', ['warned'], /: far from today/],
    ]
    for (const [name, events, says] of expected) {
      const html = await page(`/registers/${name}?${mine}`)
      expect(revisionsOf(html), name).toEqual(events.map((event) => at[event]))
      expect(html, name).toMatch(says)
    }
    expect(await page(`/registers/corrections?${mine}`)).toContain('“Misread &lt;it&gt;.”')
    expect(await page('/registers')).toContain('Outcomes recategorised')
  })

  it('count everybody who left, whatever was recorded of him since', async () => {
    const { db } = served.runtime.readModels
    const everybody = await withRegisters(db)
      .selectFrom('audit_entry')
      .select('subject_id')
      .where('list', '=', 'ended')
      .where('type', '=', 'ParticipantDroppedOut')
      .distinct()
      .execute()
    const leavers = await askedAs('auditor', () => served.app.get(Registers).leavers({}))
    expect(leavers.left).toBe(everybody.length)
    expect(leavers.byReason.reduce((sum, { left }) => sum + left, 0)).toBe(leavers.left)
    expect(leavers).toMatchObject({ withdrawn: 1, reinstated: 1 })
    expect(leavers.recategorised).toBeGreaterThanOrEqual(1)
    // The man who was recategorised, withdrawn and reinstated stands at the reason that was recorded first.
    expect(await askedAs('auditor', () => served.app.get(Registers).leavers({ by: '=CM"7' }))).toEqual({
      left: 1,
      recategorised: 1,
      withdrawn: 1,
      reinstated: 1,
      byReason: [{ reason: 'motivation', left: 1, recategorised: 1 }],
    })
  })

  it('say whether a withdrawal was taken back', async () => {
    const { journeys } = served.runtime.commands
    const other = (await askedAs('auditor', () => served.app.get(Registers).page('late-recording', {}, 1))).rows.find(
      ({ journeyIds }) => journeyIds[0] !== journeyId,
    )!
    const [id] = other.journeyIds
    const taken = { withdraws: other.revision, because: 'In error.' }
    const first = (await journeys.withdrawRecord(id!, taken, issued())) as { revision: bigint | number }
    await journeys.withdrawRecord(id!, { withdraws: Number(first.revision), because: 'It was right.' }, issued())
    await waitUntilCaughtUp(served.runtime)
    const { rows } = await askedAs('auditor', () => served.app.get(Registers).page('corrections', { by: '=CM"7' }, 1))
    expect(
      rows.filter(({ journeyIds }) => journeyIds[0] === id).map(({ takenBackBy }) => takenBackBy !== null),
    ).toEqual([false, true])
  })

  it('draw their rows by month, with the same figures as a table', async () => {
    const { months, total } = await askedAs('auditor', () => served.app.get(Registers).page('late-recording', {}, 1))
    const html = await page('/registers/late-recording')
    expect(total).toBeGreaterThan(2)
    for (const { rows } of months) expect(html).toContain(`: ${rows}</title>`)
    expect(html).toMatch(new RegExp(`aria-label="${total} records from `))
  })

  it('are taken away as files whose cells no spreadsheet takes for a formula, and with nothing personal in them', async () => {
    const csv = await page(`/registers/corrections/rows.csv?${mine}`)
    expect(csv.split('\n')[0]).toMatch(/^recorded_at,occurred_on,/)
    expect(csv).toContain(`"'=CM""7"`)
    expect(csv).not.toContain('Misread')
    const lines = (await page('/registers/late-recording/rows.jsonl')).trim().split('\n')
    const { total } = await askedAs('auditor', () => served.app.get(Registers).page('late-recording', {}, 1))
    expect(lines).toHaveLength(total)
    expect(lines.map((line) => JSON.parse(line) as object)).toContainEqual(
      expect.objectContaining({ journey_ids: journeyId, revision: at.warned, recorded_by: '=CM"7' }),
    )
    const looks = await Array.fromAsync(served.runtime.store.read(`consultation_by-${personOfRole('auditor').id}`))
    const views = looks.map((event) => lookFrom(event)).map((look) => [look?.view, look?.subjects.includes(journeyId)])
    expect(views).toContainEqual(['audit_register', true])
    expect(views).toContainEqual(['audit_register_download', true])
  })

  it('refuse what is no day, no page and no register', async () => {
    const statuses = await Promise.all(
      [
        'corrections?from=2025-02-30',
        'corrections?page=0',
        'corrections?from=2025-02-02&to=2025-02-01',
        'nonsense',
      ].map(async (asked) => (await get(`/registers/${asked}`)).status),
    )
    expect(statuses).toEqual([400, 400, 400, 404])
    expect(await page('/registers/corrections?by=nobody')).toContain('Nothing is in this register')
    expect(await page('/registers/corrections?page=900')).toContain('Go to its first page')
  })
})
