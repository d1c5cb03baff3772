import { IsIn, IsNotEmpty, Matches } from 'class-validator'
import { groupCodeShape, largestGroup } from '../../domain/group/group.ts'
import { isTime, longestSession, type PlannedFacilitator } from '../../domain/group/room.ts'
import type { NewGroup } from '../../commands/group-command-handler.ts'
import { programmes } from '../../domain/programme.ts'
import { checkedFields, CommandFields, staffCodes, staffCodesShape, WrittenText } from '../forms/form-fields.ts'
import { unlessWrong, type GroupForm } from './group-form.ts'
import { sayTimeOfDay, sayWeekly, weekdays } from './say.ts'

const oneStaffCode = /^[A-Za-z0-9-]{1,20}$/
const programmeKeys = programmes.map(({ key, version }) => `${key}@${version}`)

class FormationFields extends CommandFields {
  @Matches(groupCodeShape, { message: 'Group must be a code with a number in it, such as G101' })
  @IsNotEmpty({ message: 'Enter a code for the group' })
  code = ''

  @IsIn(programmeKeys, { message: 'Select the programme' })
  programme = ''

  @WrittenText('Provider', 60)
  @IsNotEmpty({ message: 'Enter the provider that runs the group' })
  provider = ''

  @WrittenText('Place', 80)
  @IsNotEmpty({ message: 'Enter where the group meets' })
  place = ''

  @Matches(/^[1-7]$/, { message: 'Select the day of the week on which the group meets' })
  weekday = ''

  @Matches(/^([01]\d|2[0-3]):[0-5]\d$/, { message: 'Enter when a session begins, such as 18:30' })
  startsAt = ''

  @Matches(/^\d{1,3}$/, { message: `Enter how long a session lasts, from 1 to ${longestSession} minutes` })
  minutes = ''

  @Matches(/^\d{1,2}$/, { message: `Enter how many places the group has, from 1 to ${largestGroup}` })
  capacity = ''

  @Matches(oneStaffCode, { message: 'Lead facilitator must be one staff code, such as F012' })
  @IsNotEmpty({ message: 'Enter the staff code of the lead facilitator' })
  lead = ''

  @Matches(new RegExp(`^$|${staffCodesShape.source}`), {
    message: 'Enter staff codes separated by commas, such as F012, F030',
  })
  co = ''
}

export const formationForm: GroupForm<NewGroup> = {
  route: 'groups/new',
  template: 'groups/formation.njk',
  title: () => 'Form a group',
  doing: 'forming the group',
  confirm: 'Form the group',
  recorded: 'Group formed',
  order: () => ['code', 'programme', 'provider', 'place', 'weekday', 'startsAt', 'minutes', 'capacity', 'lead', 'co'],
  refusals: {
    already_formed: 'code',
    unknown_code: 'code',
    unknown_programme: 'programme',
    no_place: 'place',
    unknown_time: 'minutes',
    unknown_capacity: 'capacity',
    facilitator_twice: 'co',
  },
  otherwise: 'code',
  unavailable: () => null,
  initial: () => ({ programme: programmeKeys.at(0), startsAt: '18:30', minutes: '150', capacity: '12' }),
  async read(values) {
    const { fields, errors } = await checkedFields(FormationFields, {
      ...values,
      code: typeof values.code === 'string' ? values.code.trim().toUpperCase() : '',
    })
    return unlessWrong(errors, () => {
      const [key, version] = fields.programme.split('@') as [string, string]
      const co = staffCodes(fields.co).map((facilitator): PlannedFacilitator => ({ facilitator, role: 'co' }))
      return {
        code: fields.code,
        programme: { key, version: Number(version) },
        provider: fields.provider,
        place: fields.place,
        slot: { weekday: Number(fields.weekday), startsAt: fields.startsAt, minutes: Number(fields.minutes) },
        capacity: Number(fields.capacity),
        facilitators: [{ facilitator: fields.lead, role: 'lead' }, ...co],
      }
    })
  },
  view: (_situation, { programme, weekday, startsAt }) => ({
    programmeItems: programmes.map(({ key, version, name }) => {
      const value = `${key}@${version}`
      return { value, text: name, selected: value === programme }
    }),
    weekdayItems: [
      { value: '', text: 'Select a day', selected: !weekday },
      ...weekdays.map((text, n) => ({ value: String(n + 1), text, selected: String(n + 1) === weekday })),
    ],
    startsAtIsTime: typeof startsAt === 'string' && isTime(startsAt),
  }),
  answers: ({ code, programme, provider, place, slot, capacity, facilitators }) => [
    { label: 'Group', text: code, control: 'code' },
    {
      label: 'Programme',
      text: programmes.find(({ key, version }) => key === programme.key && version === programme.version)?.name ?? '',
      control: 'programme',
    },
    { label: 'Provider', text: provider, control: 'provider' },
    { label: 'Place', text: place, control: 'place' },
    { label: 'Meets', text: sayWeekly(slot), control: 'weekday' },
    { label: 'Begins', text: sayTimeOfDay(slot.startsAt), control: 'startsAt' },
    { label: 'Places', text: String(capacity), control: 'capacity' },
    { label: 'Lead facilitator', text: facilitators[0]!.facilitator, control: 'lead' },
    {
      label: 'Co-facilitators',
      text:
        facilitators
          .slice(1)
          .map(({ facilitator }) => facilitator)
          .join(', ') || 'None',
      control: 'co',
    },
  ],
  async record(group, _situation, { groups }, issued) {
    const { groupId, written } = await groups.form(group, issued)
    return { written, to: `/groups/${groupId}` }
  },
}
