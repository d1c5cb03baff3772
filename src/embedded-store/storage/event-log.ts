/** Reads the log: streams by revision, everything by position. All answers are bounded in rows and bytes. */
import type { Statement } from 'better-sqlite3'
import type { Connection } from './database.ts'
import { LINK_TYPE, damagedStore, isCorruption } from './database.ts'
import type { CompiledFilter, Query } from './filter.ts'
import { INT64_MAX, ordinalOf, positionOf } from './position.ts'
import type { StoredEvent } from './log-record.ts'
import { DamagedEvent, EVENT_COLUMNS, ROWS, STREAM_COLUMNS, assertSound, decodeBody } from './log-record.ts'

/** What is known of a stream before any of its events is read. */
export interface StreamState {
  id: bigint
  /** -1: only its metadata exists. */
  lastRevision: bigint
  tombstoned: boolean
  maxCount: bigint | null
  /** Seconds. */
  maxAge: bigint | null
  /** `$tb`; the largest int64 means soft-deleted. */
  truncateBefore: bigint | null
  acl: string | null
}

/** One answer of bounded size; `next` is where to go on, undefined when there is nothing more. */
export interface Page<Cursor> {
  events: StoredEvent[]
  next: Cursor | undefined
}

export interface PageSize {
  events: number
  bytes: number
}

/** Small enough that nobody waits long for his turn, large enough that turns cost nothing. */
export const PAGE: PageSize = { events: 256, bytes: 256 * 1024 }

/** Rows fetched at once, whatever a caller would take: a page may be short and go on. */
const MOST_ROWS = 256

/** How many events a scan for a filter may look at before others get their turn. */
const SCAN = 4096n

