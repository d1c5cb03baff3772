/**
 * A long log heard in lanes by several threads at once, each lane hearing other histories into the same tables: what one
 * history comes to depends on no other. All stop at the same place, and are then one again.
 */
import { Worker } from 'node:worker_threads'
import { CheckpointConflict, type AcquiredCheckpoint } from '../runner/checkpoint-store.ts'
import type { RunnerLog } from '../runner/batch-processor.ts'
import type { FromPartitionWorker, ThreadWork, ToPartitionWorker } from './partition.worker.ts'
import { processPartitions, type OnProcessed, type Sources } from './partition.ts'

/** More would wait for each other at the database, and for the log. */
const threadCount = 2

/** With more events in one lane the journeys that are open at once find no room in memory: each is read and written again and again. */
const mostPerLane = 750_000

/** The store looks at every event for every lane, if only to pass it over: eight cost more than they save. */
const mostLanes = 4

/** @param events how many are to be heard, near enough */
export function partitionCountFor(events: number): number {
  let count = threadCount
  while (count < mostLanes && events / count > mostPerLane) count *= 2
  return count
}

/** How a thread of its own finds the log, the keys and the database. */
export interface ConnectionSettings {
  readonly eventStoreUrl: string
  readonly keysDir: string
  readonly dataDir: string
  readonly databaseUrl: string | undefined
}

export interface PartitionedRebuild {
  readonly builds: readonly AcquiredCheckpoint[]
  /** Those of each build, as they stand. */
  readonly lanes: readonly (readonly AcquiredCheckpoint[])[]
  /** The place in the log at which they are joined. */
  readonly until: bigint
  /** Events in a batch. */
  readonly most: number
  /** The thread that asks takes its share itself: it has nobody else to answer. */
  readonly oneHere: boolean
}

/**
 * @returns the builds as they are once joined, their indexes made; null when told to stop before
 * @throws CheckpointMoved
 */
export async function runPartitions(
  sources: Sources,
  whereabouts: ConnectionSettings,
  { builds, lanes, until, most, oneHere }: PartitionedRebuild,
  told: { readonly signal: AbortSignal; readonly onHeard: (events: number, position: bigint) => void },
): Promise<readonly AcquiredCheckpoint[] | null> {
  const { readModels, log } = sources
  const positions = lanes[0]!.map(({ position }) => position ?? -1n)
  const parts = positions.map((_, n) => ({
    lane: { number: n + 1, of: positions.length },
    builds: lanes.map((ofBuild) => ofBuild[n]!),
    until,
    most,
  }))
  const shares = [...Map.groupBy(parts, ({ lane }) => lane.number % threadCount).values()]
  const here = oneHere && shares.length > 1 ? shares.pop()! : []
  const threads = shares.map(
    (share) =>
      new LanesThread({
        whereabouts,
        parts: share.map((part) => ({
          ...part,
          builds: part.builds.map(({ projection, ...build }) => ({ ...build, projection: projection.name })),
        })),
      }),
  )
  const stopping = new AbortController()
  const stop = () => {
    stopping.abort()
    threads.forEach((thread) => thread.tell('stop'))
  }
  told.signal.addEventListener('abort', stop)
  if (told.signal.aborted) stop()
  const onHeard: OnProcessed = (events, position, { number }) => {
    positions[number - 1] = position
    told.onHeard(events, positions.reduce((sum, one) => sum + one, 0n) / BigInt(positions.length))
  }
  const heardHere = async () =>
    (await processPartitions(sources, here, { signal: stopping.signal, onHeard })) ? 'heard' : 'stopped'
  let ours: Promise<unknown> = Promise.resolve()
  try {
    const heard = threads.map((thread) => thread.until('heard', { onHeard, log }))
    const mine = heardHere()
    ours = mine.catch(() => undefined)
    const all = await Promise.all([...heard, mine])
    if (all.includes('stopped')) return null
    const joined = await Promise.all(builds.map((build) => readModels.checkpointStore.merge(build, until)))
    // Making an index of a large table takes a while: a thread that answers nobody does it.
    threads[0]!.tell('complete')
    await threads[0]!.until('completed', { log })
    return joined
  } finally {
    told.signal.removeEventListener('abort', stop)
    stopping.abort()
    await Promise.all([ours, ...threads.map((thread) => thread.end())])
  }
}

class LanesThread {
  private readonly worker: Worker

  constructor(work: ThreadWork) {
    // What a lane keeps is bounded; so is what it may use.
    this.worker = new Worker(new URL(import.meta.resolve('#compiled/projections/rebuild/partition.worker')), {
      workerData: work,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 12, maxOldGenerationSizeMb: 160 },
    })
    this.worker.setMaxListeners(20)
  }

  tell(message: ToPartitionWorker): void {
    this.worker.postMessage(message)
  }

  /** @throws CheckpointMoved, or an error that says what stopped the thread */
  until(
    wanted: 'heard' | 'completed',
    told: { log: RunnerLog; onHeard?: OnProcessed },
  ): Promise<'heard' | 'completed' | 'stopped'> {
    return new Promise((resolve, reject) => {
      this.worker.on('message', (message: FromPartitionWorker) => {
        if (message.kind === 'progress') told.onHeard?.(message.events, message.position, message.lane)
        else if (message.kind === 'warning') told.log.warn(message.about, message.message)
        else if (message.kind === 'moved') reject(new CheckpointConflict(message.projection))
        else if (message.kind === wanted || message.kind === 'stopped') resolve(message.kind)
      })
      this.worker.once('error', reject)
      this.worker.once('exit', () => reject(new Error('A thread that was building read models has ended.')))
    })
  }

  async end(): Promise<void> {
    await this.worker.terminate()
  }
}
