import { IsIn, IsNotEmpty, Matches } from 'class-validator'
import { isReason, reasonCodes, reasons } from '../../domain/journey/outcomes.ts'
import { reasonItems } from '../forms/choices.ts'
import { CommandFields, longestNote, WrittenText } from '../forms/form-fields.ts'
import type { JourneyForm, JourneyRecord } from '../forms/journey-form.ts'
import { factsIn } from '../forms/believed-entries.ts'

class RecategorisationFields extends CommandFields {
  @IsIn(reasonCodes, { message: 'Select the reason it should be' })
  to = ''

  // The last of them is checked first.
  @WrittenText('Why', longestNote, { lines: 'many' })
  @IsNotEmpty({ message: 'Enter why the reason is being changed' })
  note = ''

  @Matches(/^\d{1,9}$/, { message: 'This form was not complete. Load the page again before you send it.' })
  revision = ''
}

/** Every reason on record of the ending that is believed, the first one first. */
const reasonsOnRecord = ({ entries, header }: JourneyRecord) => {
  const left = factsIn(entries).findLast(({ first, withdrawn }) => first.type === 'ParticipantDroppedOut' && !withdrawn)
  if (!left || header.endedOn === null) return []
  return [left.first, ...left.changes]
    .filter(({ reason, withdrawnBy }) => reason !== null && withdrawnBy === null)
    .map(({ reason, recordedAt, recordedBy, revision }) => ({
      code: reason ?? '',
      reason: reason && isReason(reason) ? reasons[reason] : (reason ?? ''),
      recordedAt,
      recordedBy,
      revision,
    }))
}

export const recategorisationForm: JourneyForm<RecategorisationFields> = {
  path: 'recategorisation',
  title: 'Recategorise the outcome',
  doing: 'recategorising the outcome',
  confirm: 'Recategorise the outcome',
  recorded: 'Outcome recategorised',
  Fields: RecategorisationFields,
  order: ['to', 'note'],
  events: ['OutcomeRecategorised'],
  controls: { from: 'to' },
  refusals: { unknown_reason: 'to', nothing_to_recategorise: 'to' },
  otherwise: 'to',
  unavailable: (record) =>
    reasonsOnRecord(record).length > 0
      ? null
      : 'He has not dropped out of this programme, so there is no reason to recategorise.',
  view(situation, { to }) {
    const onRecord = reasonsOnRecord(situation)
    const now = onRecord.at(-1)?.code
    return { onRecord, reasons: reasonItems(to, now === undefined ? [] : [now]) }
  },
  command: ({ to, note }, _day, situation) => ({
    type: 'RecategoriseOutcome',
    event: 'OutcomeRecategorised',
    data: { to, note },
    // Recategorising is a decision, and it is made today.
    occurredOn: situation.today,
    beside: { from: reasonsOnRecord(situation).at(-1)?.code },
  }),
}
