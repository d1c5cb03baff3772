/** What the log holds, made into an event the rules can fold; whatever cannot be is poison and is named, never skipped. */
import { isEventType, schemaVersion, type DomainEvent } from './events.ts'
import type { Metadata, Recorded } from './history.ts'
import { isOutcome, isReason } from './journey/outcomes.ts'

/** An event in the log that cannot be understood: its journey is held at this revision until it can. */
export class PoisonEvent extends Error {
  constructor(
    readonly stream: string,
    readonly revision: number,
    readonly why: string,
  ) {
    super(`${stream} revision ${revision} cannot be understood: ${why}.`)
    this.name = 'PoisonEvent'
  }
}

interface Stored {
  readonly id: string
  readonly type: string
  readonly stream: string
  readonly revision: number
  readonly data: unknown
  readonly metadata: unknown
}

/**
 * @returns the event with its personal fields still sealed (`data.sealed`)
 * @throws PoisonEvent for malformed JSON, an unknown type or version, or a missing field
 */
export function recordedFrom<E extends DomainEvent = DomainEvent>(stored: Stored): Recorded<E> {
  const { id, type, stream, revision, data, metadata } = stored
  const poison = (why: string) => new PoisonEvent(stream, revision, why)
  if (!isEventType(type)) throw poison(`unknown event type ${type}`)
  if (!isObject(data)) throw poison('its data is not a JSON object')
  if (!isObject(metadata)) throw poison('its metadata is not a JSON object')
  for (const field of ['commandId', 'occurredAt', 'recordedAt', 'source', 'correlationId', 'causationId']) {
    if (typeof metadata[field] !== 'string') throw poison(`its metadata has no ${field}`)
  }
  if (!isObject(metadata.actor)) throw poison('its metadata has no actor')
  if (metadata.schemaVersion !== schemaVersion) throw poison(`unknown schema version ${String(metadata.schemaVersion)}`)
  const missing = requiredOf[type].find((field) => data[field] === undefined)
  if (missing) throw poison(`it has no ${missing}`)
  if ('outcome' in data && !(typeof data.outcome === 'string' && isOutcome(data.outcome)))
    throw poison('unknown outcome code')
  if (
    'reason' in data &&
    type === 'ParticipantDroppedOut' &&
    !(typeof data.reason === 'string' && isReason(data.reason))
  ) {
    throw poison('unknown reason code')
  }
  return { type, data, id, stream, revision, metadata: metadata as unknown as Metadata } as unknown as Recorded<E>
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The open fields without which the event means nothing. */
const requiredOf: {
  readonly [T in DomainEvent['type']]: readonly (keyof Extract<DomainEvent, { type: T }>['data'])[]
} = {
  ReferralReceived: ['participantId', 'programme', 'source', 'provider'],
  EligibilityAssessed: [],
  SuitabilityDecided: ['decision'],
  PlacedOnWaitingList: [],
  AllocatedToGroup: ['groupId'],
  ThreeWayMeetingHeld: [],
  ProgrammeReviewCompleted: [],
  ProviderTransferAccepted: ['provider'],
  AttendanceRecorded: ['sessionId', 'outcome', 'groupId', 'plannedFacilitators', 'actualFacilitators'],
  AttendanceCorrected: ['sessionId', 'outcome', 'was', 'corrects'],
  WarningIssued: [],
  BreachInitiated: [],
  BreachResolved: [],
  RecallRecorded: [],
  ParticipantDroppedOut: ['reason'],
  ProgrammeCompleted: [],
  OutcomeRecategorised: ['from', 'to'],
  ParticipantRegistered: ['fingerprint'],
  ParticipantDetailsCorrected: ['fingerprint'],
  ContactRefused: ['recordId', 'occurrence', 'reason'],
}
