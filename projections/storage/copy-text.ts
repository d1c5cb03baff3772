/** Rows in the text format of PostgreSQL's COPY, as bytes outside the heap: what waits there the collector need not carry. */
import type { Row, Table, Value } from '../projection.ts'
import { keeperOf, type WriteBuffer } from './database.ts'

const roomAtFirst = 64 * 1024
/** More than a transaction is begun for, unless its rows are heavy. */
const roomKept = 1024 * 1024

/** No character of a text becomes more bytes than this. */
const bytesOfCharacter = 3

export class CopyText implements WriteBuffer {
  length = 0
  private readonly kept: (row: Row) => Value[]
  private bytes: Buffer = Buffer.allocUnsafeSlow(roomAtFirst)
  private used = 0

  constructor(table: Table) {
    this.kept = keeperOf(table)
  }

  static of(table: Table, rows: readonly Row[]): CopyText {
    const text = new CopyText(table)
    for (const row of rows) text.add(row)
    return text
  }

  add(row: Row): void {
    const values = this.kept(row)
    let line = copied(values[0]!)
    for (let n = 1; n < values.length; n++) line += `\t${copied(values[n]!)}`
    line += '\n'
    this.makeRoomFor(line.length * bytesOfCharacter)
    this.used += this.bytes.write(line, this.used)
    this.length++
  }

  /** All of them, until {@link clear}: the same bytes then hold others. */
  get text(): Buffer {
    return this.bytes.subarray(0, this.used)
  }

  clear(): void {
    this.length = 0
    this.used = 0
    if (this.bytes.length > roomKept) this.bytes = Buffer.allocUnsafeSlow(roomAtFirst)
  }

  private makeRoomFor(more: number): void {
    if (this.used + more <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.used + more))
    this.bytes.copy(larger, 0, 0, this.used)
    this.bytes = larger
  }
}

const special = /[\\\t\n\r]/

/** What would end the value or begin something else is escaped. */
function copied(value: Value): string {
  if (value === null) return '\\N'
  if (typeof value === 'number') return String(value)
  if (Buffer.isBuffer(value)) return `\\\\x${value.toString('hex')}`
  return special.test(value) ? value.replace(/[\\\t\n\r]/g, (found) => escapes[found]!) : value
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }
