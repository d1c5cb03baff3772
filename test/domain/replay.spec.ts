import { describe, expect, it } from 'vitest'
import { statusOf } from '../../src/domain/journey/figures.ts'
import type { JourneyEvent } from '../../src/domain/journey/journey.ts'
import {
  believedNow,
  daysLate,
  isLate,
  journeyAt,
  lateAfterDays,
  placesOn,
  type JourneyMoment,
} from '../../src/domain/journey/replay.ts'
import { recorded, type Fact } from './given.ts'
import {
  allocated,
  attendance,
  completed,
  correction,
  dated,
  droppedOut,
  recategorised,
  referred,
  warned,
} from './words.ts'

const at = (instant: string) => (journey: readonly Fact<JourneyEvent>[]) =>
  journeyAt(recorded(...journey), { clock: 'known', by: instant })
const on = (day: string) => (journey: readonly Fact<JourneyEvent>[]) =>
  journeyAt(recorded(...journey), { clock: 'happened', by: day })
const types = ({ included }: JourneyMoment) => included.map(({ type }) => type)

/** F1 was said to be attended on the Monday it was held, and corrected three weeks later. */
const heldOn = '2025-03-03'
const told = '2025-03-03T17:00:00.000Z'
const putRight = '2025-03-24T09:30:00.000Z'
const corrected = [
  referred,
  allocated,
  attendance('F1', 'ATTC'),
  dated(correction('F1', 'ATTC', 'UAAB', 2), '2025-03-24', putRight),
]

describe('a correction', () => {
  it('was not known before it was made: what was believed then was wrong, and is shown as it was', () => {
    const then = at('2025-03-10T00:00:00.000Z')(corrected)
    expect([...then.facts.sessions]).toMatchObject([['F1', { outcome: 'ATTC', heldOn }]])
    expect(then.status).toBe('on_programme')
    expect(then.figures).toMatchObject({ attended: 1, unacceptable_absences: 0, corrections: 0 })
    expect(then.changedSince).toEqual([{ about: 'session', sessionId: 'F1', then: 'ATTC', now: 'UAAB', revision: 3 }])
  })
  it('is known from the instant it was made', () => {
    const then = at(putRight)(corrected)
    expect([...then.facts.sessions]).toMatchObject([['F1', { outcome: 'UAAB', heldOn }]])
    expect(then.status).toBe('scheduled')
    expect(then.changedSince).toEqual([])
  })
  it('is about the day of the session it corrects, not the day it was made', () => {
    const then = on(heldOn)(corrected)
    expect([...then.facts.sessions]).toMatchObject([['F1', { outcome: 'UAAB', heldOn }]])
    expect(then.figures.corrections).toBe(1)
    expect(on('2025-03-02')(corrected).facts.sessions.size).toBe(0)
  })
  it('of a correction is told by the last of them', () => {
    const twice = [...corrected, dated(correction('F1', 'UAAB', 'AAME', 3), '2025-03-31')]
    expect(at(told)(twice).changedSince).toEqual([
      { about: 'session', sessionId: 'F1', then: 'ATTC', now: 'AAME', revision: 4 },
    ])
    expect(at(putRight)(twice).changedSince).toEqual([
      { about: 'session', sessionId: 'F1', then: 'UAAB', now: 'AAME', revision: 4 },
    ])
  })
  it('made before the moment is not what changed a belief after it', () => {
    // No command writes a second record of a session; a log that was written elsewhere may hold one.
    const again = dated(attendance('F1', 'AAME'), '2025-03-31', '2025-03-31T09:00:00.000Z')
    expect(at(putRight)([...corrected, again]).changedSince).toEqual([
      { about: 'session', sessionId: 'F1', then: 'UAAB', now: 'AAME', revision: 4 },
    ])
  })
  it('that was taken back has changed nothing since', () => {
    const back = [...corrected, dated(correction('F1', 'UAAB', 'ATTC', 3), '2025-03-31')]
    expect(at(told)(back).changedSince).toEqual([])
    expect(at(putRight)(back).changedSince).toHaveLength(1)
  })
  it('of one session changes no other', () => {
    const two = [...corrected, dated(attendance('F2', 'ATTC'), '2025-03-10')]
    expect(
      at('2025-03-11T00:00:00.000Z')(two).changedSince.map((change) => change.about === 'session' && change.sessionId),
    ).toEqual(['F1'])
  })
})

