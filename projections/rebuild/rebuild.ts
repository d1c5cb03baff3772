/** Rebuilds read models in shadow tables while the live ones are served, and promotes them in one transaction. */
import { availableParallelism } from 'node:os'
import type { OutageListener } from '../../src/event-store/outages.ts'
import { categories, type Projection } from '../projection.ts'
import { projections } from '../projections.ts'
import { BatchProcessor, type ProjectionSources } from '../runner/batch-processor.ts'
import type { AcquiredCheckpoint } from '../runner/checkpoint-store.ts'
import { discardCheckpointsOfOtherLogs } from '../runner/log-identity.ts'
import type { Rebuilder } from '../runner/projection-runner.ts'
import { PartitionThread, type ConnectionSettings, type OnProcessed, type PartitionWork } from './partition-thread.ts'
import { processPartitions } from './partition.ts'
import { ShadowTables } from './shadow-tables.ts'

/** Small batches: their objects are soon garbage, and other work of the process gets its turn. */
const defaultBatchSize = 50

/** A log with more events than this is read in partitions. For a shorter one, starting a thread takes longer than it saves. */
const splitAfterEvents = 3_000

/** With fewer processors, threads for two partitions besides the thread that serves would mostly wait for each other. */
const processorsForPartitions = 4

/** More threads would wait for each other at the database, and for the log. */
const threadCount = 2

/** With more events in one partition, the journeys that are open at once do not fit into its cache: each is read and written again and again. */
const mostEventsPerPartition = 750_000

/** The store reads every event for every partition, if only to pass it over: eight partitions cost more than they save. */
const mostPartitions = 4

/** @param events approximately how many are to be processed */
export function partitionCountFor(events: number): number {
  let count = threadCount
  while (count < mostPartitions && events / count > mostEventsPerPartition) count *= 2
  return count
}

export interface RebuildSources extends ProjectionSources {
  /** For threads of its own. Without it, the calling thread does everything. */
  readonly connections?: ConnectionSettings | undefined
}

export interface RebuildProgress {
  /** The position in the log; with partitions, the average of theirs. */
  readonly position: bigint
  /** How many events this call has processed. */
  readonly events: number
}

interface Options {
  readonly signal: AbortSignal
  readonly onProgress?: (progress: RebuildProgress) => void
  /** Told where a thread is without the log and waits for it; the calling thread has its own. */
  readonly outages?: OutageListener
  /** The calling thread serves nobody meanwhile, and can process partitions itself. */
  readonly isFree?: boolean
  readonly batchSize?: number
  readonly splitAfter?: number
  readonly splitInto?: number
}

/**
 * Interrupted at any moment, the rebuild resumes when this is called again.
 * @returns true when all the projections are promoted; false when stopped before
 * @throws CheckpointConflict when another process has acquired the rebuild
 */
