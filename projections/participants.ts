/** Who is he, and how is he found? His details sealed as the log holds them, and the keyed tokens by which he can be looked up. */
import { facilitatorEventTypes } from '../src/domain/facilitator/facilitator.ts'
import { groupEventTypes } from '../src/domain/group/group.ts'
import type { Recorded } from '../src/domain/history.ts'
import type { Details, ParticipantEvent } from '../src/domain/participant.ts'
import { sessionEventTypes } from '../src/domain/session/session.ts'
import { opened } from '../src/protection/sealing.ts'
import { indexedNameWords, searchedNameWords } from '../src/protection/name-words.ts'
import type { Vault } from '../src/protection/vault.ts'
import { idOf, ignoring, type Change, type Projection, type Table } from './projection.ts'
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

/** The tokens under which details are found: the CRN whole, and each word of the names without case or accents. */
const tokensOf = (vault: Vault, { crn, familyName, givenNames }: Details): Buffer[] => [
  ...(crn ? [vault.token('crn', crn)] : []),
  ...new Set(indexedNameWords(`${familyName ?? ''} ${givenNames ?? ''}`))
    .values()
    .map((word) => vault.token('name', word)),
]

/** Once his key is destroyed there is nothing to open, and so nothing by which he could be found. A former name still finds him. */
const registered = (event: Recorded<ParticipantEvent>, vault: Vault): Change[] => {
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
    ...tokensOf(vault, opened(vault, event).data).map((token) => ({
      table: tokenTable,
      key: [token, participantId],
      apply: () => ({ token, participant_id: participantId }),
    })),
  ]
}

export const participants: Projection = {
  name: 'participants',
  version: 3,
  question: 'Who is he, and how is he found?',
  tables: [participantTable, tokenTable],
  on: {
    ParticipantRegistered: registered,
    ParticipantDetailsCorrected: registered,
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
    ),
  },
}

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
