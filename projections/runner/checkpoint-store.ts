/**
 * How the tables of a projection come to be: taken over from whoever filled them before, filled beside those that are
 * served, alone or in lanes, and put in their place. All of it can be cut short at any moment and is gone on with.
 */
import { createHash } from 'node:crypto'
import { quoted, type Database, type Statements } from '../storage/database.ts'
import type { Projection, Table } from '../projection.ts'
import type { Retired } from '../retired.ts'

/**
 * The tables the pages read, or those that are being filled beside them to take their place. One of several lanes fills
 * the same tables beside, and has a checkpoint of its own: `beside 1/2`.
 */
export type TableSet = 'live' | 'beside' | `beside ${number}/${number}`

export interface CheckpointTable {
  projection: string
  place: TableSet
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

/** Another projector wrote or took over meanwhile; this one is stale and has written nothing. */
export class CheckpointConflict extends Error {
  readonly projection: string

  constructor(projection: string) {
    super(`Another process is projecting ${projection}.`)
    this.name = 'CheckpointMoved'
    this.projection = projection
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
export interface AcquiredCheckpoint {
  readonly projection: Projection
  readonly tableSet: TableSet
  readonly fencingToken: number
  readonly position: bigint | null
}

/** Changes when the projection's tables or version do: what was built under another is built again. */
export const definitionFingerprint = ({ version, tables }: Projection): string =>
  createHash('sha256')
    .update(JSON.stringify([version, tables]))
    .digest('hex')
    .slice(0, 16)

/** Lanes fill one set of tables, and hold histories as one. */
export const servedOrShadow = (place: TableSet): 'live' | 'beside' => (place === 'live' ? 'live' : 'beside')

export const tableNameIn = (place: TableSet, { name }: Table): string => (place === 'live' ? name : `${name}__beside`)

/** Where a rebuild puts down the rows of a table that is put in order at its end. */
const heardIn = ({ name }: Table): string => `${name}__heard`

/** Where rows of a table are written. */
export interface WriteTarget {
  readonly table: Table
  readonly name: string
  /** Without one, rows are put down one after another, and none takes the place of another. */
  readonly hasKey: boolean
}

/** @param isInOrder see {@link CheckpointStore.isInOrder} */
export function writeTargetOf(table: Table, place: TableSet, isInOrder: boolean): WriteTarget {
  if (!isInOrder && table.onlyReplaced) return { table, name: heardIn(table), hasKey: false }
  return { table, name: tableNameIn(place, table), hasKey: !table.writtenOnce || place === 'live' }
}

export const positionFrom = (position: string): bigint | null => (position === '' ? null : BigInt(position))

/** A rebuild that has written nothing for so long was left; somebody else may go on with it. */
const leftAfterMs = 10_000

export class CheckpointStore {
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  /** Makes the tables in which these books are kept. */
  async createTables(): Promise<void> {
    const { text, integer } = this.database.declared
    await this.database.transaction(async (statements) => {
      const { run } = statements
      await this.database.alone(statements)
      await run(
        `CREATE TABLE IF NOT EXISTS checkpoint (projection ${text}, place ${text}, version ${integer} NOT NULL, fingerprint ${text} NOT NULL, epoch ${integer} NOT NULL, position ${text} NOT NULL, at ${text} NOT NULL, PRIMARY KEY (projection, place))`,
      )
      await run(
        `CREATE TABLE IF NOT EXISTS held (projection ${text}, place ${text}, stream ${text}, revision ${integer} NOT NULL, why ${text} NOT NULL, PRIMARY KEY (projection, place, stream))`,
      )
    })
  }

  /**
   * Takes the projection over from whoever filled it before, making its tables where there are none.
   * @returns null where what is live was built by another version: it is served as it is until a new one is ready
   * @throws DowngradeRefused
   */
  acquire(projection: Projection): Promise<AcquiredCheckpoint | null> {
    return this.database.transaction(async (statements) => {
      const known = await this.checkpointOf(statements, projection, 'live')
      if (!known) return this.makeTables(statements, projection, 'live', 1)
      if (known.version > projection.version)
        throw new DowngradeRefused(projection.name, known.version, projection.version)
      if (known.fingerprint !== definitionFingerprint(projection)) return null
      return this.raised(statements, projection, 'live')
    })
  }

  /** Takes over what is being built beside the live tables, or begins it; with its lanes, where it is filled in lanes. */
  acquireShadow(projection: Projection): Promise<{ build: AcquiredCheckpoint; lanes: AcquiredCheckpoint[] }> {
    return this.database.transaction(async (statements) => {
      const known = await this.checkpointOf(statements, projection, 'beside')
      if (known?.fingerprint !== definitionFingerprint(projection))
        return {
          build: await this.makeTables(statements, projection, 'beside', (known?.epoch ?? 0) + 1),
          lanes: [],
        }
      const build = await this.raised(statements, projection, 'beside')
      const lanes: AcquiredCheckpoint[] = []
      for (const { place } of await statements.all<CheckpointTable>(
        "SELECT * FROM checkpoint WHERE projection = ? AND place LIKE 'beside %' ORDER BY place",
        [projection.name],
      ))
        lanes.push(await this.raised(statements, projection, place))
      return { build, lanes }
    })
  }

  /**
   * From here on the tables are filled in so many lanes, each of which hears other histories.
   * @throws CheckpointMoved
   */
  split(build: AcquiredCheckpoint, count: number): Promise<AcquiredCheckpoint[]> {
    const { projection, fencingToken: epoch, position } = build
    return this.database.transaction(async (statements) => {
      const now = new Date().toISOString()
      const [known] = await statements.all<CheckpointTable>(
        "UPDATE checkpoint SET at = ? WHERE projection = ? AND place = 'beside' AND epoch = ? AND position = ? RETURNING *",
        [now, projection.name, epoch, String(position ?? '')],
      )
      if (!known) throw new CheckpointConflict(projection.name)
      const lanes: AcquiredCheckpoint[] = []
      for (let lane = 1; lane <= count; lane++) {
        const place: TableSet = `beside ${lane}/${count}`
        await statements.run('INSERT INTO checkpoint VALUES (?, ?, ?, ?, ?, ?, ?)', [
          projection.name,
          place,
          known.version,
          known.fingerprint,
          epoch,
          known.position,
          now,
        ])
        lanes.push({ ...build, tableSet: place })
      }
      return lanes
    })
  }

  /**
   * All lanes have heard the log up to the same place: the tables are filled by one from there on.
   * @throws CheckpointMoved where one has not, or another process has taken them over
   */
  merge(build: AcquiredCheckpoint, to: bigint): Promise<AcquiredCheckpoint> {
    const { projection, fencingToken: epoch } = build
    return this.database.transaction(async ({ run, all }) => {
      const joined = await run(
        "UPDATE checkpoint SET position = ?, at = ? WHERE projection = ? AND place = 'beside' AND epoch = ?",
        [String(to), new Date().toISOString(), projection.name, epoch],
      )
      const lanes = await all<CheckpointTable>(
        "SELECT * FROM checkpoint WHERE projection = ? AND place LIKE 'beside %'",
        [projection.name],
      )
      if (joined !== 1 || lanes.length === 0 || lanes.some(({ position }) => position !== String(to)))
        throw new CheckpointConflict(projection.name)
      await run("DELETE FROM checkpoint WHERE projection = ? AND place LIKE 'beside %'", [projection.name])
      return { ...build, position: to }
    })
  }

  /**
   * Makes what is missing altogether, and drops what is retired.
   * @returns the projections of which something was dropped
   */
  prepare(projections: readonly Projection[], retired: readonly Retired[]): Promise<readonly string[]> {
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
          for (const one of [table, `${table}__beside`, `${table}__heard`])
            await run(`DROP TABLE IF EXISTS ${quoted(one)}`)
        dropped.push(name)
      }
      return dropped
    })
  }

