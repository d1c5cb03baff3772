/**
 * Cache of the newest event ids, by which a repeated append with expected revision "any" is recognised. It is bounded, as in
 * EventStoreDB; unlike there, its newest part survives a restart, because it is read from the end of the log.
 */
import type { EventLog } from './event-log.ts'
import { eventIdOf } from './event-record.ts'

/** Event ids in one of the two generations: at least this many are cached, at most twice as many. */
const GENERATION_SIZE = 20_000
/** Event ids read from the log at the start: enough for the retries after a crash, and quickly read. */
const READ_BACK = 5_000

export interface EventLocation {
  revision: bigint
  position: bigint
}

interface Entry extends EventLocation {
  streamId: bigint
  /** The same id in another stream, or an earlier occurrence in this one. */
  before: Entry | undefined
}

export class RecentEventIds {
  /** Two generations: the older is dropped as a whole, because deleting keys one by one costs more than inserting them. */
  private younger = new Map<string, Entry>()
  private older = new Map<string, Entry>()
  /** Ids added to the younger generation, including repeated ones. */
  private count = 0
  private readonly log: EventLog

  constructor(log: EventLog) {
    this.log = log
    this.reload()
  }

  find(streamId: bigint, id: string): EventLocation | undefined {
    return newestInStream(this.younger.get(id), streamId) ?? newestInStream(this.older.get(id), streamId)
  }

  add(streamId: bigint, id: string, revision: bigint, position: bigint): void {
    if (this.count++ >= GENERATION_SIZE) {
      this.older = this.younger
      this.younger = new Map()
      this.count = 1
    }
    this.younger.set(id, { streamId, revision, position, before: this.younger.get(id) })
  }

  /** Fills the cache from the end of the log: at the start, and after a rolled-back commit. */
  reload(): void {
    this.younger.clear()
    this.older.clear()
    this.count = 0
    const rows = this.log
      .prepare('SELECT stream, revision, position, substr(body, 1, 40) FROM event ORDER BY position DESC LIMIT ?')
      .all(READ_BACK) as [stream: bigint, revision: bigint, position: bigint, body: Buffer][]
    for (const [stream, revision, position, body] of rows.reverse())
      this.add(stream, eventIdOf(body), revision, position)
  }
}

function newestInStream(newest: Entry | undefined, streamId: bigint): Entry | undefined {
  let entry = newest
  while (entry && entry.streamId !== streamId) entry = entry.before
  return entry
}
