/** A contact log as an agency exports it: text or workbook, its header recognised, each record in the product's own columns. */
import { statSync } from 'node:fs'
import { columns, dayFrom, NotAContactLog, type Column, type NumberedRow } from '../contact-log.ts'
import { asMeant, CsvReader, UnreadableRecord, withLineFeeds } from './csv.ts'
import { beginningOf, encodingNames, encodingOf, textOf, type Encoding } from './text-file.ts'
import { openSheet } from './workbook.ts'

/** The columns that a file of rejects has beside the file's own. They say nothing about a contact, and are passed over. */
export const addedColumns = ['line', 'reason', 'column', 'expected'] as const

export interface ReadingOptions {
  /** Of a text file; recognised where nobody says. */
  readonly encoding?: Encoding
  /** Of a workbook; the first where nobody says. */
  readonly sheet?: string
}

/** A contact log, open for reading once. */
export interface ContactLogFile {
  /** The names of the file's own columns, as they stand in the file. */
  readonly header: readonly string[]
  /** What is between the cells; a comma where the file is a workbook. */
  readonly delimiter: string
  /** What the bytes of the last record come to. */
  readonly totalBytes: number
  /**
   * The records, in the order of the file.
   * @throws NotAContactLog where one cannot be read; what follows it cannot be either
   */
  readonly records: AsyncGenerator<NumberedRow>
  /** Rows so far that hold nothing in any cell. They are passed over. */
  readonly emptyRows: number
  /** How the file was read, in sentences, where that is not a matter of course. */
  readonly remarks: readonly string[]
}

/** What both kinds of file come down to. */
interface FileRow {
  readonly cells: readonly string[]
  readonly line: number
  /** Where to look for it, in words. */
  readonly where: string
  readonly bytes: number
}

interface OpenRows {
  readonly rows: AsyncGenerator<FileRow>
  readonly delimiter: string
  readonly totalBytes: number
  readonly isWorkbook: boolean
  readonly remarks: readonly string[]
  /** Added to what is wrong with the header. */
  readonly hint: string
}

/** @throws NotAContactLog where there is no such file, or its header is not that of a contact log */
export async function openContactLog(file: string, options: ReadingOptions = {}): Promise<ContactLogFile> {
  checkFile(file)
  const opened = await openRows(file, options)
  try {
    return await withHeader(file, opened)
  } catch (error) {
    await opened.rows.return(undefined)
    throw error
  }
}

/** @throws NotAContactLog where the path does not lead to a file that can be read */
export function checkFile(file: string): void {
  const stats = statSync(file, { throwIfNoEntry: false })
  if (!stats) throw new NotAContactLog(`There is no file ${file}. Give the path of a contact log, CSV or .xlsx.`)
  if (stats.isDirectory()) {
    throw new NotAContactLog(`${file} is a directory. Give the path of one contact log in it, CSV or .xlsx.`)
  }
  if (!stats.isFile()) throw new NotAContactLog(`${file} is not a file. Give the path of a contact log, CSV or .xlsx.`)
}

async function openRows(file: string, { encoding, sheet }: ReadingOptions): Promise<OpenRows> {
  const bytes = await beginningOf(file)
  const begins = (...signature: number[]) => signature.every((byte, at) => bytes[at] === byte)
  if (begins(0x50, 0x4b, 0x03, 0x04)) return rowsOfSheet(file, sheet)
  if (begins(0xd0, 0xcf, 0x11, 0xe0)) {
    throw new NotAContactLog(
      'This is a workbook in the old .xls format, or one that is locked by a password. Save it without a password as .xlsx or as CSV UTF-8, and import that.',
    )
  }
  if (sheet !== undefined) throw new NotAContactLog('Only a workbook has sheets: leave out --sheet for this file.')
  if (begins(0x25, 0x50, 0x44, 0x46)) {
    throw new NotAContactLog('This is a PDF. Export the contact log as CSV UTF-8 or .xlsx, and import that.')
  }
  if (/^[\s\ufeff]*<(\?xml|!doctype|html|table)/i.test(bytes.toString('utf8'))) {
    throw new NotAContactLog(
      'This is a web page or XML, whatever the name of the file says. Open it in a spreadsheet, save it as .xlsx or CSV UTF-8, and import that.',
    )
  }
  return rowsOfText(file, encoding)
}