  /** How its rebuild stands: none was begun, one is being worked on, or one was left unfinished. */
  async rebuildState(projection: Projection): Promise<'none' | 'worked_on' | 'left'> {
    const rows = await this.database.db
      .selectFrom('checkpoint')
      .select(['fingerprint', 'at'])
      .where('projection', '=', projection.name)
      .where('place', '!=', 'live')
      .orderBy('at', 'desc')
      .execute()
    const [last] = rows
    if (last?.fingerprint !== definitionFingerprint(projection)) return 'none'
    return Date.now() - Date.parse(last.at) > leftAfterMs ? 'left' : 'worked_on'
  }

  /** Whether its rows are where their keys put them: false while a rebuild puts some down as it hears them. */
  isInOrder({ projection, tableSet: place }: AcquiredCheckpoint): Promise<boolean> {
    if (place === 'live') return Promise.resolve(true)
    return this.database.transaction(async (statements) => {
      for (const table of projection.tables)
        if (table.onlyReplaced && (await this.isThere(statements, heardIn(table)))) return false
      return true
    })
  }

  /**
   * The order and the indexes that were left out while the rows went in: kept up row by row, each would cost as much as the
   * rows. One transaction each, so that whoever writes elsewhere need not wait for all of them. From here on the build is
   * {@link isInOrder}.
   * @throws CheckpointMoved where another process has taken the build over: it may be putting down rows still
   */
  async complete({ projection, tableSet: place, fencingToken: epoch }: AcquiredCheckpoint): Promise<void> {
    await this.database.transaction(async (statements) => {
      const ours = await statements.run(
        'UPDATE checkpoint SET at = ? WHERE projection = ? AND place = ? AND epoch = ?',
        [new Date().toISOString(), projection.name, servedOrShadow(place), epoch],
      )
      if (ours !== 1) throw new CheckpointConflict(projection.name)
      for (const table of projection.tables) if (table.onlyReplaced) await this.putInOrder(statements, table)
    })
    for (const table of projection.tables)
      for (const index of indexesOf(table))
        await this.database.transaction((statements) => this.makeIndex(statements, table, place, index))
  }

