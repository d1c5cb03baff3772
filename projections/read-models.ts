/** The database of the read models: what the projections have concluded, and how far each has heard. All of it can be rebuilt. */
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { BehaviorSubject, filter, firstValueFrom, map, race, take, timer } from 'rxjs'
import type { CaseloadTable } from './caseload.ts'
import type { ParticipantTable, ParticipantTokenTable } from './participants.ts'
import type { Projection, Row, Table, Value } from './projection.ts'
import type { TimelineTable } from './timeline.ts'

/** A stream whose event could not be understood: nothing after it is concluded until it can. */
export interface HeldTable {
  projection: string
  stream: string
  revision: number
  why: string
}

export interface CheckpointTable {
  projection: string
  version: number
  /** The last place in the log that has been heard; '' before the first. */
  position: string
  /** When it was heard, ISO 8601 UTC. */
  at: string
}

export interface ReadModelTables {
  caseload: CaseloadTable
  participant: ParticipantTable
  participant_token: ParticipantTokenTable
  timeline: TimelineTable
  held: HeldTable
  checkpoint: CheckpointTable
}

/** Another projector wrote meanwhile; this one is stale and has written nothing. */
export class CheckpointMoved extends Error {
  constructor(readonly projection: string) {
    super(`Another process is projecting ${projection}.`)
    this.name = 'CheckpointMoved'
  }
}

const quoted = (name: string) => `"${name}"`

export class ReadModels {
  readonly db: Kysely<ReadModelTables>
  private readonly sqlite: Database.Database
  private readonly heard = new BehaviorSubject<bigint>(-1n)
  private readonly prepared = new Map<
    string,
    { get: Database.Statement<unknown[]>; put: Database.Statement<unknown[]> }
  >()

  constructor(dataDir: string) {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    this.sqlite = new Database(join(dataDir, 'read-models.sqlite'), { timeout: 10_000 })
    this.sqlite.pragma('journal_mode = WAL')
    // A lost last transaction is only heard again: the checkpoint is lost with it.
    this.sqlite.pragma('synchronous = NORMAL')
    this.sqlite.exec(`
      CREATE TABLE IF NOT EXISTS checkpoint (projection TEXT PRIMARY KEY, version INTEGER NOT NULL, position TEXT NOT NULL, at TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS held (projection TEXT, stream TEXT, revision INTEGER NOT NULL, why TEXT NOT NULL, PRIMARY KEY (projection, stream)) STRICT;
    `)
    this.db = new Kysely<ReadModelTables>({ dialect: new SqliteDialect({ database: this.sqlite }) })
  }

  /** Makes the projection's tables where there are none, or none of its version. @returns the place it has heard up to */
  prepare(projection: Projection): bigint | null {
    const known = this.sqlite
      .prepare<[string], CheckpointTable>('SELECT * FROM checkpoint WHERE projection = ?')
      .get(projection.name)
    if (known?.version === projection.version) return known.position === '' ? null : BigInt(known.position)
    this.startOver(projection)
    return null
  }

  /** Drops what the projection has concluded, in one transaction; it then listens from the beginning of the log. */
  startOver(projection: Projection): void {
    this.prepared.clear()
    this.sqlite
      .transaction(() => {
        for (const table of projection.tables) {
          this.sqlite.exec(`DROP TABLE IF EXISTS ${quoted(table.name)}`)
          for (const statement of definitionOf(table)) this.sqlite.exec(statement)
        }
        this.sqlite.prepare('DELETE FROM held WHERE projection = ?').run(projection.name)
        this.sqlite
          .prepare('INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?, ?)')
          .run(projection.name, projection.version, '', new Date().toISOString())
      })
      .immediate()
  }

