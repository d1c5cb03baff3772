/** The settings of a persistent subscription, and their stored form. */
import type { EventFilter } from '../../storage/filter.ts'

export const CONSUMER_STRATEGIES = ['DispatchToSingle', 'RoundRobin', 'Pinned', 'PinnedByCorrelation'] as const
export type ConsumerStrategyName = (typeof CONSUMER_STRATEGIES)[number]

export interface GroupSettings {
  resolveLinks: boolean
  /** Where a group without a checkpoint starts: a revision or, for `$all`, a position; inclusive. */
  startFrom: bigint | 'start' | 'end'
  extraStatistics: boolean
  /** Milliseconds after which an unanswered message is retried; 0: never. */
  messageTimeout: number
  maxRetryCount: number
  /** Milliseconds between checkpoints. */
  checkpointAfter: number
  minCheckpointCount: number
  maxCheckpointCount: number
  /** 0: no limit. */
  maxSubscriberCount: number
  liveBufferSize: number
  readBatchSize: number
  historyBufferSize: number
  strategy: ConsumerStrategyName
  filter: EventFilter | undefined
}

/** The stored row of a group. */
export interface GroupRecord {
  /** `$all` or the name of a stream. */
  stream: string
  name: string
  settings: GroupSettings
  /** Where the group started; the group has no checkpoint while `next` is the same. */
  begin: bigint
  /** The first revision or position that is not completely handled. */
  next: bigint
}

/**
 * Why EventStoreDB refuses these settings; undefined where it does not.
 * @param head position of the newest event
 */
export function settingsProblem(
  { readBatchSize, historyBufferSize, startFrom }: GroupSettings,
  stream: string,
  prepare: bigint | undefined,
  head: bigint,
): string | undefined {
  if (readBatchSize >= historyBufferSize)
    return `readBatchSize may not be greater than or equal to historyBufferSize (${readBatchSize}, ${historyBufferSize})`
  if (stream !== '$all' || typeof startFrom !== 'bigint') return undefined
  if (prepare !== undefined && startFrom < prepare)
    return `The commit position ${startFrom} of the start is less than its prepare position ${prepare}`
  if (startFrom > head) return `The start ${startFrom} is beyond the end of $all, ${head}`
  return undefined
}

/** The row of a group as EventStoreDB writes it into its event `$PersistentConfig`. */
export function settingsAsEntry(stream: string, group: string, settings: GroupSettings) {
  const { startFrom, filter } = settings
  const from = startFrom === 'start' ? 0n : startFrom === 'end' ? -1n : startFrom
  return {
    stream,
    group,
    ...(filter && { filter }),
    resolveLinkTos: settings.resolveLinks,
    extraStatistics: settings.extraStatistics,
    messageTimeout: settings.messageTimeout,
    startFrom: stream === '$all' ? `C:${from}/P:${from}` : String(from),
    liveBufferSize: settings.liveBufferSize,
    historyBufferSize: settings.historyBufferSize,
    maxRetryCount: settings.maxRetryCount,
    readBatchSize: settings.readBatchSize,
    checkPointAfter: settings.checkpointAfter,
    minCheckPointCount: settings.minCheckpointCount,
    maxCheckPointCount: settings.maxCheckpointCount,
    maxSubscriberCount: settings.maxSubscriberCount,
    namedConsumerStrategy: settings.strategy,
  }
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
