/**
 * npm run bench -- sqlite [--json]: the two SQLite drivers on the statements that run most, in turns: an event into the log, a row
 * into the read models, and both read back. Processor time of this process; nothing waits for a disk.
 */
import Sqlite from 'better-sqlite3'
import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { machine, printRows, type BenchRow } from './rows.ts'

const rows = 20_000
const rounds = 9
const json = process.argv.includes('--json')

type Field = bigint | number | string | Buffer | null

/** What both drivers are asked to do, each in its own words. */
interface Driver {
  exec(sql: string): void
  /** @param big integers come back as bigint, rows as arrays: as the log reads them */
  prepare(sql: string, big: boolean): { run(...fields: Field[]): unknown; get(...fields: Field[]): unknown }
  close(): void
}

function betterSqlite(): Driver {
  const db = new Sqlite(':memory:')
  return {
    exec: (sql) => void db.exec(sql),
    prepare: (sql, big) => {
      const statement = db.prepare(sql).safeIntegers(big)
      return big && statement.reader ? statement.raw() : statement
    },
    close: () => void db.close(),
  }
}

function nodeSqlite(): Driver {
  const db = new DatabaseSync(':memory:')
  return {
    exec: (sql) => db.exec(sql),
    prepare: (sql, big) => {
      const statement = db.prepare(sql)
      statement.setReadBigInts(big)
      statement.setReturnArrays(big)
      return statement
    },
    close: () => db.close(),
  }
}

/** One of the statements, with what it is given for the nth row. */
interface Path {
  readonly name: string
  readonly table: string
  readonly write: string
  readonly read: string
  readonly big: boolean
  readonly row: (n: number) => Field[]
  readonly key: (n: number) => Field[]
}

const body = randomBytes(500)
const textColumns = Array.from({ length: 12 }, (_, n) => `t${n}`)
const numberColumns = Array.from({ length: 7 }, (_, n) => `n${n}`)
const columns = ['id', ...textColumns, ...numberColumns]

const paths: readonly Path[] = [
  {
    name: 'an event of the log',
    table: `CREATE TABLE event (position INTEGER PRIMARY KEY, stream INTEGER NOT NULL, revision INTEGER NOT NULL,
      type INTEGER NOT NULL, category INTEGER NOT NULL, created INTEGER NOT NULL, crc INTEGER NOT NULL, body BLOB NOT NULL)`,
    write: 'INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    read: 'SELECT * FROM event WHERE position = ?',
    big: true,
    row: (n) => [BigInt(n + 1), BigInt(n % 900), BigInt(n), 3n, 1n, 1_764_000_000_000_000n + BigInt(n), 77n, body],
    key: (n) => [BigInt(n + 1)],
  },
  {
    name: 'a row of twenty columns of the read models',
    table: `CREATE TABLE document (id TEXT PRIMARY KEY, ${textColumns.map((name) => `${name} TEXT`).join(', ')},
      ${numberColumns.map((name) => `${name} INTEGER`).join(', ')}) STRICT, WITHOUT ROWID`,
    write: `INSERT OR REPLACE INTO document VALUES (${columns.map(() => '?').join(', ')})`,
    read: 'SELECT * FROM document WHERE id = ?',
    big: false,
    row: (n) => [
      keyOf(n),
      ...textColumns.map((name) => `${name} of it`),
      ...numberColumns.map((_, column) => n + column),
    ],
    key: (n) => [keyOf(n)],
  },
]

/** In order, as a batch is written. */
function keyOf(n: number): string {
  return `journey-${String(n).padStart(9, '0')}`
}

/** @returns microseconds of processor time a row, written and read */
function measured(open: () => Driver, path: Path): { readonly written: number; readonly read: number } {
  const driver = open()
  driver.exec(path.table)
  const given = Array.from({ length: rows }, (_, n) => path.row(n))
  const keys = Array.from({ length: rows }, (_, n) => path.key(n))
  const write = driver.prepare(path.write, path.big)
  const read = driver.prepare(path.read, path.big)
  driver.exec('BEGIN')
  const written = processorTime(() => given.forEach((row) => write.run(...row)))
  driver.exec('COMMIT')
  const found = processorTime(() => keys.forEach((key) => read.get(...key)))
  driver.close()
  return { written, read: found }
}

function processorTime(work: () => void): number {
  const begun = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(begun)
  return (user + system) / rows
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

process.stderr.write(`${machine()}\n${rows} rows, ${rounds} rounds in turns, medians\n`)
const figures: BenchRow[] = paths.flatMap((path) => {
  const better: ReturnType<typeof measured>[] = []
  const node: ReturnType<typeof measured>[] = []
  for (let round = 0; round < rounds; round++) {
    const turns = [() => better.push(measured(betterSqlite, path)), () => node.push(measured(nodeSqlite, path))]
    for (const turn of round % 2 === 0 ? turns : turns.reverse()) turn()
  }
  return (['written', 'read'] as const).map((what) => {
    const value = median(node.map((round) => round[what]))
    const baseline = median(better.map((round) => round[what]))
    return {
      name: `${path.name}, ${what}: node:sqlite against better-sqlite3`,
      value,
      unit: 'µs',
      baseline,
      ratio: value / baseline,
      target: 'none',
      ok: true,
    }
  })
})
printRows(figures, json)
