/** The position up to which everything has been projected, and how a page waits until its own write is included. */
import { BehaviorSubject, exhaustMap, filter, firstValueFrom, map, merge, race, take, timer } from 'rxjs'
import type { QueryDatabase } from '../storage/bookkeeping.ts'

/** Poll interval of a page that waits while another process projects. */
const pollMs = 40

export interface AsOf {
  /** The lowest position of all projections; '-1' before the first event. */
  readonly position: string
  /** When it was written, ISO 8601 UTC; null before the first event. */
  readonly at: string | null
}

export class ProjectedPosition {
  private readonly published = new BehaviorSubject<bigint>(-1n)

  /** @param projections names those that count: tables of another release keep their position, and nobody waits for them */
  constructor(
    private readonly db: QueryDatabase,
    private readonly projections: () => readonly string[] | undefined,
  ) {}

  /** The runner of this process has projected everything up to here. */
  publish(position: bigint): void {
    if (position > this.published.value) this.published.next(position)
  }

  /**
   * The runner of this process projects no more, or not now. The database may since have lost its last transactions, and with them
   * what was published: from here on the database is asked.
   */
  withdraw(): void {
    this.published.next(-1n)
  }

  /** @returns true once every projection has processed the log up to the position; false when that took longer than `ms` */
  waitFor(position: string, ms: number): Promise<boolean> {
    const wanted = BigInt(position)
    if (this.published.value >= wanted) return Promise.resolve(true)
    const inDatabase = timer(pollMs, pollMs).pipe(
      exhaustMap(() => this.asOf()),
      map((asOf) => BigInt(asOf.position)),
    )
    return firstValueFrom(
      race(
        merge(this.published, inDatabase).pipe(
          filter((reached) => reached >= wanted),
          map(() => true),
        ),
        timer(ms).pipe(map(() => false)),
      ).pipe(take(1)),
    )
  }

  async asOf(): Promise<AsOf> {
    const names = this.projections()
    const checkpoints = await this.db
      .selectFrom('checkpoint')
      .select(['position', 'written_at'])
      .where('table_set', '=', 'live')
      .$if(names !== undefined, (query) => query.where('projection', 'in', names!))
      .execute()
    let lowest: { position: bigint; at: string } | undefined
    for (const { position: text, written_at: at } of checkpoints) {
      const position = text === '' ? -1n : BigInt(text)
      if (!lowest || position < lowest.position) lowest = { position, at }
    }
    return { position: String(lowest?.position ?? -1n), at: lowest && lowest.position >= 0n ? lowest.at : null }
  }
}
