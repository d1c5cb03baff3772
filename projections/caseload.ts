/** Which journeys are there, and where does each stand? One row a journey. */
import { sql } from 'kysely'
import { erasureEventTypes } from '../src/domain/erasure.ts'
import { statementEventTypes } from '../src/domain/statements.ts'
import { facilitatorEventTypes } from '../src/domain/facilitator/facilitator.ts'
import { groupEventTypes } from '../src/domain/group/group.ts'
import type { Recorded } from '../src/domain/history.ts'
import type { Day } from '../src/domain/calendar.ts'
import { figuresOf, statusOf, type Status } from '../src/domain/journey/figures.ts'
import { isReviewDue, isWarningDue, type Need } from '../src/domain/journey/needs.ts'
import { limitedAccessEventTypes } from '../src/domain/limited-access.ts'
import { sessionEventTypes } from '../src/domain/session/session.ts'
import { applyInPlace, fieldsRead, ownFacts, type JourneyEvent, type OwnFacts } from '../src/domain/journey/fold.ts'
import {
  nothingKnown,
  type JourneyFacts,
  type RecordedVersion,
  type SessionBelief,
} from '../src/domain/journey/state.ts'
import { answeringTo, type ErasureTable, type ParticipantTable } from './participants.ts'
import { each, idOf, ignoring, type Change, type Codec, type Projection, type Row, type Table } from './projection.ts'
import type { QueryDatabase } from './storage/bookkeeping.ts'

export interface CaseloadTable {
  journey_id: string
  participant_id: string
  status: Status
  programme_key: string
  programme_version: number
  provider: string | null
  group_id: string | null
  referred_on: string
  last_contact_on: string
  ended_on: string | null
  outcome: 'open' | 'completed' | 'dropped_out'
  reason: string | null
  attended: number
  acceptable_absences: number
  unacceptable_absences: number
  corrections: number
  recategorisations: number
  facilitators_met: number
  /** 1 or 0. */
  warning_due: number
  review_due: number
  source: string
  /** The revision of the last event that changed this row. */
  revision: number
  /** The referral's sealed fields (its reference among them), as the log holds them. */
  referral_event_id: string
  sealed: string | null
  /** What is known of the journey, which the next event adds to. */
  facts: string
}

/** What the pages sort, count and filter by, worked out from the folded facts. */
const derived = (row: Row): Row => {
  const facts = row.facts as JourneyFacts
  const { outcome, reason, ...counts } = figuresOf(facts)
  return {
    ...row,
    status: statusOf(facts),
    programme_key: facts.programme?.key ?? '',
    programme_version: facts.programme?.version ?? 0,
    provider: facts.provider,
    group_id: facts.groupId,
    referred_on: facts.referredOn ?? '',
    last_contact_on: facts.lastContactOn ?? '',
    ended_on: facts.ending?.on ?? null,
    outcome,
    reason,
    ...counts,
    warning_due: Number(isWarningDue(facts)),
    review_due: Number(isReviewDue(facts)),
  }
}

const factNames = Object.keys(nothingKnown) as (keyof JourneyFacts)[]

/** The values of the facts without their names, which would take more room than the values. Of a session: which, and what is believed of it. */
const factsCodec: Codec = {
  encode: (value) => {
    const facts = value as JourneyFacts
    return factNames.map((name) => {
      if (name === 'facilitatorsMet') return [...facts.facilitatorsMet]
      if (name === 'sessions')
        return [...facts.sessions].flatMap(([id, { outcome, heldOn, revision }]) => [id, outcome, heldOn, revision])
      if (name === 'recorded') return [...facts.recorded].flatMap(versionInShort)
      return facts[name]
    })
  },
  decode: (stored) => {
    const facts: Record<string, unknown> = ownFacts(nothingKnown)
    for (const [n, name] of factNames.entries())
      facts[name] =
        name === 'sessions'
          ? sessionsIn(stored[n] as (string | number)[])
          : name === 'facilitatorsMet'
            ? new Set(stored[n] as string[])
            : name === 'recorded'
              ? recordedIn(stored[n] as readonly unknown[])
              : stored[n]
    return facts
  },
}

