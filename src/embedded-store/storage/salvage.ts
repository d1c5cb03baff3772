/**
 * Recovers from a damaged file all that is sound, and says by stream and revision what is not.
 *
 * An event is sound where its checksum says so, wherever in the file it is found. It keeps its stream, revision, position, id and time.
 * In the place of a lost event stands one of type {@link LOST_EVENT}: revisions and positions stay without gaps, nobody reads across
 * a loss without knowing, and what stored a position or a revision stays right.
 */
import { randomUUID } from 'node:crypto'
import type { Statement } from 'better-sqlite3'
import { LRUCache } from 'lru-cache'
import { categoryOf } from './append.ts'
import type { SqliteConnection } from './database.ts'
import { LINK_TYPE, STREAM_DELETED_TYPE, createSchema } from './database.ts'
import type { DecodedRecord } from './event-record.ts'
import { checksum, decodeBody, encodeBody } from './event-record.ts'
import type { LostEvent, RevisionGap } from './lost-events.ts'
import { byStreamAndRevision, fitGaps } from './lost-events.ts'
import { INT64_MAX, ordinalOf, positionOf } from './position.ts'
import type { RawRecord } from './raw-pages.ts'
import { RawPages } from './raw-pages.ts'
import { readStreamMetadata } from './stream-metadata.ts'

/** Type of the event that stands in the place of a lost one. */
export const LOST_EVENT = 'EventLost'
/** The stream of the events in the place of lost ones of which not even the stream is known. */
export const STREAM_OF_THE_UNKNOWN = '$lost'

export interface Salvage {
  /** Events that are sound. */
  events: number
  /** Streams with events, sound or lost. */
  streams: number
  /** By stream, then by revision. */
  lost: LostEvent[]
  /** Streams whose name is lost, and the name by which their events are found now. */
  renamed: { stream: string; candidates: string[] }[]
  /** Events that are damaged in the file and were taken from the backup. */
  fromBackup: number
  /** What was recovered of the things that are not events, and have no checksum. */
  users: number
  groups: number
}

/** How far behind the newest sound event a position may be for it to be believed: a damaged number is mostly larger by far. */
const MAX_LOST_AT_THE_END = 1_000_000n
const CACHED_STREAMS = 10_000

/**
 * Fills the empty database `into` from the damaged file.
 * @param options `backup`: a backup of the same store, from which what is damaged in the file is taken if it was written before;
 * `withoutContent`: finds out what is lost without a copy of the events' content
 * @throws where the backup is of another store
 */
export function salvageInto(
  into: SqliteConnection,
  file: string,
  options: { backup?: string; withoutContent?: boolean } = {},
): Salvage {
  const pages = new RawPages(file)
  try {
    const backup = options.backup === undefined ? undefined : new RawPages(options.backup)
    try {
      return new Recovery(into, !options.withoutContent).recover(pages, backup)
    } finally {
      backup?.close()
    }
  } finally {
    pages.close()
  }
}

class Recovery {
  private readonly into: SqliteConnection
  private readonly bodies: boolean
  private readonly names = new LRUCache<bigint, string>({ max: CACHED_STREAMS })
  private readonly ids = { category: new Map<string, bigint>(), type: new Map<string, bigint>() }
  private readonly salvage: Salvage = {
    events: 0,
    streams: 0,
    lost: [],
    renamed: [],
    fromBackup: 0,
    users: 0,
    groups: 0,
  }
  private storedHead = 0n
  private readonly statements = new Map<string, Statement>()

  constructor(into: SqliteConnection, bodies: boolean) {
    this.into = into
    this.bodies = bodies
    createSchema(into)
    // `called`: what rows and index entries say a number is the name of. `suspect`: events known of, but not sound.
    into.exec(`
      CREATE TEMP TABLE called (id INTEGER, name TEXT, source TEXT, PRIMARY KEY (source, id, name)) WITHOUT ROWID;
      CREATE TEMP TABLE suspect (position INTEGER PRIMARY KEY, stream INTEGER, revision INTEGER, indexed INTEGER);
    `)
    this.ids.type.set('$>', LINK_TYPE).set('$streamDeleted', STREAM_DELETED_TYPE)
  }

