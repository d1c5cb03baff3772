import { IsIn, IsNotEmpty, Matches } from 'class-validator'
import { engagementCodes, engagements, longestSession } from '../../domain/group/room.ts'
import { outcomeCodes, outcomes, type Outcome } from '../../domain/journey/outcomes.ts'
import { outcomeGroups } from '../forms/choices.ts'
import type { FormError } from '../forms/date.ts'
import { checkedFields, CommandFields, longestNote, WrittenText } from '../forms/form-fields.ts'
import {
  addressOfSession,
  codeItems,
  nameOfMember,
  unlessWrong,
  type GroupForm,
  type GroupSituation,
} from './group-form.ts'

class RegisterCorrectionFields extends CommandFields {
  @IsIn(outcomeCodes, { message: 'Select what the register should have said' })
  outcome = ''

  @Matches(/^\d{1,3}$/, { message: `Enter how long he was there, from 0 to ${longestSession} minutes` })
  minutes = ''

  @IsIn(engagementCodes, { message: 'Select how he took part' })
  engagement = ''

  @WrittenText('Why the register was wrong', longestNote, { lines: 'many' })
  @IsNotEmpty({ message: 'Enter why the register was wrong' })
  because = ''
}

interface RegisterCorrection {
  readonly outcome: Outcome
  readonly minutes: number
  readonly engagement: string
  readonly because: string
}

const beliefOf = ({ session, journeyId }: GroupSituation) => session!.facts.register.get(journeyId ?? '')

export const registerCorrectionForm: GroupForm<RegisterCorrection> = {
  route: 'sessions/:session/correction/:journey',
  template: 'groups/register-correction.njk',
  title: (situation) => `Correct the register: ${nameOfMember(situation, situation.journeyId!)}`,
  doing: 'correcting the register',
  confirm: 'Correct the register',
  recorded: 'Register corrected',
  order: () => ['outcome', 'minutes', 'engagement', 'because'],
  refusals: { no_reason: 'because', unknown_minutes: 'minutes' },
  otherwise: 'outcome',
  unavailable: (situation) => (beliefOf(situation) ? null : 'Nothing is recorded of him at this session yet.'),
  initial(situation) {
    const { outcome, minutes, engagement } = beliefOf(situation)!
    return { outcome, minutes: String(minutes), engagement }
  },
  async read(values) {
    const { fields, errors } = await checkedFields(RegisterCorrectionFields, values)
    const tooLong: FormError[] =
      Number(fields.minutes) > longestSession
        ? [{ field: 'minutes', text: `Enter how long he was there, from 0 to ${longestSession} minutes` }]
        : []
    return unlessWrong([...errors, ...tooLong], () => ({
      outcome: fields.outcome as Outcome,
      minutes: Number(fields.minutes),
      engagement: fields.engagement,
      because: fields.because,
    }))
  },
  view(situation, values) {
    const { outcome } = beliefOf(situation)!
    return {
      saidUntilNow: `${outcomes[outcome]} (${outcome})`,
      outcomes: outcomeGroups,
      engagementItems: codeItems(engagements, values.engagement),
    }
  },
  answers: ({ outcome, minutes, engagement, because }, situation) => {
    const was = beliefOf(situation)!
    return [
      { label: 'Participant', text: nameOfMember(situation, situation.journeyId!), control: '' },
      { label: 'Recorded until now as', text: `${outcomes[was.outcome]} (${was.outcome})`, control: '' },
      { label: 'Outcome', text: `${outcomes[outcome]} (${outcome})`, control: 'outcome' },
      { label: 'Minutes', text: String(minutes), control: 'minutes' },
      { label: 'Took part', text: engagements[engagement as keyof typeof engagements], control: 'engagement' },
      { label: 'Why the register was wrong', text: because, control: 'because' },
    ]
  },
  async record(correction, situation, { sessions }, issued) {
    const { session, journeyId } = situation
    const data = { journeyId: journeyId!, ...correction }
    const written = await sessions.execute(session!.sessionId, 'CorrectRegister', data, issued)
    return { written, to: addressOfSession(situation) }
  },
}
