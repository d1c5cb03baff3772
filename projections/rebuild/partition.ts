/** The partitions of a rebuild that one thread processes. */
import { widenReceiveWindow } from '../../src/event-store/flow-control.ts'
import { categories } from '../projection.ts'
import { BatchProcessor, type ProjectionSources } from '../runner/batch-processor.ts'
import type { OnProcessed, PartitionWork } from './partition-thread.ts'
import { ShadowTables } from './shadow-tables.ts'

interface Options {
  readonly signal: AbortSignal
  readonly onProcessed: OnProcessed
}

/**
 * One after another, so that each has few streams in its cache.
 * @returns true when all have reached the position at which they are merged; false when stopped before
 */
export async function processPartitions(
  sources: ProjectionSources,
  partitions: readonly PartitionWork[],
  options: Options,
): Promise<boolean> {
  const stop = widenReceiveWindow()
  try {
    for (const work of partitions) if (!(await processPartition(sources, work, options))) return false
    return true
  } finally {
    stop()
  }
}

async function processPartition(
  sources: ProjectionSources,
  { partition, checkpoints, until, batchSize }: PartitionWork,
  { signal, onProcessed }: Options,
): Promise<boolean> {
  const shadow = new ShadowTables(sources.readModels.checkpointStore.database)
  const processor = await BatchProcessor.of(sources, checkpoints, (checkpoint) => shadow.targets(checkpoint))
  if ((processor.position ?? -1n) >= until) return true
  const from = { categories, after: processor.position, batchSize, signal, partition }
  for await (const batch of sources.store.subscribe(from)) {
    // A caught-up partition has processed everything up to the position, even where the log has not named the position itself.
    const upTo = batch.caughtUp || batch.upTo === null || batch.upTo > until ? until : batch.upTo
    const events = batch.events.filter(({ position }) => position <= until)
    await processor.process({ ...batch, events, upTo }, upTo < until)
    onProcessed(events.length, upTo, partition)
    if (upTo >= until) return true
  }
  await processor.write()
  return false
}
