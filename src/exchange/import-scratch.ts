/** What one run of an import must remember of its own file, on disk so that memory stays level: keyed digests and opaque ids, nothing else. */
import Database from 'better-sqlite3'
import { rmSync } from 'node:fs'
import { join } from 'node:path'

export class ImportScratch {
  private readonly db: Database.Database
  private readonly file: string
  private readonly statements

  constructor(dir: string) {
    this.file = join(dir, 'import-scratch.sqlite')
    this.remove()
    this.db = new Database(this.file)
    this.db.pragma('journal_mode = OFF')
    this.db.pragma('synchronous = OFF')
    this.db.pragma('locking_mode = EXCLUSIVE')
    this.db.exec(`
      CREATE TABLE refusal (record_id TEXT, occurrence INTEGER, reason TEXT NOT NULL, PRIMARY KEY (record_id, occurrence)) STRICT, WITHOUT ROWID;
      CREATE TABLE refused_so_far (record_id TEXT PRIMARY KEY, times INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE journey (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    `)
    this.statements = {
      reason: this.db.prepare<[string, number], { reason: string }>(
        'SELECT reason FROM refusal WHERE record_id = ? AND occurrence = ?',
      ),
      addRefusal: this.db.prepare('INSERT OR IGNORE INTO refusal VALUES (?, ?, ?)'),
      times: this.db.prepare<[string], { times: number }>('SELECT times FROM refused_so_far WHERE record_id = ?'),
      addTimes: this.db.prepare(
        'INSERT INTO refused_so_far VALUES (?, ?) ON CONFLICT DO UPDATE SET times = times + excluded.times',
      ),
      addJourney: this.db.prepare('INSERT OR IGNORE INTO journey VALUES (?)'),
    }
  }

  inOneTransaction(work: () => void): void {
    this.db.transaction(work)()
  }

  addRefusal(recordId: string, occurrence: number, reason: string): void {
    this.statements.addRefusal.run(recordId, occurrence, reason)
  }

  /** Why this appearance of the record was refused, in an earlier run or in this one. */
  reasonOf(recordId: string, occurrence: number): string | undefined {
    return this.statements.reason.get(recordId, occurrence)?.reason
  }

  /** How often this run has met the record and refused it. */
  timesRefused(recordId: string): number {
    return this.statements.times.get(recordId)?.times ?? 0
  }

  addTimesRefused(recordId: string, times: number): void {
    this.statements.addTimes.run(recordId, times)
  }

  addJourney(id: string): void {
    this.statements.addJourney.run(id)
  }

  /** The ids of the journeys that were added, so many at once. */
  *journeys(atOnce: number): Generator<readonly string[]> {
    const page = this.db.prepare<[string, number], { id: string }>(
      'SELECT id FROM journey WHERE id > ? ORDER BY id LIMIT ?',
    )
    for (let after = ''; ;) {
      const ids = page.all(after, atOnce).map(({ id }) => id)
      if (ids.length === 0) return
      yield ids
      after = ids.at(-1)!
    }
  }

  close(): void {
    this.db.close()
    this.remove()
  }

  private remove(): void {
    rmSync(this.file, { force: true })
  }
}
