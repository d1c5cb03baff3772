/** What a projection spec needs: every row of every table, and a runner that can be stopped after each batch. */
import { categories, type Projection, type Value } from '../../projections/projection.ts'
import { projections } from '../../projections/projections.ts'
import { rebuilderFor } from '../../projections/rebuild/rebuild.ts'
import { BatchProcessor } from '../../projections/runner/batch-processor.ts'
import type { AcquiredCheckpoint } from '../../projections/runner/checkpoint-store.ts'
import { ProjectionRunner } from '../../projections/runner/projection-runner.ts'
import { ReadModels } from '../../projections/runner/read-models.ts'
import { openReadModelDatabase } from '../../projections/storage/open-database.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'

export const silent = { info: () => undefined, warn: () => undefined }

/** Another process's connection to the read models. */
export const openReadModels = (dataDir: string, databaseUrl?: string): Promise<ReadModels> =>
  ReadModels.in(openReadModelDatabase(dataDir, databaseUrl))

/** A runner as another process, or another release, would have it. */
export function runnerOf(
  { store, readModels, vault }: Pick<Runtime, 'store' | 'readModels' | 'vault'>,
  all: readonly Projection[] = projections,
): ProjectionRunner {
  const sources = { store, readModels, vault, log: silent }
  return new ProjectionRunner(sources, all, rebuilderFor(sources))
}

/** Every row of every table that a projection keeps, in the order of its key. */
export const everything = (readModels: ReadModels): Promise<Record<string, Record<string, Value>[]>> =>
  readModels.snapshot(async (moment) => {
    const all: Record<string, Record<string, Value>[]> = {}
    for (const { tables } of projections)
      for (const table of tables) all[table.name] = await Array.fromAsync(moment.rows(table, table.name))
    return all
  })

export async function acquireAll(readModels: ReadModels): Promise<AcquiredCheckpoint[]> {
  const checkpoints: AcquiredCheckpoint[] = []
  for (const projection of projections) checkpoints.push((await readModels.checkpointStore.acquire(projection))!)
  return checkpoints
}

/** Acquires all checkpoints, as a process does that begins to project. */
export const processorOf = async ({ readModels, vault }: Pick<Runtime, 'readModels' | 'vault'>) =>
  BatchProcessor.of({ readModels, vault, log: silent }, await acquireAll(readModels))

/** Processes at most so many batches of so many events, from the checkpoints on. @returns whether it has caught up */
export async function hear(
  { store, readModels, vault }: Runtime,
  { most, batches = Infinity, until }: { most: number; batches?: number; until?: bigint },
): Promise<boolean> {
  const processor = await processorOf({ readModels, vault })
  let processed = 0
  const from = { categories, after: processor.position, batchSize: most, signal: new AbortController().signal }
  for await (const batch of store.subscribe(from)) {
    await processor.process(batch)
    if (batch.caughtUp || (until !== undefined && (batch.upTo ?? 0n) >= until)) return true
    if (++processed >= batches) return false
  }
  return false
}