  private async putInOrder(statements: Statements, table: Table): Promise<void> {
    const heard = heardIn(table)
    if (!(await this.isThere(statements, heard))) return
    const [columns, key] = [Object.keys(table.columns), table.key].map((names) => names.map(quoted).join(', '))
    await statements.run(
      `INSERT INTO ${quoted(tableNameIn('beside', table))} (${columns}) ${this.database.lastOfEach(key!, columns!, quoted(heard))}`,
    )
    await statements.run(`DROP TABLE ${quoted(heard)}`)
  }

  private async isThere({ all }: Statements, name: string): Promise<boolean> {
    return (await all(this.database.findTable, [name])).length > 0
  }

  /**
   * What was built beside becomes what is live, with its checkpoint, in one moment.
   * @returns false where the live one has heard more: hear on, and try again
   * @throws CheckpointMoved
   */
  promote(build: AcquiredCheckpoint): Promise<boolean> {
    const { projection } = build
    return this.database.transaction(async (statements) => {
      const live = await this.checkpointOf(statements, projection, 'live')
      if (live && (positionFrom(live.position) ?? -1n) > (build.position ?? -1n)) return false
      const epoch = Math.max(live?.epoch ?? 0, build.fencingToken) + 1
      const { run } = statements
      await run("DELETE FROM checkpoint WHERE projection = ? AND place = 'live'", [projection.name])
      const taken = await run(
        "UPDATE checkpoint SET place = 'live', epoch = ? WHERE projection = ? AND place = 'beside' AND epoch = ? AND position = ?",
        [epoch, projection.name, build.fencingToken, String(build.position ?? '')],
      )
      if (taken !== 1) throw new CheckpointConflict(projection.name)
      await run("DELETE FROM held WHERE projection = ? AND place = 'live'", [projection.name])
      await run("UPDATE held SET place = 'live' WHERE projection = ? AND place = 'beside'", [projection.name])
      for (const table of projection.tables) {
        await run(`DROP TABLE IF EXISTS ${quoted(table.name)}`)
        await run(`ALTER TABLE ${quoted(tableNameIn('beside', table))} RENAME TO ${quoted(table.name)}`)
      }
      return true
    })
  }

  /** Drops what the projection has concluded; it then listens from the beginning of the log. */
  reset(projection: Projection): Promise<AcquiredCheckpoint> {
    return this.database.transaction(async (statements) => {
      const known = await this.checkpointOf(statements, projection, 'live')
      return this.makeTables(statements, projection, 'live', (known?.epoch ?? 0) + 1)
    })
  }

  checkpoints(): Promise<CheckpointTable[]> {
    return this.database.db.selectFrom('checkpoint').selectAll().orderBy('projection').orderBy('place').execute()
  }

