/** The stored form of the partner-safety strand: in the log every event is of one type, and says nothing but who recorded it and when. */
import { isStoredDay, isStoredInstant } from '../calendar.ts'
import type { Metadata, Recorded } from '../history.ts'
import type { PartnerSafetyEvent, PartnerSafetyEventType } from './partner-safety.ts'

/** The type that each event of the strand has in the log. */
export const strandEventType = 'PartnerSafetyRecorded'

/** An event as the log holds it. */
export interface StoredStrandEvent {
  readonly id: string
  readonly type: string
  readonly stream: string
  readonly revision: number
  readonly data: unknown
  readonly metadata: unknown
}

/** What is sealed of each event: all of it. */
interface StrandContent {
  readonly type: PartnerSafetyEventType
  readonly on: string
  readonly data: object
}

const eventTypesOfStrand: Readonly<Record<PartnerSafetyEventType, true>> = {
  ContactOfferAskedFor: true,
  PartnerRecorded: true,
  PartnerDetailsChanged: true,
  ContactOffered: true,
  ContactOfferAnswered: true,
  PartnerContacted: true,
  PartnerConcernRaised: true,
  PartnerConcernPassedOn: true,
  PartnerConcernSettled: true,
  PartnerEntryWithdrawn: true,
  PartnerWorkClosed: true,
}

export const strandContentOf = ({ type, data }: PartnerSafetyEvent, on: string): string =>
  JSON.stringify({ type, on, data } satisfies StrandContent)

/** @returns what is sealed in a stored event; null where it is none of the strand */
export function sealedTextOf({ type, data }: StoredStrandEvent): string | null {
  const { sealed } = (data ?? {}) as { sealed?: unknown }
  return type === strandEventType && typeof sealed === 'string' ? sealed : null
}

/**
 * The event again, of the day on which it happened.
 * @param content what was sealed
 * @returns null where it cannot be understood
 */
export function strandEventFrom(stored: StoredStrandEvent, content: string): Recorded<PartnerSafetyEvent> | null {
  const metadata = stored.metadata as Metadata | null
  if (!metadata || metadata.schemaVersion !== 1 || !isStoredInstant(metadata.recordedAt)) return null
  if (typeof metadata.commandId !== 'string' || typeof metadata.actor?.id !== 'string') return null
  const { type, on, data } = JSON.parse(content) as StrandContent
  if (!Object.hasOwn(eventTypesOfStrand, type) || !isStoredDay(on) || typeof data !== 'object') return null
  const { id, stream, revision } = stored
  return { type, data, id, stream, revision, metadata: { ...metadata, occurredAt: on } } as Recorded<PartnerSafetyEvent>
}
