/** Gives each event of a batch to the handlers of each projection, and writes the changed rows together with the checkpoints. */
import type { DomainEvent } from '../../src/domain/events.ts'
import type { Recorded } from '../../src/domain/history.ts'
import { PoisonEvent } from '../../src/domain/codec.ts'
import type { EventBatch } from '../../src/event-store/batch-buffer.ts'
import type { EventStore } from '../../src/event-store/event-store.ts'
import type { PositionedEvent } from '../../src/event-store/stored-event.ts'
import type { Vault } from '../../src/protection/vault.ts'
import type { Change, Handler } from '../projection.ts'
import type { WriteTargets } from '../storage/database.ts'
import {
  liveTargets,
  type AcquiredCheckpoint,
  type BatchWrite,
  type CheckpointStore,
  type LastEvent,
  type ParkedStream,
} from './checkpoint-store.ts'
import { decodedEvent } from './decode-event.ts'
import { mostRowsKept, RowCache, type EventChanges } from './row-cache.ts'

export interface RunnerLog {
  info(about: object, message: string): void
  warn(about: object, message: string): void
}

/** What projecting needs: the log, the keys, the read models, and where a parked stream is reported. */
export interface ProjectionSources {
  readonly store: EventStore
  readonly vault: Vault
  /** Only their checkpoints, and the database of these. */
  readonly readModels: { readonly checkpointStore: CheckpointStore }
  readonly log: RunnerLog
}

/** In catch-up mode a write waits for no more than so many characters of events, however few the rows. */
const mostCharactersUnwritten = 4_000_000

/**
 * In catch-up mode a write waits for no longer than this, in milliseconds: so much may have to be projected again after a crash.
 * Where another process is writing, half as long again.
 */
const longestUnwrittenMs = 2_000

/** In catch-up mode, how many times as many rows, and as much time, a write may wait where another process is writing. */
const whileBusy = { rows: 4, time: 1.5 }

/** The decoded events of a batch, or the errors of those that could not be decoded. The projections of a processor share them. */
type DecodedEvents = (Recorded<DomainEvent> | Error | undefined)[]

interface ProjectedEvent extends EventChanges {
  readonly stored: PositionedEvent
}

const noChanges: readonly Change[] = []

export class BatchProcessor {
  private projections: ProjectionInProgress[] = []

  private readonly checkpointStore: CheckpointStore
  private readonly vault: Vault
  private readonly log: RunnerLog

  private constructor({ readModels, vault, log }: Omit<ProjectionSources, 'store'>) {
    this.checkpointStore = readModels.checkpointStore
    this.vault = vault
    this.log = log
  }

  /** For several projections, which process each batch together and are written in one transaction. */
  static async of(
    sources: Omit<ProjectionSources, 'store'>,
    checkpoints: readonly AcquiredCheckpoint[],
    targetsOf: (checkpoint: AcquiredCheckpoint) => WriteTargets | Promise<WriteTargets> = liveTargets,
  ): Promise<BatchProcessor> {
    const processor = new BatchProcessor(sources)
    const { checkpointStore } = processor
    processor.projections = await Promise.all(
      checkpoints.map(async (checkpoint) => {
        const rows = new RowCache(checkpointStore.database, await targetsOf(checkpoint))
        return new ProjectionInProgress(checkpoint, rows, await checkpointStore.parkedStreams(checkpoint))
      }),
    )
    return processor
  }

  /** Processes one stream again from its first event. @returns what is to be written; nothing has been written */
  static async reprocessed(
    sources: Omit<ProjectionSources, 'store'>,
    checkpoint: AcquiredCheckpoint,
    events: readonly PositionedEvent[],
  ): Promise<BatchWrite> {
    const processor = new BatchProcessor(sources)
    const rows = new RowCache(processor.checkpointStore.database, liveTargets(checkpoint))
    const projection = new ProjectionInProgress({ ...checkpoint, position: null, lastEvent: null }, rows, new Set())
    await processor.project(projection, events, checkpoint.position ?? -1n, [])
    // What it replaces was written at the position of the checkpoint.
    return { ...projection.write, checkpoint }
  }

  /** The projection takes part in no further batch. */
  remove(checkpoint: AcquiredCheckpoint): void {
    this.projections = this.projections.filter((projection) => projection.checkpoint !== checkpoint)
  }

  /** As they were last written. */
  get checkpoints(): readonly AcquiredCheckpoint[] {
    return this.projections.map(({ checkpoint }) => checkpoint)
  }

  /** The lowest position of all checkpoints, as last written; null before the first event. */
  get position(): bigint | null {
    return this.checkpoints.reduce<bigint | null>(
      (low, { position }) => (low === null || position === null ? null : position < low ? position : low),
      this.checkpoints[0]?.position ?? null,
    )
  }

  /**
   * @param catchingUp the write may wait until there are many rows, or some time has passed, because nobody waits for it
   * @throws CheckpointConflict, or an error of the database; the processor is then of no further use
   */
  async process({ events, upTo, characters }: EventBatch, catchingUp = false): Promise<void> {
    const decoded: DecodedEvents = []
    for (const projection of this.projections) {
      if (upTo === null || upTo <= projection.processedUpTo) continue
      await this.project(projection, events, upTo, decoded)
      projection.characters += characters
    }
    const { worthWriting } = this.checkpointStore.database
    const due = this.projections.filter(
      (projection) => projection.isUnwritten && !(catchingUp && projection.mayWait(worthWriting, 1)),
    )
    const canWait =
      catchingUp && due.every((projection) => projection.mayWait(worthWriting * whileBusy.rows, whileBusy.time))
    await this.commit(due, canWait)
  }

