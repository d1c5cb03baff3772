/**
 * Group commit: the writes of many callers share one transaction and one fsync. A group is what arrived while the previous
 * commit ran, so a single caller does not wait for others. On a fast disk a group does not take the whole queue: callers
 * answered together would send their next writes together, and the disk would be idle meanwhile. Two alternating groups keep
 * both the callers and the disk busy.
 */
import type { Appender, WriteOutcome } from './append.ts'
import type { EventLog } from './event-log.ts'
import type { WriteAheadLog } from './write-ahead-log.ts'

export interface PendingWrite {
  /** Checks and writes, inside the group's transaction. */
  apply: (appender: Appender) => WriteOutcome
  /** Memory that the write occupies while it is queued. */
  bytes: number
  /** Milliseconds since 1970; a write that is still queued then is not made. */
  deadline: number
  /** Called once: with the outcome after a durable commit, or with the failure. */
  settle: (outcome: WriteOutcome | { kind: 'timed_out' } | { kind: 'failed'; error: Error }) => void
}

export interface CommitHooks {
  /** Called before each commit; an error thrown here fails the commit. Used for test faults. */
  beforeCommit?: () => void
}

/** Limits of one group, which bound how long its first write waits. */
const MAX_GROUP = { writes: 1024, bytes: 8 * 1024 * 1024 }
/** Writes in one group, for each millisecond that a commit takes (at least one). */
const WRITES_PER_MILLISECOND = 64
/** Queue size in bytes above which callers are paused. */
const MAX_QUEUED_BYTES = 32 * 1024 * 1024

export class GroupCommit {
  private readonly log: EventLog
  private readonly appender: Appender
  private readonly hooks: CommitHooks
  private readonly writeAheadLog: WriteAheadLog
  private queue: PendingWrite[] = []
  private queuedBytes = 0
  private scheduled = false
  private roomListeners: (() => void)[] = []
  /** A commit has failed and its rollback is not complete yet. */
  private rollbackPending = false
  /** Moving average of the duration of a commit, in milliseconds. */
  private commitMilliseconds = 0

  constructor(log: EventLog, appender: Appender, writeAheadLog: WriteAheadLog, hooks: CommitHooks = {}) {
    this.log = log
    this.appender = appender
    this.hooks = hooks
    this.writeAheadLog = writeAheadLog
  }

  get isFull(): boolean {
    return this.queuedBytes > MAX_QUEUED_BYTES
  }

  /** Calls back when the queue is below its limit. */
  whenRoom(callback: () => void): void {
    if (this.isFull) this.roomListeners.push(callback)
    else callback()
  }

  submit(write: PendingWrite): void {
    this.queue.push(write)
    this.queuedBytes += write.bytes
    this.schedule()
  }

  private schedule(): void {
    if (this.scheduled || this.queue.length === 0) return
    this.scheduled = true
    // setImmediate runs after the requests that have already arrived on the sockets are read.
    setImmediate(() => {
      this.scheduled = false
      this.flush()
      this.schedule()
    })
  }

  /** Commits every queued write. */
  flushAll(): void {
    while (this.queue.length > 0) this.flush()
  }

  private flush(): void {
    const group = this.takeGroup()
    if (group.length === 0) return
    const now = Date.now()
    const outcomes: Parameters<PendingWrite['settle']>[0][] = []
    const { connection } = this.log
    try {
      if (this.rollbackPending) this.rollBack()
      this.writeAheadLog.discardFailedCommit()
      connection.exec('BEGIN IMMEDIATE')
      this.appender.begin()
      for (const write of group)
        outcomes.push(write.deadline < now ? { kind: 'timed_out' } : write.apply(this.appender))
      this.appender.end()
      const began = performance.now()
      this.hooks.beforeCommit?.()
      connection.exec('COMMIT')
      this.commitMilliseconds += (performance.now() - began - this.commitMilliseconds) / 8
    } catch (error) {
      this.writeAheadLog.markCommitFailed()
      this.rollbackPending = true
      try {
        this.rollBack()
      } catch {
        // The disk cannot be read either; the next flush rolls back before anything else.
      }
      for (const write of group) settle(write, { kind: 'failed', error: error as Error })
      return
    }
    if (this.appender.changedStreams.size > 0) this.log.publishCommit(this.appender.head, this.appender.changedStreams)
    for (const [index, write] of group.entries()) settle(write, outcomes[index]!)
    this.writeAheadLog.afterCommit()
  }

  /** @throws what SQLite reports; nothing is written until a rollback has succeeded */
  private rollBack(): void {
    if (this.log.connection.inTransaction) this.log.connection.exec('ROLLBACK')
    this.appender.rolledBack()
    this.rollbackPending = false
    // If the commit did reach the disk after all, readers are shown its events.
    if (this.appender.head > this.log.head) this.log.publishCommit(this.appender.head, this.appender.changedStreams)
  }

  private takeGroup(): PendingWrite[] {
    let bytes = 0
    let count = 0
    const most = Math.min(MAX_GROUP.writes, WRITES_PER_MILLISECOND * Math.max(1, this.commitMilliseconds))
    while (count < this.queue.length && count < most && bytes < MAX_GROUP.bytes) bytes += this.queue[count++]!.bytes
    const group = this.queue.splice(0, count)
    this.queuedBytes -= bytes
    if (!this.isFull && this.roomListeners.length > 0) {
      const relieved = this.roomListeners
      this.roomListeners = []
      for (const callback of relieved) callback()
    }
    return group
  }
}

/** An error in one caller's callback must not keep the others from their results. */
function settle(write: PendingWrite, outcome: Parameters<PendingWrite['settle']>[0]): void {
  try {
    write.settle(outcome)
  } catch (error) {
    process.emitWarning(`An answer could not be given: ${(error as Error).stack}`, 'EmbeddedStore')
  }
}
