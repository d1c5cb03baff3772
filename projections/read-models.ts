/** The read models: what the projections have concluded, and how far each has heard. All of it can be rebuilt. */
import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { join } from 'node:path'
import { BehaviorSubject, exhaustMap, filter, firstValueFrom, map, merge, race, take, timer } from 'rxjs'
import type { CaseloadTable } from './caseload.ts'
import { quoted, type Database, type Election, type Moment, type Statements } from './databases/database.ts'
import { PostgresDatabase } from './databases/postgres.ts'
import { SqliteDatabase } from './databases/sqlite.ts'
import type { ParticipantTable, ParticipantTokenTable } from './participants.ts'
import type { Projection, Row, Table, Value } from './projection.ts'
import type { Retired } from './retired.ts'
import type { TimelineTable } from './timeline.ts'

/** The tables the pages read, or those that are being filled beside them to take their place. */
export type Place = 'live' | 'beside'

/** A stream whose event could not be understood: nothing after it is concluded until it can. */
export interface HeldTable {
  projection: string
  place: Place
  stream: string
  revision: number
  why: string
}

export interface CheckpointTable {
  projection: string
  place: Place
  version: number
  /** What its tables look like, so that a change nobody numbered is noticed too. */
  fingerprint: string
  /** Raised by whoever takes over: whoever held it before can write nothing any more. */
  epoch: number
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

/** Another projector wrote or took over meanwhile; this one is stale and has written nothing. */
export class CheckpointMoved extends Error {
  constructor(readonly projection: string) {
    super(`Another process is projecting ${projection}.`)
    this.name = 'CheckpointMoved'
  }
}

/** The read models were built by a newer release: this one would not understand them, and leaves them alone. */
export class DowngradeRefused extends Error {
  constructor(projection: string, theirs: number, ours: number) {
    super(
      `The read model ${projection} was built by a newer release (its version is ${theirs}, this release knows ${ours}). ` +
        `Start the newer release, or build it again with this one: npm run rebuild -- ${projection}`,
    )
    this.name = 'DowngradeRefused'
  }
}

/** One projection being filled, in its place, from where it has heard up to. */
export interface Build {
  readonly projection: Projection
  readonly place: Place
  readonly epoch: number
  readonly position: bigint | null
}

/** What a batch of events makes of one build. */
export interface Step {
  readonly build: Build
  readonly to: bigint
  readonly rows: ReadonlyMap<Table, readonly Row[]>
  readonly held: readonly Omit<HeldTable, 'projection' | 'place'>[]
}

/** Changes when the projection's tables or version do: what was built under another is built again. */
export const fingerprintOf = ({ version, tables }: Projection): string =>
  createHash('sha256')
    .update(JSON.stringify([version, tables]))
    .digest('hex')
    .slice(0, 16)

export const nameIn = (place: Place, { name }: Table): string => (place === 'live' ? name : `${name}__beside`)

const placeOf = (position: string): bigint | null => (position === '' ? null : BigInt(position))

/** A rebuild that has written nothing for so long was left; somebody else may go on with it. */
const leftAfterMs = 10_000

/** How often somebody who waits looks whether another process has heard what he waits for. */
const lookEveryMs = 40

export class ReadModels {
  readonly db: Kysely<ReadModelTables>
  private readonly heard = new BehaviorSubject<bigint>(-1n)
  /** What this release projects; undefined until it is prepared. Another's stand where they were left, and nobody waits for them. */
  private known: readonly string[] | undefined

  private constructor(private readonly database: Database) {
    this.db = database.db
  }

  /** In PostgreSQL where there is a URL, else in a file of the data directory. */
  static async open(dataDir: string, databaseUrl?: string): Promise<ReadModels> {
    return ReadModels.in(
      databaseUrl ? new PostgresDatabase(databaseUrl) : new SqliteDatabase(join(dataDir, 'read-models.sqlite')),
    )
  }

  static async in(database: Database): Promise<ReadModels> {
    const { text, integer } = database.declared
    try {
      await database.transaction(async (statements) => {
        const { run } = statements
        await database.alone(statements)
        await run(
          `CREATE TABLE IF NOT EXISTS checkpoint (projection ${text}, place ${text}, version ${integer} NOT NULL, fingerprint ${text} NOT NULL, epoch ${integer} NOT NULL, position ${text} NOT NULL, at ${text} NOT NULL, PRIMARY KEY (projection, place))`,
        )
        await run(
          `CREATE TABLE IF NOT EXISTS held (projection ${text}, place ${text}, stream ${text}, revision ${integer} NOT NULL, why ${text} NOT NULL, PRIMARY KEY (projection, place, stream))`,
        )
      })
    } catch (error) {
      await database.close()
      throw error
    }
    return new ReadModels(database)
  }

