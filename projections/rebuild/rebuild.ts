/** Builds read models anew beside those that are served, and puts them in their place in one moment: nobody waits meanwhile. */
import { availableParallelism } from 'node:os'
import type { EventStore } from '../../src/event-store/event-store.ts'
import type { AcquiredCheckpoint } from '../runner/checkpoint-store.ts'
import { BatchProcessor } from '../runner/batch-processor.ts'
import type { Sources } from './partition.ts'
import { runPartitions, partitionCountFor, type ConnectionSettings } from './partitions.ts'
import { categories, type Projection } from '../projection.ts'
import { projections } from '../projections.ts'
import type { ReadModels } from '../storage/read-models.ts'

/** A batch is soon done with, so that what it is made of need not be kept, and others get their turn. */
const largestBatch = 50

/** A log that is longer than this is heard in lanes: below, starting a thread takes longer than what it saves. */
const lanesAfter = 3_000

/** With fewer processors than this, threads for two lanes besides the one that answers would mostly wait for each other. */
const processorsForLanes = 4

export interface RebuildSources extends Sources {
  /** Without it everything is done by the thread that asks. */
  readonly connections?: ConnectionSettings | undefined
}

export interface RebuildProgress {
  /** Up to here the log has been heard: in lanes, on an average of them. */
  readonly position: bigint
  /** How many events this rebuild has heard since it was called. */
  readonly events: number
}

interface Options {
  readonly signal: AbortSignal
  readonly onProgress?: (done: RebuildProgress) => void
  /** This thread answers nobody meanwhile, and can be one of the lanes. */
  readonly isFree?: boolean
  readonly most?: number
  readonly splitAfter?: number
  readonly splitInto?: number
}

/**
 * Cut short at any moment, it goes on where it stopped when it is called again.
 * @returns true when all of them are live; false when told to stop before
 * @throws CheckpointMoved when another process has taken the same rebuild over
 */
export async function rebuildReadModels(
  sources: RebuildSources,
  wanted: readonly Projection[],
  { signal, onProgress = () => undefined, isFree = false, most = largestBatch, splitAfter, splitInto }: Options,
): Promise<boolean> {
  const { store, readModels, connections: whereabouts } = sources
  const begun = await Promise.all(wanted.map((projection) => readModels.checkpointStore.acquireShadow(projection)))
  let builds: readonly AcquiredCheckpoint[] = begun.map(({ build }) => build)
  let events = 0
  const onHeard = (more: number, position: bigint) => onProgress({ position, events: (events += more) })
  const alone = (enough: number) => hearAlone(sources, builds, { signal, most, enough, onHeard })

  if (begun.every(({ lanes }) => lanes.length === 0)) {
    // The threads know a projection by its name: one that is not among those that are known by it is built here.
    const canSplit = whereabouts !== undefined && wanted.every((projection) => projections.includes(projection))
    const enough = availableParallelism() >= (isFree ? 2 : processorsForLanes) ? lanesAfter : Infinity
    const { ended, left } = await alone(canSplit ? (splitAfter ?? enough) : Infinity)
    if (ended !== 'not_level') return ended === 'live'
    builds = left
  }
  if (!whereabouts) throw new Error('What is being built in lanes cannot be gone on with by one thread.')
  // Cut short at the join, some are in lanes still, and others have to be again.
  const end = await store.headPositionOf(categories)
  const count =
    begun.find(({ lanes }) => lanes.length > 0)?.lanes.length ??
    splitInto ??
    partitionCountFor(eventsBefore(end, { from: begun[0]!.build.position, to: builds[0]!.position, events }))
  const split = builds.map(async (build, n) => {
    const { lanes } = begun[n]!
    return lanes.length > 0 ? lanes : readModels.checkpointStore.split(build, count)
  })
  const lanes = await Promise.all(split)
  // Further than the last event of ours, where the log has told one of them of a place beyond it.
  const until = [...builds, ...lanes.flat()].reduce(
    (high, { position }) => (position !== null && position > high ? position : high),
    end,
  )
  const work = { builds, lanes, until, most, oneHere: isFree }
  const joined = await runPartitions(sources, whereabouts, work, { signal, onHeard })
  if (!joined) return false
  builds = joined
  return (await alone(Infinity)).ended === 'live'
}

/** How many there will be up to the end, where there were so many from one place to another. */
function eventsBefore(end: bigint, heard: { from: bigint | null; to: bigint | null; events: number }): number {
  const from = heard.from ?? -1n
  const stretch = (to: bigint | null) => Math.max(1, Number((to ?? -1n) - from))
  return heard.events * (stretch(end) / stretch(heard.to))
}

/**
 * Hears the log until all of the builds are live, or it was told to stop, or it has heard enough to know that this will
 * take long.
 */
async function hearAlone(
  { store, readModels, vault, log }: Sources,
  builds: readonly AcquiredCheckpoint[],
  told: {
    readonly signal: AbortSignal
    readonly most: number
    readonly enough: number
    readonly onHeard: (events: number, position: bigint) => void
  },
): Promise<{ ended: 'live' | 'stopped' | 'not_level'; left: readonly AcquiredCheckpoint[] }> {
  const hearing = await BatchProcessor.of(readModels, vault, log, builds)
  let level = false
  let events = 0
  const from = { categories, after: hearing.position, batchSize: told.most, signal: told.signal }
  for await (const batch of store.subscribe(from)) {
    await hearing.process(batch, !level && !batch.caughtUp)
    events += batch.events.length
    told.onHeard(batch.events.length, hearing.position ?? 0n)
    if (batch.caughtUp && !level) {
      level = true
      await hearing.complete()
    }
    if (!level && events >= told.enough) {
      await hearing.write()
      return { ended: 'not_level', left: hearing.builds }
    }
    if (!level) continue
    for (const build of hearing.builds) if (await readModels.checkpointStore.promote(build)) hearing.leave(build)
    if (hearing.builds.length > 0 && (await passOver(store, readModels, hearing)))
      for (const build of hearing.builds) if (await readModels.checkpointStore.promote(build)) hearing.leave(build)
    // Where the live one is ahead by an event that has not come here yet, it will have come with the next batch.
    if (hearing.builds.length === 0) return { ended: 'live', left: [] }
  }
  await hearing.write()
  return { ended: 'stopped', left: hearing.builds }
}

/**
 * The live one may be ahead by nothing but events no projection listens to: the log tells a follower of those only now
 * and then, and each at other places.
 */
async function passOver(store: EventStore, readModels: ReadModels, hearing: BatchProcessor): Promise<boolean> {
  const live = (await readModels.checkpoints()).filter(({ place, position }) => place === 'live' && position !== '')
  const upTo = live.reduce((high, { position }) => (BigInt(position) > high ? BigInt(position) : high), -1n)
  // Asked after the live position was read: whatever of ours is up to there, is up to the end.
  if ((await store.headPositionOf(categories)) > (hearing.position ?? 0n)) return false
  await hearing.process({ events: [], upTo, caughtUp: false, characters: 0 })
  return true
}