  /** Where the live projection stands, without taking it over; undefined where this release did not build it. */
  async current(projection: Projection): Promise<AcquiredCheckpoint | undefined> {
    const row = (await this.checkpoints()).find((one) => one.projection === projection.name && one.place === 'live')
    if (row?.fingerprint !== definitionFingerprint(projection)) return undefined
    return { projection, tableSet: 'live', fencingToken: row.epoch, position: positionFrom(row.position) }
  }

  private async checkpointOf({ all }: Statements, projection: Projection, place: TableSet) {
    const rows = await all<CheckpointTable>('SELECT * FROM checkpoint WHERE projection = ? AND place = ?', [
      projection.name,
      place,
    ])
    return rows[0]
  }

  private async raised({ all }: Statements, projection: Projection, place: TableSet): Promise<AcquiredCheckpoint> {
    const [row] = await all<{ epoch: number; position: string }>(
      'UPDATE checkpoint SET epoch = epoch + 1, at = ? WHERE projection = ? AND place = ? RETURNING epoch, position',
      [new Date().toISOString(), projection.name, place],
    )
    return { projection, tableSet: place, fencingToken: row!.epoch, position: positionFrom(row!.position) }
  }

  private async makeTables(
    statements: Statements,
    projection: Projection,
    place: 'live' | 'beside',
    epoch: number,
  ): Promise<AcquiredCheckpoint> {
    const { run } = statements
    const { declared, numbered, suffixOf } = this.database
    for (const table of projection.tables) {
      const name = quoted(tableNameIn(place, table))
      const columns = Object.entries(table.columns).map(([column, type]) => `${quoted(column)} ${declared[type]}`)
      if (place === 'beside') await run(`DROP TABLE IF EXISTS ${quoted(heardIn(table))}`)
      if (place === 'beside' && table.onlyReplaced)
        await run(`CREATE TABLE ${quoted(heardIn(table))} (nth ${numbered}, ${columns.join(', ')})`)
      if (!table.writtenOnce) columns.push(`PRIMARY KEY (${table.key.map(quoted).join(', ')})`)
      await run(`DROP TABLE IF EXISTS ${name}`)
      await run(`CREATE TABLE ${name} (${columns.join(', ')})${suffixOf(table)}`)
      if (place === 'live') for (const index of indexesOf(table)) await this.makeIndex(statements, table, place, index)
    }
    await run('DELETE FROM held WHERE projection = ? AND place = ?', [projection.name, place])
    if (place === 'beside')
      await run("DELETE FROM checkpoint WHERE projection = ? AND place LIKE 'beside %'", [projection.name])
    await run(
      `INSERT INTO checkpoint VALUES (?, ?, ?, ?, ?, '', ?) ON CONFLICT (projection, place) DO UPDATE SET
       version = excluded.version, fingerprint = excluded.fingerprint, epoch = excluded.epoch, position = '', at = excluded.at`,
      [projection.name, place, projection.version, definitionFingerprint(projection), epoch, new Date().toISOString()],
    )
    return { projection, tableSet: place, fencingToken: epoch, position: null }
  }

  /** Nobody asks for an index by name; it must only differ from that of the table this one will one day replace. */
  private async makeIndex(statements: Statements, table: Table, place: TableSet, { columns, unique }: Index) {
    const { all, run } = statements
    const stem = `${table.name}_by_${columns.join('_')}_`
    const known = await all<{ name: string; table: string }>(this.database.listOfIndexes)
    const alike = known.filter(({ name }) => name === `${stem}1` || name === `${stem}2`)
    if (alike.some((index) => index.table === tableNameIn(place, table))) return
    const name = alike.some((index) => index.name === `${stem}1`) ? `${stem}2` : `${stem}1`
    await run(
      `CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${quoted(name)} ON ${quoted(tableNameIn(place, table))} (${columns.map(quoted).join(', ')})`,
    )
  }
}

interface Index {
  readonly columns: readonly string[]
  readonly unique: boolean
}

const indexesOf = ({ key, indexes = [], writtenOnce }: Table): Index[] => [
  ...(writtenOnce ? [{ columns: key, unique: true }] : []),
  ...indexes.map((columns) => ({ columns, unique: false })),
]
