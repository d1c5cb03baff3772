/** The read models: what the projections have concluded, and how far each has heard. All of it can be rebuilt. */
import type { Kysely } from 'kysely'
import { join } from 'node:path'
import { BehaviorSubject, exhaustMap, filter, firstValueFrom, map, merge, race, take, timer } from 'rxjs'
import {
  CheckpointStore,
  CheckpointConflict,
  tableNameIn,
  positionFrom,
  servedOrShadow,
  writeTargetOf,
  type AcquiredCheckpoint,
  type CheckpointTable,
  type TableSet,
} from '../runner/checkpoint-store.ts'
import type { CaseloadTable } from '../caseload.ts'
import type { Database, Election, Snapshot, Statements, WriteBuffer } from './database.ts'
import { PostgresDatabase } from './postgres.ts'
import { SqliteDatabase } from './sqlite.ts'
import type { GroupMemberTable, GroupSessionTable, ProgrammeGroupTable, RegisterRowTable } from '../groups.ts'
import type { ParticipantTable, ParticipantTokenTable } from '../participants.ts'
import type { Projection, Row, Table, Value } from '../projection.ts'
import type { Retired } from '../retired.ts'
import type { TimelineTable } from '../timeline.ts'

/** A stream whose event could not be understood: nothing after it is concluded until it can. */
export interface ParkedStreamTable {
  projection: string
  place: 'live' | 'beside'
  stream: string
  revision: number
  why: string
}

export interface ReadModelTables {
  caseload: CaseloadTable
  participant: ParticipantTable
  participant_token: ParticipantTokenTable
  timeline: TimelineTable
  programme_group: ProgrammeGroupTable
  group_member: GroupMemberTable
  group_session: GroupSessionTable
  register_row: RegisterRowTable
  held: ParkedStreamTable
  checkpoint: CheckpointTable
}

/** What a batch of events makes of one build. */
export interface BatchWrite {
  readonly build: AcquiredCheckpoint
  readonly to: bigint
  readonly rows: ReadonlyMap<Table, readonly Row[] | WriteBuffer>
  /** See {@link CheckpointStore.isInOrder}. */
  readonly isInOrder: boolean
  readonly held: readonly Omit<ParkedStreamTable, 'projection' | 'place'>[]
}

/** A checkpoint as this projector left it: projection, place, epoch and position. */
const asLeft = ({
  projection,
  tableSet: place,
  fencingToken: epoch,
  position,
}: AcquiredCheckpoint): readonly Value[] => [projection.name, place, epoch, String(position ?? '')]

/** How often somebody who waits looks whether another process has heard what he waits for. */
const lookEveryMs = 40

export class ReadModels {
  readonly db: Kysely<ReadModelTables>
  readonly checkpointStore: CheckpointStore
  private readonly database: Database
  private readonly heard = new BehaviorSubject<bigint>(-1n)
  /** What this release projects; undefined until it is prepared. Another's stand where they were left, and nobody waits for them. */
  private known: readonly string[] | undefined

  private constructor(database: Database) {
    this.db = database.db
    this.database = database
    this.checkpointStore = new CheckpointStore(database)
  }

  /** In PostgreSQL where there is a URL, else in a file of the data directory. */
  static async open(dataDir: string, databaseUrl?: string): Promise<ReadModels> {
    return ReadModels.in(
      databaseUrl ? new PostgresDatabase(databaseUrl) : new SqliteDatabase(join(dataDir, 'read-models.sqlite')),
    )
  }

  static async in(database: Database): Promise<ReadModels> {
    const readModels = new ReadModels(database)
    try {
      await readModels.checkpointStore.createTables()
    } catch (error) {
      await database.close()
      throw error
    }
    return readModels
  }

  /** So many rows are worth a transaction of their own, where nobody waits for them. */
  get worthWriting(): number {
    return this.database.worthWriting
  }

  /** Where rows of the table wait until they are written. */
  waitingFor(table: Table, { tableSet: place }: AcquiredCheckpoint, isInOrder: boolean): WriteBuffer {
    return this.database.waitingFor(writeTargetOf(table, place, isInOrder))
  }

  elect(): Promise<Election | null> {
    return this.database.elect()
  }

  isFault(error: unknown): boolean {
    return this.database.isFault(error)
  }

  /**
   * Makes what is missing altogether, so that the pages have something to ask before anything was heard, and drops what is retired.
   * @returns the projections of which something was dropped
   */
  prepare(projections: readonly Projection[], retired: readonly Retired[] = []): Promise<readonly string[]> {
    this.known = projections.map(({ name }) => name)
    return this.checkpointStore.prepare(projections, retired)
  }

  /** Drops what the projection has concluded; it then listens from the beginning of the log. */
  reset(projection: Projection): Promise<AcquiredCheckpoint> {
    this.heard.next(-1n)
    return this.checkpointStore.reset(projection)
  }

