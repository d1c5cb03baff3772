/** What commands are decided on when nothing may be written: the log as it is, and beside it what they would have added. */
import Database from 'better-sqlite3'
import type { AppendResult, EventAppender } from '../event-store/event-appender.ts'
import type { EventStore } from '../event-store/event-store.ts'
import { ConcurrencyConflict } from '../event-store/store-errors.ts'
import type { NewEvent, StoredEvent } from '../event-store/stored-event.ts'
import type { Vault } from '../protection/vault.ts'
import { DecideAndAppend } from './decide-and-append.ts'

interface Added {
  readonly revision: number
  readonly id: string
  readonly type: string
  readonly data: string
  readonly metadata: string
}

/**
 * Reads the log and appends to a scratch file without a name, which is gone when it is closed. A stream that was appended to
 * here stays as it was in the log at that moment, whatever others append to it.
 */
export class DryRunLog implements Pick<EventStore, 'read'>, Pick<EventAppender, 'append'> {
  /** SQLite keeps a database without a name in a temporary file, in the machine's own directory for them. */
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
    if (fromRevision < first) {
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

  /** Decides on this log, and appends to it. */
  commandsWith(vault: Vault): DecideAndAppend {
    return new DecideAndAppend(this, this, vault, { assertRight: () => Promise.resolve() })
  }

  close(): void {
    this.db.close()
  }
}
