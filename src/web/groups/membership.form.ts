/** A place in a group: given to somebody from the case load, and given up. */
import { IsIn, IsNotEmpty } from 'class-validator'
import type { NewMember } from '../../commands/group-command-handler.ts'
import type { Day } from '../../domain/calendar.ts'
import { departureCodes, departures, type Departure } from '../../domain/group/room.ts'
import { statuses } from '../../domain/journey/figures.ts'
import { controlOf, checkedFields, CommandFields, longestNote, WrittenText } from '../forms/form-fields.ts'
import { dateInput } from '../forms/date.ts'
import { sayDay } from '../layout/dates.ts'
import {
  datesRefusedAt,
  addressOfGroup,
  codeItems,
  dateFields,
  nameOfMember,
  odditiesOfPlace,
  refuseLater,
  unlessWrong,
  type GroupForm,
} from './group-form.ts'

class JoiningFields extends CommandFields {
  @IsNotEmpty({ message: 'Select who is given a place' })
  journeyId = ''

  @WrittenText('Note', longestNote, { lines: 'many' })
  note = ''
}

interface Joining extends NewMember {
  readonly on: Day
}

export const joiningForm: GroupForm<Joining> = {
  route: 'groups/:group/members/new',
  template: 'groups/joining.njk',
  title: ({ whole }) => `Give somebody a place in ${whole!.group.code}`,
  doing: 'giving him a place',
  confirm: 'Give him a place',
  recorded: 'He has a place in the group',
  asksCandidates: true,
  order: () => ['journeyId', 'joinedOn', 'note'],
  refusals: datesRefusedAt('joinedOn-day'),
  otherwise: 'journeyId',
  unavailable: ({ whole }) =>
    whole!.group.members >= whole!.group.capacity
      ? 'All places in this group are taken. Record that somebody has left it first.'
      : null,
  initial: ({ today }) => dateFields('joinedOn', today),
  // A search is sent, not linked: a name never stands in an address.
  filledBy: (step, values) => (step === 'find' ? values : null),
  async read(values, { today }) {
    const subject = 'The date he joined'
    const { fields, days, errors } = await checkedFields(JoiningFields, values, { joinedOn: subject })
    return unlessWrong([...errors, ...refuseLater('joinedOn', subject, days.joinedOn, today)], () => {
      const { journeyId, note } = fields
      return { journeyId, on: days.joinedOn!, ...(note && { note }) }
    })
  },
  view: ({ candidates }, values, errors) => ({
    find: values.find,
    candidates: candidates.map(({ journeyId, name, crn, status, referredOn, groupId }) => ({
      value: journeyId,
      text: `${name} (${crn})`,
      hint: {
        text: `${statuses[status]}, referred ${sayDay(referredOn)}${groupId === null ? '' : `, last in group ${groupId}`}`,
      },
      checked: journeyId === values.journeyId,
    })),
    date: dateInput(
      'joinedOn',
      'When did he join?',
      values,
      errors.find(({ field }) => controlOf(field) === 'joinedOn') ?? null,
      'For example, 27 3 2026',
    ),
  }),
  answers: ({ journeyId, on, note = '' }, { candidates }) => {
    const who = candidates.find((candidate) => candidate.journeyId === journeyId)
    return [
      {
        label: 'Participant',
        text: who ? `${who.name} (${who.crn})` : 'Not on this list any more',
        control: 'journeyId',
      },
      { label: 'Joined', text: sayDay(on), control: 'joinedOn-day' },
      { label: 'Note', text: note || 'None', control: 'note' },
    ]
  },
  oddities: ({ on }, situation) => odditiesOfPlace(on, situation),
  async record({ on, ...member }, situation, { groups }, issued) {
    const written = await groups.addMember(situation.whole!.group.groupId, member, { ...issued, occurredOn: on })
    return { written, to: addressOfGroup(situation) }
  },
}

class LeavingFields extends CommandFields {
  @IsIn(departureCodes, { message: 'Select why he left the group' })
  reason = ''

  @WrittenText('Note', longestNote, { lines: 'many' })
  note = ''
}

interface Leaving {
  readonly reason: Departure
  readonly on: Day
  readonly note?: string
}

export const leavingForm: GroupForm<Leaving> = {
  route: 'groups/:group/members/:journey/leave',
  template: 'groups/leaving.njk',
  title: (situation) =>
    `Record that ${nameOfMember(situation, situation.journeyId!)} left ${situation.whole!.group.code}`,
  doing: 'recording that he left the group',
  confirm: 'Record that he left',
  recorded: 'He no longer has a place in the group',
  order: () => ['reason', 'leftOn', 'note'],
  refusals: datesRefusedAt('leftOn-day'),
  otherwise: 'reason',
  unavailable: ({ whole, journeyId }) =>
    whole!.members.some((member) => member.journeyId === journeyId && member.leftOn === null)
      ? null
      : 'He has no place in this group.',
  initial: ({ today }) => dateFields('leftOn', today),
  async read(values, { today }) {
    const subject = 'The date he left'
    const { fields, days, errors } = await checkedFields(LeavingFields, values, { leftOn: subject })
    return unlessWrong([...errors, ...refuseLater('leftOn', subject, days.leftOn, today)], () => {
      const { reason, note } = fields
      return { reason: reason as Departure, on: days.leftOn!, ...(note && { note }) }
    })
  },
  view: (_situation, values, errors) => ({
    reasonItems: codeItems(departures, values.reason, 'Select a reason'),
    date: dateInput(
      'leftOn',
      'When did he leave?',
      values,
      errors.find(({ field }) => controlOf(field) === 'leftOn') ?? null,
      'For example, 27 3 2026',
    ),
  }),
  answers: ({ reason, on, note = '' }, situation) => [
    { label: 'Participant', text: nameOfMember(situation, situation.journeyId!), control: 'reason' },
    { label: 'Reason', text: departures[reason], control: 'reason' },
    { label: 'Left', text: sayDay(on), control: 'leftOn-day' },
    { label: 'Note', text: note || 'None', control: 'note' },
  ],
  oddities: ({ on }, situation) => odditiesOfPlace(on, situation),
  async record({ on, ...leaving }, situation, { groups }, issued) {
    const { whole, journeyId } = situation
    const written = await groups.removeMember(
      whole!.group.groupId,
      { ...leaving, journeyId: journeyId! },
      { ...issued, occurredOn: on },
    )
    return { written, to: addressOfGroup(situation) }
  },
}
