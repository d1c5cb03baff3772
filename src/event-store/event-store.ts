/** The contract over @eventstore/db-client: append at an expected revision, read, follow. The one way to the log. */
import {
  BACKWARDS,
  END,
  EventStoreDBClient,
  FORWARDS,
  NO_STREAM,
  WrongExpectedVersionError,
  jsonEvent,
} from '@eventstore/db-client'
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { Observable, Subject } from 'rxjs'
import { CatchUpSubscription, type SubscriptionOptions } from './catch-up-subscription.ts'
import { readFiltered } from './filtered-read.ts'
import { answeredInTime, eventsOf, firstOf } from './reading.ts'
import { ConcurrencyConflict, StoreUnavailable, storeErrorFrom } from './store-errors.ts'
import { storedEventFrom, type NewEvent, type StoredEvent } from './stored-event.ts'

export interface AppendResult {
  /** The stream's last revision after the append. */
  readonly revision: number
  /** The place of the last event in the whole log. */
  readonly position: string
}

/** How an append ended, for whoever counts and times them. */
export interface AppendMeasurement {
  /** `moved`: somebody else appended first. `unavailable`: the log did not answer in time, or not at all. */
  readonly outcome: 'written' | 'moved' | 'unavailable' | 'failed'
  readonly seconds: number
}

/** Does nothing unless the application traces. */
const tracer = trace.getTracer('throughline')

export class EventStore {
  /** After each append, however it ended. */
  readonly appends = new Subject<AppendMeasurement>()
  private readonly client: EventStoreDBClient

  constructor(client: EventStoreDBClient) {
    this.client = client
  }

  static connect(connectionString: string): EventStore {
    return new EventStore(EventStoreDBClient.connectionString(connectionString))
  }

  /**
   * Appends all of the events or none.
   * @param expected the stream's last revision as last read; -1 for a stream that must not exist yet
   * @throws StreamMoved, StoreUnavailable
   */
  async append(stream: string, expected: number, events: readonly NewEvent[]): Promise<AppendResult> {
    const begun = performance.now()
    const span = tracer.startSpan('append', {
      kind: SpanKind.CLIENT,
      attributes: { 'throughline.events': events.length },
    })
    let outcome: AppendMeasurement['outcome'] = 'failed'
    try {
      const written = await this.written(stream, expected, events)
      outcome = 'written'
      span.setAttribute('throughline.position', written.position)
      return written
    } catch (error) {
      if (error instanceof ConcurrencyConflict) outcome = 'moved'
      if (error instanceof StoreUnavailable) outcome = 'unavailable'
      // Not what the error says: that may be anything.
      if (outcome !== 'moved') span.setStatus({ code: SpanStatusCode.ERROR })
      throw error
    } finally {
      span.setAttribute('throughline.outcome', outcome).end()
      this.appends.next({ outcome, seconds: (performance.now() - begun) / 1_000 })
    }
  }

  private async written(stream: string, expected: number, events: readonly NewEvent[]): Promise<AppendResult> {
    try {
      const appended = this.client.appendToStream(
        stream,
        events.map(({ id, type, data, metadata }) =>
          jsonEvent({ id, type, data: canonical(data) as never, metadata: canonical(metadata) as never }),
        ),
        { expectedRevision: expected < 0 ? NO_STREAM : BigInt(expected) },
      )
      // The client has no timer of its own for batched appends.
      const { nextExpectedRevision, position } = await answeredInTime(appended)
      return { revision: Number(nextExpectedRevision), position: String(position?.commit ?? 0n) }
    } catch (error) {
      if (error instanceof WrongExpectedVersionError) throw new ConcurrencyConflict(stream)
      throw storeErrorFrom(error)
    }
  }

  /**
   * The whole stream in recorded order, from a revision on; nothing where there is no such stream.
   * @throws StoreUnavailable, as all reads do, when the log is away or silent for 15 seconds
   */
  read(stream: string, fromRevision = 0): AsyncGenerator<StoredEvent> {
    return eventsOf(this.client.readStream(stream, { direction: FORWARDS, fromRevision: BigInt(fromRevision) }))
  }

  /** The whole log once, in its own order, as far as it reaches now: the streams of the categories only. */
  readAll(categories: readonly string[]): AsyncGenerator<StoredEvent> {
    return eventsOf(readFiltered(this.client, { categories, direction: 'forwards', from: 'start' }))
  }

  /** The position of the very last event, system events included; 0 where there is none. */
  async headPosition(): Promise<bigint> {
    const last = await firstOf(this.client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 }))
    return last?.position ?? 0n
  }

  /** The position of the last event of the categories; 0 where there is none. */
  async headPositionOf(categories: readonly string[]): Promise<bigint> {
    const last = await firstOf(readFiltered(this.client, { categories, direction: 'backwards', from: 'end', limit: 1 }))
    return last?.position ?? 0n
  }

  /** The first event of the categories after a position in the log: the next that whoever has read up to there has yet to read. */
  firstEventAfter(categories: readonly string[], after: bigint | null): Promise<StoredEvent | null> {
    // A read forwards includes the event at its position.
    const reading = readFiltered(this.client, { categories, direction: 'forwards', from: after ?? 'start', limit: 2 })
    return firstOf(reading, ({ position }) => (position ?? 0n) > (after ?? -1n))
  }

  /** Follows every stream of the categories, or of a partition of them, from just after a position in the log. */
  subscribe(options: SubscriptionOptions): CatchUpSubscription {
    return new CatchUpSubscription(this.client, options)
  }

  /** Follows one stream from its end: what is appended while somebody looks. */
  followStream(stream: string): Observable<StoredEvent> {
    return new Observable((listener) => {
      const subscription = this.client.subscribeToStream(stream, { fromRevision: END })
      subscription.on('data', (resolved) => {
        const event = storedEventFrom(resolved)
        if (event) listener.next(event)
      })
      subscription.on('error', (error) => listener.error(storeErrorFrom(error)))
      subscription.on('end', () => listener.complete())
      return () => void subscription.unsubscribe().catch(() => undefined)
    })
  }

  async close(): Promise<void> {
    await this.client.dispose()
  }
}

/** RFC 8785 order of keys, so that equal facts are equal bytes; the client's JSON.stringify keeps the order it is given. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical)
  if (value === null || typeof value !== 'object') return value
  const sorted: Record<string, unknown> = {}
  for (const key of Object.keys(value).sort()) {
    const field = (value as Record<string, unknown>)[key]
    if (field !== undefined) sorted[key] = canonical(field)
  }
  return sorted
}
