import { describe, expect, it } from 'vitest'
import type { Recorded } from '../../src/domain/history.ts'
import type { JourneyEvent } from '../../src/domain/journey/journey.ts'
import { outlineOf, replayView } from '../../src/web/replay/replay.ts'

describe('the replay of a very long journey', () => {
  it.each(['known', 'happened'] as const)(
    'as %s looks at each event a bounded number of times, however many there are',
    (clock) => {
      const looks = (count: number) => {
        const counter = { looks: 0 }
        const events = contacts(count, counter)
        outlineOf(replayView('/r', events, { clock, at: null }))
        return counter.looks / count
      }
      expect(looks(4_000)).toBeLessThan(looks(500) * 1.5)
    },
  )

  it('draws contacts of one kind that would touch as one mark that says how many', () => {
    const { drawing, marks, titleOf } = replayView('/r', contacts(3_000), { clock: 'known', at: null })
    expect(marks).toHaveLength(3_000)
    expect(drawing.marks.length).toBeLessThan(700)
    const told = drawing.marks.reduce((sum, { bundle }) => sum + 1 + (bundle?.more ?? 0), 0)
    expect(told).toBe(3_000)
    expect(titleOf(drawing.marks.find(({ bundle }) => bundle)!)).toMatch(/: Warning, and \d+ more up to \d+ \w+ \d{4}$/)
  })

  it('lists the marks around the moment, and says how many there are', () => {
    const list = (at: string | null) => replayView('/r', contacts(3_000), { clock: 'happened', at }).listed
    expect(list(null)).toEqual({ from: 2_920, to: 3_000, of: 3_000 })
    expect(list('2020-02-01')).toEqual({ from: 0, to: 80, of: 3_000 })
    const { from, to } = list('2020-06-01')
    expect(to - from).toBe(80)
    const middle = contacts(3_000).findIndex(({ metadata }) => metadata.occurredAt >= '2020-06-01')
    expect(from).toBeLessThan(middle)
    expect(to).toBeGreaterThan(middle)
  })

  it('of a usual length is drawn and listed mark by mark', () => {
    const drawn = replayView('/r', contacts(400), { clock: 'known', at: null }).drawing.marks
    expect(drawn).toHaveLength(400)
    expect(drawn.every(({ bundle }) => bundle === null)).toBe(true)
    expect(replayView('/r', contacts(80), { clock: 'known', at: null }).list).toHaveLength(80)
  })
})

/** A referral and then a warning every two hours. */
function contacts(count: number, counter = { looks: 0 }): readonly Recorded<JourneyEvent>[] {
  const begun = Date.parse('2020-02-01T00:00:00Z')
  return Array.from({ length: count }, (_, n) => {
    const occurredAt = new Date(begun + n * 7_200_000).toISOString().slice(0, 10)
    const recordedAt = new Date(begun + n * 7_200_000 + 36_000_000).toISOString()
    const referral = { participantId: 'p', programme: { key: 'bbr', version: 1 }, provider: 'N', source: 'voluntary' }
    return {
      type: n === 0 ? 'ReferralReceived' : 'WarningIssued',
      data: n === 0 ? referral : {},
      id: `e${n}`,
      stream: 'journey-1',
      revision: n,
      get metadata() {
        counter.looks++
        return { actor: { id: 'F004' }, occurredAt, recordedAt, source: 'api' }
      },
    } as unknown as Recorded<JourneyEvent>
  })
}