  recover(pages: RawPages, backup?: RawPages): Salvage {
    this.into.transaction(() => {
      for (const record of pages.records()) this.takeWhatIsNoEvent(record)
      // Of the backup only names: its users, groups and settings are those of the time it was made.
      for (const record of backup?.records() ?? []) this.takeName(record)
      this.settleNames()
      for (const record of pages.records()) if (isEventRow(record)) this.takeEvent(record)
      for (const record of backup?.records() ?? []) if (isEventRow(record)) this.takeFromBackup(record)
      this.nameTheNameless()
      for (const record of pages.records()) if (isStreamEntry(record)) this.takeStreamEntry(record)
      this.replaceLost()
      this.settleStreams()
      this.settleLog()
    })()
    return this.salvage
  }

  /** Names, settings of streams, users, consumer groups, checkpoints of projections: each has a shape that no other has. */
  private takeWhatIsNoEvent(record: RawRecord): void {
    this.takeName(record)
    const { kind, values, rowid, current } = record
    if (kind === 'entry' || !current) return
    const shape = shapeOf(values)
    if (STREAM_ROW.test(shape)) {
      const [, name, , ...settings] = values
      this.run('INSERT OR IGNORE INTO stream VALUES (?, ?, 0, ?, ?, ?, ?, ?)', rowid, name, ...settings)
    } else if (shape === 'ii' && rowid === 1n) this.storedHead = values[0] as bigint
    else if (shape === USER_ROW)
      this.salvage.users += this.run('INSERT OR IGNORE INTO user VALUES (?, ?, ?, ?)', ...values)
    else if (shape === 'ttti' && isJson(values[2]))
      this.salvage.groups += this.run('INSERT OR IGNORE INTO persistent_subscription VALUES (?, ?, ?, ?)', ...values)
    else if (shape === PROJECTION_ROW) this.run('INSERT OR IGNORE INTO projection VALUES (?, ?, ?)', ...values)
  }

  /** Names of streams are indexed, as are those of categories, types, users and projections, which are distinguished by their rows. */
  private takeName({ kind, values, rowid }: RawRecord): void {
    const shape = shapeOf(values)
    const call = (source: string, id: bigint, name: unknown) =>
      void this.run('INSERT OR IGNORE INTO called VALUES (?, ?, ?)', id, name, source)
    if (kind === 'entry') {
      if (shape === 'ti') call('entry', values[1] as bigint, values[0])
    } else if (STREAM_ROW.test(shape)) call('row', rowid, values[1])
    else if (shape === 'nt') call('other', rowid, values[1])
    else if (shape === USER_ROW || shape === PROJECTION_ROW) call('other', rowid, values[0])
  }

  /** A stream has the name that its row and the index of names agree on, or the one that only one of them still has. */
  private settleNames(): void {
    this.into.exec(`
      DELETE FROM called WHERE source = 'entry' AND (id, name) IN (SELECT id, name FROM called WHERE source = 'other')
        AND (id, name) NOT IN (SELECT id, name FROM called WHERE source = 'row');
      DELETE FROM called WHERE source = 'other';
      DELETE FROM called WHERE EXISTS (SELECT 1 FROM called r JOIN called e ON e.id = r.id AND e.name = r.name
        WHERE r.source = 'row' AND e.source = 'entry' AND r.id = called.id AND r.name <> called.name);
    `)
    const settled = this.all(
      `SELECT id, min(name), count(DISTINCT name), json_group_array(DISTINCT name) FROM called GROUP BY id`,
    ) as [bigint, string, bigint, string][]
    for (const [id, only, names, candidates] of settled)
      if (names === 1n) this.nameStream(id, only)
      else this.rename(id, JSON.parse(candidates) as string[])
  }

  private nameStream(id: bigint, name: string): void {
    const holder = this.one('SELECT id FROM stream WHERE name = ?', name)
    if (holder !== undefined && holder !== id) return this.rename(id, [name])
    const category = this.idOf('category', categoryOf(name))
    this.run(
      `INSERT INTO stream (id, name, category) VALUES (?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET name = excluded.name, category = excluded.category`,
      id,
      name,
      category,
    )
  }

