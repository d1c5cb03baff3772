/**
 * Which cases are limited, kept in the memory of this process and level with the log. They are few, so all of them are read
 * when somebody first asks and whenever the log was away; what was known before then holds only for a while.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Subject, type Observable } from 'rxjs'
import type { KnownLimits, LimitsSource } from '../access/reach.ts'
import { PoisonEvent, recordedFrom } from '../domain/codec.ts'
import { limitedAccessHistory, type AccessLimits, type LimitedAccessEvent } from '../domain/limited-access.ts'
import type { EventStore } from '../event-store/event-store.ts'
import type { StoredEvent } from '../event-store/stored-event.ts'

/** How long the limits that were known hold after the log was lost, in milliseconds; after that nobody's case is shown. */
export const limitsTrustedMs = 5 * 60_000
/** From the first to the longest pause after trouble, in milliseconds. */
const retryMs = { first: 100, longest: 5_000 }
const batchSize = 500
const prefix = `${limitedAccessHistory.category}-`

/** What is known of one reading of the log. */
interface Reading {
  readonly facts: Map<string, AccessLimits | null>
  upTo: bigint
}

export class LimitedCases implements LimitsSource {
  private readonly stopping = new AbortController()
  private readonly changed = new Subject<void>()
  private working: Promise<void> | undefined
  private known_: { readonly limits: KnownLimits; readonly upTo: bigint } | undefined
  private lostAt: number | undefined
  private waiting: (() => void)[] = []

  constructor(
    private readonly store: Pick<EventStore, 'subscribe'>,
    private readonly now: () => number = Date.now,
  ) {}

  /** After each change of who may see a case. */
  get changes(): Observable<void> {
    return this.changed.asObservable()
  }

  /** Waits for the log where it was not read yet. @throws Error where it has been away for too long */
  async known(): Promise<KnownLimits> {
    this.working ??= this.work(this.stopping.signal)
    while (!this.known_) {
      if (this.stopping.signal.aborted) throw new Error('The log is no longer read.')
      await this.next()
    }
    if (this.lostAt !== undefined && this.now() - this.lostAt > limitsTrustedMs)
      throw new Error('The log was lost, and whoever may see a case may have changed since.')
    return this.known_.limits
  }

  /** Resolves when what stands at a position of the log is known. */
  async catchUpTo(position: bigint): Promise<void> {
    await this.known()
    while ((this.known_?.upTo ?? -1n) < position && !this.stopping.signal.aborted) await this.next()
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    await this.working
    this.tell()
  }

  private next(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  private tell(): void {
    const waiting = this.waiting
    this.waiting = []
    for (const resolve of waiting) resolve()
  }

  private async work(signal: AbortSignal): Promise<void> {
    for (let wait = retryMs.first; !signal.aborted; wait = Math.min(wait * 2, retryMs.longest)) {
      await this.follow(signal, () => (wait = retryMs.first)).catch(() => undefined)
      this.lostAt ??= this.now()
      await pause(wait, undefined, { signal }).catch(() => undefined)
    }
  }

  /** Read from its beginning each time: a store that was put back from a copy may hold other limits than before. */
  private async follow(signal: AbortSignal, onProgress: () => void): Promise<void> {
    const reading: Reading = { facts: new Map(), upTo: 0n }
    const categories = [limitedAccessHistory.category]
    for await (const { events, upTo, caughtUp } of this.store.subscribe({
      categories,
      after: null,
      batchSize,
      signal,
    })) {
      for (const event of events) add(reading, event)
      if (upTo !== null && upTo > reading.upTo) reading.upTo = upTo
      onProgress()
      // Half of the limits must not be taken for all of them.
      if (!caughtUp && !(this.known_ && this.lostAt === undefined)) continue
      this.lostAt = undefined
      this.known_ = { limits: limitsIn(reading), upTo: reading.upTo }
      this.tell()
      if (events.length > 0) this.changed.next()
    }
  }
}

function add({ facts }: Reading, stored: StoredEvent): void {
  const participantId = stored.stream.slice(prefix.length)
  const before = facts.get(participantId)
  if (before === null) return
  try {
    const event = recordedFrom<LimitedAccessEvent>(stored)
    facts.set(participantId, limitedAccessHistory.evolve(before ?? limitedAccessHistory.initial, event))
  } catch (error) {
    if (!(error instanceof PoisonEvent)) throw error
    // Whom it shuts out cannot be known, so it shuts out everybody.
    facts.set(participantId, null)
  }
}

const limitsIn = ({ facts }: Reading): KnownLimits =>
  new Map([...facts].map(([participantId, one]) => [participantId, one && [...one.limits.values()]]))