export async function rebuildReadModels(
  sources: RebuildSources,
  wanted: readonly Projection[],
  {
    signal,
    onProgress = () => undefined,
    outages,
    isFree = false,
    batchSize = defaultBatchSize,
    splitAfter,
    splitInto,
  }: Options,
): Promise<boolean> {
  const { store, connections, readModels } = sources
  const shadow = new ShadowTables(readModels.checkpointStore.database)
  await discardCheckpointsOfOtherLogs(sources, wanted)
  const begun = await Promise.all(wanted.map((projection) => shadow.acquire(projection)))
  let checkpoints: readonly AcquiredCheckpoint[] = begun.map(({ checkpoint }) => checkpoint)
  let events = 0
  const onProcessed = (more: number, position: bigint) => onProgress({ position, events: (events += more) })
  const alone = (splitAfter: number) =>
    rebuildAlone(sources, checkpoints, { signal, batchSize, splitAfter, onProcessed })

  if (begun.every(({ partitions }) => partitions.length === 0)) {
    // Threads find a projection by its name, so a projection that is not in the list cannot be rebuilt by them.
    const canSplit = connections !== undefined && wanted.every((projection) => projections.includes(projection))
    const enough = availableParallelism() >= (isFree ? 2 : processorsForPartitions) ? splitAfterEvents : Infinity
    const { ended, unfinished } = await alone(canSplit ? (splitAfter ?? enough) : Infinity)
    if (ended !== 'split') return ended === 'promoted'
    checkpoints = unfinished
  }
  if (!connections) throw new Error('A rebuild that was split into partitions cannot be resumed by one thread.')
  const end = await store.headPositionOf(categories)
  const count =
    begun.find(({ partitions }) => partitions.length > 0)?.partitions.length ??
    splitInto ??
    partitionCountFor(eventsUpTo(end, { from: begun[0]!.checkpoint.position, to: checkpoints[0]!.position, events }))
  // Interrupted while they were being merged, some projections are split still and others are split again.
  const partitions = await Promise.all(
    checkpoints.map(async (checkpoint, n) =>
      begun[n]!.partitions.length > 0 ? begun[n]!.partitions : shadow.split(checkpoint, count),
    ),
  )
  // Beyond the last event that projections use, where the log has named a later position to one of them.
  const until = [...checkpoints, ...partitions.flat()].reduce(
    (high, { position }) => (position !== null && position > high ? position : high),
    end,
  )
  const work = Array.from({ length: count }, (_, n): PartitionWork => ({
    partition: { number: n + 1, of: count },
    checkpoints: partitions.map((ofProjection) => ofProjection[n]!),
    until,
    batchSize,
  }))
  const processed = await inThreads(
    { ...sources, connections },
    work,
    { signal, onProcessed, isFree, outages },
    async () => {
      checkpoints = await Promise.all(checkpoints.map((checkpoint) => shadow.merge(checkpoint, until)))
    },
  )
  return processed && (await alone(Infinity)).ended === 'promoted'
}

/** For the projection runner, which rebuilds what another release built. */
export function rebuilderFor(sources: RebuildSources): Rebuilder {
  const shadow = new ShadowTables(sources.readModels.checkpointStore.database)
  return {
    state: (projection) => shadow.rebuildState(projection),
    rebuild: (wanted, signal) => rebuildReadModels(sources, wanted, { signal }),
  }
}

/** An estimate of the events up to the end, given how many there were between two positions. */
function eventsUpTo(end: bigint, known: { from: bigint | null; to: bigint | null; events: number }): number {
  const from = known.from ?? -1n
  const distance = (to: bigint | null) => Math.max(1, Number((to ?? -1n) - from))
  return known.events * (distance(end) / distance(known.to))
}

/**
 * Processes the partitions in threads, and completes the shadow tables in one of them: creating the index of a large table takes
 * a while, and these threads serve nobody.
 * @param merge is called when all partitions have reached the position at which they are merged
 * @returns false when stopped before
 * @throws CheckpointConflict
 */
async function inThreads(
  { connections, ...sources }: ProjectionSources & { readonly connections: ConnectionSettings },
  work: readonly PartitionWork[],
  options: {
    signal: AbortSignal
    onProcessed: (events: number, position: bigint) => void
    isFree: boolean
    outages: OutageListener | undefined
  },
  merge: () => Promise<void>,
): Promise<boolean> {
  const positions = work.map(({ checkpoints }) => checkpoints[0]!.position ?? -1n)
  const onProcessed: OnProcessed = (events, position, { number }) => {
    positions[number - 1] = position
    options.onProcessed(events, positions.reduce((sum, one) => sum + one, 0n) / BigInt(positions.length))
  }
  const onWarning = (about: object, message: string) => sources.log.warn(about, message)
  const shares = [...Map.groupBy(work, ({ partition }) => partition.number % threadCount).values()]
  const ownShare = options.isFree && shares.length > 1 ? shares.pop()! : []
  const threads = shares.map((share) => new PartitionThread(connections, share))
  const stopping = new AbortController()
  const stop = () => {
    stopping.abort()
    threads.forEach((thread) => thread.send('stop'))
  }
  options.signal.addEventListener('abort', stop)
  if (options.signal.aborted) stop()
  let own: Promise<unknown> = Promise.resolve()
  try {
    const processed = threads.map((thread) =>
      thread.until('processed', { onProcessed, onWarning, outages: options.outages }),
    )
    const ownProcessed = processPartitions(sources, ownShare, { signal: stopping.signal, onProcessed })
    own = ownProcessed.catch(() => undefined)
    const all = await Promise.all([...processed, ownProcessed])
    if (all.includes('stopped') || all.includes(false)) return false
    await merge()
    threads[0]!.send('complete')
    await threads[0]!.until('completed', { onWarning })
    return true
  } finally {
    options.signal.removeEventListener('abort', stop)
    stopping.abort()
    await Promise.all([own, ...threads.map((thread) => thread.end())])
  }
}

