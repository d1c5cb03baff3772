import { describe, expect, it } from 'vitest'
import { changeReasonCodes, type ActualFacilitator } from '../../src/domain/group/room.ts'
import { outcomeCodes } from '../../src/domain/journey/outcomes.ts'
import type { RegisterMark } from '../../src/domain/session/register.ts'
import {
  sessionHistory,
  type ScheduledSession,
  type SessionCommand,
  type SessionEvent,
} from '../../src/domain/session/session.ts'
import { givenSession as given, recorded, type Fact } from './given.ts'

const on = '2025-01-07'
const lead = { facilitator: 'F012', role: 'lead' } as const
const co = { facilitator: 'F030', role: 'co' } as const

const calendar = (data: Partial<ScheduledSession> = {}): ScheduledSession => ({
  groupId: 'group-1',
  groupCode: 'G101',
  programme: { key: 'bbr', version: 1 },
  programmeSession: 'F1',
  on,
  startsAt: '18:30',
  minutes: 150,
  facilitators: [lead, co],
  ...data,
})
const fact = (event: SessionEvent): Fact<SessionEvent> => ({ on, event })
const scheduled = fact({ type: 'SessionScheduled', data: calendar() })
const moved = fact({ type: 'SessionRescheduled', data: { on: '2025-01-14', startsAt: '18:00', reason: 'room' } })
const cancelled = fact({ type: 'SessionCancelled', data: { reason: 'weather' } })
const delivered = fact({
  type: 'SessionDelivered',
  data: { startedAt: '18:35', minutes: 145, planned: [lead, co], actual: [lead, co], observers: [] },
})
const marked = (who: string, row: object = {}) =>
  fact({
    type: 'RegisterMarked',
    data: {
      journeyId: who,
      participantId: `who-${who}`,
      outcome: 'ATTC',
      minutes: 145,
      engagement: 'not_stated',
      ...row,
    },
  })

const context = { commandId: 'now', occurredOn: on, recordedOn: '2025-01-08' }
const schedule = (data: Partial<ScheduledSession> = {}): SessionCommand => ({
  ...context,
  type: 'ScheduleSession',
  data: calendar(data),
})
const move = (data: object = {}): SessionCommand =>
  ({
    ...context,
    type: 'RescheduleSession',
    data: { on: '2025-01-14', startsAt: '18:00', reason: 'room', ...data },
  }) as SessionCommand
const cancel = (reason = 'weather') => ({ ...context, type: 'CancelSession', data: { reason } }) as SessionCommand
const mark = (who: string, row: Partial<RegisterMark> = {}): RegisterMark => ({
  journeyId: who,
  participantId: `who-${who}`,
  outcome: 'ATTC',
  ...row,
})
const deliver = (
  register: readonly RegisterMark[],
  room: { actual?: readonly ActualFacilitator[]; startedAt?: string; minutes?: number } = {},
): SessionCommand => ({
  ...context,
  type: 'DeliverSession',
  data: { startedAt: '18:35', minutes: 145, actual: [lead, co], observers: [], register, ...room },
})
const markLater = (...register: RegisterMark[]): SessionCommand => ({
  ...context,
  type: 'MarkRegister',
  data: { register },
})
const correct = (who: string, row: object): SessionCommand =>
  ({
    ...context,
    type: 'CorrectRegister',
    data: { journeyId: who, because: 'mistaken for another', ...row },
  }) as SessionCommand

describe('a session in the calendar', () => {
  it('is scheduled', () => given().when(schedule()).then(scheduled))
  it('is scheduled once', () => given(scheduled).when(schedule()).thenRefused('already_scheduled'))
  it.each([
    ['unknown_session', { programmeSession: 'Z9' }],
    ['unknown_session', { programme: { key: 'none', version: 1 } }],
    ['unknown_day', { on: '2025-02-29' }],
    ['unknown_time', { startsAt: 'evening' }],
    ['unknown_time', { minutes: 481 }],
    ['no_facilitator', { facilitators: [] }],
  ] as const)('is not scheduled where that would be %s', (code, data) => given().when(schedule(data)).thenRefused(code))
  it('is moved', () => given(scheduled).when(move()).then(moved))
  it('is not moved to where it is', () => {
    given(scheduled)
      .when(move({ on, startsAt: '18:30' }))
      .thenRefused('same_time')
    given(scheduled, moved).when(move()).thenRefused('same_time')
  })
  it('is moved and called off for every reason there is, and for no other', () => {
    for (const reason of changeReasonCodes) {
      given(scheduled)
        .when(cancel(reason))
        .then(fact({ type: 'SessionCancelled', data: { reason } }))
      given(scheduled)
        .when(move({ reason }))
        .then(fact({ type: 'SessionRescheduled', data: { on: '2025-01-14', startsAt: '18:00', reason } }))
    }
    given(scheduled).when(cancel('boredom')).thenRefused('unknown_reason')
    given(scheduled)
      .when(move({ reason: '' }))
      .thenRefused('unknown_reason')
  })
  it.each([
    ['no_session', []],
    ['session_cancelled', [scheduled, cancelled]],
    ['already_delivered', [scheduled, delivered, marked('a')]],
  ] as const)('is not moved, called off or held where that is %s', (code, before) => {
    for (const command of [move({ on: '2025-01-21' }), cancel(), deliver([mark('b')])])
      given(...before)
        .when(command)
        .thenRefused(code)
  })
})