describe('a recategorisation', () => {
  const left = [referred, droppedOut('motivation'), recategorised('motivation', 'health')]
  it('was not known before it was made', () => {
    const then = at('2025-05-06T00:00:00.000Z')(left)
    expect(then.facts.ending).toMatchObject({ how: 'dropped_out', on: '2025-05-05', reason: 'motivation' })
    expect(then.figures.recategorisations).toBe(0)
    expect(then.changedSince).toEqual([{ about: 'reason', then: 'motivation', now: 'health', revision: 2 }])
  })
  it('made before the moment is not what changed the reason after it', () => {
    const again = dated(droppedOut('died'), '2025-06-02', '2025-06-02T09:00:00.000Z')
    expect(at('2025-06-01T00:00:00.000Z')([...left, again]).changedSince).toEqual([
      { about: 'reason', then: 'health', now: 'died', revision: 3 },
    ])
  })
  it('is about the day he left', () => {
    expect(on('2025-05-05')(left).facts.ending?.reason).toBe('health')
    expect(on('2025-05-04')(left).facts.ending).toBeNull()
  })
  it('leaves him in the count', () => expect(on('2025-05-05')(left).figures.outcome).toBe('dropped_out'))
  it('is no change to who looked before he left', () =>
    expect(at('2025-02-01T00:00:00.000Z')(left).changedSince).toEqual([]))
})

describe('a late record', () => {
  const late = [
    referred,
    allocated,
    attendance('F2', 'UAAB'),
    dated(attendance('F1', 'ATTC'), '2025-02-24', '2025-04-14T08:00:00.000Z'),
  ]
  it('counts on the day it happened', () => expect(on('2025-02-24')(late).facts.sessions.get('F1')).toBeDefined())
  it('was not known until it was made', () => {
    expect(at('2025-04-14T07:59:59.999Z')(late).facts.sessions.get('F1')).toBeUndefined()
    expect(at('2025-04-14T08:00:00.000Z')(late).facts.sessions.get('F1')).toBeDefined()
  })
  it('changes no belief: nothing was believed of that session', () => expect(at(told)(late).changedSince).toEqual([]))
  it('is not the last that had happened, though it is the last in the log', () => {
    expect(on('2025-12-31')(late).last?.data).toMatchObject({ sessionId: 'F2' })
    expect(at('2025-12-31T00:00:00.000Z')(late).last?.data).toMatchObject({ sessionId: 'F1' })
  })
  it('is late from the sixth day on', () => {
    const after = (recordedAt: string) => ({ metadata: { occurredAt: '2025-02-24', recordedAt } })
    expect(lateAfterDays).toBe(5)
    expect([daysLate(after('2025-02-24T23:59:59.999Z')), isLate(after('2025-02-24T23:59:59.999Z'))]).toEqual([0, false])
    expect([daysLate(after('2025-03-01T23:59:59.999Z')), isLate(after('2025-03-01T23:59:59.999Z'))]).toEqual([5, false])
    expect([daysLate(after('2025-03-02T00:00:00.000Z')), isLate(after('2025-03-02T00:00:00.000Z'))]).toEqual([6, true])
  })
  it('is counted in whole days across the night the clocks change', () =>
    expect(daysLate({ metadata: { occurredAt: '2025-03-29', recordedAt: '2025-04-01T12:00:00.000Z' } })).toBe(3))
})

