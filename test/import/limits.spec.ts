/** What one record may hold: one rule for the import, the API and the forms, checked before anything is written. */
import { describe, expect, it } from 'vitest'
import { maximumEventBytes } from '../../src/commands/event-envelope.ts'
import { recordedFrom } from '../../src/domain/codec.ts'
import { opened } from '../../src/protection/sealing.ts'
import { countEvents, importText, temporaryWorkplace } from '../support/runtime.ts'
import { referral, writtenLog } from '../support/written-log.ts'

const warning = { ...referral, contact: 'Warning' }

describe('a record', () => {
  it.each([
    ['132,000 control characters', '\u0001'.repeat(132_000), 'control_characters'],
    ['a NUL', 'said\u0000nothing', 'control_characters'],
    ['an escape', '\u001b[31mred', 'control_characters'],
    ['a DEL', 'a\u007fb', 'control_characters'],
    ['more text than an event may hold once it is sealed', 'x'.repeat(420_000), 'event_too_large'],
    ['text that JSON doubles', '\\'.repeat(220_000), 'event_too_large'],
    ['text of three bytes a character', '終'.repeat(150_000), 'event_too_large'],
  ])('with %s is refused, and the others go in, now and when it comes again', async (_what, note, reason) => {
    const runtime = await temporaryWorkplace()
    const log = writtenLog([referral, { ...warning, note }, { ...warning, note: 'Phoned in' }])
    const first = await importText(runtime, log)
    expect(first.totals).toMatchObject({ accepted: 2, rejected_by_reason: { [reason]: 1 } })
    const events = await countEvents(runtime)
    const second = await importText(runtime, log)
    expect(second.totals).toMatchObject({ accepted: 0, duplicates: 2, rejected_by_reason: { [reason]: 1 } })
    expect(await countEvents(runtime)).toBe(events)
  })

  it('just small enough is taken, projected and not parked', async () => {
    const runtime = await temporaryWorkplace()
    const note = 'x'.repeat(Math.floor((maximumEventBytes * 3) / 4) - 200)
    const { totals } = await importText(
      runtime,
      writtenLog([referral, { ...warning, note }, { ...warning, note: 'after' }]),
    )
    expect(totals).toMatchObject({ accepted: 3, rejected: 0 })
    const rows = await runtime.readModels.db
      .withTables<{ timeline: { revision: number } }>()
      .selectFrom('timeline')
      .select('revision')
      .execute()
    expect(rows).toHaveLength(3)
    const larger = await importText(runtime, writtenLog([{ ...warning, note: `${note}${'x'.repeat(200)}` }]))
    expect(larger.totals.rejected_by_reason).toEqual({ event_too_large: 1 })
  })

  it('of many large ones on one journey goes in with all the others', async () => {
    const runtime = await temporaryWorkplace()
    const large = Array.from({ length: 6 }, (_, n) => ({ ...warning, note: `${n}${'x'.repeat(350_000)}` }))
    expect((await importText(runtime, writtenLog([referral, ...large]))).totals).toMatchObject({
      accepted: 7,
      rejected: 0,
    })
  })

  it.each([
    ['a name with a NUL', { family_name: 'Exa\u0000mple' }, 'control_characters'],
    ['a name longer than an event', { given_names: 'x'.repeat(420_000) }, 'event_too_large'],
    ['a reference with a tab', { journey_ref: 'R\t1' }, 'control_characters'],
    ['a reference of two lines', { journey_ref: 'R\n1' }, 'control_characters'],
  ])('with %s is refused before the participant is registered', async (_what, wrong, reason) => {
    const runtime = await temporaryWorkplace()
    const { totals } = await importText(runtime, writtenLog([{ ...referral, ...wrong }]))
    expect(totals).toMatchObject({ accepted: 0, rejected_by_reason: { [reason]: 1 } })
    expect(await Array.fromAsync(runtime.store.readAll(['participant', 'journey']))).toEqual([])
  })

  it('with tabs and line ends in its note or a name is taken, and says the same afterwards', async () => {
    const runtime = await temporaryWorkplace()
    const { store, vault } = runtime
    const note = 'One\n\ttwo\nthree'
    await importText(
      runtime,
      writtenLog([
        { ...referral, family_name: 'Ünal\tTab' },
        { ...warning, note },
      ]),
    )
    const [, warned] = await Array.fromAsync(store.read(`journey-${vault.find('reference', 'R-1')}`))
    expect(opened(vault, recordedFrom(warned!)).data).toMatchObject({ note })
    const [registered] = await Array.fromAsync(store.read(`participant-${vault.find('crn', 'X000001')}`))
    expect(opened(vault, recordedFrom(registered!)).data).toMatchObject({ familyName: 'Ünal\tTab' })
  })
})

describe('a command through a page or the API', () => {
  const issued = () => ({
    occurredOn: '2024-03-01',
    by: { id: 'CM001', role: 'case_manager', organisation: 'North' },
    source: 'api' as const,
    commandId: crypto.randomUUID(),
  })
  const details = { crn: 'X000001', familyName: 'Example', givenNames: 'Sam', dateOfBirth: '1980-02-01' }
  const referral = {
    details,
    programme: { key: 'bbr', version: 1 },
    provider: 'North',
    referralSource: 'court_requirement' as const,
    reference: 'R-1',
  }

  it.each([
    ['too long a note', { note: 'x'.repeat(420_000) }, 'event_too_large'],
    ['a NUL in its note', { note: 'a\u0000b' }, 'control_characters'],
    ['half a character in its note', { note: 'a\ud800b' }, 'control_characters'],
  ])('with %s is refused by the same rule', async (_what, data, code) => {
    const { commands, store } = await temporaryWorkplace()
    const { journeyId } = await commands.journeys.refer(referral, issued())
    await expect(commands.journeys.execute(journeyId, 'IssueWarning', data, issued())).rejects.toMatchObject({ code })
    expect(await Array.fromAsync(store.read(`journey-${journeyId}`))).toHaveLength(1)
  })

  it.each([
    ['an escape in a name', { details: { ...details, familyName: '\u001b[1m' } }, 'control_characters'],
    ['a name longer than an event', { details: { ...details, givenNames: 'x'.repeat(420_000) } }, 'event_too_large'],
    ['a line end in the reference', { reference: 'R-1\nR-2' }, 'control_characters'],
    ['too long a note', { note: 'x'.repeat(420_000) }, 'event_too_large'],
  ])('that refers somebody with %s writes neither participant nor journey', async (_what, wrong, code) => {
    const runtime = await temporaryWorkplace()
    await expect(runtime.commands.journeys.refer({ ...referral, ...wrong }, issued())).rejects.toMatchObject({ code })
    expect(await countEvents(runtime)).toBe(0)
  })
})
