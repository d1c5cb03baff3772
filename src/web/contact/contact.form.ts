import { IsIn, IsNotEmpty, Matches, ValidateIf } from 'class-validator'
import { suitabilityNames } from '../../domain/journey/referral.ts'
import { groupItems } from '../forms/choices.ts'
import { CommandFields, groupShape, longestNote, WrittenText } from '../forms/form-fields.ts'
import type { JourneyForm } from '../forms/journey-form.ts'
import { contact, contactKeys, type ContactKey } from './contacts.ts'

class ContactFields extends CommandFields {
  @IsIn(contactKeys, { message: 'Select what happened' })
  contact = ''

  @WrittenText('Result', 200)
  result = ''

  @ValidateIf(({ contact }: ContactFields) => contact === 'suitability-decided')
  @IsIn(Object.keys(suitabilityNames), { message: 'Select what was decided' })
  decision = ''

  @ValidateIf(({ contact }: ContactFields) => contact === 'allocated-to-group')
  // The last of them is checked first.
  @Matches(groupShape, { message: 'Group must be a code with a digit in it, such as G014' })
  @IsNotEmpty({ message: 'Select the group' })
  groupId = ''

  @WrittenText('What it was about', 200)
  about = ''

  @ValidateIf(({ contact }: ContactFields) => contact === 'provider-transfer')
  @WrittenText('Provider', 80)
  @IsNotEmpty({ message: 'Enter the provider that took over' })
  provider = ''

  @WrittenText('Note', longestNote, { lines: 'many' })
  note = ''
}

export const contactForm: JourneyForm<ContactFields> = {
  path: 'contact',
  title: 'Record another contact',
  doing: 'recording the contact',
  confirm: 'Record contact',
  recorded: 'Contact recorded',
  Fields: ContactFields,
  order: ['contact', 'result', 'decision', 'groupId', 'about', 'provider', 'happenedOn', 'note'],
  date: { name: 'happenedOn', legend: 'When did it happen?', subject: 'The date it happened' },
  events: contactKeys.map((key) => contact(key).event),
  controls: { occurredOn: 'happenedOn', event: 'contact' },
  refusals: {},
  otherwise: 'contact',
  unavailable: () => null,
  check: ({ contact, groupId }, { groups }) =>
    contact === 'allocated-to-group' && groups !== null && !groups.includes(groupId)
      ? [{ field: 'groupId', text: 'Select a group from the list' }]
      : [],
  view: ({ groups }, { groupId }) => ({
    contacts: contactKeys.map((key) => ({ key, ...contact(key) })),
    decisions: Object.entries(suitabilityNames).map(([value, text]) => ({ value, text })),
    groupItems: groupItems(groups, groupId, 'Select a group'),
  }),
  command(fields, occurredOn) {
    const { event, command } = contact(fields.contact as ContactKey)
    return { ...command(fields), event, occurredOn }
  },
}
