/**
 * The event ids written last, so that a retried append that expects "any" revision is recognised. A bounded memory, as in
 * EventStoreDB; unlike there it survives a restart, because it is read back from the end of the log.
 */
import type { EventLog } from './event-log.ts'
import { idOf } from './recorded-event.ts'

const CAPACITY = 20_000
/** Read back at the start: enough for the retries of a crash, and quick. */
const READ_BACK = 5_000

export interface Written {
  revision: bigint
  position: bigint
}

export class RecentIds {
  private readonly written = new Map<string, Written>()
  /** The keys in the order in which they came, as a ring: a Map that always loses its first key gets slower and slower. */
  private order: string[] = []
  private turn = 0
  private readonly log: EventLog

  constructor(log: EventLog) {
    this.log = log
    this.reload()
  }

  find(streamId: bigint, id: string): Written | undefined {
    return this.written.get(`${streamId}/${id}`)
  }

  add(streamId: bigint, id: string, revision: bigint, position: bigint): void {
    const key = `${streamId}/${id}`
    const oldest = this.order[this.turn]
    if (oldest !== undefined) this.written.delete(oldest)
    this.order[this.turn] = key
    this.turn = (this.turn + 1) % CAPACITY
    this.written.set(key, { revision, position })
  }

  /** After a commit that failed, what was remembered on its behalf is not true. */
  reload(): void {
    this.written.clear()
    this.order = []
    this.turn = 0
    const rows = this.log
      .prepare('SELECT stream, revision, position, substr(body, 1, 40) FROM event ORDER BY position DESC LIMIT ?')
      .all(READ_BACK) as [stream: bigint, revision: bigint, position: bigint, body: Buffer][]
    for (const [stream, revision, position, body] of rows.reverse()) this.add(stream, idOf(body), revision, position)
  }
}