  /** Writes everything that waits. @throws like {@link process} */
  async write(): Promise<void> {
    await this.commit(this.projections.filter((projection) => projection.isUnwritten))
  }

  /** From here on the rows are written elsewhere. To be called after {@link write}. */
  async writeTo(targetsOf: (checkpoint: AcquiredCheckpoint) => Promise<WriteTargets>): Promise<void> {
    for (const { rows, checkpoint } of this.projections) rows.writeTo(await targetsOf(checkpoint))
  }

  private async commit(projections: readonly ProjectionInProgress[], unlessBusy = false): Promise<void> {
    if (projections.length === 0) return
    const writes = projections.map(({ write }) => write)
    const written = await (unlessBusy
      ? this.checkpointStore.commitUnlessBusy(writes)
      : this.checkpointStore.commit(writes))
    if (written) for (const [n, projection] of projections.entries()) projection.written(written[n]!)
  }

  private async project(
    projection: ProjectionInProgress,
    events: readonly PositionedEvent[],
    upTo: bigint,
    decoded: DecodedEvents,
  ): Promise<void> {
    const projected: ProjectedEvent[] = []
    for (let n = 0; n < events.length; n++) {
      const stored = events[n]!
      if (stored.position <= projection.processedUpTo || projection.isParked(stored.stream)) continue
      const changes = this.changesOf(projection, events, n, decoded)
      if (changes !== noChanges) projected.push({ stored, changes, rows: [] })
    }
    await projection.rows.read(projected)
    for (const { stored, changes, rows } of projected) {
      const { stream, revision } = stored
      if (projection.isParked(stream)) continue
      const failure = changes instanceof Error ? changes : projection.rows.apply(changes, rows)
      if (!failure) continue
      // Only this stream stops, and pages say so; all others go on.
      const why = failure instanceof PoisonEvent ? failure.why : 'its handler failed'
      this.log.warn({ projection: projection.name, stream, revision, why }, 'A stream is parked.')
      projection.park({ stream, revision, why })
    }
    const last = events.at(-1)
    if (last && last.position > projection.processedUpTo)
      projection.lastEvent = { id: last.id, position: last.position }
    projection.processedUpTo = upTo
  }

  private changesOf(
    { handlers }: ProjectionInProgress,
    events: readonly PositionedEvent[],
    n: number,
    decoded: DecodedEvents,
  ): readonly Change[] | Error {
    const stored = events[n]!
    const handler = handlers.get(stored.type)
    if (handler === 'ignored') return noChanges
    try {
      const event = (decoded[n] ??= decodedEvent(stored))
      // An event of an unknown type, which has no handler, is always an error.
      return event instanceof Error ? event : handler!(event, this.vault)
    } catch (error) {
      if ((error as Error).name === 'SqliteError') throw error // the vault's fault, not the event's
      return error as Error
    }
  }
}

/** What is known of one projection while it processes batches. */
class ProjectionInProgress {
  /** By type of event. A Map finds the name of a type that has just come from the log faster than an object does. */
  readonly handlers: ReadonlyMap<string, Handler<DomainEvent> | 'ignored'>
  /** The position up to which events have been processed, written or not. */
  processedUpTo: bigint
  /** The last event up to there; null before the first. */
  lastEvent: LastEvent | null
  /** The size of the events that have been processed and not written. */
  characters = 0
  private readonly foldsOnly: boolean
  private newlyParked: ParkedStream[] = []
  private writtenAt = performance.now()

  constructor(
    public checkpoint: AcquiredCheckpoint,
    readonly rows: RowCache,
    private readonly parked: Set<string>,
  ) {
    const { on, tables } = checkpoint.projection
    this.handlers = new Map(Object.entries(on as Record<string, Handler<DomainEvent> | 'ignored'>))
    this.foldsOnly = tables.every(({ kind }) => kind === 'fold')
    this.processedUpTo = checkpoint.position ?? -1n
    this.lastEvent = checkpoint.lastEvent
  }

  get name(): string {
    return this.checkpoint.projection.name
  }

  get isUnwritten(): boolean {
    return this.processedUpTo > (this.checkpoint.position ?? -1n)
  }

  /**
   * Whether in catch-up mode its write may wait still.
   * @param worthWriting the number of rows from which a transaction is worth its cost
   * @param patience how many times as long as usual the write may wait, and how many times as many rows of folds
   */
  mayWait(worthWriting: number, patience: number): boolean {
    if (performance.now() - this.writtenAt >= longestUnwrittenMs * patience) return false
    // The changed rows of folds are in memory anyway, and most of them soon change again.
    if (this.foldsOnly) return this.rows.changedCount < mostRowsKept * patience
    return this.rows.changedCount < worthWriting && this.characters < mostCharactersUnwritten
  }

  isParked(stream: string): boolean {
    // Asked for every event, and nearly always there is none.
    return this.parked.size > 0 && this.parked.has(stream)
  }

  park(stream: ParkedStream): void {
    this.parked.add(stream.stream)
    // A name that no database keeps is listed under another. Each event of such a stream parks it again.
    this.newlyParked.push({ ...stream, stream: stream.stream.replaceAll('\0', '\ufffd').toWellFormed() })
  }

  /** Everything that was processed since the last write. */
  get write(): BatchWrite {
    const { checkpoint, processedUpTo, lastEvent, rows, newlyParked } = this
    return { checkpoint, upTo: processedUpTo, lastEvent, rows: rows.changedRows, parked: newlyParked }
  }

  written(checkpoint: AcquiredCheckpoint): void {
    this.checkpoint = checkpoint
    this.writtenAt = performance.now()
    this.characters = 0
    this.newlyParked = []
    this.rows.written()
  }
}
