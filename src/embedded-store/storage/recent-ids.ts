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
  private readonly log: EventLog

  constructor(log: EventLog) {
    this.log = log
    this.reload()
  }

  find(streamId: bigint, id: string): Written | undefined {
    return this.written.get(`${streamId}/${id}`)
  }

  add(streamId: bigint, id: string, revision: bigint, position: bigint): void {
    if (this.written.size >= CAPACITY) {
      const [oldest] = this.written.keys()
      this.written.delete(oldest!)
    }
    this.written.set(`${streamId}/${id}`, { revision, position })
  }

  /** After a commit that failed, what was remembered on its behalf is not true. */
  reload(): void {
    this.written.clear()
    const rows = this.log
      .prepare('SELECT stream, revision, position, body FROM event ORDER BY position DESC LIMIT ?')
      .all(READ_BACK) as [stream: bigint, revision: bigint, position: bigint, body: Buffer][]
    for (const [stream, revision, position, body] of rows.reverse()) this.add(stream, idOf(body), revision, position)
  }
}
