/**
 * One consumer group of a persistent subscription: reads ahead, dispatches messages to consumers, retries and parks them.
 * Progress is stored as a single checkpoint, so after a restart a message may be delivered again, and none is skipped.
 */
import { randomUUID } from 'node:crypto'
import type { Appender } from '../../storage/append.ts'
import type { EventLog, EventPage } from '../../storage/event-log.ts'
import { isSoftDeleted } from '../../storage/event-log.ts'
import { CompiledFilter } from '../../storage/filter.ts'
import type { GroupCommit } from '../../storage/group-commit.ts'
import type { EventRecord } from '../../storage/event-record.ts'
import { eventIdOf } from '../../storage/event-record.ts'
import type { GroupConsumer, GroupMessage } from './group-consumer.ts'
import type { GroupRecord } from './group-settings.ts'
import type { ConsumerStrategy } from './consumer-strategies.ts'
import { strategyOf } from './consumer-strategies.ts'

export type NackAction = 'retry' | 'park' | 'skip' | 'stop'

const MAX_LATENCIES = 1000
/** Messages that may overtake one that waits for its consumer. */
const MAX_OVERTAKES = 500

export class ConsumerGroup {
  record: GroupRecord
  readonly consumers: GroupConsumer[] = []
  totalItems = 0n
  itemsAtLastMeasurement = 0n
  perSecond = 0
  lastKnown: bigint | undefined
  private readonly log: EventLog
  private readonly commits: GroupCommit
  private readonly strategy: ConsumerStrategy
  private readonly filter: CompiledFilter | undefined
  private buffer: GroupMessage[] = []
  private retries: GroupMessage[] = []
  private readonly outstanding = new Map<string, { message: GroupMessage; consumer: GroupConsumer }>()
  private readonly parking = new Set<GroupMessage>()
  private cursor: bigint
  /** Everything committed has been read; reset by the next commit. */
  private atEnd = false
  private replay: { next: bigint; end: bigint } | undefined
  private handledSinceCheckpoint = 0
  private lastCheckpointAt = Date.now()
  private measuredAt = Date.now()
  private checkpointing = false
  private closed = false
  private pumping = false
  private pumpScheduled = false
  private readonly stopListening: () => void
  private readonly timer: NodeJS.Timeout

  constructor(log: EventLog, commits: GroupCommit, record: GroupRecord) {
    this.log = log
    this.commits = commits
    this.record = record
    this.cursor = record.next
    this.strategy = strategyOf(record.settings.strategy)
    this.filter = record.settings.filter && new CompiledFilter(log, record.settings.filter)
    this.stopListening = log.onCommit(() => {
      this.atEnd = false
      if (this.consumers.length > 0) this.pump()
    })
    const { messageTimeout } = record.settings
    this.timer = setInterval(
      () => this.tick(),
      messageTimeout > 0 ? Math.min(1000, Math.max(50, messageTimeout / 4)) : 1000,
    )
  }

  /** Stops the group; messages after its checkpoint will be delivered again. */
  close(): void {
    this.closed = true
    clearInterval(this.timer)
    this.stopListening()
    for (const consumer of this.consumers.splice(0)) consumer.drop()
  }

  get isFull(): boolean {
    const { maxSubscriberCount } = this.record.settings
    return maxSubscriberCount > 0 && this.consumers.length >= maxSubscriberCount
  }

  get counts() {
    return {
      readBuffer: this.buffer.length,
      retryBuffer: this.retries.length,
      inFlight: this.outstanding.size,
      outstanding: this.outstanding.size + this.buffer.length + this.retries.length,
    }
  }

  get isLive(): boolean {
    return this.atEnd || this.consumers.length === 0
  }

  get parkedStream(): string {
    return `$persistentsubscription-${this.record.stream}::${this.record.name}-parked`
  }

  get parkedCount(): bigint {
    const state = this.log.stream(this.parkedStream)
    if (!state || state.lastRevision < 0n || isSoftDeleted(state)) return 0n
    const count = state.lastRevision - this.log.firstRevision(state) + 1n
    return count > 0n ? count : 0n
  }

  join(consumer: GroupConsumer): void {
    this.consumers.push(consumer)
    this.pump()
  }

  /** Removes a consumer; its unanswered messages go to others. */
  leave(consumer: GroupConsumer): void {
    const index = this.consumers.indexOf(consumer)
    if (index < 0) return
    this.consumers.splice(index, 1)
    for (const message of [...consumer.inFlight]) {
      this.release(message)
      this.retry(message, 'its consumer left')
    }
    this.pump()
  }

  ack(consumer: GroupConsumer, ids: readonly string[]): void {
    for (const id of ids) {
      const message = this.take(consumer, id)
      if (message) this.handled(message)
    }
    this.pump()
  }

