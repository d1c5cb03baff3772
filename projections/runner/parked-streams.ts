/** The streams that are parked in the live tables, for pages and operators. */
import type { ParkedStreamTable, QueryDatabase } from '../storage/bookkeeping.ts'

export class ParkedStreams {
  constructor(private readonly db: QueryDatabase) {}

  /** One row for each projection that parked the stream, in the order of the streams. @param most all where it is absent */
  list(most?: number): Promise<ParkedStreamTable[]> {
    const rows = this.live().selectAll().orderBy('stream').orderBy('projection')
    return (most === undefined ? rows : rows.limit(most)).execute()
  }

  /** How many streams are parked, by any projection. */
  async count(): Promise<number> {
    const { count } = await this.live()
      .select(({ fn }) => fn.count<number>('stream').distinct().as('count'))
      .executeTakeFirstOrThrow()
    return Number(count)
  }

  async countByProjection(): Promise<Map<string, number>> {
    const rows = await this.live()
      .select(['projection', ({ fn }) => fn.countAll<number>().as('count')])
      .groupBy('projection')
      .execute()
    return new Map(rows.map(({ projection, count }) => [projection, Number(count)]))
  }

  private live() {
    return this.db.selectFrom('parked_stream').where('table_set', '=', 'live')
  }
}
