/**
 * The tables that a rebuild fills: acquired from whichever process filled them before, split into partitions and merged again,
 * completed with their order and their indexes, and promoted. All of it may be interrupted at any moment, and resumes.
 */
import type { Projection, Table } from '../projection.ts'
import {
  acquired,
  beginCheckpoint,
  CheckpointConflict,
  checkpointOf,
  definitionFingerprint,
  indexesOf,
  lastEventFrom,
  liveTargets,
  positionFrom,
  type AcquiredCheckpoint,
} from '../runner/checkpoint-store.ts'
import type { CheckpointTable } from '../storage/bookkeeping.ts'
import {
  arrivalsName,
  quoted,
  shadowName,
  type Database,
  type Statements,
  type WriteTargets,
} from '../storage/database.ts'

/** `interrupted`: it was begun, and no process has worked on it for a while. It resumes from its checkpoints. */
export type RebuildState = 'none' | 'running' | 'interrupted'

export interface AcquiredShadow {
  readonly checkpoint: AcquiredCheckpoint
  /** Those of its partitions, in order; none where the rebuild is not split. */
  readonly partitions: readonly AcquiredCheckpoint[]
}

/** A rebuild that has written nothing for so long is taken for interrupted, and another process may resume it. */
const interruptedAfterMs = 10_000

export class ShadowTables {
  constructor(private readonly database: Database) {}

  /** Acquires the rebuild from the process that worked on it, or begins one. */
  acquire(projection: Projection): Promise<AcquiredShadow> {
    return this.database.transaction(async (statements) => {
      const known = await checkpointOf(statements, projection, 'shadow')
      if (known?.fingerprint !== definitionFingerprint(projection))
        return { checkpoint: await begin(statements, projection, (known?.fencing_token ?? 0) + 1), partitions: [] }
      const checkpoint = await acquired(statements, projection, known)
      const partitions: AcquiredCheckpoint[] = []
      for (const row of await partitionsOf(statements, projection))
        partitions.push(await acquired(statements, projection, row))
      return { checkpoint, partitions }
    })
  }

  async rebuildState(projection: Projection): Promise<RebuildState> {
    const [last] = await this.database.db
      .selectFrom('checkpoint')
      .select(['fingerprint', 'written_at'])
      .where('projection', '=', projection.name)
      .where('table_set', '=', 'shadow')
      .orderBy('written_at', 'desc')
      .execute()
    if (last?.fingerprint !== definitionFingerprint(projection)) return 'none'
    return Date.now() - Date.parse(last.written_at) > interruptedAfterMs ? 'interrupted' : 'running'
  }

  /**
   * From here on the tables are filled in so many partitions, each of which reads other streams.
   * @throws CheckpointConflict
   */
  split(checkpoint: AcquiredCheckpoint, count: number): Promise<AcquiredCheckpoint[]> {
    const { projection, fencingToken, position } = checkpoint
    return this.database.transaction(async (statements) => {
      const now = new Date().toISOString()
      const [known] = await statements.all<CheckpointTable>(
        `UPDATE checkpoint SET written_at = ?
         WHERE projection = ? AND table_set = 'shadow' AND partition = '' AND fencing_token = ? AND position = ? RETURNING *`,
        [now, projection.name, fencingToken, String(position ?? '')],
      )
      if (!known) throw new CheckpointConflict(projection.name)
      const partitions: AcquiredCheckpoint[] = []
      for (let number = 1; number <= count; number++) {
        const partition = `${number}/${count}`
        await statements.run("INSERT INTO checkpoint VALUES (?, 'shadow', ?, ?, ?, ?, ?, ?, ?, ?)", [
          projection.name,
          partition,
          known.version,
          known.fingerprint,
          fencingToken,
          known.position,
          known.event_id,
          known.event_position,
          now,
        ])
        partitions.push({ ...checkpoint, partition })
      }
      return partitions
    })
  }

  /**
   * Every partition has processed the log up to one position: one process continues from there.
   * @throws CheckpointConflict where a partition has not, or another process has acquired the rebuild
   */
  merge(checkpoint: AcquiredCheckpoint, to: bigint): Promise<AcquiredCheckpoint> {
    const { projection, fencingToken } = checkpoint
    return this.database.transaction(async (statements) => {
      const { run } = statements
      const partitions = await partitionsOf(statements, projection)
      const lastEvent = partitions
        .map(lastEventFrom)
        .reduce((last, one) => (one && (!last || one.position > last.position) ? one : last), null)
      const merged = await run(
        `UPDATE checkpoint SET position = ?, event_id = ?, event_position = ?, written_at = ?
         WHERE projection = ? AND table_set = 'shadow' AND partition = '' AND fencing_token = ?`,
        [
          String(to),
          lastEvent?.id ?? '',
          String(lastEvent?.position ?? ''),
          new Date().toISOString(),
          projection.name,
          fencingToken,
        ],
      )
      if (merged !== 1 || partitions.length === 0 || partitions.some(({ position }) => position !== String(to)))
        throw new CheckpointConflict(projection.name)
      await run("DELETE FROM checkpoint WHERE projection = ? AND table_set = 'shadow' AND partition <> ''", [
        projection.name,
      ])
      return { ...checkpoint, position: to, lastEvent }
    })
  }

