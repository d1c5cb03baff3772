/** A contact log as agencies export it: its encoding, delimiter and header are recognised, or what to do is said in one sentence. */
import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs'
import { columns, type Column, type ContactRow } from './contact-log.ts'
import { asItWas, csvRecords, type CsvOptions } from './csv-records.ts'

/** The file is not a contact log we can read, and nothing of what follows was imported. */
export class NotAContactLog extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'NotAContactLog'
  }
}

export interface NumberedRow {
  /** The record's number in the file; the header is 1. Records are counted, not physical lines. */
  readonly line: number
  readonly row: ContactRow
  /** Fields beyond the last column: there is no saying what they belong to. */
  readonly extra: readonly string[]
  /** Every field in the file's own order, as the file has it. */
  readonly given: readonly string[]
  /** How much of the file has been read, in bytes, near enough. */
  readonly bytes: number
}

export interface ContactLogFile {
  readonly encoding: Encoding
  readonly delimiter: string
  /** The header as the file has it, without the columns a rejects file adds. */
  readonly header: readonly string[]
  /** Columns that a contact log does not have: they are left out of the import. */
  readonly leftOut: readonly string[]
  /** It is the rejects of an import, mended: it has the columns that a rejects file adds. */
  readonly isRejects: boolean
  /** Records with nothing in any of their fields, passed over so far. */
  readonly blank: number
  /** What the file calls a column. */
  nameOf(column: Column): string
  rows(): AsyncGenerator<NumberedRow>
}

/** What a rejects file says of each record before the record's own columns; known and passed over when it is imported. */
export const addedColumns = ['line', 'reason', 'column', 'expected'] as const

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252'

const delimiters = [',', ';', '\t', '|'] as const

/** @throws NotAContactLog where it cannot be read as a contact log; nothing has been imported then */
export async function openContactLog(file: string): Promise<ContactLogFile> {
  refuseOtherThings(file)
  const encoding = await encodingOf(file)
  let delimiter = ','
  let layout: Layout | undefined
  const optionsOf = (first: string): CsvOptions => ({ delimiter: (delimiter = delimiterOf(first)) })
  for await (const header of csvRecords(decoded(file, encoding), optionsOf)) {
    layout = layoutOf(header, delimiter)
    break
  }
  if (!layout)
    throw new NotAContactLog(`${file} is empty: the first line should name the columns ${columns.join(', ')}.`)
  return new OpenedContactLog(file, encoding, layout)
}

interface Layout {
  readonly delimiter: string
  readonly header: readonly string[]
  /** By the place of a field: the column it is, or null where it is left out. */
  readonly order: readonly (Column | null)[]
  readonly leftOut: readonly string[]
  /** The places of what a rejects file adds. */
  readonly added: ReadonlySet<number>
}

class OpenedContactLog implements ContactLogFile {
  blank = 0
  readonly delimiter: string
  readonly header: readonly string[]
  readonly leftOut: readonly string[]
  readonly isRejects: boolean

  constructor(
    private readonly file: string,
    readonly encoding: Encoding,
    private readonly layout: Layout,
  ) {
    this.delimiter = layout.delimiter
    this.header = layout.header.filter((_, place) => !layout.added.has(place))
    this.leftOut = layout.leftOut
    this.isRejects = layout.added.size > 0
  }

  nameOf(column: Column): string {
    return this.layout.header[this.layout.order.indexOf(column)]!
  }

  async *rows(): AsyncGenerator<NumberedRow> {
    const { delimiter, order, added } = this.layout
    const read = { bytes: 0 }
    const options: CsvOptions = { delimiter, fields: order.length }
    const wasWritten = added.size > 0 ? asItWas : (cell: string) => cell
    let line = 0
    for await (const fields of csvRecords(decoded(this.file, this.encoding, read), options)) {
      line++
      if (line === 1) continue
      if (fields.every((field) => field.trim() === '')) {
        this.blank++
        continue
      }
      const cells = fields.map(wasWritten)
      const row = Object.fromEntries(columns.map((column) => [column, ''])) as Record<Column, string>
      for (const [place, column] of order.entries()) if (column) row[column] = cells[place] ?? ''
      yield {
        line,
        row,
        extra: cells.slice(order.length),
        given: cells.filter((_, place) => !added.has(place)),
        bytes: read.bytes,
      }
    }
  }
}

/** Things people send instead, recognised by how they begin. */
const otherThings: readonly [begins: number[], what: string][] = [
  [
    [0x50, 0x4b, 0x03, 0x04],
    'an Excel workbook (or another zip file). Open it, choose Save As, "CSV UTF-8 (Comma delimited)" (in LibreOffice "Text CSV", character set UTF-8), and import that file',
  ],
  [
    [0xd0, 0xcf, 0x11, 0xe0],
    'an old Excel workbook (.xls). Open it, choose Save As, "CSV UTF-8 (Comma delimited)", and import that file',
  ],
  [[0x25, 0x50, 0x44, 0x46], 'a PDF. Ask for the same as CSV'],
  [[0x1f, 0x8b], 'a compressed file. Unpack it first'],
  [[0x53, 0x51, 0x4c, 0x69, 0x74, 0x65], 'a database. Ask for the same as CSV'],
  [[0x7b, 0x5c, 0x72, 0x74, 0x66], 'a text document (RTF). Ask for the same as CSV'],
]

