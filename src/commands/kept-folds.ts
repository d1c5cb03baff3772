/** What was last folded of the streams that commands came for lately, so that a command need not read its stream from the start. */
import { LRUCache } from 'lru-cache'
import type { Instant } from '../domain/calendar.ts'

/** The fold of a stream, and the revision it was folded to (-1 where nothing is written yet). */
export interface FoldedStream<S> {
  readonly state: S
  readonly revision: number
  /** The latest time at which one of its events was recorded; absent where there is none. */
  readonly recordedAt?: Instant
}

/** What the folds of all streams may take together, in bytes. */
const mostBytes = 64 * 1024 * 1024

/** What one event adds to a fold, in bytes: the state of a journey keeps what each of its events says. Half of them are smaller. */
const bytesAnEvent = 2 * 1024

/**
 * May be out of date at any time: another process may have appended. What is decided on it is either appended at the revision it
 * has, which the log refuses where it is no longer that, or decided again on what the log says now.
 */
export class KeptFolds {
  private readonly folds = new LRUCache<string, FoldedStream<unknown>>({
    maxSize: mostBytes,
    sizeCalculation: ({ revision }) => (revision + 2) * bytesAnEvent,
  })

  get<S>(stream: string): FoldedStream<S> | undefined {
    return this.folds.get(stream) as FoldedStream<S> | undefined
  }

  /** Kept unless a later one is. */
  keep(stream: string, folded: FoldedStream<unknown>): void {
    const kept = this.folds.peek(stream)
    if (!kept || kept.revision < folded.revision) this.folds.set(stream, folded)
  }
}