  /**
   * One batch: what it changes and how far it has been heard become true together or not at all, for every build of it.
   * @returns the builds as they now are
   * @throws CheckpointMoved when a checkpoint is no longer as this projector left it
   */
  commit(steps: readonly BatchWrite[]): Promise<AcquiredCheckpoint[]> {
    return this.database.transaction(writing(steps))
  }

  /** The same. @returns undefined where another writes just now; nothing is written then */
  commitUnlessBusy(steps: readonly BatchWrite[]): Promise<AcquiredCheckpoint[] | undefined> {
    return this.database.transactionUnlessBusy(writing(steps))
  }

  /**
   * One history's rows written anew, and held where they now stop, if they do. The epoch is raised: the projector that
   * holds the history in its memory takes stock again.
   * @throws CheckpointMoved when the projection was not where the rows were worked out for
   */
  mend(stream: string, { build, rows, held: parked }: BatchWrite): Promise<void> {
    const { projection, tableSet: place } = build
    return this.database.transaction(async ({ run, put }) => {
      const stood = await run(
        'UPDATE checkpoint SET epoch = epoch + 1 WHERE projection = ? AND place = ? AND epoch = ? AND position = ?',
        asLeft(build),
      )
      if (stood !== 1) throw new CheckpointConflict(projection.name)
      for (const [table, changed] of rows) await put(writeTargetOf(table, place, true), changed)
      await run('DELETE FROM held WHERE projection = ? AND place = ? AND stream = ?', [projection.name, place, stream])
      for (const { revision, why } of parked)
        await run('INSERT INTO held VALUES (?, ?, ?, ?, ?)', [projection.name, place, stream, revision, why])
    })
  }

  /** The rows with these keys, in no order. */
  load(place: TableSet, table: Table, keys: readonly (readonly Value[])[]): Promise<Row[]> {
    return this.database.load(table, tableNameIn(place, table), keys)
  }

  async parkedStreams({ projection, tableSet: place }: AcquiredCheckpoint): Promise<Set<string>> {
    const rows = await this.db
      .selectFrom('held')
      .select('stream')
      .where('projection', '=', projection.name)
      .where('place', '=', servedOrShadow(place))
      .execute()
    return new Set(rows.map(({ stream }) => stream))
  }

  /** Why this journey's pages stop short of its stream, if they do. */
  async parkedAt(stream: string): Promise<ParkedStreamTable | undefined> {
    return this.db
      .selectFrom('held')
      .selectAll()
      .where('stream', '=', stream)
      .where('place', '=', 'live')
      .orderBy('revision')
      .executeTakeFirst()
  }

  /** Every history that is held, for the operator. */
  held(): Promise<ParkedStreamTable[]> {
    return this.db
      .selectFrom('held')
      .selectAll()
      .where('place', '=', 'live')
      .orderBy('stream')
      .orderBy('projection')
      .execute()
  }

  snapshot<T>(look: (moment: Snapshot) => Promise<T>): Promise<T> {
    return this.database.snapshot(look)
  }

  checkpoints(): Promise<CheckpointTable[]> {
    return this.checkpointStore.checkpoints()
  }

  /** The projector of this process says how far all projections have heard. */
  publishPosition(position: bigint): void {
    if (position > this.heard.value) this.heard.next(position)
  }

  /**
   * This process projects no more, or not now. What it said may be gone with a database that lost its last transactions:
   * whoever waits looks for it there.
   */
  withdrawPosition(): void {
    this.heard.next(-1n)
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
    const positions = checkpoints.map(({ position, at }) => ({ position: positionFrom(position) ?? -1n, at }))
    const first = positions.reduce<(typeof positions)[number] | null>(
      (low, one) => (low && low.position <= one.position ? low : one),
      null,
    )
    return { position: String(first?.position ?? -1n), at: first && first.position >= 0n ? first.at : null }
  }

  async close(): Promise<void> {
    await this.database.close()
  }
}

const writing =
  (steps: readonly BatchWrite[]) =>
  async ({ run, put }: Statements): Promise<AcquiredCheckpoint[]> => {
    const at = new Date().toISOString()
    for (const [to, together] of Map.groupBy(steps, (step) => step.to)) {
      const where = together.map(() => '(projection = ? AND place = ? AND epoch = ? AND position = ?)').join(' OR ')
      const left = together.flatMap(({ build }) => asLeft(build))
      const moved = await run(`UPDATE checkpoint SET position = ?, at = ? WHERE ${where}`, [String(to), at, ...left])
      if (moved !== together.length)
        throw new CheckpointConflict(together.map(({ build }) => build.projection.name).join(', '))
    }
    for (const { build, rows, isInOrder, held } of steps) {
      for (const [table, changed] of rows) await put(writeTargetOf(table, build.tableSet, isInOrder), changed)
      for (const { stream, revision, why } of held)
        await run('INSERT INTO held VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING', [
          build.projection.name,
          servedOrShadow(build.tableSet),
          stream,
          revision,
          why,
        ])
    }
    return steps.map(({ build, to }) => ({ ...build, position: to }))
  }
