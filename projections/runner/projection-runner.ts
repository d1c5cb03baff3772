/** Follows the log and projects it into the read models: in batches, in order, each event once, resuming after any interruption. */
import { setTimeout as pause } from 'node:timers/promises'
import { Subject } from 'rxjs'
import { StoreUnavailable } from '../../src/event-store/store-errors.ts'
import type { StoredEvent } from '../../src/event-store/stored-event.ts'
import { categories, type Projection } from '../projection.ts'
import { BatchProcessor, type ProjectionSources } from './batch-processor.ts'
import { CheckpointConflict, DowngradeRefused, type AcquiredCheckpoint } from './checkpoint-store.ts'
import { discardCheckpointsOfOtherLogs } from './log-identity.ts'
import { isFileDamaged } from '../storage/damage.ts'
import type { ReadModels } from './read-models.ts'

const batchSize = 500

/** Interval at which a process that stands by tries to be elected. */
const standByMs = 500

/** How long whoever waits for the read models bears with a runner that cannot go on, in milliseconds. */
const patienceMs = 30_000

/** Published after each batch. */
export interface RunnerProgress {
  readonly position: bigint
  /** The events of the batch. */
  readonly events: readonly StoredEvent[]
  readonly caughtUp: boolean
  /** When the log received the last event of the batch; null where it had none. */
  readonly receivedAt: Date | null
  /** When processing of the batch began, milliseconds since 1970. */
  readonly begunAt: number
}

export interface RunnerHealth {
  /**
   * `standing_by` while another instance projects for all; `rebuilding` while read models are built from the beginning of the log,
   * and what is served is old or incomplete; `refused` where a newer release built the read models.
   */
  readonly state: 'stopped' | 'standing_by' | 'projecting' | 'rebuilding' | 'retrying' | 'refused'
  /** Whether the read models had caught up with the log after the last batch. */
  readonly caughtUp: boolean
  readonly position: string
  /** Since when it has not been able to follow the log, ISO 8601 UTC. */
  readonly troubledSince: string | null
}

/** Rebuilds read models that another release built. The runner asks for it and does not know how. */
export interface Rebuilder {
  state(projection: Projection): Promise<'none' | 'running' | 'interrupted'>
  /** @returns true when all the projections are live; false when stopped before. @throws CheckpointConflict */
  rebuild(projections: readonly Projection[], signal: AbortSignal): Promise<boolean>
}

export class ProjectionRunner {
  readonly progress = new Subject<RunnerProgress>()
  private stopping: AbortController | undefined
  private working: Promise<void> = Promise.resolve()
  private state: RunnerHealth['state'] = 'stopped'
  private caughtUp = false
  private position = -1n
  private trouble: { readonly since: number; readonly error: Error } | undefined

  constructor(
    private readonly sources: ProjectionSources & { readonly readModels: ReadModels },
    private readonly projections: readonly Projection[],
    private readonly rebuilder: Rebuilder,
  ) {}

  /** Follows the log until stopped, whenever this process is elected. */
  start(): void {
    if (this.stopping) return
    this.stopping = new AbortController()
    this.working = this.work(this.stopping.signal)
  }

  /** Resolves when the present batch is written and another process may be elected. */
  async stop(): Promise<void> {
    this.stopping?.abort()
    await this.working
    this.stopping = undefined
    this.state = 'stopped'
  }

  get health(): RunnerHealth {
    return {
      state: this.state,
      caughtUp: this.caughtUp,
      position: String(this.position),
      troubledSince: this.trouble ? new Date(this.trouble.since).toISOString() : null,
    }
  }

  /**
   * Waits until the read models have reached a position, whichever process projects. Where the runner was not started, it runs for
   * as long.
   * @param logPatienceMs how long it may be without the log, in milliseconds
   * @throws DowngradeRefused, and the error that has kept it from following the log for too long (of the database: half a minute)
   */
  async catchUpTo(
    end: bigint,
    onProgress: (position: bigint) => void = () => undefined,
    logPatienceMs = patienceMs,
  ): Promise<void> {
    const startedHere = !this.stopping
    if (startedHere) this.start()
    try {
      for (;;) {
        if (await this.hasReached(end, onProgress)) return
        if (!this.trouble) continue
        const { error, since } = this.trouble
        const patience = error instanceof StoreUnavailable ? logPatienceMs : patienceMs
        if (this.state === 'refused' || Date.now() - since > patience) throw error
      }
    } finally {
      if (startedHere) await this.stop()
    }
  }

  /** Damaged read models have reached nothing: whoever waits goes on until they have been set aside and built again. */
  private async hasReached(end: bigint, onProgress: (position: bigint) => void): Promise<boolean> {
    const { readModels } = this.sources
    try {
      if (await readModels.waitFor(String(end), 250)) return true
      onProgress(BigInt((await readModels.asOf()).position))
    } catch (error) {
      if (!isFileDamaged(error)) throw error
      await pause(250)
    }
    return false
  }

