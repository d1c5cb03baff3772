/** The contract over @eventstore/db-client: read and follow the log. What appends to it is in event-appender.ts. */
import { BACKWARDS, END, FORWARDS, type EventStoreDBClient } from '@eventstore/db-client'
import { Observable } from 'rxjs'
import { CatchUpSubscription, type SubscriptionOptions } from './catch-up-subscription.ts'
import { clientOf, connectionProblem, reach } from './connection.ts'
import { readFiltered, serverTime } from './filtered-read.ts'
import { sendFarAhead } from './flow-control.ts'
import type { Outages } from './outages.ts'
import { answeredInTime, eventsOf, firstOf } from './reading.ts'
import { storeErrorFrom, type StoreUnavailable } from './store-errors.ts'
import { storedEventFrom, type StoredEvent } from './stored-event.ts'

export class EventStore {
  private followingClient: EventStoreDBClient | undefined

  constructor(
    private readonly client: EventStoreDBClient,
    private readonly connectionString: string,
    /** Reads and follows on once the log is back; without, an outage is an error. */
    private readonly outages?: Outages,
  ) {}

  /** @throws BadConnectionString */
  static connect(connectionString: string, outages?: Outages): EventStore {
    return new EventStore(clientOf(connectionString), connectionString, outages)
  }

  /**
   * Waits for the first answer of the server.
   * @throws ConnectionProblem within ten seconds, saying what keeps the event store from being used
   */
  reach(): Promise<void> {
    return reach(this.client, this.connectionString)
  }

  /** In a sentence, why the log does not answer; found out by connecting to it once more, which takes up to five seconds. */
  async whyUnavailable(error: StoreUnavailable): Promise<string> {
    return ((await connectionProblem(this.connectionString, error)) ?? error).message
  }

  /**
   * The whole stream in recorded order, from a revision on; nothing where there is no such stream.
   * @throws StoreUnavailable, as all reads do, when the log is away or silent for 15 seconds
   */
  async *read(stream: string, fromRevision = 0): AsyncGenerator<StoredEvent> {
    const from = (revision: number) =>
      eventsOf(this.client.readStream(stream, { direction: FORWARDS, fromRevision: BigInt(revision) }))
    if (!this.outages) return yield* from(fromRevision)
    for (let next = fromRevision; ;) {
      try {
        for await (const event of from(next)) {
          this.outages.over()
          next = event.revision + 1
          yield event
        }
        return this.outages.over()
      } catch (error) {
        await this.outages.waitOut(error)
      }
    }
  }

  /**
   * The log once, in its own order, as far as it reaches now: the streams of the categories only.
   * @param from the position of an event, which is included; the beginning of the log unless said
   */
  readAll(categories: readonly string[], from: bigint | null = null): AsyncGenerator<StoredEvent> {
    return eventsOf(readFiltered(this.client, { categories, direction: 'forwards', from: from ?? 'start' }))
  }

  /** Some events of a stream in recorded order, from a revision on, as many as are wanted; nothing where there is no such stream. */
  readRange(stream: string, fromRevision: number, most: number): Promise<StoredEvent[]> {
    const options = { direction: FORWARDS, fromRevision: BigInt(fromRevision), maxCount: most } as const
    return this.asked(() => answeredInTime(Array.fromAsync(eventsOf(this.client.readStream(stream, options)))))
  }

  /** The newest event of a stream; null where there is no such stream. */
  lastOf(stream: string): Promise<StoredEvent | null> {
    const options = { direction: BACKWARDS, fromRevision: END, maxCount: 1 } as const
    return this.asked(() => firstOf(this.client.readStream(stream, options)))
  }

  /** The newest events of a stream, the newest first; nothing where there is no such stream. */
  readBackwards(stream: string, most: number): AsyncGenerator<StoredEvent> {
    return eventsOf(this.client.readStream(stream, { direction: BACKWARDS, fromRevision: END, maxCount: most }))
  }

  /** The newest events of the streams of some categories, the newest first. */
  readAllBackwards(categories: readonly string[], most: number): AsyncGenerator<StoredEvent> {
    return eventsOf(readFiltered(this.client, { categories, direction: 'backwards', from: 'end', limit: most }))
  }

  /** The same, once all have been read. */
  newestOf(categories: readonly string[], most: number): Promise<StoredEvent[]> {
    return this.asked(() => answeredInTime(Array.fromAsync(this.readAllBackwards(categories, most))))
  }

  /** What time it is by the clock of the server; null where it does not say. */
  serverTime(): Promise<Date | null> {
    return this.asked(async () => {
      try {
        return await answeredInTime(serverTime(this.client))
      } catch (error) {
        throw storeErrorFrom(error)
      }
    })
  }

  /** The position of the very last event, system events included; 0 where there is none. */
  async headPosition(): Promise<bigint> {
    const options = { direction: BACKWARDS, fromPosition: END, maxCount: 1 } as const
    const last = await this.asked(() => firstOf(this.client.readAll(options)))
    return last?.position ?? 0n
  }

  /** The position of the last event of the categories; 0 where there is none. */
  async headPositionOf(categories: readonly string[]): Promise<bigint> {
    const wanted = { categories, direction: 'backwards', from: 'end', limit: 1 } as const
    const last = await this.asked(() => firstOf(readFiltered(this.client, wanted)))
    return last?.position ?? 0n
  }

  /** The first event of the categories after a position in the log: the next that whoever has read up to there has yet to read. */
  firstEventAfter(categories: readonly string[], after: bigint | null): Promise<StoredEvent | null> {
    // A read forwards includes the event at its position.
    const wanted = { categories, direction: 'forwards', from: after ?? 'start', limit: 2 } as const
    return this.asked(() =>
      firstOf(readFiltered(this.client, wanted), ({ position }) => (position ?? 0n) > (after ?? -1n)),
    )
  }

  /**
   * The next events of the categories from a position on, that at the position included.
   * @param from null for the beginning of the log. Where it is no position of an event, a server may begin at the next, or fail
   */
  eventsFrom(categories: readonly string[], from: bigint | null, limit: number): Promise<StoredEvent[]> {
    const wanted = { categories, direction: 'forwards', from: from ?? 'start', limit } as const
    return this.asked(() => answeredInTime(Array.fromAsync(eventsOf(readFiltered(this.client, wanted)))))
  }

  /** Reads every stream of the categories, or of a partition of them, from just after a position in the log, and what comes then. */
  subscribe(options: SubscriptionOptions): CatchUpSubscription {
    return new CatchUpSubscription(this.client, options, this.outages)
  }

  /**
   * The same, for as long as the process runs and beside all else that it does: on a connection of its own, on which a burst finds
   * room and commands do not wait behind it.
   */
  follow(options: SubscriptionOptions): CatchUpSubscription {
    if (!this.followingClient) {
      this.followingClient = clientOf(this.connectionString)
      sendFarAhead(this.followingClient)
    }
    return new CatchUpSubscription(this.followingClient, options, this.outages)
  }

  /** Follows one stream from just after a revision: what is appended while somebody looks at what stood there. */
  followStream(stream: string, afterRevision: number): Observable<StoredEvent> {
    return new Observable((listener) => {
      const subscription = this.client.subscribeToStream(stream, { fromRevision: BigInt(afterRevision) })
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
    await Promise.all([this.client.dispose(), this.followingClient?.dispose()])
  }

  private asked<T>(look: () => Promise<T>): Promise<T> {
    return this.outages ? this.outages.through(look) : look()
  }
}
