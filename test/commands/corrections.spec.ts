/** Corrections through the one way in: what was said is read from the log, what is personal stays sealed, and the read models follow. */
import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Actor } from '../../src/domain/history.ts'
import { recordedFrom } from '../../src/domain/codec.ts'
import { opened } from '../../src/protection/sealing.ts'
import { withCaseload } from '../../projections/caseload.ts'
import { temporaryWorkplace } from '../support/runtime.ts'
import { waitUntilCaughtUp, type Runtime } from '../../src/runtime/runtime.ts'

const by: Actor = { id: 'CM001', role: 'case_manager', organisation: 'North' }
const issued = (occurredOn = '2024-03-01') => ({ occurredOn, by, source: 'api' as const, commandId: randomUUID() })
const putRight = () => ({ by, source: 'api' as const, commandId: randomUUID() })

async function referred({ commands }: Runtime): Promise<string> {
  const { journeyId } = await commands.journeys.refer(
    {
      details: { crn: 'X000001', familyName: 'Example', givenNames: 'Sam', dateOfBirth: '1980-02-01' },
      programme: { key: 'bbr', version: 1 },
      provider: 'North',
      referralSource: 'court_requirement',
      reference: 'R-1',
    },
    issued('2024-02-01'),
  )
  return journeyId
}

const stored = ({ store }: Runtime, journeyId: string) => Array.fromAsync(store.read(`journey-${journeyId}`))

describe('a correction', () => {
  it('says the whole fact anew: what was not changed is taken from the log, and what is personal is sealed', async () => {
    const runtime = await temporaryWorkplace()
    const { journeys } = runtime.commands
    const journeyId = await referred(runtime)
    await journeys.execute(journeyId, 'IssueWarning', { about: 'SECRET drink', note: 'SECRET seen' }, issued())
    await journeys.correctRecord(
      journeyId,
      { corrects: 1, changes: { note: 'SECRET heard' }, because: 'SECRET mistyped' },
      { ...putRight(), occurredOn: '2024-03-02' },
    )
    const last = (await stored(runtime, journeyId)).at(-1)!
    expect(JSON.stringify([last.data, last.metadata])).not.toContain('SECRET')
    expect(last.data).toMatchObject({ corrects: 1, of: 'WarningIssued', version: 1, data: {} })
    expect(last.metadata).toMatchObject({ occurredAt: '2024-03-02' })
    expect(opened(runtime.vault, recordedFrom(last)).data).toEqual({
      corrects: 1,
      of: 'WarningIssued',
      version: 1,
      data: { about: 'SECRET drink', note: 'SECRET heard' },
      because: 'SECRET mistyped',
    })
  })

  it('is told twice and written once', async () => {
    const runtime = await temporaryWorkplace()
    const { journeys } = runtime.commands
    const journeyId = await referred(runtime)
    const command = putRight()
    const correction = { corrects: 0, changes: { provider: 'South' }, because: 'mistyped' }
    expect(await journeys.correctRecord(journeyId, correction, command)).not.toBe('nothing_new')
    expect(await journeys.correctRecord(journeyId, correction, command)).toBe('nothing_new')
    expect(await stored(runtime, journeyId)).toHaveLength(2)
  })

  it('is refused of an event that is not there, and of a withdrawal', async () => {
    const runtime = await temporaryWorkplace()
    const { journeys } = runtime.commands
    const journeyId = await referred(runtime)
    await journeys.execute(journeyId, 'IssueWarning', {}, issued())
    await journeys.withdrawRecord(journeyId, { withdraws: 1, because: 'wrong man' }, putRight())
    const correcting = (corrects: number) =>
      journeys.correctRecord(journeyId, { corrects, changes: {}, because: 'x' }, putRight())
    await expect(correcting(7)).rejects.toMatchObject({ code: 'no_such_record' })
    await expect(correcting(2)).rejects.toMatchObject({ code: 'not_correctable' })
  })
})

describe('the case load', () => {
  it('follows what is believed: a drop-out corrected, withdrawn, and put back', async () => {
    const runtime = await temporaryWorkplace()
    const { journeys } = runtime.commands
    const journeyId = await referred(runtime)
    await journeys.execute(journeyId, 'DropOut', { reason: 'work' }, issued('2024-04-01'))
    const row = async () => {
      await waitUntilCaughtUp(runtime)
      return withCaseload(runtime.readModels.db)
        .selectFrom('caseload')
        .select(['status', 'outcome', 'reason', 'ended_on', 'corrections'])
        .where('journey_id', '=', journeyId)
        .executeTakeFirstOrThrow()
    }
    const change = { corrects: 1, changes: { reason: 'health' }, because: 'misread' }
    await journeys.correctRecord(journeyId, change, { ...putRight(), occurredOn: '2024-04-02' })
    expect(await row()).toMatchObject({ status: 'withdrawn', reason: 'health', ended_on: '2024-04-02', corrections: 1 })
    await journeys.withdrawRecord(journeyId, { withdraws: 1, because: 'another man' }, putRight())
    expect(await row()).toMatchObject({ outcome: 'open', reason: null, ended_on: null, corrections: 0 })
    await journeys.withdrawRecord(journeyId, { withdraws: 3, because: 'it was him' }, putRight())
    expect(await row()).toMatchObject({ status: 'withdrawn', reason: 'health', ended_on: '2024-04-02', corrections: 1 })
  })

  it('goes on from a referral that was withdrawn: he can be referred again under the same reference', async () => {
    const runtime = await temporaryWorkplace()
    const { journeys } = runtime.commands
    const journeyId = await referred(runtime)
    await journeys.withdrawRecord(journeyId, { withdraws: 0, because: 'wrong day' }, putRight())
    expect(await referred(runtime)).toBe(journeyId)
    await journeys.execute(journeyId, 'IssueWarning', { note: 'late' }, issued())
    expect((await stored(runtime, journeyId)).map(({ type }) => type)).toEqual([
      'ReferralReceived',
      'RecordWithdrawn',
      'ReferralReceived',
      'WarningIssued',
    ])
  })
})