  nack(consumer: GroupConsumer, ids: readonly string[], action: NackAction, reason: string): void {
    for (const id of ids) {
      const message = this.take(consumer, id)
      if (!message) continue
      if (action === 'skip') this.handled(message)
      else if (action === 'park') this.park(message, reason)
      else this.retry(message, reason)
    }
    if (action === 'stop') {
      this.leave(consumer)
      consumer.drop()
    }
    this.pump()
  }

  /** @param stopAt revision of the parked stream at which to stop; that message is not replayed */
  replayParked(stopAt: bigint | undefined): void {
    const state = this.log.stream(this.parkedStream)
    if (!state || state.lastRevision < 0n || this.replay) return
    const beyond = state.lastRevision + 1n
    this.replay = {
      next: this.log.firstRevision(state),
      end: stopAt !== undefined && stopAt < beyond ? stopAt : beyond,
    }
    this.pump()
  }

  /** Dispatches as many messages as the consumers have free slots for. */
  private pump(): void {
    if (this.pumping || this.closed) return
    this.pumping = true
    try {
      while (this.consumers.length > 0) {
        this.fill()
        const given = this.dispatch(this.retries) + this.dispatch(this.buffer)
        if (given === 0) break
      }
      this.schedulePump()
    } catch (error) {
      // An unreadable event is not skipped: the group's consumers are dropped, and so is each that connects.
      process.emitWarning(
        `Group ${this.record.name} of ${this.record.stream}: ${(error as Error).message}`,
        'EmbeddedStore',
      )
      for (const consumer of [...this.consumers]) {
        this.leave(consumer)
        consumer.drop()
      }
    } finally {
      this.pumping = false
    }
  }

  /** If a page of the log had no matching event, the next page is read after other calls have run. */
  private schedulePump(): void {
    if (this.pumpScheduled || this.atEnd || this.buffer.length > 0 || this.consumers.length === 0) return
    this.pumpScheduled = true
    setImmediate(() => {
      this.pumpScheduled = false
      this.pump()
    })
  }

  private dispatch(from: GroupMessage[]): number {
    let given = 0
    for (let i = 0; i < from.length && i < MAX_OVERTAKES;) {
      const message = from[i]!
      // Two unanswered messages with one id could not be distinguished by their answers.
      const consumer = this.outstanding.has(message.id) ? undefined : this.strategy.choose(message, this.consumers)
      if (!consumer) {
        if (!this.strategy.mayOvertake) break
        i++
        continue
      }
      from.splice(i, 1)
      given++
      message.dispatchedAt = Date.now()
      this.outstanding.set(message.id, { message, consumer })
      consumer.inFlight.add(message)
      consumer.totalItems++
      this.totalItems++
      consumer.deliver(message)
    }
    return given
  }

  private fill(): void {
    this.fillFromParked()
    const { readBatchSize, historyBufferSize } = this.record.settings
    if (this.atEnd || this.buffer.length >= Math.max(1, Math.min(readBatchSize, historyBufferSize))) return
    const page = this.readPage(Math.max(1, readBatchSize))
    for (const event of page.events) this.buffer.push(this.toMessage(event, false))
    if (page.events.length > 0) this.lastKnown = this.atOf(page.events.at(-1)!)
    if (page.next === undefined) this.atEnd = true
    else this.cursor = page.next
    if (page.next === undefined && page.events.length > 0) this.cursor = this.lastKnown! + 1n
    // Everything committed was considered, also what the filter left out or readers of `$all` do not see.
    if (page.next === undefined && this.record.stream === '$all' && this.log.head >= this.cursor)
      this.cursor = this.log.head + 1n
  }

  private readPage(count: number): EventPage<bigint> {
    const size = { events: count, bytes: 1024 * 1024 }
    const { stream } = this.record
    if (stream === '$all')
      return this.filter
        ? this.log.filteredForwards(this.filter, this.cursor, size)
        : this.log.allForwards(this.cursor, size)
    const state = this.log.stream(stream)
    if (!state || state.tombstoned || isSoftDeleted(state)) return { events: [], next: undefined }
    return this.log.streamForwards(stream, state, this.cursor, size)
  }

  private fillFromParked(): void {
    if (!this.replay || this.retries.length >= this.record.settings.readBatchSize) return
    const { next, end } = this.replay
    const state = this.log.stream(this.parkedStream)!
    const page = this.log.streamForwards(this.parkedStream, state, next, { events: 100, bytes: 1024 * 1024 })
    for (const parked of page.events) {
      if (parked.revision >= end) break
      const event = this.log.resolveLink(parked)
      if (event)
        this.retries.push({
          event,
          link: parked,
          id: eventIdOf(parked.body),
          at: 0n,
          retryCount: 0,
          isReplayed: true,
          dispatchedAt: 0,
        })
    }
    if (page.next !== undefined && page.next < end) {
      this.replay.next = page.next
      return
    }
    this.replay = undefined
    this.commit(
      (appender) => appender.truncate(this.parkedStream, end),
      () => {},
    )
  }

