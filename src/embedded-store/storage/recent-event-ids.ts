/**
 * The event ids written last, so that a retried append that expects "any" revision is recognised. A bounded memory, as in
 * EventStoreDB; unlike there it survives a restart, because it is read back from the end of the log.
 */
import type { EventLog } from './event-log.ts'
import { eventIdOf } from './event-record.ts'

/** Remembered at least; at most twice as many. */
const GENERATION_SIZE = 20_000
/** Read back at the start: enough for the retries of a crash, and quick. */
const READ_BACK = 5_000

export interface EventLocation {
  revision: bigint
  position: bigint
}

interface Entry extends EventLocation {
  streamId: bigint
  /** The same id in another stream, or an earlier one. */
  before: Entry | undefined
}

export class RecentEventIds {
  /** Two generations: the older is let go as a whole, for taking keys out one by one costs more than putting them in. */
  private younger = new Map<string, Entry>()
  private older = new Map<string, Entry>()
  /** Entries of the younger generation; counted, because one id may stand for many. */
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

  /** After a commit that failed, what was remembered on its behalf is not true. */
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
