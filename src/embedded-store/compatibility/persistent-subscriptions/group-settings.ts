/** What a persistent subscription is told when it is made, and how that is kept. */
import type { EventFilter } from '../../storage/filter.ts'

export const CONSUMER_STRATEGIES = ['DispatchToSingle', 'RoundRobin', 'Pinned', 'PinnedByCorrelation'] as const
export type ConsumerStrategyName = (typeof CONSUMER_STRATEGIES)[number]

export interface GroupSettings {
  resolveLinks: boolean
  /** Where a group without a checkpoint begins: a revision or, for `$all`, a position, included. */
  startFrom: bigint | 'start' | 'end'
  extraStatistics: boolean
  /** Milliseconds a consumer may take; 0: for ever. */
  messageTimeout: number
  maxRetryCount: number
  /** Milliseconds between checkpoints. */
  checkpointAfter: number
  minCheckpointCount: number
  maxCheckpointCount: number
  /** 0: any number. */
  maxSubscriberCount: number
  liveBufferSize: number
  readBatchSize: number
  historyBufferSize: number
  strategy: ConsumerStrategyName
  filter: EventFilter | undefined
}

/** A group as the file keeps it. */
export interface GroupRecord {
  /** `$all` or the name of a stream. */
  stream: string
  name: string
  settings: GroupSettings
  /** Where the group began; while `next` is still there, it has no checkpoint. */
  begin: bigint
  /** The first revision or position that has not been dealt with. */
  next: bigint
}

export function settingsToText(settings: GroupSettings, begin: bigint): string {
  return JSON.stringify({ ...settings, startFrom: String(settings.startFrom), begin: String(begin) })
}

export function settingsFromText(text: string): { settings: GroupSettings; begin: bigint } {
  const kept = JSON.parse(text) as Omit<GroupSettings, 'startFrom'> & { startFrom: string; begin: string }
  const { begin, ...settings } = kept
  const startFrom = kept.startFrom === 'start' || kept.startFrom === 'end' ? kept.startFrom : BigInt(kept.startFrom)
  return { settings: { ...settings, startFrom }, begin: BigInt(begin) }
}