  elect(): Promise<Election | null> {
    return this.database.elect()
  }

  isFault(error: unknown): boolean {
    return this.database.isFault(error)
  }

  /**
   * Takes the projection over from whoever filled it before, making its tables where there are none.
   * @returns null where what is live was built by another version: it is served as it is until a new one is ready
   * @throws DowngradeRefused
   */
  takeOver(projection: Projection): Promise<Build | null> {
    return this.database.transaction(async (statements) => {
      const known = await this.checkpointOf(statements, projection, 'live')
      if (!known) return this.makeTables(statements, projection, 'live', 1)
      if (known.version > projection.version)
        throw new DowngradeRefused(projection.name, known.version, projection.version)
      if (known.fingerprint !== fingerprintOf(projection)) return null
      return this.raised(statements, projection, known)
    })
  }

  /** Takes over what is being built beside the live tables, or begins it. */
  takeOverBeside(projection: Projection): Promise<Build> {
    return this.database.transaction(async (statements) => {
      const known = await this.checkpointOf(statements, projection, 'beside')
      if (known?.fingerprint === fingerprintOf(projection)) return this.raised(statements, projection, known)
      return this.makeTables(statements, projection, 'beside', (known?.epoch ?? 0) + 1)
    })
  }

  /**
   * Makes what is missing altogether, so that the pages have something to ask before anything was heard, and drops what is retired.
   * @returns the projections of which something was dropped
   */
  prepare(projections: readonly Projection[], retired: readonly Retired[] = []): Promise<readonly string[]> {
    this.known = projections.map(({ name }) => name)
    return this.database.transaction(async (statements) => {
      await this.database.alone(statements)
      for (const projection of projections)
        if (!(await this.checkpointOf(statements, projection, 'live')))
          await this.makeTables(statements, projection, 'live', 1)
      const dropped: string[] = []
      const { run } = statements
      for (const { name, tables } of retired) {
        if ((await run('DELETE FROM checkpoint WHERE projection = ?', [name])) === 0) continue
        await run('DELETE FROM held WHERE projection = ?', [name])
        for (const table of tables)
          for (const one of [table, `${table}__beside`]) await run(`DROP TABLE IF EXISTS ${quoted(one)}`)
        dropped.push(name)
      }
      return dropped
    })
  }

  /** How its rebuild stands: none was begun, one is being worked on, or one was left unfinished. */
  async rebuildOf(projection: Projection): Promise<'none' | 'worked_on' | 'left'> {
    const row = await this.db
      .selectFrom('checkpoint')
      .select(['fingerprint', 'at'])
      .where('projection', '=', projection.name)
      .where('place', '=', 'beside')
      .executeTakeFirst()
    if (row?.fingerprint !== fingerprintOf(projection)) return 'none'
    return Date.now() - Date.parse(row.at) > leftAfterMs ? 'left' : 'worked_on'
  }

  /**
   * What was built beside becomes what is live, with its checkpoint, in one moment.
   * @returns false where the live one has heard more: hear on, and try again
   * @throws CheckpointMoved
   */
  swapIn(build: Build): Promise<boolean> {
    const { projection } = build
    return this.database.transaction(async (statements) => {
      const live = await this.checkpointOf(statements, projection, 'live')
      if (live && (placeOf(live.position) ?? -1n) > (build.position ?? -1n)) return false
      const epoch = Math.max(live?.epoch ?? 0, build.epoch) + 1
      const { run } = statements
      await run("DELETE FROM checkpoint WHERE projection = ? AND place = 'live'", [projection.name])
      const taken = await run(
        "UPDATE checkpoint SET place = 'live', epoch = ? WHERE projection = ? AND place = 'beside' AND epoch = ? AND position = ?",
        [epoch, projection.name, build.epoch, String(build.position ?? '')],
      )
      if (taken !== 1) throw new CheckpointMoved(projection.name)
      await run("DELETE FROM held WHERE projection = ? AND place = 'live'", [projection.name])
      await run("UPDATE held SET place = 'live' WHERE projection = ? AND place = 'beside'", [projection.name])
      for (const table of projection.tables) {
        await run(`DROP TABLE IF EXISTS ${quoted(table.name)}`)
        await run(`ALTER TABLE ${quoted(nameIn('beside', table))} RENAME TO ${quoted(table.name)}`)
      }
      await makeIndexes(statements, projection, epoch)
      return true
    })
  }

