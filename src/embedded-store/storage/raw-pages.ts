/**
 * Reads the rows of a SQLite file without SQLite, page by page, so that damage to one page hides no other: not the header, not
 * the schema, not a page that leads to others. What a row means and whether it is whole is for the caller to decide.
 *
 * The layout of pages, cells and records is that of https://www.sqlite.org/fileformat2.html, that of the write-ahead log of
 * https://www.sqlite.org/walformat.html.
 */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'

export type RawValue = bigint | number | string | Buffer | null

export interface RawRecord {
  /** A row of a table, or an entry of an index (of which tables WITHOUT ROWID are made too). */
  kind: 'row' | 'entry'
  /** 0 for an entry. */
  rowid: bigint
  values: RawValue[]
  /** False where the write-ahead log has a newer version of the page that the record is on. */
  current: boolean
}

/** Page size of a file whose own header cannot be read: SQLite's default, which the store has always used. */
const DEFAULT_PAGE_SIZE = 4096
const FILE_HEADER = 100
const LOG_HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const PAGE_TYPE = { indexInterior: 2, indexLeaf: 10, tableLeaf: 13 } as const
/** A record is shorter than this, as every append is; a longer one is a damaged length. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024

export class RawPages {
  private readonly file: number
  private readonly log: number | undefined
  private readonly pageSize: number
  /** Where the newest committed version of a page is in the write-ahead log. */
  private readonly inLog: ReadonlyMap<number, number>
  private readonly pages: number

  /** @throws the operating system's error where the file cannot be opened */
  constructor(path: string) {
    this.file = openSync(path, 'r')
    this.log = existsSync(`${path}-wal`) ? openSync(`${path}-wal`, 'r') : undefined
    const header = this.read(this.file, 0, FILE_HEADER)
    this.pageSize = pageSizeIn(header)
    this.inLog = this.log === undefined ? new Map() : this.committedPages(this.log)
    const inFile = Math.ceil(fstatSync(this.file).size / this.pageSize)
    this.pages = Math.max(inFile, ...this.inLog.keys())
  }

  close(): void {
    closeSync(this.file)
    if (this.log !== undefined) closeSync(this.log)
  }

  /** Every record that can be decoded, in the order of the pages. */
  *records(): Generator<RawRecord> {
    for (let number = 1; number <= this.pages; number++) {
      const frame = this.inLog.get(number)
      if (frame !== undefined) yield* this.recordsOn(this.read(this.log!, frame, this.pageSize), number, true)
      yield* this.recordsOn(
        this.read(this.file, (number - 1) * this.pageSize, this.pageSize),
        number,
        frame === undefined,
      )
    }
  }

  private *recordsOn(page: Buffer, number: number, current: boolean): Generator<RawRecord> {
    const start = number === 1 ? FILE_HEADER : 0
    if (page.length < start + 12) return
    const type = page[start]
    const isRow = type === PAGE_TYPE.tableLeaf
    if (!isRow && type !== PAGE_TYPE.indexLeaf && type !== PAGE_TYPE.indexInterior) return
    const cells = page.readUInt16BE(start + 3)
    const pointers = start + (type === PAGE_TYPE.indexInterior ? 12 : 8)
    for (let cell = 0; cell < cells && pointers + cell * 2 + 2 <= page.length; cell++) {
      const record = this.recordAt(page, page.readUInt16BE(pointers + cell * 2), type)
      if (record) yield { kind: isRow ? 'row' : 'entry', ...record, current }
    }
  }

  private recordAt(page: Buffer, at: number, type: number): { rowid: bigint; values: RawValue[] } | undefined {
    try {
      const isRow = type === PAGE_TYPE.tableLeaf
      const length = varint(page, type === PAGE_TYPE.indexInterior ? at + 4 : at)
      const rowid = isRow ? varint(page, length.end) : { value: 0n, end: length.end }
      if (length.value > MAX_RECORD_BYTES) return undefined
      const payload = this.payload(page, rowid.end, Number(length.value), isRow)
      return payload && { rowid: rowid.value, values: valuesOf(payload) }
    } catch (error) {
      if (error instanceof RangeError) return undefined // a length or an offset that leads out of the page
      throw error
    }
  }

  /** The record's bytes: on the page itself as far as they fit, then on a chain of overflow pages. */
  private payload(page: Buffer, at: number, length: number, isRow: boolean): Buffer | undefined {
    const least = Math.floor(((this.pageSize - 12) * 32) / 255) - 23
    const most = isRow ? this.pageSize - 35 : Math.floor(((this.pageSize - 12) * 64) / 255) - 23
    if (length <= most) return at + length > page.length ? undefined : page.subarray(at, at + length)
    const fitting = least + ((length - least) % (this.pageSize - 4))
    const local = fitting <= most ? fitting : least
    const parts = [page.subarray(at, at + local)]
    let next = page.readUInt32BE(at + local)
    for (let left = length - local; left > 0;) {
      if (next < 1 || next > this.pages) return undefined
      const overflow = this.newest(next)
      parts.push(overflow.subarray(4, 4 + Math.min(left, this.pageSize - 4)))
      left -= this.pageSize - 4
      next = overflow.readUInt32BE(0)
    }
    return Buffer.concat(parts)
  }

  private newest(number: number): Buffer {
    const frame = this.inLog.get(number)
    return frame === undefined
      ? this.read(this.file, (number - 1) * this.pageSize, this.pageSize)
      : this.read(this.log!, frame, this.pageSize)
  }

  /** The frames of finished transactions. A frame of an earlier turn of the log has another salt and is passed over. */
  private committedPages(log: number): Map<number, number> {
    const committed = new Map<number, number>()
    let transaction = new Map<number, number>()
    const header = this.read(log, 0, LOG_HEADER_BYTES)
    const isWhole = header.length === LOG_HEADER_BYTES && header.readUInt32BE(0) >>> 1 === 0x377f0682 >>> 1
    let salts = isWhole ? header.subarray(16, 24) : undefined
    const frameBytes = FRAME_HEADER_BYTES + this.pageSize
    const { size } = fstatSync(log)
    for (let at = LOG_HEADER_BYTES; at + frameBytes <= size; at += frameBytes) {
      const frame = this.read(log, at, FRAME_HEADER_BYTES)
      if (frame.length < FRAME_HEADER_BYTES) continue
      salts ??= frame.subarray(8, 16)
      if (!frame.subarray(8, 16).equals(salts)) continue
      transaction.set(frame.readUInt32BE(0), at + FRAME_HEADER_BYTES)
      if (frame.readUInt32BE(4) === 0) continue
      for (const [page, place] of transaction) committed.set(page, place)
      transaction = new Map()
    }
    return committed
  }

  /** Empty where the disk cannot read the place; shorter than asked for at the end of the file. */
  private read(descriptor: number, at: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    try {
      return bytes.subarray(0, readSync(descriptor, bytes, 0, length, at))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EIO') return bytes.subarray(0, 0)
      throw error
    }
  }
}

