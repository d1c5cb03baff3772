/** The rows of one sheet of an .xlsx workbook as text, read as they come: dates as dates, other numbers as their cells show them. */
import { dateFromSerial, format, getFormatDateInfo, isDateFormat } from 'numfmt'
import { SaxesParser, type SaxesTagPlain } from 'saxes'
import type { Readable } from 'node:stream'
import { openPromise, type Entry, type ZipFile } from 'yauzl'
import { NotAContactLog } from '../contact-log.ts'

/** One row of a sheet that has any cells. */
export interface SheetRow {
  readonly cells: readonly string[]
  /** As the spreadsheet counts rows, from 1. */
  readonly row: number
  /** How much of the sheet has been read with it, in bytes before compression. */
  readonly bytes: number
}

/** A sheet of a workbook, open for reading once. */
export interface OpenSheet {
  readonly name: string
  readonly otherSheets: readonly string[]
  readonly totalBytes: number
  readonly rows: AsyncGenerator<SheetRow>
}

/** Texts that cells share are kept in memory while a sheet is read: no more of them than this, in characters. */
const mostSharedText = 20_000_000
/** Of what else is read whole (the list of sheets, the formats): far more than a spreadsheet writes. */
const largestPart = 10_000_000

const saveAsCsv = 'Save the sheet as CSV UTF-8 in the spreadsheet, and import that.'

/**
 * @param wanted the name of a sheet; the first one where nobody names one
 * @throws NotAContactLog where the file is not such a workbook, or has no such sheet
 */
export async function openSheet(file: string, wanted?: string): Promise<OpenSheet> {
  const zip = await asWorkbook(() => openPromise(file, { autoClose: false }))
  try {
    return await asWorkbook(() => sheetIn(zip, wanted))
  } catch (error) {
    zip.close()
    throw error
  }
}

async function sheetIn(zip: ZipFile, wanted: string | undefined): Promise<OpenSheet> {
  const parts = new Map<string, Entry>()
  for await (const entry of zip.eachEntry()) parts.set(entry.fileName.toLowerCase(), entry)
  const part = (name: string) => parts.get(name.toLowerCase())
  const links = async (name: string) => {
    const found = part(name)
    return found ? linksIn(await tags(zip, found, ['Relationship']), name) : []
  }

  const workbookPart = (await links('_rels/.rels')).find(({ type }) => type.endsWith('/officeDocument'))?.target
  const workbook = workbookPart === undefined ? undefined : part(workbookPart)
  if (workbookPart === undefined || !workbook) {
    throw new NotAContactLog(`This is a compressed file, but not an .xlsx workbook. ${saveAsCsv}`)
  }
  const described = await tags(zip, workbook, ['sheet', 'workbookPr'])
  const sheets = described.filter(({ name }) => name === 'sheet').map(({ attributes }) => attributes)
  const names = sheets.map(({ name }) => name ?? '')
  const sheet = wanted === undefined ? sheets[0] : sheets.find(({ name }) => name === wanted)
  if (!sheet) {
    throw new NotAContactLog(
      `The workbook has no sheet ${JSON.stringify(wanted ?? '')}. It has ${listed(names)}. Say which with --sheet.`,
    )
  }
  const [, folder = '', file = ''] = /^(.*\/)?([^/]*)$/.exec(workbookPart)!
  const related = await links(`${folder}_rels/${file}.rels`)
  const id = Object.entries(sheet).find(([name]) => /(^|:)id$/.test(name))?.[1]
  const rows = part(related.find((link) => link.id === id)?.target ?? '')
  if (!rows)
    throw new NotAContactLog(`The sheet ${JSON.stringify(sheet.name)} holds no cells: it is a chart, or damaged.`)
  const relatedPart = (kind: string) => part(related.find(({ type }) => type.endsWith(`/${kind}`))?.target ?? '')
  const [texts, styles] = [relatedPart('sharedStrings'), relatedPart('styles')]
  const setting = described.find(({ name }) => name === 'workbookPr')?.attributes.date1904
  const cells: CellReader = {
    sharedTexts: texts ? await sharedTexts(zip, texts) : [],
    formats: styles ? formatsIn(await tags(zip, styles, ['numFmt', 'cellXfs', '/cellXfs', 'xf'])) : [],
    from1904: setting === '1' || setting === 'true',
  }
  return {
    name: sheet.name ?? '',
    otherSheets: names.filter((name) => name !== sheet.name),
    totalBytes: rows.uncompressedSize,
    rows: rowsOf(zip, rows, cells),
  }
}

