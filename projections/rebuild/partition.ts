/** The lanes of a rebuild that fall to one thread, whichever it is. */
import type { Partition } from '../../src/event-store/catch-up-subscription.ts'
import type { EventStore } from '../../src/event-store/event-store.ts'
import { widenReceiveWindow } from '../../src/event-store/flow-control.ts'
import type { Vault } from '../../src/protection/vault.ts'
import type { AcquiredCheckpoint } from '../runner/checkpoint-store.ts'
import { BatchProcessor, type RunnerLog } from '../runner/batch-processor.ts'
import { categories } from '../projection.ts'
import type { ReadModels } from '../storage/read-models.ts'

/** What a rebuild needs: where the log is read, and where what it comes to is written. */
export interface Sources {
  readonly store: EventStore
  readonly readModels: ReadModels
  readonly vault: Vault
  readonly log: RunnerLog
}

export interface PartitionWork {
  readonly lane: Partition
  readonly builds: readonly AcquiredCheckpoint[]
  /** The place in the log at which the lanes are joined. */
  readonly until: bigint
  /** Events in a batch. */
  readonly most: number
}

/** How many more events a lane has heard, and up to where. */
export type OnProcessed = (events: number, position: bigint, lane: Partition) => void

interface Told {
  readonly signal: AbortSignal
  readonly onHeard: OnProcessed
}

/**
 * One after another, so that each has few histories at hand.
 * @returns whether all came to the place where the lanes are joined; false when told to stop before
 */
export async function processPartitions(
  sources: Sources,
  parts: readonly PartitionWork[],
  told: Told,
): Promise<boolean> {
  const stop = widenReceiveWindow()
  try {
    for (const part of parts) if (!(await hearLane(sources, part, told))) return false
    return true
  } finally {
    stop()
  }
}

async function hearLane(
  { store, readModels, vault, log }: Sources,
  { lane, builds, until, most }: PartitionWork,
  told: Told,
): Promise<boolean> {
  const hearing = await BatchProcessor.of(readModels, vault, log, builds)
  if ((hearing.position ?? -1n) >= until) return true
  const from = { categories, after: hearing.position, batchSize: most, signal: told.signal, partition: lane }
  for await (const batch of store.subscribe(from)) {
    // Level with the log, it has heard whatever is up to there, also where the place itself was not told.
    const upTo = batch.caughtUp || batch.upTo === null || batch.upTo > until ? until : batch.upTo
    const events = batch.events.filter(({ position }) => position <= until)
    await hearing.process({ ...batch, events, upTo }, upTo < until)
    told.onHeard(events.length, upTo, lane)
    if (upTo >= until) return true
  }
  await hearing.write()
  return false
}