describe('who was in the room', () => {
  it('is recorded together with the register, in one append', () =>
    given(scheduled)
      .when(deliver([mark('a'), mark('b', { outcome: 'AAME', note: 'rang' })]))
      .then(delivered, marked('a'), marked('b', { outcome: 'AAME', minutes: 0, note: 'rang' })))
  it('may be somebody who stood in; nobody has to say why', () => {
    const [sick, unsaid] = [
      { facilitator: 'F099', role: 'cover', standIn: 'sickness' },
      { facilitator: 'F098', role: 'cover' },
    ] as const
    given(scheduled)
      .when(deliver([mark('a')], { actual: [lead, sick, unsaid] }))
      .then(
        fact({
          type: 'SessionDelivered',
          data: {
            startedAt: '18:35',
            minutes: 145,
            planned: [lead, co],
            actual: [lead, sick, { ...unsaid, standIn: 'not_stated' }],
            observers: [],
          },
        }),
        marked('a'),
      )
  })
  it('never stood in where he or she was planned', () => {
    const decided = sessionHistory.decide(
      sessionHistory.fold(sessionHistory.initial, recorded(scheduled)),
      deliver([mark('a')], { actual: [{ ...co, standIn: 'leave' }] }),
    )
    expect(decided[0]!.data).toMatchObject({ actual: [co] })
  })
  it.each([
    ['no_facilitator', [mark('a')], { actual: [] }],
    ['facilitator_twice', [mark('a')], { actual: [lead, lead] }],
    ['unknown_time', [mark('a')], { startedAt: '25:00' }],
    ['unknown_time', [mark('a')], { minutes: 0 }],
    ['nobody_marked', [], {}],
    ['marked_twice', [mark('a'), mark('a', { outcome: 'UAAB' })], {}],
    ['unknown_outcome', [mark('a', { outcome: 'CAME' })], {}],
    ['unknown_minutes', [mark('a', { minutes: -1 })], {}],
    ['unknown_engagement', [mark('a', { engagement: 'keen' })], {}],
  ] as const)('is not recorded where that would be %s', (code, register, room) =>
    given(scheduled).when(deliver(register, room)).thenRefused(code),
  )
  it('is recorded with each of the 19 outcomes', () => {
    expect(outcomeCodes).toHaveLength(19)
    const events = sessionHistory.decide(
      sessionHistory.fold(sessionHistory.initial, recorded(scheduled)),
      deliver(outcomeCodes.map((outcome) => mark(outcome, { outcome }))),
    )
    expect(events).toHaveLength(20)
  })
  it('is not recorded before it happened', () =>
    given(scheduled)
      .when({ ...deliver([mark('a')]), recordedOn: '2025-01-06' })
      .thenRefused('recorded_before_occurred'))
  it('told twice, is written once', () =>
    given(scheduled, { ...delivered, commandId: 'now' }, { ...marked('a'), commandId: 'now' })
      .when(deliver([mark('a')]))
      .thenNothingNew())
})

describe('a register', () => {
  const halfDone = [scheduled, delivered, marked('a')]
  it('may be filled in in part, and the rest later', () =>
    given(...halfDone)
      .when(markLater(mark('b', { outcome: 'UAAB' })))
      .then(marked('b', { outcome: 'UAAB', minutes: 0 })))
  it('is not marked before the session was held', () => {
    given(scheduled)
      .when(markLater(mark('a')))
      .thenRefused('not_delivered')
    given(scheduled)
      .when(correct('a', { outcome: 'UAAB' }))
      .thenRefused('not_delivered')
  })
  it('does not mark anybody twice', () =>
    given(...halfDone)
      .when(markLater(mark('a')))
      .thenRefused('already_marked'))
  it('is corrected beside what it said', () =>
    given(...halfDone)
      .when(correct('a', { outcome: 'UAAB' }))
      .then(
        fact({
          type: 'RegisterCorrected',
          data: {
            journeyId: 'a',
            participantId: 'who-a',
            outcome: 'UAAB',
            minutes: 0,
            engagement: 'not_stated',
            was: 'ATTC',
            corrects: 'event-2',
            because: 'mistaken for another',
          },
        }),
      ))
  it('is corrected in the minutes and the part he took, too', () => {
    const rows = [{ minutes: 60 }, { engagement: 'little' }]
    for (const row of rows) {
      const facts = sessionHistory.fold(sessionHistory.initial, recorded(...halfDone))
      expect(sessionHistory.decide(facts, correct('a', { outcome: 'ATTC', ...row }))[0]!.data).toMatchObject(row)
    }
  })
  it('is corrected for a reason, of somebody it speaks of, where it is wrong', () => {
    given(...halfDone)
      .when(correct('a', { outcome: 'UAAB', because: ' ' }))
      .thenRefused('no_reason')
    given(...halfDone)
      .when(correct('b', { outcome: 'UAAB' }))
      .thenRefused('not_marked')
    given(...halfDone)
      .when(correct('a', { outcome: 'ATTC' }))
      .thenRefused('nothing_to_correct')
    given(...halfDone)
      .when(correct('a', { outcome: 'CAME' }))
      .thenRefused('unknown_outcome')
  })
})
