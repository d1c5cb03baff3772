/**
 * Cache of encoded blocks of `$all`, shared by all readers. Committed events never change, so neither does a full block. The
 * least recently used blocks are evicted: the cache covers all of a small log and the newest part of a large one.
 */
import { LRUCache } from 'lru-cache'
import type { EventLog } from '../storage/event-log.ts'
import { ordinalOf, positionOf } from '../storage/position.ts'
import { ReadResponseBuffer } from './stream-responses.ts'

export interface EncodedBlock {
  /** {@link BLOCK_EVENTS} framed responses. */
  framed: Buffer
  /** Position from which the reader continues. */
  next: bigint
}

/** Small enough that reading a block from the file delays other calls little. */
export const BLOCK_EVENTS = 64
const BLOCK_SIZE = BigInt(BLOCK_EVENTS)
/** Blocks of more bytes are not cached; their events are sent page by page. */
const MAX_BLOCK_BYTES = 256 * 1024
/** Cache size in bytes. */
const MAX_CACHED_BYTES = 16 * 1024 * 1024

export class AllBlockCache {
  private readonly log: EventLog
  /** Framed responses by block number, 0 being the first block of the log. */
  private readonly cache = new LRUCache<bigint, Buffer>({
    maxSize: MAX_CACHED_BYTES,
    sizeCalculation: ({ length }) => length,
  })

  constructor(log: EventLog) {
    this.log = log
  }

  /**
   * The block whose first event is the first at this position or after.
   * @returns undefined where no block starts, where it is not full yet, and where it is too large
   * @throws DamagedEvent when one of its events does not match its checksum
   */
  blockStartingAt(position: bigint): EncodedBlock | undefined {
    const before = eventsBefore(position)
    const last = before + BLOCK_SIZE
    if (before % BLOCK_SIZE !== 0n || last > ordinalOf(this.log.head)) return undefined
    const number = before / BLOCK_SIZE
    const framed = this.cache.get(number) ?? this.encode(number, position)
    return framed && { framed, next: positionOf(last) + 1n }
  }

  /** Events from this position to the end of its block. */
  remainingInBlock(position: bigint): number {
    return Number(BLOCK_SIZE - (eventsBefore(position) % BLOCK_SIZE))
  }

  private encode(number: bigint, position: bigint): Buffer | undefined {
    const { events } = this.log.allForwards(position, { events: BLOCK_EVENTS, bytes: MAX_BLOCK_BYTES })
    if (events.length < BLOCK_EVENTS) return undefined
    const responses = new ReadResponseBuffer(false)
    for (const event of events) responses.event({ event, link: undefined })
    const framed = responses.take()
    this.cache.set(number, framed)
    return framed
  }
}

const eventsBefore = (position: bigint) => (position === 0n ? 0n : ordinalOf(position - 1n))
