/**
 * What was put right, told late, taken back, confirmed or taken away, on any journey, when and by whom? One row an auditable
 * happening; and for each journey the longest time in which nothing was recorded, and the days on which he stands in two groups.
 */
import { erasureEventTypes } from '../src/domain/erasure.ts'
import { statementEventTypes } from '../src/domain/statements.ts'
import { dayNumberOf, dayOf, daysBetween, msInDay } from '../src/domain/calendar.ts'
import type { DomainEvent, EventType } from '../src/domain/events.ts'
import { facilitatorEventTypes } from '../src/domain/facilitator/facilitator.ts'
import { groupEventTypes } from '../src/domain/group/group.ts'
import type { Metadata, Recorded } from '../src/domain/history.ts'
import { journeyPrivacy, type JourneyEvent } from '../src/domain/journey/journey.ts'
import { daysLate, lateAfterDays } from '../src/domain/journey/replay.ts'
import { limitedAccessEventTypes } from '../src/domain/limited-access.ts'
import { sessionEventTypes } from '../src/domain/session/session.ts'
import { each, idOf, ignoring, type Change, type Codec, type Projection, type Row, type Table } from './projection.ts'
import type { QueryDatabase } from './storage/bookkeeping.ts'
import type { TimelineTable } from './timeline.ts'

/** The lists that a row may stand in. `ended` is no register of its own: those who left or finished are the whole that others are a part of. */
export type AuditList =
  'corrections' | 'withdrawals' | 'late' | 'recategorised' | 'ended' | 'reinstated' | 'oddities' | 'taken'

export interface AuditEntryTable {
  list: AuditList
  /** The id in the name of the stream: a journey's, a participant's or a pack's, as `category` says. */
  subject_id: string
  revision: number
  category: 'journey' | 'participant' | 'evidence'
  event_id: string
  type: EventType
  occurred_on: string
  /** The day, in the service's own time zone, of `recorded_at`. */
  recorded_on: string
  recorded_at: string
  /** Whole days between the day it happened and the day it was recorded. */
  days_late: number
  recorded_by: string
  role: string
  organisation: string
  source: string
  /** The revision that it corrects or withdraws. */
  about: number | null
  /** Of a correction that says a fact anew: the type of the event that told it first. Of a pack: its scope; of a file: its kind. */
  of: string | null
  /** The code on record before and after: of an attendance or of a reason for leaving. Of a pack: `opened` or `sealed`. */
  was: string | null
  became: string | null
  /** Which oddities were confirmed, as codes with a space between; the journey or the days of a pack. */
  detail: string | null
  /** Of what was taken away: how many events or rows it held. */
  records: number | null
}

/** One row a journey. */
export interface AuditJourneyTable {
  journey_id: string
  /** The day on which anything was last recorded. */
  last_recorded_on: string
  /** The revision that ended the journey, while it has neither been withdrawn nor the journey reinstated. */
  ended_at: number | null
  /** The longest time between two recordings while the journey was open, in days; its days and the revision that ended it. */
  gap_days: number
  gap_from: string | null
  gap_to: string | null
  gap_revision: number | null
  /** On how many days two groups or more have a record of his attendance, whatever it says and whether it stands or not. */
  two_groups_days: number
}

const entryTable: Table = {
  name: 'audit_entry',
  columns: {
    list: 'text',
    subject_id: 'text',
    revision: 'integer',
    category: 'text',
    event_id: 'text',
    type: 'text',
    occurred_on: 'text',
    recorded_on: 'text',
    recorded_at: 'text',
    days_late: 'integer',
    recorded_by: 'text',
    role: 'text',
    organisation: 'text',
    source: 'text',
    about: 'integer',
    of: 'text',
    was: 'text',
    became: 'text',
    detail: 'text',
    records: 'integer',
  },
  key: ['list', 'subject_id', 'revision'],
  kind: 'append',
  indexes: [
    ['list', 'recorded_on', 'recorded_by'],
    ['list', 'recorded_by', 'recorded_on'],
  ],
}

/** By group, the days (as numbers) on which it has a record of him. */
type Presences = Map<string, number[]>

const presencesCodec: Codec = {
  encode: (value) => [...(value as Presences)].flatMap(([group, days]) => [group, ...days]),
  decode: (stored) => {
    const presences: Presences = new Map()
    let days: number[] = []
    for (const part of stored)
      if (typeof part === 'string') presences.set(part, (days = []))
      else days.push(part as number)
    return presences
  },
}

