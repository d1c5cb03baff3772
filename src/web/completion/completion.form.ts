import { hasStarted } from '../attendance/attendance.form.ts'
import { CommandFields, longestNote, WrittenText } from '../forms/form-fields.ts'
import { endedAlready, type JourneyForm } from '../forms/journey-form.ts'

class CompletionFields extends CommandFields {
  @WrittenText('Note', longestNote, { lines: 'many' })
  note = ''
}

export const completionForm: JourneyForm<CompletionFields> = {
  path: 'completion',
  title: 'Record completion',
  doing: 'recording completion',
  confirm: 'Record completion',
  recorded: 'Completion recorded',
  Fields: CompletionFields,
  order: ['completedOn', 'note'],
  date: {
    name: 'completedOn',
    legend: 'When did he complete the programme?',
    subject: 'The date he completed the programme',
  },
  events: ['ProgrammeCompleted'],
  controls: { occurredOn: 'completedOn' },
  refusals: {},
  otherwise: 'completedOn-day',
  unavailable: (record) =>
    endedAlready(record) ??
    (hasStarted(record) ? null : 'No session is on record as attended, so the programme cannot be complete.'),
  view: () => ({}),
  command: ({ note }, occurredOn) => ({
    type: 'Complete',
    event: 'ProgrammeCompleted',
    data: note ? { note } : {},
    occurredOn,
  }),
}