  /** Drops what the projection has concluded; it then listens from the beginning of the log. */
  startOver(projection: Projection): Promise<Build> {
    this.heard.next(-1n)
    return this.database.transaction(async (statements) => {
      const known = await this.checkpointOf(statements, projection, 'live')
      return this.makeTables(statements, projection, 'live', (known?.epoch ?? 0) + 1)
    })
  }

  /**
   * One batch: what it changes and how far it has been heard become true together or not at all, for every build of it.
   * @returns the builds as they now are
   * @throws CheckpointMoved when a checkpoint is no longer as this projector left it
   */
  commit(steps: readonly Step[]): Promise<Build[]> {
    const at = new Date().toISOString()
    return this.database.transaction(async ({ run, put }) => {
      const builds: Build[] = []
      for (const { build, to, rows, held } of steps) {
        const { projection, place, epoch, position } = build
        const moved = await run(
          'UPDATE checkpoint SET position = ?, at = ? WHERE projection = ? AND place = ? AND epoch = ? AND position = ?',
          [String(to), at, projection.name, place, epoch, String(position ?? '')],
        )
        if (moved !== 1) throw new CheckpointMoved(projection.name)
        for (const [table, changed] of rows) await put(table, nameIn(place, table), changed)
        for (const { stream, revision, why } of held)
          await run('INSERT INTO held VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING', [
            projection.name,
            place,
            stream,
            revision,
            why,
          ])
        builds.push({ ...build, position: to })
      }
      return builds
    })
  }

  /** Where the live projection stands, without taking it over; undefined where this release did not build it. */
  async standing(projection: Projection): Promise<Build | undefined> {
    const row = (await this.checkpoints()).find((one) => one.projection === projection.name && one.place === 'live')
    if (row?.fingerprint !== fingerprintOf(projection)) return undefined
    return { projection, place: 'live', epoch: row.epoch, position: placeOf(row.position) }
  }

  /**
   * One history's rows written anew, and held where they now stop, if they do. The epoch is raised: the projector that
   * holds the history in its memory takes stock again.
   * @throws CheckpointMoved when the projection was not where the rows were worked out for
   */
  mend(stream: string, { build, rows, held }: Step): Promise<void> {
    const { projection, place, epoch, position } = build
    return this.database.transaction(async ({ run, put }) => {
      const stood = await run(
        'UPDATE checkpoint SET epoch = epoch + 1 WHERE projection = ? AND place = ? AND epoch = ? AND position = ?',
        [projection.name, place, epoch, String(position ?? '')],
      )
      if (stood !== 1) throw new CheckpointMoved(projection.name)
      for (const [table, changed] of rows) await put(table, nameIn(place, table), changed)
      await run('DELETE FROM held WHERE projection = ? AND place = ? AND stream = ?', [projection.name, place, stream])
      for (const { revision, why } of held)
        await run('INSERT INTO held VALUES (?, ?, ?, ?, ?)', [projection.name, place, stream, revision, why])
    })
  }

  /** The rows with these keys, in no order. */
  load(place: Place, table: Table, keys: readonly (readonly Value[])[]): Promise<Row[]> {
    return this.database.load(table, nameIn(place, table), keys)
  }

  async heldStreams({ projection, place }: Build): Promise<Set<string>> {
    const rows = await this.db
      .selectFrom('held')
      .select('stream')
      .where('projection', '=', projection.name)
      .where('place', '=', place)
      .execute()
    return new Set(rows.map(({ stream }) => stream))
  }

  /** Why this journey's pages stop short of its stream, if they do. */
  async heldAt(stream: string): Promise<HeldTable | undefined> {
    return this.db
      .selectFrom('held')
      .selectAll()
      .where('stream', '=', stream)
      .where('place', '=', 'live')
      .orderBy('revision')
      .executeTakeFirst()
  }

  /** Every history that is held, for the operator. */
  held(): Promise<HeldTable[]> {
    return this.db
      .selectFrom('held')
      .selectAll()
      .where('place', '=', 'live')
      .orderBy('stream')
      .orderBy('projection')
      .execute()
  }

  snapshot<T>(look: (moment: Moment) => Promise<T>): Promise<T> {
    return this.database.snapshot(look)
  }

