/** Carries the log into the read models: in batches, in order, each effect once, and on again after any interruption. */
import { setTimeout as pause } from 'node:timers/promises'
import { Subject } from 'rxjs'
import type { EventStore } from '../../src/event-store/event-store.ts'
import { StoreUnavailable } from '../../src/event-store/store-errors.ts'
import type { StoredEvent } from '../../src/event-store/stored-event.ts'
import type { Vault } from '../../src/protection/vault.ts'
import { CheckpointConflict, DowngradeRefused, type AcquiredCheckpoint } from './checkpoint-store.ts'
import { BatchProcessor, type RunnerLog } from './batch-processor.ts'
import type { ConnectionSettings } from '../rebuild/partitions.ts'
import { categories, type Projection } from '../projection.ts'
import type { ReadModels } from '../storage/read-models.ts'
import { projections } from '../projections.ts'
import { rebuildReadModels } from '../rebuild/rebuild.ts'

const largestBatch = 500

/** How often an instance that does not project tries to be the one that does. */
const standByMs = 500

/** What somebody watching is told after each batch. */
export interface RunnerProgress {
  readonly position: bigint
  /** How many there were in the batch. */
  readonly events: number
  readonly caughtUp: boolean
  /** When the log received the last event of the batch; null where it held none. */
  readonly receivedAt: Date | null
  readonly heard: readonly StoredEvent[]
  /** When the batch was taken in hand, milliseconds since 1970. */
  readonly begun: number
}

export interface RunnerHealth {
  /** `standing_by` while another instance projects for all; `refused` where a newer release built the read models. */
  readonly state: 'stopped' | 'standing_by' | 'projecting' | 'retrying' | 'refused'
  /** Whether the read models were level with the log when last heard of. */
  readonly caughtUp: boolean
  readonly position: string
  /** Since when it has not been able to follow the log, ISO 8601 UTC. */
  readonly troubledSince: string | null
}

export class ProjectionRunner {
  /** After each batch of this process. */
  readonly progress = new Subject<RunnerProgress>()
  private stopping: AbortController | undefined
  private working: Promise<void> = Promise.resolve()
  private state: RunnerHealth['state'] = 'stopped'
  private caughtUp = false
  private position = -1n
  private trouble: { readonly since: number; readonly error: Error } | undefined

  constructor(
    private readonly store: EventStore,
    private readonly readModels: ReadModels,
    private readonly vault: Vault,
    private readonly log: RunnerLog,
    private readonly all: readonly Projection[] = projections,
    private readonly whereabouts?: ConnectionSettings,
  ) {}

  /** Follows the log until stopped, whenever this process is the one that projects. */
  start(): void {
    if (this.stopping) return
    this.stopping = new AbortController()
    this.working = this.work(this.stopping.signal)
  }

  /** Resolves when the batch in hand is written and another process may project. */
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
   * Waits until the read models have heard the log up to a position, by this process or whichever projects. Projects
   * itself for as long, where it was not started.
   * @throws DowngradeRefused, and what the trouble is where there has been nothing but trouble for half a minute
   */
  async catchUpTo(end: bigint, onProgress: (position: bigint) => void = () => undefined): Promise<void> {
    const startedHere = !this.stopping
    if (startedHere) this.start()
    try {
      for (;;) {
        if (await this.readModels.waitFor(String(end), 250)) return
        onProgress(BigInt((await this.readModels.asOf()).position))
        if (this.trouble && (this.state === 'refused' || Date.now() - this.trouble.since > 30_000))
          throw this.trouble.error
      }
    } finally {
      if (startedHere) await this.stop()
    }
  }

