/**
 * Checks and writes one append, delete or tombstone inside the transaction of a group commit. A write that is refused changes
 * nothing, so refused and successful writes share a transaction.
 */
import { STREAM_DELETED_TYPE } from './database.ts'
import type { EventLog, StreamState } from './event-log.ts'
import { isSoftDeleted } from './event-log.ts'
import { indexNewEvents } from './secondary-indexes.ts'
import { INT64_MAX, ordinalOf, positionOf } from './position.ts'
import { RecentEventIds } from './recent-event-ids.ts'
import type { ProposedEvent } from './event-record.ts'
import { checksum, decodeBody, encodeBody, eventIdOf } from './event-record.ts'
import { readStreamMetadata, withTruncateBefore } from './stream-metadata.ts'
import { randomUUID } from 'node:crypto'

/** The expected revisions that are not an exact revision (0 and up), numbered as in EventStoreDB's TCP protocol. */
export const ExpectedRevision = { NO_STREAM: -1n, ANY: -2n, STREAM_EXISTS: -4n } as const

export type WriteOutcome =
  /**
   * `revision`: the stream's last revision, -1 for a stream without events. `position`: of the last event appended, undefined
   * for an append without events.
   */
  | { kind: 'written'; revision: bigint; position: bigint | undefined }
  /** `current`: the stream's last revision, -1 where there is no stream. */
  | { kind: 'wrong_expected_version'; current: bigint }
  | { kind: 'stream_deleted' }

const NO_EVENTS = -1n
const CACHED_NAMES = 10_000

/** EventStoreDB's category of a stream: its name up to and including the first dash, or the whole name without one. */
export const categoryOf = (stream: string) => stream.slice(0, stream.indexOf('-') + 1) || stream

export class Appender {
  private readonly log: EventLog
  private readonly recentIds: RecentEventIds
  private readonly typeIdCache = new Map<string, bigint>()
  private readonly categoryIdCache = new Map<string, bigint>()
  /**
   * State of the streams most recently appended to. This process is the only writer, so the cache is right until a commit
   * fails.
   */
  private readonly streamStateCache = new Map<string, StreamState>()
  private nextOrdinal: bigint
  /** {@link EventLog.indexedUpTo} when the transaction began; readers depend on it until the commit. */
  private indexedUpToBefore: bigint
  /** Ids of the streams written to since {@link begin}. */
  changedStreams = new Set<bigint>()

  constructor(log: EventLog) {
    this.log = log
    this.recentIds = new RecentEventIds(log)
    this.nextOrdinal = ordinalOf(log.head) + 1n
    this.indexedUpToBefore = log.indexedUpTo
  }

  /** To be called at the start of each transaction. */
  begin(): void {
    this.changedStreams = new Set()
    this.indexedUpToBefore = this.log.indexedUpTo
    indexNewEvents(this.log)
  }

  /** To be called before each commit. */
  end(): void {
    if (this.head > this.log.head) this.log.prepare('UPDATE log SET head = ?').run(this.head)
  }

  /** Position of the newest event, including those of the running transaction. */
  get head(): bigint {
    return this.nextOrdinal === 1n ? 0n : positionOf(this.nextOrdinal - 1n)
  }

  /**
   * Discards the caches that a rolled-back transaction has filled, and reads the end of the log again.
   * @throws what SQLite reports; the call must then be repeated before anything is written
   */
  rolledBack(): void {
    this.log.indexedUpTo = this.indexedUpToBefore
    this.typeIdCache.clear()
    this.categoryIdCache.clear()
    this.streamStateCache.clear()
    this.recentIds.reload()
    this.log.dictionaryVersion++
    this.nextOrdinal = ordinalOf(this.log.readHead()) + 1n
    this.log.indexedUpTo = this.log.readIndexedUpTo()
  }

  append(name: string, expected: bigint, events: readonly ProposedEvent[]): WriteOutcome {
    const state = this.stateOf(name)
    const verdict = this.checkAppend(name, state, expected, events)
    if (verdict) return verdict
    if (events.length === 0) return { kind: 'written', revision: state?.lastRevision ?? NO_EVENTS, position: undefined }
    const wasSoftDeleted = state !== undefined && isSoftDeleted(state)
    const original = name.startsWith('$$') ? name.slice(2) : undefined
    const originalBefore = original === undefined ? undefined : this.stateOf(original)
    const stream = state ?? this.createStream(name)
    const firstRevision = stream.lastRevision + 1n
    const written = this.write(name, stream, events)
    if (original !== undefined) this.applyMetadata(original, originalBefore, events.at(-1)!)
    if (wasSoftDeleted) this.undelete(name, firstRevision)
    return written
  }

