/** What has happened on this journey, in the order it happened? One row an event, each correction tied to what it corrected. */
import type { DomainEvent } from '../src/domain/events.ts'
import type { Recorded } from '../src/domain/history.ts'
import type { JourneyEvent } from '../src/domain/journey/journey.ts'
import { each, idOf, ignoring, type Change, type Projection, type Row, type Table } from './projection.ts'
import type { QueryDatabase } from './storage/bookkeeping.ts'

export interface TimelineTable {
  journey_id: string
  revision: number
  event_id: string
  type: JourneyEvent['type']
  occurred_on: string
  recorded_at: string
  source: string
  recorded_by: string
  session_id: string | null
  outcome: string | null
  was_outcome: string | null
  planned: string | null
  actual: string | null
  corrects: number | null
  reason: string | null
  was_reason: string | null
  group_id: string | null
  provider: string | null
  key_id: string | null
  sealed: string | null
}

const timelineTable: Table = {
  name: 'timeline',
  columns: {
    journey_id: 'text',
    revision: 'integer',
    event_id: 'text',
    type: 'text',
    occurred_on: 'text',
    recorded_at: 'text',
    source: 'text',
    recorded_by: 'text',
    session_id: 'text',
    outcome: 'text',
    was_outcome: 'text',
    planned: 'text',
    actual: 'text',
    corrects: 'integer',
    reason: 'text',
    was_reason: 'text',
    group_id: 'text',
    provider: 'text',
    key_id: 'text',
    sealed: 'text',
  },
  key: ['journey_id', 'revision'],
  kind: 'append',
}

/** A row for the event, with whatever of its fields say more. */
const entry = (event: Recorded<DomainEvent>, more?: Row): Change => {
  const row: Row = {
    journey_id: idOf(event.stream),
    revision: event.revision,
    event_id: event.id,
    type: event.type,
    occurred_on: event.metadata.occurredAt,
    recorded_at: event.metadata.recordedAt,
    source: event.metadata.source,
    recorded_by: event.metadata.actor.id,
    session_id: null,
    outcome: null,
    was_outcome: null,
    planned: null,
    actual: null,
    corrects: null,
    reason: null,
    was_reason: null,
    group_id: null,
    provider: null,
    key_id: event.metadata.keyId ?? null,
    sealed: (event.data as { sealed?: string }).sealed ?? null,
  }
  if (more) Object.assign(row, more)
  return { table: timelineTable, key: [idOf(event.stream), event.revision], apply: () => row }
}

export const timeline: Projection = {
  name: 'timeline',
  version: 2,
  question: 'What has happened on this journey, in the order it happened?',
  tables: [timelineTable],
  on: {
    ReferralReceived: (event) => [entry(event, { provider: event.data.provider || null })],
    AllocatedToGroup: (event) => [entry(event, { group_id: event.data.groupId || null })],
    ProviderTransferAccepted: (event) => [entry(event, { provider: event.data.provider || null })],
    SuitabilityDecided: (event) => [entry(event, { reason: event.data.decision })],
    AttendanceRecorded: (event) => [
      entry(event, {
        session_id: event.data.sessionId,
        outcome: event.data.outcome,
        planned: JSON.stringify(event.data.plannedFacilitators),
        actual: JSON.stringify(event.data.actualFacilitators),
        group_id: event.data.groupId || null,
      }),
    ],
    AttendanceCorrected: (event) => [
      entry(event, {
        session_id: event.data.sessionId,
        outcome: event.data.outcome,
        was_outcome: event.data.was,
        corrects: event.data.corrects,
      }),
    ],
    ParticipantDroppedOut: (event) => [entry(event, { reason: event.data.reason })],
    OutcomeRecategorised: (event) => [entry(event, { reason: event.data.to, was_reason: event.data.from })],
    ...each(
      [
        'EligibilityAssessed',
        'PlacedOnWaitingList',
        'ThreeWayMeetingHeld',
        'ProgrammeReviewCompleted',
        'WarningIssued',
        'BreachInitiated',
        'BreachResolved',
        'RecallRecorded',
        'ProgrammeCompleted',
      ],
      (event) => [entry(event)],
    ),
    ...ignoring('ParticipantRegistered', 'ParticipantDetailsCorrected', 'ContactRefused', 'EvidencePackMade'),
  },
}

export interface TimelineRow extends TimelineTable {
  /** The revision that corrected this one; the last, where there are several. */
  corrected_by: number | null
}

/** In the order it happened; what happened on one day, in the order it was recorded. */
export async function timelineOf(db: QueryDatabase, journeyId: string): Promise<TimelineRow[]> {
  const rows = await db
    .withTables<{ timeline: TimelineTable }>()
    .selectFrom('timeline')
    .selectAll()
    .where('journey_id', '=', journeyId)
    .orderBy('occurred_on')
    .orderBy('revision')
    .execute()
  const correctedBy = new Map<number | null, number>()
  for (const { corrects, revision } of rows.toSorted((one, other) => one.revision - other.revision))
    correctedBy.set(corrects, revision)
  return rows.map((row) => ({ ...row, corrected_by: correctedBy.get(row.revision) ?? null }))
}
