/**
 * Writes of many callers share one commit, and one fsync. There is no waiting for company: a group is whatever arrived while the
 * last commit ran, so one caller alone is not slowed down. Nor does a group take all that waits where the disk is quick: callers who
 * are answered together come back together, and while all of them think, nobody writes. Two groups taking turns keep both sides busy.
 */
import type { Appender, WriteOutcome } from './append.ts'
import type { EventLog } from './event-log.ts'
import type { WriteAheadLog } from './write-ahead-log.ts'

export interface PendingWrite {
  /** Decides and writes, inside the group's transaction. */
  apply: (appender: Appender) => WriteOutcome
  /** How much memory it holds while it waits. */
  bytes: number
  /** Milliseconds since 1970; a write that is still waiting then is not made. */
  deadline: number
  /** Called once, after the commit is durable. */
  settle: (outcome: WriteOutcome | { kind: 'timed_out' } | { kind: 'failed'; error: Error }) => void
}

export interface CommitHooks {
  /** Faults for tests: what a disk may do to a commit. */
  beforeCommit?: () => void
}

/** A group is kept this small, so that the first in it does not wait long for the last. */
const MAX_GROUP = { writes: 1024, bytes: 8 * 1024 * 1024 }
/** A group of so many is worth a commit of its own; on a disk that takes longer than a millisecond, so many for each millisecond. */
const WRITES_PER_MILLISECOND = 64
/** More than this waiting, and callers are asked to hold back. */
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
  /** A commit has failed, and not all that was known of it is forgotten yet. */
  private rollbackPending = false
  /** How long a commit takes lately, in milliseconds. */
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

  /** Calls back when there is room again. */
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
    // After whatever else has already arrived on the sockets.
    setImmediate(() => {
      this.scheduled = false
      this.flush()
      this.schedule()
    })
  }

  /** Commits everything that waits. */
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
        // The disk is gone for reading too; the next write tries again before anything else.
      }
      for (const write of group) settle(write, { kind: 'failed', error: error as Error })
      return
    }
    if (this.appender.changedStreams.size > 0) this.log.publishCommit(this.appender.head, this.appender.changedStreams)
    for (const [index, write] of group.entries()) settle(write, outcomes[index]!)
    this.writeAheadLog.afterCommit()
  }

  /** @throws what the disk says; nothing is written before it has come through */
  private rollBack(): void {
    if (this.log.connection.inTransaction) this.log.connection.exec('ROLLBACK')
    this.appender.rolledBack()
    this.rollbackPending = false
    // Should the commit have come through after all, readers must not be kept from it.
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

/** One caller's defect must not keep the others from their answers. */
function settle(write: PendingWrite, outcome: Parameters<PendingWrite['settle']>[0]): void {
  try {
    write.settle(outcome)
  } catch (error) {
    process.emitWarning(`An answer could not be given: ${(error as Error).stack}`, 'EmbeddedStore')
  }
}
