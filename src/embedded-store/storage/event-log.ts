/** Reads the log: streams by revision, `$all` by position. Every read returns one page, bounded in rows and bytes. */
import type { Statement } from 'better-sqlite3'
import type { SqliteConnection } from './database.ts'
import { LINK_TYPE, damagedStore, isCorruption } from './database.ts'
import type { CompiledFilter, FilterQuery } from './filter.ts'
import { INT64_MAX, ordinalOf, positionOf } from './position.ts'
import type { EventRecord } from './event-record.ts'
import { DamagedEvent, EVENT_COLUMNS, ROW_LIMIT, STREAM_COLUMNS, assertChecksum, decodeBody } from './event-record.ts'

/** The row of a stream, and its last revision. */
export interface StreamState {
  id: bigint
  /** -1: the stream has metadata but no events. */
  lastRevision: bigint
  tombstoned: boolean
  maxCount: bigint | null
  /** Seconds. */
  maxAge: bigint | null
  /** `$tb`; the largest int64 marks a soft-deleted stream. */
  truncateBefore: bigint | null
  acl: string | null
}

/** One page of a read. `next` is the cursor of the next page; undefined at the end. */
export interface EventPage<Cursor> {
  events: EventRecord[]
  next: Cursor | undefined
}

export interface PageLimit {
  events: number
  bytes: number
}

/** Short enough that other calls wait little while a page is read, long enough that paging costs little. */
export const DEFAULT_PAGE: PageLimit = { events: 256, bytes: 256 * 1024 }

/** Most rows one statement fetches, whatever the page limit: a page may be shorter than asked for and still have a next one. */
const MAX_ROWS = 256

/** Events that one page of a filtered read examines at most, so that other calls are served in between. */
const SCAN_EVENTS = 4096n

/** Where at least one event in so many matches a filter, scanning the log is faster than looking events up through an index. */
const DENSE_RATIO = 2n

type Row = [
  position: bigint,
  revision: bigint,
  stream: string,
  streamId: bigint,
  type: bigint,
  crc: bigint,
  body: Buffer | null,
]
type StateRow = [
  id: bigint,
  lastRevision: bigint | null,
  tombstoned: bigint,
  maxCount: bigint | null,
  maxAge: bigint | null,
  truncateBefore: bigint | null,
  acl: string | null,
]

export const isSoftDeleted = (state: StreamState) => state.truncateBefore === INT64_MAX

export class EventLog {
  readonly connection: SqliteConnection
  /** Position of the newest committed event; 0 before the first. */
  head: bigint
  /** Position up to which the category index and the event-type index are complete. */
  indexedUpTo: bigint
  /** Incremented when a new category or event type is stored; compiled filters depend on it. */
  dictionaryVersion = 0
  private readonly statements = new Map<string, Statement>()
  private activeFilter: CompiledFilter | undefined
  private readonly commitListeners = new Set<(streams: ReadonlySet<bigint>) => void>()

  constructor(connection: SqliteConnection) {
    this.connection = connection
    connection.function('cached_result', (id) => this.activeFilter!.cachedResult(id as number))
    connection.function('evaluate', (id, name) => this.activeFilter!.evaluate(id as number, name as string))
    this.head = this.readHead()
    this.indexedUpTo = this.readIndexedUpTo()
    this.assertTailIntact()
  }

  readHead(): bigint {
    const [head] = this.prepare('SELECT max(position) FROM event').get() as [bigint | null]
    return head ?? 0n
  }

  readIndexedUpTo(): bigint {
    return (this.prepare('SELECT listed_up_to FROM log').get() as [bigint])[0]
  }

  /** A cached prepared statement. Integers are returned as bigint, rows as arrays. */
  prepare(sql: string): Statement {
    let statement = this.statements.get(sql)
    if (!statement) {
      if (this.statements.size > 500) this.statements.clear()
      statement = this.connection.prepare(sql).safeIntegers()
      if (statement.reader) statement.raw()
      this.statements.set(sql, statement)
    }
    return statement
  }

