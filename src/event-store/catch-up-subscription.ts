/** Follows the streams of some categories through the whole log, from a position on, in batches and at the reader's speed. */
import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import {
  START,
  UnavailableError,
  streamNameFilter,
  type AllStreamSubscription,
  type EventStoreDBClient,
  type Filter,
  type RegexFilter,
} from '@eventstore/db-client'
import { BatchBuffer, type EventBatch } from './batch-buffer.ts'
import type { Outages } from './outages.ts'
import { answerDeadlineMs } from './reading.ts'
import { StoreUnavailable, storeErrorFrom } from './store-errors.ts'
import { storedEventFrom, type PositionedEvent } from './stored-event.ts'

/** Some of the streams, by how their ids begin: one of several subscriptions that have all of them between them. */
export interface Partition {
  /** From 1. */
  readonly number: number
  readonly of: number
}

export interface SubscriptionOptions {
  readonly categories: readonly string[]
  /** The position after which it begins; null for the beginning of the log. */
  readonly after: bigint | null
  /** How many events make a batch full. While a reader works on one batch the next is gathered; when that is full the server waits. */
  readonly batchSize: number
  /** Ends it: what was gathered and not handed over is dropped. */
  readonly signal: AbortSignal
  readonly partition?: Partition
}

/** The position of what was passed over is reported every so many of the server's search windows of 32 events. */
const checkpointInterval = 32

export class CatchUpSubscription implements AsyncIterable<EventBatch> {
  private readonly buffer: BatchBuffer
  /** The position after which the next call to the server begins. */
  private received: bigint | null
  private subscription: AllStreamSubscription | undefined
  /** Whether an event has come since the call was made: each call that is made again has got further than the one before. */
  private hasReceived = false
  private isConnectionLost = false
  private failure: unknown
  private wake = () => {}

  constructor(
    private readonly client: EventStoreDBClient,
    private readonly options: SubscriptionOptions,
    private readonly outages?: Outages,
  ) {
    this.buffer = new BatchBuffer(options.batchSize)
    this.received = options.after
  }

  /**
   * Batches until the signal ends it. While catching up a batch is full; once caught up it is whatever has arrived. A call that
   * the server drops (it does so with readers that are slower than the log grows) is made again from the last event received.
   * @throws StoreUnavailable when the connection is lost, or a call fails before an event came; with outages, when it stays so
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<EventBatch> {
    const { signal } = this.options
    const stop = () => this.wake()
    signal.addEventListener('abort', stop)
    try {
      this.subscribe()
      while (!signal.aborted) {
        if (this.buffer.isReady) {
          // What has arrived is taken together: without this turn of the event loop a live batch would be its first event alone.
          if (!this.buffer.isFull) await eventLoopTurn()
          const batch = this.buffer.take()
          this.subscription?.resume()
          yield batch
        } else if (this.failure === undefined) {
          await new Promise<void>((resolve) => (this.wake = resolve))
        } else if (this.hasReceived && !this.isConnectionLost) {
          this.subscribe()
        } else if (this.outages) {
          await this.outages.waitOut(this.failure, signal)
          if (!signal.aborted) this.subscribe()
        } else {
          throw this.failure
        }
      }
    } finally {
      signal.removeEventListener('abort', stop)
      await this.leave()
    }
  }

  private subscribe(): void {
    this.failure = undefined
    this.hasReceived = false
    const { received } = this
    const subscription = this.client.subscribeToAll({
      fromPosition: received === null ? START : { commit: received, prepare: received },
      filter: this.filter(),
    })
    this.subscription = subscription
    const silence = setTimeout(() => this.fail(subscription, new StoreUnavailable()), answerDeadlineMs)
    subscription
      .on('confirmation', () => {
        clearTimeout(silence)
        this.outages?.over()
      })
      .on('data', (resolved) => {
        if (subscription !== this.subscription) return
        const event = storedEventFrom(resolved)
        if (event && event.position !== null) this.add(event as PositionedEvent, subscription)
        this.settle(subscription)
      })
      .on('caughtUp', () => {
        if (subscription !== this.subscription) return
        this.buffer.atEnd()
        this.settle(subscription)
      })
      .on('error', (error) => this.fail(subscription, error))
      .on('end', () => this.fail(subscription, new StoreUnavailable()))
      .on('close', () => clearTimeout(silence))
  }

  private filter(): Filter {
    const { categories, partition } = this.options
    const checkpoints: Pick<RegexFilter, 'checkpointInterval' | 'checkpointReached'> = {
      checkpointInterval,
      checkpointReached: (subscription, { commit }) => {
        if (subscription !== this.subscription) return
        this.buffer.passed(commit)
        this.settle(subscription)
      },
    }
    return partition
      ? streamNameFilter({ regex: patternOf(categories, partition), ...checkpoints })
      : streamNameFilter({ prefixes: categories.map((category) => `${category}-`), ...checkpoints })
  }

  private add(event: PositionedEvent, subscription: AllStreamSubscription): void {
    this.buffer.add(event)
    this.received = event.position
    this.hasReceived = true
    if (!this.buffer.isFull) return
    subscription.pause()
    this.wake()
  }

  private settle({ readableLength }: AllStreamSubscription): void {
    if (readableLength > 0) return
    this.buffer.settle()
    if (this.buffer.isReady) this.wake()
  }

  /** Events that the failed call has received and not yet given us are dropped; the next call brings them again. */
  private fail(subscription: AllStreamSubscription, error: unknown): void {
    if (subscription !== this.subscription) return
    this.failure = storeErrorFrom(error)
    this.isConnectionLost = error instanceof UnavailableError
    void this.leave()
    this.wake()
  }

  private async leave(): Promise<void> {
    const { subscription } = this
    this.subscription = undefined
    this.buffer.forgetNotices()
    await subscription?.unsubscribe().catch(() => undefined)
    subscription?.destroy()
  }
}

/** Ids of ours are UUIDs: what an id begins with shares them out evenly. Whatever begins otherwise falls to the first partition. */
function patternOf(categories: readonly string[], { number, of }: Partition): string {
  const begins = (isMine: boolean) =>
    [...'0123456789abcdef'].filter((_, digit) => (digit % of === number - 1) === isMine).join('')
  return `^(?:${categories.join('|')})-${number === 1 ? `(?:[^${begins(false)}]|$)` : `[${begins(true)}]`}`
}
