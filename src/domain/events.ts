/** The union of all events, and how sensitive each of their fields is. */
import { groupPrivacy, type GroupEvent } from './group/group.ts'
import { facilitatorPrivacy, type FacilitatorEvent } from './facilitator/facilitator.ts'
import { evidencePackPrivacy, type EvidencePackEvent } from './evidence-pack.ts'
import { importPrivacy, type ImportEvent } from './import-record.ts'
import { journeyPrivacy, type JourneyEvent } from './journey/journey.ts'
import { limitedAccessPrivacy, type LimitedAccessEvent } from './limited-access.ts'
import { participantPrivacy, type ParticipantEvent } from './participant.ts'
import type { Classified, Privacy } from './privacy.ts'
import { sessionPrivacy, type SessionEvent } from './session/session.ts'

export type DomainEvent =
  | JourneyEvent
  | ParticipantEvent
  | GroupEvent
  | SessionEvent
  | FacilitatorEvent
  | ImportEvent
  | EvidencePackEvent
  | LimitedAccessEvent

export const privacyOf: Classified<DomainEvent> = {
  ...journeyPrivacy,
  ...participantPrivacy,
  ...groupPrivacy,
  ...sessionPrivacy,
  ...facilitatorPrivacy,
  ...importPrivacy,
  ...evidencePackPrivacy,
  ...limitedAccessPrivacy,
}

export type EventType = DomainEvent['type']

export const eventTypes = Object.keys(privacyOf) as EventType[]

export const isEventType = (type: string): type is EventType => named.has(type)

/** The type of that name. It is always the same string, so that whatever is kept by type is found at once. */
export const eventTypeOf = (name: string): EventType | undefined => named.get(name)

const named = new Map<string, EventType>(eventTypes.map((type) => [type, type]))

/** The fields of an event type that must be sealed whole before they reach the log. */
export const sealedFieldsOf = (type: EventType): readonly string[] => sealedFields[type]

const sealedFields = Object.fromEntries(
  Object.entries(privacyOf).map(([type, fields]) => [
    type,
    Object.entries(fields as Record<string, Privacy>)
      .filter(([, privacy]) => privacy === 'personal' || privacy === 'special')
      .map(([field]) => field),
  ]),
) as unknown as Record<EventType, readonly string[]>
