import { IsIn, IsNotEmpty, Matches } from 'class-validator'
import { attendanceCategoryOf, outcomeCodes } from '../../domain/journey/outcomes.ts'
import { programmeAt } from '../../domain/programme.ts'
import { groupItems, outcomeGroups, sessionGroups } from '../forms/choices.ts'
import {
  CommandFields,
  groupShape,
  longestNote,
  staffCodes,
  staffCodesShape,
  WrittenText,
} from '../forms/form-fields.ts'
import type { JourneyForm, JourneyRecord } from '../forms/journey-form.ts'
import { believedEntries } from '../forms/believed-entries.ts'

const staff = { message: 'Enter staff codes separated by commas, such as F012, F030' }

class AttendanceFields extends CommandFields {
  @IsNotEmpty({ message: 'Select the session' })
  sessionId = ''

  @IsIn(outcomeCodes, { message: 'Select whether he came and took part' })
  outcome = ''

  @Matches(groupShape, { message: 'Group must be a code with a digit in it, such as G014' })
  groupId = ''

  @Matches(new RegExp(`^$|${staffCodesShape.source}`), staff)
  planned = ''

  // The last of them is checked first.
  @Matches(staffCodesShape, staff)
  @IsNotEmpty({ message: 'Enter who was in the room' })
  actual = ''

  @WrittenText('Note', longestNote, { lines: 'many' })
  note = ''
}

const recordedSessions = ({ entries }: JourneyRecord): ReadonlySet<string | null> =>
  new Set(believedEntries(entries).flatMap(({ type, sessionId }) => (type === 'AttendanceRecorded' ? [sessionId] : [])))

export const isAllocated = ({ entries }: JourneyRecord): boolean =>
  believedEntries(entries).some(({ type }) => type === 'AllocatedToGroup')

/** Whether any session was ever recorded as attended, whatever an attendance correction said later. */
export const hasStarted = ({ entries }: JourneyRecord): boolean => {
  const standing = new Set(believedEntries(entries).map(({ fact }) => fact))
  return entries.some(
    ({ outcome, fact, withdrawnBy }) =>
      outcome !== null && standing.has(fact) && withdrawnBy === null && attendanceCategoryOf(outcome) === 'attended',
  )
}

export const attendanceForm: JourneyForm<AttendanceFields> = {
  path: 'attendance',
  title: 'Record attendance',
  doing: 'recording attendance',
  confirm: 'Record attendance',
  recorded: 'Attendance recorded',
  Fields: AttendanceFields,
  order: ['sessionId', 'heldOn', 'outcome', 'planned', 'actual', 'groupId', 'note'],
  date: { name: 'heldOn', legend: 'When was the session held?', subject: 'The date of the session' },
  events: ['AttendanceRecorded'],
  controls: { occurredOn: 'heldOn', plannedFacilitators: 'planned', actualFacilitators: 'actual' },
  refusals: {
    unknown_session: 'sessionId',
    already_recorded: 'sessionId',
    not_allocated: 'sessionId',
    unknown_outcome: 'outcome',
  },
  otherwise: 'sessionId',
  unavailable(record) {
    if (!isAllocated(record)) return 'He has not been allocated to a group. Record the allocation as a contact first.'
    const { programmeKey, programmeVersion } = record.header
    const recorded = recordedSessions(record)
    const left = programmeAt(programmeKey, programmeVersion)?.sessions.some(({ id }) => !recorded.has(id))
    return left ? null : 'Every session of his programme has a record. A wrong one can be corrected.'
  },
  initial({ header, entries, groups }) {
    // The facilitators planned last time are the likeliest.
    const usual = entries.findLast(({ plannedFacilitators }) => plannedFacilitators.length > 0)
    const staffUsual = usual?.plannedFacilitators.join(', ') ?? ''
    const known = groups === null || groups.includes(header.groupId ?? '')
    return { planned: staffUsual, actual: staffUsual, groupId: known ? (header.groupId ?? '') : '' }
  },
  check: ({ groupId }, { groups }) =>
    groupId !== '' && groups !== null && !groups.includes(groupId)
      ? [{ field: 'groupId', text: 'Select a group from the list' }]
      : [],
  view(situation, { sessionId, groupId }) {
    const { programmeKey: key, programmeVersion: version } = situation.header
    const recorded = recordedSessions(situation)
    return {
      sessions: sessionGroups({ key, version }, (session) => !recorded.has(session) || session === sessionId),
      outcomes: outcomeGroups,
      groupItems: groupItems(situation.groups, groupId, 'No group'),
    }
  },
  command: ({ sessionId, outcome, groupId, planned, actual, note }, occurredOn) => ({
    type: 'RecordAttendance',
    event: 'AttendanceRecorded',
    data: {
      sessionId,
      outcome,
      groupId,
      plannedFacilitators: staffCodes(planned || actual),
      actualFacilitators: staffCodes(actual),
      ...(note && { note }),
    },
    occurredOn,
  }),
}