describe('a moment', () => {
  it('before everything is empty on either clock', () => {
    for (const moment of [at('2025-01-06T16:59:59.999Z'), on('2025-01-05')]) {
      expect(moment(corrected)).toMatchObject({ status: 'not_referred', included: [], last: null, changedSince: [] })
    }
  })
  it('of a journey without a history is empty', () => expect(on('2999-01-01')([]).included).toEqual([]))
  it('includes its own day', () => {
    expect(types(on('2025-01-06')(corrected))).toEqual(['ReferralReceived'])
    expect(types(on('2025-01-05')(corrected))).toEqual([])
  })
  it('includes its own instant', () => {
    expect(types(at(told)(corrected))).toContain('AttendanceRecorded')
    expect(types(at('2025-03-03T16:59:59.999Z')(corrected))).not.toContain('AttendanceRecorded')
  })
  it('takes two records of one minute together: neither was known before the other', () => {
    const minute = '2025-03-03T17:00:00.000Z'
    const both = [referred, allocated, dated(attendance('F1', 'ATTC'), heldOn, minute), dated(warned, heldOn, minute)]
    expect(types(at(minute)(both))).toHaveLength(4)
    expect(types(at('2025-03-03T16:59:59.999Z')(both))).toHaveLength(2)
    expect(at(minute)(both).last?.type, 'the one told last').toBe('WarningIssued')
    expect(placesOn('known', recorded(...both)).filter((place) => place === minute)).toHaveLength(1)
  })
  it('takes a record and its correction of one minute together', () => {
    const atOnce = [
      referred,
      allocated,
      attendance('F1', 'ATTC'),
      dated(correction('F1', 'ATTC', 'UAAB', 2), heldOn, told),
    ]
    expect([...at(told)(atOnce).facts.sessions]).toMatchObject([['F1', { outcome: 'UAAB', heldOn }]])
    expect(at(told)(atOnce).changedSince).toEqual([])
  })
  it('keeps the order of the log', () => {
    const outOfOrder = [referred, allocated, dated(warned, '2025-04-01'), attendance('F1', 'ATTC')]
    expect(on('2025-12-31')(outOfOrder).included.map(({ revision }) => revision)).toEqual([0, 1, 2, 3])
  })
  it('at the end of the log is what is believed now', () => {
    const journey = [...corrected, completed]
    const now = believedNow(recorded(...journey))
    for (const moment of [at('2999-01-01T00:00:00.000Z')(journey), on('2999-01-01')(journey)]) {
      expect(moment.facts).toEqual(now)
      expect(moment.status).toBe(statusOf(now))
      expect(moment.changedSince).toEqual([])
    }
  })
})

describe('places on a clock', () => {
  const journey = [
    ...corrected,
    dated(attendance('F2', 'ATTC'), '2025-02-24', '2025-04-14T08:00:00.000Z'),
    droppedOut('motivation'),
    recategorised('motivation', 'health'),
  ]
  it('of what happened are days, in order, without repeats: a correction adds none of its own, nor a recategorisation', () =>
    expect(placesOn('happened', recorded(...journey))).toEqual([
      '2025-01-06',
      '2025-02-03',
      '2025-02-24',
      heldOn,
      '2025-05-05',
    ]))
  it('of what was known are the instants of recording, in order', () =>
    expect(placesOn('known', recorded(...journey))).toEqual([
      '2025-01-06T17:00:00.000Z',
      '2025-02-03T17:00:00.000Z',
      told,
      putRight,
      '2025-04-14T08:00:00.000Z',
      '2025-05-05T17:00:00.000Z',
      '2025-05-19T17:00:00.000Z',
    ]))
  it('are where something is added: between two of them nothing changes', () => {
    const events = recorded(...journey)
    for (const clock of ['happened', 'known'] as const) {
      const counts = placesOn(clock, events).map((by) => journeyAt(events, { clock, by }).included.length)
      expect(counts).toEqual(counts.toSorted((a, b) => a - b))
      expect(new Set(counts).size).toBe(counts.length)
      expect(counts.at(-1)).toBe(events.length)
    }
  })
  it('of a journey without a history are none', () => expect(placesOn('known', [])).toEqual([]))
})

describe('lateness', () => {
  it('is counted in the days of the service, not of Greenwich', () => {
    const lateBy = (recordedAt: string) => daysLate({ metadata: { occurredAt: '2024-07-01', recordedAt } })
    expect(lateBy('2024-06-30T23:30:00.000Z')).toBe(0) // half past midnight on 1 July in London
    expect(lateBy('2024-07-01T22:59:00.000Z')).toBe(0)
    expect(lateBy('2024-07-01T23:00:00.000Z')).toBe(1)
    expect(lateBy('2024-12-01T00:30:00.000Z')).toBe(153)
  })
})
