/** What the read models need of a database. There are two: SQLite for one machine, PostgreSQL for many instances. */
import type { Row, Table, Value } from '../projection.ts'
import type { QueryDatabase } from './bookkeeping.ts'

/** A table of the database into which the rows of a projection's table are written. */
export interface WriteTarget {
  readonly table: Table
  readonly name: string
  /** Whether a row replaces the row that has its key. Without a key, rows are only added, one after another. */
  readonly hasKey: boolean
}

/** Where the rows of each table of a projection are written. */
export type WriteTargets = ReadonlyMap<Table, WriteTarget>

/** The rows to write into each target, each row as it is after the last event. */
export type ChangedRows = ReadonlyMap<WriteTarget, readonly Row[] | WriteBuffer>

export interface Index {
  readonly columns: readonly string[]
  readonly unique: boolean
}

/** Statements inside one transaction. Each `?` stands for a value, in order. */
export interface Statements {
  all<T>(sql: string, values?: readonly Value[]): Promise<T[]>
  /** @returns the number of rows that were changed */
  run(sql: string, values?: readonly Value[]): Promise<number>
  /** Writes the rows into the target. A write buffer must be one that {@link Database.writeBuffer} made for the same target. */
  put(target: WriteTarget, rows: readonly Row[] | WriteBuffer): Promise<void>
  hasTable(name: string): Promise<boolean>
  /** Creates the table empty, in place of any table of that name. A table of kind `append` has no key until its index is created. */
  createTable(table: Table, name: string): Promise<void>
  /** Creates a table with the same columns and no key, which numbers its rows in the order of their arrival. */
  createArrivalsTable(table: Table, name: string): Promise<void>
  /** Copies, in the order of the key, the row that arrived last of those that share a key. */
  copyLastArrivals(table: Table, from: string, into: string): Promise<void>
  /** Creates the index, unless the table has it. */
  createIndex(table: Table, name: string, index: Index): Promise<void>
  /** Until the transaction ends, every other process that calls this waits. To be called before tables are created. */
  lockSchema(): Promise<void>
}

/** Rows that wait to be written, in the order in which they were added. */
export interface WriteBuffer {
  readonly length: number
  add(row: Row): void
  /** Empties the buffer, once its rows are written. */
  clear(): void
}

/** A write buffer of rows as they are. */
export class RowWriteBuffer implements WriteBuffer {
  rows: Row[] = []

  get length(): number {
    return this.rows.length
  }

  add(row: Row): void {
    this.rows.push(row)
  }

  clear(): void {
    this.rows = []
  }
}

export const rowsOf = (rows: readonly Row[] | WriteBuffer): readonly Row[] =>
  rows instanceof RowWriteBuffer ? rows.rows : (rows as readonly Row[])

/** The database as one moment sees it. */
export interface Snapshot {
  all<T>(sql: string, values?: readonly Value[]): Promise<T[]>
  /** Every row in its stored form, in the order of its key. */
  rows(table: Table, name: string): AsyncIterable<Record<string, Value>>
}

/** This process is the one that projects, until it releases the election or loses it. */
export interface Election {
  /** Aborted when another process may have been elected. */
  readonly lost: AbortSignal
  /** The database was damaged: this is the name it was given, and an empty one without tables is in its place. */
  readonly setAside?: string
  release(): Promise<void>
}

export interface Database {
  /** For questions; never writes. */
  readonly db: QueryDatabase
  /** The number of rows, in catch-up mode, from which a transaction is worth its cost. */
  readonly worthWriting: number
  /** A buffer that stores rows of the target in the form that costs least until they are written. */
  writeBuffer(target: WriteTarget): WriteBuffer
  /** Creates the bookkeeping tables. Where they have the layout of an earlier release, drops them and what was filled under them. */
  createBookkeeping(): Promise<void>
  /** Everything in the transaction becomes true, or nothing. */
  transaction<T>(work: (statements: Statements) => Promise<T>): Promise<T>
  /** The same, without waiting for another transaction. @returns undefined where it would have to wait; nothing is done then */
  transactionUnlessBusy<T>(work: (statements: Statements) => Promise<T>): Promise<T | undefined>
  /** The rows with these keys, in no order, decoded. */
  load(target: WriteTarget, keys: readonly (readonly Value[])[]): Promise<Row[]>
  snapshot<T>(look: (moment: Snapshot) => Promise<T>): Promise<T>
  /** Of all processes that share this database, one may project. @returns null while another process does */
  elect(): Promise<Election | null>
  close(): Promise<void>
}

export const quoted = (name: string) => `"${name}"`

/** The table that a rebuild fills in order to replace the live one. */
export const shadowName = ({ name }: Pick<Table, 'name'>): string => `${name}__shadow`

/** The table in which a rebuild collects rows in the order of their arrival, to sort them once at its end. */
export const arrivalsName = ({ name }: Pick<Table, 'name'>): string => `${name}__arrivals`
