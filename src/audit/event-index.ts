/**
 * Where events are in the log: an index that follows the log like the evidence log does, in a SQLite file of its own. It only
 * locates events and says nothing of what they say; whoever shows one reads it from the log. Nothing personal is in it: ids are
 * opaque, and so are the codes of staff. Deleting the file loses nothing: it is built again from the log.
 */
import Database from 'better-sqlite3'
import { rmSync } from 'node:fs'
import { dayNumberOf, dayOf, isDay } from '../domain/calendar.ts'
import type { StoredEvent } from '../event-store/stored-event.ts'
import { searchIndexes, type EventLinks, type PlaceInStream } from './event-search.ts'

/** Its name in the data directory. */
export const eventIndexFileName = 'event-index.db'

/** Raised when the tables change: the file is then built again. */
const formatVersion = 3

const format = `
  CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), first_event TEXT, position TEXT, size INTEGER NOT NULL) STRICT;
  INSERT INTO head VALUES (1, NULL, NULL, 0);
  CREATE TABLE stream (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE event (
    nth      INTEGER PRIMARY KEY,
    stream   INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    type     INTEGER NOT NULL,
    actor    INTEGER NOT NULL,
    source   INTEGER NOT NULL,
    recorded INTEGER NOT NULL,
    happened INTEGER NOT NULL,
    about    INTEGER,
    target   INTEGER
  ) STRICT;
  CREATE UNIQUE INDEX in_stream ON event (stream, revision);
  CREATE INDEX about_stream ON event (about) WHERE about IS NOT NULL;
  CREATE INDEX at_target ON event (stream, target) WHERE target IS NOT NULL;
  ${searchIndexes}
`

/** Ids of streams and words are kept up to this number, so that a long log needs no more memory than a short one. */
const mostKnown = 20_000

/** The fields of a stored event that the index is made from. */
export type IndexedFields = Pick<
  StoredEvent,
  'id' | 'type' | 'stream' | 'revision' | 'data' | 'metadata' | 'receivedAt'
>

export class EventIndex {
  /** Open for {@link EventSearch} too, which only reads. */
  readonly db: Database.Database
  private readonly statements
  private readonly streams = new Map<string, number>()
  private readonly words = new Map<string, number>()