function refuseOtherThings(file: string): void {
  const stats = statSync(file, { throwIfNoEntry: false })
  if (!stats) throw new NotAContactLog(`There is no file ${file}. Give the path of a contact log.`)
  if (stats.isDirectory()) throw new NotAContactLog(`${file} is a directory. Give the path of a contact log in it.`)
  if (!stats.isFile())
    throw new NotAContactLog(`${file} is not a file that can be read again. Give the path of a contact log.`)
  const begins = firstBytes(file, 512)
  for (const [bytes, what] of otherThings)
    if (bytes.every((byte, n) => begins[n] === byte)) throw new NotAContactLog(`${file} is ${what}.`)
  if (/^\s*<(?:!doctype html|html|\?xml|table)/i.test(begins.toString('latin1')))
    throw new NotAContactLog(
      `${file} is a web page or XML, though it may be called a spreadsheet. Save it as CSV and import that file.`,
    )
}

function firstBytes(file: string, count: number): Buffer {
  const opened = openSync(file, 'r')
  try {
    const bytes = Buffer.alloc(count)
    return bytes.subarray(0, readSync(opened, bytes, 0, count, 0))
  } finally {
    closeSync(opened)
  }
}

/** Read through once, so that a file in an encoding we do not know stops before anything of it is in. */
async function encodingOf(file: string): Promise<Encoding> {
  const begins = firstBytes(file, 4_096)
  if (begins[0] === 0xff && begins[1] === 0xfe) return 'utf-16le'
  if (begins[0] === 0xfe && begins[1] === 0xff) return 'utf-16be'
  // A header is plain letters: in UTF-16 every other byte of them is nothing.
  const nothing = (parity: number) =>
    begins.filter((byte, n) => n % 2 === parity && byte === 0).length * 4 > begins.length
  if (nothing(1)) return 'utf-16le'
  if (nothing(0)) return 'utf-16be'
  const utf8 = new TextDecoder('utf-8', { fatal: true })
  let [line, isUtf8, hasUtf8, hasUnknown] = [1, true, false, 0]
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      if (isUtf8) {
        try {
          utf8.decode(chunk, { stream: true })
          hasUtf8 ||= chunk.some((byte) => byte >= 0x80)
        } catch {
          isUtf8 = false
        }
      }
      if (!isUtf8) hasUtf8 ||= /[\xc3-\xf4][\x80-\xbf]/.test(chunk.toString('latin1'))
      for (const byte of chunk) {
        if (byte === 0x0a) line++
        if (hasUnknown === 0 && unknownIn1252.has(byte)) hasUnknown = line
      }
    }
    if (isUtf8) utf8.decode()
  } catch {
    isUtf8 = false
  }
  if (isUtf8) return 'utf-8'
  if (hasUtf8 || hasUnknown > 0)
    throw new NotAContactLog(
      `${file} is in more than one encoding, or in one we do not know${hasUnknown > 0 ? ` (see line ${hasUnknown})` : ''}. Export it again as UTF-8. Nothing was imported.`,
    )
  return 'windows-1252'
}

/** Bytes that stand for no character in Windows-1252. */
const unknownIn1252 = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d])

async function* decoded(file: string, encoding: Encoding, read = { bytes: 0 }): AsyncGenerator<string> {
  // The mark at the beginning goes with the decoding.
  const decoder = new TextDecoder(encoding)
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    read.bytes += chunk.length
    yield decoder.decode(chunk, { stream: true })
  }
  yield decoder.decode()
}

/** The one that parts the first line into the most columns of a contact log. */
function delimiterOf(first: string): string {
  const known = (delimiter: string) =>
    first.split(delimiter).filter((name) => isColumn(nameOf(name.replaceAll('"', '')))).length
  return delimiters.reduce((best, delimiter) => (known(delimiter) > known(best) ? delimiter : best))
}

/** `Family Name` and `FAMILY-NAME` are the column `family_name`. */
const nameOf = (field: string): string =>
  field
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_')

const isColumn = (name: string): name is Column => (columns as readonly string[]).includes(name)

function layoutOf(header: readonly string[], delimiter: string): Layout {
  const names = header.map(nameOf)
  const isRejects = addedColumns.every((added) => names.includes(added))
  const added = new Set(
    isRejects
      ? names.flatMap((name, place) => ((addedColumns as readonly string[]).includes(name) ? [place] : []))
      : [],
  )
  const order = names.map((name, place) => (!added.has(place) && isColumn(name) ? name : null))
  const missing = columns.filter((column) => !order.includes(column))
  const twice = columns.filter((column) => order.filter((name) => name === column).length > 1)
  const leftOut = header.filter((_, place) => order[place] === null && !added.has(place))
  if (missing.length > 0 || twice.length > 0) {
    throw new NotAContactLog(
      [
        'The first line is not the header of a contact log.',
        ...(missing.length === columns.length
          ? [
              `It should name these columns, in any order, parted by a comma, semicolon, tab or |: ${columns.join(', ')}.`,
            ]
          : missing.length > 0
            ? [`Missing: ${missing.join(', ')}.`]
            : []),
        ...(twice.length > 0 ? [`Named twice: ${twice.join(', ')}.`] : []),
        ...(leftOut.length > 0 && missing.length < columns.length ? [`Not known: ${named(leftOut)}.`] : []),
        'Nothing was imported.',
      ].join(' '),
    )
  }
  return { delimiter, header, order, leftOut, added }
}

/** Only what looks like the name of a column is said again: where the header is missing, these are somebody's details. */
export const named = (fields: readonly string[]): string =>
  fields.every((field) => /^[A-Za-z][A-Za-z _-]{0,39}$/.test(field))
    ? fields.map((field) => JSON.stringify(field)).join(', ')
    : `${fields.length} of its fields`