  private rename(id: bigint, candidates: string[]): void {
    const stream = `$salvaged-${id}`
    this.nameStream(id, stream)
    this.salvage.renamed.push({ stream, candidates })
  }

  private takeEvent({ rowid: position, values }: RawRecord): void {
    const [, stream, revision] = values as bigint[]
    const body = values[7] as Buffer
    if (!isPosition(position) || stream! <= 0n || revision! < 0n) return
    if (!isSound({ rowid: position, values }))
      this.run('INSERT OR IGNORE INTO suspect VALUES (?, ?, ?, 0)', position, stream, revision)
    else this.salvage.events += this.insertEvent(position, stream!, revision!, decodeBody(body), body)
  }

  private takeFromBackup(record: RawRecord): void {
    const { rowid: position, values } = record
    const found = this.one('SELECT crc FROM event WHERE position = ?', position)
    if (found === undefined) {
      const before = this.salvage.events
      this.takeEvent(record)
      this.salvage.fromBackup += this.salvage.events - before
    } else if (found !== values[6] && isSound(record)) throw new Error('The backup is not one of this store')
  }

  private insertEvent(
    position: bigint,
    stream: bigint,
    revision: bigint,
    { type, createdAt }: DecodedRecord,
    body: Buffer,
  ): number {
    const crc = checksum(body, position, revision, stream)
    return this.run(
      'INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      ...[position, stream, revision, this.idOf('type', type), this.categoryIdOf(stream), createdAt, crc],
      this.bodies ? body : Buffer.alloc(0),
    )
  }

  private takeStreamEntry({ values }: RawRecord): void {
    const [stream, revision, position] = values as [bigint, bigint, bigint]
    if (!isPosition(position) || revision < 0n || this.nameOf(stream) === undefined) return
    if (this.one('SELECT 1 FROM event WHERE position = ?', position) === undefined)
      this.run('INSERT OR REPLACE INTO suspect VALUES (?, ?, ?, 1)', position, stream, revision)
  }

  /** Streams of which events are left and no name. */
  private nameTheNameless(): void {
    for (const [id] of this.all('SELECT DISTINCT stream FROM event WHERE stream NOT IN (SELECT id FROM stream)') as [
      bigint,
    ][]) {
      this.rename(id, [])
      this.run('UPDATE event SET category = ? WHERE stream = ?', this.categoryIdOf(id), id)
    }
  }

  private replaceLost(): void {
    this.dropUnlikelySuspects()
    const known = this.all('SELECT position, stream, revision FROM suspect ORDER BY stream, revision') as bigint[][]
    for (const [position, stream, revision] of known)
      if (this.standIn(position!, stream!, revision!)) this.addLost(stream!, revision!, position!)
    const unknown: bigint[] = []
    for (const { position, gap } of fitGaps(this.freePositions(), this.gaps()))
      if (!gap) unknown.push(position!)
      else {
        this.standIn(position ?? this.positionAtTheEnd(), gap.stream, gap.revision)
        this.addLost(gap.stream, gap.revision, null)
      }
    if (unknown.length > 0) this.replaceUnknown(unknown)
    this.salvage.lost.sort(byStreamAndRevision)
  }

  /**
   * Leaves those that an entry of the index names, and rows that fail their checksum next to an event of their stream: a number in
   * them that is damaged itself would otherwise be the end of a stream that never was.
   */
  private dropUnlikelySuspects(): void {
    const newest = this.one('SELECT coalesce(max(position), 0) FROM event')!
    this.run(
      `DELETE FROM suspect WHERE position > ? OR stream NOT IN (SELECT id FROM stream)
         OR EXISTS (SELECT 1 FROM event e WHERE e.position = suspect.position)
         OR EXISTS (SELECT 1 FROM event e WHERE e.stream = suspect.stream AND e.revision = suspect.revision)`,
      positionOf(ordinalOf(newest) + MAX_LOST_AT_THE_END),
    )
    this.into.exec(`
      DELETE FROM suspect WHERE indexed = 0 AND revision > 0 AND NOT EXISTS (SELECT 1 FROM (
        SELECT stream, revision FROM event UNION ALL SELECT stream, revision FROM suspect) n
        WHERE n.stream = suspect.stream AND n.revision IN (suspect.revision - 1, suspect.revision + 1))`)
  }

