/** A group: where and when it meets, who has a place in it. Stream `group-<id>`. */
import type { Day } from '../calendar.ts'
import { refuseImpossibleDay } from '../dates.ts'
import { folding, Refusal, type CommandContext, type History } from '../history.ts'
import type { Classified } from '../privacy.ts'
import { programmeAt } from '../programme.ts'
import {
  departures,
  refuseUnknownReason,
  refuseUnknownTime,
  refuseUnstaffed,
  type Departure,
  type PlannedFacilitator,
  type WeeklySlot,
} from './room.ts'

/** Names and fields are the stored format: add to them, never rename them. */
export type GroupEvent =
  /** A group was formed: people can be given places in it and its sessions can be scheduled. */
  | {
      type: 'GroupFormed'
      data: {
        /** What practitioners call the group, such as `G101`. */
        code: string
        programme: { readonly key: string; readonly version: number }
        provider: string
        /** The building in which the group meets. */
        place: string
        slot: WeeklySlot
        /** How many people may have a place at one time. */
        capacity: number
        /** Who is to deliver its sessions unless a session says otherwise. */
        facilitators: readonly PlannedFacilitator[]
      }
    }
  /** Somebody was given a place in the group. */
  | { type: 'GroupMemberJoined'; data: { journeyId: string; participantId: string; note?: string } }
  /** Somebody gave up his place, or it was taken from him. What he attended until then stays. */
  | {
      type: 'GroupMemberLeft'
      data: { journeyId: string; participantId: string; reason: Departure; note?: string }
    }

export const groupPrivacy: Classified<GroupEvent> = {
  GroupFormed: {
    code: 'open',
    programme: 'open',
    provider: 'open',
    place: 'open',
    slot: 'open',
    capacity: 'open',
    facilitators: 'open',
  },
  GroupMemberJoined: { journeyId: 'open', participantId: 'open', note: 'personal' },
  GroupMemberLeft: { journeyId: 'open', participantId: 'open', reason: 'open', note: 'personal' },
}

export const groupEventTypes = Object.keys(groupPrivacy) as GroupEvent['type'][]

type GroupDataOf<T extends GroupEvent['type']> = Extract<GroupEvent, { type: T }>['data']

export type GroupCommand = CommandContext &
  (
    | { type: 'FormGroup'; data: GroupDataOf<'GroupFormed'> }
    | { type: 'AddMember'; data: GroupDataOf<'GroupMemberJoined'> }
    | { type: 'RemoveMember'; data: { journeyId: string; reason: Departure; note?: string } }
  )

/** Somebody who has, or had, a place in the group. */
export interface GroupMember {
  readonly participantId: string
  readonly isPresent: boolean
  /** The first day on which he had a place. */
  readonly joinedOn: Day
}

export interface GroupFacts {
  readonly formed: GroupDataOf<'GroupFormed'> | null
  /** By journey: who has a place, and who had one and left. */
  readonly members: ReadonlyMap<string, GroupMember>
  readonly handled: ReadonlySet<string>
}

/** A group has from one place to this many. The largest programme that we know of allows 12; twice that catches slips of the keyboard. */
export const largestGroup = 24

/** What a group may be called: it stands in addresses and on the pages of its members. */
export const groupCodeShape = /^(?=.*\d)[A-Z0-9_.-]{1,20}$/

export const groupHistory: History<GroupFacts, GroupCommand, GroupEvent> = {
  category: 'group',
  initial: { formed: null, members: new Map(), handled: new Set() },
  ...folding<GroupFacts, GroupEvent>(
    (group) => ({ ...group, members: new Map(group.members), handled: new Set(group.handled) }),
    (group, event) => {
      group.handled.add(event.metadata.commandId)
      switch (event.type) {
        case 'GroupFormed':
          group.formed = event.data
          return
        case 'GroupMemberJoined':
        case 'GroupMemberLeft': {
          const { journeyId, participantId } = event.data
          const on = event.metadata.occurredAt
          const before = group.members.get(journeyId)?.joinedOn ?? on
          const joinedOn = before < on ? before : on
          group.members.set(journeyId, { participantId, isPresent: event.type === 'GroupMemberJoined', joinedOn })
        }
      }
    },
  ),
  decide(group, command) {
    if (group.handled.has(command.commandId)) return []
    refuseImpossibleDay(command)
    if (command.type === 'FormGroup') return [{ type: 'GroupFormed', data: formable(group, command.data) }]
    if (group.formed === null) throw new Refusal('no_group', 'There is no such group yet. Form the group first.')
    const { journeyId } = command.data
    const member = group.members.get(journeyId)
    switch (command.type) {
      case 'AddMember':
        if (member?.isPresent)
          throw new Refusal('already_member', 'He has a place in this group already. There is nothing to add.')
        if (membersOf(group).length >= group.formed.capacity)
          throw new Refusal(
            'group_full',
            `All ${group.formed.capacity} places in this group are taken. Choose another group, or record that somebody has left it.`,
          )
        return [{ type: 'GroupMemberJoined', data: command.data }]
      case 'RemoveMember': {
        refuseUnknownReason(departures, command.data.reason)
        if (!member?.isPresent)
          throw new Refusal('not_a_member', 'He has no place in this group. Choose somebody who has one.')
        const { participantId } = member
        return [{ type: 'GroupMemberLeft', data: { ...command.data, participantId } }]
      }
    }
  },
}

/** Whoever has a place now. */
export const membersOf = ({ members }: Pick<GroupFacts, 'members'>): readonly string[] =>
  [...members].filter(([, { isPresent }]) => isPresent).map(([journeyId]) => journeyId)

function formable(group: GroupFacts, data: GroupDataOf<'GroupFormed'>): GroupDataOf<'GroupFormed'> {
  if (group.formed !== null)
    throw new Refusal('already_formed', `There is a group ${group.formed.code} already. Give this group another code.`)
  if (!groupCodeShape.test(data.code))
    throw new Refusal(
      'unknown_code',
      'A group needs a code of up to 20 capital letters and numbers, with a number in it, such as G101.',
    )
  if (!programmeAt(data.programme.key, data.programme.version))
    throw new Refusal('unknown_programme', 'That is not a programme that is delivered here. Choose one from the list.')
  if (data.provider.trim() === '' || data.place.trim() === '')
    throw new Refusal('no_place', 'Say which provider runs the group and where it meets.')
  if (!Number.isInteger(data.slot.weekday) || data.slot.weekday < 1 || data.slot.weekday > 7)
    throw new Refusal('unknown_day', 'Choose the day of the week on which the group meets.')
  refuseUnknownTime(data.slot.startsAt, data.slot.minutes)
  if (!Number.isInteger(data.capacity) || data.capacity < 1 || data.capacity > largestGroup)
    throw new Refusal('unknown_capacity', `A group has from 1 to ${largestGroup} places. Enter how many this one has.`)
  refuseUnstaffed(data.facilitators)
  return data
}
