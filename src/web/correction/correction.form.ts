import { IsIn, IsNotEmpty, Matches } from 'class-validator'
import { outcomeCodes, outcomes } from '../../domain/journey/outcomes.ts'
import type { TimelineEntry } from '../../queries/journeys.ts'
import { outcomeGroups, sessionGroups } from '../forms/choices.ts'
import { CommandFields, longestNote, WrittenText } from '../forms/form-fields.ts'
import type { JourneyForm } from '../forms/journey-form.ts'
import { believedEntries } from '../forms/believed-entries.ts'

const selectSession = 'Select the session whose record is wrong'

class CorrectionFields extends CommandFields {
  @IsNotEmpty({ message: selectSession })
  sessionId = ''

  @IsIn(outcomeCodes, { message: 'Select what the record should have said' })
  outcome = ''

  // The last of them is checked first.
  @WrittenText('Why', longestNote, { lines: 'many' })
  @IsNotEmpty({ message: 'Enter why the record was wrong' })
  because = ''

  @Matches(/^\d{1,9}$/, { message: 'This form was not complete. Load the page again before you send it.' })
  revision = ''
}

/** What the record says of a session now; null where it says nothing. */
function recordOf(entries: readonly TimelineEntry[], sessionId: unknown) {
  const said = believedEntries(entries).find(
    (entry) => entry.type === 'AttendanceRecorded' && entry.sessionId === sessionId,
  )
  const last = said && entries.find(({ revision }) => revision === said.current)
  if (!said?.outcome || !last) return null
  return {
    sessionId: said.sessionId!,
    heldOn: said.occurredOn,
    code: said.outcome,
    outcome: `${outcomes[said.outcome]} (${said.outcome})`,
    recordedAt: last.recordedAt,
    recordedBy: last.recordedBy,
    revision: last.revision,
    actual: said.actualFacilitators,
  }
}

const unchanged = { field: 'outcome', text: 'Select another outcome: this is what the record already says' }

export const correctionForm: JourneyForm<CorrectionFields> = {
  path: 'correction',
  title: 'Correct attendance',
  doing: 'correcting the record',
  confirm: 'Correct the record',
  recorded: 'Attendance corrected',
  Fields: CorrectionFields,
  order: ['sessionId', 'outcome', 'because'],
  events: ['AttendanceCorrected'],
  controls: { was: 'outcome' },
  refusals: { unknown_session: 'sessionId', unknown_outcome: 'outcome' },
  otherwise: 'outcome',
  fromAddress: ['sessionId'],
  unavailable: ({ entries }) =>
    believedEntries(entries).some(({ type }) => type === 'AttendanceRecorded')
      ? null
      : 'No attendance is on record yet, so there is nothing to correct.',
  check({ sessionId, outcome }, { entries }) {
    const record = recordOf(entries, sessionId)
    if (!record) return [{ field: 'sessionId', text: selectSession }]
    return record.code === outcome ? [unchanged] : []
  },
  view({ header, entries }, { sessionId }) {
    const recorded = new Set(
      believedEntries(entries).flatMap(({ type, sessionId }) => (type === 'AttendanceRecorded' ? [sessionId] : [])),
    )
    return {
      record: recordOf(entries, sessionId),
      sessions: sessionGroups({ key: header.programmeKey, version: header.programmeVersion }, (id) => recorded.has(id)),
      outcomes: outcomeGroups,
    }
  },
  command({ sessionId, outcome, because }, _day, { header, entries }) {
    const record = recordOf(entries, sessionId)
    return {
      type: 'CorrectAttendance',
      event: 'AttendanceCorrected',
      data: { sessionId, outcome, because },
      // A correction is about the day of the session, whenever it is made.
      occurredOn: record?.heldOn ?? header.referredOn,
      beside: { was: record?.code },
    }
  },
}