/** Whatever is wrong inside the file is said in a sentence of ours. */
async function asWorkbook<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw inOurWords(error)
  }
}

function inOurWords(error: unknown): unknown {
  if (error instanceof NotAContactLog || (error as NodeJS.ErrnoException).syscall) return error
  return new NotAContactLog(`The workbook cannot be read: it is damaged, or not an .xlsx workbook. ${saveAsCsv}`)
}

const listed = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(', ')

interface Tag {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
}

/** A tag's name without its namespace: different programs choose different prefixes. */
const local = (name: string): string => name.slice(name.indexOf(':') + 1)

/** The tags of a small part of the workbook that have one of the names, in order; `/name` for the end of one. */
async function tags(zip: ZipFile, entry: Entry, names: readonly string[]): Promise<Tag[]> {
  if (entry.uncompressedSize > largestPart) throw new NotAContactLog(`The workbook is too large. ${saveAsCsv}`)
  const found: Tag[] = []
  const note = (name: string, attributes: Tag['attributes']) => {
    if (names.includes(name)) found.push({ name, attributes })
  }
  const xml = new SaxesParser()
  xml.on('opentag', (tag: SaxesTagPlain) => note(local(tag.name), tag.attributes))
  xml.on('closetag', (tag: SaxesTagPlain) => note(`/${local(tag.name)}`, {}))
  for await (const text of textIn(await zip.openReadStreamPromise(entry))) xml.write(text.text)
  xml.close()
  return found
}

async function* textIn(stream: Readable): AsyncGenerator<{ text: string; bytes: number }> {
  const decoder = new TextDecoder()
  let bytes = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length
    yield { text: decoder.decode(chunk, { stream: true }), bytes }
  }
}

function linksIn(found: readonly Tag[], rels: string): { id: string; type: string; target: string }[] {
  const base = rels.replace(/_rels\/[^/]*$/, '')
  return found.map(({ attributes: { Id = '', Type = '', Target = '' } }) => ({
    id: Id,
    type: Type,
    target: Target.startsWith('/') ? Target.slice(1) : new URL(Target, `file:///${base}`).pathname.slice(1),
  }))
}

/** Formats that a workbook names by number and does not spell out, where the number is not shown as it is. */
const builtIn: Readonly<Record<string, string>> = {
  '1': '0',
  '2': '0.00',
  '3': '#,##0',
  '4': '#,##0.00',
  '9': '0%',
  '10': '0.00%',
  '14': 'dd/mm/yyyy',
  '15': 'd-mmm-yy',
  '16': 'd-mmm',
  '17': 'mmm-yy',
  '18': 'h:mm AM/PM',
  '19': 'h:mm:ss AM/PM',
  '20': 'h:mm',
  '21': 'h:mm:ss',
  '22': 'dd/mm/yyyy hh:mm',
  '45': 'mm:ss',
  '46': '[h]:mm:ss',
  '47': 'mm:ss.0',
}

/** The number format of each cell style, by the style's number. */
function formatsIn(found: readonly Tag[]): string[] {
  const own = new Map<string, string>()
  for (const { name, attributes } of found)
    if (name === 'numFmt') own.set(attributes.numFmtId ?? '', attributes.formatCode ?? '')
  const [begin, end] = ['cellXfs', '/cellXfs'].map((mark) => found.findIndex(({ name }) => name === mark))
  return found
    .slice(begin, end)
    .filter(({ name }) => name === 'xf')
    .map(({ attributes: { numFmtId = '0' } }) => own.get(numFmtId) ?? builtIn[numFmtId] ?? 'General')
}

async function sharedTexts(zip: ZipFile, entry: Entry): Promise<string[]> {
  const texts: string[] = []
  let characters = 0
  let text = ''
  let isText = false
  let isPronunciation = false
  const xml = new SaxesParser()
  xml.on('opentag', ({ name }: SaxesTagPlain) => {
    if (local(name) === 'si') text = ''
    if (local(name) === 't') isText = !isPronunciation
    if (local(name) === 'rPh') isPronunciation = true
  })
  const add = (piece: string) => {
    if (isText) text += piece
  }
  xml.on('text', add)
  xml.on('cdata', add)
  xml.on('closetag', ({ name }: SaxesTagPlain) => {
    if (local(name) === 't') isText = false
    if (local(name) === 'rPh') isPronunciation = false
    if (local(name) === 'si') texts.push(unescaped(text))
  })
  for await (const piece of textIn(await zip.openReadStreamPromise(entry))) {
    xml.write(piece.text)
    characters += piece.text.length
    if (characters > mostSharedText) throw new NotAContactLog(`The workbook is too large. ${saveAsCsv}`)
  }
  xml.close()
  return texts
}

