/** Carries the log into the read models: in batches, in order, each effect once, and on again after any interruption. */
import { Observable, defer, map, retry, takeWhile, tap, timer, type Subscription } from 'rxjs'
import { isEventType, type DomainEvent } from '../src/domain/events.ts'
import type { Recorded } from '../src/domain/history.ts'
import { PoisonEvent, recordedFrom } from '../src/domain/stored-event.ts'
import type { EventStore, Heard, StoredEvent } from '../src/event-store/event-store.ts'
import type { Vault } from '../src/protection/vault.ts'
import { caseload } from './caseload.ts'
import { participants } from './participants.ts'
import type { Change, Handler, Projection, Row } from './projection.ts'
import type { ReadModels } from './read-models.ts'
import { timeline } from './timeline.ts'

export const projections: readonly Projection[] = [participants, caseload, timeline]

/** The categories of streams any projection listens to. */
export const categories = ['journey', 'participant']

const largestBatch = 500

type Placed = StoredEvent & { readonly position: bigint }

interface Batch {
  readonly events: readonly Placed[]
  /** How far the log has been heard with this batch. */
  readonly to: bigint
  readonly caughtUp: boolean
}

/** What somebody watching is told after each batch. */
export interface Progress {
  readonly position: bigint
  readonly events: number
  readonly caughtUp: boolean
}

export interface ProjectorLog {
  warn(about: object, message: string): void
}

export class Projector {
  private running: Subscription | undefined

  constructor(
    private readonly store: EventStore,
    private readonly readModels: ReadModels,
    private readonly vault: Vault,
    private readonly log: ProjectorLog,
    private readonly all: readonly Projection[] = projections,
  ) {}

  /** Follows the log until stopped. A lost connection is taken up again, after a wait that grows to five seconds. */
  start(): void {
    this.running = this.run()
      .pipe(
        retry({
          resetOnSuccess: true,
          delay: (error, count) => {
            this.log.warn({ err: error as Error, count }, 'The projector lost the log and will take it up again.')
            return timer(Math.min(5_000, 100 * 2 ** count) * (0.5 + Math.random() / 2))
          },
        }),
      )
      .subscribe()
  }

  stop(): void {
    this.running?.unsubscribe()
  }

  /** Hears the log up to where it is caught up, telling progress as it goes, and completes. */
  catchUp(): Observable<Progress> {
    return this.run().pipe(takeWhile(({ caughtUp }) => !caughtUp, true))
  }

  private run(): Observable<Progress> {
    return defer(() => {
      const heard = new Map(this.all.map((projection) => [projection, this.readModels.prepare(projection)]))
      const slowest = [...heard.values()].reduce((low, one) =>
        low === null || one === null ? null : one < low ? one : low,
      )
      if (slowest !== null) this.readModels.announce(slowest)
      let events = 0
      return batched(this.store.follow(categories, slowest)).pipe(
        tap((batch) => {
          for (const projection of this.all) {
            const from = heard.get(projection) ?? null
            if (batch.to <= (from ?? -1n)) continue
            this.project(projection, from, batch)
            heard.set(projection, batch.to)
          }
          this.readModels.announce(batch.to)
          events += batch.events.length
        }),
        map(({ to, caughtUp }) => ({ position: to, events, caughtUp })),
      )
    })
  }

  private project(projection: Projection, from: bigint | null, batch: Batch): void {
    this.readModels.advance(projection, from, batch.to, () => {
      const held = this.readModels.heldStreams(projection.name)
      const rows = new WorkingRows(this.readModels)
      for (const stored of batch.events) {
        if (from !== null && stored.position <= from) continue
        if (held.has(stored.stream)) continue
        try {
          rows.applyAll(this.changesOf(projection, stored))
        } catch (error) {
          if ((error as Error).name === 'SqliteError') throw error // the database's fault, not the event's
          // This history is held here and shown as held; all others go on.
          const why = error instanceof PoisonEvent ? error.why : 'its handler failed'
          this.log.warn(
            { projection: projection.name, stream: stored.stream, revision: stored.revision, why },
            'A history is held.',
          )
          held.add(stored.stream)
          this.readModels.hold({ projection: projection.name, stream: stored.stream, revision: stored.revision, why })
        }
      }
      rows.write()
    })
  }

  private changesOf(projection: Projection, stored: StoredEvent): readonly Change[] {
    if (isEventType(stored.type) && projection.on[stored.type] === 'ignored') return []
    const event = recordedFrom(stored)
    const handler = projection.on[event.type] as Handler<DomainEvent>
    return handler(event as Recorded<DomainEvent>, this.vault)
  }
}

/** The rows a batch touches: each is read once, changed in memory, and written once. */
class WorkingRows {
  private readonly rows = new Map<string, { change: Change; row: Row | undefined; touched: boolean }>()

  constructor(private readonly readModels: ReadModels) {}

  /** All the changes of one event, or none where one of them throws. */
  applyAll(changes: readonly Change[]): void {
    const before = changes.map((change) => ({ place: this.place(change), row: this.place(change).row }))
    try {
      for (const change of changes) {
        const place = this.place(change)
        const row = change.become(place.row)
        if (!row) continue
        place.row = row
        place.touched = true
      }
    } catch (error) {
      for (const { place, row } of before) place.row = row
      throw error
    }
  }

  private place(change: Change) {
    const parts = change.key.map((part) => (Buffer.isBuffer(part) ? part.toString('hex') : String(part)))
    const key = [change.table.name, ...parts].join('\0')
    let place = this.rows.get(key)
    if (!place) {
      place = { change, row: this.readModels.row(change.table, change.key), touched: false }
      this.rows.set(key, place)
    }
    return place
  }

  write(): void {
    for (const { change, row, touched } of this.rows.values())
      if (touched && row) this.readModels.put(change.table, row)
  }
}

/**
 * Gathers what is heard into batches. While catching up a batch waits to be worth its transaction; once caught up
 * it is whatever has arrived in one turn of the event loop.
 */
function batched(source: Observable<Heard>): Observable<Batch> {
  return new Observable((listener) => {
    let events: Placed[] = []
    let to: bigint | null = null
    let live = false
    let scheduled = false

    const flush = (caughtUp: boolean) => {
      scheduled = false
      if (to === null) return
      const batch = { events, to, caughtUp }
      events = []
      to = null
      listener.next(batch)
    }
    const later = () => {
      if (scheduled) return
      scheduled = true
      if (live) setImmediate(() => !listener.closed && flush(false))
      else setTimeout(() => !listener.closed && flush(false), 20)
    }

    const subscription = source.subscribe({
      next(heard) {
        if (heard.kind === 'caught_up') {
          live = true
          // Nothing may have been new: the watcher still hears that we are level with the log.
          if (to === null) listener.next({ events: [], to: -1n, caughtUp: true })
          else flush(true)
          return
        }
        to = heard.kind === 'event' ? heard.event.position : heard.position
        if (heard.kind === 'event') events.push(heard.event)
        if (events.length >= largestBatch) flush(false)
        else later()
      },
      error: (error) => listener.error(error),
      complete: () => listener.complete(),
    })
    return () => subscription.unsubscribe()
  })
}
