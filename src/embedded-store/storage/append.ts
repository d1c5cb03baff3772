/**
 * Decides and writes one append, delete or tombstone inside the transaction of a group. A refusal writes nothing, so refusals and
 * successes share a group.
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

/** What a writer may expect of a stream besides an exact revision (0 and up). */
export const ExpectedRevision = { NO_STREAM: -1n, ANY: -2n, STREAM_EXISTS: -4n } as const

export type WriteOutcome =
  /** `revision` is the stream's last, -1 when it has none; `position` of the last event, undefined when none was asked for. */
  | { kind: 'written'; revision: bigint; position: bigint | undefined }
  /** `current` is -1 where there is no stream. */
  | { kind: 'wrong_expected_version'; current: bigint }
  | { kind: 'stream_deleted' }

const NO_EVENTS = -1n
const CACHED_NAMES = 10_000

export class Appender {
  private readonly log: EventLog
  private readonly recentIds: RecentEventIds
  private readonly typeIdCache = new Map<string, bigint>()
  private readonly categoryIdCache = new Map<string, bigint>()
  /** The streams written to last. Nobody else writes, so what is known here is true until a commit fails. */
  private readonly streamStateCache = new Map<string, StreamState>()
  private nextOrdinal: bigint
  /** How far the lists went when the transaction began: readers go by this meanwhile. */
  private indexedUpToBefore: bigint
  /** Streams written to since {@link begin}. */
  changedStreams = new Set<bigint>()

  constructor(log: EventLog) {
    this.log = log
    this.recentIds = new RecentEventIds(log)
    this.nextOrdinal = ordinalOf(log.head) + 1n
    this.indexedUpToBefore = log.indexedUpTo
  }

  /** At the beginning of each transaction. */
  begin(): void {
    this.changedStreams = new Set()
    this.indexedUpToBefore = this.log.indexedUpTo
    indexNewEvents(this.log)
  }

  /** At the end of each transaction. */
  end(): void {
    if (this.head > this.log.head) this.log.prepare('UPDATE log SET head = ?').run(this.head)
  }

  /** Position of the newest event of the running transaction. */
  get head(): bigint {
    return this.nextOrdinal === 1n ? 0n : positionOf(this.nextOrdinal - 1n)
  }

  /**
   * Forgets whatever a transaction that was rolled back had taught.
   * @throws what the disk says; it is then to be called again before anything is written
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

  /** Soft delete: the stream's events and its metadata go out of sight, its revisions are never used again. */
  delete(name: string, expected: bigint): WriteOutcome {
    const state = this.stateOf(name)
    const refused = this.checkDeletion(state, expected)
    if (refused) return refused
    if (state === undefined) return { kind: 'wrong_expected_version', current: NO_EVENTS }
    const written = this.writeMetadata(name, withTruncateBefore(undefined, INT64_MAX))
    return { kind: 'written', revision: state.lastRevision, position: written.position }
  }

  /** Hard delete: nobody ever writes to or reads from this stream again. */
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

  /** Appends without expecting anything: the store's own events. */
  appendUnconditionally(
    name: string,
    events: readonly ProposedEvent[],
  ): { kind: 'written'; revision: bigint; position: bigint } {
    return this.write(name, this.stateOf(name) ?? this.createStream(name), events)
  }

  /** Hides what stands before a revision in one of the store's own streams. */
  truncate(name: string, before: bigint): void {
    this.changeTruncation(name, before)
  }

  /** As for an append that was never told before. Undefined: go ahead. */
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

  /** Undefined: go ahead and write. */
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

  /** Told twice: every event already stands exactly where it would have been written. */
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

  /** Keeps what `$$name` says beside the stream itself. */
  private applyMetadata(name: string, before: StreamState | undefined, event: ProposedEvent): void {
    const metadata = readStreamMetadata(event.data, event.isJson)
    const stream = before ?? this.createStream(name)
    this.log
      .prepare('UPDATE stream SET max_count = ?, max_age = ?, truncate_before = ?, acl = ? WHERE id = ?')
      .run(metadata.maxCount, metadata.maxAge, metadata.truncateBefore, metadata.acl, stream.id)
    this.streamStateCache.delete(name)
    this.changedStreams.add(stream.id) // a reader who follows the stream sees other bounds now
    // Metadata written over a deleted stream must not bring its old events back into sight.
    if (before && isSoftDeleted(before) && metadata.truncateBefore !== INT64_MAX)
      this.undelete(name, before.lastRevision + 1n)
  }

  private undelete(name: string, from: bigint): void {
    this.changeTruncation(name, from)
  }

  /** What else the metadata say stays. */
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

  /** A stream's category: its name up to and with the first dash. */
  private categoryId(stream: string): bigint {
    return this.dictionaryId('category', this.categoryIdCache, stream.slice(0, stream.indexOf('-') + 1) || stream)
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
