/** Who came to which session, and who was in the room with him. A wrong record is corrected beside itself, never edited. */
import { isTime } from '../group/room.ts'
import { Refusal, type CommandContext } from '../history.ts'
import type { Classified } from '../privacy.ts'
import { programmeAt, sessionOf } from '../programme.ts'
import { isOutcome, type Outcome } from './outcomes.ts'
import type { Journey } from './state.ts'

/** Names and fields are the stored format: add to them, never rename them. */
export type AttendanceEvent =
  /** Someone who was in the room said whether he came, and whether he took part. */
  | {
      type: 'AttendanceRecorded'
      data: {
        sessionId: string
        outcome: Outcome
        groupId: string
        plannedFacilitators: readonly string[]
        actualFacilitators: readonly string[]
        /** When it began and when it ended, wall-clock times of 24 hours such as `18:30`, where that is known. */
        startedAt?: string
        endedAt?: string
        note?: string
        asWritten?: Record<string, string>
      }
    }
  /** The first record was wrong. It stays in the history; this one is believed from now on. */
  | {
      type: 'AttendanceCorrected'
      data: {
        sessionId: string
        outcome: Outcome
        /** What was believed until now. */
        was: Outcome
        /** The revision of the event that is corrected. */
        corrects: number
        because?: string
        asWritten?: Record<string, string>
      }
    }

export const attendancePrivacy: Classified<AttendanceEvent> = {
  AttendanceRecorded: {
    sessionId: 'open',
    outcome: 'open',
    groupId: 'open',
    plannedFacilitators: 'open',
    actualFacilitators: 'open',
    startedAt: 'open',
    endedAt: 'open',
    note: 'personal',
    asWritten: 'personal',
  },
  AttendanceCorrected: {
    sessionId: 'open',
    outcome: 'open',
    was: 'open',
    corrects: 'open',
    because: 'personal',
    asWritten: 'personal',
  },
}

/** The outcome is what was written, checked here: which codes count is the rule's to say. */
export type AttendanceCommand = CommandContext &
  (
    | {
        type: 'RecordAttendance'
        data: {
          sessionId: string
          outcome: string
          groupId: string
          plannedFacilitators: readonly string[]
          actualFacilitators: readonly string[]
          startedAt?: string
          endedAt?: string
          note?: string
          asWritten?: Record<string, string>
        }
      }
    | {
        type: 'CorrectAttendance'
        data: { sessionId: string; outcome: string; because?: string; asWritten?: Record<string, string> }
      }
  )

export function decideAttendance(journey: Journey, command: AttendanceCommand): readonly AttendanceEvent[] {
  const { sessionId, outcome } = command.data
  const programme = journey.programme && programmeAt(journey.programme.key, journey.programme.version)
  if (!programme || !sessionOf(programme, sessionId)) {
    throw new Refusal('unknown_session', 'That is not a session of this programme. Choose one from the list.')
  }
  if (!isOutcome(outcome)) throw new Refusal('unknown_outcome', 'That is not one of the attendance outcome codes.')
  const known = journey.sessions.get(sessionId)
  switch (command.type) {
    case 'RecordAttendance':
      if (journey.allocatedOn === null) {
        throw new Refusal('not_allocated', 'He has not been allocated to a group yet. Record the allocation first.')
      }
      if (known) {
        throw new Refusal(
          'already_recorded',
          'Attendance at this session is already recorded. Correct that record instead.',
        )
      }
      refuseUnknownTimes(command.data)
      return [{ type: 'AttendanceRecorded', data: { ...command.data, outcome } }]
    case 'CorrectAttendance':
      if (!known) throw new Refusal('nothing_to_correct', 'Nothing is recorded for this session yet.')
      if (known.outcome === outcome) {
        throw new Refusal('nothing_to_correct', 'That is what the record already says. There is nothing to correct.')
      }
      return [
        {
          type: 'AttendanceCorrected',
          data: { ...command.data, outcome, was: known.outcome, corrects: known.revision },
        },
      ]
  }
}

/** @throws Refusal `unknown_time` */
function refuseUnknownTimes({ startedAt, endedAt }: { readonly startedAt?: string; readonly endedAt?: string }): void {
  for (const time of [startedAt, endedAt])
    if (time !== undefined && !isTime(time))
      throw new Refusal('unknown_time', 'The time must be a time of 24 hours, such as 18:30.')
  if (startedAt !== undefined && endedAt !== undefined && endedAt < startedAt)
    throw new Refusal('unknown_time', 'The time it ended must be after the time it began.')
}