/** Where a filter lets one event in so many pass, looking at each is quicker than going to and fro between a list and the events. */
const DENSE = 2n

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
  readonly connection: Connection
  /** Position of the newest committed event; 0 before the first. */
  head: bigint
  /** Events up to this position stand in the lists of their category and their type. */
  listedUpTo: bigint
  /** Grows whenever a category or type is met for the first time. */
  vocabulary = 0
  private readonly statements = new Map<string, Statement>()
  private filterAtWork: CompiledFilter | undefined
  private readonly wakers = new Set<(streams: ReadonlySet<bigint>) => void>()

  constructor(connection: Connection) {
    this.connection = connection
    connection.function('known', (id) => this.filterAtWork!.known(id as number))
    connection.function('passes', (id, name) => this.filterAtWork!.passes(id as number, name as string))
    this.head = this.readHead()
    this.listedUpTo = this.readListedUpTo()
    this.assertTailSound()
  }

  readHead(): bigint {
    const [head] = this.prepare('SELECT max(position) FROM event').get() as [bigint | null]
    return head ?? 0n
  }

  readListedUpTo(): bigint {
    return (this.prepare('SELECT listed_up_to FROM log').get() as [bigint])[0]
  }

  /** A statement of the log's own, prepared once. All integers come as bigint, rows as arrays. */
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

  /** Calls back after every commit with the streams it touched, until told to stop. */
  onAdvance(wake: (streams: ReadonlySet<bigint>) => void): () => void {
    this.wakers.add(wake)
    return () => this.wakers.delete(wake)
  }

  /** Told by the writer once a commit is durable. */
  advanced(head: bigint, streams: ReadonlySet<bigint>): void {
    this.head = head
    for (const wake of this.wakers) {
      try {
        wake(streams)
      } catch (error) {
        // A reader's defect must not keep the writers from their answers.
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
    // A metadata stream keeps its last event only.
    if (name.startsWith('$$') && state.maxCount === null) state.maxCount = 1n
    return state
  }

  /** The oldest revision a reader may still see, as far as counts and `$tb` say. */
  firstRevision(state: StreamState): bigint {
    let first = state.truncateBefore ?? 0n
    if (state.maxCount !== null && state.lastRevision - state.maxCount + 1n > first)
      first = state.lastRevision - state.maxCount + 1n
    return first
  }

  streamForwards(name: string, state: StreamState, from: bigint, size = PAGE): Page<bigint> {
    const first = this.firstRevision(state)
    const rows = this.prepare(
      `SELECT ${STREAM_COLUMNS} FROM event e
       WHERE e.stream = ? AND e.revision >= ? AND e.created >= ? ORDER BY e.revision LIMIT ${ROWS}`,
    ).all(state.id, from > first ? from : first, oldest(state), rowsOf(size))
    const page = this.collect(rows, size, name)
    return { events: page.events, next: page.more ? page.events.at(-1)!.revision + 1n : undefined }
  }

  streamBackwards(name: string, state: StreamState, from: bigint, size = PAGE): Page<bigint> {
    const rows = this.prepare(
      `SELECT ${STREAM_COLUMNS} FROM event e
       WHERE e.stream = ? AND e.revision <= ? AND e.revision >= ? AND e.created >= ? ORDER BY e.revision DESC LIMIT ${ROWS}`,
    ).all(state.id, from, this.firstRevision(state), oldest(state), rowsOf(size))
    const page = this.collect(rows, size, name)
    return { events: page.events, next: page.more ? page.events.at(-1)!.revision - 1n : undefined }
  }

  /** Events at `from` and after, oldest first. */
  allForwards(from: bigint, size = PAGE): Page<bigint> {
    const rows = this.prepare(
      `SELECT ${EVENT_COLUMNS} FROM event e CROSS JOIN stream s ON s.id = e.stream
       WHERE e.position >= ? ORDER BY e.position LIMIT ${ROWS}`,
    ).all(from, rowsOf(size))
    const page = this.collect(rows, size)
    return { events: page.events, next: page.more ? page.events.at(-1)!.position + 1n : undefined }
  }

  /** Events before `from`, newest first. */
  allBackwards(from: bigint, size = PAGE): Page<bigint> {
    const rows = this.prepare(
      `SELECT ${EVENT_COLUMNS} FROM event e CROSS JOIN stream s ON s.id = e.stream
       WHERE e.position < ? ORDER BY e.position DESC LIMIT ${ROWS}`,
    ).all(from, rowsOf(size))
    const page = this.collect(rows, size)
    return { events: page.events, next: page.more ? page.events.at(-1)!.position : undefined }
  }

  /** Events at `from` and after that pass the filter. `next` may move on without a single event having passed. */
  filteredForwards(filter: CompiledFilter, from: bigint, size = PAGE): Page<bigint> {
    if (from > this.head) return { events: [], next: undefined }
    const { query, high } = this.lookup(filter, from)
    const scanEnd = query.indexed ? high : minimum(high, positionOf(ordinalOf(from) + SCAN))
    const rows = this.prepare(query.forwards).all(...query.parameters(from, scanEnd, rowsOf(size)))
    const page = this.collect(rows, size)
    const lookedAtUpTo = page.more ? page.events.at(-1)!.position : scanEnd
    filter.isDense = BigInt(page.events.length) * DENSE >= ordinalOf(lookedAtUpTo) - ordinalOf(from)
    return { events: page.events, next: page.more || scanEnd < this.head ? lookedAtUpTo + 1n : undefined }
  }

  /** Events before `from` that pass the filter, newest first. */
  filteredBackwards(filter: CompiledFilter, from: bigint, size = PAGE): Page<bigint> {
    if (from <= 0n) return { events: [], next: undefined }
    const start = minimum(from, this.head + 1n)
    const { query, low } = this.lookup(filter, start - 1n)
    const scanEnd = query.indexed ? low : maximum(low, positionOf(ordinalOf(start) - SCAN))
    const rows = this.prepare(query.backwards).all(...query.parameters(scanEnd, start - 1n, rowsOf(size)))
    const page = this.collect(rows, size)
    if (page.more) return { events: page.events, next: page.events.at(-1)!.position }
    return { events: page.events, next: scanEnd > 0n ? scanEnd : undefined }
  }

  /** The event itself, whatever the stream's metadata say. */
  eventAt(name: string, state: StreamState, revision: bigint): StoredEvent | undefined {
    const row = this.prepare(`SELECT ${STREAM_COLUMNS} FROM event e WHERE e.stream = ? AND e.revision = ?`).get(
      state.id,
      revision,
    ) as Row | undefined
    return row && this.toEvent(row, name)
  }

  isLink(event: StoredEvent): boolean {
    return event.typeId === LINK_TYPE
  }

  /** What a link points at, if it can still be read. */
  linked(link: StoredEvent): StoredEvent | undefined {
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

  /** How to look for what passes the filter at a position, and the bounds within which that way leads. */
  private lookup(filter: CompiledFilter, position: bigint): { query: Query; low: bigint; high: bigint } {
    this.filterAtWork = filter
    const plan = filter.plan()
    if (position <= this.listedUpTo) {
      const query = filter.isDense ? plan.unlisted : plan.listed
      return { query, low: 0n, high: minimum(this.listedUpTo, this.head) }
    }
    return { query: plan.unlisted, low: this.listedUpTo + 1n, high: this.head }
  }

  private collect(rows: unknown[], size: PageSize, name?: string): { events: StoredEvent[]; more: boolean } {
    const events: StoredEvent[] = []
    let bytes = 0
    for (const row of rows as Row[]) {
      const event = this.toEvent(row, name)
      events.push(event)
      bytes += event.body.length
      if (bytes >= size.bytes) return { events, more: true }
    }
    return { events, more: events.length === rowsOf(size) }
  }

  private toEvent(row: Row, name?: string): StoredEvent {
    const event = {
      position: row[0],
      revision: row[1],
      stream: name ?? row[2],
      streamId: row[3],
      typeId: row[4],
      crc: row[5],
      body: row[6] ?? this.heavyBody(row[0]),
    }
    assertSound(event)
    return event
  }

  private heavyBody(position: bigint): Buffer {
    const [body] = this.prepare('SELECT body FROM event WHERE position = ?').get(position) as [Buffer]
    return body
  }

  /** The newest events are where a crash or a full disk would show; `verify` looks at all of them. */
  private assertTailSound(): void {
    const file = this.connection.name
    const [end] = this.prepare('SELECT head FROM log').get() as [bigint]
    if (end !== this.head) throw damagedStore(file, `it should end at position ${end} and ends at ${this.head}`)
    try {
      const { events } = this.allBackwards(INT64_MAX, { events: 64, bytes: 4 * 1024 * 1024 })
      for (let i = 1; i < events.length; i++)
        if (ordinalOf(events[i - 1]!.position) !== ordinalOf(events[i]!.position) + 1n)
          throw damagedStore(file, `an event is missing after position ${events[i]!.position}`)
    } catch (error) {
      throw error instanceof DamagedEvent || isCorruption(error) ? damagedStore(file, (error as Error).message) : error
    }
  }
}

/** Creation time, in milliseconds since 1970, below which an event has passed its `$maxAge`. */
function oldest(state: StreamState): bigint {
  return state.maxAge === null ? 0n : BigInt(Date.now()) - state.maxAge * 1000n
}

const minimum = (a: bigint, b: bigint) => (a < b ? a : b)
const maximum = (a: bigint, b: bigint) => (a > b ? a : b)

const rowsOf = (size: PageSize) => Math.min(size.events, MOST_ROWS)