function pageSizeIn(header: Buffer): number {
  if (header.length < FILE_HEADER || header.toString('latin1', 0, 16) !== 'SQLite format 3\0') return DEFAULT_PAGE_SIZE
  const size = header.readUInt16BE(16)
  if (size === 1) return 65_536
  return size >= 512 && (size & (size - 1)) === 0 ? size : DEFAULT_PAGE_SIZE
}

function valuesOf(payload: Buffer): RawValue[] {
  const header = varint(payload, 0)
  const values: RawValue[] = []
  let body = Number(header.value)
  for (let at = header.end; at < Number(header.value);) {
    const type = varint(payload, at)
    at = type.end
    const code = Number(type.value)
    const length = code >= 12 ? Math.floor((code - 12) / 2) : FIXED_LENGTHS[code]!
    if (body + length > payload.length) throw new RangeError('The record ends before its last value')
    values.push(valueOf(payload.subarray(body, body + length), code))
    body += length
  }
  return values
}

/** Bytes of a value by its serial type: NULL, integers of 1, 2, 3, 4, 6 and 8 bytes, a float, the integers 0 and 1, reserved. */
const FIXED_LENGTHS = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0] as const

function valueOf(bytes: Buffer, code: number): RawValue {
  if (code === 0) return null
  if (code === 6) return bytes.readBigInt64BE(0)
  if (code === 7) return bytes.readDoubleBE(0)
  if (code === 8 || code === 9) return BigInt(code - 8)
  if (code < 6) return BigInt(bytes.readIntBE(0, bytes.length))
  if (code < 12) throw new RangeError('A serial type that SQLite never writes')
  return code % 2 === 0 ? bytes : bytes.toString('utf8')
}

/** SQLite's variable-length integer: seven bits a byte, most significant first; a ninth byte has eight. */
function varint(bytes: Buffer, at: number): { value: bigint; end: number } {
  let small = 0
  for (let index = 0; index < 4; index++) {
    const byte = bytes.readUInt8(at + index)
    small = small * 128 + (byte & 127)
    if (byte < 128) return { value: BigInt(small), end: at + index + 1 }
  }
  let value = BigInt(small)
  for (let index = 4; index < 8; index++) {
    const byte = bytes.readUInt8(at + index)
    value = (value << 7n) | BigInt(byte & 127)
    if (byte < 128) return { value, end: at + index + 1 }
  }
  return { value: BigInt.asIntN(64, (value << 8n) | BigInt(bytes.readUInt8(at + 8))), end: at + 9 }
}
