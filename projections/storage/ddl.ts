/** The statements that create tables and indexes, for both databases. */
import type { ColumnType, Table } from '../projection.ts'
import { quoted, type Index, type Statements } from './database.ts'

/** How each type of column is declared. Texts sort by their bytes on both databases, so that pages agree. */
export type ColumnTypes = Readonly<Record<ColumnType, string>>

const columnsOf = (types: ColumnTypes, { columns }: Table): string[] =>
  Object.entries(columns).map(([column, type]) => `${quoted(column)} ${types[type]}`)

export function tableDdl(types: ColumnTypes, table: Table, name: string): string {
  const columns = columnsOf(types, table)
  if (table.kind !== 'append') columns.push(`PRIMARY KEY (${table.key.map(quoted).join(', ')})`)
  return `CREATE TABLE ${quoted(name)} (${columns.join(', ')})`
}

/** @param sequence how a column is declared that numbers the rows as they arrive */
export const arrivalsDdl = (types: ColumnTypes, sequence: string, table: Table, name: string): string =>
  `CREATE TABLE ${quoted(name)} (nth ${sequence}, ${columnsOf(types, table).join(', ')})`

/** Nobody asks for an index by name; it must only differ from the same index of the table that this one will replace. */
export async function createIndexOnce(
  { all, run }: Pick<Statements, 'all' | 'run'>,
  listOfIndexes: string,
  { table, name, index: { columns, unique } }: { table: Table; name: string; index: Index },
): Promise<void> {
  const stem = `${table.name}_by_${columns.join('_')}_`
  const known = await all<{ name: string; table: string }>(listOfIndexes)
  const alike = known.filter((index) => index.name === `${stem}1` || index.name === `${stem}2`)
  if (alike.some((index) => index.table === name)) return
  const free = alike.some((index) => index.name === `${stem}1`) ? `${stem}2` : `${stem}1`
  await run(
    `CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${quoted(free)} ON ${quoted(name)} (${columns.map(quoted).join(', ')})`,
  )
}

/** The columns are those of storage/bookkeeping.ts. */
export const bookkeepingDdl = ({ text, integer }: ColumnTypes): readonly string[] => [
  `CREATE TABLE IF NOT EXISTS checkpoint (projection ${text}, table_set ${text}, partition ${text}, version ${integer} NOT NULL,
   fingerprint ${text} NOT NULL, fencing_token ${integer} NOT NULL, position ${text} NOT NULL, event_id ${text} NOT NULL,
   event_position ${text} NOT NULL, written_at ${text} NOT NULL,
   PRIMARY KEY (projection, table_set, partition))`,
  `CREATE TABLE IF NOT EXISTS parked_stream (projection ${text}, table_set ${text}, stream ${text}, revision ${integer} NOT NULL,
   why ${text} NOT NULL, PRIMARY KEY (projection, table_set, stream))`,
]

/** Whether only an earlier release has this table: its list of parked streams, or what its rebuilds were filling. */
export const isOfOldLayout = (table: string): boolean => table === 'held' || /__(beside|heard)$/.test(table)
