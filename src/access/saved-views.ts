/**
 * The views that somebody keeps for himself: a name and an address. They are a person's own convenience and no record of the service,
 * and a name may say anything: so they lie in a file of their own, from which a deleted one is gone, and not in the log, which keeps everything.
 */
import Database from 'better-sqlite3'
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'

export interface SavedView {
  readonly id: string
  readonly name: string
  /** Of this service: a path, with what was asked in its query. */
  readonly address: string
}

/** Nobody needs more, and nobody can fill the disk with them. */
export const mostSavedViews = 50

/** One SQLite file, opened when it is first needed. */
export class SavedViews {
  private opened: Database.Database | undefined

  constructor(private readonly file: string) {}

  /** In the order of their names. */
  of(actorId: string): readonly SavedView[] {
    return this.db
      .prepare<[string], SavedView>('SELECT id, name, address FROM view WHERE actor = ? ORDER BY name, id')
      .all(actorId)
  }

  /** A view of the same name takes the place of the one before. @returns false where he has as many as anybody may have */
  save(actorId: string, name: string, address: string): boolean {
    return this.db.transaction(() => {
      const own = this.of(actorId)
      if (own.length >= mostSavedViews && own.every((view) => view.name !== name)) return false
      this.db
        .prepare(
          'INSERT INTO view (id, actor, name, address) VALUES (?, ?, ?, ?) ON CONFLICT (actor, name) DO UPDATE SET address = excluded.address',
        )
        .run(randomUUID(), actorId, name, address)
      return true
    })()
  }

  /** Nobody deletes another's. */
  delete(actorId: string, id: string): void {
    this.db.prepare('DELETE FROM view WHERE actor = ? AND id = ?').run(actorId, id)
  }

  close(): void {
    this.opened?.close()
    this.opened = undefined
  }

  private get db(): Database.Database {
    if (this.opened) return this.opened
    mkdirSync(dirname(this.file), { recursive: true, mode: 0o700 })
    const db = new Database(this.file, { timeout: 2_000 })
    db.pragma('journal_mode = WAL')
    db.pragma('secure_delete = ON')
    db.exec(
      'CREATE TABLE IF NOT EXISTS view (id TEXT PRIMARY KEY, actor TEXT NOT NULL, name TEXT NOT NULL, address TEXT NOT NULL, UNIQUE (actor, name)) STRICT',
    )
    return (this.opened = db)
  }
}
