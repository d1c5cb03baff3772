/** From which day on men are adults, kept while every change of their details is heard of: reading it costs as much as the rest of a command. */
import { LRUCache } from 'lru-cache'
import type { Observable } from 'rxjs'
import type { Day } from '../domain/calendar.ts'
import { participantHistory } from '../domain/participant.ts'
import type { AppendMeasurement } from '../event-store/event-appender.ts'
import type { EventStore } from '../event-store/event-store.ts'
import { LogFollower } from '../event-store/log-follower.ts'

const { category } = participantHistory

/** Of how many men it is kept. */
const most = 20_000

/** From the first to the longest pause after trouble, in milliseconds. */
const pausesMs = { first: 250, longest: 10_000 }

/**
 * What this process appends is heard of before the append is answered; what others append, as soon as the store tells of it. While it
 * cannot be followed nothing is kept, and each command reads what it needs.
 */
export class KeptAdultDays {
  private readonly days = new LRUCache<string, { readonly day: Day | undefined }>({ max: most })
  private isFollowing = false
  /** Changes heard of so far: what was read meanwhile may be from before one of them. */
  private changes = 0
  private readonly follower = new LogFollower({
    follow: (signal, onProgress) => this.follow(signal, onProgress),
    onTrouble: () => undefined, // whoever appends or reads is told of the same trouble
    pausesMs,
  })

  constructor(
    private readonly store: Pick<EventStore, 'subscribe' | 'headPosition'>,
    appends: Observable<AppendMeasurement>,
  ) {
    appends.subscribe(({ upTo }) => {
      if (upTo?.stream.startsWith(`${category}-`)) this.forget(upTo.stream)
    })
  }

  start(): void {
    this.follower.start()
  }

  stop(): Promise<void> {
    return this.follower.stop()
  }

  /** As it was read last, where that still stands; otherwise as `read` says. */
  async of(participantId: string, read: () => Promise<Day | undefined>): Promise<Day | undefined> {
    const kept = this.days.get(participantId)
    if (kept) return kept.day
    const { changes } = this
    const day = await read()
    if (this.isFollowing && this.changes === changes) this.days.set(participantId, { day })
    return day
  }

  private async follow(signal: AbortSignal, onProgress: () => void): Promise<void> {
    const after = await this.store.headPosition()
    this.isFollowing = true
    try {
      for await (const { events } of this.store.subscribe({ categories: [category], after, batchSize: 500, signal })) {
        for (const { stream } of events) this.forget(stream)
        onProgress()
      }
    } finally {
      this.isFollowing = false
      this.changes++
      this.days.clear()
    }
  }

  private forget(stream: string): void {
    this.changes++
    this.days.delete(stream.slice(category.length + 1))
  }
}