/** The days that stand in the lists of two groups or more. */
function daysInTwoGroups(presences: Presences): number {
  if (presences.size < 2) return 0
  const groupsOn = new Map<number, number>()
  for (const days of presences.values())
    for (const day of new Set(days)) groupsOn.set(day, (groupsOn.get(day) ?? 0) + 1)
  return [...groupsOn.values()].filter((groups) => groups > 1).length
}

const journeyTable: Table = {
  name: 'audit_journey',
  columns: {
    journey_id: 'text',
    last_recorded_at: 'text',
    last_recorded_on: 'text',
    ended_at: 'integer',
    gap_days: 'integer',
    gap_from: 'text',
    gap_to: 'text',
    gap_revision: 'integer',
    two_groups_days: 'integer',
    presences: 'json',
  },
  key: ['journey_id'],
  kind: 'fold',
  indexes: [
    ['gap_days', 'journey_id'],
    ['two_groups_days', 'journey_id'],
    ['last_recorded_on', 'journey_id'],
  ],
  codec: { presences: presencesCodec },
  derive: (row) => ({
    ...row,
    last_recorded_on: dayOf(row.last_recorded_at as string),
    two_groups_days: daysInTwoGroups(row.presences as Presences),
  }),
}

type Said = Partial<Pick<AuditEntryTable, 'about' | 'of' | 'was' | 'became' | 'detail' | 'records'>>

const entry = (list: AuditList, event: Recorded<DomainEvent>, said: Said = {}): Change => {
  const { stream, revision, metadata } = event
  const row: Row = {
    list,
    subject_id: idOf(stream),
    revision,
    category: stream.slice(0, stream.indexOf('-')),
    event_id: event.id,
    type: event.type,
    occurred_on: metadata.occurredAt,
    recorded_on: dayOf(metadata.recordedAt),
    recorded_at: metadata.recordedAt,
    days_late: daysLate(event),
    recorded_by: metadata.actor.id,
    role: metadata.actor.role,
    organisation: metadata.actor.organisation,
    source: metadata.source,
    about: said.about ?? null,
    of: said.of ?? null,
    was: said.was ?? null,
    became: said.became ?? null,
    detail: said.detail ?? null,
    records: said.records ?? null,
  }
  return { table: entryTable, key: [list, idOf(stream), revision], apply: () => row }
}

/** A correction is always of something older: how long it took is said in the register of corrections and not as lateness. */
const versions: ReadonlySet<EventType> = new Set(['AttendanceCorrected', 'RecordCorrected', 'RecordWithdrawn'])

/** Whether it may be late, without asking a time zone: on its own day anywhere, it is not more than a day later here. */
const mayBeLate = ({ occurredAt, recordedAt }: Metadata): boolean =>
  Date.parse(recordedAt) - Date.parse(`${occurredAt}T00:00:00Z`) > (lateAfterDays - 1) * msInDay

/** What holds of every event of a journey, whatever it says. */
function ofAny(event: Recorded<JourneyEvent>): Change[] {
  const changes = [journeyChange(event)]
  if (!versions.has(event.type) && mayBeLate(event.metadata) && daysLate(event) > lateAfterDays)
    changes.push(entry('late', event))
  const { oddities = [] } = event.metadata
  if (oddities.length > 0) changes.push(entry('oddities', event, { detail: oddities.join(' ') }))
  return changes
}

const emptyRow = (journeyId: string): Row => ({
  journey_id: journeyId,
  last_recorded_at: '',
  ended_at: null,
  gap_days: 0,
  gap_from: null,
  gap_to: null,
  gap_revision: null,
  presences: new Map(),
})

const journeyChange = (event: Recorded<JourneyEvent>): Change => {
  const journeyId = idOf(event.stream)
  return {
    table: journeyTable,
    key: [journeyId],
    ...(event.revision === 0 && { replaces: true as const }),
    apply: (before) => {
      const row = before ?? emptyRow(journeyId)
      const last = row.last_recorded_at as string
      const { recordedAt } = event.metadata
      if (last !== '' && row.ended_at === null) Object.assign(row, gapBetween(last, recordedAt, event.revision, row))
      if (recordedAt > last) row.last_recorded_at = recordedAt
      row.ended_at = endedAfter(row.ended_at as number | null, event)
      addPresence(row.presences as Presences, event)
      return row
    },
  }
}