async function rowsOfSheet(file: string, wanted: string | undefined): Promise<OpenRows> {
  const { name, otherSheets, totalBytes, rows } = await openSheet(file, wanted)
  const others = otherSheets.map((other) => JSON.stringify(other)).join(', ')
  async function* numbered(): AsyncGenerator<FileRow> {
    for await (const { cells, row, bytes } of rows) yield { cells, line: row, where: `row ${row}`, bytes }
  }
  return {
    rows: numbered(),
    delimiter: ',',
    totalBytes,
    isWorkbook: true,
    remarks: [
      `The sheet ${JSON.stringify(name)} was read.${others === '' ? '' : ` Not read: ${others}; say which with --sheet.`}`,
    ],
    hint:
      others === ''
        ? ''
        : ` This is the sheet ${JSON.stringify(name)}; the workbook also has ${others}: say which with --sheet.`,
  }
}

/** What agencies put between cells, and how it is called. The first is taken where the header does not tell. */
const delimiters = { ',': 'commas', ';': 'semicolons', '\t': 'tabs', '|': 'vertical bars' } as const

async function rowsOfText(file: string, said: Encoding | undefined): Promise<OpenRows> {
  const { encoding, guessed } = await encodingOf(file, said)
  const pieces = textOf(file, encoding)
  const first = (await pieces.next()).value as { text: string; bytes: number; isLast: boolean }
  // Some spreadsheets are told the delimiter by a line above the header.
  const told = /^sep=(.)(\r+\n|\r|\n)/i.exec(first.text)
  const text = told ? first.text.slice(told[0].length) : first.text
  const delimiter = told ? told[1]! : delimiterOf(text)
  const reader = new CsvReader(delimiter, told ? 2 : 1)
  async function* numbered(): AsyncGenerator<FileRow> {
    let line = 0
    let before = 0
    let piece = { ...first, text }
    for (;;) {
      reader.add(piece.text)
      try {
        for (let record; (record = reader.next(piece.isLast));) {
          const { cells, textLine } = record
          line++
          const share = piece.text.length === 0 ? 1 : Math.max(0, 1 - reader.pending / piece.text.length)
          yield { cells, line, where: `line ${textLine} of the text`, bytes: before + (piece.bytes - before) * share }
        }
      } catch (error) {
        if (!(error instanceof UnreadableRecord)) throw error
        throw new NotAContactLog(
          `Record ${line + 1} (line ${error.textLine} of the text) cannot be read as CSV: ${error.message}. ${mendMark}`,
          line + 1,
        )
      }
      if (piece.isLast) return
      before = piece.bytes
      piece = (await pieces.next()).value as typeof piece
    }
  }
  const name = encodingNames[encoding]
  return {
    rows: numbered(),
    delimiter,
    totalBytes: statSync(file).size,
    isWorkbook: false,
    remarks: [
      ...(guessed
        ? [`Read as ${name}, because it is not UTF-8. If names look wrong, say the encoding with --encoding.`]
        : []),
      ...(!guessed && encoding !== 'utf-8' ? [`Read as ${name}.`] : []),
      ...(delimiter === ','
        ? []
        : [`The columns are separated by ${delimiters[delimiter as ','] ?? JSON.stringify(delimiter)}.`]),
    ],
    hint: said ? ` The file was read as ${name}, as --encoding says.` : '',
  }
}

const mendMark = 'Close the quotation mark, or write it twice ("") where it is part of the text.'

/** Lines above the header are looked for so far down: a title, the day of the export. */
const furthestHeader = 20

