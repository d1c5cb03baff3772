/** A row in its stored form and back: `json` columns become text, by the codec that the table names for them. */
import type { Row, Table, Value } from '../projection.ts'

/** @returns a function that gives the values of a row in the order of the columns */
export function encoderOf({ columns, codec }: Table): (row: Row) => Value[] {
  const names = Object.keys(columns)
  const isJson = names.map((name) => columns[name] === 'json')
  return (row) => {
    const values = new Array<Value>(names.length)
    for (let n = 0; n < names.length; n++) {
      const name = names[n]!
      const value = row[name] ?? null
      values[n] =
        isJson[n] && value !== null ? JSON.stringify(codec?.[name]?.encode(value as object) ?? value) : (value as Value)
    }
    return values
  }
}

/** Decodes the `json` columns in place. */
export function decoded({ columns, codec }: Table, row: Row): Row {
  for (const [column, type] of Object.entries(columns)) {
    const stored = row[column]
    if (type !== 'json' || typeof stored !== 'string') continue
    const value = JSON.parse(stored) as object
    row[column] = codec?.[column]?.decode(value as readonly unknown[]) ?? value
  }
  return row
}
