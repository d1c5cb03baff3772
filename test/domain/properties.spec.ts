import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Refusal, type Recorded } from '../../src/domain/history.ts'
import { figuresOf, statusCodes, statusOf, type Status } from '../../src/domain/journey/figures.ts'
import { journeyHistory, type JourneyEvent } from '../../src/domain/journey/journey.ts'
import { believedNow, journeyAt, journeyOn, placesOn } from '../../src/domain/journey/replay.ts'
import type { JourneyFacts } from '../../src/domain/journey/state.ts'
import { recordedAs } from './given.ts'
import { commands, eventsFrom, seed } from './histories.ts'
import { everyCommand } from './words.ts'
import { ReferenceJourney, type ReferenceAnswer } from './reference-model.ts'

process.stdout.write(`Random histories: SPEC_SEED=${seed}\n`)

const holds = <T>(histories: number, of: fc.Arbitrary<T>, property: (value: T) => void) =>
  fc.assert(fc.property(of, property), { seed, numRuns: histories })

describe('in random histories', () => {
  it('the rules answer as the written rules do, 10,000 times out of 10,000', () => {
    const seen = new Map<string, number>()
    const note = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1)
    holds(10_000, commands, (told) => {
      const reference = new ReferenceJourney()
      const events: Recorded<JourneyEvent>[] = []
      let state = journeyHistory.initial
      for (const command of told) {
        const answer = answerOf(() => journeyHistory.decide(state, command))
        expect(answer).toEqual(reference.tell(command))
        if ('refused' in answer) note(answer.refused)
        else if (answer.written.length === 0) note('nothing new')
        else {
          const [event] = answer.written as [JourneyEvent]
          note(event.type)
          events.push(recordedAs({ event, on: command.occurredOn, commandId: command.commandId }, events.length))
          state = journeyHistory.evolve(state, events.at(-1)!)
        }
      }
      const facts = believedNow(events)
      const status = statusOf(facts)
      note(status)
      expect({ status, ...figuresOf(facts), group: facts.groupId, provider: facts.provider }).toEqual({
        status: reference.status(),
        ...reference.figures(),
        group: reference.group(),
        provider: reference.provider(),
      })
    })
    // A property that never meets a rule says nothing about it.
    for (const what of [...refusals, ...statusCodes, 'nothing new'])
      expect(seen.get(what) ?? 0, `histories that met ${what}`).toBeGreaterThan(20)
    // Corrections and withdrawals have histories of their own: corrected-histories.spec.ts.
    expect([...seen.keys()].filter((what) => /^[A-Z]/.test(what))).toHaveLength(Object.keys(everyCommand).length - 2)
  })

  it('the order of recording changes nothing that is believed, but between an event and what it corrects', () =>
    holds(3_000, fc.tuple(commands, fc.array(fc.nat(), { minLength: 40, maxLength: 40 })), ([told, chance]) => {
      const events = eventsFrom(told)
      const shuffled = reordered(events, chance)
      expect(believedNow(shuffled)).toEqual(believedNow(events))
      expect(statusOf(believedNow(shuffled))).toBe(statusOf(believedNow(events)))
    }))

  it('the last moment of either clock is what is believed now, and nothing has changed since', () =>
    holds(2_000, fc.tuple(commands, fc.nat(59)), ([told, back]) => {
      const events = eventsFrom(told, (n) => n * back)
      for (const clock of ['happened', 'known'] as const) {
        const by = placesOn(clock, events).at(-1) ?? '2025-01-01'
        const moment = journeyAt(events, { clock, by })
        expect(moment.facts).toEqual(believedNow(events))
        expect(moment.included).toEqual(events)
        expect(moment.changedSince).toEqual([])
      }
    }))

  it('time adds and never takes away; each moment is the fold of what it includes; every changed belief is told', () =>
    holds(1_000, fc.tuple(commands, fc.nat(59)), ([told, back]) => {
      const events = eventsFrom(told, (n) => n * back)
      const now = believedNow(events)
      for (const clock of ['happened', 'known'] as const) {
        let before = new Set<number>()
        for (const by of placesOn(clock, events)) {
          const moment = journeyAt(events, { clock, by })
          const revisions = moment.included.map(({ revision }) => revision)
          expect(before.isSubsetOf(new Set(revisions))).toBe(true)
          expect(revisions.length).toBeGreaterThan(before.size)
          expect(revisions).toEqual(revisions.toSorted((a, b) => a - b))
          expect(moment.facts).toEqual(believedNow(moment.included))
          expect(moment.changedSince).toHaveLength(clock === 'happened' ? 0 : beliefsChanged(moment.facts, now))
          before = new Set(revisions)
        }
      }
    }))

  it('the changes of status told in one pass are those of the moments one by one', () =>
    holds(1_000, fc.tuple(commands, fc.nat(59)), ([told, back]) => {
      const events = eventsFrom(told, (n) => n * back)
      for (const clock of ['happened', 'known'] as const) {
        const journey = journeyOn(clock, events)
        const changes: { at: string; status: Status }[] = []
        for (const at of journey.places) {
          const { status } = journey.at(at)
          if (changes.at(-1)?.status !== status) changes.push({ at, status })
        }
        expect(journey.statusChanges()).toEqual(changes)
      }
    }))

  it('deciding and folding leave what they were given as it was', () =>
    holds(300, commands, (told) => {
      const events = eventsFrom(told)
      const states = [journeyHistory.initial]
      const copies = [structuredClone(journeyHistory.initial)]
      for (const event of events) {
        states.push(journeyHistory.evolve(states.at(-1)!, event))
        copies.push(structuredClone(states.at(-1)!))
      }
      for (const command of told) answerOf(() => journeyHistory.decide(states.at(-1)!, command))
      expect(states).toEqual(copies)
    }))

  it('whatever was told is, told again, nothing new', () =>
    holds(300, commands, (told) => {
      const state = eventsFrom(told).reduce(journeyHistory.evolve, journeyHistory.initial)
      for (const command of told.filter(({ commandId }) => state.handled.has(commandId))) {
        expect(journeyHistory.decide(state, command)).toEqual([])
      }
    }))
})