  /**
   * Soft delete (EventStoreDB's `$tb` of the largest int64): hides the stream's events and metadata. Its revisions are never
   * used again.
   */
  delete(name: string, expected: bigint): WriteOutcome {
    const state = this.stateOf(name)
    const refused = this.checkDeletion(state, expected)
    if (refused) return refused
    if (state === undefined) return { kind: 'wrong_expected_version', current: NO_EVENTS }
    const written = this.writeMetadata(name, withTruncateBefore(undefined, INT64_MAX))
    return { kind: 'written', revision: state.lastRevision, position: written.position }
  }

  /** Hard delete: the stream can never be written or read again. */
  tombstone(name: string, expected: bigint): WriteOutcome {
    const state = this.stateOf(name)
    const refused = this.checkDeletion(state, expected)
    if (refused) return refused
    const stream = state ?? this.createStream(name)
    const event = {
      id: randomUUID(),
      type: '$streamDeleted',
      isJson: false,
      data: new Uint8Array(),
      metadata: new Uint8Array(),
    }
    const position = this.insert(name, stream.id, INT64_MAX, STREAM_DELETED_TYPE, event, Date.now())
    this.log.prepare('UPDATE stream SET tombstoned = 1 WHERE id = ?').run(stream.id)
    this.streamStateCache.delete(name)
    return { kind: 'written', revision: INT64_MAX, position }
  }

  /** Appends without an expected revision: for events that the store writes by itself, such as links. */
  appendUnconditionally(
    name: string,
    events: readonly ProposedEvent[],
  ): { kind: 'written'; revision: bigint; position: bigint } {
    return this.write(name, this.stateOf(name) ?? this.createStream(name), events)
  }

  /** Sets `$tb` of one of the store's own streams: events below this revision are hidden. */
  truncate(name: string, before: bigint): void {
    this.changeTruncation(name, before)
  }

  /** Returns why a delete or tombstone is refused; undefined when it may be written. */
  private checkDeletion(state: StreamState | undefined, expected: bigint): WriteOutcome | undefined {
    if (state?.tombstoned) return { kind: 'stream_deleted' }
    const isDeleted = state !== undefined && isSoftDeleted(state)
    if (expected === ExpectedRevision.STREAM_EXISTS && isDeleted) return { kind: 'stream_deleted' }
    const current = state?.lastRevision ?? NO_EVENTS
    const fits =
      expected === ExpectedRevision.ANY ||
      expected === current ||
      (expected === ExpectedRevision.STREAM_EXISTS && state !== undefined) ||
      (expected === ExpectedRevision.NO_STREAM && isDeleted)
    return fits ? undefined : { kind: 'wrong_expected_version', current }
  }

  /**
   * Returns why an append is refused, or the earlier result when the same events are already written; undefined when it may be
   * written.
   */
  private checkAppend(
    name: string,
    state: StreamState | undefined,
    expected: bigint,
    events: readonly ProposedEvent[],
  ): WriteOutcome | undefined {
    if (state?.tombstoned) return { kind: 'stream_deleted' }
    if (name.startsWith('$$') && this.stateOf(name.slice(2))?.tombstoned) return { kind: 'stream_deleted' }
    const current = state?.lastRevision ?? NO_EVENTS
    const refused: WriteOutcome = { kind: 'wrong_expected_version', current }

    if (expected === ExpectedRevision.ANY || expected === ExpectedRevision.STREAM_EXISTS) {
      if (expected === ExpectedRevision.STREAM_EXISTS) {
        if (state === undefined) return refused
        if (isSoftDeleted(state)) return { kind: 'stream_deleted' }
      }
      return state && this.duplicateOfRecent(state, events, refused)
    }
    if (expected === current) return undefined
    if (expected > current) return refused
    const already = this.duplicateAtRevision(state!, expected + 1n, events)
    if (already) return already
    if (expected === ExpectedRevision.NO_STREAM && isSoftDeleted(state!)) return undefined
    return refused
  }

  /** Idempotency at an exact expected revision: the same event ids are already stored at the revisions they would get now. */
  private duplicateAtRevision(
    state: StreamState,
    from: bigint,
    events: readonly ProposedEvent[],
  ): WriteOutcome | undefined {
    let position: bigint | undefined
    for (const [index, event] of events.entries()) {
      const revision = from + BigInt(index)
      const row = this.log
        .prepare('SELECT position, body FROM event WHERE stream = ? AND revision = ?')
        .get(state.id, revision)
      if (!row) return undefined
      const [storedPosition, body] = row as [bigint, Buffer]
      if (eventIdOf(body) !== event.id) return undefined
      position = storedPosition
    }
    if (position === undefined) return undefined
    return { kind: 'written', revision: from + BigInt(events.length) - 1n, position }
  }

  private duplicateOfRecent(
    state: StreamState,
    events: readonly ProposedEvent[],
    refused: WriteOutcome,
  ): WriteOutcome | undefined {
    let last: { revision: bigint; position: bigint } | undefined
    for (const [index, event] of events.entries()) {
      const written = this.recentIds.find(state.id, event.id)
      if (!written) return index === 0 ? undefined : refused
      last = written
    }
    return last && { kind: 'written', ...last }
  }

