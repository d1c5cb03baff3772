/** Keeps the evidence log level with the event store: a subscriber that writes a file of its own and asks nothing of who appends. */
import { setTimeout as pause } from 'node:timers/promises'
import { categories } from '../../projections/projection.ts'
import type { EventStore } from '../event-store/event-store.ts'
import { LogFollower } from '../event-store/log-follower.ts'
import type { EvidenceLog } from './evidence-log.ts'

/** The streams that auditors are shown, and that packs of evidence are made of. */
export const shownCategories: readonly string[] = [...categories, 'import', 'limitedaccess']

/**
 * The streams that are evidence: all that the product writes. Of the partner-safety strand the log proves that nothing was
 * altered or taken out; what it says is sealed, and shown to no auditor.
 */
export const coveredCategories: readonly string[] = [...shownCategories, 'partnersafety']

/** Events written in one transaction; few enough that a request waits some milliseconds at most. */
const largestBatch = 250
/** Once level with the store, the log is written this often at most: what was appended in between is written together. */
const gatherMs = 250
/** A head is signed at most this often. */
const signMs = 1_000
/** From the first to the longest pause after trouble, in milliseconds. */
const pausesMs = { first: 250, longest: 10_000 }

export interface FollowerLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export class EvidenceFollower {
  private readonly follower = new LogFollower({
    follow: (signal, onProgress) => {
      this.sign()
      return this.follow(signal, onProgress)
    },
    onTrouble: (error) =>
      this.log.warn({ err: error }, 'The evidence log cannot follow the event store; it tries again.'),
    pausesMs,
  })
  private signedAt = -Infinity
  private signing: NodeJS.Timeout | undefined

  constructor(
    private readonly store: EventStore,
    private readonly evidence: EvidenceLog,
    private readonly log: FollowerLog,
  ) {}

  /** Follows the store until it is stopped, whatever happens in between. */
  start(): void {
    this.follower.start()
  }

  /** Resolves when the batch in hand is written and the head signed. */
  async stop(): Promise<void> {
    await this.follower.stop()
    clearTimeout(this.signing)
    this.signing = undefined
    this.signOr('after the next start')
  }

  /**
   * Waits until the log covers a position of the event store.
   * @throws the signal's reason when it is aborted first
   */
  async catchUpTo(position: bigint, signal?: AbortSignal): Promise<void> {
    while ((this.evidence.readUpTo ?? 0n) < position) await pause(10, undefined, { signal })
  }

  private async follow(signal: AbortSignal, onProgress: () => void): Promise<void> {
    const after = this.evidence.readUpTo
    for await (const batch of this.store.follow({
      categories: coveredCategories,
      after,
      batchSize: largestBatch,
      signal,
    })) {
      if (batch.events.length > 0) {
        this.evidence.append(batch.events, batch.upTo)
        this.signSoon()
      }
      onProgress()
      if (batch.caughtUp) await pause(gatherMs, undefined, { signal }).catch(() => undefined)
    }
  }

  /** Now, or when a second has passed since the last. */
  private signSoon(): void {
    if (this.signing) return
    const wait = this.signedAt + signMs - performance.now()
    if (wait <= 0) return this.sign()
    this.signing = setTimeout(() => {
      this.signing = undefined
      this.signOr('with the next event')
    }, wait)
    this.signing.unref()
  }

  /** @param later when it is tried again */
  private signOr(later: string): void {
    try {
      this.sign()
    } catch (error) {
      this.log.warn({ err: error }, `The head of the evidence log could not be signed; it will be ${later}.`)
    }
  }

  private sign(): void {
    this.evidence.sign()
    this.signedAt = performance.now()
  }
}
