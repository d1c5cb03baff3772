/** The one rule of dates, each part of it by itself, and at the deciders that ask it. */
import { describe, expect, it } from 'vitest'
import { adultOn, refusalOfDate, type DateFrame, type DatedFact } from '../../src/domain/dates.ts'
import type { JourneyCommand } from '../../src/domain/journey/journey.ts'
import { given, givenGroup, givenParticipant, givenSession, type Fact } from './given.ts'

const told = { commandId: 'next', recordedOn: '2026-06-01' }

const frame: DateFrame = {
  referredOn: '2025-01-06',
  allocatedOn: '2025-02-03',
  ending: { on: '2025-09-01', revision: 9 },
  adultFrom: '2024-12-01',
  timed: [{ type: 'AttendanceRecorded', on: '2025-03-03', revision: 5, startedAt: '18:30', endedAt: '21:00' }],
}
const session: DatedFact = { type: 'AttendanceRecorded', on: '2025-03-04', revision: 7 }
const warning: DatedFact = { type: 'WarningIssued', on: '2025-03-04', revision: 7 }
const assessed: DatedFact = { type: 'EligibilityAssessed', on: '2025-03-04', revision: 7 }

describe('a date', () => {
  it.each([
    ['a session among the others', session, null],
    ['a warning on the day of the referral', { ...warning, on: '2025-01-06' }, null],
    ['a warning before the referral', { ...warning, on: '2025-01-05' }, 'before_referral'],
    ['an assessment before the referral', { ...assessed, on: '2024-12-05' }, null],
    ['an assessment before he was 18', { ...assessed, on: '2024-11-30' }, 'before_adulthood'],
    ['a referral before he was 18', { ...warning, type: 'ReferralReceived', on: '2024-11-30' }, 'before_adulthood'],
    ['a session on the day of the allocation', { ...session, on: '2025-02-03' }, null],
    ['a session before the allocation', { ...session, on: '2025-02-02' }, 'before_allocation'],
    ['a warning before the allocation', { ...warning, on: '2025-02-02' }, null],
    ['a session on the last day', { ...session, on: '2025-09-01' }, null],
    ['a session after the end', { ...session, on: '2025-09-02' }, 'journey_ended'],
    ['the end itself', { ...warning, type: 'ProgrammeCompleted', on: '2025-09-01', revision: 9 }, null],
    ['a correction found after the end', { ...warning, type: 'AttendanceCorrected', on: '2025-12-01' }, null],
  ] as const)('of %s', (_, fact, code) => expect(refusalOfDate(fact, frame)?.code ?? null).toBe(code))

  it.each([
    ['18:30', '21:00', 'two_at_one_time'],
    ['17:00', '18:31', 'two_at_one_time'],
    ['19:00', '19:30', 'two_at_one_time'],
    ['21:00', '22:00', null],
    ['16:00', '18:30', null],
    ['19:00', undefined, null],
  ])('of a second session from %s to %s', (startedAt, endedAt, code) =>
    expect(refusalOfDate({ ...session, on: '2025-03-03', startedAt, endedAt }, frame)?.code ?? null).toBe(code),
  )

  it('is refused with the rule and what would satisfy it, and never with his date of birth', () => {
    const said = (fact: DatedFact) => refusalOfDate(fact, frame)?.message
    expect(said({ ...session, on: '2025-02-02' })).toBe(
      'The date must be on or after 3 February 2025, when he was allocated to a group. If he was allocated earlier, correct the allocation first.',
    )
    expect(said({ ...session, on: '2025-09-02' })).toContain('on or before 1 September 2025, when this journey ended')
    expect(said({ ...assessed, on: '2000-01-01' })).toBe(
      'The date must be on or after the day he turned 18. Check the date, and his date of birth.',
    )
  })
})

describe('the eighteenth birthday', () => {
  it.each([
    ['1990-05-06', '2008-05-06'],
    ['1988-02-29', '2006-03-01'],
    ['1986-02-29', '2004-02-29'],
  ])('of somebody born on %s is %s', (born, day) => expect(adultOn(born)).toBe(day))
})

const referred: Fact = {
  event: {
    type: 'ReferralReceived',
    data: { participantId: 'he', programme: { key: 'bbr', version: 1 }, source: 'voluntary', provider: 'North' },
  },
  on: '2025-01-06',
}
const allocated: Fact = { event: { type: 'AllocatedToGroup', data: { groupId: 'G1' } }, on: '2025-02-03' }
const attendance = { groupId: 'G1', plannedFacilitators: [], actualFacilitators: ['F1'] }
const attended: Fact = {
  event: { type: 'AttendanceRecorded', data: { sessionId: 'F1', outcome: 'ATTC', ...attendance } },
  on: '2025-03-03',
}
const record = (occurredOn: string): JourneyCommand => ({
  ...told,
  occurredOn,
  type: 'RecordAttendance',
  data: { sessionId: 'F2', outcome: 'ATTC', ...attendance },
})
const onJourney = given as (...facts: Fact[]) => ReturnType<typeof given>

describe('at every decider', () => {
  it('a journey refuses it of what is recorded, and copies what another system has recorded', () => {
    onJourney(referred, allocated).when(record('2025-02-02')).thenRefused('before_allocation')
    onJourney(referred, allocated).when(record('1899-12-31')).thenRefused('before_1900')
    onJourney(referred, allocated).when(record('2026-06-02')).thenRefused('recorded_before_occurred')
    const copied = { ...record('2025-02-02'), copied: true } as const
    onJourney(referred, allocated)
      .when(copied)
      .then({ event: { type: 'AttendanceRecorded', data: copied.data } as never, on: '' })
    onJourney(referred, allocated)
      .when({ ...record('2025-03-04'), adultFrom: '2025-03-05' })
      .thenRefused('before_adulthood')
  })

  it('a journey does not end before what is on record of it', () => {
    const complete = (occurredOn: string): JourneyCommand => ({ ...told, occurredOn, type: 'Complete', data: {} })
    onJourney(referred, allocated, attended).when(complete('2025-03-02')).thenRefused('makes_impossible')
    onJourney(referred, allocated, attended).when(complete('2000-01-01')).thenRefused('before_referral')
    onJourney(referred, allocated, attended)
      .when(complete('2025-03-03'))
      .then({ event: { type: 'ProgrammeCompleted', data: {} }, on: '2025-03-03' })
  })

  it('a participant, a group and a session refuse it', () => {
    const details = { fingerprint: 'f', familyName: 'Example', dateOfBirth: '2010-01-01' }
    givenParticipant()
      .when({ ...told, occurredOn: '2026-05-01', type: 'TellDetails', data: details })
      .thenRefused('before_adulthood')
    givenParticipant()
      .when({ ...told, occurredOn: '2026-05-01', type: 'TellDetails', data: { ...details, dateOfBirth: '1899-01-01' } })
      .thenRefused('before_1900')
    const leaving = { journeyId: 'j', reason: 'other' } as const
    givenGroup()
      .when({ ...told, occurredOn: '1899-01-01', type: 'RemoveMember', data: leaving })
      .thenRefused('before_1900')
    givenSession()
      .when({ ...told, occurredOn: '1899-01-01', type: 'CancelSession', data: { reason: 'weather' } })
      .thenRefused('before_1900')
  })
})
