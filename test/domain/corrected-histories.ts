/** Random histories in which everything that was told may be corrected or withdrawn, and so may every correction. */
import fc from 'fast-check'
import type { Recorded } from '../../src/domain/history.ts'
import { journeyHistory, type JourneyCommand, type JourneyEvent } from '../../src/domain/journey/journey.ts'
import { versionsIn } from '../../src/domain/journey/versions.ts'
import { recordedAs } from './given.ts'
import { begun, commandOf, numbers } from './histories.ts'

const pick = <T>(from: readonly T[], n: number): T => from[n % from.length]!

const values: readonly (readonly [string, unknown])[] = [
  ['note', 'seen again'],
  ['outcome', 'ATTC'],
  ['sessionId', 'F1'],
  ['reason', 'health'],
  ['groupId', 'G2'],
  ['provider', 'west'],
  ['outcome', 'UAAB'],
  ['sessionId', 'F2'],
  ['decision', 'not_ready'],
  ['about', 'late again'],
  ['result', 'medium'],
  ['because', 'an appeal'],
  ['source', 'family_court'],
  ['actualFacilitators', ['eve']],
  ['plannedFacilitators', ['amy']],
  ['programme', { key: 'bbr', version: 1 }],
  ['startedAt', '19:00'],
  ['endedAt', '20:30'],
  ['startedAt', ''],
  ['note', ''],
  ['groupId', ''],
  ['provider', ''],
  ['outcome', 'XXXX'],
  ['sessionId', 'F9'],
  ['sessionId', 'IX'],
  ['sessionId', 'XX'],
  ['sessionId', ''],
  ['reason', 'bored'],
  ['decision', 'perhaps'],
  ['participantId', 'another'],
  ['constructor', 'x'],
]

/** A field that the fact has, mostly; now and then any. */
function changeOf(data: Readonly<Record<string, unknown>>, n: number): Record<string, unknown> {
  const own = values.filter(([field]) => Object.hasOwn(data, field) || field === 'note')
  const [field, value] = n % 7 === 0 ? pick(values, n) : pick(own, n)
  return { [field]: value }
}

export type Step = readonly [numbers: readonly number[], choice: number]

/** The next command: a plain one, or one that puts right what is on record, as the command handler would issue it. */
export function nextOf(
  [given, choice]: Step,
  place: number,
  events: readonly Recorded<JourneyEvent>[],
): JourneyCommand {
  const plain = commandOf(given, place)
  const [, what, which] = given as [number, number, number]
  // Mostly one of the last few, which still stand; now and then any, and one that is not there.
  const at = which % 5 === 0 ? which % (events.length + 2) : Math.max(0, events.length - 1 - (which % 6))
  const because = what % 40 === 0 ? ' ' : 'mistyped'
  if (choice < 2) return { ...plain, type: 'WithdrawRecord', data: { withdraws: at, because } }
  if (choice > 4) return plain
  const version = versionsIn(events).said.get(at)
  const said = version
    ? { of: version.of, version: 1, data: version.data }
    : ({ of: 'WarningIssued', version: 1, data: {} } as const)
  const sameDay = what % 2 === 0 && version ? { occurredOn: version.on, recordedOn: '2025-04-01' } : {}
  return {
    ...plain,
    ...sameDay,
    type: 'CorrectRecord',
    data: {
      corrects: at,
      changes: what % 3 === 0 ? {} : changeOf(said.data, what),
      because,
      said,
    },
  }
}

/** How each begins. */
export const opening = ['Refer', 'AllocateToGroup'] as const

export const rest = fc.array(fc.tuple(numbers, fc.nat(9)), { maxLength: 30, size: 'max' })

/**
 * What the log holds once these were told; refused ones leave nothing.
 * @param minute in which the nth event was recorded; times of recording may go back, as an import's do
 */
export function correctedEventsFrom(
  steps: readonly Step[],
  minute: (n: number) => number = (n) => n,
): readonly Recorded<JourneyEvent>[] {
  const events: Recorded<JourneyEvent>[] = []
  let state = journeyHistory.initial
  const tell = (command: JourneyCommand) => {
    let news: readonly JourneyEvent[] = []
    try {
      news = journeyHistory.decide(state, command)
    } catch {
      // Refused: nothing is written.
    }
    for (const event of news) {
      const at = new Date(Date.UTC(2025, 4, 1, 0, minute(events.length))).toISOString()
      events.push(recordedAs({ event, on: command.occurredOn, at, commandId: command.commandId }, events.length))
      state = journeyHistory.evolve(state, events.at(-1)!)
    }
  }
  for (const [place, type] of opening.entries()) tell(begun(type, place, 8 + place))
  for (const [place, one] of steps.entries()) tell(nextOf(one, opening.length + place, events))
  return events
}
