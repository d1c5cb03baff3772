/** What has happened on this journey, in the order it happened? One row an event, each correction tied to what it corrected. */
import { erasureEventTypes } from '../src/domain/erasure.ts'
import { statementEventTypes } from '../src/domain/statements.ts'
import type { DomainEvent } from '../src/domain/events.ts'
import { facilitatorEventTypes } from '../src/domain/facilitator/facilitator.ts'
import { groupEventTypes } from '../src/domain/group/group.ts'
import type { Recorded } from '../src/domain/history.ts'
import { standingOf, type Linked, type FactEvent } from '../src/domain/journey/believed.ts'
import type { JourneyEvent } from '../src/domain/journey/journey.ts'
import { limitedAccessEventTypes } from '../src/domain/limited-access.ts'
import { sessionEventTypes } from '../src/domain/session/session.ts'
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
  withdraws: number | null
  /** Of a correction that says a fact anew: the type of the event that told it first. */
  of: JourneyEvent['type'] | null
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
    withdraws: 'integer',
    of: 'text',
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
    withdraws: null,
    of: null,
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

/** What an event tells, or a correction says anew, in the columns that hold it. */
function factRow(told: FactEvent): Row {
  switch (told.type) {
    case 'ReferralReceived':
    case 'ProviderTransferAccepted':
      return { provider: told.data.provider || null }
    case 'AllocatedToGroup':
      return { group_id: told.data.groupId || null }
    case 'SuitabilityDecided':
      return { reason: told.data.decision }
    case 'AttendanceRecorded':
      return {
        session_id: told.data.sessionId,
        outcome: told.data.outcome,
        planned: JSON.stringify(told.data.plannedFacilitators),
        actual: JSON.stringify(told.data.actualFacilitators),
        group_id: told.data.groupId || null,
      }
    case 'ParticipantDroppedOut':
      return { reason: told.data.reason }
    default:
      return {}
  }
}

export const timeline: Projection = {
  name: 'timeline',
  version: 3,
  question: 'What has happened on this journey, in the order it happened?',
  tables: [timelineTable],
  on: {
    ReferralReceived: (event) => [entry(event, factRow(event))],
    AllocatedToGroup: (event) => [entry(event, factRow(event))],
    ProviderTransferAccepted: (event) => [entry(event, factRow(event))],
    SuitabilityDecided: (event) => [entry(event, factRow(event))],
    AttendanceRecorded: (event) => [entry(event, factRow(event))],
    ParticipantDroppedOut: (event) => [entry(event, factRow(event))],
    AttendanceCorrected: (event) => [
      entry(event, {
        session_id: event.data.sessionId,
        outcome: event.data.outcome,
        was_outcome: event.data.was,
        corrects: event.data.corrects,
      }),
    ],
    OutcomeRecategorised: (event) => [entry(event, { reason: event.data.to, was_reason: event.data.from })],
    RecordCorrected: (event) => {
      const { of, data, corrects } = event.data
      return [entry(event, { ...factRow({ type: of, data } as unknown as FactEvent), corrects, of })]
    },
    RecordWithdrawn: (event) => [entry(event, { withdraws: event.data.withdraws })],
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
        'JourneyReinstated',
      ],
      (event) => [entry(event)],
    ),
    ...ignoring(
      'ParticipantRegistered',
      'ParticipantDetailsCorrected',
      'ContactRefused',
      'EvidencePackMade',
      'RecordsExported',
    ),
    ...ignoring(...erasureEventTypes, ...limitedAccessEventTypes, ...statementEventTypes),
    ...ignoring(...groupEventTypes, ...sessionEventTypes, ...facilitatorEventTypes),
  },
}

export interface TimelineRow extends TimelineTable {
  /** The revision that corrected this one and stands; the last, where there are several. */
  corrected_by: number | null
  /** The event that told first what this one is about: its own revision, where it is that. */
  fact: number
  /** The withdrawal that took it back and stands. */
  withdrawn_by: number | null
  /** Of an event that tells a fact: its last version that stands; null where the fact was withdrawn, and for all other events. */
  current: number | null
  /** Whether nothing that stands has been recorded about its fact since. */
  latest: boolean
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
  const links = linksOf(rows)
  const { withdrawnBy, current, latest } = standingOf(links)
  const correctedBy = new Map<number | null, number>()
  for (const { corrects, revision } of rows.toSorted(inOrder))
    if (!withdrawnBy.has(revision)) correctedBy.set(corrects, revision)
  return rows.map((row) => {
    const { fact } = links.get(row.revision)!
    return {
      ...row,
      corrected_by: correctedBy.get(row.revision) ?? null,
      fact,
      withdrawn_by: withdrawnBy.get(row.revision) ?? null,
      current: fact === row.revision ? (current.get(fact) ?? null) : null,
      latest: latest.get(fact) === row.revision,
    }
  })
}

const inOrder = (one: TimelineTable, other: TimelineTable) => one.revision - other.revision

/** What each event is about, as the log tells it. */
function linksOf(rows: readonly TimelineTable[]): ReadonlyMap<number, Linked> {
  const links = new Map<number, Linked>()
  for (const { revision, type, corrects, withdraws } of rows.toSorted(inOrder)) {
    const about = type === 'OutcomeRecategorised' ? lastDropOut(links) : links.get(corrects ?? withdraws ?? -1)?.fact
    links.set(revision, { type, fact: about ?? revision, data: { withdraws } })
  }
  return links
}

/** Whoever recategorises a reason means the drop-out that is believed then. */
function lastDropOut(links: ReadonlyMap<number, Linked>): number | undefined {
  const { current } = standingOf(links)
  return [...current.keys()].findLast((fact) => links.get(fact)!.type === 'ParticipantDroppedOut')
}