/** `_x000D_` stands for a character that XML cannot hold. */
const unescaped = (text: string): string =>
  text.includes('_x')
    ? text.replace(/_x([0-9a-f]{4})_/gi, (_, code: string) => String.fromCharCode(parseInt(code, 16)))
    : text

interface CellReader {
  readonly sharedTexts: readonly string[]
  readonly formats: readonly string[]
  readonly from1904: boolean
}

async function* rowsOf(zip: ZipFile, entry: Entry, reader: CellReader): AsyncGenerator<SheetRow> {
  let bytes = 0
  let ready: SheetRow[] = []
  let row = 0
  let cells: string[] = []
  let column = -1
  let attributes: Tag['attributes'] = {}
  let value = ''
  let isValue = false
  let isPronunciation = false
  const xml = new SaxesParser()
  xml.on('opentag', (tag: SaxesTagPlain) => {
    switch (local(tag.name)) {
      case 'row':
        row = tag.attributes.r === undefined ? row + 1 : Number(tag.attributes.r)
        cells = []
        column = -1
        break
      case 'c':
        attributes = tag.attributes
        column = attributes.r === undefined ? column + 1 : columnOf(attributes.r)
        value = ''
        break
      case 'rPh':
        isPronunciation = true
        break
      case 'v':
      case 't':
        isValue = !isPronunciation
        break
    }
  })
  const add = (piece: string) => {
    if (isValue) value += piece
  }
  xml.on('text', add)
  xml.on('cdata', add)
  xml.on('closetag', (tag: SaxesTagPlain) => {
    switch (local(tag.name)) {
      case 'v':
      case 't':
        isValue = false
        break
      case 'rPh':
        isPronunciation = false
        break
      case 'c':
        while (cells.length < column) cells.push('')
        cells[column] = textOfCell(value, attributes, reader)
        break
      case 'row':
        if (cells.length > 0) ready.push({ cells, row, bytes })
        break
    }
  })
  try {
    for await (const piece of textIn(await zip.openReadStreamPromise(entry))) {
      bytes = piece.bytes
      xml.write(piece.text)
      yield* ready
      ready = []
    }
    xml.close()
  } catch (error) {
    throw inOurWords(error)
  } finally {
    zip.close()
  }
}

/** `AB12` is in column 27, counted from 0. */
function columnOf(reference: string): number {
  let column = 0
  for (const letter of /^[A-Z]{1,3}/.exec(reference)?.[0] ?? 'A') column = column * 26 + letter.charCodeAt(0) - 64
  return column - 1
}

function textOfCell(value: string, { t: type, s: style }: Tag['attributes'], reader: CellReader): string {
  switch (type) {
    case 's':
      return reader.sharedTexts[Number(value)] ?? ''
    case 'str':
    case 'inlineStr':
      return unescaped(value)
    case 'b':
      return value === '1' ? 'TRUE' : 'FALSE'
    case 'e':
      return value
    case 'd':
      return value
    default:
      return value === '' ? '' : numberAsSeen(value, reader.formats[Number(style ?? 0)] ?? 'General', reader.from1904)
  }
}

/** A date as a contact log writes it, however the cell shows it; any other number as the cell shows it. */
function numberAsSeen(value: string, pattern: string, from1904: boolean): string {
  const number = Number(value)
  if (!Number.isFinite(number)) return value
  if (isDateFormat(pattern)) {
    const shown = getFormatDateInfo(pattern)
    if (shown.year || shown.day) return dateAsWritten(from1904 ? number + 1_462 : number, shown.hours)
  }
  // A spreadsheet shows 1.23457E+11 where a cell of no format is too narrow for all the digits that are in it.
  if (/^(General|@)$/i.test(pattern)) return Number.isInteger(number) ? BigInt(number).toString() : String(number)
  try {
    return format(pattern, number).trim()
  } catch {
    return value
  }
}

function dateAsWritten(serial: number, showsTime: boolean): string {
  // A quarter of a second more: the second itself is not always a number that a computer has.
  const toTheSecond = (Math.round(serial * 86_400) + 0.25) / 86_400
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = dateFromSerial(toTheSecond)
  const two = (part: number) => String(part).padStart(2, '0')
  const date = `${two(day)}/${two(month)}/${String(year).padStart(4, '0')}`
  return showsTime || hour > 0 || minute > 0 ? `${date} ${two(hour)}:${two(minute)}` : date
}