  private write(
    name: string,
    stream: StreamState,
    events: readonly ProposedEvent[],
  ): { kind: 'written'; revision: bigint; position: bigint } {
    let revision = stream.lastRevision
    let position = 0n
    const now = Date.now()
    for (const event of events) {
      revision++
      position = this.insert(name, stream.id, revision, this.typeId(event.type), event, now)
    }
    stream.lastRevision = revision
    if (this.streamStateCache.size >= CACHED_NAMES) this.streamStateCache.clear()
    this.streamStateCache.set(name, stream)
    return { kind: 'written', revision, position }
  }

  private insert(
    name: string,
    streamId: bigint,
    revision: bigint,
    type: bigint,
    event: ProposedEvent,
    now: number,
  ): bigint {
    const position = positionOf(this.nextOrdinal++)
    const body = encodeBody(event, now)
    this.log
      .prepare(
        'INSERT INTO event (position, stream, revision, type, category, created, crc, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(
        position,
        streamId,
        revision,
        type,
        this.categoryId(name),
        now,
        checksum(body, position, revision, streamId),
        body,
      )
    this.recentIds.add(streamId, event.id, revision, position)
    this.changedStreams.add(streamId)
    return position
  }

  private createStream(name: string): StreamState {
    const { lastInsertRowid } = this.log
      .prepare('INSERT INTO stream (name, category) VALUES (?, ?)')
      .run(name, this.categoryId(name))
    return {
      id: BigInt(lastInsertRowid),
      lastRevision: NO_EVENTS,
      tombstoned: false,
      maxCount: null,
      maxAge: null,
      truncateBefore: null,
      acl: null,
    }
  }

  /** Copies the settings in the newest event of `$$name` to the row of stream `name`. */
  private applyMetadata(name: string, before: StreamState | undefined, event: ProposedEvent): void {
    const metadata = readStreamMetadata(event.data, event.isJson)
    const stream = before ?? this.createStream(name)
    this.log
      .prepare('UPDATE stream SET max_count = ?, max_age = ?, truncate_before = ?, acl = ? WHERE id = ?')
      .run(metadata.maxCount, metadata.maxAge, metadata.truncateBefore, metadata.acl, stream.id)
    this.streamStateCache.delete(name)
    this.changedStreams.add(stream.id) // subscriptions to the stream must apply the new bounds
    // Metadata written over a soft-deleted stream must not make its old events visible again.
    if (before && isSoftDeleted(before) && metadata.truncateBefore !== INT64_MAX)
      this.undelete(name, before.lastRevision + 1n)
  }

  private undelete(name: string, from: bigint): void {
    this.changeTruncation(name, from)
  }

  /** Writes metadata that differ from the newest only in `$tb`. */
  private changeTruncation(name: string, truncateBefore: bigint): void {
    const metastream = `$$${name}`
    const state = this.stateOf(metastream)
    const newest =
      state && state.lastRevision >= 0n ? this.log.eventAt(metastream, state, state.lastRevision) : undefined
    this.writeMetadata(name, withTruncateBefore(newest && decodeBody(newest.body).data, truncateBefore))
  }

  private writeMetadata(name: string, data: Buffer): { position: bigint } {
    const metastream = `$$${name}`
    const state = this.stateOf(metastream) ?? this.createStream(metastream)
    const event = { id: randomUUID(), type: '$metadata', isJson: true, data, metadata: new Uint8Array() }
    const written = this.write(metastream, state, [event])
    const metadata = readStreamMetadata(data, true)
    this.log
      .prepare('UPDATE stream SET max_count = ?, max_age = ?, truncate_before = ?, acl = ? WHERE name = ?')
      .run(metadata.maxCount, metadata.maxAge, metadata.truncateBefore, metadata.acl, name)
    this.streamStateCache.delete(name)
    const original = this.log.stream(name)
    if (original) this.changedStreams.add(original.id)
    return written
  }

  private stateOf(name: string): StreamState | undefined {
    return this.streamStateCache.get(name) ?? this.log.stream(name)
  }

  private typeId(name: string): bigint {
    return this.dictionaryId('type', this.typeIdCache, name)
  }

  private categoryId(stream: string): bigint {
    return this.dictionaryId('category', this.categoryIdCache, categoryOf(stream))
  }

  private dictionaryId(table: 'type' | 'category', known: Map<string, bigint>, name: string): bigint {
    let id = known.get(name)
    if (id !== undefined) return id
    const row = this.log.prepare(`SELECT id FROM ${table} WHERE name = ?`).get(name) as [bigint] | undefined
    if (row) id = row[0]
    else {
      id = BigInt(this.log.prepare(`INSERT INTO ${table} (name) VALUES (?)`).run(name).lastInsertRowid)
      this.log.dictionaryVersion++
    }
    if (known.size >= CACHED_NAMES) known.clear()
    known.set(name, id)
    return id
  }
}
