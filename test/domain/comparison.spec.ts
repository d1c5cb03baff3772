import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Recorded } from '../../src/domain/history.ts'
import { believedOf } from '../../src/domain/journey/believed.ts'
import { compareMoments, whyOf, type FactChange, type JourneyComparison } from '../../src/domain/journey/comparison.ts'
import type { JourneyEvent } from '../../src/domain/journey/journey.ts'
import { believedNow, journeyOn } from '../../src/domain/journey/replay.ts'
import { recorded } from './given.ts'
import { seed } from './histories.ts'
import { correctedEventsFrom, rest } from './corrected-histories.ts'
import { allocated, attendance, correction, dated, referred } from './words.ts'

const clocks = ['known', 'happened'] as const

/** What two comparisons in a row come to, said independently: the first's before, the second's after, and the events of both. */
function composed(first: JourneyComparison, second: JourneyComparison) {
  const facts = new Map<number, { before: FactChange['before']; after: FactChange['after']; events: number[] }>()
  for (const { fact, before, after, events } of [...first.facts, ...second.facts]) {
    const so = facts.get(fact)
    const revisions = [...(so?.events ?? []), ...events.map(({ revision }) => revision)].sort((a, b) => a - b)
    facts.set(fact, { before: so ? so.before : before, after, events: revisions })
  }
  return {
    facts: [...facts].sort(([a], [b]) => a - b),
    status: { before: first.status.before, after: second.status.after },
    figures: figuresOver(first, second),
  }
}

function figuresOver(first: JourneyComparison, second: JourneyComparison) {
  const over = new Map<string, { before: unknown; after: unknown }>()
  for (const { figure, before, after } of [...first.figures, ...second.figures])
    over.set(figure, { before: over.has(figure) ? over.get(figure)!.before : before, after })
  return Object.fromEntries([...over].filter(([, { before, after }]) => before !== after))
}

const summed = ({ facts, status, figures }: JourneyComparison) => ({
  facts: facts.map(({ fact, before, after, events }) => [
    fact,
    { before, after, events: events.map(({ revision }) => revision) },
  ]),
  status,
  figures: Object.fromEntries(figures.map(({ figure, before, after }) => [figure, { before, after }])),
})

type Property = (events: readonly Recorded<JourneyEvent>[], at: readonly number[]) => void
const holds = (property: Property, minute?: (n: number) => number) =>
  fc.assert(
    fc.property(rest, fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99)), (steps, at) =>
      property(correctedEventsFrom(steps, minute), at),
    ),
    { seed, numRuns: 600 },
  )

/** Three places of a journey, in order. */
const placesOf = (places: readonly string[], at: readonly number[]) => at.map((n) => places[n % places.length]!).sort()