  private async work(signal: AbortSignal): Promise<void> {
    let failures = 0
    while (!signal.aborted) {
      try {
        const election = await this.readModels.elect()
        if (!election) {
          this.state = 'standing_by'
          this.trouble = undefined
          await patiently(standByMs, signal)
          continue
        }
        try {
          await this.project(AbortSignal.any([signal, election.lost]), () => {
            failures = 0
            this.trouble = undefined
            this.state = 'projecting'
          })
        } finally {
          this.readModels.withdrawPosition()
          await election.release()
        }
      } catch (error) {
        this.caughtUp = false
        if (error instanceof CheckpointConflict) {
          // A rebuilt read model was swapped in, or another process took over: go on from what is written.
          await patiently(20, signal)
          continue
        }
        this.trouble ??= { since: Date.now(), error: error as Error }
        if (error instanceof DowngradeRefused) {
          this.state = 'refused'
          this.log.warn({ why: error.message }, 'The projector will not start.')
          return
        }
        this.state = 'retrying'
        failures++
        this.log.warn(
          error instanceof StoreUnavailable ? { failures } : { err: error as Error, failures },
          'The projector lost the log or the database and will take them up again.',
        )
        await patiently(Math.min(5_000, 100 * 2 ** failures), signal)
      }
    }
  }

  /** @param onHeard told when all is well: the log and the database both answered */
  private async project(until: AbortSignal, onHeard: () => void): Promise<void> {
    const current: AcquiredCheckpoint[] = []
    const outdated: Projection[] = []
    for (const projection of this.all) {
      const build = await this.readModels.checkpointStore.acquire(projection)
      if (build) current.push(build)
      if (!build || (await this.readModels.checkpointStore.rebuildState(projection)) === 'left')
        outdated.push(projection)
    }
    const together = new AbortController()
    const signal = AbortSignal.any([until, together.signal])
    // Once it is built, or if it could not be, stock is taken again.
    const rebuilding =
      outdated.length > 0 ? this.rebuild(outdated, signal).finally(() => together.abort()) : Promise.resolve()
    try {
      if (current.length === 0) return await rebuilding
      const hearing = await BatchProcessor.of(this.readModels, this.vault, this.log, current)
      let level = false
      const from = { categories, after: hearing.position, batchSize: largestBatch, signal }
      for await (const batch of this.store.subscribe(from)) {
        const begun = Date.now()
        level ||= batch.caughtUp
        await hearing.process(batch, !level)
        onHeard()
        this.position = hearing.position ?? -1n
        if (batch.caughtUp) this.caughtUp = true
        // Where one is being built anew, whoever waits looks for what is live in the database.
        if (outdated.length === 0) this.readModels.publishPosition(this.position)
        this.progress.next({
          position: this.position,
          events: batch.events.length,
          caughtUp: this.caughtUp,
          receivedAt: batch.events.at(-1)?.receivedAt ?? null,
          heard: batch.events,
          begun,
        })
      }
      await hearing.write()
    } finally {
      together.abort()
      await rebuilding
    }
  }

  private async rebuild(outdated: readonly Projection[], signal: AbortSignal): Promise<void> {
    const { store, readModels, vault, log, whereabouts } = this
    const mine: Projection[] = []
    for (const projection of outdated)
      if ((await readModels.checkpointStore.rebuildState(projection)) !== 'worked_on') mine.push(projection)
    if (mine.length === 0) return patiently(2_000, signal) // another process has it in hand
    const names = mine.map(({ name }) => name)
    log.info({ projections: names }, 'Building read models anew beside those that are served.')
    try {
      const done = await rebuildReadModels({ store, readModels, vault, log, connections: whereabouts }, mine, {
        signal,
      })
      if (done) log.info({ projections: names }, 'The read models built anew are served from now on.')
    } catch (error) {
      // Another process has taken it in hand, or the log is away.
      log.warn({ projections: names, err: error as Error }, 'Building read models anew was interrupted.')
      await patiently(5_000, signal)
    }
  }
}

/** Waits, more or less so long: instances that fail together should not come back together. */
const patiently = (ms: number, signal: AbortSignal): Promise<void> =>
  pause(ms * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined)
