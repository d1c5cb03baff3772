/** A group of the demonstration that meets today: a register that is filled in, one that is half done, and a session tonight. */
import { v5 as uuidv5 } from 'uuid'
import { dayNumbered, dayNumberOf, type Day } from '../domain/calendar.ts'
import { recordedFrom } from '../domain/codec.ts'
import type { ActualFacilitator } from '../domain/group/room.ts'
import type { Actor, Recorded } from '../domain/history.ts'
import { foldFacts, type JourneyEvent } from '../domain/journey/fold.ts'
import { nothingKnown, type JourneyFacts } from '../domain/journey/state.ts'
import { programmes } from '../domain/programme.ts'
import type { Runtime } from '../runtime/runtime.ts'

const code = 'G101'
const by: Actor = { id: 'CM001', role: 'case_manager', organisation: 'demonstration' }

/** Group and sessions are the same whenever the demonstration is made. */
const namespace = 'b5f1d7c2-8a4e-4c0b-9d35-6e2f1a7c4b90'

/** How many have a place, weeks before today on which it met, and weeks after in its calendar. */
const [men, weeksBefore, weeksAfter] = [8, 2, 4]

const [lead, co] = [
  { facilitator: 'F012', role: 'lead' },
  { facilitator: 'F030', role: 'co' },
] as const

/** What came of the first session for each man, in the order of their places; the last is an absence that counts. */
const outcomes = ['ATTC', 'ATTC', 'AFTC', 'ATTC', 'AAME', 'ATTC', 'ATTC', 'UAAB'] as const

/** @param today the day on which a session is still to be held */
export async function formDemonstrationGroup({ commands, store }: Runtime, today: Day): Promise<void> {
  const day = (weeks: number): Day => dayNumbered(dayNumberOf(today) + 7 * weeks)
  const joinedOn = day(-weeksBefore - 1)
  const open = (await journeysIn(store)).filter(
    ([, { ending, referredOn }]) => ending === null && referredOn !== null && referredOn <= joinedOn,
  )
  const members = open.toSorted(([, a], [, b]) => a.sessions.size - b.sessions.size).slice(0, men)
  const [programme] = programmes
  // Only sessions that none of them has had: the register is carried to every journey.
  const left = programme!.sessions.filter(
    ({ id, kind }) => kind === 'group' && members.every(([, { sessions }]) => !sessions.has(id)),
  )
  if (members.length === 0 || left.length <= weeksBefore) return
  let number = 0
  const issued = (occurredOn: Day, recordedOn = occurredOn) => ({
    occurredOn,
    by,
    source: 'simulator' as const,
    commandId: uuidv5(String(number++), namespace),
    recordedAt: `${recordedOn}T09:00:00.000Z`,
  })
  await nameFacilitators(commands, today, issued)
  const { groupId } = await commands.groups.form(
    {
      code,
      programme: { key: programme!.key, version: programme!.version },
      provider: 'North',
      place: 'Mill Lane',
      slot: { weekday: ((dayNumberOf(today) + 3) % 7) + 1, startsAt: '18:30', minutes: 150 },
      capacity: 12,
      facilitators: [lead, co],
    },
    issued(joinedOn),
  )
  const journeyIds = members.map(([journeyId]) => journeyId)
  for (const journeyId of journeyIds) await commands.groups.addMember(groupId, { journeyId }, issued(joinedOn))
  const calendar = left
    .slice(0, weeksBefore + 1 + weeksAfter)
    .map(({ id }, n) => ({ programmeSession: id, on: day(n - weeksBefore) }))
  const { sessionIds } = await commands.sessions.schedule(groupId, calendar, issued(joinedOn))
  const held = (
    actual: readonly ActualFacilitator[],
    register: readonly { readonly journeyId: string; readonly outcome: string; readonly note?: string }[],
  ) => ({ startedAt: '18:30', minutes: 150, actual, observers: [], register })
  await commands.sessions.deliver(
    sessionIds[0]!,
    held(
      [lead, co],
      journeyIds.map((journeyId, n) => ({ journeyId, outcome: outcomes[n]! })),
    ),
    issued(day(-2), dayNumbered(dayNumberOf(day(-2)) + 1)),
  )
  // Somebody stood in a week ago, and marked only half of them.
  await commands.sessions.deliver(
    sessionIds[1]!,
    held(
      [lead, { facilitator: 'F041', role: 'cover', standIn: 'sickness' }],
      journeyIds.slice(0, Math.ceil(journeyIds.length / 2)).map((journeyId) => ({ journeyId, outcome: 'ATTC' })),
    ),
    issued(day(-1), dayNumbered(dayNumberOf(day(-1)) + 1)),
  )
}

/** Nobody of these exists. The training of whoever stands in has lapsed, and somebody’s is about to. */
const staff = [
  { code: lead.facilitator, name: 'Rowan Vale', trained: -700, lapses: 395 },
  { code: co.facilitator, name: 'Ines Calder', trained: -1_060, lapses: 35 },
  { code: 'F041', name: 'Tomasz Heron', trained: -1_130, lapses: -35 },
] as const

async function nameFacilitators(
  { facilitators }: Runtime['commands'],
  today: Day,
  issued: (on: Day) => Parameters<Runtime['commands']['facilitators']['onboard']>[1],
): Promise<void> {
  const day = (days: number): Day => dayNumbered(dayNumberOf(today) + days)
  for (const { code, name, trained, lapses } of staff) {
    const { facilitatorId } = await facilitators.onboard({ code, name, provider: 'North' }, issued(day(trained - 30)))
    const training = { course: 'bbr_facilitator', validUntil: day(lapses) } as const
    await facilitators.execute(facilitatorId, 'RecordTraining', training, issued(day(trained)))
    const supervision = { form: 'one_to_one', minutes: 60 } as const
    await facilitators.execute(facilitatorId, 'RecordSupervision', supervision, issued(day(-20)))
    const debrief = { form: 'pair', minutes: 20 } as const
    await facilitators.execute(facilitatorId, 'RecordDebrief', debrief, issued(day(-14)))
  }
}

async function journeysIn(store: Runtime['store']): Promise<[string, JourneyFacts][]> {
  const streams = new Map<string, Recorded<JourneyEvent>[]>()
  for await (const stored of store.readAll(['journey'])) {
    const id = stored.stream.slice('journey-'.length)
    const events = streams.get(id)
    if (events) events.push(recordedFrom(stored))
    else streams.set(id, [recordedFrom(stored)])
  }
  return [...streams].map(([id, events]) => [id, foldFacts(nothingKnown, events)])
}
