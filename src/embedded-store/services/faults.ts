/** What a real cluster does now and then and a laptop never: asked for by tests, never switched on in production. */
import type { SqliteConnection } from '../storage/database.ts'

export interface Faults {
  /** Writes, subscriptions, groups and reads that ask for the leader are sent to this node instead. */
  notLeader?: { host: string; port: number }
  /** The next so many writes end as unavailable: before they were committed, or after. */
  unavailable?: { when: 'before_commit' | 'after_commit'; times: number }
  /** Milliseconds between commit and answer. */
  delayedAcknowledgement?: number
  /** Milliseconds every commit takes longer. */
  slowDisk?: number
  /** No file can grow. */
  diskFull?: boolean
  /** Every commit fails as if the disk had. */
  failingDisk?: boolean
  /** The store dies of a defect. */
  crash?: boolean
}

/** Faults at work; changed while the store runs. */
export class FaultInjector {
  current: Faults = {}
  private readonly connection: SqliteConnection

  constructor(connection: SqliteConnection, faults: Faults = {}) {
    this.connection = connection
    this.set(faults)
  }

  set(faults: Faults): void {
    this.current = structuredClone(faults)
    if (faults.crash)
      setImmediate(() => {
        throw new Error('The store crashed (as a test asked)')
      })
    const pages = this.connection.pragma('page_count', { simple: true }) as number
    this.connection.pragma(`max_page_count = ${faults.diskFull ? pages : 4294967294}`)
  }

  /** Whether this write is one of those that fail. */
  failsWrite(when: 'before_commit' | 'after_commit'): boolean {
    const { unavailable } = this.current
    if (!unavailable || unavailable.when !== when || unavailable.times <= 0) return false
    unavailable.times--
    return true
  }

  beforeCommit(): void {
    const { slowDisk, failingDisk } = this.current
    if (slowDisk) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, slowDisk)
    if (failingDisk) throw new Error('the disk failed (as a test asked)')
  }
}
