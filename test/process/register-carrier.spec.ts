import { describe, expect, it, onTestFinished } from 'vitest'
import { CarryToJourney } from '../../src/commands/carry-to-journey.ts'
import type { StoredEvent } from '../../src/event-store/stored-event.ts'
import { CarryingJournal } from '../../src/process/carrying-journal.ts'
import { RegisterCarrier } from '../../src/process/register-carrier.ts'
import { opened } from '../../src/protection/sealing.ts'
import { recordedFrom } from '../../src/domain/codec.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { temporaryWorkplace } from '../support/runtime.ts'
import { groupWithSessions, heldWith, issuedOn, referredJourneys } from './support.ts'

function carrierOf({ store, commands, vault, log, config }: Runtime) {
  const journal = new CarryingJournal(config.dataDir)
  const carrier = new RegisterCarrier(store, new CarryToJourney(commands.decideAndAppend, vault), journal, log)
  onTestFinished(async () => {
    await carrier.stop()
    journal.close()
  })
  return carrier
}

const journeyOf = ({ store }: Runtime, journeyId: string): Promise<StoredEvent[]> =>
  Array.fromAsync(store.read(`journey-${journeyId}`))

const typesOf = async (runtime: Runtime, journeyId: string) =>
  (await journeyOf(runtime, journeyId)).map(({ type }) => type)

async function carried({ store }: Runtime, carrier: RegisterCarrier) {
  const end = await store.headPositionOf(['group', 'session'])
  expect(await carrier.waitFor(end, 20_000)).toBe(true)
}

describe('what a register says', () => {
  it('is on every journey once: the place in the group, the session, its facilitators and the note under his own key', async () => {
    const runtime = await temporaryWorkplace()
    const { journeyIds, sessionIds } = await groupWithSessions(runtime.commands, 'G101', 3)
    const [a, b, c] = journeyIds as [string, string, string]
    const register = [
      { journeyId: a, outcome: 'ATTC', note: 'spoke of his father' },
      { journeyId: b, outcome: 'AAME' },
      { journeyId: c, outcome: 'UAAB' },
    ]
    await runtime.commands.sessions.deliver(sessionIds[0]!, heldWith(register), issuedOn('2025-01-07'))
    const carrier = carrierOf(runtime)
    carrier.start()
    await carried(runtime, carrier)
    for (const { journeyId, outcome } of register) {
      const events = await journeyOf(runtime, journeyId)
      expect(events.map(({ type }) => type)).toEqual(['ReferralReceived', 'AllocatedToGroup', 'AttendanceRecorded'])
      const told = opened(runtime.vault, recordedFrom(events[2]!))
      expect(told.data).toMatchObject({
        sessionId: 'F1',
        outcome,
        groupId: 'G101',
        plannedFacilitators: ['F012', 'F030'],
        actualFacilitators: ['F012', 'F099'],
      })
      expect(told.metadata.occurredAt).toBe('2025-01-07')
      // What led to it is the row of the register.
      const session = await Array.fromAsync(runtime.store.read(`session-${sessionIds[0]}`))
      expect(session.find(({ id }) => id === told.metadata.causationId)?.data).toMatchObject({ journeyId })
    }
    const told = opened(runtime.vault, recordedFrom((await journeyOf(runtime, a))[2]!))
    expect(told.data).toMatchObject({ note: 'spoke of his father' })
    expect(told.metadata.keyId).toBe(
      (await runtime.commands.groups.facts(runtime.commands.groups.idOf('G101'))).members.get(a)!.participantId,
    )
    expect(carrier.notCarried()).toEqual([])
  })

  it('is carried again from the beginning by a carrier that knows nothing, and nothing is told twice', async () => {
    const runtime = await temporaryWorkplace()
    const { journeyIds, sessionIds } = await groupWithSessions(runtime.commands, 'G102', 2)
    const register = journeyIds.map((journeyId) => ({ journeyId, outcome: 'ATTC' }))
    await runtime.commands.sessions.deliver(sessionIds[0]!, heldWith(register), issuedOn('2025-01-07'))
    const first = carrierOf(runtime)
    first.start()
    await carried(runtime, first)
    await first.stop()
    const journal = new CarryingJournal(runtime.config.keysDir)
    const second = new RegisterCarrier(
      runtime.store,
      new CarryToJourney(runtime.commands.decideAndAppend, runtime.vault),
      journal,
      runtime.log,
    )
    second.start()
    await carried(runtime, second)
    await second.stop()
    journal.close()
    for (const journeyId of journeyIds)
      expect(await typesOf(runtime, journeyId)).toEqual(['ReferralReceived', 'AllocatedToGroup', 'AttendanceRecorded'])
  })

  it('is carried when it is corrected, and when the rest is marked later', async () => {
    const runtime = await temporaryWorkplace()
    const { journeyIds, sessionIds } = await groupWithSessions(runtime.commands, 'G103', 2)
    const [a, b] = journeyIds as [string, string]
    const { sessions } = runtime.commands
    const [session] = sessionIds as [string]
    await sessions.deliver(session, heldWith([{ journeyId: a, outcome: 'ATTC' }]), issuedOn('2025-01-07'))
    const carrier = carrierOf(runtime)
    carrier.start()
    await sessions.mark(session, [{ journeyId: b, outcome: 'UAAB' }], issuedOn('2025-01-08'))
    await sessions.execute(
      session,
      'CorrectRegister',
      { journeyId: a, outcome: 'AFTC', because: 'told on Wednesday' },
      issuedOn('2025-01-08'),
    )
    await carried(runtime, carrier)
    expect(await typesOf(runtime, a)).toEqual([
      'ReferralReceived',
      'AllocatedToGroup',
      'AttendanceRecorded',
      'AttendanceCorrected',
    ])
    const [, , marked] = await journeyOf(runtime, b)
    expect(marked!.data).toMatchObject({ outcome: 'UAAB' })
    // Of the day of the session, though it was marked the day after.
    expect((marked!.metadata as { occurredAt: string }).occurredAt).toBe('2025-01-07')
  })

  it('that a journey does not take is kept with the reason, and what is said after it is carried all the same', async () => {
    const runtime = await temporaryWorkplace()
    const { journeyIds, sessionIds } = await groupWithSessions(runtime.commands, 'G104', 2)
    const [a, b] = journeyIds as [string, string]
    const [session] = sessionIds as [string]
    const carrier = carrierOf(runtime)
    carrier.start()
    await carried(runtime, carrier)
    // Somebody recorded the same session on his journey by hand.
    await runtime.commands.journeys.execute(
      a,
      'RecordAttendance',
      { sessionId: 'F1', outcome: 'UAAB', groupId: 'G104', plannedFacilitators: [], actualFacilitators: ['F012'] },
      issuedOn('2025-01-07'),
    )
    const register = journeyIds.map((journeyId) => ({ journeyId, outcome: 'ATTC' }))
    await runtime.commands.sessions.deliver(session, heldWith(register), issuedOn('2025-01-07'))
    await carried(runtime, carrier)
    expect(carrier.notCarried(`session-${session}`)).toMatchObject([{ journeyId: a, code: 'already_recorded' }])
    expect(await typesOf(runtime, b)).toContain('AttendanceRecorded')
    expect(await carrier.carryAgain(`session-${session}`)).toBe(1)
    // The correction says what the journey does not say yet, so that is carried though the row before was not.
    await runtime.commands.sessions.execute(
      session,
      'CorrectRegister',
      { journeyId: a, outcome: 'AFTC', because: 'seen to leave early' },
      issuedOn('2025-01-08'),
    )
    await carried(runtime, carrier)
    expect((await journeyOf(runtime, a)).at(-1)!.data).toMatchObject({ was: 'UAAB', outcome: 'AFTC' })
  })
})

