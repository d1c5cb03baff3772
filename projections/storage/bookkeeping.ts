/** The tables in which the read models record their own state: how far each projection has read the log, and which streams are parked. */
import type { Kysely } from 'kysely'

/** `live`: the tables that pages read. `shadow`: the tables that a rebuild fills in order to replace them. */
export type TableSet = 'live' | 'shadow'

export interface CheckpointTable {
  projection: string
  table_set: TableSet
  /** '' where one process reads the whole log; `1/2` for the first of two partitions, which fill the same shadow tables. */
  partition: string
  version: number
  /** A digest of the projection's version and tables, so that a change of tables without a new version is noticed too. */
  fingerprint: string
  /** Raised by every process that acquires the checkpoint: its predecessor can commit nothing more. */
  fencing_token: number
  /** The last position of the log that has been processed; '' before the first. */
  position: string
  /** The id and the position of the last event that was processed, at `position` or before it; '' before the first. */
  event_id: string
  event_position: string
  /** When the position was written, ISO 8601 UTC. */
  written_at: string
}

/** A stream at whose event a projection stopped: nothing after that event is projected until the stream is reprocessed. */
export interface ParkedStreamTable {
  projection: string
  table_set: TableSet
  stream: string
  revision: number
  why: string
}

export interface BookkeepingTables {
  checkpoint: CheckpointTable
  parked_stream: ParkedStreamTable
}

/** The database for reading. A question adds the tables that it reads: `db.withTables<{ timeline: TimelineTable }>()`. */
export type QueryDatabase = Kysely<BookkeepingTables>
