/** Random histories in which everything that was told may be corrected or withdrawn, and so may every correction, against the reference. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Refusal, type Recorded } from '../../src/domain/history.ts'
import { figuresOf, statusOf } from '../../src/domain/journey/figures.ts'
import { journeyHistory, type JourneyCommand, type JourneyEvent } from '../../src/domain/journey/journey.ts'
import { believedNow, journeyOn } from '../../src/domain/journey/replay.ts'
import type { JourneyFacts } from '../../src/domain/journey/state.ts'
import { versionsIn } from '../../src/domain/journey/versions.ts'
import { recordedAs } from './given.ts'
import { nextOf, opening, rest, type Step } from './corrected-histories.ts'
import { begun, seed } from './histories.ts'
import { ReferenceOfCorrections } from './reference-corrections.ts'
import type { ReferenceAnswer } from './reference-model.ts'

/** CORRECTED_HISTORIES=10000 for the long run. */
const histories = Number(process.env.CORRECTED_HISTORIES ?? 2_000)
process.stdout.write(`Random histories with corrections: SPEC_SEED=${seed}, ${histories} of them\n`)

function answerOf(decide: () => readonly JourneyEvent[]): ReferenceAnswer {
  try {
    return { written: decide() }
  } catch (error) {
    if (error instanceof Refusal) return { refused: error.code }
    throw error
  }
}

function told(
  rest: readonly Step[],
  note: (what: string) => void,
): { events: Recorded<JourneyEvent>[]; reference: ReferenceOfCorrections } {
  const reference = new ReferenceOfCorrections()
  const events: Recorded<JourneyEvent>[] = []
  let state = journeyHistory.initial
  const tell = (command: JourneyCommand) => {
    const answer = answerOf(() => journeyHistory.decide(state, command))
    const expected = reference.tell(command)
    expect(answer).toEqual(expected)
    if ('refused' in answer) return note(`${command.type} ${answer.refused}`)
    const [event] = answer.written as [JourneyEvent?]
    if (!event) return
    note(event.type === 'RecordCorrected' ? `${event.data.of} corrected` : event.type)
    // The nth event was recorded in the nth minute: on this clock the log is in order.
    const at = new Date(Date.UTC(2025, 4, 1, 0, events.length)).toISOString()
    events.push(recordedAs({ event, on: command.occurredOn, at, commandId: command.commandId }, events.length))
    state = journeyHistory.evolve(state, events.at(-1)!)
    if (command.type === 'CorrectRecord' || command.type === 'WithdrawRecord') {
      const ended = state.ending ? 'after the end' : 'before the end'
      note(`${command.type} ${ended}`)
    }
  }
  for (const [place, type] of opening.entries()) tell(begun(type, place, 8 + place))
  for (const [place, one] of rest.entries()) tell(nextOf(one, opening.length + place, events))
  return { events, reference }
}

const summaryOf = (facts: JourneyFacts) => ({
  status: statusOf(facts),
  ...figuresOf(facts),
  group: facts.groupId,
  provider: facts.provider,
})

const holds = (runs: number, property: (value: readonly Step[]) => void) =>
  fc.assert(fc.property(rest, property), { seed, numRuns: runs })

describe('in random histories with corrections', () => {
  it('rules, belief and both clocks are those of the reference', { timeout: 600_000 }, () => {
    const seen = new Map<string, number>()
    holds(histories, (given) => {
      const { events, reference } = told(given, (what) => seen.set(what, (seen.get(what) ?? 0) + 1))
      expect(summaryOf(believedNow(events))).toEqual(reference.summary())
      const known = journeyOn('known', events)
      for (const [n, place] of known.places.entries())
        expect(summaryOf(known.at(place).facts), `known at ${place}`).toEqual(reference.first(n + 1).summary())
      const happened = journeyOn('happened', events)
      for (const place of happened.places)
        expect(summaryOf(happened.at(place).facts), `happened by ${place}`).toEqual(reference.summary(place))
      for (const [revision, version] of versionsIn(events).said)
        expect({ on: version.on, data: version.data }).toEqual(reference.saidBy(revision))
    })
    for (const what of met) expect(seen.get(what) ?? 0, `histories that met ${what}`).toBeGreaterThan(2)
  })

  it('folded event by event, from the middle, or all at once, a history comes to the same', () =>
    holds(300, (given) => {
      const { events } = told(given, () => {})
      const middle = events.length >> 1
      const half = journeyHistory.fold(journeyHistory.initial, events.slice(0, middle))
      const copy = structuredClone(half)
      const byOne = events.reduce((state, event) => journeyHistory.evolve(state, event), journeyHistory.initial)
      expect(journeyHistory.fold(half, events.slice(middle))).toEqual(byOne)
      expect(journeyHistory.fold(journeyHistory.initial, events)).toEqual(byOne)
      expect(half).toEqual(copy)
    }))

  it('the last moment is what is believed now; the changes of status told in one pass are those of the moments', () =>
    holds(300, (given) => {
      const { events } = told(given, () => {})
      for (const clock of ['known', 'happened'] as const) {
        const journey = journeyOn(clock, events)
        const last = journey.at(journey.places.at(-1)!)
        expect(last.facts).toEqual(believedNow(events))
        expect(last.included).toEqual(events)
        expect(last.changedSince).toEqual([])
        const changes: { at: string; status: string }[] = []
        for (const at of journey.places) {
          const { status } = journey.at(at)
          if (changes.at(-1)?.status !== status) changes.push({ at, status })
        }
        expect(journey.statusChanges()).toEqual(changes)
      }
    }))
})

/** A property that never meets a rule says nothing about it. */
const met = [
  ...['no_such_record', 'no_longer_stands', 'no_reason', 'makes_impossible'].flatMap((code) => [
    `CorrectRecord ${code}`,
    `WithdrawRecord ${code}`,
  ]),
  ...['not_correctable', 'wrong_value', 'nothing_to_correct', 'before_referral', 'unknown_session'].map(
    (code) => `CorrectRecord ${code}`,
  ),
  ...['CorrectRecord', 'WithdrawRecord'].flatMap((type) => [`${type} before the end`, `${type} after the end`]),
  ...['before_referral', 'before_allocation', 'before_adulthood', 'two_at_one_time'].map(
    (code) => `RecordAttendance ${code}`,
  ),
  ...['DropOut', 'Complete'].map((type) => `${type} makes_impossible`),
  'RecordWithdrawn',
  'JourneyReinstated',
  ...['ReferralReceived', 'AllocatedToGroup', 'AttendanceRecorded', 'SuitabilityDecided', 'ParticipantDroppedOut'].map(
    (type) => `${type} corrected`,
  ),
]
