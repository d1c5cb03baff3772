import { describe, expect, it } from 'vitest'
import {
  groupHistory,
  largestGroup,
  membersOf,
  type GroupCommand,
  type GroupEvent,
} from '../../src/domain/group/group.ts'
import { departureCodes } from '../../src/domain/group/room.ts'
import { givenGroup as given, recorded, type Fact } from './given.ts'

const on = '2025-01-06'

const formedWith = (data: Partial<NewGroupData> = {}): NewGroupData => ({
  code: 'G101',
  programme: { key: 'bbr', version: 1 },
  provider: 'North',
  place: 'Mill Lane',
  slot: { weekday: 2, startsAt: '18:30', minutes: 150 },
  capacity: 2,
  facilitators: [
    { facilitator: 'F012', role: 'lead' },
    { facilitator: 'F030', role: 'co' },
  ],
  ...data,
})

type NewGroupData = Extract<GroupEvent, { type: 'GroupFormed' }>['data']

const formed: Fact<GroupEvent> = { on, event: { type: 'GroupFormed', data: formedWith() } }
const joined = (journeyId: string): Fact<GroupEvent> => ({
  on,
  event: { type: 'GroupMemberJoined', data: { journeyId, participantId: `who-${journeyId}` } },
})
const left = (journeyId: string): Fact<GroupEvent> => ({
  on,
  event: { type: 'GroupMemberLeft', data: { journeyId, participantId: `who-${journeyId}`, reason: 'other_group' } },
})

const context = { commandId: 'now', occurredOn: on, recordedOn: on }
const form = (data: Partial<NewGroupData> = {}): GroupCommand => ({
  ...context,
  type: 'FormGroup',
  data: formedWith(data),
})
const add = (journeyId: string): GroupCommand => ({
  ...context,
  type: 'AddMember',
  data: { journeyId, participantId: `who-${journeyId}` },
})
const remove = (journeyId: string, reason: string = 'other_group'): GroupCommand =>
  ({ ...context, type: 'RemoveMember', data: { journeyId, reason } }) as GroupCommand

describe('a group', () => {
  it('is formed', () => given().when(form()).then(formed))
  it('is formed once: its code belongs to it', () =>
    given(formed)
      .when(form({ place: 'elsewhere' }))
      .thenRefused('already_formed'))
  it.each([
    ['unknown_code', { code: 'the Tuesday group' }],
    ['unknown_code', { code: 'TUESDAY' }],
    ['unknown_programme', { programme: { key: 'bbr', version: 9 } }],
    ['no_place', { place: ' ' }],
    ['no_place', { provider: '' }],
    ['unknown_day', { slot: { weekday: 8, startsAt: '18:30', minutes: 150 } }],
    ['unknown_time', { slot: { weekday: 2, startsAt: '24:00', minutes: 150 } }],
    ['unknown_time', { slot: { weekday: 2, startsAt: '18:30', minutes: 0 } }],
    ['unknown_capacity', { capacity: 0 }],
    ['unknown_capacity', { capacity: largestGroup + 1 }],
    ['no_facilitator', { facilitators: [] }],
    [
      'facilitator_twice',
      {
        facilitators: [
          { facilitator: 'F012', role: 'lead' as const },
          { facilitator: 'F012', role: 'co' as const },
        ],
      },
    ],
    ['unknown_role', { facilitators: [{ facilitator: 'F012', role: 'tutor' as 'lead' }] }],
  ] as const)('is not formed where that would be %s', (code, data) => given().when(form(data)).thenRefused(code))
  it('is not formed before it happened', () =>
    given()
      .when({ ...form(), occurredOn: '2025-01-07' })
      .thenRefused('recorded_before_occurred'))
})

describe('a place in a group', () => {
  it('is given', () => given(formed).when(add('a')).then(joined('a')))
  it('is given in a group that there is', () => given().when(add('a')).thenRefused('no_group'))
  it('is given once', () => given(formed, joined('a')).when(add('a')).thenRefused('already_member'))
  it('is not given in a group that is full', () =>
    given(formed, joined('a'), joined('b')).when(add('c')).thenRefused('group_full'))
  it('is free again when somebody has left, and can be given to him again', () => {
    given(formed, joined('a'), joined('b'), left('a')).when(add('c')).then(joined('c'))
    given(formed, joined('a'), joined('b'), left('a')).when(add('a')).then(joined('a'))
  })
  it('is given up for every reason there is, and for no other', () => {
    for (const reason of departureCodes)
      given(formed, joined('a'))
        .when(remove('a', reason))
        .then({
          on,
          event: { type: 'GroupMemberLeft', data: { journeyId: 'a', participantId: 'who-a', reason } },
        })
    given(formed, joined('a')).when(remove('a', 'bored')).thenRefused('unknown_reason')
  })
  it('is given up by who has one', () => {
    given(formed).when(remove('a')).thenRefused('not_a_member')
    given(formed, joined('a'), left('a')).when(remove('a')).thenRefused('not_a_member')
  })
  it('told twice, is written once, though the group is full by then', () =>
    given(formed, joined('a'), { ...joined('b'), commandId: 'now' })
      .when(add('b'))
      .thenNothingNew())
  it('is remembered after it was given up: who was there can still be marked', () => {
    const group = groupHistory.fold(groupHistory.initial, recorded(formed, joined('a'), joined('b'), left('a')))
    expect(membersOf(group)).toEqual(['b'])
    expect([...group.members.keys()]).toEqual(['a', 'b'])
  })
})
