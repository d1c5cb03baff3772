import { randomUUID } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import { categories } from '../../projections/projection.ts'
import { Forbidden } from '../../src/access/policy.ts'
import { commandHandlersOn } from '../../src/commands/command-handlers.ts'
import { StaleRevision } from '../../src/commands/decide-and-append.ts'
import type { Actor } from '../../src/domain/history.ts'
import type { AppendResult, EventAppender } from '../../src/event-store/event-appender.ts'
import { appenderOf, temporaryDirectory, temporaryWorkplace } from '../support/runtime.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'

const by: Actor = { id: 'CM001', role: 'case_manager', organisation: 'North' }

const telling = (commandId: string = randomUUID()) => ({
  occurredOn: '2024-03-01',
  by,
  source: 'api' as const,
  commandId,
})

async function referred({ commands }: Runtime): Promise<string> {
  const { journeyId } = await commands.journeys.refer(
    {
      details: { crn: 'X000001', familyName: 'Example', givenNames: 'Sam', dateOfBirth: '1980-02-01' },
      programme: { key: 'bbr', version: 1 },
      provider: 'North',
      referralSource: 'court_requirement',
      reference: 'R-1',
    },
    telling(),
  )
  return journeyId
}

describe('the command handlers', () => {
  it('lets many through at once, and writes each of them once', async () => {
    const runtime = await temporaryWorkplace()
    const journeyId = await referred(runtime)
    const tellings = Array.from({ length: 5 }, () => telling())
    await Promise.all(
      tellings.map((each) => runtime.commands.journeys.execute(journeyId, 'IssueWarning', { note: 'late' }, each)),
    )
    const events = await Array.fromAsync(runtime.store.read(`journey-${journeyId}`))
    expect(events.map(({ type }) => type)).toEqual(['ReferralReceived', ...tellings.map(() => 'WarningIssued')])
    expect(new Set(events.map(({ id }) => id)).size).toBe(6)
  })

  it('writes all of twenty that come at once, in two processes, each on top of those before it', async () => {
    const runtime = await temporaryWorkplace()
    const journeyId = await referred(runtime)
    const appender = appenderOf(runtime) as EventAppender
    const other = commandHandlersOn(runtime.store, appender, runtime.vault, {
      dataDir: temporaryDirectory(),
      trustsClock: false,
      categories,
      log: runtime.log,
      reach: runtime.reach,
    })
    const append = vi.spyOn(appender, 'append')
    const at = Array.from({ length: 20 }, () => telling())
    const answers = await Promise.all(
      at.map((each, n) =>
        (n % 2 === 0 ? runtime.commands : other).journeys.execute(journeyId, 'IssueWarning', {}, each),
      ),
    )
    const events = await Array.fromAsync(runtime.store.read(`journey-${journeyId}`))
    expect(events).toHaveLength(21)
    for (const [n, answer] of answers.entries()) {
      const { revision } = answer as AppendResult
      expect(events[revision]!.metadata).toMatchObject({ commandId: at[n]!.commandId })
    }
    // What waited for the stream meanwhile went to the log together.
    expect(append.mock.calls.length).toBeLessThan(20)
  })

  it('says of each that waited what became of it: written, nothing new, refused, looked at an older state', async () => {
    const runtime = await temporaryWorkplace()
    const { journeys } = runtime.commands
    const journeyId = await referred(runtime)
    const first = telling()
    const answers = await Promise.allSettled([
      journeys.execute(journeyId, 'IssueWarning', {}, first),
      journeys.execute(journeyId, 'DropOut', { reason: 'health' }, telling()),
      journeys.execute(journeyId, 'IssueWarning', {}, first),
      journeys.execute(journeyId, 'AllocateToGroup', { groupId: 'G1' }, { ...telling(), occurredOn: '2024-03-02' }),
      journeys.execute(
        journeyId,
        'ReinstateJourney',
        { because: 'he came back' },
        { ...telling(), expectedRevision: 0 },
      ),
      journeys.execute(
        journeyId,
        'ReinstateJourney',
        { because: 'he came back' },
        { ...telling(), expectedRevision: 2 },
      ),
    ])
    expect(answers).toMatchObject([
      { value: { revision: 1 } },
      { value: { revision: 2 } },
      { value: 'nothing_new' },
      { reason: { code: 'journey_ended' } },
      { reason: { name: 'StaleRevision' } },
      { value: { revision: 3 } },
    ])
  })

  it('told the same ten times at once, writes it once', async () => {
    const runtime = await temporaryWorkplace()
    const journeyId = await referred(runtime)
    const once = telling()
    await Promise.all(
      Array.from({ length: 4 }, () => runtime.commands.journeys.execute(journeyId, 'IssueWarning', {}, once)),
    )
    for (let again = 0; again < 6; again++) {
      expect(await runtime.commands.journeys.execute(journeyId, 'IssueWarning', {}, once)).toBe('nothing_new')
    }
    expect((await Array.fromAsync(runtime.store.read(`journey-${journeyId}`))).length).toBe(2)
  })

  it('refuses who looked at an older state, and writes nothing', async () => {
    const runtime = await temporaryWorkplace()
    const journeyId = await referred(runtime)
    await runtime.commands.journeys.execute(journeyId, 'IssueWarning', {}, telling())
    const stale = runtime.commands.journeys.execute(
      journeyId,
      'IssueWarning',
      {},
      { ...telling(), expectedRevision: 0 },
    )
    await expect(stale).rejects.toThrow(StaleRevision)
    expect((await Array.fromAsync(runtime.store.read(`journey-${journeyId}`))).length).toBe(2)
  })

  it('refuses what the domain refuses before anything is written', async () => {
    const runtime = await temporaryWorkplace()
    const journeyId = await referred(runtime)
    await expect(referred(runtime)).rejects.toMatchObject({ code: 'already_referred' })
    const early = runtime.commands.journeys.execute(journeyId, 'RecordAttendance', attended, telling())
    await expect(early).rejects.toMatchObject({ code: 'not_allocated' })
    const future = runtime.commands.journeys.execute(
      journeyId,
      'IssueWarning',
      {},
      { ...telling(), occurredOn: '2999-01-01' },
    )
    await expect(future).rejects.toMatchObject({ code: 'recorded_before_occurred' })
    expect((await Array.fromAsync(runtime.store.read(`journey-${journeyId}`))).length).toBe(1)
  })

  it('writes of who recorded it only what is not his name', async () => {
    const runtime = await temporaryWorkplace()
    const journeyId = await referred(runtime)
    const stranger = { ...telling(), by: { ...by, role: 'visitor' } }
    await expect(runtime.commands.journeys.execute(journeyId, 'IssueWarning', {}, stranger)).rejects.toThrow(Forbidden)
    const named = { ...telling(), by: { ...by, name: 'Sam Casemanager' } }
    await runtime.commands.journeys.execute(journeyId, 'IssueWarning', {}, named)
    const events = await Array.fromAsync(runtime.store.read(`journey-${journeyId}`))
    expect(events.map(({ metadata }) => (metadata as { actor: unknown }).actor)).toEqual([by, by])
  })

  it('gives every event an id of its own, also where one command speaks to two histories', async () => {
    const runtime = await temporaryWorkplace()
    await referred(runtime)
    const ids = (await Array.fromAsync(runtime.store.readAll(['journey', 'participant']))).map(({ id }) => id)
    expect([ids.length, new Set(ids).size]).toEqual([2, 2])
  })

  it('writes canonical JSON, and nothing personal outside the seal', async () => {
    const runtime = await temporaryWorkplace()
    const journeyId = await referred(runtime)
    await runtime.commands.journeys.execute(
      journeyId,
      'IssueWarning',
      { note: 'shouted', about: 'behaviour' },
      telling(),
    )
    const [referral, warning] = await Array.fromAsync(runtime.store.read(`journey-${journeyId}`))
    expect(Object.keys(warning!.data as object)).toEqual(['sealed'])
    expect(Object.keys(referral!.data as object)).toEqual([
      'participantId',
      'programme',
      'provider',
      'sealed',
      'source',
    ])
    expect(Object.keys(referral!.metadata as object)).toEqual(Object.keys(referral!.metadata as object).toSorted())
    expect(
      JSON.stringify([referral, warning], (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
    ).not.toMatch(/X000001|shouted|R-1"/)
  })
})

const attended = { sessionId: 'PG1', outcome: 'ATTC', groupId: 'G001', plannedFacilitators: [], actualFacilitators: [] }