function sessionsIn(parts: readonly (string | number)[]): Map<string, SessionBelief> {
  const sessions = new Map<string, SessionBelief>()
  for (let n = 0; n < parts.length; n += 4)
    sessions.set(parts[n] as string, {
      outcome: parts[n + 1] as SessionBelief['outcome'],
      heldOn: parts[n + 2] as string,
      revision: parts[n + 3] as number,
    })
  return sessions
}

const eventNumbers = Object.keys(fieldsRead) as JourneyEvent['type'][]
const numberOf = new Map<string, number>(eventNumbers.map((type, n) => [type, n]))

/** Its revision and, where it is a version of another event's fact, that event's; the number of its type; its day; what is read of it. */
const versionInShort = ([revision, { type, on, fact, data }]: [number, RecordedVersion]): unknown[] => [
  fact === revision ? revision : [revision, fact],
  numberOf.get(type),
  on,
  valuesRead(type as JourneyEvent['type'], data),
]

/** What is not there at the end is left out. */
const valuesRead = (type: JourneyEvent['type'], data: RecordedVersion['data']): unknown[] => {
  const values = fieldsRead[type].map((field) =>
    type === 'RecordCorrected' && field === 'data'
      ? valuesRead(data.of as JourneyEvent['type'], data.data as RecordedVersion['data'])
      : data[field],
  )
  while (values.length > 0 && values.at(-1) === undefined) values.pop()
  return values
}

function recordedIn(parts: readonly unknown[]): Map<number, RecordedVersion> {
  const recorded = new Map<number, RecordedVersion>()
  for (let n = 0; n < parts.length; n += 4) {
    const [revision, fact] = [parts[n]].flat() as [number, number?]
    const type = eventNumbers[parts[n + 1] as number]!
    const data = dataRead(type, parts[n + 3] as readonly unknown[])
    recorded.set(revision, { type, on: parts[n + 2] as string, fact: fact ?? revision, data })
  }
  return recorded
}

function dataRead(type: JourneyEvent['type'], values: readonly unknown[]): Record<string, unknown> {
  const data: Record<string, unknown> = {}
  for (const [n, field] of fieldsRead[type].entries())
    if (values[n] !== undefined && values[n] !== null) data[field] = values[n]
  if (type === 'RecordCorrected') data.data = dataRead(data.of as JourneyEvent['type'], data.data as readonly unknown[])
  return data
}

const caseloadTable: Table = {
  name: 'caseload',
  columns: {
    journey_id: 'text',
    participant_id: 'text',
    status: 'text',
    programme_key: 'text',
    programme_version: 'integer',
    provider: 'text',
    group_id: 'text',
    referred_on: 'text',
    last_contact_on: 'text',
    ended_on: 'text',
    outcome: 'text',
    reason: 'text',
    attended: 'integer',
    acceptable_absences: 'integer',
    unacceptable_absences: 'integer',
    corrections: 'integer',
    recategorisations: 'integer',
    facilitators_met: 'integer',
    warning_due: 'integer',
    review_due: 'integer',
    source: 'text',
    revision: 'integer',
    referral_event_id: 'text',
    sealed: 'text',
    facts: 'json',
  },
  key: ['journey_id'],
  indexes: [
    ['last_contact_on', 'journey_id'],
    ['status', 'last_contact_on', 'journey_id'],
    ['status', 'journey_id'],
    ['participant_id'],
    ['provider', 'group_id', 'journey_id'],
    ['group_id'],
    ['referred_on', 'journey_id'],
    ['attended', 'journey_id'],
    ['unacceptable_absences', 'journey_id'],
    ['facilitators_met', 'journey_id'],
  ],
  kind: 'fold',
  codec: { facts: factsCodec },
  derive: derived,
}

const learned = (event: Recorded<JourneyEvent>): Change[] => [
  {
    table: caseloadTable,
    key: [idOf(event.stream)],
    apply: (row) =>
      row && Object.assign(row, { facts: applyInPlace(row.facts as OwnFacts, event), revision: event.revision }),
  },
]