describe('in random histories with corrections, on both clocks', () => {
  it('a moment differs in nothing from itself', () =>
    holds((events, at) => {
      for (const clock of clocks) {
        const [place] = placesOf(journeyOn(clock, events).places, at)
        const { facts, figures, status, events: added } = compareMoments(events, { clock, from: place!, to: place! })
        expect({ facts, figures, added }).toEqual({ facts: [], figures: [], added: [] })
        expect(status.before).toBe(status.after)
      }
    }))

  it('from before anything to the last moment is every fact that is believed, and every event', () =>
    holds((events) => {
      const { believed } = believedOf(believedNow(events).recorded)
      for (const clock of clocks) {
        const to = journeyOn(clock, events).places.at(-1)!
        const { facts, events: added } = compareMoments(events, { clock, from: null, to })
        expect(added).toEqual(events)
        const standing = facts.filter(({ after }) => after !== null)
        expect(new Set(standing.map(({ fact }) => fact))).toEqual(new Set(believed.map(({ fact }) => fact)))
        expect(standing.every(({ how, before }) => how === 'added' && before === null)).toBe(true)
        expect(facts.filter(({ after }) => after === null).every(({ how }) => how === 'as_before')).toBe(true)
      }
    }))

  it.each([
    ['in order', undefined],
    ['out of order, as an import is', (n: number) => (n * 7) % 11],
  ])('two comparisons in a row come to the one over both, recorded %s', (_, minute) =>
    holds((events, at) => {
      for (const clock of clocks) {
        const [first, second, third] = placesOf(journeyOn(clock, events).places, at) as [string, string, string]
        const over = compareMoments(events, { clock, from: first, to: third })
        const one = compareMoments(events, { clock, from: first, to: second })
        const other = compareMoments(events, { clock, from: second, to: third })
        expect(summed(over)).toEqual(composed(one, other))
      }
    }, minute),
  )

  it('a fact is told, corrected, withdrawn or put back as its belief before and after say', () => {
    const met = new Set<string>()
    holds((events, at) => {
      for (const clock of clocks) {
        const [from, , to] = placesOf(journeyOn(clock, events).places, at) as [string, string, string]
        for (const { how, before, after, fields, events: by } of compareMoments(events, { clock, from, to }).facts) {
          met.add(`${clock} ${how}`)
          expect(by.length).toBeGreaterThan(0)
          expect(how === 'withdrawn').toBe(before !== null && after === null)
          expect(how === 'added' || how === 'put_back').toBe(before === null && after !== null)
          expect(how === 'corrected').toBe(fields.length > 0)
        }
      }
    })
    for (const how of ['added', 'corrected', 'withdrawn', 'put_back', 'as_before'])
      expect(met).toContain(`known ${how}`)
    // What we know today of a day does not depend on when it was put right.
    expect(met).not.toContain('happened corrected')
    expect(met).not.toContain('happened withdrawn')
  })
})

describe('two moments', () => {
  const events = recorded<JourneyEvent>(
    referred,
    allocated,
    attendance('F1', 'ATTC'),
    dated(correction('F1', 'ATTC', 'UAAB', 2), '2025-03-24', '2025-03-24T09:30:00.000Z'),
  )

  it('on either side of a correction differ in what it corrected, by whom, and in the figures', () => {
    const to = '2025-03-24T09:30:00.000Z'
    const { facts, figures, status } = compareMoments(events, { clock: 'known', from: '2025-03-10T00:00:00.000Z', to })
    expect(facts).toMatchObject([
      {
        how: 'corrected',
        fact: 2,
        of: 'AttendanceRecorded',
        fields: [{ field: 'outcome', before: 'ATTC', after: 'UAAB' }],
        events: [{ revision: 3, metadata: { actor: { id: 'someone' } } }],
      },
    ])
    expect(figures).toContainEqual({ figure: 'attended', before: 1, after: 0 })
    expect(status).toEqual({ before: 'on_programme', after: 'scheduled' })
  })

  it('on the clock of what happened differ in the session as it is known today', () => {
    const { facts } = compareMoments(events, { clock: 'happened', from: '2025-03-02', to: '2025-03-03' })
    expect(facts).toMatchObject([{ how: 'added', after: { data: { outcome: 'UAAB' }, revision: 3 } }])
  })

  it('are compared in the order of time only', () =>
    expect(() => compareMoments(events, { clock: 'happened', from: '2025-03-03', to: '2025-03-02' })).toThrow(
      RangeError,
    ))
})

describe('why a record was made', () => {
  it('is what was written as the reason, or the note, or nothing', () => {
    const [event] = recorded<JourneyEvent>(attendance('F1', 'ATTC'))
    const saying = (data: object) => ({ ...event!, data: { ...event!.data, ...data } }) as Recorded<JourneyEvent>
    expect(whyOf(saying({ because: 'mistyped', note: 'a note' }))).toBe('mistyped')
    expect(whyOf(saying({ because: ' ', note: 'a note' }))).toBe('a note')
    expect(whyOf(saying({}))).toBe('')
  })
})
