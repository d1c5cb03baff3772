import { MaxLength } from 'class-validator'
import { longestNote, TellingForm } from '../forms/form.ts'

export class CompletionForm extends TellingForm {
  @MaxLength(longestNote, { message: `Note must be ${longestNote} characters or fewer` })
  note = ''
}
