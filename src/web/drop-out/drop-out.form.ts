import { IsIn } from 'class-validator'
import { reasonCodes } from '../../domain/journey/outcomes.ts'
import { reasonItems } from '../forms/choices.ts'
import { CommandFields, longestNote, WrittenText } from '../forms/form-fields.ts'
import { endedAlready, type JourneyForm } from '../forms/journey-form.ts'

class DropOutFields extends CommandFields {
  @IsIn(reasonCodes, { message: 'Select why he left' })
  reason = ''

  @WrittenText('Note', longestNote, { lines: 'many' })
  note = ''
}

export const dropOutForm: JourneyForm<DropOutFields> = {
  path: 'drop-out',
  title: 'Record a drop-out',
  doing: 'recording that he dropped out',
  confirm: 'Record drop-out',
  recorded: 'Drop-out recorded',
  Fields: DropOutFields,
  order: ['leftOn', 'reason', 'note'],
  date: { name: 'leftOn', legend: 'When did he leave?', subject: 'The date he left' },
  events: ['ParticipantDroppedOut'],
  controls: { occurredOn: 'leftOn' },
  refusals: { unknown_reason: 'reason' },
  otherwise: 'leftOn-day',
  unavailable: endedAlready,
  view: (_situation, { reason }) => ({ reasons: reasonItems(reason) }),
  command: ({ reason, note }, occurredOn) => ({
    type: 'DropOut',
    event: 'ParticipantDroppedOut',
    data: { reason, ...(note && { note }) },
    occurredOn,
  }),
}
