/** The checkpoints of the projections: acquired by one process at a time, and written in one transaction with the rows they stand for. */
import { createHash } from 'node:crypto'
import type { Projection, Table, Value } from '../projection.ts'
import type { Retired } from '../retired.ts'
import type { CheckpointTable, ParkedStreamTable, TableSet } from '../storage/bookkeeping.ts'
import {
  arrivalsName,
  quoted,
  shadowName,
  type ChangedRows,
  type Database,
  type Index,
  type Statements,
  type WriteTargets,
} from '../storage/database.ts'

/** Another process has acquired or moved the checkpoint; this one has written nothing. */
export class CheckpointConflict extends Error {
  readonly projection: string

  constructor(projection: string) {
    super(`Another process is projecting ${projection}.`)
    this.name = 'CheckpointConflict'
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

/** An event by which a log is recognised: another log has another event at the position, or none. */
export interface LastEvent {
  readonly id: string
  readonly position: bigint
}

/** A checkpoint as this process acquired it, or last wrote it. */
export interface AcquiredCheckpoint {
  readonly projection: Projection
  readonly tableSet: TableSet
  /** See {@link CheckpointTable.partition}. */
  readonly partition: string
  readonly fencingToken: number
  /** null before the first event. */
  readonly position: bigint | null
  /** The last event that was processed, at the position or before it; null before the first. */
  readonly lastEvent: LastEvent | null
}

export type ParkedStream = Omit<ParkedStreamTable, 'projection' | 'table_set'>

/** What one projection writes after a batch. */
export interface BatchWrite {
  readonly checkpoint: AcquiredCheckpoint
  /** The new position. */
  readonly upTo: bigint
  readonly lastEvent: LastEvent | null
  readonly rows: ChangedRows
  readonly parked: readonly ParkedStream[]
}

/** Changes with the projection's version and tables: tables that were built under another fingerprint are rebuilt. */
export const definitionFingerprint = ({ version, tables }: Projection): string =>
  createHash('sha256')
    .update(JSON.stringify([version, tables]))
    .digest('hex')
    .slice(0, 16)

export const positionFrom = (position: string): bigint | null => (position === '' ? null : BigInt(position))

export const lastEventFrom = (row: Pick<CheckpointTable, 'event_id' | 'event_position'>): LastEvent | null =>
  row.event_id === '' ? null : { id: row.event_id, position: BigInt(row.event_position) }

export const liveTargets = ({ projection }: { projection: Projection }): WriteTargets =>
  new Map(projection.tables.map((table) => [table, { table, name: table.name, hasKey: true }]))

/** A table of kind `append` has its key as an index, which a rebuild creates when the table is full. */
export const indexesOf = ({ key, indexes = [], kind }: Table): Index[] => [
  ...(kind === 'append' ? [{ columns: key, unique: true }] : []),
  ...indexes.map((columns) => ({ columns, unique: false })),
]

export class CheckpointStore {
  constructor(readonly database: Database) {}

  /**
   * Acquires the live checkpoint from the process that had it, and creates the tables where there are none.
   * @returns null where the live tables were built by another version: they are served as they are until a rebuild replaces them
   * @throws DowngradeRefused
   */
  acquire(projection: Projection): Promise<AcquiredCheckpoint | null> {
    return this.database.transaction(async (statements) => {
      const known = await checkpointOf(statements, projection, 'live')
      if (!known) return createLiveTables(statements, projection, 1)
      if (known.version > projection.version)
        throw new DowngradeRefused(projection.name, known.version, projection.version)
      if (known.fingerprint !== definitionFingerprint(projection)) return null
      return acquired(statements, projection, known)
    })
  }

  /** The live checkpoint, without acquiring it; undefined where this release did not build the tables. */
  async current(projection: Projection): Promise<AcquiredCheckpoint | undefined> {
    const rows = await this.all()
    const row = rows.find((one) => one.projection === projection.name && one.table_set === 'live')
    if (row?.fingerprint !== definitionFingerprint(projection)) return undefined
    const { fencing_token: fencingToken, position } = row
    return {
      projection,
      tableSet: 'live',
      partition: '',
      fencingToken,
      position: positionFrom(position),
      lastEvent: lastEventFrom(row),
    }
  }

  /** Live, shadow, and those of partitions. */
  all(): Promise<CheckpointTable[]> {
    return this.database.db
      .selectFrom('checkpoint')
      .selectAll()
      .orderBy('projection')
      .orderBy('table_set')
      .orderBy('partition')
      .execute()
  }

  /** Empties the live tables; the projection then begins at the start of the log. */
  reset(projection: Projection): Promise<AcquiredCheckpoint> {
    return this.database.transaction(async (statements) => {
      const known = await checkpointOf(statements, projection, 'live')
      return createLiveTables(statements, projection, (known?.fencing_token ?? 0) + 1)
    })
  }

  /**
   * Creates the live tables of projections that have none, and drops those that are retired.
   * @returns the names of the projections that were dropped
   */
  prepare(projections: readonly Projection[], retired: readonly Retired[]): Promise<readonly string[]> {
    return this.database.transaction(async (statements) => {
      await statements.lockSchema()
      for (const projection of projections)
        if (!(await checkpointOf(statements, projection, 'live'))) await createLiveTables(statements, projection, 1)
      const dropped: string[] = []
      const { run } = statements
      for (const { name, tables } of retired) {
        if ((await run('DELETE FROM checkpoint WHERE projection = ?', [name])) === 0) continue
        await run('DELETE FROM parked_stream WHERE projection = ?', [name])
        for (const table of tables)
          for (const one of [table, shadowName({ name: table }), arrivalsName({ name: table })])
            await run(`DROP TABLE IF EXISTS ${quoted(one)}`)
        dropped.push(name)
      }
      return dropped
    })
  }

  /**
   * Writes rows and checkpoints of all projections that took part in a batch, together or not at all.
   * @returns the checkpoints as they now are
   * @throws CheckpointConflict where a checkpoint is not as this process left it
   */
  commit(writes: readonly BatchWrite[]): Promise<AcquiredCheckpoint[]> {
    return this.database.transaction(writing(writes))
  }

  /** The same. @returns undefined where another process is writing; nothing is written then */
  commitUnlessBusy(writes: readonly BatchWrite[]): Promise<AcquiredCheckpoint[] | undefined> {
    return this.database.transactionUnlessBusy(writing(writes))
  }

  /**
   * Writes the rows of one reprocessed stream, and parks it where it now stops, if it does. Raises the fencing token, so that the
   * process that has the stream parked in memory reads the list again.
   * @throws CheckpointConflict where the projection is not at the position that the rows were computed for
   */
  rewriteStream(stream: string, { checkpoint, rows, parked }: BatchWrite): Promise<void> {
    const { projection } = checkpoint
    return this.database.transaction(async ({ run, put }) => {
      const moved = await run(
        `UPDATE checkpoint SET fencing_token = fencing_token + 1 WHERE ${asLeft}`,
        valuesAsLeft(checkpoint),
      )
      if (moved !== 1) throw new CheckpointConflict(projection.name)
      for (const [target, changed] of rows) await put(target, changed)
      await run("DELETE FROM parked_stream WHERE projection = ? AND table_set = 'live' AND stream = ?", [
        projection.name,
        stream,
      ])
      for (const { revision, why } of parked)
        await run("INSERT INTO parked_stream VALUES (?, 'live', ?, ?, ?)", [projection.name, stream, revision, why])
    })
  }

  /** The names of the streams that are parked in this set of tables. */
  async parkedStreams({ projection, tableSet }: AcquiredCheckpoint): Promise<Set<string>> {
    const rows = await this.database.db
      .selectFrom('parked_stream')
      .select('stream')
      .where('projection', '=', projection.name)
      .where('table_set', '=', tableSet)
      .execute()
    return new Set(rows.map(({ stream }) => stream))
  }
}

/** That a checkpoint is as this process left it. */
const asLeft = 'projection = ? AND table_set = ? AND partition = ? AND fencing_token = ? AND position = ?'

const valuesAsLeft = (checkpoint: AcquiredCheckpoint): readonly Value[] => {
  const { projection, tableSet, partition, fencingToken, position } = checkpoint
  return [projection.name, tableSet, partition, fencingToken, String(position ?? '')]
}

/** The three columns, separated by spaces: projections that share them are written by one statement. */
const newPositionOf = ({ upTo, lastEvent }: BatchWrite): string =>
  `${upTo} ${lastEvent?.id ?? ''} ${lastEvent?.position ?? ''}`

const writing =
  (writes: readonly BatchWrite[]) =>
  async ({ run, put }: Statements): Promise<AcquiredCheckpoint[]> => {
    const now = new Date().toISOString()
    for (const [newPosition, together] of Map.groupBy(writes, newPositionOf)) {
      const moved = await run(
        `UPDATE checkpoint SET position = ?, event_id = ?, event_position = ?, written_at = ?
         WHERE ${together.map(() => `(${asLeft})`).join(' OR ')}`,
        [...newPosition.split(' '), now, ...together.flatMap(({ checkpoint }) => valuesAsLeft(checkpoint))],
      )
      if (moved !== together.length)
        throw new CheckpointConflict(together.map(({ checkpoint }) => checkpoint.projection.name).join(', '))
    }
    for (const { checkpoint, rows, parked } of writes) {
      for (const [target, changed] of rows) await put(target, changed)
      for (const { stream, revision, why } of parked)
        await run('INSERT INTO parked_stream VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING', [
          checkpoint.projection.name,
          checkpoint.tableSet,
          stream,
          revision,
          why,
        ])
    }
    return writes.map(({ checkpoint, upTo, lastEvent }) => ({ ...checkpoint, position: upTo, lastEvent }))
  }

/** Of the whole set of tables, not of a partition. */
export async function checkpointOf(
  { all }: Statements,
  projection: Projection,
  tableSet: TableSet,
): Promise<CheckpointTable | undefined> {
  const rows = await all<CheckpointTable>(
    "SELECT * FROM checkpoint WHERE projection = ? AND table_set = ? AND partition = ''",
    [projection.name, tableSet],
  )
  return rows[0]
}

/** Raises the fencing token. */
export async function acquired(
  { all }: Statements,
  projection: Projection,
  { table_set: tableSet, partition }: Pick<CheckpointTable, 'table_set' | 'partition'>,
): Promise<AcquiredCheckpoint> {
  const [row] = await all<Pick<CheckpointTable, 'fencing_token' | 'position' | 'event_id' | 'event_position'>>(
    `UPDATE checkpoint SET fencing_token = fencing_token + 1, written_at = ?
     WHERE projection = ? AND table_set = ? AND partition = ? RETURNING fencing_token, position, event_id, event_position`,
    [new Date().toISOString(), projection.name, tableSet, partition],
  )
  return {
    projection,
    tableSet,
    partition,
    fencingToken: row!.fencing_token,
    position: positionFrom(row!.position),
    lastEvent: lastEventFrom(row!),
  }
}

/** A checkpoint before the first event, in place of any there is; nothing is parked. */
export async function beginCheckpoint(
  { run }: Statements,
  projection: Projection,
  tableSet: TableSet,
  fencingToken: number,
): Promise<AcquiredCheckpoint> {
  const { name, version } = projection
  await run('DELETE FROM parked_stream WHERE projection = ? AND table_set = ?', [name, tableSet])
  await run("DELETE FROM checkpoint WHERE projection = ? AND table_set = ? AND partition <> ''", [name, tableSet])
  await run(
    `INSERT INTO checkpoint VALUES (?, ?, '', ?, ?, ?, '', '', '', ?) ON CONFLICT (projection, table_set, partition) DO UPDATE SET
     version = excluded.version, fingerprint = excluded.fingerprint, fencing_token = excluded.fencing_token, position = '',
     event_id = '', event_position = '', written_at = excluded.written_at`,
    [name, tableSet, version, definitionFingerprint(projection), fencingToken, new Date().toISOString()],
  )
  return { projection, tableSet, partition: '', fencingToken, position: null, lastEvent: null }
}

async function createLiveTables(
  statements: Statements,
  projection: Projection,
  fencingToken: number,
): Promise<AcquiredCheckpoint> {
  for (const table of projection.tables) {
    await statements.createTable(table, table.name)
    for (const index of indexesOf(table)) await statements.createIndex(table, table.name, index)
  }
  return beginCheckpoint(statements, projection, 'live', fencingToken)
}
