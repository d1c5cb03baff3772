/** Faults injected by tests: what happens in a real cluster and rarely on one machine. Not available in production. */
import type { SqliteConnection } from '../storage/database.ts'

export interface Faults {
  /**
   * Writes, subscriptions, persistent subscriptions and reads that require the leader fail with "not leader" and this address.
   */
  notLeader?: { host: string; port: number }
  /** This many of the next writes fail as unavailable, either before or after they are committed. */
  unavailable?: { when: 'before_commit' | 'after_commit'; times: number }
  /** Milliseconds between commit and response. */
  delayedAcknowledgement?: number
  /** Milliseconds added to every commit. */
  slowDisk?: number
  /** The database file cannot grow. */
  diskFull?: boolean
  /** Every commit fails as on a disk error. */
  failingDisk?: boolean
  /** An uncaught exception ends the store. */
  crash?: boolean
}

/** The faults now in effect; they can be changed while the store runs. */
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
        throw new Error('The store crashed (injected by a test)')
      })
    const pages = this.connection.pragma('page_count', { simple: true }) as number
    this.connection.pragma(`max_page_count = ${faults.diskFull ? pages : 4294967294}`)
  }

  /** Whether this write is one that must fail; counts it. */
  failsWrite(when: 'before_commit' | 'after_commit'): boolean {
    const { unavailable } = this.current
    if (!unavailable || unavailable.when !== when || unavailable.times <= 0) return false
    unavailable.times--
    return true
  }

  beforeCommit(): void {
    const { slowDisk, failingDisk } = this.current
    if (slowDisk) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, slowDisk)
    if (failingDisk) throw new Error('the disk failed (injected by a test)')
  }
}
