/** What the read models ask of a database. There are two: SQLite for one machine, PostgreSQL for many instances. */
import type { Kysely } from 'kysely'
import type { WriteTarget } from '../runner/checkpoint-store.ts'
import type { ReadModelTables } from './read-models.ts'
import type { ColumnType, Row, Table, Value } from '../projection.ts'

/** Statements inside one transaction. Each `?` is a value, in order. */
export interface Statements {
  all<T>(sql: string, values?: readonly Value[]): Promise<T[]>
  /** @returns how many rows it changed */
  run(sql: string, values?: readonly Value[]): Promise<number>
  /** Writes the rows, each over whatever has its key; those that waited are the target's own (see {@link Database.waitingFor}). */
  put(target: WriteTarget, rows: readonly Row[] | WriteBuffer): Promise<void>
}

/** Rows that nobody goes on from, until they are written, in the order they came. */
export interface WriteBuffer {
  readonly length: number
  add(row: Row): void
  /** They are written. */
  clear(): void
}

/** As they are. */
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

/** What one moment sees. */
export interface Snapshot {
  all<T>(sql: string, values?: readonly Value[]): Promise<T[]>
  /** Every row as the database keeps it, in the order of its key. */
  rows(table: Table, name: string): AsyncIterable<Record<string, Value>>
}

/** Held for as long as this process is the one that projects. */
export interface Election {
  /** Aborted when another may have been elected meanwhile. */
  readonly lost: AbortSignal
  release(): Promise<void>
}

export interface Database {
  /** For the questions of the pages; never writes. */
  readonly db: Kysely<ReadModelTables>
  /** How a column type is declared. Texts sort by their bytes on both databases, so that pages agree. */
  readonly declared: Readonly<Record<ColumnType, string>>
  /** The same for a column that numbers the rows as they come. */
  readonly numbered: string
  /** So many rows are worth a transaction of their own, where nobody waits for them. */
  readonly worthWriting: number
  /** Where rows of the target wait: in the form in which they cost least until they are written. */
  waitingFor(target: WriteTarget): WriteBuffer
  /** How the table is to be stored. */
  suffixOf(table: Table): string
  /** Asks, in the order of the key, for the row that came last of those with one key, in a table whose rows are {@link numbered} by `nth`. */
  lastOfEach(key: string, columns: string, from: string): string
  /** Asks for the `name` and `table` of every index. */
  readonly listOfIndexes: string
  /** Asks for a table by its name. */
  readonly findTable: string
  /** All of it becomes true, or none. */
  transaction<T>(work: (statements: Statements) => Promise<T>): Promise<T>
  /** The same, but where it would have to wait for another that writes. @returns undefined then, and has done nothing */
  transactionUnlessBusy<T>(work: (statements: Statements) => Promise<T>): Promise<T | undefined>
  /** Lets no other process that calls this go on until the transaction is over: for making tables. */
  alone(statements: Statements): Promise<void>
  /** The rows with these keys, in no order; the JSON columns made into values again. */
  load(table: Table, name: string, keys: readonly (readonly Value[])[]): Promise<Row[]>
  /** All of it as one moment sees it, whatever is written meanwhile. */
  snapshot<T>(look: (moment: Snapshot) => Promise<T>): Promise<T>
  /** One process among all that share this database may project. @returns null while another does */
  elect(): Promise<Election | null>
  /** The database's fault rather than the event's. */
  isFault(error: unknown): boolean
  close(): Promise<void>
}

export const quoted = (name: string) => `"${name}"`

/** How a row of the table is kept: its values in the order of the columns, the JSON columns as text. */
export function keeperOf({ columns, shortForms }: Table): (row: Row) => Value[] {
  const names = Object.keys(columns)
  const isJson = names.map((name) => columns[name] === 'json')
  return (row) => {
    const values = new Array<Value>(names.length)
    for (let n = 0; n < names.length; n++) {
      const name = names[n]!
      const value = row[name] ?? null
      values[n] =
        isJson[n] && value !== null
          ? JSON.stringify(shortForms?.[name]?.shorten(value as object) ?? value)
          : (value as Value)
    }
    return values
  }
}

/** The row as handlers see it. */
export function seen({ columns, shortForms }: Table, row: Row): Row {
  for (const [column, type] of Object.entries(columns)) {
    const kept = row[column]
    if (type !== 'json' || typeof kept !== 'string') continue
    const value = JSON.parse(kept) as object
    row[column] = shortForms?.[column]?.inFull(value as readonly unknown[]) ?? value
  }
  return row
}
