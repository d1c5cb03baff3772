/** A consumer of a group, and the messages it receives. */
import type { EventRecord } from '../../storage/event-record.ts'

/** One connected consumer, which is an open call. */
export interface GroupConsumer {
  id: string
  /** Remote address. */
  from: string
  username: string
  connectionName: string
  /** Messages that may be unanswered at one time. */
  slots: number
  inFlight: Set<GroupMessage>
  totalItems: bigint
  itemsAtLastMeasurement: bigint
  /** The most recent processing times in milliseconds; only with extra statistics. */
  latencies: number[]
  deliver(message: GroupMessage): void
  /** Ends the call, because the group was deleted, changed or stopped. */
  drop(): void
}

export interface GroupMessage {
  event: EventRecord | undefined
  link: EventRecord | undefined
  /** The id that consumers answer with; of the link, where the event was read through one. */
  id: string
  /** Revision of the event in the group's stream, or its position in `$all`. */
  at: bigint
  retryCount: number
  /** Read from the parked stream; it does not affect the checkpoint. */
  isReplayed: boolean
  dispatchedAt: number
}
