/** Who delivers sessions, what is he or she trained for, and which support was given? A row of the facilitator, and one for each thing recorded. */
import { erasureEventTypes } from '../src/domain/erasure.ts'
import { facilitatorEventTypes, type FacilitatorEvent } from '../src/domain/facilitator/facilitator.ts'
import { groupEventTypes } from '../src/domain/group/group.ts'
import type { Recorded } from '../src/domain/history.ts'
import { journeyPrivacy, type JourneyEvent } from '../src/domain/journey/journey.ts'
import { limitedAccessEventTypes } from '../src/domain/limited-access.ts'
import { sessionEventTypes } from '../src/domain/session/session.ts'
import { statementEventTypes } from '../src/domain/statements.ts'
import { each, idOf, ignoring, type Change, type Projection, type Table } from './projection.ts'
import type { QueryDatabase } from './storage/bookkeeping.ts'

export interface FacilitatorTable {
  facilitator_id: string
  /** The staff code under which registers name him or her. */
  code: string
  provider: string
  onboarded_on: string
  left_on: string | null
  /** The event that holds the name, and the name in it, sealed. */
  event_id: string
  sealed: string | null
  source: string
}

export interface FacilitatorFactTable {
  facilitator_id: string
  revision: number
  type: FacilitatorEvent['type']
  occurred_on: string
  recorded_at: string
  recorded_by: string
  /** Of a training. */
  course: string | null
  valid_until: string | null
  /** Of supervision and debriefs. */
  form: string | null
  minutes: number | null
  reason: string | null
}

const facilitatorTable: Table = {
  name: 'facilitator',
  columns: {
    facilitator_id: 'text',
    code: 'text',
    provider: 'text',
    onboarded_on: 'text',
    left_on: 'text',
    event_id: 'text',
    sealed: 'text',
    source: 'text',
  },
  key: ['facilitator_id'],
  kind: 'fold',
  indexes: [['code']],
}

const factTable: Table = {
  name: 'facilitator_fact',
  columns: {
    facilitator_id: 'text',
    revision: 'integer',
    type: 'text',
    occurred_on: 'text',
    recorded_at: 'text',
    recorded_by: 'text',
    course: 'text',
    valid_until: 'text',
    form: 'text',
    minutes: 'integer',
    reason: 'text',
  },
  key: ['facilitator_id', 'revision'],
  kind: 'append',
}

/** The open fields of any of the events. */
interface Told {
  readonly course?: string
  readonly validUntil?: string
  readonly form?: string
  readonly minutes?: number
  readonly reason?: string
}

const said = ({ stream, revision, type, data, metadata }: Recorded<FacilitatorEvent>): Change => {
  const key = [idOf(stream), revision]
  const { course = null, validUntil = null, form = null, minutes = null, reason = null } = data as Told
  const row = {
    facilitator_id: idOf(stream),
    revision,
    type,
    occurred_on: metadata.occurredAt,
    recorded_at: metadata.recordedAt,
    recorded_by: metadata.actor.id,
    course,
    valid_until: validUntil,
    form,
    minutes,
    reason,
  }
  return { table: factTable, key, apply: () => row }
}

const journeyEventTypes = Object.keys(journeyPrivacy) as JourneyEvent['type'][]

export const facilitators: Projection = {
  name: 'facilitators',
  version: 1,
  question: 'Who delivers sessions, what is he or she trained for, and which support was given?',
  tables: [facilitatorTable, factTable],
  on: {
    ...each(facilitatorEventTypes, (event) => [said(event)]),
    FacilitatorOnboarded: (event) => [
      {
        table: facilitatorTable,
        key: [idOf(event.stream)],
        replaces: true,
        apply: () => ({
          facilitator_id: idOf(event.stream),
          code: event.data.code,
          provider: event.data.provider,
          onboarded_on: event.metadata.occurredAt,
          left_on: null,
          event_id: event.id,
          sealed: (event.data as { sealed?: string }).sealed ?? null,
          source: event.metadata.source,
        }),
      },
      said(event),
    ],
    FacilitatorLeft: (event) => [
      {
        table: facilitatorTable,
        key: [idOf(event.stream)],
        apply: (row) => row && { ...row, left_on: event.metadata.occurredAt },
      },
      said(event),
    ],
    ...ignoring(...erasureEventTypes, ...limitedAccessEventTypes, ...statementEventTypes),
    ...ignoring(...journeyEventTypes, ...groupEventTypes, ...sessionEventTypes),
    ...ignoring(
      'ParticipantRegistered',
      'ParticipantDetailsCorrected',
      'ContactRefused',
      'EvidencePackMade',
      'RecordsExported',
    ),
  },
}

/** The database with the tables that these questions read. */
export const withFacilitators = (db: QueryDatabase) =>
  db.withTables<{ facilitator: FacilitatorTable; facilitator_fact: FacilitatorFactTable }>()
