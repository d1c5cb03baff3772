/** What an import is judged on when nothing may be written: the log and the keys as they are, and beside them what it would have added. */
import Database from 'better-sqlite3'
import type { DomainEvent } from '../domain/events.ts'
import type { History } from '../domain/history.ts'
import { recordedFrom } from '../domain/stored-event.ts'
import {
  ConcurrencyConflict,
  type AppendResult,
  type EventStore,
  type NewEvent,
  type StoredEvent,
} from '../event-store/event-store.ts'

interface Added {
  readonly revision: number
  readonly id: string
  readonly type: string
  readonly data: string
  readonly metadata: string
}

/**
 * Reads the log and appends to a scratch file that has no name and is gone when it is closed. A stream that was appended to
 * here stays as it was in the log at that moment, whatever others append to it.
 */
export class DryRunLog {
  /** An empty name: SQLite keeps it in a temporary file of its own. */
  private readonly db = new Database('')
  private readonly statements

  constructor(private readonly log: Pick<EventStore, 'read'>) {
    this.db.pragma('journal_mode = OFF')
    this.db.exec(`
      CREATE TABLE event (
        stream TEXT, revision INTEGER, id TEXT NOT NULL, type TEXT NOT NULL, data TEXT NOT NULL, metadata TEXT NOT NULL,
        PRIMARY KEY (stream, revision)
      ) STRICT, WITHOUT ROWID;
    `)
    this.statements = {
      add: this.db.prepare('INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)'),
      added: this.db.prepare<[string, number], Added>(
        'SELECT revision, id, type, data, metadata FROM event WHERE stream = ? AND revision >= ? ORDER BY revision',
      ),
      ends: this.db.prepare<[string], { first: number | null; last: number | null }>(
        'SELECT min(revision) AS first, max(revision) AS last FROM event WHERE stream = ?',
      ),
    }
  }

  async *read(stream: string, fromRevision = 0): AsyncGenerator<StoredEvent> {
    const first = this.statements.ends.get(stream)?.first ?? Infinity
    if (first > 0) {
      for await (const event of this.log.read(stream, fromRevision)) {
        if (event.revision >= first) break
        yield event
      }
    }
    for (const { data, metadata, ...event } of this.statements.added.all(stream, fromRevision)) {
      yield {
        ...event,
        stream,
        data: JSON.parse(data) as unknown,
        metadata: JSON.parse(metadata) as unknown,
        receivedAt: new Date(),
        position: null,
      }
    }
  }

  append(stream: string, expected: number, events: readonly NewEvent[]): Promise<AppendResult> {
    const last = this.statements.ends.get(stream)?.last ?? null
    if (last !== null && last !== expected) return Promise.reject(new ConcurrencyConflict(stream))
    let revision = expected
    this.db.transaction(() => {
      for (const { id, type, data, metadata } of events)
        this.statements.add.run(stream, ++revision, id, type, JSON.stringify(data), JSON.stringify(metadata))
    })()
    return Promise.resolve({ revision, position: '0' })
  }

  /** The state of a history as it would be. */
  async fold<S, C, E extends DomainEvent>(history: History<S, C, E>, id: string): Promise<S> {
    let state = history.initial
    for await (const stored of this.read(`${history.category}-${id}`))
      state = history.evolve(state, recordedFrom<E>(stored))
    return state
  }

  close(): void {
    this.db.close()
  }
}