  /**
   * Calls the listener after every commit, with the ids of the streams written to. @returns a function that removes the
   * listener
   */
  onCommit(wake: (streams: ReadonlySet<bigint>) => void): () => void {
    this.commitListeners.add(wake)
    return () => this.commitListeners.delete(wake)
  }

  /** Called by the writer after a durable commit: moves the head and notifies the listeners. */
  publishCommit(head: bigint, streams: ReadonlySet<bigint>): void {
    this.head = head
    for (const wake of this.commitListeners) {
      try {
        wake(streams)
      } catch (error) {
        // An error in a reader must not fail the writers whose commit this was.
        process.emitWarning(`A reader could not go on: ${(error as Error).stack}`, 'EmbeddedStore')
      }
    }
  }

  stream(name: string): StreamState | undefined {
    const row = this.prepare(
      `SELECT id, (SELECT max(revision) FROM event WHERE stream = s.id AND revision < ${INT64_MAX}),
              tombstoned, max_count, max_age, truncate_before, acl FROM stream s WHERE name = ?`,
    ).get(name) as StateRow | undefined
    if (!row) return undefined
    const [id, lastRevision, tombstoned, maxCount, maxAge, truncateBefore, acl] = row
    const state = {
      id,
      lastRevision: lastRevision ?? -1n,
      tombstoned: tombstoned === 1n,
      maxCount,
      maxAge,
      truncateBefore,
      acl,
    }
    // A metadata stream keeps only its last event.
    if (name.startsWith('$$') && state.maxCount === null) state.maxCount = 1n
    return state
  }

  /** The oldest readable revision by `$maxCount` and `$tb`. */
  firstRevision(state: StreamState): bigint {
    let first = state.truncateBefore ?? 0n
    if (state.maxCount !== null && state.lastRevision - state.maxCount + 1n > first)
      first = state.lastRevision - state.maxCount + 1n
    return first
  }

  streamForwards(name: string, state: StreamState, from: bigint, size = DEFAULT_PAGE): EventPage<bigint> {
    const first = this.firstRevision(state)
    const rows = this.prepare(
      `SELECT ${STREAM_COLUMNS} FROM event e
       WHERE e.stream = ? AND e.revision >= ? AND e.created >= ? ORDER BY e.revision LIMIT ${ROW_LIMIT}`,
    ).all(state.id, from > first ? from : first, oldestCreated(state), rowsOf(size))
    const page = this.toPage(rows, size, name)
    return { events: page.events, next: page.more ? page.events.at(-1)!.revision + 1n : undefined }
  }

  streamBackwards(name: string, state: StreamState, from: bigint, size = DEFAULT_PAGE): EventPage<bigint> {
    const rows = this.prepare(
      `SELECT ${STREAM_COLUMNS} FROM event e
       WHERE e.stream = ? AND e.revision <= ? AND e.revision >= ? AND e.created >= ? ORDER BY e.revision DESC LIMIT ${ROW_LIMIT}`,
    ).all(state.id, from, this.firstRevision(state), oldestCreated(state), rowsOf(size))
    const page = this.toPage(rows, size, name)
    return { events: page.events, next: page.more ? page.events.at(-1)!.revision - 1n : undefined }
  }

  /** Events at `from` and after, oldest first, as readers of `$all` see them: see {@link isHiddenFromAll}. */
  allForwards(from: bigint, size = DEFAULT_PAGE): EventPage<bigint> {
    return withoutHidden(this.everyForwards(from, size))
  }

  /** The same with what is hidden from readers of `$all`. */
  everyForwards(from: bigint, size = DEFAULT_PAGE): EventPage<bigint> {
    const rows = this.prepare(
      `SELECT ${EVENT_COLUMNS} FROM event e CROSS JOIN stream s ON s.id = e.stream
       WHERE e.position >= ? ORDER BY e.position LIMIT ${ROW_LIMIT}`,
    ).all(from, rowsOf(size))
    const page = this.toPage(rows, size)
    return { events: page.events, next: page.more ? page.events.at(-1)!.position + 1n : undefined }
  }