  private toMessage(event: EventRecord, isReplayed: boolean): GroupMessage {
    const isLink = this.record.settings.resolveLinks && this.log.isLink(event)
    return {
      event: isLink ? this.log.resolveLink(event) : event,
      link: isLink ? event : undefined,
      id: eventIdOf(event.body),
      at: this.atOf(event),
      retryCount: 0,
      isReplayed,
      dispatchedAt: 0,
    }
  }

  private atOf(event: EventRecord): bigint {
    return this.record.stream === '$all' ? event.position : event.revision
  }

  private take(consumer: GroupConsumer, id: string): GroupMessage | undefined {
    const found = this.outstanding.get(id)
    if (!found || found.consumer !== consumer) return undefined
    this.release(found.message)
    return found.message
  }

  private release(message: GroupMessage): void {
    const found = this.outstanding.get(message.id)
    if (!found) return
    this.outstanding.delete(message.id)
    found.consumer.inFlight.delete(message)
    if (!this.record.settings.extraStatistics) return
    found.consumer.latencies.push(Date.now() - message.dispatchedAt)
    if (found.consumer.latencies.length > MAX_LATENCIES) found.consumer.latencies.shift()
  }

  private handled(message: GroupMessage): void {
    if (message.isReplayed) return
    this.handledSinceCheckpoint++
    const { maxCheckpointCount } = this.record.settings
    if (maxCheckpointCount > 0 && this.handledSinceCheckpoint >= maxCheckpointCount) this.checkpoint()
  }

  private retry(message: GroupMessage, reason: string): void {
    if (message.retryCount >= this.record.settings.maxRetryCount)
      return this.park(message, `Reached the retry limit: ${reason}`)
    message.retryCount++
    // Oldest first, to preserve the order as far as retries allow.
    const index = this.retries.findIndex((other) => other.at > message.at)
    this.retries.splice(index < 0 ? this.retries.length : index, 0, message)
  }

  private park(message: GroupMessage, reason: string): void {
    this.parking.add(message)
    const { revision, stream } = (message.isReplayed ? message.event : (message.link ?? message.event))!
    const note = { added: new Date().toISOString(), reason }
    this.commit(
      (appender) =>
        appender.appendUnconditionally(this.parkedStream, [
          {
            id: randomUUID(),
            type: '$>',
            isJson: false,
            data: Buffer.from(`${revision}@${stream}`),
            metadata: Buffer.from(JSON.stringify(note)),
          },
        ]),
      (error) => {
        this.parking.delete(message)
        if (!error) return this.handled(message)
        // Neither parked nor lost: it is dispatched again.
        this.retries.push(message)
        this.pump()
      },
    )
  }

  private tick(): void {
    const now = Date.now()
    const { messageTimeout, checkpointAfter, minCheckpointCount } = this.record.settings
    if (messageTimeout > 0) {
      for (const { message } of [...this.outstanding.values()]) {
        if (now - message.dispatchedAt < messageTimeout) continue
        this.release(message)
        this.retry(message, 'it took too long')
      }
    }
    if (
      now - this.lastCheckpointAt >= checkpointAfter &&
      this.handledSinceCheckpoint >= Math.max(1, minCheckpointCount)
    )
      this.checkpoint()
    if (now - this.measuredAt >= 1000) {
      this.perSecond = Number(this.totalItems - this.itemsAtLastMeasurement)
      this.itemsAtLastMeasurement = this.totalItems
      for (const consumer of this.consumers) consumer.itemsAtLastMeasurement = consumer.totalItems
      this.measuredAt = now
    }
    this.pump()
  }

  /** The first revision or position that is not completely handled: the next checkpoint. */
  private get firstOpen(): bigint {
    let first = this.cursor
    const consider = (message: GroupMessage) => {
      if (!message.isReplayed && message.at < first) first = message.at
    }
    for (const { message } of this.outstanding.values()) consider(message)
    for (const message of this.parking) consider(message)
    this.retries.forEach(consider)
    if (this.buffer[0]) consider(this.buffer[0])
    return first
  }

  checkpoint(): void {
    const next = this.firstOpen
    if (this.checkpointing || next <= this.record.next) return
    this.checkpointing = true
    this.handledSinceCheckpoint = 0
    this.lastCheckpointAt = Date.now()
    const { stream, name } = this.record
    this.commit(
      () =>
        this.log
          .prepare('UPDATE persistent_subscription SET next = ? WHERE stream = ? AND name = ?')
          .run(next, stream, name),
      (error) => {
        this.checkpointing = false
        if (!error) this.record.next = next
      },
    )
  }

  private commit(apply: (appender: Appender) => unknown, done: (error?: Error) => void): void {
    this.commits.submit({
      apply: (appender) => {
        apply(appender)
        return { kind: 'written', revision: -1n, position: undefined }
      },
      bytes: 200,
      deadline: Infinity,
      settle: (outcome) => done(outcome.kind === 'failed' ? outcome.error : undefined),
    })
  }
}
