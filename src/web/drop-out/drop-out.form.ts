import { IsNotEmpty, MaxLength } from 'class-validator'
import { longestNote, TellingForm } from '../forms/form.ts'

export class DropOutForm extends TellingForm {
  @IsNotEmpty({ message: 'Select why he left' })
  reason = ''

  @MaxLength(longestNote, { message: `Note must be ${longestNote} characters or fewer` })
  note = ''
}