/** The one of the delimiters that makes the most of the header. */
function delimiterOf(text: string): string {
  let [best, most] = [',', 0]
  for (const delimiter of Object.keys(delimiters)) {
    const reader = new CsvReader(delimiter)
    reader.add(text)
    try {
      for (let line = 1; line <= furthestHeader; line++) {
        const known = knownIn(reader.next(true)?.cells ?? [])
        if (known > most) [best, most] = [delimiter, known]
      }
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) throw error
    }
  }
  return best
}

/** Capitals, spaces, hyphens and full stops in the name of a column say nothing. */
const columnName = (cell: string): string =>
  asMeant(cell)
    .normalize('NFKC')
    .trim()
    .toLowerCase()
    .replace(/[\s_.-]+/g, '_')
    .replace(/^_|_$/g, '')

const isColumn = (name: string): name is Column => columns.some((column) => column === name)

function knownIn(cells: readonly string[]): number {
  const names = new Set(cells.map(columnName))
  return columns.filter((column) => names.has(column)).length
}

/** Where each column of a contact log is in the file, and what else is there. */
interface Layout {
  readonly placeOf: Readonly<Record<Column, number>>
  /** The file's own columns: all but those that a file of rejects has beside them. */
  readonly own: readonly number[]
  readonly unnamed: readonly number[]
  readonly leftOut: readonly string[]
}

async function withHeader(file: string, opened: OpenRows): Promise<ContactLogFile> {
  const { rows, delimiter, totalBytes, isWorkbook } = opened
  const first = await nextFilled(rows)
  if (!first) {
    throw new NotAContactLog(
      `${file} is empty: the first line should name the columns ${columns.join(', ')}.${opened.hint}`,
    )
  }
  const header = first.cells
  if (knownIn(header) < columns.length) throw await headerRefused(header, opened)
  const layout = layoutOf(header)
  const { placeOf, own, unnamed, leftOut } = layout
  let emptyRows = 0

  async function* records(): AsyncGenerator<NumberedRow> {
    for await (const { cells, line, where, bytes } of rows) {
      const isEmpty = (at: number) => (cells[at] ?? '').trim() === ''
      const beyond = cells.slice(header.length)
      if (own.every(isEmpty) && beyond.every((cell) => cell.trim() === '')) {
        emptyRows++
        continue
      }
      const row = {} as Record<Column, string>
      for (const column of columns) row[column] = withLineFeeds(asMeant(cells[placeOf[column]] ?? ''))
      if (isWorkbook) {
        // A spreadsheet may keep a day as its first minute.
        for (const column of ['date_of_birth', 'occurred_on'] as const) row[column] = row[column].replace(/ 00:00$/, '')
      } else if (cells.some((cell) => holdsARecord(cell, delimiter, placeOf))) {
        throw new NotAContactLog(
          `Record ${line} (${where}) has another record inside one of its cells: a quotation mark is missing or one too many, and the records of two people would become one. ${mendMark}`,
          line,
        )
      }
      const extra = [...unnamed.map((at) => cells[at] ?? ''), ...beyond].filter((cell) => cell.trim() !== '')
      const asGiven = [...own.map((at) => cells[at] ?? ''), ...beyond]
      yield { line, row, extra, cells: asGiven.map(asMeant), bytes }
    }
  }
  return {
    header: own.map((at) => asMeant(header[at]!)),
    delimiter,
    totalBytes,
    records: records(),
    get emptyRows() {
      return emptyRows
    },
    remarks: [
      ...opened.remarks,
      ...(leftOut.length === 0
        ? []
        : [`Columns that a contact log does not have were left out: ${quotedNames(leftOut)}.`]),
    ],
  }
}

async function nextFilled(rows: AsyncGenerator<FileRow>): Promise<FileRow | undefined> {
  for (;;) {
    const { value, done } = await rows.next()
    if (done) return undefined
    if (value.cells.some((cell) => cell.trim() !== '')) return value
  }
}

