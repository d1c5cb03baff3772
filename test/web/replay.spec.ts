import { describe, expect, it } from 'vitest'
import type { Recorded } from '../../src/domain/history.ts'
import type { JourneyEvent } from '../../src/domain/journey/journey.ts'
import { endOfDay } from '../../src/domain/calendar.ts'
import { programmeAt } from '../../src/domain/programme.ts'
import { sayInstant } from '../../src/web/layout/dates.ts'
import { dateInput, readDate } from '../../src/web/forms/date.ts'
import { expectedPath } from '../../src/web/replay/expected-path.ts'
import { noSuchPlace, notYet, readAddress, replayView } from '../../src/web/replay/replay.ts'
import { scaleFor } from '../../src/web/replay/scale.ts'

describe('the line', () => {
  it('keeps the order of time, and one scale outside its folds', () => {
    const days = ['2024-01-01', '2024-01-08', '2024-01-15', '2024-09-02', '2024-09-09']
    const scale = scaleFor(days, 100, 1100)
    const xs = days.map((day) => scale.x(day))
    expect(xs).toEqual([...xs].sort((a, b) => a - b))
    expect(xs[1]! - xs[0]!).toBeCloseTo(xs[4]! - xs[3]!, 0)
    expect(scale.folds).toHaveLength(1)
    expect(scale.folds[0]!.weeks).toBe(33)
    expect(xs[0]).toBeGreaterThanOrEqual(100)
    expect(xs[4]).toBeLessThanOrEqual(1100)
  })

  it('folds nothing where nothing is long', () =>
    expect(scaleFor(['2024-01-01', '2024-01-29'], 0, 1000).folds).toEqual([]))

  it('can be drawn for a single day', () =>
    expect(scaleFor(['2024-01-01'], 0, 1000).x('2024-01-01')).toBeGreaterThan(0))
})

describe('the replay on the clock of what happened', () => {
  it('shows a corrected session as it is known today', () => {
    const view = replayView('/r', journey, { clock: 'happened', at: '2024-03-05' })
    expect(view.states.map(({ version }) => version)).toEqual([0, 0, 1, 0, 0])
    expect(view.moment.figures[0]).toEqual({ count: '0', name: 'sessions attended' })
    expect(view.moment.changed).toEqual([])
  })

  it('draws what is still to come faintly', () => {
    const view = replayView('/r', journey, { clock: 'happened', at: '2024-03-01' })
    expect(view.states.map((state) => state.class)).toEqual(['', 'tl-now', 'tl-off', 'tl-off', 'tl-off'])
  })
})

describe('the replay on the clock of what was known', () => {
  it('shows what was believed then, and says what is no longer', () => {
    const view = replayView('/r', journey, { clock: 'known', at: '2024-03-06' })
    expect(view.states[2]).toEqual({ version: 0, class: '' })
    expect(view.moment.changed).toMatchObject([
      { then: 'Attended, complied (ATTC)', now: 'Unacceptable absence (UAAB)', revision: 4 },
    ])
  })

  it('does not know of what was written up later, though it had happened', () => {
    const view = replayView('/r', journey, { clock: 'known', at: '2024-03-20' })
    expect(view.states[3]!.class).toBe('tl-off')
    expect(view.marks[3]).toMatchObject({ label: 'F2', late: true, standIns: ['F009'] })
  })

  it('ties a correction to what it corrected, and a late record to the day it was written', () => {
    const { drawing } = replayView('/r', journey, { clock: 'known', at: null })
    const [, , , late, correction] = drawing.marks
    expect(late!.tieFrom).toBe(late!.x)
    expect(late!.tie).toMatch(new RegExp(`^M${late!.x} `))
    expect(late!.recordedX).toBeGreaterThan(late!.x)
    expect(correction!.tie).toMatch(new RegExp(`^M${drawing.marks[2]!.x} `))
  })
})

