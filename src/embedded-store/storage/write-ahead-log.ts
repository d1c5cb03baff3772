/**
 * Handling of failed syncs of SQLite's write-ahead log, which SQLite leaves to the application. Each case was found on a disk
 * that really failed: see "A failing disk" in README.md of the embedded store.
 *
 * Writing failed blocks again is not enough: a file system may have given up on them for good (ext4 leaves newly allocated ones
 * marked as unwritten), and reports that only once. So failed blocks are released by truncating the file before they are
 * written again. The truncated part is either worthless (frames of a failed commit) or also in the write-ahead log (pages of
 * the main file).
 */
import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, statSync, truncateSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { SqliteConnection } from './database.ts'

/** Sizes in bytes, from https://www.sqlite.org/walformat.html */
const LOG_HEADER = 32
const FRAME_HEADER = 24

/** Frames in the write-ahead log, 16 MB, at which a checkpoint is run: fewer and longer checkpoints. */
const CHECKPOINT_FRAMES = 4000
/** Reading the log's size has a cost, so it is not done after every commit. */
const COMMITS_BETWEEN_CHECKS = 8

/**
 * SQLite's result of a checkpoint. `log`: valid frames in the write-ahead log; `checkpointed`: those of them that are in the
 * main file and synced.
 */
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
    connection.pragma('wal_autocheckpoint = 0') // SQLite's automatic checkpoint does not report failures
  }

  /**
   * Syncs the commits that an earlier process has left in the write-ahead log. They may never have reached the disk: that
   * process had not synced them yet, or its sync had failed, and the page cache returns them all the same. A repeated append
   * must not be acknowledged as already written before they are durable.
   * @throws when the disk fails
   */
  makeDurable(): void {
    try {
      // A reader such as a backup blocks the checkpoint; the write-ahead log can be synced instead.
      if (this.checkpointSafely('TRUNCATE').busy) this.syncLog()
    } catch (error) {
      throw new Error(`The disk fails: the commits in ${this.logFile} cannot be made durable`, { cause: error })
    }
  }

  /** To be called after a failed commit: nothing may be committed before {@link discardFailedCommit}. */
  markCommitFailed(): void {
    this.commitFailed = true
  }

  /** Truncates the frames of a failed commit behind the last valid one. @throws what the operating system or SQLite reports */
  discardFailedCommit(): void {
    if (!this.commitFailed) return
    // A second connection takes SQLite's write lock: inside a transaction, SQLite does not report the number of valid frames.
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

  /**
   * Runs a checkpoint when the write-ahead log has grown long. If that fails, the log keeps its frames and a later commit tries
   * again.
   */
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

  /** Closes the connection. SQLite then runs a last checkpoint, and keeps the write-ahead log if it fails. */
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
      // Closed only with the connection: closing any descriptor of the file releases SQLite's locks on it.
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