/** Processes the log in this thread until all the projections are promoted, or it was stopped, or there are enough events for a split. */
async function rebuildAlone(
  sources: ProjectionSources,
  checkpoints: readonly AcquiredCheckpoint[],
  {
    signal,
    batchSize,
    splitAfter,
    onProcessed,
  }: {
    readonly signal: AbortSignal
    readonly batchSize: number
    readonly splitAfter: number
    readonly onProcessed: (events: number, position: bigint) => void
  },
): Promise<{ ended: 'promoted' | 'stopped' | 'split'; unfinished: readonly AcquiredCheckpoint[] }> {
  const shadow = new ShadowTables(sources.readModels.checkpointStore.database)
  const targetsOf = (checkpoint: AcquiredCheckpoint) => shadow.targets(checkpoint)
  const processor = await BatchProcessor.of(sources, checkpoints, targetsOf)
  const promoteAll = async () => {
    for (const checkpoint of processor.checkpoints) if (await shadow.promote(checkpoint)) processor.remove(checkpoint)
    return processor.checkpoints.length === 0
  }
  let isCaughtUp = false
  let events = 0
  const from = { categories, after: processor.position, batchSize, signal }
  for await (const batch of sources.store.subscribe(from)) {
    await processor.process(batch, !isCaughtUp && !batch.caughtUp)
    events += batch.events.length
    onProcessed(batch.events.length, processor.position ?? 0n)
    if (batch.caughtUp && !isCaughtUp) {
      isCaughtUp = true
      await processor.write()
      for (const checkpoint of processor.checkpoints) await shadow.complete(checkpoint)
      await processor.writeTo(targetsOf)
    }
    if (!isCaughtUp && events >= splitAfter) {
      await processor.write()
      return { ended: 'split', unfinished: processor.checkpoints }
    }
    // Where the live checkpoint is ahead by an event that has not arrived here yet, it will have arrived with the next batch.
    if (isCaughtUp && ((await promoteAll()) || ((await skipToLive(sources, processor)) && (await promoteAll()))))
      return { ended: 'promoted', unfinished: [] }
  }
  await processor.write()
  return { ended: 'stopped', unfinished: processor.checkpoints }
}

/**
 * Moves to the live position where the live checkpoint is ahead by nothing but events that no projection uses: the log names the
 * positions of those to a subscriber only now and then, and other positions to each.
 * @returns whether it is there
 */
async function skipToLive(
  { store, readModels }: Pick<ProjectionSources, 'store' | 'readModels'>,
  processor: BatchProcessor,
): Promise<boolean> {
  const checkpoints = await readModels.checkpointStore.all()
  const live = checkpoints.filter(({ table_set: tableSet, position }) => tableSet === 'live' && position !== '')
  const upTo = live.reduce((high, { position }) => (BigInt(position) > high ? BigInt(position) : high), -1n)
  // Read after the live position: an event that projections use is at or before the end, if it is before that position.
  if ((await store.headPositionOf(categories)) > (processor.position ?? 0n)) return false
  await processor.process({ events: [], upTo, caughtUp: false, characters: 0 })
  return true
}