describe('the expected path', () => {
  it('is the programme’s order, one session a week, from the first session held', () => {
    const { marks } = replayView('/r', journey, { clock: 'happened', at: null })
    const path = expectedPath(programmeAt('bbr', 1)!, marks)
    expect(path.slice(0, 3).map(({ id, on }) => `${id} ${on}`)).toEqual([
      'F1 2024-03-05',
      'F2 2024-03-12',
      'F3 2024-03-19',
    ])
    expect(path.at(-1)).toMatchObject({ id: 'FR', on: '2024-09-24' })
    expect(path).toHaveLength(30)
  })

  it('begins nowhere before a session was held', () => {
    const { drawing, marks } = replayView('/r', journey.slice(0, 2), { clock: 'happened', at: null })
    expect(expectedPath(programmeAt('bbr', 1)!, marks)).toEqual([])
    expect(drawing.expectedBand).toEqual([])
  })

  it('is drawn as far as the line goes', () => {
    const { drawing } = replayView('/r', journey, { clock: 'happened', at: null })
    expect(drawing.expectedBand.map(({ label }) => label)).toEqual(['Foundation'])
    expect(drawing.expectedBand[0]!.x).toBe(drawing.x('2024-03-05'))
  })
})

describe('a moment', () => {
  it('between two places shows how things stood, and leads back to the place before', () => {
    const view = replayView('/r', journey, { clock: 'happened', at: '2024-03-02' })
    expect(view.moment).toMatchObject({ number: 2, of: 4, exact: false, happened: [] })
    expect(view.previous).toBe('/r?clock=happened&at=2024-03-01')
    expect(view.next).toBe('/r?clock=happened&at=2024-03-05')
  })

  it('before everything has nothing in it', () => {
    const view = replayView('/r', journey, { clock: 'known', at: '2020-01-01' })
    expect(view.moment).toMatchObject({ number: 0, status: 'not_referred' })
  })

  it('after everything, and not in the future, is the last', () => {
    const view = replayView('/r', journey, { clock: 'happened', at: '2030-01-01' })
    expect(view.moment).toMatchObject({ number: 4, exact: false })
    expect(view.x).toBeLessThanOrEqual(view.drawing.width)
  })

  it('that has not come is refused: nothing can be said of it', () => {
    const now = '2024-06-30T11:00:00.000Z'
    const problem = (clock: 'happened' | 'known', at: string | null) => notYet({ clock, at }, now)?.problem ?? null
    expect(problem('happened', null)).toBeNull()
    expect(problem('happened', '2024-06-30')).toBeNull()
    expect(problem('happened', '2024-07-01')).toBe('1 July 2024 is in the future.')
    expect(problem('known', '2024-06-30')).toBeNull()
    expect(problem('known', now)).toBeNull()
    expect(problem('known', '2024-06-30T11:00:01.000Z')).toBe('30 June 2024 at 12:00pm is in the future.')
  })

  it('named by its number is one of those there are', () => {
    expect(noSuchPlace(undefined, 4)).toBeNull()
    for (const place of ['1', '4']) expect(noSuchPlace(place, 4)).toBeNull()
    for (const place of ['0', '5', '9999', '-1', '2.5', '', 'last', ['1', '2']])
      expect(noSuchPlace(place, 4)?.howTo).toBe('It has 4 moments, numbered 1 to 4.')
  })

  it('leads to the next absence, correction and late record, and to none where there is none', () => {
    const jumps = (clock: 'happened' | 'known', at: string) =>
      replayView('/r', journey, { clock, at }).jumps.map(({ href }) => href?.split('at=')[1] ?? null)
    // As it happened, the session of 5 March is known to have been missed.
    expect(jumps('happened', '2024-02-20')).toEqual(['2024-03-05', '2024-03-05', '2024-03-12'])
    expect(jumps('happened', '2024-03-05')).toEqual([null, null, '2024-03-12'])
    // As known, he was believed to have come until it was corrected.
    const [late, corrected] = ['2024-04-02T09:00:00.000Z', '2024-04-10T09:00:00.000Z'].map(encodeURIComponent)
    expect(jumps('known', '2024-02-20')).toEqual([corrected, corrected, late])
    expect(jumps('known', '2024-04-10')).toEqual([null, null, null])
  })

  it('is told to a screen reader in one breath', () => {
    const { moment } = replayView('/r', journey, { clock: 'happened', at: '2024-03-01' })
    expect(moment.announcement).toBe('Moment 2 of 4. 1 March 2024. He was allocated to group G1. Status: Scheduled.')
  })
})

