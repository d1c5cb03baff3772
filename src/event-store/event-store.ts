/** The contract over @eventstore/db-client: read and follow the log. What appends to it is in event-appender.ts. */
import {
  BACKWARDS,
  END,
  EventStoreDBClient,
  FORWARDS,
  START,
  StreamNotFoundError,
  UnavailableError,
  streamNameFilter,
  type RegexFilter,
  type ResolvedEvent,
  type StreamingRead,
} from '@eventstore/db-client'
import { Observable } from 'rxjs'

/** An event as it goes to the log: nothing personal in it but what is sealed. */
export interface NewEvent {
  readonly id: string
  readonly type: string
  readonly data: object
  readonly metadata: object
}

/** An event as it comes from the log. `data` is a string where the log holds malformed JSON: a poison event. */
export interface StoredEvent {
  readonly id: string
  readonly type: string
  readonly stream: string
  readonly revision: number
  readonly data: unknown
  readonly metadata: unknown
  /** When this log received it. */
  readonly receivedAt: Date
  /** Its place in the whole log; compare as a number, never count with it. Absent when read from its stream by an older server. */
  readonly position: bigint | null
}

/** Someone else appended first. Read again, decide again. */
export class ConcurrencyConflict extends Error {
  readonly stream: string

  constructor(stream: string) {
    super(`The stream ${stream} has moved on.`)
    this.stream = stream
    this.name = 'StreamMoved'
  }
}

/** The log cannot be reached or did not answer in time. Whether the append was written is not known: tell it again. */
export class StoreUnavailable extends Error {
  constructor(options?: ErrorOptions) {
    super('The event store cannot be reached. Try again when it can: nothing is written twice.', options)
    this.name = 'StoreUnavailable'
  }
}

/** What a follower hears at once: events in order, and how far the log has been read with them. */
export interface EventBatch {
  readonly events: readonly (StoredEvent & { readonly position: bigint })[]
  /** null where nothing at all was passed: the follower was level already. */
  readonly to: bigint | null
  readonly caughtUp: boolean
  /** Of its events, in characters, near enough. */
  readonly weight: number
}

/** Some of the streams, by how their ids begin: one of several followers that hear all of them between them. */
export interface Partition {
  /** From 1. */
  readonly number: number
  readonly of: number
}

/** A batch that holds more characters than this is full, however few its events: what somebody hears at once is bounded. */
const heaviestBatch = 4_000_000

export class EventStore {
  private readonly client: EventStoreDBClient

  constructor(client: EventStoreDBClient) {
    this.client = client
  }

  static connect(connectionString: string): EventStore {
    return new EventStore(EventStoreDBClient.connectionString(connectionString))
  }

  /** The whole stream in recorded order, from a revision on; nothing where there is no such stream. */
  async *read(stream: string, fromRevision = 0): AsyncGenerator<StoredEvent> {
    const reading = this.client.readStream(stream, { direction: FORWARDS, fromRevision: BigInt(fromRevision) })
    try {
      for await (const resolved of reading.iterator({ destroyOnReturn: false })) {
        const event = storedFrom(resolved)
        if (event) yield event
      }
    } catch (error) {
      if (error instanceof StreamNotFoundError) return
      throw storeErrorFrom(error)
    } finally {
      letGo(reading)
    }
  }

  /** The whole log once, in its own order, as far as it reaches now: the streams of the categories only. */
  async *readAll(categories: readonly string[]): AsyncGenerator<StoredEvent> {
    const reading = this.client.readAll({ direction: FORWARDS, fromPosition: START })
    try {
      for await (const resolved of reading.iterator({ destroyOnReturn: false })) {
        const event = storedFrom(resolved)
        if (event && isOf(categories, event)) yield event
      }
    } catch (error) {
      throw storeErrorFrom(error)
    } finally {
      letGo(reading)
    }
  }

