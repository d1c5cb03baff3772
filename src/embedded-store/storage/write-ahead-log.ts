/**
 * What SQLite leaves to others about its write-ahead log: what to do when a sync has failed. All of it was found on a disk that truly
 * failed; see "A failing disk" in docs/embedded-store.md.
 *
 * Writing again over what failed is not enough: a file system may have given up on those blocks for good (ext4 leaves new ones marked
 * as never written), and says so only once. Blocks that failed are therefore given back, by cutting the file, before they are
 * written again. What is cut off is either worth nothing (a commit that failed) or stands in the log as well (pages of the main file).
 */
import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, statSync, truncateSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { SqliteConnection } from './database.ts'

/** Sizes in https://www.sqlite.org/walformat.html */
const LOG_HEADER = 32
const FRAME_HEADER = 24

/** Frames in the log, 16 MB, after which they are moved into the main file: fewer and longer copies. */
const CHECKPOINT_FRAMES = 4000
/** Looking how full the log is costs a little: not after every commit. */
const COMMITS_BETWEEN_CHECKS = 8

/** What SQLite says of a checkpoint. `log`: good frames in the log; `checkpointed`: those of them that are in the main file, synced. */
interface CheckpointResult {
  busy: number
  log: number
  checkpointed: number
}

export class WriteAheadLog {
  private readonly connection: SqliteConnection
  private readonly mainFile: string
  private readonly logFile: string
  private descriptor: number | undefined
  private commitFailed = false
  private commits = 0

  constructor(connection: SqliteConnection) {
    this.connection = connection
    this.mainFile = connection.name
    this.logFile = `${connection.name}-wal`
    connection.pragma('wal_autocheckpoint = 0') // it would not say that it failed
  }

  /**
   * Makes durable what a process that died has left in the log. It may never have reached the disk: the dead process had not yet
   * synced it, or had tried in vain, and the system shows it all the same. Whoever asks again for such an append must not be told
   * that it is written before it is.
   * @throws when the disk fails
   */
  makeDurable(): void {
    try {
      // Somebody reads the log, a backup perhaps: it cannot be moved into the main file now, but it can be synced where it is.
      if (this.checkpointSafely('TRUNCATE').busy) this.syncLog()
    } catch (error) {
      throw new Error(`The disk fails: what ${this.logFile} holds cannot be made durable`, { cause: error })
    }
  }

  /** A commit has failed; nothing is committed before {@link discardFailedCommit}. */
  markCommitFailed(): void {
    this.commitFailed = true
  }

  /** Cuts off what a commit that failed has put behind the last good one. @throws what the disk says */
  discardFailedCommit(): void {
    if (!this.commitFailed) return
    // The lock of writers, held by a second connection: within a transaction SQLite does not say how far the log is good.
    const guard = new Database(this.mainFile)
    try {
      guard.exec('BEGIN IMMEDIATE')
      const { log: frames } = this.checkpoint('NOOP')
      const pageSize = this.connection.pragma('page_size', { simple: true }) as number
      truncateSync(this.logFile, frames === 0 ? 0 : LOG_HEADER + frames * (FRAME_HEADER + pageSize))
    } finally {
      guard.close()
    }
    this.commitFailed = false
  }

  /** Moves a full log into the main file. Should that fail, the log keeps all of it, and it is tried again. */
  afterCommit(): void {
    if (++this.commits % COMMITS_BETWEEN_CHECKS !== 0) return
    try {
      const { log, checkpointed } = this.checkpoint('NOOP')
      if (log - checkpointed >= CHECKPOINT_FRAMES) this.checkpointSafely('PASSIVE')
    } catch (error) {
      process.emitWarning(
        `The disk fails; events stay in ${this.logFile} meanwhile: ${(error as Error).message}`,
        'EmbeddedStore',
      )
    }
  }

  /** Closes the connection, which tries once more to move everything into the main file, and leaves the log where that fails. */
  close(): void {
    const { size } = statSync(this.mainFile)
    this.connection.close()
    if (this.descriptor !== undefined) closeSync(this.descriptor)
    if (existsSync(this.logFile) && statSync(this.mainFile).size > size) truncateSync(this.mainFile, size)
  }

  private checkpointSafely(mode: 'PASSIVE' | 'TRUNCATE'): CheckpointResult {
    const { size } = statSync(this.mainFile)
    try {
      return this.checkpoint(mode)
    } catch (error) {
      // Closed with the connection and not before: closing any descriptor of the file takes SQLite's locks on it away.
      this.descriptor ??= openSync(this.mainFile, 'r+')
      ftruncateSync(this.descriptor, size)
      throw error
    }
  }

  private checkpoint(mode: 'NOOP' | 'PASSIVE' | 'TRUNCATE'): CheckpointResult {
    return (this.connection.pragma(`wal_checkpoint(${mode})`) as CheckpointResult[])[0]!
  }

  private syncLog(): void {
    const descriptor = openSync(this.logFile, 'r+')
    try {
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  }
}
