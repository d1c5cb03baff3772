/** Builds read models anew beside those that are served, and puts them in their place in one moment: nobody waits meanwhile. */
import type { EventStore } from '../src/event-store/event-store.ts'
import type { Vault } from '../src/protection/vault.ts'
import { Hearing, type ProjectorLog } from './hearing.ts'
import { categories, type Projection } from './projection.ts'
import type { ReadModels } from './read-models.ts'

/** Larger than when following live: what is built beside makes nobody wait. */
const largestBatch = 1_000

export interface Sources {
  readonly store: EventStore
  readonly readModels: ReadModels
  readonly vault: Vault
  readonly log: ProjectorLog
}

/**
 * Cut short at any moment, it goes on where it stopped when it is called again.
 * @returns true when all of them are live; false when told to stop before
 * @throws CheckpointMoved when another process has taken the same rebuild over
 */
export async function rebuildBeside(
  { store, readModels, vault, log }: Sources,
  wanted: readonly Projection[],
  {
    signal,
    onProgress = () => undefined,
    most = largestBatch,
  }: { signal: AbortSignal; onProgress?: (done: { position: bigint; events: number }) => void; most?: number },
): Promise<boolean> {
  const begun = await Promise.all(wanted.map((projection) => readModels.takeOverBeside(projection)))
  const hearing = await Hearing.of(readModels, vault, log, begun)
  let level = false
  let events = 0
  for await (const batch of store.batches(categories, hearing.position, most, signal)) {
    await hearing.take(batch)
    events += batch.events.length
    onProgress({ position: hearing.position ?? 0n, events })
    level ||= batch.caughtUp
    if (!level) continue
    // Where the live one is ahead by an event that has not come here yet, it will have come with the next batch.
    for (const build of hearing.builds) if (await readModels.swapIn(build)) hearing.leave(build)
    if (hearing.builds.length === 0) return true
  }
  return false
}
