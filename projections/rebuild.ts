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
    for (const build of hearing.builds) if (await readModels.swapIn(build)) hearing.leave(build)
    if (hearing.builds.length > 0 && (await passOver(store, readModels, hearing)))
      for (const build of hearing.builds) if (await readModels.swapIn(build)) hearing.leave(build)
    // Where the live one is ahead by an event that has not come here yet, it will have come with the next batch.
    if (hearing.builds.length === 0) return true
  }
  return false
}

/**
 * The live one may be ahead by nothing but events no projection listens to: the log tells a follower of those only now
 * and then, and each at other places.
 */
async function passOver(store: EventStore, readModels: ReadModels, hearing: Hearing): Promise<boolean> {
  const live = (await readModels.checkpoints()).filter(({ place, position }) => place === 'live' && position !== '')
  const to = live.reduce((high, { position }) => (BigInt(position) > high ? BigInt(position) : high), -1n)
  // Asked after the live position was read: whatever of ours is up to there, is up to the end.
  if ((await store.endOf(categories)) > (hearing.position ?? 0n)) return false
  await hearing.take({ events: [], to, caughtUp: false })
  return true
}
