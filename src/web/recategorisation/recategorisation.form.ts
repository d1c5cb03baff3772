import { IsNotEmpty, Matches, MaxLength } from 'class-validator'
import { longestNote, TellingForm } from '../forms/form.ts'

export class RecategorisationForm extends TellingForm {
  @IsNotEmpty({ message: 'Select the reason it should be' })
  to = ''

  @IsNotEmpty({ message: 'Enter why the reason is being changed' })
  @MaxLength(longestNote, { message: `Why must be ${longestNote} characters or fewer` })
  note = ''

  @Matches(/^\d{1,9}$/, { message: 'This form was not complete. Load the page again before you send it.' })
  revision = ''
}