  /** Events before `from`, newest first, as readers of `$all` see them. */
  allBackwards(from: bigint, size = DEFAULT_PAGE): EventPage<bigint> {
    return withoutHidden(this.everyBackwards(from, size))
  }

  private everyBackwards(from: bigint, size = DEFAULT_PAGE): EventPage<bigint> {
    const rows = this.prepare(
      `SELECT ${EVENT_COLUMNS} FROM event e CROSS JOIN stream s ON s.id = e.stream
       WHERE e.position < ? ORDER BY e.position DESC LIMIT ${ROW_LIMIT}`,
    ).all(from, rowsOf(size))
    const page = this.toPage(rows, size)
    return { events: page.events, next: page.more ? page.events.at(-1)!.position : undefined }
  }

  /** Events at `from` and after that match the filter. A page may be empty and still have a next one. */
  filteredForwards(filter: CompiledFilter, from: bigint, size = DEFAULT_PAGE): EventPage<bigint> {
    if (from > this.head) return { events: [], next: undefined }
    const { query, high } = this.queryAt(filter, from)
    const scanEnd = query.readsOnlyMatches ? high : minimum(high, positionOf(ordinalOf(from) + SCAN_EVENTS))
    const rows = this.prepare(query.forwards).all(...query.parameters(from, scanEnd, rowsOf(size)))
    const page = this.toPage(rows, size)
    const lookedAtUpTo = page.more ? page.events.at(-1)!.position : scanEnd
    filter.isDense = BigInt(page.events.length) * DENSE_RATIO >= ordinalOf(lookedAtUpTo) - ordinalOf(from)
    return withoutHidden({
      events: page.events,
      next: page.more || scanEnd < this.head ? lookedAtUpTo + 1n : undefined,
    })
  }

  /** Events before `from` that match the filter, newest first. */
  filteredBackwards(filter: CompiledFilter, from: bigint, size = DEFAULT_PAGE): EventPage<bigint> {
    if (from <= 0n) return { events: [], next: undefined }
    const start = minimum(from, this.head + 1n)
    const { query, low } = this.queryAt(filter, start - 1n)
    const scanEnd = query.readsOnlyMatches ? low : maximum(low, positionOf(ordinalOf(start) - SCAN_EVENTS))
    const rows = this.prepare(query.backwards).all(...query.parameters(scanEnd, start - 1n, rowsOf(size)))
    const page = this.toPage(rows, size)
    if (page.more) return withoutHidden({ events: page.events, next: page.events.at(-1)!.position })
    return withoutHidden({ events: page.events, next: scanEnd > 0n ? scanEnd : undefined })
  }

  /** The event at this revision, whether or not the stream's metadata hide it. */
  eventAt(name: string, state: StreamState, revision: bigint): EventRecord | undefined {
    const row = this.prepare(`SELECT ${STREAM_COLUMNS} FROM event e WHERE e.stream = ? AND e.revision = ?`).get(
      state.id,
      revision,
    ) as Row | undefined
    return row && this.toEvent(row, name)
  }

  isLink(event: EventRecord): boolean {
    return event.typeId === LINK_TYPE
  }

  /** The event that a link refers to; undefined when it is deleted, truncated or does not exist. */
  resolveLink(link: EventRecord): EventRecord | undefined {
    if (link.typeId !== LINK_TYPE) return undefined
    const target = /^(\d{1,19})@(.+)$/s.exec(decodeBody(link.body).data.toString('utf8'))
    if (!target) return undefined
    const [, text, name] = target as unknown as [string, string, string]
    const revision = BigInt(text)
    if (revision > INT64_MAX) return undefined
    const state = this.stream(name)
    if (!state || state.tombstoned || isSoftDeleted(state)) return undefined
    const [event] = this.streamForwards(name, state, revision, { events: 1, bytes: 1 }).events
    return event?.revision === revision ? event : undefined
  }

