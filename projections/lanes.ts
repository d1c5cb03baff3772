/**
 * A long log heard by several threads at once, each hearing other histories into the same tables: what one history comes
 * to depends on no other. All stop at the same place, and are then one again.
 */
import { Worker } from 'node:worker_threads'
import { CheckpointMoved, type Build } from './builds.ts'
import type { ProjectorLog } from './hearing.ts'
import type { FromLane, LaneWork, ToLane } from './lane.worker.ts'
import { hearLane, type Sources } from './lane.ts'

/** More would wait for each other at the database, and for the log. */
export const laneCount = 2

/** How a thread of its own finds the log, the keys and the database. */
export interface Whereabouts {
  readonly eventStoreUrl: string
  readonly keysDir: string
  readonly dataDir: string
  readonly databaseUrl: string | undefined
}

export interface LanesWork {
  readonly builds: readonly Build[]
  /** Those of each build, as they stand. */
  readonly lanes: readonly (readonly Build[])[]
  /** The place in the log at which they are joined. */
  readonly until: bigint
  /** Events in a batch. */
  readonly most: number
  /** The thread that asks takes the last lane itself: it has nobody else to answer. */
  readonly oneHere: boolean
}

/**
 * @returns the builds as they are once joined, their indexes made; null when told to stop before
 * @throws CheckpointMoved
 */
export async function inLanes(
  sources: Sources,
  whereabouts: Whereabouts,
  { builds, lanes, until, most, oneHere }: LanesWork,
  told: { signal: AbortSignal; onHeard: (events: number, position: bigint) => void },
): Promise<readonly Build[] | null> {
  const { readModels, log } = sources
  const positions = lanes[0]!.map(() => -1n)
  const parts = positions.map((_, n) => ({
    lane: { number: n + 1, of: positions.length },
    builds: lanes.map((ofBuild) => ofBuild[n]!),
    until,
    most,
  }))
  const here = oneHere && parts.length > 1 ? parts.pop() : undefined
  const threads = parts.map(
    (part) =>
      new Lane({
        ...part,
        whereabouts,
        builds: part.builds.map(({ projection, ...build }) => ({ ...build, projection: projection.name })),
      }),
  )
  const stopping = new AbortController()
  const stop = () => {
    stopping.abort()
    threads.forEach((thread) => thread.tell('stop'))
  }
  told.signal.addEventListener('abort', stop)
  if (told.signal.aborted) stop()
  const onHeardIn = (n: number) => (events: number, position: bigint) => {
    positions[n] = position
    told.onHeard(
      events,
      positions.reduce((low, one) => (one < low ? one : low)),
    )
  }
  const heardHere = async () => {
    if (!here) return 'heard'
    const onHeard = onHeardIn(here.lane.number - 1)
    return (await hearLane(sources, here, { signal: stopping.signal, onHeard })) ? 'heard' : 'stopped'
  }
  let ours: Promise<unknown> = Promise.resolve()
  try {
    const heard = threads.map((thread, n) => thread.until('heard', { onHeard: onHeardIn(n), log }))
    const mine = heardHere()
    ours = mine.catch(() => undefined)
    const all = await Promise.all([...heard, mine])
    if (all.includes('stopped')) return null
    const joined = await Promise.all(builds.map((build) => readModels.builds.join(build, until)))
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

class Lane {
  private readonly worker: Worker

  constructor(work: LaneWork) {
    // What a lane keeps is bounded; so is what it may use.
    this.worker = new Worker(new URL(import.meta.resolve('#compiled/projections/lane.worker')), {
      workerData: work,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 24, maxOldGenerationSizeMb: 160 },
    })
    this.worker.setMaxListeners(20)
  }

  tell(message: ToLane): void {
    this.worker.postMessage(message)
  }

  /** @throws CheckpointMoved, or an error that says what stopped the thread */
  until(
    wanted: 'heard' | 'completed',
    told: { log: ProjectorLog; onHeard?: (events: number, position: bigint) => void },
  ): Promise<'heard' | 'completed' | 'stopped'> {
    return new Promise((resolve, reject) => {
      this.worker.on('message', (message: FromLane) => {
        if (message.kind === 'progress') told.onHeard?.(message.events, message.position)
        else if (message.kind === 'warning') told.log.warn(message.about, message.message)
        else if (message.kind === 'moved') reject(new CheckpointMoved(message.projection))
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
