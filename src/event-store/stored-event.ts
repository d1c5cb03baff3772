/** An event before and after it is appended, in this product's shape rather than the client's. */
import type { ResolvedEvent } from '@eventstore/db-client'

/** An event as it goes to the log: nothing personal in it but what is sealed. */
export interface NewEvent {
  readonly id: string
  readonly type: string
  readonly data: object
  readonly metadata: object
}

/** An event as it comes from the log. `data` is a string where the log holds malformed JSON: a poison event. */
export interface StoredEvent {
  readonly id: string
  readonly type: string
  readonly stream: string
  readonly revision: number
  readonly data: unknown
  readonly metadata: unknown
  /** When this log received it. */
  readonly receivedAt: Date
  /** Its position in the whole log; compare as a number, never count with it. Absent when read from its stream by an older server. */
  readonly position: bigint | null
}

/** An event that was read from the whole log, and so has a position in it. */
export type PositionedEvent = StoredEvent & { readonly position: bigint }

/** One event, where it stands in its stream and in the whole log. */
export interface EventPlace {
  readonly id: string
  readonly stream: string
  readonly revision: number
  readonly position: string
}

/** @returns null for a link whose event is gone */
export function storedEventFrom({ event }: ResolvedEvent): StoredEvent | null {
  if (!event) return null
  return {
    id: event.id,
    type: event.type,
    stream: event.streamId,
    revision: Number(event.revision),
    data: event.data,
    metadata: event.metadata,
    receivedAt: event.created,
    position: event.position?.commit ?? null,
  }
}