  private addLost(stream: bigint, revision: bigint, position: bigint | null): void {
    // A tombstone has no content: what the index knows of it is all there was.
    if (revision === INT64_MAX) this.salvage.events++
    else this.salvage.lost.push({ stream: this.nameOf(stream)!, revision, position })
  }

  /** @returns false where the place is taken, as by a second entry for the same revision */
  private standIn(position: bigint, stream: bigint, revision: bigint): boolean {
    const isTombstone = revision === INT64_MAX
    const type = isTombstone ? '$streamDeleted' : LOST_EVENT
    const data = Buffer.from(isTombstone ? '' : JSON.stringify({ reason: 'lost to damage of the event file' }))
    const event = { id: randomUUID(), type, isJson: !isTombstone, data, metadata: Buffer.alloc(0) }
    const createdAt = Date.now()
    return this.insertEvent(position, stream, revision, { ...event, createdAt }, encodeBody(event, createdAt)) === 1
  }

  private replaceUnknown(positions: readonly bigint[]): void {
    const known = this.one('SELECT id FROM stream WHERE name = ?', STREAM_OF_THE_UNKNOWN)
    const id = known ?? this.one('SELECT coalesce(max(id), 0) + 1 FROM stream')!
    if (known === undefined) this.nameStream(id, STREAM_OF_THE_UNKNOWN)
    let revision = this.one('SELECT coalesce(max(revision), -1) FROM event WHERE stream = ?', id)!
    for (const position of positions) {
      this.standIn(position, id, ++revision)
      this.salvage.lost.push({ stream: null, revision: null, position })
    }
  }

  /** Positions below the end of the log at which there is no event. */
  private freePositions(): bigint[] {
    const free: bigint[] = []
    let expected = 1n
    const upTo = (ordinal: bigint) => {
      for (; expected < ordinal; expected++) free.push(positionOf(expected))
      expected = ordinal + 1n
    }
    for (const row of this.statement('SELECT position FROM event ORDER BY position').iterate())
      upTo(ordinalOf((row as [bigint])[0]))
    const end = isPosition(this.storedHead) ? ordinalOf(this.storedHead) : 0n
    if (end >= expected && end - expected < MAX_LOST_AT_THE_END) upTo(end + 1n)
    return free
  }

  /** Revisions below the last of their stream at which there is no event. */
  private gaps(): RevisionGap[] {
    const rows = this.all(
      `SELECT * FROM (SELECT stream, revision, position,
         lag(revision, 1, -1) OVER w AS previous, lag(position, 1, 0) OVER w AS after
       FROM event WHERE revision < ${INT64_MAX} WINDOW w AS (PARTITION BY stream ORDER BY revision))
       WHERE revision > previous + 1 ORDER BY after`,
    ) as [stream: bigint, revision: bigint, before: bigint, previous: bigint, after: bigint][]
    return rows.flatMap(([stream, revision, before, previous, after]) =>
      Array.from({ length: Number(revision - previous - 1n) }, (_, index) => ({
        stream,
        revision: previous + 1n + BigInt(index),
        after,
        before,
      })),
    )
  }

  private positionAtTheEnd(): bigint {
    return positionOf(ordinalOf(this.one('SELECT coalesce(max(position), 0) FROM event')!) + 1n)
  }

