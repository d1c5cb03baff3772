import { IsNotEmpty } from 'class-validator'
import { sayDay } from '../layout/dates.ts'
import { CommandFields, longestNote, WrittenText } from '../forms/form-fields.ts'
import type { JourneyForm } from '../forms/journey-form.ts'

class ReinstatementFields extends CommandFields {
  // The last of them is checked first.
  @WrittenText('Why', longestNote, { lines: 'many' })
  @IsNotEmpty({ message: 'Enter why the journey goes on' })
  because = ''
}

export const reinstatementForm: JourneyForm<ReinstatementFields> = {
  path: 'reinstatement',
  title: 'Reinstate the journey',
  doing: 'reinstating the journey',
  confirm: 'Reinstate the journey',
  recorded: 'Journey reinstated',
  Fields: ReinstatementFields,
  order: ['reinstatedOn', 'because'],
  date: {
    name: 'reinstatedOn',
    legend: 'When was it decided?',
    subject: 'The date it was decided',
    mayFollowTheEnd: true,
  },
  events: ['JourneyReinstated'],
  controls: { occurredOn: 'reinstatedOn' },
  refusals: {},
  otherwise: 'reinstatedOn-day',
  unavailable: ({ header }) =>
    header.endedOn === null ? 'This journey has not ended, so there is nothing to reinstate.' : null,
  view: ({ header }) => ({ left: sayDay(header.endedOn) }),
  command: ({ because }, occurredOn) => ({
    type: 'ReinstateJourney',
    event: 'JourneyReinstated',
    data: { because },
    occurredOn,
  }),
}
