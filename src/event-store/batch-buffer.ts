/** What a catch-up subscription has received and not yet handed over, and when that is a batch. */
import type { PositionedEvent } from './stored-event.ts'

/** What a reader is given at once: events in order, and how far the log has been read with them. */
export interface EventBatch {
  readonly events: readonly PositionedEvent[]
  /** The position up to which the log has been read with this batch; null where nothing at all was read. */
  readonly upTo: bigint | null
  /** With this batch the reader has everything that was in the log at some moment since the batch before. */
  readonly caughtUp: boolean
  /** The size of its events, in characters, near enough. */
  readonly characters: number
}

/** A batch that holds more characters than this is full, however few its events: what is in memory at once is bounded. */
const mostCharacters = 4_000_000

/**
 * The server sends positions it has passed and that the end is reached between events. The client reports those at once, and
 * an event only when its turn comes: until the events before it have had theirs, such a notice is kept.
 */
export class BatchBuffer {
  private events: PositionedEvent[] = []
  private characters = 0
  private upTo: bigint | null = null
  private caughtUp = false
  private isLive = false
  private passedPosition: bigint | null = null
  private reachedEnd = false

  /** @param batchSize how many events make a batch full */
  constructor(private readonly batchSize: number) {}

  add(event: PositionedEvent): void {
    this.events.push(event)
    this.characters += charactersOf(event.data) + charactersOf(event.metadata)
    this.upTo = event.position
  }

  /** The server has nothing for us up to this position but what it sent before. */
  passed(position: bigint): void {
    this.passedPosition = position
  }

  /** The server has sent all that was in the log. From then on a batch is whatever has come. */
  atEnd(): void {
    this.reachedEnd = true
  }

  /** Every event that was sent before the notices so far has been added. */
  settle(): void {
    if (this.passedPosition !== null && this.passedPosition > (this.upTo ?? -1n)) this.upTo = this.passedPosition
    this.passedPosition = null
    if (this.reachedEnd) this.isLive = this.caughtUp = true
    this.reachedEnd = false
  }

  /** Notices that came after events which will not be added any more. */
  forgetNotices(): void {
    this.passedPosition = null
    this.reachedEnd = false
  }

  get isFull(): boolean {
    return this.events.length >= this.batchSize || this.characters >= mostCharacters
  }

  /** Whether there is something to hand over. */
  get isReady(): boolean {
    return this.isFull || this.caughtUp || (this.isLive && this.upTo !== null)
  }

  take(): EventBatch {
    const { events, upTo, caughtUp, characters } = this
    this.events = []
    this.upTo = null
    this.caughtUp = false
    this.characters = 0
    return { events, upTo, caughtUp, characters }
  }
}

/** Of what can be long: the text itself, or the texts right inside. */
function charactersOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  let characters = 0
  for (const field in value as object) {
    const inside = (value as Record<string, unknown>)[field]
    if (typeof inside === 'string') characters += inside.length
  }
  return characters
}
