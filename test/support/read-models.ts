/** What a projection spec needs to look at: every row of every table, and a projector that hears the log in steps. */
import { BatchProcessor } from '../../projections/runner/batch-processor.ts'
import { categories, type Value } from '../../projections/projection.ts'
import { projections } from '../../projections/projections.ts'
import type { AcquiredCheckpoint } from '../../projections/runner/checkpoint-store.ts'
import type { ReadModels } from '../../projections/storage/read-models.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'

export const silent = { info: () => undefined, warn: () => undefined }

/** Every row of every table that a projection keeps, in the order of its key. */
export const everything = (readModels: ReadModels): Promise<Record<string, Record<string, Value>[]>> =>
  readModels.snapshot(async (moment) => {
    const all: Record<string, Record<string, Value>[]> = {}
    for (const { tables } of projections)
      for (const table of tables) all[table.name] = await Array.fromAsync(moment.rows(table, table.name))
    return all
  })

export async function takenOver(readModels: ReadModels): Promise<AcquiredCheckpoint[]> {
  const builds: AcquiredCheckpoint[] = []
  for (const projection of projections) builds.push((await readModels.checkpointStore.acquire(projection))!)
  return builds
}

/** Hears at most so many batches of so many events, from the checkpoints on. @returns whether it is level with the log */
export async function hear(
  { store, readModels, vault }: Runtime,
  { most, batches = Infinity, until }: { most: number; batches?: number; until?: bigint },
): Promise<boolean> {
  const hearing = await BatchProcessor.of(readModels, vault, silent, await takenOver(readModels))
  let heard = 0
  const from = { categories, after: hearing.position, batchSize: most, signal: new AbortController().signal }
  for await (const batch of store.subscribe(from)) {
    await hearing.process(batch)
    if (batch.caughtUp || (until !== undefined && (batch.upTo ?? 0n) >= until)) return true
    if (++heard >= batches) return false
  }
  return false
}