  /**
   * Runs one batch: what it changes and how far it has heard become true together or not at all.
   * @throws CheckpointMoved when the checkpoint is no longer where this projector left it
   */
  advance(projection: Projection, from: bigint | null, to: bigint, work: () => void): void {
    this.sqlite
      .transaction(() => {
        const moved = this.sqlite
          .prepare('UPDATE checkpoint SET position = ?, at = ? WHERE projection = ? AND version = ? AND position = ?')
          .run(
            String(to),
            new Date().toISOString(),
            projection.name,
            projection.version,
            from === null ? '' : String(from),
          )
        if (moved.changes !== 1) throw new CheckpointMoved(projection.name)
        work()
      })
      .immediate()
  }

  row(table: Table, key: readonly Value[]): Row | undefined {
    return this.statements(table).get.get(...key) as Row | undefined
  }

  put(table: Table, row: Row): void {
    this.statements(table).put.run(...Object.keys(table.columns).map((column) => row[column] ?? null))
  }

  hold(held: HeldTable): void {
    this.sqlite
      .prepare('INSERT OR IGNORE INTO held VALUES (?, ?, ?, ?)')
      .run(held.projection, held.stream, held.revision, held.why)
  }

  heldStreams(projection: string): Set<string> {
    const rows = this.sqlite
      .prepare<[string], { stream: string }>('SELECT stream FROM held WHERE projection = ?')
      .all(projection)
    return new Set(rows.map(({ stream }) => stream))
  }

  /** Why this journey's pages stop short of its stream, if they do. */
  async heldAt(stream: string): Promise<HeldTable | undefined> {
    return this.db.selectFrom('held').selectAll().where('stream', '=', stream).executeTakeFirst()
  }

  /** The projector says how far all projections have heard. */
  announce(position: bigint): void {
    if (position > this.heard.value) this.heard.next(position)
  }

  /** @returns true once every projection has heard the log up to the position; false when that took longer than `ms` */
  waitFor(position: string, ms: number): Promise<boolean> {
    const wanted = BigInt(position)
    return firstValueFrom(
      race(
        this.heard.pipe(
          filter((heard) => heard >= wanted),
          map(() => true),
        ),
        timer(ms).pipe(map(() => false)),
      ).pipe(take(1)),
    )
  }

  /** How far the slowest projection has heard, and when it did. */
  async asOf(): Promise<{ position: string; at: string | null }> {
    const slowest = await this.db.selectFrom('checkpoint').select(['position', 'at']).execute()
    const positions = slowest.map(({ position, at }) => ({ position: position === '' ? -1n : BigInt(position), at }))
    const first = positions.reduce<(typeof positions)[number] | null>(
      (low, one) => (low && low.position <= one.position ? low : one),
      null,
    )
    return { position: String(first?.position ?? -1n), at: first && first.position >= 0n ? first.at : null }
  }

  async close(): Promise<void> {
    await this.db.destroy()
  }

  private statements(table: Table) {
    let statements = this.prepared.get(table.name)
    if (!statements) {
      const columns = Object.keys(table.columns)
      statements = {
        get: this.sqlite.prepare(
          `SELECT * FROM ${quoted(table.name)} WHERE ${table.key.map((column) => `${quoted(column)} = ?`).join(' AND ')}`,
        ),
        put: this.sqlite.prepare(
          `INSERT OR REPLACE INTO ${quoted(table.name)} (${columns.map(quoted).join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
        ),
      }
      this.prepared.set(table.name, statements)
    }
    return statements
  }
}

function definitionOf(table: Table): string[] {
  const columns = Object.entries(table.columns).map(([name, type]) => `${quoted(name)} ${type.toUpperCase()}`)
  const key = `PRIMARY KEY (${table.key.map(quoted).join(', ')})`
  return [
    `CREATE TABLE ${quoted(table.name)} (${[...columns, key].join(', ')}) STRICT, WITHOUT ROWID`,
    ...(table.indexes ?? []).map(
      (index) =>
        `CREATE INDEX ${quoted(`${table.name}_by_${index.join('_')}`)} ON ${quoted(table.name)} (${index.map(quoted).join(', ')})`,
    ),
  ]
}
