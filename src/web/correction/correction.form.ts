import { IsNotEmpty, Matches, MaxLength } from 'class-validator'
import { longestNote, TellingForm } from '../forms/form.ts'

export class CorrectionForm extends TellingForm {
  @IsNotEmpty({ message: 'Select the session whose record is wrong' })
  sessionId = ''

  @IsNotEmpty({ message: 'Select what the record should have said' })
  outcome = ''

  @IsNotEmpty({ message: 'Enter why the record was wrong' })
  @MaxLength(longestNote, { message: `Why must be ${longestNote} characters or fewer` })
  because = ''

  @Matches(/^\d{1,9}$/, { message: 'This form was not complete. Load the page again before you send it.' })
  revision = ''
}