  /** The place of the very last event, system events included; 0 where there is none. */
  async headPosition(): Promise<bigint> {
    try {
      const [last] = await Array.fromAsync(
        this.client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 }),
      )
      return last?.event?.position?.commit ?? 0n
    } catch (error) {
      throw storeErrorFrom(error)
    }
  }

  /** The place of the last event of the categories; 0 where there is none. */
  async headPositionOf(categories: readonly string[]): Promise<bigint> {
    const reading = this.client.readAll({ direction: BACKWARDS, fromPosition: END })
    try {
      for await (const resolved of reading.iterator({ destroyOnReturn: false })) {
        const event = storedFrom(resolved)
        if (event && isOf(categories, event)) return event.position ?? 0n
      }
      return 0n
    } catch (error) {
      throw storeErrorFrom(error)
    } finally {
      letGo(reading)
    }
  }

  /** The first event of the categories after a place in the log: what somebody who has heard up to there has yet to hear. */
  async firstEventAfter(categories: readonly string[], after: bigint | null): Promise<StoredEvent | null> {
    const fromPosition = after === null ? START : { commit: after, prepare: after }
    const reading = this.client.readAll({ direction: FORWARDS, fromPosition })
    try {
      for await (const resolved of reading.iterator({ destroyOnReturn: false })) {
        const event = storedFrom(resolved)
        if (event && isOf(categories, event) && (event.position ?? 0n) > (after ?? -1n)) return event
      }
      return null
    } catch (error) {
      throw storeErrorFrom(error)
    } finally {
      letGo(reading)
    }
  }

  /**
   * Follows every stream of the categories, from just after a place in the log, in batches and at the reader's pace: while he works on one the next is gathered, and when
   * that is full the server waits. Level with the log, a batch is whatever has come.
   * @throws StoreUnavailable when the connection is lost
   */
  async *batches(
    categories: readonly string[],
    after: bigint | null,
    most: number,
    signal: AbortSignal,
    lane?: Partition,
  ): AsyncGenerator<EventBatch> {
    let events: (StoredEvent & { position: bigint })[] = []
    let weight = 0
    let to: bigint | null = null
    let live = false
    let caughtUp = false
    let ended: { error: unknown } | undefined
    let wake = () => {}
    // What the server says between events is told at once, events only when their turn comes: until those before it
    // have had theirs, it is kept.
    let passed: bigint | null = null
    let level = false
    const settle = () => {
      if (subscription.readableLength > 0) return
      if (passed !== null && passed > (to ?? -1n)) to = passed
      passed = null
      if (level) live = caughtUp = true
      level = false
      if (live) wake()
    }
    const checkpoints: Pick<RegexFilter, 'checkpointInterval' | 'checkpointReached'> = {
      checkpointInterval: 32,
      checkpointReached: (_subscription, { commit }) => {
        passed = commit
        settle()
      },
    }
    const subscription = this.client.subscribeToAll({
      fromPosition: after === null ? START : { commit: after, prepare: after },
      filter: lane
        ? streamNameFilter({ regex: patternOf(categories, lane), ...checkpoints })
        : streamNameFilter({ prefixes: categories.map((category) => `${category}-`), ...checkpoints }),
    })
    const end = (error: unknown) => {
      ended ??= { error }
      wake()
    }
    const isFull = () => events.length >= most || weight >= heaviestBatch
    subscription.on('data', (resolved) => {
      const event = storedFrom(resolved)
      if (event && event.position !== null) {
        events.push(event as StoredEvent & { position: bigint })
        weight += weightOf(event.data) + weightOf(event.metadata)
        to = event.position
        if (isFull()) {
          subscription.pause()
          wake()
        }
      }
      settle()
    })
    subscription.on('caughtUp', () => {
      level = true
      settle()
    })
    subscription.on('error', (error) => end(storeErrorFrom(error)))
    subscription.on('end', () => end(new StoreUnavailable()))
    const stop = () => end(undefined)
    signal.addEventListener('abort', stop)
    try {
      while (!signal.aborted) {
        if (isFull() || (live && to !== null) || caughtUp) {
          const batch = { events, to, caughtUp, weight }
          events = []
          weight = 0
          to = null
          caughtUp = false
          subscription.resume()
          yield batch
        } else if (ended) {
          if (ended.error !== undefined) throw ended.error
          return
        } else {
          await new Promise<void>((resolve) => (wake = resolve))
        }
      }
    } finally {
      signal.removeEventListener('abort', stop)
      await subscription.unsubscribe().catch(() => undefined)
    }
  }

  /** Follows one stream from its end: what is appended while somebody looks. */
  followStream(stream: string): Observable<StoredEvent> {
    return new Observable((listener) => {
      const subscription = this.client.subscribeToStream(stream, { fromRevision: END })
      subscription.on('data', (resolved) => {
        const event = storedFrom(resolved)
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

/** Ids of ours are UUIDs: what an id begins with shares them out evenly. Whatever begins otherwise falls to the first lane. */
function patternOf(categories: readonly string[], { number, of }: Partition): string {
  const begins = (isMine: boolean) =>
    [...'0123456789abcdef'].filter((_, digit) => (digit % of === number - 1) === isMine).join('')
  return `^(?:${categories.join('|')})-${number === 1 ? `(?:[^${begins(false)}]|$)` : `[${begins(true)}]`}`
}

/**
 * Whoever stops reading early has to end the call and drop what has already come: the client does neither, and when it is
 * closed it waits for ever for the rest to be read.
 */
function letGo<E>(reading: StreamingRead<E>): void {
  if (reading.readableEnded || reading.destroyed) return
  void reading.cancel().catch(() => undefined)
  reading.on('error', () => undefined).resume()
}

/** In characters, of what can be long: the text itself, or the texts right inside. */
function weightOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  let weight = 0
  for (const field in value as object) {
    const inside = (value as Record<string, unknown>)[field]
    if (typeof inside === 'string') weight += inside.length
  }
  return weight
}

const isOf = (categories: readonly string[], { stream }: StoredEvent) =>
  categories.some((category) => stream.startsWith(`${category}-`))

function storedFrom({ event }: ResolvedEvent): StoredEvent | null {
  if (!event) return null
  return {
    id: event.id,
    type: event.type,
    stream: event.streamId,
    revision: Number(event.revision),
    data: event.data,
    metadata: event.metadata,
    receivedAt: event.created,
    position: event.position?.commit ?? null,
  }
}

/** What the client says went wrong, in the product's own words where the log was away or silent. */
export function storeErrorFrom(error: unknown): unknown {
  if (error instanceof UnavailableError) return new StoreUnavailable({ cause: error })
  const { type } = error as { type?: string }
  if (
    type === 'unavailable' ||
    type === 'timeout' ||
    type === 'deadline-exceeded' ||
    type === 'cancelled' ||
    type === 'not-leader'
  ) {
    return new StoreUnavailable({ cause: error })
  }
  return error
}