  /**
   * Where rows are written: those of documents, until they are completed, into a table of arrivals; those of tables of kind
   * `append` into a table without a key.
   */
  targets({ projection }: AcquiredCheckpoint): Promise<WriteTargets> {
    return this.database.transaction(async ({ hasTable }) => {
      const targets = new Map(liveTargets({ projection }))
      for (const table of projection.tables) {
        const collects = table.kind === 'document' && (await hasTable(arrivalsName(table)))
        targets.set(table, {
          table,
          name: collects ? arrivalsName(table) : shadowName(table),
          hasKey: !collects && table.kind !== 'append',
        })
      }
      return targets
    })
  }

  /**
   * Sorts the documents by their keys, and creates the indexes: kept up to date row by row, each would cost as much as the rows do.
   * One transaction each, so that another process that writes need not wait for all of them.
   * @throws CheckpointConflict where another process has acquired the rebuild, and may be writing arrivals still
   */
  async complete({ projection, fencingToken }: AcquiredCheckpoint): Promise<void> {
    await this.database.transaction(async (statements) => {
      const moved = await statements.run(
        `UPDATE checkpoint SET written_at = ?
         WHERE projection = ? AND table_set = 'shadow' AND partition = '' AND fencing_token = ?`,
        [new Date().toISOString(), projection.name, fencingToken],
      )
      if (moved !== 1) throw new CheckpointConflict(projection.name)
      for (const table of projection.tables) await sortArrivals(statements, table)
    })
    for (const table of projection.tables)
      for (const index of indexesOf(table))
        await this.database.transaction(({ createIndex }) => createIndex(table, shadowName(table), index))
  }

  /**
   * The shadow tables and their checkpoint become the live ones, in one transaction.
   * @returns false where the live checkpoint is ahead: the rebuild must process more first
   * @throws CheckpointConflict
   */
  promote({ projection, fencingToken, position }: AcquiredCheckpoint): Promise<boolean> {
    const { name, tables } = projection
    return this.database.transaction(async (statements) => {
      const live = await checkpointOf(statements, projection, 'live')
      if (live && (positionFrom(live.position) ?? -1n) > (position ?? -1n)) return false
      const newToken = Math.max(live?.fencing_token ?? 0, fencingToken) + 1
      const { run } = statements
      await run("DELETE FROM checkpoint WHERE projection = ? AND table_set = 'live'", [name])
      const moved = await run(
        `UPDATE checkpoint SET table_set = 'live', fencing_token = ?
         WHERE projection = ? AND table_set = 'shadow' AND partition = '' AND fencing_token = ? AND position = ?`,
        [newToken, name, fencingToken, String(position ?? '')],
      )
      if (moved !== 1) throw new CheckpointConflict(name)
      await run("DELETE FROM parked_stream WHERE projection = ? AND table_set = 'live'", [name])
      await run("UPDATE parked_stream SET table_set = 'live' WHERE projection = ? AND table_set = 'shadow'", [name])
      for (const table of tables) {
        await run(`DROP TABLE IF EXISTS ${quoted(table.name)}`)
        await run(`ALTER TABLE ${quoted(shadowName(table))} RENAME TO ${quoted(table.name)}`)
      }
      return true
    })
  }
}

const partitionsOf = ({ all }: Statements, projection: Projection): Promise<CheckpointTable[]> =>
  all("SELECT * FROM checkpoint WHERE projection = ? AND table_set = 'shadow' AND partition <> '' ORDER BY partition", [
    projection.name,
  ])

async function begin(
  statements: Statements,
  projection: Projection,
  fencingToken: number,
): Promise<AcquiredCheckpoint> {
  for (const table of projection.tables) {
    await statements.createTable(table, shadowName(table))
    await statements.run(`DROP TABLE IF EXISTS ${quoted(arrivalsName(table))}`)
    if (table.kind === 'document') await statements.createArrivalsTable(table, arrivalsName(table))
  }
  return beginCheckpoint(statements, projection, 'shadow', fencingToken)
}

async function sortArrivals(statements: Statements, table: Table): Promise<void> {
  const arrivals = arrivalsName(table)
  if (table.kind !== 'document' || !(await statements.hasTable(arrivals))) return
  await statements.copyLastArrivals(table, arrivals, shadowName(table))
  await statements.run(`DROP TABLE ${quoted(arrivals)}`)
}