  checkpoints(): Promise<CheckpointTable[]> {
    return this.db.selectFrom('checkpoint').selectAll().orderBy('projection').orderBy('place').execute()
  }

  /** The projector of this process says how far all projections have heard. */
  announce(position: bigint): void {
    if (position > this.heard.value) this.heard.next(position)
  }

  /** @returns true once every projection has heard the log up to the position; false when that took longer than `ms` */
  waitFor(position: string, ms: number): Promise<boolean> {
    const wanted = BigInt(position)
    if (this.heard.value >= wanted) return Promise.resolve(true)
    // Whoever projects may be another process: it is looked for in the database too, as long as somebody waits.
    const elsewhere = timer(lookEveryMs, lookEveryMs).pipe(
      exhaustMap(() => this.asOf()),
      map((asOf) => BigInt(asOf.position)),
    )
    return firstValueFrom(
      race(
        merge(this.heard, elsewhere).pipe(
          filter((heard) => heard >= wanted),
          map(() => true),
        ),
        timer(ms).pipe(map(() => false)),
      ).pipe(take(1)),
    )
  }

  /** How far the slowest projection has heard, and when it did. */
  async asOf(): Promise<{ position: string; at: string | null }> {
    const checkpoints = await this.db
      .selectFrom('checkpoint')
      .select(['position', 'at'])
      .where('place', '=', 'live')
      .$if(this.known !== undefined, (query) => query.where('projection', 'in', this.known!))
      .execute()
    const positions = checkpoints.map(({ position, at }) => ({ position: placeOf(position) ?? -1n, at }))
    const first = positions.reduce<(typeof positions)[number] | null>(
      (low, one) => (low && low.position <= one.position ? low : one),
      null,
    )
    return { position: String(first?.position ?? -1n), at: first && first.position >= 0n ? first.at : null }
  }

  async close(): Promise<void> {
    await this.database.close()
  }

  private async checkpointOf({ all }: Statements, projection: Projection, place: Place) {
    const rows = await all<CheckpointTable>('SELECT * FROM checkpoint WHERE projection = ? AND place = ?', [
      projection.name,
      place,
    ])
    return rows[0]
  }

  private async raised({ all }: Statements, projection: Projection, { place }: CheckpointTable): Promise<Build> {
    const [row] = await all<{ epoch: number; position: string }>(
      'UPDATE checkpoint SET epoch = epoch + 1, at = ? WHERE projection = ? AND place = ? RETURNING epoch, position',
      [new Date().toISOString(), projection.name, place],
    )
    return { projection, place, epoch: row!.epoch, position: placeOf(row!.position) }
  }

  private async makeTables(
    statements: Statements,
    projection: Projection,
    place: Place,
    epoch: number,
  ): Promise<Build> {
    const { run } = statements
    const { declared, tableSuffix } = this.database
    for (const table of projection.tables) {
      const name = quoted(nameIn(place, table))
      const columns = Object.entries(table.columns).map(([column, type]) => `${quoted(column)} ${declared[type]}`)
      await run(`DROP TABLE IF EXISTS ${name}`)
      await run(
        `CREATE TABLE ${name} (${columns.join(', ')}, PRIMARY KEY (${table.key.map(quoted).join(', ')}))${tableSuffix}`,
      )
    }
    if (place === 'live') await makeIndexes(statements, projection, epoch)
    await run('DELETE FROM held WHERE projection = ? AND place = ?', [projection.name, place])
    await run(
      `INSERT INTO checkpoint VALUES (?, ?, ?, ?, ?, '', ?) ON CONFLICT (projection, place) DO UPDATE SET
       version = excluded.version, fingerprint = excluded.fingerprint, epoch = excluded.epoch, position = '', at = excluded.at`,
      [projection.name, place, projection.version, fingerprintOf(projection), epoch, new Date().toISOString()],
    )
    return { projection, place, epoch, position: null }
  }
}

/** Beside the live tables they are left out until the rows are in: each costs as much to keep as the rows. */
async function makeIndexes({ run }: Statements, { tables }: Projection, epoch: number): Promise<void> {
  for (const table of tables)
    for (const index of table.indexes ?? []) {
      // Nobody asks for an index by name; it must only differ from that of the table it will one day be replaced by.
      const name = `${table.name}_by_${index.join('_')}_${epoch}`
      await run(`CREATE INDEX ${quoted(name)} ON ${quoted(table.name)} (${index.map(quoted).join(', ')})`)
    }
}