/** @throws NotAContactLog where a column is named twice */
function layoutOf(header: readonly string[]): Layout {
  const names = header.map(columnName)
  const twice = columns.filter((column) => names.indexOf(column) !== names.lastIndexOf(column))
  if (twice.length > 0) {
    throw new NotAContactLog(
      `The header names a column twice: ${twice.join(', ')}. Give one of them another name, or take it out.`,
    )
  }
  // Only together are they those of a file of rejects: an agency may have a column `reason` of its own.
  const added = addedColumns.every((name) => names.includes(name))
    ? addedColumns.map((name) => names.indexOf(name))
    : []
  const own = header.map((_, at) => at).filter((at) => !added.includes(at))
  return {
    placeOf: Object.fromEntries(columns.map((column) => [column, names.indexOf(column)])) as Record<Column, number>,
    own,
    unnamed: own.filter((at) => names[at] === ''),
    leftOut: own.filter((at) => names[at] !== '' && !isColumn(names[at]!)).map((at) => asMeant(header[at]!)),
  }
}

/** What is wrong with a first line that is not the header, with what to do. It says nothing again that might be somebody's details. */
async function headerRefused(header: readonly string[], { rows, hint }: OpenRows): Promise<NotAContactLog> {
  const refusal = (sentences: string) => new NotAContactLog(`${sentences}${hint}`)
  const known = knownIn(header)
  const names = header.map(columnName)
  const missing = columns.filter((column) => !names.includes(column))
  if (known >= columns.length / 2) {
    const unknown = header.filter((cell) => columnName(cell) !== '' && !isColumn(columnName(cell)))
    return refusal(
      `The header lacks columns of a contact log. Missing: ${missing.join(', ')}.${
        unknown.length === 0 ? '' : ` Not known: ${quotedNames(unknown)}.`
      } Name them as a contact log does; a column that the agency does not keep may be empty, but must be there.`,
    )
  }
  const separated = /journey[ _]?ref"?([^\w\s"])/i.exec(header[0] ?? '')
  if (separated && knownIn(header.join('').split(separated[1]!)) === columns.length) {
    return refusal(
      `The columns are separated by ${JSON.stringify(separated[1])}. Export the file again with commas, semicolons, tabs or vertical bars between them.`,
    )
  }
  for (let line = 2; line <= furthestHeader; line++) {
    const { value, done } = await rows.next()
    if (done) break
    if (knownIn(value.cells) === columns.length) {
      return refusal(`The header is not the first line: it is ${value.where}. Take out what is above it.`)
    }
  }
  return refusal(
    `The first line is not the header of a contact log. Missing: ${missing.join(', ')}. ${
      known === 0
        ? 'Put a line with the names of the columns above the records'
        : 'Name the columns as a contact log does'
    }, separated by commas, semicolons, tabs or vertical bars.`,
  )
}

/** Names as they stand in the header, where they look like names of columns; otherwise how many there are. */
function quotedNames(cells: readonly string[]): string {
  const alike = cells.every((cell) => /^[\p{L}\p{M}][\p{L}\p{M}\p{N} _.,:;/()#&'?*-]{0,59}$/u.test(cell))
  return alike ? cells.map((cell) => JSON.stringify(cell)).join(', ') : `${cells.length} of them`
}

/** Whether a cell has a line in it that has a CRN and a date where a record has them. */
function holdsARecord(cell: string, delimiter: string, placeOf: Layout['placeOf']): boolean {
  if (!cell.includes(delimiter) || !/[\r\n]/.test(cell)) return false
  return cell
    .split(/[\r\n]+/)
    .slice(1)
    .some((line) => {
      const cells = line.split(delimiter).map((part) => part.replaceAll('"', '').trim())
      const isDay = (column: Column) => dayFrom((cells[placeOf[column]] ?? '').slice(0, 10)) !== null
      return /^[A-Z]\d{6}$/.test(cells[placeOf.crn] ?? '') && (isDay('date_of_birth') || isDay('occurred_on'))
    })
}
