import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Fold } from '../../src/domain/history.ts'
import { foldFacts, type JourneyEvent } from '../../src/domain/journey/fold.ts'
import { journeyHistory } from '../../src/domain/journey/journey.ts'
import { nothingKnown } from '../../src/domain/journey/state.ts'
import { participantHistory, type ParticipantEvent } from '../../src/domain/participant.ts'
import { recorded } from './given.ts'
import { allocated, attendance, correction, referred, warned } from './words.ts'

const begun = recorded<JourneyEvent>(referred, allocated, attendance('F1', 'ATTC'))

describe('the fold of many events', () => {
  afterEach(() => vi.unstubAllGlobals())

  it('comes to the same as one event after the other', () => {
    const events = recorded<JourneyEvent>(
      referred,
      allocated,
      attendance('F1', 'ATTC'),
      correction('F1', 'ATTC', 'UAAB', 2),
    )
    const byOne = events.reduce((state, event) => journeyHistory.evolve(state, event), journeyHistory.initial)
    expect(journeyHistory.fold(journeyHistory.initial, events)).toEqual(byOne)
    expect(byOne).toEqual({
      ...foldFacts(nothingKnown, events),
      handled: new Set(events.map(({ metadata }) => metadata.commandId)),
    })
  })

  it('goes on from any state, and leaves that state as it was', () => {
    const before = journeyHistory.fold(journeyHistory.initial, begun.slice(0, 2))
    const copy = structuredClone(before)
    expect(journeyHistory.fold(before, begun.slice(2))).toEqual(journeyHistory.fold(journeyHistory.initial, begun))
    expect(before).toEqual(copy)
    expect(journeyHistory.initial.handled.size + nothingKnown.sessions.size + nothingKnown.facilitatorsMet.size).toBe(0)
  })

  it('copies as much for 10,000 events as for three: the work does not grow with what is already known', () => {
    const warnings = recorded<JourneyEvent>(referred, ...Array.from({ length: 9_999 }, () => warned))
    const details: ParticipantEvent = { type: 'ParticipantRegistered', data: { fingerprint: 'f' } }
    const known = recorded<ParticipantEvent>(
      ...Array.from({ length: 10_000 }, () => ({ event: details, on: '2025-01-06' })),
    )
    expect(copiesMadeBy(journeyHistory, journeyHistory.initial, warnings)).toBe(
      copiesMadeBy(journeyHistory, journeyHistory.initial, begun),
    )
    expect(copiesMadeBy(participantHistory, participantHistory.initial, known)).toBe(
      copiesMadeBy(participantHistory, participantHistory.initial, known.slice(0, 3)),
    )
  })

  it('may be grown event by event, each command decided on what came before, with one copy for all', () => {
    const sets = vi.fn()
    const known = { ...journeyHistory.initial, handled: new Set(['command-0']) }
    vi.stubGlobal('Set', new Proxy(Set, { construct: (target, given) => (sets(), Reflect.construct(target, given)) }))
    const { state, add } = journeyHistory.growing(known)
    const copies = sets.mock.calls.length
    for (const event of begun) {
      add(event)
      expect(state.handled.has(event.metadata.commandId)).toBe(true)
    }
    expect(sets).toHaveBeenCalledTimes(copies)
    vi.unstubAllGlobals()
    expect(state).toEqual(journeyHistory.fold(known, begun))
    expect(known).toEqual({ ...journeyHistory.initial, handled: new Set(['command-0']) })
  })

  it('looks at each event a bounded number of times', () => {
    let looks = 0
    const watched = recorded<JourneyEvent>(referred, ...Array.from({ length: 999 }, () => warned)).map(
      (event) => new Proxy(event, { get: (target, name) => (looks++, Reflect.get(target, name)) }),
    )
    journeyHistory.fold(journeyHistory.initial, watched)
    expect(looks / watched.length).toBeLessThan(10)
  })
})

/** How many maps and sets are made, which is how often what is known is copied. */
function copiesMadeBy<S, E>({ fold }: Fold<S, E>, state: S, events: Parameters<typeof fold>[1]): number {
  let made = 0
  const counted = <T extends new (...given: never[]) => object>(Collection: T): T =>
    new Proxy(Collection, { construct: (target, given) => (made++, Reflect.construct(target, given)) })
  vi.stubGlobal('Set', counted(Set))
  vi.stubGlobal('Map', counted(Map))
  fold(state, events)
  vi.unstubAllGlobals()
  expect(made).toBeGreaterThan(0)
  return made
}