  private async work(signal: AbortSignal): Promise<void> {
    const { readModels, log } = this.sources
    let failures = 0
    while (!signal.aborted) {
      try {
        const election = await readModels.database.elect()
        if (!election) {
          this.state = 'standing_by'
          this.trouble = undefined
          await jitteredPause(standByMs, signal)
          continue
        }
        try {
          if (election.setAside !== undefined) {
            this.caughtUp = false
            this.trouble = undefined
            await readModels.prepare(this.projections)
            log.warn({ file: election.setAside }, 'The read models were damaged. They are built again from the log.')
          }
          await this.project(AbortSignal.any([signal, election.lost]), (isRebuilding) => {
            failures = 0
            this.trouble = undefined
            this.state = isRebuilding ? 'rebuilding' : 'projecting'
          })
        } finally {
          readModels.position.withdraw()
          await election.release()
        }
      } catch (error) {
        this.caughtUp = false
        if (error instanceof CheckpointConflict) {
          // A rebuild was promoted, or another process has acquired the checkpoint: begin again from the checkpoints.
          await jitteredPause(20, signal)
          continue
        }
        this.trouble ??= { since: Date.now(), error: error as Error }
        if (error instanceof DowngradeRefused) {
          this.state = 'refused'
          log.warn({ why: error.message }, 'The projection runner does not start.')
          return
        }
        this.state = 'retrying'
        failures++
        if (error instanceof StoreUnavailable)
          log.warn(
            { failures, why: await this.sources.store.whyUnavailable(error) },
            'The projection runner lost the log, and will try again.',
          )
        else log.warn({ err: error as Error, failures }, 'The projection runner lost the database, and will try again.')
        await jitteredPause(Math.min(5_000, 100 * 2 ** failures), signal)
      }
    }
  }

  /** @param onBatch called after each batch: the log and the database have both answered */
  private async project(until: AbortSignal, onBatch: (isRebuilding: boolean) => void): Promise<void> {
    const { store, readModels } = this.sources
    await discardCheckpointsOfOtherLogs(this.sources, this.projections)
    const current: AcquiredCheckpoint[] = []
    const outdated: Projection[] = []
    for (const projection of this.projections) {
      const checkpoint = await readModels.checkpointStore.acquire(projection)
      if (checkpoint) current.push(checkpoint)
      if (!checkpoint || (await this.rebuilder.state(projection)) === 'interrupted') outdated.push(projection)
    }
    const isNew = current.some(({ position }) => position === null)
    if ((isNew || outdated.length > 0) && !this.trouble) this.state = 'rebuilding'
    const together = new AbortController()
    const signal = AbortSignal.any([until, together.signal])
    // When the rebuild ends, in whichever way, everything is acquired again.
    const rebuilding =
      outdated.length > 0 ? this.rebuild(outdated, signal).finally(() => together.abort()) : Promise.resolve()
    try {
      if (current.length === 0) return await rebuilding
      const processor = await BatchProcessor.of(this.sources, current)
      let isCaughtUp = false
      const from = { categories, after: processor.position, batchSize, signal }
      for await (const batch of store.follow(from)) {
        const begunAt = Date.now()
        isCaughtUp ||= batch.caughtUp
        await processor.process(batch, !isCaughtUp)
        onBatch(outdated.length > 0 || (isNew && !isCaughtUp))
        this.position = processor.position ?? -1n
        if (batch.caughtUp) this.caughtUp = true
        // During a rebuild the positions of the outdated projections are known only to the database.
        if (outdated.length === 0) readModels.position.publish(this.position)
        this.progress.next({
          position: this.position,
          events: batch.events,
          caughtUp: this.caughtUp,
          receivedAt: batch.events.at(-1)?.receivedAt ?? null,
          begunAt,
        })
      }
      await processor.write()
    } finally {
      together.abort()
      await rebuilding
    }
  }

  private async rebuild(outdated: readonly Projection[], signal: AbortSignal): Promise<void> {
    const { log } = this.sources
    const wanted: Projection[] = []
    for (const projection of outdated)
      if ((await this.rebuilder.state(projection)) !== 'running') wanted.push(projection)
    if (wanted.length === 0) return jitteredPause(2_000, signal) // another process is rebuilding them
    const names = wanted.map(({ name }) => name)
    log.info({ projections: names }, 'Rebuilding read models while the present ones are served.')
    try {
      const done = await this.rebuilder.rebuild(wanted, signal)
      if (done) log.info({ projections: names }, 'The rebuilt read models are served from now on.')
    } catch (error) {
      // Another process has acquired the rebuild, or the log is away.
      log.warn({ projections: names, err: error as Error }, 'Rebuilding read models was interrupted.')
      await jitteredPause(5_000, signal)
    }
  }
}

/** Half the time to the whole of it, at random: instances that fail together should not retry together. */
const jitteredPause = (ms: number, signal: AbortSignal): Promise<void> =>
  pause(ms * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined)