/** The longest gap so far, where this one is longer than it. */
function gapBetween(from: string, to: string, revision: number, row: Row): Row | undefined {
  const longest = row.gap_days as number
  // The days of a time zone are only worked out where they may matter.
  if (Date.parse(to) - Date.parse(from) < longest * msInDay) return undefined
  const [gapFrom, gapTo] = [dayOf(from), dayOf(to)]
  const days = daysBetween(gapFrom, gapTo)
  return days > longest ? { gap_days: days, gap_from: gapFrom, gap_to: gapTo, gap_revision: revision } : undefined
}

function endedAfter(ended: number | null, { type, data, revision }: Recorded<JourneyEvent>): number | null {
  if (type === 'ParticipantDroppedOut' || type === 'ProgrammeCompleted') return revision
  if (type === 'JourneyReinstated' || (type === 'RecordWithdrawn' && data.withdraws === ended)) return null
  return ended
}

function addPresence(presences: Presences, { type, data, metadata }: Recorded<JourneyEvent>): void {
  const told = type === 'RecordCorrected' && data.of === 'AttendanceRecorded' ? data.data : data
  if (type !== 'AttendanceRecorded' && told === data) return
  const { groupId } = told as { groupId?: unknown }
  if (typeof groupId !== 'string' || groupId === '') return
  const day = dayNumberOf(metadata.occurredAt)
  const days = presences.get(groupId)
  if (days) days.push(day)
  else presences.set(groupId, [day])
}

const journeyEventTypes = Object.keys(journeyPrivacy) as JourneyEvent['type'][]

export const registers: Projection = {
  name: 'registers',
  version: 3,
  question: 'What was put right, told late, taken back, confirmed or taken away, on any journey, when and by whom?',
  tables: [entryTable, journeyTable],
  on: {
    // Whatever a journey has to say, it may say late, and after a time without a word.
    ...each(journeyEventTypes, ofAny),
    AttendanceCorrected: (event) => {
      const { corrects, was, outcome } = event.data
      return [...ofAny(event), entry('corrections', event, { about: corrects, was, became: outcome })]
    },
    RecordCorrected: (event) => {
      const { corrects, of, data } = event.data
      const said = { about: corrects, of, became: codeIn(of, data) }
      const changes = [...ofAny(event), entry('corrections', event, said)]
      if (of === 'ParticipantDroppedOut') changes.push(entry('recategorised', event, said))
      return changes
    },
    RecordWithdrawn: (event) => {
      const said = { about: event.data.withdraws }
      return [...ofAny(event), entry('corrections', event, said), entry('withdrawals', event, said)]
    },
    ParticipantDetailsCorrected: (event) => [entry('corrections', event)],
    OutcomeRecategorised: (event) => {
      const { from, to } = event.data
      return [...ofAny(event), entry('recategorised', event, { was: from, became: to })]
    },
    JourneyReinstated: (event) => [...ofAny(event), entry('reinstated', event)],
    ParticipantDroppedOut: (event) => [...ofAny(event), entry('ended', event, { became: event.data.reason })],
    ProgrammeCompleted: (event) => [...ofAny(event), entry('ended', event)],
    EvidencePackMade: (event) => {
      const { scope, of, personalFields, events } = event.data
      return [
        entry('taken', event, { of: scope, became: personalFields ? 'opened' : 'sealed', detail: of, records: events }),
      ]
    },
    RecordsExported: (event) => {
      const { kind, of, records, personalFields } = event.data
      return [entry('taken', event, { of: kind, became: personalFields ? 'opened' : 'sealed', detail: of, records })]
    },
    ...ignoring(
      'ParticipantRegistered',
      'ContactRefused',
      ...erasureEventTypes,
      ...limitedAccessEventTypes,
      ...statementEventTypes,
    ),
    ...ignoring(...groupEventTypes, ...sessionEventTypes, ...facilitatorEventTypes),
  },
}

/** The database with the tables that these questions read. */
export const withRegisters = (db: QueryDatabase) =>
  db.withTables<{ audit_entry: AuditEntryTable; audit_journey: AuditJourneyTable; timeline: TimelineTable }>()

/** The code by which a correction says what happened, where there is one. */
function codeIn(of: string, data: Readonly<Record<string, unknown>>): string | null {
  const code = of === 'AttendanceRecorded' ? data.outcome : of === 'ParticipantDroppedOut' ? data.reason : null
  return typeof code === 'string' ? code : null
}