export const caseload: Projection = {
  name: 'caseload',
  version: 6,
  question: 'Which journeys are there, and where does each stand?',
  tables: [caseloadTable],
  on: {
    ReferralReceived: (event) => [
      {
        table: caseloadTable,
        key: [idOf(event.stream)],
        // Only after a referral that was withdrawn is there something to go on from.
        ...(event.revision === 0 && { replaces: true as const }),
        apply: (row) => ({
          journey_id: idOf(event.stream),
          participant_id: event.data.participantId,
          facts: applyInPlace((row?.facts as OwnFacts | undefined) ?? ownFacts(nothingKnown), event),
          source: event.metadata.source,
          revision: event.revision,
          referral_event_id: event.id,
          sealed: (event.data as { sealed?: string }).sealed ?? null,
        }),
      },
    ],
    ...each(
      [
        'EligibilityAssessed',
        'SuitabilityDecided',
        'PlacedOnWaitingList',
        'AllocatedToGroup',
        'ThreeWayMeetingHeld',
        'ProgrammeReviewCompleted',
        'ProviderTransferAccepted',
        'AttendanceRecorded',
        'AttendanceCorrected',
        'WarningIssued',
        'BreachInitiated',
        'BreachResolved',
        'RecallRecorded',
        'ParticipantDroppedOut',
        'ProgrammeCompleted',
        'OutcomeRecategorised',
        'JourneyReinstated',
        'RecordCorrected',
        'RecordWithdrawn',
      ],
      learned,
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

export interface CaseloadFilter {
  readonly journeyIds?: readonly string[]
  /** Journeys of participants who answer to all of these tokens. */
  readonly tokens?: readonly Buffer[]
  readonly statuses?: readonly Status[]
  readonly provider?: string
  readonly groupId?: string
  /** Whoever asks is shown no journey of these participants. */
  readonly withheld?: ReadonlySet<string>
  /** Journeys of which nothing happened after the day it says; the due ones of the others. */
  readonly need?: { readonly kind: Need; readonly quietSince: Day }
}

/** Each column that the case load is sorted by, and those it is sorted by where that is the same. */
export const sortColumns = {
  last_contact: ['last_contact_on'],
  referred: ['referred_on'],
  status: ['status'],
  provider: ['provider', 'group_id'],
  attended: ['attended'],
  unacceptable: ['unacceptable_absences'],
  facilitators: ['facilitators_met'],
} as const satisfies Readonly<Record<string, readonly (keyof CaseloadTable)[]>>

/** What needs doing is worked out from the columns, so it is sorted by without an index. */
export type CaseloadColumn = keyof typeof sortColumns | 'needs'

/** The database with the tables that these questions read. */
export const withCaseload = (db: QueryDatabase) =>
  db.withTables<{ caseload: CaseloadTable; participant: ParticipantTable; erasure: ErasureTable }>()

const filtered = (db: QueryDatabase, filter: CaseloadFilter) => {
  let query = withCaseload(db).selectFrom('caseload')
  const { journeyIds = [], tokens = [] } = filter
  if (filter.journeyIds || filter.tokens) {
    query = query.where((where) =>
      where.or([
        ...(journeyIds.length > 0 ? [where('caseload.journey_id', 'in', [...journeyIds])] : []),
        ...(tokens.length > 0 ? [where('caseload.participant_id', 'in', answeringTo(db, tokens))] : []),
      ]),
    )
  }
  if (filter.statuses && filter.statuses.length > 0) query = query.where('status', 'in', [...filter.statuses])
  if (filter.provider) query = query.where('provider', '=', filter.provider)
  if (filter.groupId) query = query.where('group_id', '=', filter.groupId)
  if (filter.withheld && filter.withheld.size > 0)
    query = query.where('caseload.participant_id', 'not in', [...filter.withheld])
  switch (filter.need?.kind) {
    case 'no_contact':
      return query.where('outcome', '=', 'open').where('last_contact_on', '<=', filter.need.quietSince)
    case 'warning':
      return query.where('warning_due', '=', 1)
    case 'review':
      return query.where('review_due', '=', 1)
    case undefined:
      return query
  }
}

interface NeedsOrder {
  readonly sort: 'needs'
  readonly direction: 'asc' | 'desc'
  readonly quietSince: Day
}

/** How many things need doing. */
const needsCounted = (quietSince: Day) =>
  sql<number>`warning_due + review_due + CASE WHEN outcome = 'open' AND last_contact_on <= ${quietSince} THEN 1 ELSE 0 END`

/** The journeys that match, in no order. */
export const journeysMatching = async (db: QueryDatabase, filter: CaseloadFilter): Promise<string[]> =>
  (await filtered(db, filter).select('caseload.journey_id').execute()).map(({ journey_id: id }) => id)

/** Matches are counted up to here only, so that a page takes no longer where the case load is larger. */
export const countedUpTo = 2_000

/** One page of the case load with each man's sealed details, and how many journeys match: `more` than `total`, where it says so. */
export async function caseloadPage(
  db: QueryDatabase,
  filter: CaseloadFilter,
  order: { sort: Exclude<CaseloadColumn, 'needs'>; direction: 'asc' | 'desc' } | NeedsOrder,
  { limit, offset }: { limit: number; offset: number },
) {
  let query = filtered(db, filter)
    .leftJoin('participant', 'participant.participant_id', 'caseload.participant_id')
    .leftJoin('erasure', 'erasure.participant_id', 'caseload.participant_id')
    .selectAll('caseload')
    .select(['participant.sealed as details_sealed', 'participant.event_id as details_event_id'])
    .select('erasure.state as erasure')
  // All of them the same way, so that an index holds this very order and a page needs no sorting.
  if (order.sort === 'needs') query = query.orderBy(needsCounted(order.quietSince), order.direction)
  for (const column of [...(order.sort === 'needs' ? [] : sortColumns[order.sort]), 'journey_id'] as const)
    query = query.orderBy(`caseload.${column}`, order.direction)
  const rows = await query.limit(limit).offset(offset).execute()
  const { counted } = await withCaseload(db)
    .selectFrom(
      filtered(db, filter)
        .select('journey_id')
        .limit(countedUpTo + 1)
        .as('matching'),
    )
    .select((select) => select.fn.countAll<number>().as('counted'))
    .executeTakeFirstOrThrow()
  return { rows, total: Math.min(Number(counted), countedUpTo), more: Number(counted) > countedUpTo }
}

/**
 * One journey with the man's sealed details, and where its stream is parked first: all that a page of it begins with, in one query.
 * Undefined where the journey is not projected.
 */
export const caseloadEntry = (db: QueryDatabase, journeyId: string) =>
  filtered(db, { journeyIds: [journeyId] })
    .leftJoin('participant', 'participant.participant_id', 'caseload.participant_id')
    .leftJoin('erasure', 'erasure.participant_id', 'caseload.participant_id')
    .leftJoin('parked_stream', (join) =>
      join.on('parked_stream.stream', '=', `journey-${journeyId}`).on('parked_stream.table_set', '=', 'live'),
    )
    .selectAll('caseload')
    .select([
      'participant.sealed as details_sealed',
      'participant.event_id as details_event_id',
      'erasure.state as erasure',
      'parked_stream.revision as parked_at',
      'parked_stream.why as parked_why',
    ])
    .orderBy('parked_stream.revision')
    .executeTakeFirst()

export type CaseloadPageRow = Awaited<ReturnType<typeof caseloadPage>>['rows'][number]

/** Nobody chooses from a longer list: where there are more, a name is typed. */
export const listedUpTo = 100

/** The first of each in order, and whether there are `more` than are listed. */
export async function providersAndGroups(db: QueryDatabase) {
  const [providers, groups] = [await valuesOf(db, 'provider'), await valuesOf(db, 'group_id')]
  return {
    providers: providers.slice(0, listedUpTo),
    moreProviders: providers.length > listedUpTo,
    groups: groups.slice(0, listedUpTo),
    moreGroups: groups.length > listedUpTo,
  }
}

/** Each value once, from one to the next through the index: it takes as long as there are values up to one too many, not journeys. */
async function valuesOf(db: QueryDatabase, column: 'provider' | 'group_id'): Promise<string[]> {
  const field = sql.ref(column)
  const { rows } = await sql<{ value: string }>`
    WITH RECURSIVE step (value) AS (
      SELECT min(${field}) FROM caseload
      UNION ALL
      SELECT (SELECT min(${field}) FROM caseload WHERE ${field} > step.value) FROM step WHERE step.value IS NOT NULL
    )
    SELECT value FROM (
      SELECT value FROM step WHERE value IS NOT NULL LIMIT ${sql.lit(listedUpTo + 1)}
    ) AS listed ORDER BY value`.execute(db)
  return rows.map(({ value }) => value)
}
