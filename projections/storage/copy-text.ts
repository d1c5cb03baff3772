/** Rows in the text format of PostgreSQL's COPY, as bytes outside the heap, which the garbage collector need not move. */
import type { Row, Table, Value } from '../projection.ts'
import type { WriteBuffer } from './database.ts'
import { encoderOf } from './row-codec.ts'

const initialBytes = 64 * 1024

/** A larger buffer is given back once its rows are written. Most transactions need less. */
const mostBytesKept = 1024 * 1024

/** No character of a text becomes more bytes than this in UTF-8. */
const bytesOfCharacter = 3

export class CopyText implements WriteBuffer {
  length = 0
  private readonly encode: (row: Row) => Value[]
  private bytes: Buffer = Buffer.allocUnsafeSlow(initialBytes)
  private used = 0

  constructor(table: Table) {
    this.encode = encoderOf(table)
  }

  static of(table: Table, rows: readonly Row[]): CopyText {
    const text = new CopyText(table)
    for (const row of rows) text.add(row)
    return text
  }

  add(row: Row): void {
    const values = this.encode(row)
    let line = escaped(values[0]!)
    for (let n = 1; n < values.length; n++) line += `\t${escaped(values[n]!)}`
    line += '\n'
    this.makeRoomFor(line.length * bytesOfCharacter)
    this.used += this.bytes.write(line, this.used)
    this.length++
  }

  /** All rows. Valid until {@link clear}, after which the same bytes hold other rows. */
  get text(): Buffer {
    return this.bytes.subarray(0, this.used)
  }

  clear(): void {
    this.length = 0
    this.used = 0
    if (this.bytes.length > mostBytesKept) this.bytes = Buffer.allocUnsafeSlow(initialBytes)
  }

  private makeRoomFor(more: number): void {
    if (this.used + more <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.used + more))
    this.bytes.copy(larger, 0, 0, this.used)
    this.bytes = larger
  }
}

const special = /[\\\t\n\r]/

/** A value in COPY’s text format: characters that would end it, or begin something else, are escaped. */
function escaped(value: Value): string {
  if (value === null) return '\\N'
  if (typeof value === 'number') return String(value)
  if (Buffer.isBuffer(value)) return `\\\\x${value.toString('hex')}`
  return special.test(value) ? value.replace(/[\\\t\n\r]/g, (found) => escapes[found]!) : value
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }
