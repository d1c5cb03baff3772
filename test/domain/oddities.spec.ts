/** What is improbable about a record: each oddity by itself, and of a correction only what was not odd before it. */
import { odditiesOfSessions } from '../../src/domain/session/session-oddities.ts'
import { describe, expect, it } from 'vitest'
import { journeyHistory, type JourneyCommand } from '../../src/domain/journey/journey.ts'
import { odditiesOf, oddityCodes, type OddityCode } from '../../src/domain/journey/oddities.ts'
import { recorded } from './given.ts'
import {
  allocated,
  attendance,
  complete,
  correctRecord,
  dated,
  dropOut,
  meet,
  met,
  recall,
  record,
  referred,
  told,
  warn,
  warned,
  withdrawRecord,
  type Spoken,
} from './words.ts'

/** Easter Monday of 2025. */
const bankHolidays = (day: string) => (day === '2025-04-21' ? 'Easter Monday' : undefined)

function oddities(before: readonly Spoken[], command: JourneyCommand) {
  const journey = journeyHistory.fold(journeyHistory.initial, recorded(...before))
  return journeyHistory.decide(journey, command).flatMap((event) => odditiesOf(journey, event, command, bankHolidays))
}

const codesOf = (...given: Parameters<typeof oddities>): readonly OddityCode[] =>
  oddities(...given).map(({ code }) => code)
const on = (command: JourneyCommand, occurredOn: string, recordedOn = occurredOn) =>
  told(command, { occurredOn, recordedOn })

const begun = [referred, allocated]
const held = (sessionId: string, day: string) => dated(attendance(sessionId, 'ATTC'), day)
const preGroup = [held('PG1', '2025-02-11'), held('PG2', '2025-02-12'), held('PG3', '2025-02-13')]

describe('what is odd', () => {
  it('nothing about a session in its turn, on a working day, recorded the day after', () =>
    expect(oddities([...begun, ...preGroup], on(record('F1', 'ATTC'), '2025-03-04', '2025-03-05'))).toEqual([]))

  it('a day more than a year from today, which is not told again as late', () => {
    expect(codesOf(begun, on(meet, '2025-03-04', '2026-03-04'))).toEqual(['recorded_late'])
    expect(oddities(begun, on(meet, '2025-03-04', '2026-03-05'))).toEqual([
      { code: 'far_from_today', sentence: '4 March 2025 is more than a year ago.' },
    ])
  })

  it('a record that comes more than 30 days late', () => {
    expect(codesOf(begun, on(meet, '2025-03-04', '2025-04-03'))).toEqual([])
    expect(oddities(begun, on(meet, '2025-03-04', '2025-04-04'))).toEqual([
      { code: 'recorded_late', sentence: '4 March 2025 is 31 days ago. Most records are made within a few days.' },
    ])
  })

  it('a weekend and a bank holiday, for what is done by appointment', () => {
    expect(oddities(begun, on(meet, '2025-03-08'))).toEqual([
      { code: 'weekend', sentence: '8 March 2025 was a Saturday.' },
    ])
    expect(codesOf(begun, on(meet, '2025-03-09'))).toEqual(['weekend'])
    expect(oddities(begun, on(meet, '2025-04-21'))).toEqual([
      { code: 'bank_holiday', sentence: '21 April 2025 was a bank holiday: Easter Monday.' },
    ])
    expect(codesOf(begun, on(recall, '2025-03-08'))).toEqual([])
    expect(codesOf(begun, on(dropOut('work'), '2025-04-21'))).toEqual([])
  })

  it('a second one the same day', () => {
    const warnedOn = dated(warned, '2025-03-17')
    expect(oddities([...begun, warnedOn], on(warn, '2025-03-17'))).toEqual([
      { code: 'second_same_day', sentence: 'Another warning is on record for 17 March 2025.' },
    ])
    expect(codesOf([...begun, warnedOn], on(warn, '2025-03-18'))).toEqual([])
    expect(codesOf([...begun, warnedOn], on(meet, '2025-03-17'))).toEqual([])
    expect(oddities([...begun, ...preGroup, held('F1', '2025-03-04')], on(record('F2', 'ATTC'), '2025-03-04'))).toEqual(
      [{ code: 'second_same_day', sentence: 'Another session is on record for 4 March 2025 (session F1).' }],
    )
  })

  it('a session out of the order of the programme', () => {
    expect(oddities([...begun, ...preGroup], on(record('F2', 'ATTC'), '2025-03-04'))).toEqual([
      { code: 'out_of_order', sentence: 'F2 comes after F1 in the programme, and nothing is on record for F1.' },
    ])
    expect(oddities([...begun, ...preGroup, held('F1', '2025-03-11')], on(record('F2', 'ATTC'), '2025-03-04'))).toEqual(
      [
        {
          code: 'out_of_order',
          sentence: 'F2 comes after F1 in the programme, and F1 was held later, on 11 March 2025.',
        },
      ],
    )
    expect(
      oddities(
        [...begun, held('PG1', '2025-02-11'), held('PG3', '2025-02-13')],
        on(record('PG2', 'ATTC'), '2025-02-18'),
      ),
    ).toEqual([
      {
        code: 'out_of_order',
        sentence: 'PG2 comes before PG3 in the programme, and PG3 was held earlier, on 13 February 2025.',
      },
    ])
  })

  it('a completion with fewer sessions attended than the programme has', () =>
    expect(oddities([...begun, ...preGroup], on(complete, '2025-05-06'))).toEqual([
      {
        code: 'sessions_missing',
        sentence: 'The programme has 33 sessions, and 3 of them are on record as attended.',
      },
    ]))

  it('each of the codes, and no other', () =>
    expect([...oddityCodes].toSorted()).toEqual([
      'another_person',
      'bank_holiday',
      'far_from_today',
      'out_of_order',
      'recorded_late',
      'second_same_day',
      'sessions_missing',
      'very_old',
      'weekend',
    ]))
})

describe('about a correction', () => {
  const meeting = dated(met, '2025-03-10')
  const moved = (occurredOn: string, recordedOn = '2025-06-01') =>
    on(correctRecord(2, { note: 'x' }, meeting), occurredOn, recordedOn)

  it('is only what was not odd about the record before; that it comes late is not asked about', () => {
    expect(codesOf([...begun, meeting], moved('2025-03-11'))).toEqual([])
    expect(codesOf([...begun, meeting], moved('2025-03-08'))).toEqual(['weekend'])
    expect(codesOf([...begun, dated(met, '2025-03-08')], moved('2025-03-08'))).toEqual([])
    expect(codesOf([...begun, dated(met, '2025-03-08')], moved('2025-03-09'))).toEqual(['weekend'])
    expect(codesOf([...begun, meeting], moved('2025-03-11', '2027-01-04'))).toEqual(['far_from_today'])
  })

  it('does not count the record itself as a second one, and a withdrawal asks nothing', () => {
    expect(codesOf([...begun, meeting], moved('2025-03-10'))).toEqual([])
    expect(codesOf([...begun, meeting, dated(met, '2025-03-12')], moved('2025-03-12'))).toEqual(['second_same_day'])
    expect(codesOf([...begun, meeting], on(withdrawRecord(2), '2025-03-10', '2027-01-04'))).toEqual([])
  })
})

describe('what is unusual about the day of a group’s session', () => {
  const today = '2025-03-03'
  const holidays = (day: string) => (day === '2025-04-21' ? 'Easter Monday' : undefined)
  const usual = {
    weekday: 2,
    calendar: [
      { sessionId: 'one', programmeSession: 'F1', on: '2025-03-04' },
      { sessionId: 'two', programmeSession: 'F2', on: '2025-03-11' },
    ],
  }
  const said = (on: string, of = usual) =>
    odditiesOfSessions([{ sessionId: 'new', on }], of, today, holidays).map(
      ({ code, sentence }) => `${code}: ${sentence}`,
    )

  it('is said of a weekend and a bank holiday, in the past and to come', () => {
    expect(said('2025-03-01')).toEqual(['weekend: 1 March 2025 was a Saturday.'])
    expect(said('2025-03-09')).toEqual(['weekend: 9 March 2025 is a Sunday.'])
    expect(said('2025-04-21')).toEqual(['bank_holiday: 21 April 2025 is a bank holiday: Easter Monday.'])
    expect(said('2025-03-05')).toEqual([])
  })
  it('is not said of the Saturday on which the group meets every week', () =>
    expect(said('2025-03-01', { ...usual, weekday: 6 })).toEqual([]))
  it('is said of a day far from today, and of a session that is recorded late', () => {
    expect(said('2024-02-27')).toEqual(['far_from_today: 27 February 2024 is more than a year ago.'])
    expect(said('2026-03-10')).toEqual(['far_from_today: 10 March 2026 is more than a year from now.'])
    expect(said('2025-01-28')).toEqual([
      'recorded_late: 28 January 2025 is 34 days ago. Most records are made within a few days.',
    ])
  })
  it('is said of a second session of the group on one day, and not of the session itself', () => {
    expect(said('2025-03-11')).toEqual([
      'second_same_day: Another session of the group, F2, is in its calendar for 11 March 2025.',
    ])
    expect(odditiesOfSessions([{ sessionId: 'two', on: '2025-03-11' }], usual, today, holidays)).toEqual([])
  })
  it('is said once of many, with how many more there are', () => {
    const many = ['2024-01-02', '2024-01-09', '2024-01-16'].map((on, n) => ({ sessionId: `n${n}`, on }))
    expect(odditiesOfSessions(many, usual, today, holidays)).toEqual([
      {
        code: 'far_from_today',
        sentence: '2 January 2024 is more than a year ago. Something like it is true of 2 more of these sessions.',
      },
    ])
  })
})
