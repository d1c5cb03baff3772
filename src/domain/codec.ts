/** The stored form of an event: its schema versions, and how what the log holds is read. What cannot be read is named, never skipped. */
import { evidenceScopes } from './evidence-pack.ts'
import { decliningReasons, erasureReasons, holdReasons, keyKinds } from './erasure.ts'
import { isStoredDay, isStoredInstant } from './calendar.ts'
import { eventTypeOf, type DomainEvent, type EventType } from './events.ts'
import { facilitatorDepartures, isCourse, supportForms } from './facilitator/training.ts'
import { changeReasons, departures, engagements, isTime } from './group/room.ts'
import type { Metadata, Recorded } from './history.ts'
import { isActorId, limitKinds, limitReasons } from './limited-access.ts'
import { isFactType } from './journey/correctable.ts'
import { isOutcome, isReason } from './journey/outcomes.ts'
import { settlements } from './statements.ts'
import { suitabilities } from './journey/referral.ts'

/** An event in the log that cannot be read: its stream is parked at this revision until it can. */
export class PoisonEvent extends Error {
  readonly stream: string
  readonly revision: number
  readonly why: string

  constructor(stream: string, revision: number, why: string) {
    super(`${stream} revision ${revision} cannot be understood: ${why}.`)
    this.name = 'PoisonEvent'
    this.stream = stream
    this.revision = revision
    this.why = why
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
 * @throws PoisonEvent for malformed JSON, an unknown type or version, or a field that is missing or not what it should be
 */
export function recordedFrom<E extends DomainEvent = DomainEvent>(stored: Stored): Recorded<E> {
  const { id, stream, revision, metadata } = stored
  const type = eventTypeOf(stored.type)
  const poison = (why: string) => new PoisonEvent(stream, revision, why)
  if (!type) throw poison(`unknown event type ${stored.type}`)
  if (!isObject(stored.data)) throw poison('its data is not a JSON object')
  if (!isObject(metadata)) throw poison('its metadata is not a JSON object')
  for (const [field, isRight] of metadataShape) {
    if (isRight(metadata[field])) continue
    throw poison(`its metadata has ${metadata[field] === undefined ? `no ${field}` : `a ${field} that cannot be read`}`)
  }
  const data = upcast(type, metadata.schemaVersion, stored.data)
  if (!data) throw poison(`unknown schema version ${String(metadata.schemaVersion)}`)
  const problem = problemOf(type, data)
  if (problem) throw poison(problem)
  let whole = data
  if (type === 'RecordCorrected') {
    const told = data.of as EventType
    const anew = upcast(told, data.version, data.data as Record<string, unknown>)
    if (!anew) throw poison(`unknown schema version ${String(data.version)} of ${told}`)
    const wrong = problemOf(told, anew)
    if (wrong) throw poison(`its data, about ${told}, cannot be read: ${wrong}`)
    whole = { ...data, data: anew, version: schemaVersionOf(told) }
  }
  return {
    type,
    data: whole,
    id,
    stream,
    revision,
    metadata: metadata as unknown as Metadata,
  } as unknown as Recorded<E>
}

/** What is missing from the open fields of an event type, or is not what it should be. */
function problemOf(type: EventType, data: Readonly<Record<string, unknown>>): string | null {
  for (const [field, isRight] of shapeOf[type]) {
    if (isRight(data[field])) continue
    return data[field] === undefined ? `it has no ${field}` : `its ${field} cannot be read`
  }
  return null
}

type Check = (value: unknown) => boolean

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const text: Check = (value) => typeof value === 'string'
const texts: Check = (value) => Array.isArray(value) && value.every(text)
const yesOrNo: Check = (value) => typeof value === 'boolean'
const count: Check = (value) => Number.isInteger(value) && (value as number) >= 0
const code =
  (isKnown: (code: string) => boolean): Check =>
  (value) =>
    typeof value === 'string' && isKnown(value)
const outcome = code(isOutcome)
const reason = code(isReason)
const decision = code((code) => suitabilities.some((known) => known === code))
const change = code((code) => Object.hasOwn(changeReasons, code))
const departure = code((code) => Object.hasOwn(departures, code))
const engagement = code((code) => Object.hasOwn(engagements, code))
const time = code(isTime)
const course = code(isCourse)
const facilitatorDeparture = code((code) => Object.hasOwn(facilitatorDepartures, code))
const support = code((code) => Object.hasOwn(supportForms, code))
/** Of a field that came later, or that not every record has. */
const whereGiven =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)
const staff: Check = (value) =>
  Array.isArray(value) && value.every((one) => isObject(one) && text(one.facilitator) && text(one.role))
const slot: Check = (value) => isObject(value) && count(value.weekday) && text(value.startsAt) && count(value.minutes)
const limitKind = code((code) => Object.hasOwn(limitKinds, code))
const limitReason = code((code) => Object.hasOwn(limitReasons, code))
const people: Check = (value) => Array.isArray(value) && value.length > 0 && value.every(isActorId)
const scope = code((code) => evidenceScopes.some((known) => known === code))
const erasureReason = code((code) => Object.hasOwn(erasureReasons, code))
const holdReason = code((code) => Object.hasOwn(holdReasons, code))
const programme: Check = (value) => isObject(value) && text(value.key) && count(value.version)

/** Both clocks are compared as text: a day or an instant in another form would be sorted into the wrong place. */
const day = code(isStoredDay)
const instant = code(isStoredInstant)

const metadataShape = Object.entries({
  commandId: text,
  actor: isObject,
  occurredAt: day,
  recordedAt: instant,
  source: text,
  correlationId: text,
  causationId: text,
  oddities: whereGiven(texts),
} satisfies Partial<Record<keyof Metadata, Check>>)

/** The open fields without which the event means nothing, and what each must be for the rules to go on from it. */
const shapes: {
  readonly [T in DomainEvent['type']]: { readonly [F in keyof Extract<DomainEvent, { type: T }>['data']]?: Check }
} = {
  ReferralReceived: { participantId: text, programme, source: text, provider: text },
  EligibilityAssessed: {},
  SuitabilityDecided: { decision },
  PlacedOnWaitingList: {},
  AllocatedToGroup: { groupId: text },
  ThreeWayMeetingHeld: {},
  ProgrammeReviewCompleted: {},
  ProviderTransferAccepted: { provider: text },
  AttendanceRecorded: {
    sessionId: text,
    outcome,
    groupId: text,
    plannedFacilitators: texts,
    actualFacilitators: texts,
    startedAt: whereGiven(time),
    endedAt: whereGiven(time),
  },
  AttendanceCorrected: { sessionId: text, outcome, was: outcome, corrects: count },
  WarningIssued: {},
  BreachInitiated: {},
  BreachResolved: {},
  RecallRecorded: {},
  ParticipantDroppedOut: { reason },
  ProgrammeCompleted: {},
  OutcomeRecategorised: { from: reason, to: reason },
  JourneyReinstated: {},
  RecordCorrected: { corrects: count, of: code(isFactType), version: count, data: isObject },
  RecordWithdrawn: { withdraws: count },
  ParticipantRegistered: { fingerprint: text },
  ParticipantDetailsCorrected: { fingerprint: text, corrects: whereGiven(count) },
  ErasureRequested: { reason: erasureReason, journeys: texts },
  ErasureDeclined: { reason: code((code) => Object.hasOwn(decliningReasons, code)) },
  ErasureAuthorised: { reason: erasureReason, journeys: texts },
  KeyDestroyed: { kind: code((code) => keyKinds.some((known) => known === code)) },
  RetentionHoldPlaced: { holdId: text, reason: holdReason },
  RetentionHoldReleased: { holdId: text, reason: holdReason },
  StatementAdded: { statementId: text },
  RecordDisputed: { disputeId: text, journeyId: text, disputes: count },
  DisputeSettled: { disputeId: text, settlement: code((code) => Object.hasOwn(settlements, code)) },
  GroupFormed: { code: text, programme, provider: text, place: text, slot, capacity: count, facilitators: staff },
  GroupMemberJoined: { journeyId: text, participantId: text },
  GroupMemberLeft: { journeyId: text, participantId: text, reason: departure },
  SessionScheduled: {
    groupId: text,
    groupCode: text,
    programme,
    programmeSession: text,
    on: day,
    startsAt: time,
    minutes: count,
    facilitators: staff,
  },
  SessionRescheduled: { on: day, startsAt: time, reason: change },
  SessionCancelled: { reason: change },
  SessionDelivered: { startedAt: time, minutes: count, planned: staff, actual: staff, observers: texts },
  RegisterMarked: { journeyId: text, participantId: text, outcome, minutes: count, engagement },
  RegisterCorrected: {
    journeyId: text,
    participantId: text,
    outcome,
    minutes: count,
    engagement,
    was: outcome,
    corrects: text,
  },
  FacilitatorOnboarded: { code: text, provider: text },
  FacilitatorLeft: { reason: facilitatorDeparture },
  TrainingCompleted: { course, validUntil: whereGiven(day) },
  SupervisionHeld: { form: support, minutes: count },
  DebriefHeld: { form: support, minutes: count },
  ContactRefused: { recordId: text, occurrence: count, reason: text },
  EvidencePackMade: {
    scope,
    of: text,
    events: count,
    logSize: count,
    digest: text,
    personalFields: yesOrNo,
    reason: whereGiven(text),
  },
  CaseAccessLimited: { kind: limitKind, people, reason: limitReason, until: day },
  CaseAccessLimitLifted: { limit: count },
  RecordsExported: { kind: text, of: text, records: count, personalFields: yesOrNo },
}

const shapeOf = Object.fromEntries(
  Object.entries(shapes).map(([type, shape]) => [type, Object.entries(shape)]),
) as Record<DomainEvent['type'], [string, Check][]>

/** From the open fields of one schema version to those of the next. Sealed fields stay sealed and pass through. */
type Upcast = (data: Readonly<Record<string, unknown>>) => Record<string, unknown>

export type Upcasters = { readonly [T in EventType]?: readonly Upcast[] }

/**
 * For each event type whose fields have changed, a step from each schema version to the next, that of version 1 first. The log is
 * never rewritten: an event of an earlier version passes through the steps whenever it is read. Once a step is added, its event type
 * is written in the next version; a step that has been released is never changed.
 */
const upcasters: Upcasters = {}

/** The schema version in which an event type is written today. */
export const schemaVersionOf = (type: EventType, steps: Upcasters = upcasters): number => 1 + (steps[type]?.length ?? 0)

/** @returns the data in today's schema version, or null where the version is none that this release knows */
export function upcast(
  type: EventType,
  version: unknown,
  data: Record<string, unknown>,
  steps: Upcasters = upcasters,
): Record<string, unknown> | null {
  if (!Number.isInteger(version) || (version as number) < 1) return null
  if ((version as number) > schemaVersionOf(type, steps)) return null
  return (steps[type] ?? []).slice((version as number) - 1).reduce((current, step) => step(current), data)
}
