/** Who takes messages from a group, and what a message is. */
import type { EventRecord } from '../../storage/event-record.ts'

/** Someone who handles messages: a call, seen from the group. */
export interface GroupConsumer {
  id: string
  /** Remote address. */
  from: string
  username: string
  connectionName: string
  /** How many messages it takes at a time. */
  slots: number
  inFlight: Set<GroupMessage>
  totalItems: bigint
  itemsAtLastMeasurement: bigint
  /** The newest times it took, in milliseconds; only with extra statistics. */
  latencies: number[]
  deliver(message: GroupMessage): void
  /** The group is gone or has changed. */
  drop(): void
}

export interface GroupMessage {
  event: EventRecord | undefined
  link: EventRecord | undefined
  /** What consumers answer with: the link's id where there is a link. */
  id: string
  /** Revision or position in what the group reads. */
  at: bigint
  retryCount: number
  /** Taken from the parked messages; no checkpoint depends on it. */
  isReplayed: boolean
  dispatchedAt: number
}