  /** A stream's settings are those of its newest metadata; what its row says is taken only where those are lost. */
  private settleStreams(): void {
    this.into.exec(`
      DELETE FROM stream WHERE id NOT IN (SELECT stream FROM event) AND NOT EXISTS (SELECT 1 FROM stream m WHERE m.name = '$$' || stream.name);
      UPDATE stream SET tombstoned = EXISTS (SELECT 1 FROM event WHERE stream = stream.id AND revision = ${INT64_MAX});
    `)
    this.salvage.streams = Number(this.one('SELECT count(DISTINCT stream) FROM event'))
    if (!this.bodies) return
    const newest = this.into
      .prepare(
        `SELECT s.name, (SELECT body FROM event WHERE stream = s.id AND revision < ${INT64_MAX} ORDER BY revision DESC LIMIT 1)
         FROM stream s WHERE substr(s.name, 1, 2) = '$$'`,
      )
      .raw()
      .all() as [name: string, body: Buffer | null][]
    for (const [name, body] of newest) {
      const event = body && decodeBody(body)
      if (!event || event.type === LOST_EVENT) continue
      const { maxCount, maxAge, truncateBefore, acl } = readStreamMetadata(event.data, event.isJson)
      this.run(
        'UPDATE stream SET max_count = ?, max_age = ?, truncate_before = ?, acl = ? WHERE name = ?',
        ...[maxCount, maxAge, truncateBefore, acl, name.slice(2)],
      )
    }
  }

  private settleLog(): void {
    this.into.exec(`
      INSERT INTO listed_by_category (category, position) SELECT category, position FROM event ORDER BY category, position;
      INSERT INTO listed_by_type (type, position) SELECT type, position FROM event ORDER BY type, position;
      UPDATE log SET head = (SELECT coalesce(max(position), 0) FROM event), listed_up_to = (SELECT coalesce(max(position), 0) FROM event);
      DROP TABLE temp.called; DROP TABLE temp.suspect;
    `)
  }

  private nameOf(stream: bigint): string | undefined {
    const cached = this.names.get(stream)
    if (cached !== undefined) return cached
    const [name] = (this.statement('SELECT name FROM stream WHERE id = ?').get(stream) ?? []) as [string?]
    if (name !== undefined) this.names.set(stream, name)
    return name
  }

  /** 0, which is no category's, where the stream has no name yet. */
  private categoryIdOf(stream: bigint): bigint {
    const name = this.nameOf(stream)
    return name === undefined ? 0n : this.idOf('category', categoryOf(name))
  }

  private idOf(table: 'category' | 'type', name: string): bigint {
    const known = this.ids[table].get(name)
    if (known !== undefined) return known
    const id = BigInt(this.statement(`INSERT INTO ${table} (name) VALUES (?)`).run(name).lastInsertRowid)
    this.ids[table].set(name, id)
    return id
  }

  private statement(sql: string): Statement {
    let statement = this.statements.get(sql)
    if (!statement) {
      statement = this.into.prepare(sql).safeIntegers()
      if (statement.reader) statement.raw()
      this.statements.set(sql, statement)
    }
    return statement
  }

  private run(sql: string, ...values: unknown[]): number {
    return this.statement(sql).run(...values).changes
  }

  private one(sql: string, ...values: unknown[]): bigint | undefined {
    return (this.statement(sql).get(...values) as [bigint] | undefined)?.[0]
  }

  private all(sql: string): unknown {
    return this.statement(sql).all()
  }
}

const letterOf = (value: unknown) =>
  value === null
    ? 'n'
    : typeof value === 'bigint'
      ? 'i'
      : typeof value === 'string'
        ? 't'
        : Buffer.isBuffer(value)
          ? 'b'
          : 'f'

const shapeOf = (values: readonly unknown[]) => values.map(letterOf).join('')
/** A row of table `stream`; the others are those of `user` and `projection`. */
const STREAM_ROW = /^ntii[in]{3}[nt]$/
const USER_ROW = 'ttbb'
const PROJECTION_ROW = 'tti'

const isEventRow = ({ kind, values }: RawRecord) =>
  kind === 'row' && values.length === 8 && shapeOf(values) === 'niiiiiib'
const isStreamEntry = ({ kind, values }: RawRecord) => kind === 'entry' && shapeOf(values) === 'iii'

function isSound({ rowid, values }: Pick<RawRecord, 'rowid' | 'values'>): boolean {
  const [, stream, revision, , , , crc, body] = values as [null, bigint, bigint, bigint, bigint, bigint, bigint, Buffer]
  return BigInt(checksum(body, rowid, revision, stream)) === crc
}

const isPosition = (position: bigint) => position > 0n && positionOf(ordinalOf(position)) === position

function isJson(text: unknown): boolean {
  try {
    JSON.parse(text as string)
    return true
  } catch {
    return false
  }
}
