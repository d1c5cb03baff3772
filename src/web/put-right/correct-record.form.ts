import { IsNotEmpty, Matches } from 'class-validator'
import { fieldRulesOf } from '../../domain/journey/correctable.ts'
import type { FormError } from '../forms/date.ts'
import { CommandFields, longestNote, WrittenText, type FormValues } from '../forms/form-fields.ts'
import type { JourneyForm, JourneySituation } from '../forms/journey-form.ts'
import { correctionAnswers } from './correction-answers.ts'
import { changesIn, controls, fieldsAsked, textOfField } from './fields.ts'
import type { RecordInHand } from './record-in-hand.ts'

class CorrectRecordFields extends CommandFields {
  @WrittenText('Session', 40)
  sessionId = ''

  @WrittenText('Outcome', 40)
  outcome = ''

  @WrittenText('Facilitators planned', 400)
  plannedFacilitators = ''

  @WrittenText('Facilitators who delivered it', 400)
  actualFacilitators = ''

  @WrittenText('Time it began', 5)
  startedAt = ''

  @WrittenText('Time it ended', 5)
  endedAt = ''

  @WrittenText('Decision', 40)
  decision = ''

  @WrittenText('Result', 200)
  result = ''

  @WrittenText('Group', 40)
  groupId = ''

  @WrittenText('What it was about', 200)
  about = ''

  @WrittenText('Provider', 80)
  provider = ''

  @WrittenText('Reason', 40)
  reason = ''

  @WrittenText('Who referred him', 40)
  source = ''

  @WrittenText('Code of the programme', 40)
  programme = ''

  @WrittenText('Why', longestNote, { lines: 'many' })
  because = ''

  @WrittenText('Note', longestNote, { lines: 'many' })
  note = ''

  // The last of them is checked first.
  @WrittenText('Why', longestNote, { lines: 'many' })
  @IsNotEmpty({ message: 'Enter why the record was wrong' })
  why = ''

  @Matches(/^\d{1,9}$/, { message: 'This form was not complete. Load the page again before you send it.' })
  revision = ''
}

const typedIn = (fields: CorrectRecordFields) => fields as unknown as Readonly<Record<string, string>>

/** The form that corrects one record: it asks for whatever that record says, filled in as it stands. */
export function correctRecordForm(record: RecordInHand): JourneyForm<CorrectRecordFields> | null {
  const { event, version, called, versions } = record
  if (!version) return null
  const { of, data, fact } = version
  const asked = fieldsAsked(of)
  const changes = (fields: CorrectRecordFields) => changesIn(of, data, typedIn(fields))
  const current = versions.current.get(fact)
  return {
    path: `events/${event.revision}/correct`,
    template: 'put-right/correct-record.njk',
    title: 'Correct a record',
    doing: `correcting the ${called}`,
    confirm: 'Correct the record',
    recorded: 'Record corrected',
    Fields: CorrectRecordFields,
    order: ['happenedOn', ...asked, 'why'],
    date: { name: 'happenedOn', legend: 'When did it happen?', subject: 'The date it happened', mayFollowTheEnd: true },
    events: ['RecordCorrected'],
    controls: { occurredOn: 'happenedOn' },
    refusals: {
      two_at_one_time: 'startedAt',
      unknown_time: 'startedAt',
      unknown_session: 'sessionId',
      already_recorded: 'sessionId',
      unknown_outcome: 'outcome',
      unknown_reason: 'reason',
    },
    otherwise: 'happenedOn-day',
    unavailable: () =>
      current === event.revision
        ? null
        : current === undefined
          ? 'This record was withdrawn as recorded in error. It can be put back on the timeline, and corrected then.'
          : `Event ${current} has corrected this record since. Correct that event instead.`,
    initial() {
      const [year, month, day] = version.on.split('-').map((part) => String(Number(part)))
      return {
        ...Object.fromEntries(asked.map((field) => [field, textOfField(field, data[field])])),
        'happenedOn-day': day,
        'happenedOn-month': month,
        'happenedOn-year': year,
      }
    },
    check(fields) {
      const rules = fieldRulesOf(of)
      return Object.entries(changes(fields)).flatMap(([field, value]): FormError[] => {
        const rule = rules[field]
        const isEmpty = typedIn(fields)[field] === ''
        if (!rule || !('correct' in rule) || (isEmpty && rule.correct === 'any')) return []
        const wrong = isEmpty || rule.wrong(value) !== null
        return wrong ? [{ field, text: controls[field]!.missing }] : []
      })
    },
    view: (situation: JourneySituation, values: FormValues) => ({
      called,
      revision: event.revision,
      asked: asked.map((field) => {
        const { choices, ...control } = controls[field]!
        const chosen = typeof values[field] === 'string' ? values[field] : ''
        return { field, ...control, choices: choices?.(situation, chosen) ?? null }
      }),
    }),
    command: (fields, occurredOn) => ({
      type: 'CorrectRecord',
      event: 'RecordCorrected',
      data: { corrects: event.revision, changes: changes(fields), because: fields.why },
      occurredOn,
    }),
    answers: ({ data: given, occurredOn }, header) => {
      const { changes: changed, because } = given as { changes: Readonly<Record<string, unknown>>; because: string }
      return correctionAnswers(version, { on: occurredOn, data: { ...data, ...changed } }, because, header)
    },
  }
}
