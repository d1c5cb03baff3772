import { expect, it } from 'vitest'
import { dayOf } from '../../src/domain/calendar.ts'
import { recordedFrom } from '../../src/domain/codec.ts'
import { sessionHistory, type SessionEvent } from '../../src/domain/session/session.ts'
import { membersOf } from '../../src/domain/group/group.ts'
import { CarryToJourney } from '../../src/commands/carry-to-journey.ts'
import { CarryingJournal } from '../../src/process/carrying-journal.ts'
import { RegisterCarrier } from '../../src/process/register-carrier.ts'
import { seedDemonstration } from '../../src/simulator/demonstration.ts'
import { temporaryWorkplace } from '../support/runtime.ts'

it('the demonstration has a group with a session tonight and a register half done, and its journeys take what it says', async () => {
  const runtime = await temporaryWorkplace()
  const { store, commands, vault, config, log } = runtime
  await seedDemonstration(runtime)
  const today = dayOf(new Date().toISOString())
  const members = membersOf(await commands.groups.facts(commands.groups.idOf('G101')))
  expect(members.length).toBeGreaterThanOrEqual(6)
  const streams = Map.groupBy(await Array.fromAsync(store.readAll(['session'])), ({ stream }) => stream)
  const sessions = [...streams.values()].map((events) =>
    sessionHistory.fold(
      sessionHistory.initial,
      events.map((event) => recordedFrom<SessionEvent>(event)),
    ),
  )
  const tonight = sessions.filter(({ scheduled, status }) => status === 'scheduled' && scheduled!.on === today)
  expect(tonight).toHaveLength(1)
  const marked = sessions.filter(({ status }) => status === 'delivered').map(({ register }) => register.size)
  expect(marked).toEqual([members.length, Math.ceil(members.length / 2)])
  expect(sessions.some(({ delivered }) => delivered?.actual.some(({ standIn }) => standIn === 'sickness'))).toBe(true)
  const journal = new CarryingJournal(config.dataDir)
  const carrier = new RegisterCarrier(store, new CarryToJourney(commands.decideAndAppend, vault), journal, log)
  carrier.start()
  expect(await carrier.waitFor(await store.headPositionOf(['group', 'session']), 30_000)).toBe(true)
  await carrier.stop()
  expect(carrier.notCarried()).toEqual([])
  journal.close()
  for (const event of await Array.fromAsync(store.readAll(['group', 'session'])))
    expect((event.metadata as { source: string }).source).toBe('simulator')
})
