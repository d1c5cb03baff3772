/** The read models as the application has them: the database for its questions, the checkpoints, the parked streams. All of it can be rebuilt. */
import type { Projection } from '../projection.ts'
import type { Retired } from '../retired.ts'
import type { CheckpointTable, QueryDatabase } from '../storage/bookkeeping.ts'
import type { Database, Snapshot } from '../storage/database.ts'
import { CheckpointStore, type AcquiredCheckpoint } from './checkpoint-store.ts'
import { ParkedStreams } from './parked-streams.ts'
import { ProjectedPosition, type AsOf } from './projected-position.ts'

export class ReadModels {
  readonly db: QueryDatabase
  readonly checkpointStore: CheckpointStore
  readonly parkedStreams: ParkedStreams
  readonly position: ProjectedPosition
  /** The projections of this release; undefined until they are prepared. */
  private known: readonly string[] | undefined

  private constructor(readonly database: Database) {
    this.db = database.db
    this.checkpointStore = new CheckpointStore(database)
    this.parkedStreams = new ParkedStreams(database.db)
    this.position = new ProjectedPosition(database.db, () => this.known)
  }

  /** Closes the database where it cannot be used. */
  static async in(database: Database): Promise<ReadModels> {
    try {
      await database.createBookkeeping()
    } catch (error) {
      await database.close()
      throw error
    }
    return new ReadModels(database)
  }

  /**
   * Creates the tables of projections that have none, so that pages can ask before anything is projected, and drops those that are
   * retired. @returns the names of the projections that were dropped
   */
  prepare(projections: readonly Projection[], retired: readonly Retired[] = []): Promise<readonly string[]> {
    this.known = projections.map(({ name }) => name)
    return this.checkpointStore.prepare(projections, retired)
  }

  /** Empties the live tables of the projection, which then begins at the start of the log. */
  reset(projection: Projection): Promise<AcquiredCheckpoint> {
    this.position.withdraw()
    return this.checkpointStore.reset(projection)
  }

  checkpoints(): Promise<CheckpointTable[]> {
    return this.checkpointStore.all()
  }

  snapshot<T>(look: (moment: Snapshot) => Promise<T>): Promise<T> {
    return this.database.snapshot(look)
  }

  /** See {@link ProjectedPosition.waitFor}. */
  waitFor(position: string, ms: number): Promise<boolean> {
    return this.position.waitFor(position, ms)
  }

  asOf(): Promise<AsOf> {
    return this.position.asOf()
  }

  async close(): Promise<void> {
    await this.database.close()
  }
}
