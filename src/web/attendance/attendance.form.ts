import { IsNotEmpty, Matches, MaxLength } from 'class-validator'
import { longestNote, staffCodesShape, TellingForm } from '../forms/form.ts'

const staff = { message: 'Enter staff codes separated by commas, such as F012, F030' }

export class AttendanceForm extends TellingForm {
  @IsNotEmpty({ message: 'Select the session' })
  sessionId = ''

  @IsNotEmpty({ message: 'Select whether he came and took part' })
  outcome = ''

  @MaxLength(40, { message: 'Group must be 40 characters or fewer' })
  groupId = ''

  @Matches(new RegExp(`^$|${staffCodesShape.source}`), staff)
  planned = ''

  // The last of them is checked first.
  @Matches(staffCodesShape, staff)
  @IsNotEmpty({ message: 'Enter who was in the room' })
  actual = ''

  @MaxLength(longestNote, { message: `Note must be ${longestNote} characters or fewer` })
  note = ''
}
