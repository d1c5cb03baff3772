/** Who is he, and how is he found? His details sealed as the log holds them, and the keyed tokens by which he can be looked up. */
import type { ErasureEvent } from '../src/domain/erasure.ts'
import { facilitatorEventTypes } from '../src/domain/facilitator/facilitator.ts'
import { groupEventTypes } from '../src/domain/group/group.ts'
import type { Recorded } from '../src/domain/history.ts'
import { limitedAccessEventTypes } from '../src/domain/limited-access.ts'
import type { Details, DetailsEvent } from '../src/domain/participant.ts'
import { statementEventTypes, type Settlement, type StatementEvent } from '../src/domain/statements.ts'
import { sessionEventTypes } from '../src/domain/session/session.ts'
import { opened } from '../src/protection/sealing.ts'
import { indexedNameWords, searchedNameWords } from '../src/protection/name-words.ts'
import type { Vault } from '../src/protection/vault.ts'
import { each, idOf, ignoring, type Change, type Projection, type Table } from './projection.ts'
import type { QueryDatabase } from './storage/bookkeeping.ts'

export interface ParticipantTable {
  participant_id: string
  event_id: string
  sealed: string | null
}

export interface ParticipantTokenTable {
  token: Buffer
  participant_id: string
}

/** How an erasure stands, where one was ever asked for. */
export interface ErasureTable {
  participant_id: string
  state: 'asked' | 'declined' | 'authorised' | 'destroyed'
  /** The event that says so, who recorded it, and when. */
  event_id: string
  actor: string
  recorded_at: string
}

/** What he says himself, as it was recorded: his words sealed as the log holds them. */
export interface OwnWordsTable {
  event_id: string
  participant_id: string
  type: StatementEvent['type']
  recorded_at: string
  dispute_id: string | null
  journey_id: string | null
  disputes: number | null
  settlement: Settlement | null
  sealed: string | null
}

const participantTable: Table = {
  name: 'participant',
  columns: { participant_id: 'text', event_id: 'text', sealed: 'text' },
  key: ['participant_id'],
  kind: 'document',
}

const tokenTable: Table = {
  name: 'participant_token',
  columns: { token: 'blob', participant_id: 'text' },
  key: ['token', 'participant_id'],
  kind: 'document',
}

const erasureTable: Table = {
  name: 'erasure',
  columns: { participant_id: 'text', state: 'text', event_id: 'text', actor: 'text', recorded_at: 'text' },
  key: ['participant_id'],
  kind: 'document',
}

/** Everything that was told of who he is, each with what it corrected. */
export interface ParticipantDetailsTable {
  participant_id: string
  revision: number
  event_id: string
  recorded_at: string
  recorded_by: string
  source: string
  /** The revision that a person said was wrong; null where another system told it. */
  corrects: number | null
  sealed: string | null
}

const detailsTable: Table = {
  name: 'participant_details',
  columns: {
    participant_id: 'text',
    revision: 'integer',
    event_id: 'text',
    recorded_at: 'text',
    recorded_by: 'text',
    source: 'text',
    corrects: 'integer',
    sealed: 'text',
  },
  key: ['participant_id', 'revision'],
  kind: 'append',
}

/** The tokens under which details are found: the CRN whole, and each word of the names without case or accents. */
const tokensOf = (vault: Vault, { crn, familyName, givenNames }: Details): Buffer[] => [
  ...(crn ? [vault.token('crn', crn)] : []),
  ...new Set(indexedNameWords(`${familyName ?? ''} ${givenNames ?? ''}`))
    .values()
    .map((word) => vault.token('name', word)),
]

const told = (event: Recorded<DetailsEvent>): Change => {
  const participantId = idOf(event.stream)
  const { data, metadata } = event
  const row = {
    participant_id: participantId,
    revision: event.revision,
    event_id: event.id,
    recorded_at: metadata.recordedAt,
    recorded_by: metadata.actor.id,
    source: metadata.source,
    corrects: (event.type === 'ParticipantDetailsCorrected' ? event.data.corrects : undefined) ?? null,
    sealed: (data as { sealed?: string }).sealed ?? null,
  }
  return { table: detailsTable, key: [participantId, event.revision], apply: () => row }
}

/** Once his key is destroyed there is nothing to open, and so nothing by which he could be found. A former name still finds him. */
const registered = (event: Recorded<DetailsEvent>, vault: Vault): Change[] => {
  const participantId = idOf(event.stream)
  return [
    {
      table: participantTable,
      key: [participantId],
      apply: () => ({
        participant_id: participantId,
        event_id: event.id,
        sealed: (event.data as { sealed?: string }).sealed ?? null,
      }),
    },
    told(event),
    ...tokensOf(vault, opened(vault, event).data).map((token) => ({
      table: tokenTable,
      key: [token, participantId],
      apply: () => ({ token, participant_id: participantId }),
    })),
  ]
}

const ownWordsTable: Table = {
  name: 'own_words',
  columns: {
    event_id: 'text',
    participant_id: 'text',
    type: 'text',
    recorded_at: 'text',
    dispute_id: 'text',
    journey_id: 'text',
    disputes: 'integer',
    settlement: 'text',
    sealed: 'text',
  },
  key: ['event_id'],
  indexes: [['participant_id']],
  kind: 'append',
}

const ownWords = ({ id, stream, type, data, metadata }: Recorded<StatementEvent>): Change[] => {
  const row = {
    event_id: id,
    participant_id: idOf(stream),
    type,
    recorded_at: metadata.recordedAt,
    dispute_id: 'disputeId' in data ? data.disputeId : null,
    journey_id: 'journeyId' in data ? data.journeyId : null,
    disputes: 'disputes' in data ? data.disputes : null,
    settlement: 'settlement' in data ? data.settlement : null,
    sealed: (data as { sealed?: string }).sealed ?? null,
  } satisfies OwnWordsTable
  return [{ table: ownWordsTable, key: [id], apply: () => row }]
}

const erasure =
  (state: ErasureTable['state']) =>
  ({ id, stream, metadata: { actor, recordedAt } }: Recorded<ErasureEvent>): Change[] => {
    const participantId = idOf(stream)
    const row = {
      participant_id: participantId,
      state,
      event_id: id,
      actor: actor.id,
      recorded_at: recordedAt,
    } satisfies ErasureTable
    return [{ table: erasureTable, key: [participantId], apply: () => row }]
  }

export const participants: Projection = {
  name: 'participants',
  version: 5,
  question: 'Who is he, and how is he found?',
  tables: [participantTable, tokenTable, detailsTable, erasureTable, ownWordsTable],
  on: {
    ParticipantRegistered: registered,
    ParticipantDetailsCorrected: registered,
    ErasureRequested: erasure('asked'),
    ErasureDeclined: erasure('declined'),
    ErasureAuthorised: erasure('authorised'),
    // What was sealed cannot be opened any more; kept here it would only be in the way.
    KeyDestroyed: (event) => [
      {
        table: participantTable,
        key: [idOf(event.stream)],
        apply: () => ({ participant_id: idOf(event.stream), event_id: event.id, sealed: null }),
      },
      ...erasure('destroyed')(event),
    ],
    ...each(statementEventTypes, ownWords),
    ...ignoring('RetentionHoldPlaced', 'RetentionHoldReleased'),
    ...ignoring(...groupEventTypes, ...sessionEventTypes, ...facilitatorEventTypes),
    ...ignoring(
      'JourneyReinstated',
      'RecordCorrected',
      'RecordWithdrawn',
      'ReferralReceived',
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
      'ContactRefused',
      'EvidencePackMade',
      ...limitedAccessEventTypes,
      'RecordsExported',
    ),
  },
}

/** Everything that was told of who one man is, in the order in which it was told. */
export const detailsTold = (db: QueryDatabase, participantId: string): Promise<ParticipantDetailsTable[]> =>
  db
    .withTables<{ participant_details: ParticipantDetailsTable }>()
    .selectFrom('participant_details')
    .selectAll()
    .where('participant_id', '=', participantId)
    .orderBy('revision')
    .execute()

/** The tokens of what somebody looks for: a CRN, or words that must all be in the names. */
export function tokensSought(vault: Vault, find: string): Buffer[] {
  const crn = find.trim().toUpperCase()
  if (/^[A-Z]\d{6}$/.test(crn)) return [vault.token('crn', crn)]
  return [...new Set(searchedNameWords(find))].map((word) => vault.token('name', word))
}

/** The participants who answer to every one of the tokens, as a subquery: there may be very many. */
export const answeringTo = (db: QueryDatabase, tokens: readonly Buffer[]) =>
  db
    .withTables<{ participant_token: ParticipantTokenTable }>()
    .selectFrom('participant_token')
    .select('participant_id')
    .where('token', 'in', [...tokens])
    .groupBy('participant_id')
    .having((having) => having.fn.countAll<number>(), '=', tokens.length)
