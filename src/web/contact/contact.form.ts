import { IsIn, IsNotEmpty, MaxLength, ValidateIf } from 'class-validator'
import { longestNote, TellingForm } from '../forms/form.ts'
import { suitabilities } from '../../domain/journey/referral.ts'
import { contactKeys } from './contacts.ts'

export class ContactForm extends TellingForm {
  @IsIn(contactKeys, { message: 'Select what happened' })
  contact = ''

  @MaxLength(200, { message: 'Result must be 200 characters or fewer' })
  result = ''

  @ValidateIf(({ contact }: ContactForm) => contact === 'suitability-decided')
  @IsIn(suitabilities, { message: 'Select what was decided' })
  decision = ''

  @ValidateIf(({ contact }: ContactForm) => contact === 'allocated-to-group')
  @IsNotEmpty({ message: 'Enter the group' })
  @MaxLength(40, { message: 'Group must be 40 characters or fewer' })
  groupId = ''

  @MaxLength(200, { message: 'What it was about must be 200 characters or fewer' })
  about = ''

  @ValidateIf(({ contact }: ContactForm) => contact === 'provider-transfer')
  @IsNotEmpty({ message: 'Enter the provider that took over' })
  @MaxLength(80, { message: 'Provider must be 80 characters or fewer' })
  provider = ''

  @MaxLength(longestNote, { message: `Note must be ${longestNote} characters or fewer` })
  note = ''
}
