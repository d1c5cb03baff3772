/** Keeps the event index level with the event store: it reads the log in order and asks nothing of who appends. */
import { setTimeout as pause } from 'node:timers/promises'
import type { EventStore } from '../event-store/event-store.ts'
import { LogFollower } from '../event-store/log-follower.ts'
import { shownCategories, type FollowerLog } from '../evidence/evidence-follower.ts'
import type { EventIndex } from './event-index.ts'

/** Events written in one transaction; few enough that a request waits some milliseconds at most. */
const largestBatch = 250
/** Once level with the store, the index is written this often at most, in milliseconds. */
const gatherMs = 100
/** From the first to the longest pause after trouble, in milliseconds. */
const pausesMs = { first: 250, longest: 10_000 }

export class EventIndexFollower {
  private readonly follower = new LogFollower({
    follow: async (signal, onProgress) => {
      await this.beginAnewOnAnotherLog()
      await this.follow(signal, onProgress)
    },
    onTrouble: (error) =>
      this.log.warn({ err: error }, 'The event index cannot follow the event store; it tries again.'),
    pausesMs,
  })

  constructor(
    private readonly store: Pick<EventStore, 'follow' | 'firstEventAfter' | 'headPosition'>,
    private readonly index: EventIndex,
    private readonly log: FollowerLog,
  ) {}

  /** Follows the store until it is stopped, whatever happens in between. */
  start(): void {
    this.follower.start()
  }

  /** Resolves when the batch in hand is written. */
  stop(): Promise<void> {
    return this.follower.stop()
  }

  /**
   * Waits until the index has read up to a position of the event store.
   * @throws the signal's reason when it is aborted first
   */
  async catchUpTo(position: bigint, signal?: AbortSignal): Promise<void> {
    while ((this.index.readUpTo ?? -1n) < position) await pause(10, undefined, { signal })
  }

  /** A store that was exchanged begins with another event; one that was put back from a copy may end before the index does. */
  private async beginAnewOnAnotherLog(): Promise<void> {
    const { firstEvent, readUpTo } = this.index
    if (firstEvent === null || readUpTo === null) return
    const first = await this.store.firstEventAfter(shownCategories, null)
    if (first?.id === firstEvent && (await this.store.headPosition()) >= readUpTo) return
    this.log.info({}, 'The event index was of another log. It is built again.')
    this.index.clear()
  }

  private async follow(signal: AbortSignal, onProgress: () => void): Promise<void> {
    const after = this.index.readUpTo
    const batches = this.store.follow({ categories: shownCategories, after, batchSize: largestBatch, signal })
    for await (const batch of batches) {
      if (batch.events.length > 0 && batch.upTo !== null) this.index.append(batch.events, batch.upTo)
      onProgress()
      if (batch.caughtUp) await pause(gatherMs, undefined, { signal }).catch(() => undefined)
    }
  }
}