const refusals = [
  'recorded_before_occurred',
  'already_referred',
  'no_referral',
  'journey_ended',
  'unknown_session',
  'unknown_outcome',
  'not_allocated',
  'already_recorded',
  'nothing_to_correct',
  'unknown_reason',
  'nothing_to_recategorise',
  'not_started',
  'not_ended',
  'before_the_end',
]

function answerOf(decide: () => readonly JourneyEvent[]): ReferenceAnswer {
  try {
    return { written: decide() }
  } catch (error) {
    if (error instanceof Refusal) return { refused: error.code }
    throw error
  }
}

/** Any order that keeps a record before its corrections, and two of a kind on one day as they were told. */
function reordered(events: readonly Recorded<JourneyEvent>[], chance: readonly number[]): Recorded<JourneyEvent>[] {
  const bound = (event: Recorded<JourneyEvent>): string => {
    switch (event.type) {
      case 'AttendanceRecorded':
      case 'AttendanceCorrected':
        return `session ${event.data.sessionId}`
      case 'ParticipantDroppedOut':
      case 'ProgrammeCompleted':
      case 'OutcomeRecategorised':
      case 'JourneyReinstated':
        return 'ending'
      default:
        return `${event.type} ${event.metadata.occurredAt}`
    }
  }
  const shuffled = events.map((event, n) => ({ event, n: chance[n]! })).toSorted((a, b) => a.n - b.n)
  const inOrder = Map.groupBy(events, bound)
  return shuffled.map(({ event }) => inOrder.get(bound(event))!.shift()!)
}

function beliefsChanged(then: JourneyFacts, now: JourneyFacts): number {
  const sessions = [...then.sessions].filter(([id, { outcome }]) => outcome !== now.sessions.get(id)!.outcome)
  // He may have come back and left again: that changes nothing that was believed of the first time.
  const { ending } = then
  const cameBack = [...now.recorded].some(
    ([revision, { type }]) => ending && type === 'JourneyReinstated' && revision > ending.revision,
  )
  return sessions.length + (ending?.reason && !cameBack && ending.reason !== now.ending?.reason ? 1 : 0)
}
