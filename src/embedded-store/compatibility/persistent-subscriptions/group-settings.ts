/** What a persistent subscription is told when it is made, and how that is kept. */
import type { Filter } from '../../storage/filter.ts'

export const STRATEGIES = ['DispatchToSingle', 'RoundRobin', 'Pinned', 'PinnedByCorrelation'] as const
export type StrategyName = (typeof STRATEGIES)[number]

export interface Settings {
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
  strategy: StrategyName
  filter: Filter | undefined
}

/** A group as the file keeps it. */
export interface GroupRecord {
  /** `$all` or the name of a stream. */
  stream: string
  name: string
  settings: Settings
  /** Where the group began; while `next` is still there, it has no checkpoint. */
  begin: bigint
  /** The first revision or position that has not been dealt with. */
  next: bigint
}

export function settingsToText(settings: Settings, begin: bigint): string {
  return JSON.stringify({ ...settings, startFrom: String(settings.startFrom), begin: String(begin) })
}

export function settingsFromText(text: string): { settings: Settings; begin: bigint } {
  const kept = JSON.parse(text) as Omit<Settings, 'startFrom'> & { startFrom: string; begin: string }
  const { begin, ...settings } = kept
  const startFrom = kept.startFrom === 'start' || kept.startFrom === 'end' ? kept.startFrom : BigInt(kept.startFrom)
  return { settings: { ...settings, startFrom }, begin: BigInt(begin) }
}
