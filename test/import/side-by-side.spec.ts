/** An import while people record on the same journeys: what the log says first counts, and the import goes on. */
import { describe, expect, it, vi } from 'vitest'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { appenderOf, countEvents, importText, temporaryWorkplace } from '../support/runtime.ts'
import { caseManager } from '../support/signed-in.ts'
import { contactOf, writtenLog, type WrittenRow } from '../support/written-log.ts'

const journeys = Array.from({ length: 80 }, (_, n) => String(n).padStart(6, '0'))

const rowsOf = (n: string, ...contacts: WrittenRow[]) =>
  contacts.map((contact) => contactOf(Number(n), { ...contact, journey_ref: `R-${n}` }))

const begun = writtenLog(
  journeys.flatMap((n) => rowsOf(n, { contact: 'Referral' }, { contact: 'Allocated to group', group: 'G1' })),
)
const sessions = writtenLog(
  journeys.flatMap((n) =>
    rowsOf(
      n,
      { contact: 'Session', session: 'PG1', outcome: 'ATTC', group: 'G1' },
      { contact: 'Warning', note: 'late' },
      { contact: 'Session', session: 'PG2', outcome: 'UAAB', group: 'G1' },
    ),
  ),
)

const attended = { sessionId: 'PG1', outcome: 'AFTC', groupId: 'G1', plannedFacilitators: [], actualFacilitators: [] }

/** Before the import appends to a journey, somebody records on it, as often as given. */
function overtaken(runtime: Runtime, times: number, record: (journeyId: string) => Promise<unknown>) {
  const appender = appenderOf(runtime)
  const append = appender.append.bind(appender)
  const left = new Map<string, number>()
  return vi.spyOn(appender, 'append').mockImplementation(async (stream, expected, events) => {
    const byImport = events.every(({ metadata }) => (metadata as { source: string }).source === 'import')
    if (byImport && stream.startsWith('journey-') && (left.get(stream) ?? times) > 0) {
      left.set(stream, (left.get(stream) ?? times) - 1)
      await record(stream.slice('journey-'.length))
    }
    return append(stream, expected, events)
  })
}

const recording =
  <T extends 'RecordAttendance' | 'IssueWarning'>(runtime: Runtime, type: T, data: object) =>
  (journeyId: string) =>
    runtime.commands.journeys.execute(journeyId, type, data as never, {
      occurredOn: '2023-05-01',
      by: caseManager,
      source: 'ui',
      commandId: crypto.randomUUID(),
    })

describe('an import that is overtaken on every journey', () => {
  it('has the records that lost refused as already recorded, and the rest goes in', async () => {
    const runtime = await temporaryWorkplace()
    await importText(runtime, begun)
    const spy = overtaken(runtime, 1, recording(runtime, 'RecordAttendance', attended))
    const { totals } = await importText(runtime, sessions)
    spy.mockRestore()
    const lost = journeys.length
    expect(totals).toMatchObject({ accepted: 2 * lost, rejected_by_reason: { already_recorded: lost } })
    expect(await Array.fromAsync(runtime.store.readAll(['import']))).toHaveLength(lost)

    const events = await countEvents(runtime)
    const again = await importText(runtime, sessions)
    expect(again.totals).toMatchObject({
      accepted: 0,
      duplicates: 2 * lost,
      rejected_by_reason: { already_recorded: lost },
    })
    expect(await countEvents(runtime)).toBe(events)
  })

  it('by something that does not matter to it loses nothing, however often', async () => {
    const runtime = await temporaryWorkplace()
    await importText(runtime, begun)
    const spy = overtaken(runtime, 4, recording(runtime, 'IssueWarning', {}))
    const { totals } = await importText(runtime, sessions)
    spy.mockRestore()
    expect(totals).toMatchObject({ accepted: 3 * journeys.length, rejected: 0 })
  })

  it('without end refuses those records in this run only', async () => {
    const runtime = await temporaryWorkplace()
    await importText(runtime, writtenLog(rowsOf('000001', { contact: 'Referral' })))
    const spy = overtaken(runtime, Infinity, recording(runtime, 'IssueWarning', {}))
    const log = writtenLog([
      ...rowsOf('000001', { contact: 'Warning', note: 'late' }),
      ...rowsOf('000002', { contact: 'Warning' }),
    ])
    expect((await importText(runtime, log)).totals.rejected_by_reason).toEqual({ busy: 1, no_referral: 1 })
    spy.mockRestore()
    expect((await importText(runtime, log)).totals).toMatchObject({
      accepted: 1,
      rejected_by_reason: { no_referral: 1 },
    })
  })
})