  /** The query that answers a filter at this position, and the range of positions for which it is valid. */
  private queryAt(filter: CompiledFilter, position: bigint): { query: FilterQuery; low: bigint; high: bigint } {
    this.activeFilter = filter
    const plan = filter.plan()
    if (position <= this.indexedUpTo) {
      const query = filter.isDense ? plan.unindexed : plan.indexed
      return { query, low: 0n, high: minimum(this.indexedUpTo, this.head) }
    }
    return { query: plan.unindexed, low: this.indexedUpTo + 1n, high: this.head }
  }

  private toPage(rows: unknown[], size: PageLimit, name?: string): { events: EventRecord[]; more: boolean } {
    const events: EventRecord[] = []
    let bytes = 0
    for (const row of rows as Row[]) {
      const event = this.toEvent(row, name)
      events.push(event)
      bytes += event.body.length
      if (bytes >= size.bytes) return { events, more: true }
    }
    return { events, more: events.length === rowsOf(size) }
  }

  private toEvent(row: Row, name?: string): EventRecord {
    const event = {
      position: row[0],
      revision: row[1],
      stream: name ?? row[2],
      streamId: row[3],
      typeId: row[4],
      crc: row[5],
      body: row[6] ?? this.largeBody(row[0]),
    }
    assertChecksum(event)
    return event
  }

  private largeBody(position: bigint): Buffer {
    const [body] = this.prepare('SELECT body FROM event WHERE position = ?').get(position) as [Buffer]
    return body
  }

  /** Checks the newest events, where a crash or a full disk would have done damage; `verifyFile` checks all. */
  private assertTailIntact(): void {
    const file = this.connection.name
    const [end] = this.prepare('SELECT head FROM log').get() as [bigint]
    if (end !== this.head) throw damagedStore(file, `it should end at position ${end} and ends at ${this.head}`)
    try {
      const { events } = this.everyBackwards(INT64_MAX, { events: 64, bytes: 4 * 1024 * 1024 })
      for (let i = 1; i < events.length; i++)
        if (ordinalOf(events[i - 1]!.position) !== ordinalOf(events[i]!.position) + 1n)
          throw damagedStore(file, `an event is missing after position ${events[i]!.position}`)
    } catch (error) {
      throw error instanceof DamagedEvent || isCorruption(error) ? damagedStore(file, (error as Error).message) : error
    }
  }
}

/**
 * As in EventStoreDB, a reader or follower of `$all` sees neither where consumer groups of `$all` park and keep their checkpoints, or
 * such a group would be handed its own parked messages for ever, nor the server's epochs. The streams themselves can be read.
 */
const isHiddenFromAll = (stream: string) =>
  stream.startsWith('$') &&
  (stream === '$epoch-information' || /^\$persistentsubscription-\$all::.*-(parked|checkpoint)$/s.test(stream))

/** A page may be empty and still have a next one. */
function withoutHidden(page: EventPage<bigint>): EventPage<bigint> {
  return page.events.some(({ stream }) => isHiddenFromAll(stream))
    ? { ...page, events: page.events.filter(({ stream }) => !isHiddenFromAll(stream)) }
    : page
}

/** Milliseconds since 1970; events created earlier have expired by `$maxAge`. */
function oldestCreated(state: StreamState): bigint {
  return state.maxAge === null ? 0n : BigInt(Date.now()) - state.maxAge * 1000n
}

const minimum = (a: bigint, b: bigint) => (a < b ? a : b)
const maximum = (a: bigint, b: bigint) => (a > b ? a : b)

const rowsOf = (size: PageLimit) => Math.min(size.events, MAX_ROWS)