describe('a place in a group', () => {
  it('is refused before anything is written where the journey would not take it', async () => {
    const runtime = await temporaryWorkplace()
    const { groupId } = await groupWithSessions(runtime.commands, 'G105', 1)
    const [ended] = (await referredJourneys(runtime.commands, 'G106', 1)) as [string]
    await runtime.commands.journeys.execute(ended, 'DropOut', { reason: 'work' }, issuedOn('2025-01-04'))
    const adding = runtime.commands.groups.addMember(groupId, { journeyId: ended }, issuedOn('2025-01-06'))
    await expect(adding).rejects.toMatchObject({ code: 'journey_ended' })
    const unknown = runtime.commands.groups.addMember(groupId, { journeyId: 'nobody' }, issuedOn('2025-01-06'))
    await expect(unknown).rejects.toMatchObject({ code: 'no_referral' })
    expect((await runtime.commands.groups.facts(groupId)).members.size).toBe(1)
  })

  it('is needed to stand in the register, and sent again is written once', async () => {
    const runtime = await temporaryWorkplace()
    const { groupId, sessionIds } = await groupWithSessions(runtime.commands, 'G107', 1)
    const [other] = (await referredJourneys(runtime.commands, 'G108', 1)) as [string]
    const { groups, sessions } = runtime.commands
    const held = heldWith([{ journeyId: other, outcome: 'ATTC' }])
    await expect(sessions.deliver(sessionIds[0]!, held, issuedOn('2025-01-07'))).rejects.toMatchObject({
      code: 'not_a_member',
    })
    const once = issuedOn('2025-01-06')
    expect(await groups.addMember(groupId, { journeyId: other }, once)).not.toBe('nothing_new')
    expect(await groups.addMember(groupId, { journeyId: other }, once)).toBe('nothing_new')
    await sessions.deliver(sessionIds[0]!, held, issuedOn('2025-01-07'))
  })
})
