import { IsNotEmpty, Matches } from 'class-validator'
import { CommandFields, longestNote, WrittenText } from '../forms/form-fields.ts'
import type { JourneyForm } from '../forms/journey-form.ts'
import type { RecordInHand } from './record-in-hand.ts'

class WithdrawRecordFields extends CommandFields {
  // The last of them is checked first.
  @WrittenText('Why', longestNote, { lines: 'many' })
  @IsNotEmpty({ message: 'Enter why it is withdrawn' })
  why = ''

  @Matches(/^\d{1,9}$/, { message: 'This form was not complete. Load the page again before you send it.' })
  revision = ''
}

/** What withdrawing an event does, in the words of its page. */
export function withdrawing({ event, called, versions }: RecordInHand) {
  const isFact = versions.factOf.get(event.revision) === event.revision
  if (event.type === 'RecordWithdrawn')
    return {
      title: 'Put a record back',
      doing: `putting back what event ${event.data.withdraws} says`,
      effect: `Event ${event.data.withdraws} was withdrawn. It is believed again from now on.`,
    }
  if (isFact)
    return {
      title: 'Withdraw a record',
      doing: `withdrawing the ${called}`,
      effect: `The ${called} was recorded in error. It stays in the history, struck through, and is in no figure from now on.`,
    }
  return {
    title: 'Withdraw a correction',
    doing: `withdrawing the correction of the ${called}`,
    effect: `What was said before event ${event.revision} is believed again from now on.`,
  }
}

/** The form that takes one event back. */
export function withdrawRecordForm(record: RecordInHand): JourneyForm<WithdrawRecordFields> {
  const { event, versions } = record
  const { revision } = event
  const { title, doing, effect } = withdrawing(record)
  const fact = versions.factOf.get(revision)!
  const withdrawnBy =
    versions.withdrawnBy.get(revision) ??
    (event.type === 'RecordWithdrawn' ? undefined : versions.withdrawnBy.get(fact))
  const latest = versions.latest.get(fact)
  return {
    path: `events/${revision}/withdraw`,
    template: 'put-right/withdraw-record.njk',
    title,
    doing,
    confirm: title,
    recorded: event.type === 'RecordWithdrawn' ? 'Record put back' : 'Record withdrawn',
    Fields: WithdrawRecordFields,
    order: ['why'],
    events: ['RecordWithdrawn'],
    controls: {},
    refusals: {},
    otherwise: 'why',
    unavailable: () =>
      withdrawnBy !== undefined
        ? `This was withdrawn by event ${withdrawnBy} before.`
        : revision !== fact && latest !== revision
          ? `Event ${latest} came after it. Withdraw that event first.`
          : null,
    view: () => ({ effect, revision }),
    command: ({ why }, day) => ({
      type: 'WithdrawRecord',
      event: 'RecordWithdrawn',
      data: { withdraws: revision, because: why },
      occurredOn: day,
    }),
    answers: ({ data }) => [
      { field: 'effect', control: 'why', label: 'What it does', text: effect },
      { field: 'why', control: 'why', label: 'Why', text: (data as { because: string }).because },
    ],
  }
}