  constructor(path: string) {
    this.db = openOrBuildAnew(path)
    const { db } = this
    this.statements = {
      head: db.prepare<[], { firstEvent: string | null; position: string | null; size: number }>(
        'SELECT first_event AS firstEvent, position, size FROM head',
      ),
      move: db.prepare('UPDATE head SET first_event = ?, position = ?, size = ?'),
      stream: db.prepare<[string], number>('SELECT id FROM stream WHERE name = ?').pluck(),
      addStream: db.prepare('INSERT INTO stream (name) VALUES (?)'),
      word: db.prepare<[string], number>('SELECT id FROM word WHERE text = ?').pluck(),
      addWord: db.prepare('INSERT INTO word (text) VALUES (?)'),
      add: db.prepare('INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
      lastOfType: db
        .prepare<[number, number], number | null>('SELECT max(revision) FROM event WHERE stream = ? AND type = ?')
        .pluck(),
      newest: db.prepare<[number], number | null>('SELECT max(revision) FROM event WHERE stream = ?').pluck(),
      target: db
        .prepare<[number, number], number | null>('SELECT target FROM event WHERE stream = ? AND revision = ?')
        .pluck(),
      targeting: db.prepare<[number, number], { revision: number; type: string }>(
        `SELECT revision, word.text AS type FROM event JOIN word ON word.id = event.type
         WHERE stream = ? AND target = ? ORDER BY revision`,
      ),
      concernedBy: db
        .prepare<[number], string>(
          'SELECT DISTINCT stream.name FROM event JOIN stream ON stream.id = event.about WHERE event.stream = ?',
        )
        .pluck(),
      concerning: db
        .prepare<[number], string>(
          'SELECT DISTINCT stream.name FROM event JOIN stream ON stream.id = event.stream WHERE event.about = ?',
        )
        .pluck(),
    }
  }

  /** The position in the log up to which it has read; null before the first event. */
  get readUpTo(): bigint | null {
    const { position } = this.statements.head.get()!
    return position === null ? null : BigInt(position)
  }

  /** How many events it locates. */
  get size(): number {
    return this.statements.head.get()!.size
  }

  /** The id of the first event of the log that it was made from; null before the first event. */
  get firstEvent(): string | null {
    return this.statements.head.get()!.firstEvent
  }

  /** Adds events in the order of the log and remembers how far the log was read: both or neither. */
  append(events: readonly IndexedFields[], upTo: bigint): void {
    try {
      this.db.transaction(() => {
        const { size, firstEvent } = this.statements.head.get()!
        for (const [n, event] of events.entries()) this.add(size + n, event)
        this.statements.move.run(firstEvent ?? events[0]?.id ?? null, String(upTo), size + events.length)
      })()
    } catch (error) {
      this.forgetIds() // some were taken back with the transaction
      throw error
    }
  }

  /** Forgets everything, because the log is another one. */
  clear(): void {
    this.db.transaction(() => {
      for (const table of ['event', 'stream', 'word']) this.db.exec(`DELETE FROM ${table}`)
      this.statements.move.run(null, null, 0)
    })()
    this.forgetIds()
  }

  /** The last revision of a stream that it knows of; null where it knows of no such stream. */
  newestIn(stream: string): number | null {
    const id = this.streamId(stream)
    return id === undefined ? null : (this.statements.newest.get(id) ?? null)
  }

  linksOf({ stream, revision }: PlaceInStream): EventLinks {
    const id = this.streamId(stream)
    if (id === undefined) return { target: null, by: [] }
    return { target: this.statements.target.get(id, revision) ?? null, by: this.statements.targeting.all(id, revision) }
  }

  /** The streams that the events of a stream name: of a journey its person, of a session its group and who was there. */
  concernedBy(stream: string): readonly string[] {
    const id = this.streamId(stream)
    return id === undefined ? [] : this.statements.concernedBy.all(id)
  }

  /** The streams whose events name a stream: of a person his journeys, of a group its sessions. */
  concerning(stream: string): readonly string[] {
    const id = this.streamId(stream)
    return id === undefined ? [] : this.statements.concerning.all(id)
  }

  close(): void {
    this.db.close()
  }

  private streamId(name: string): number | undefined {
    return this.streams.get(name) ?? this.statements.stream.get(name)
  }

  private add(nth: number, { type, stream, revision, data, metadata, receivedAt }: IndexedFields): void {
    const { actor, source, occurredAt, recordedAt } = objectOf(metadata)
    const said = objectOf(data)
    const streamId = this.idOfStream(stream)
    const about = streamAbout(type, said)
    this.statements.add.run(
      nth,
      streamId,
      revision,
      this.idOfWord(type),
      this.idOfWord(textOf(objectOf(actor).id)),
      this.idOfWord(textOf(source)),
      instantOf(recordedAt) ?? receivedAt.getTime(),
      dayNumberOf(isDay(occurredAt) ? occurredAt : dayOf(receivedAt.toISOString())),
      about === null ? null : this.idOfStream(about),
      this.targetOf(streamId, type, said),
    )
  }

  private targetOf(streamId: number, type: string, { corrects, withdraws }: Record<string, unknown>): number | null {
    const target = corrects ?? withdraws
    if (typeof target === 'number' && Number.isSafeInteger(target)) return target
    // Its data does not say which leaving it is about: it is the last.
    if (type !== 'OutcomeRecategorised') return null
    return this.statements.lastOfType.get(streamId, this.idOfWord('ParticipantDroppedOut')) ?? null
  }

  private idOfStream(name: string): number {
    return idIn(this.streams, name, this.statements.stream, this.statements.addStream)
  }

  private idOfWord(text: string): number {
    return idIn(this.words, text, this.statements.word, this.statements.addWord)
  }

  private forgetIds(): void {
    this.streams.clear()
    this.words.clear()
  }
}

function openOrBuildAnew(path: string): Database.Database {
  try {
    return opened(path)
  } catch {
    // Damaged, or of another release: nothing is lost with it.
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true })
    return opened(path)
  }
}

/** @throws where it is no index of this format, or damaged at its beginning */
function opened(path: string): Database.Database {
  const db = new Database(path)
  try {
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = NORMAL') // what a loss of power takes back is read from the log once more
    // Each batch changes pages all over its indexes: they are moved into the file now and then, not with every batch.
    db.pragma('wal_autocheckpoint = 16000')
    db.pragma('cache_size = -32768')
    db.transaction(() => {
      if (db.prepare('SELECT 1 FROM sqlite_master').get() !== undefined) return
      db.exec(format)
      db.pragma(`user_version = ${formatVersion}`)
    }).immediate()
    if (db.pragma('user_version', { simple: true }) !== formatVersion) throw new Error('Another format.')
    db.prepare('SELECT position, size FROM head').get()
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function idIn(
  known: Map<string, number>,
  text: string,
  look: Database.Statement<[string], number>,
  add: Database.Statement,
): number {
  const seen = known.get(text)
  if (seen !== undefined) return seen
  const id = look.get(text) ?? Number(add.run(text).lastInsertRowid)
  if (known.size >= mostKnown) known.clear()
  known.set(text, id)
  return id
}

/** The other stream that an event names first of all; null for none. */
function streamAbout(type: string, data: Record<string, unknown>): string | null {
  if (type === 'ReferralReceived') return named('participant', data.participantId)
  if (type === 'SessionScheduled' || type === 'AllocatedToGroup') return named('group', data.groupId)
  if (type === 'EvidencePackMade') return data.scope === 'journey' ? named('journey', data.of) : null
  if (type === 'RecordsExported')
    return typeof data.kind === 'string' && data.kind.startsWith('register') ? null : named('journey', data.of)
  // Of the streams of groups and sessions; a journey's own events do not name it.
  return named('journey', data.journeyId)
}

const named = (category: string, id: unknown): string | null =>
  typeof id === 'string' && id !== '' ? `${category}-${id}` : null

const objectOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

function instantOf(value: unknown): number | null {
  const ms = typeof value === 'string' ? Date.parse(value) : NaN
  return Number.isNaN(ms) ? null : ms
}
