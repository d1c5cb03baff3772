/**
 * `$all` in blocks, each encoded once and sent to every reader who passes by. What is committed never changes, so a block that is full
 * stands still; those asked for lately stay in memory, which is most of a small log and the newest part of a large one.
 */
import type { EventLog } from '../storage/event-log.ts'
import { ordinalOf, positionOf } from '../storage/position.ts'
import { ReadResponseBuffer } from './stream-responses.ts'

export interface EncodedBlock {
  /** {@link BLOCK_EVENTS} framed responses. */
  framed: Buffer
  /** Where to go on. */
  next: bigint
}

/** Short enough that no other caller waits long while a block is read from the file. */
export const BLOCK_EVENTS = 64
const SIZE = BigInt(BLOCK_EVENTS)
/** A block of larger events is sent in smaller steps, and not kept. */
const MAX_BLOCK_BYTES = 256 * 1024
/** Bytes in memory, for all readers together. */
const MAX_CACHED_BYTES = 16 * 1024 * 1024

export class AllBlockCache {
  private readonly log: EventLog
  /** By number, 0 being the first of the log; the one asked for longest ago comes first. */
  private readonly cache = new Map<bigint, Buffer>()
  private cachedBytes = 0

  constructor(log: EventLog) {
    this.log = log
  }

  /**
   * The block that begins with the first event at this position or after.
   * @returns undefined where none begins, where it is not full yet, and where it is too heavy
   * @throws DamagedEvent when one of its events is not what was written
   */
  blockStartingAt(position: bigint): EncodedBlock | undefined {
    const before = eventsBefore(position)
    const last = before + SIZE
    if (before % SIZE !== 0n || last > ordinalOf(this.log.head)) return undefined
    const number = before / SIZE
    const framed = this.cached(number) ?? this.encode(number, position)
    return framed && { framed, next: positionOf(last) + 1n }
  }

  /** How many events from this position on belong to the block that has begun there or before. */
  remainingInBlock(position: bigint): number {
    return Number(SIZE - (eventsBefore(position) % SIZE))
  }

  private cached(number: bigint): Buffer | undefined {
    const framed = this.cache.get(number)
    if (framed) {
      this.cache.delete(number)
      this.cache.set(number, framed)
    }
    return framed
  }

  private encode(number: bigint, position: bigint): Buffer | undefined {
    const { events } = this.log.allForwards(position, { events: BLOCK_EVENTS, bytes: MAX_BLOCK_BYTES })
    if (events.length < BLOCK_EVENTS) return undefined
    const responses = new ReadResponseBuffer(false)
    for (const event of events) responses.event({ event, link: undefined })
    const framed = responses.take()
    this.cache.set(number, framed)
    this.cachedBytes += framed.length
    for (const [oldest, { length }] of this.cache) {
      if (this.cachedBytes <= MAX_CACHED_BYTES) break
      this.cache.delete(oldest)
      this.cachedBytes -= length
    }
    return framed
  }
}

const eventsBefore = (position: bigint) => (position === 0n ? 0n : ordinalOf(position - 1n))
