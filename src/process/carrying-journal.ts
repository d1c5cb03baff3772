/**
 * How far what groups and sessions say has been carried to the journeys, and what could not be carried. Kept beside the log and
 * not in it: lost, it is worked out again from the beginning of the log, since a journey that was told knows it.
 */
import Database from 'better-sqlite3'
import { join } from 'node:path'

/** Something that a journey would not take, and why. */
export interface NotCarried {
  /** The event that says it. */
  readonly eventId: string
  readonly stream: string
  readonly revision: number
  readonly journeyId: string
  /** The code of the refusal; `unreadable` where an event could not be understood. */
  readonly code: string
  readonly why: string
}

export class CarryingJournal {
  private readonly db: Database.Database
  private readonly statements

  constructor(dataDir: string) {
    this.db = new Database(join(dataDir, 'carrying.sqlite'), { timeout: 10_000 })
    this.db.pragma('journal_mode = WAL')
    this.db.exec(`
      CREATE TABLE IF NOT EXISTS checkpoint (one INTEGER PRIMARY KEY CHECK (one = 1), position TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS not_carried (
        event_id TEXT PRIMARY KEY, stream TEXT NOT NULL, revision INTEGER NOT NULL, journey_id TEXT NOT NULL,
        code TEXT NOT NULL, why TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS not_carried_stream ON not_carried (stream, revision);
    `)
    this.statements = {
      position: this.db.prepare<[], { position: string }>('SELECT position FROM checkpoint'),
      advance: this.db.prepare('INSERT OR REPLACE INTO checkpoint VALUES (1, ?)'),
      keep: this.db.prepare(
        'INSERT OR REPLACE INTO not_carried VALUES (@eventId, @stream, @revision, @journeyId, @code, @why)',
      ),
      forget: this.db.prepare('DELETE FROM not_carried WHERE event_id = ?'),
      all: this.db.prepare<[], NotCarried>(`${selectNotCarried} ORDER BY stream, revision`),
      of: this.db.prepare<[string], NotCarried>(`${selectNotCarried} WHERE stream = ? ORDER BY revision`),
    }
  }

  /** Everything up to this position in the log was carried or is among what was not; null before anything was. */
  get position(): bigint | null {
    const row = this.statements.position.get()
    return row ? BigInt(row.position) : null
  }

  /** All of it becomes true together, or none. @param position how far the log was worked through; null leaves it where it is */
  settle(position: bigint | null, carried: readonly string[], notCarried: readonly NotCarried[]): void {
    this.db.transaction(() => {
      for (const eventId of carried) this.statements.forget.run(eventId)
      for (const one of notCarried) this.statements.keep.run(one)
      if (position !== null) this.statements.advance.run(String(position))
    })()
  }

  /** What was not carried, of one stream or of all. */
  notCarried(stream?: string): readonly NotCarried[] {
    return stream === undefined ? this.statements.all.all() : this.statements.of.all(stream)
  }

  close(): void {
    this.db.close()
  }
}

const selectNotCarried =
  'SELECT event_id AS eventId, stream, revision, journey_id AS journeyId, code, why FROM not_carried'
