/** Random histories: everything that can be told of one journey, in any order, rightly and wrongly, on a few days that collide. */
import fc from 'fast-check'
import type { Recorded } from '../../src/domain/history.ts'
import { journeyHistory, type JourneyCommand, type JourneyEvent } from '../../src/domain/journey/journey.ts'
import { recordedAs } from './given.ts'

/** Set SPEC_SEED to the seed that was printed to run the same histories again. */
export const seed = Number(process.env.SPEC_SEED ?? Math.floor(Math.random() * 2 ** 31))

const day = (n: number) => `2025-03-${String(n + 1).padStart(2, '0')}`

// Few of each, so that they meet; among them some that are not codes at all, and some that any JavaScript object answers to.
const sessionIds = ['PG1', 'F1', 'F2', 'MR', 'IR', 'PG1', 'F1', 'F7', 'constructor', '']
const outcomes = ['ATTC', 'UAAB', 'AAME', 'ATTC', 'UAAB', 'AFTC', 'CO10', 'ATSH', 'RSSR', 'XXXX', 'toString']
const reasons = ['motivation', 'health', 'died', 'health', 'other', 'bored', 'constructor']
const decisions = ['suitable', 'not_ready', 'not_suitable', 'not_stated'] as const
const groups = ['G1', 'G2', '']
const providers = ['north', 'south', 'east', '']
const staff = [['amy', 'bob'], ['amy', 'cem'], [], ['dot']]
const times = [
  {},
  { startedAt: '18:30', endedAt: '21:00' },
  {},
  { startedAt: '20:00', endedAt: '22:00' },
  { startedAt: '19:00', endedAt: '20:30' },
  { startedAt: '18:00', endedAt: '20:00' },
  { startedAt: '21:00' },
]
const programmes = [
  ...Array.from({ length: 20 }, () => ({ key: 'bbr', version: 1 })),
  { key: 'bbr', version: 0 },
  { key: 'duluth-26', version: 1 },
]

/** Everything that is told of the world; corrections of what was told are in corrected-histories.ts. */
export type PlainCommand = Exclude<JourneyCommand, { type: 'CorrectRecord' | 'WithdrawRecord' }>

const likely: readonly [number, PlainCommand['type']][] = [
  [2, 'Refer'],
  [1, 'AssessEligibility'],
  [3, 'DecideSuitability'],
  [3, 'PlaceOnWaitingList'],
  [4, 'AllocateToGroup'],
  [1, 'HoldThreeWayMeeting'],
  [1, 'CompleteProgrammeReview'],
  [2, 'AcceptProviderTransfer'],
  [10, 'RecordAttendance'],
  [8, 'CorrectAttendance'],
  [1, 'IssueWarning'],
  [1, 'InitiateBreach'],
  [1, 'ResolveBreach'],
  [1, 'RecordRecall'],
  [1, 'DropOut'],
  [1, 'Complete'],
  [3, 'RecategoriseOutcome'],
  [1, 'ReinstateJourney'],
]
const types = likely.flatMap(([weight, type]) => Array<PlainCommand['type']>(weight).fill(type))

const pick = <T>(from: readonly T[], n: number): T => from[n % from.length]!

/** A telling from a few numbers, so that a failing history shrinks to few and small ones. */
export function commandOf([kind, what, which, on, late, again]: readonly number[], place: number): PlainCommand {
  const type = pick(types, kind!)
  const telling = {
    // Now and then a command is told again, as itself or as another that took its id.
    commandId: `command-${again! < 2 ? Math.max(0, place - 1 - again!) : place}`,
    occurredOn: day(on!),
    // A third is copied from elsewhere, where nobody asked the rule of dates; of a quarter it is known when he grew up.
    ...(which! % 3 === 0 && { copied: true as const }),
    ...(what! % 4 === 0 && { adultFrom: day(6) }),
    recordedOn: day(late === 0 ? Math.max(0, on! - 1) : Math.min(27, on! + late! - 1)),
  }
  switch (type) {
    case 'Refer': {
      const data = {
        participantId: 'he',
        programme: pick(programmes, what!),
        source: 'voluntary',
        provider: pick(providers, which!),
      } as const
      return { ...telling, type, data }
    }
    case 'DecideSuitability':
      return { ...telling, type, data: { decision: pick(decisions, what!) } }
    case 'AllocateToGroup':
      return { ...telling, type, data: { groupId: pick(groups, what!) } }
    case 'AcceptProviderTransfer':
      return { ...telling, type, data: { provider: pick(providers, what!) } }
    case 'RecordAttendance': {
      const room = {
        groupId: pick(groups, what!),
        plannedFacilitators: ['amy', 'bob'],
        actualFacilitators: pick(staff, which! + what!),
        ...pick(times, which!),
      }
      return {
        ...telling,
        // On a few days only, so that two sessions often fall on one.
        occurredOn: day(on! - (on! % 9)),
        type,
        data: { sessionId: pick(sessionIds, what!), outcome: pick(outcomes, which!), ...room },
      }
    }
    case 'CorrectAttendance':
      return { ...telling, type, data: { sessionId: pick(sessionIds, what!), outcome: pick(outcomes, which!) } }
    case 'DropOut':
      return { ...telling, type, data: { reason: pick(reasons, what!) } }
    case 'ReinstateJourney':
      return { ...telling, type, data: { because: 'he came back' } }
    case 'RecategoriseOutcome':
      return { ...telling, type, data: { to: pick(reasons, what!) } }
    default:
      return { ...telling, type, data: {} }
  }
}

export const numbers = fc.tuple(
  fc.nat(types.length - 1),
  fc.nat(1_000),
  fc.nat(1_000),
  fc.nat(27),
  fc.nat(14),
  fc.nat(30),
)

/** How a journey begins, where it begins as most do. */
export const begun = (type: PlainCommand['type'], place: number, on = place): PlainCommand =>
  commandOf([types.indexOf(type), 0, 0, on, 14, 30], place)

/** Most begin as journeys do; some do not. */
const opening = fc
  .nat(9)
  .map((n): readonly PlainCommand['type'][] => (n === 0 ? [] : n < 3 ? ['Refer'] : ['Refer', 'AllocateToGroup']))

export const commands: fc.Arbitrary<readonly JourneyCommand[]> = fc
  .tuple(opening, fc.array(numbers, { maxLength: 36, size: 'max' }))
  .map(([begin, rest]) => [
    ...begin.map((type, place) => begun(type, place)),
    ...rest.map((one, place) => commandOf(one, begin.length + place)),
  ])

/** What the log holds once the commands were told; refused ones leave nothing. Times of recording may go back, as an import's do. */
export function eventsFrom(
  told: readonly JourneyCommand[],
  minute: (n: number) => number = (n) => n,
): Recorded<JourneyEvent>[] {
  const events: Recorded<JourneyEvent>[] = []
  let state = journeyHistory.initial
  for (const command of told) {
    let news: readonly JourneyEvent[] = []
    try {
      news = journeyHistory.decide(state, command)
    } catch {
      // Refused: nothing is written.
    }
    for (const event of news) {
      const { commandId, recordedOn, occurredOn } = command
      const at = `${recordedOn}T12:${String(minute(events.length) % 60).padStart(2, '0')}:00.000Z`
      const recorded = recordedAs({ event, on: occurredOn, at, commandId }, events.length)
      events.push(recorded)
      state = journeyHistory.evolve(state, recorded)
    }
  }
  return events
}