describe('an address', () => {
  it('may name a day on either clock, and an instant on the clock of what was known', () => {
    expect(readAddress({})).toEqual({ clock: 'happened', at: null })
    expect(readAddress({ clock: 'known', at: '2024-03-05' })).toEqual({ clock: 'known', at: '2024-03-05' })
    expect(readAddress({ clock: 'known', at: '2024-03-05T10:00:00Z' })).toEqual({
      clock: 'known',
      at: '2024-03-05T10:00:00.000Z',
    })
  })

  it('that names no moment is explained, not guessed at', () => {
    for (const query of [
      { clock: 'x' },
      { at: '2024-02-30' },
      { at: 'x' },
      { clock: 'happened', at: '2024-03-05T10:00:00Z' },
      { clock: 'known', at: ['a', 'b'] },
    ]) {
      expect(readAddress(query)).toHaveProperty('howTo')
    }
  })
})

describe('a date', () => {
  it('ends at midnight in the service’s own time zone, in winter and in summer', () => {
    expect(endOfDay('2024-01-15')).toBe('2024-01-15T23:59:59.999Z')
    expect(endOfDay('2024-07-15')).toBe('2024-07-15T22:59:59.999Z')
    expect(sayInstant(endOfDay('2024-07-15'))).toBe('15 July 2024 at 11:59pm')
  })

  it.each([
    [{}, 'on-day', 'Enter the date it happened', ['day', 'month', 'year']],
    [{ 'on-day': '1', 'on-year': '2024' }, 'on-month', 'The date it happened must include a month', ['month']],
    [{ 'on-day': '1' }, 'on-month', 'The date it happened must include a month and a year', ['month', 'year']],
    [
      { 'on-day': '31', 'on-month': '2', 'on-year': '2024' },
      'on-day',
      'The date it happened must be a real date',
      ['day'],
    ],
    [
      { 'on-day': '3', 'on-month': '2', 'on-year': '24' },
      'on-year',
      'The date it happened must have a year of 4 numbers',
      ['year'],
    ],
    [
      { 'on-day': '5', 'on-month': '5', 'on-year': '0224' },
      'on-year',
      'The date it happened must be in 1900 or later',
      ['year'],
    ],
    [
      { 'on-day': 'x', 'on-month': '2', 'on-year': '2024' },
      'on-day',
      'The date it happened must be a real date',
      ['day'],
    ],
  ])('typed as %j is answered at the parts that are wrong', (body, field, text, parts) => {
    const { day, error } = readDate(body, 'on', 'The date it happened')
    expect(day).toBeNull()
    expect(error).toEqual({ field, text, parts })
    expect(dateInput('on', '', body, error, '').items.map(({ value }) => value)).toEqual(
      ['day', 'month', 'year'].map((part) => (body as Record<string, string>)[`on-${part}`] ?? ''),
    )
  })
})

// --- one journey: a session corrected, another written up late by a stand-in

let revision = 0
const event = (type: JourneyEvent['type'], occurredAt: string, recordedAt: string, data: object) =>
  ({
    type,
    data,
    id: `e${revision}`,
    stream: 'journey-1',
    revision: revision++,
    metadata: {
      commandId: `c${revision}`,
      actor: { id: 'F004', role: 'case_manager', organisation: 'North' },
      occurredAt,
      recordedAt,
      schemaVersion: 1,
      correlationId: 'x',
      causationId: 'x',
      source: 'import',
    },
  }) as unknown as Recorded<JourneyEvent>

const room = { groupId: 'G1', plannedFacilitators: ['F001', 'F002'], actualFacilitators: ['F001', 'F002'] }

const journey = [
  event('ReferralReceived', '2024-02-20', '2024-02-20T10:00:00.000Z', {
    participantId: 'p',
    programme: { key: 'bbr', version: 1 },
    source: 'not_stated',
    provider: 'North',
  }),
  event('AllocatedToGroup', '2024-03-01', '2024-03-01T10:00:00.000Z', { groupId: 'G1' }),
  event('AttendanceRecorded', '2024-03-05', '2024-03-05T16:00:00.000Z', { ...room, sessionId: 'F1', outcome: 'ATTC' }),
  event('AttendanceRecorded', '2024-03-12', '2024-04-02T09:00:00.000Z', {
    ...room,
    sessionId: 'F2',
    outcome: 'ATTC',
    actualFacilitators: ['F001', 'F009'],
  }),
  event('AttendanceCorrected', '2024-03-05', '2024-04-10T09:00:00.000Z', {
    sessionId: 'F1',
    outcome: 'UAAB',
    was: 'ATTC',
    corrects: 2,
  }),
]
