/**
 * Records of delimited text, as RFC 4180 says, and with the faults of real exports: any mixture of line ends, and quotes that are
 * not what they seem. A stray quote never takes the record after it along: what it might have opened ends with its line.
 *
 * Written here because the parsers at hand either stop at the first stray quote or, where they tolerate it, let it run on over the
 * records of other people until the next one. See docs/decisions/0030-a-stray-quote-ends-with-its-line.md.
 */

/** In characters: no record is longer, and nothing is looked for further away. */
const longestRecord = 500_000

export interface CsvOptions {
  readonly delimiter: string
  /** How many fields a record should have: a quoted field over several lines is believed only where its record has as many. */
  readonly fields?: number
}

interface Read {
  readonly fields: string[]
  /** Where the next record begins. */
  readonly next: number
  /** Where quoted fields begin that went over a line end. */
  readonly overLines: readonly number[]
}

/** The text ends before the record does, and there may be more of it. */
const more = Symbol('more')

/** @yields the fields of each record; lines with nothing on them are passed over */
export async function* csvRecords(
  text: AsyncIterable<string> | Iterable<string>,
  optionsOf: CsvOptions | ((first: string) => CsvOptions),
): AsyncGenerator<string[]> {
  let buffer = ''
  let at = 0
  let options: CsvOptions | undefined
  const take = function* (isEnd: boolean): Generator<string[]> {
    for (;;) {
      at = afterEmptyLines(buffer, at)
      if (at >= buffer.length) return
      if (!options) {
        if (typeof optionsOf === 'function') {
          const end = buffer.slice(at).search(/[\r\n]/)
          if (end < 0 && !isEnd) return
          options = optionsOf(end < 0 ? buffer.slice(at) : buffer.slice(at, at + end))
        } else options = optionsOf
      }
      const record = recordAt(buffer, at, options, isEnd)
      if (record === more) return
      at = record.next
      yield record.fields
    }
  }
  for await (const chunk of text) {
    buffer = buffer.slice(at) + chunk
    at = 0
    yield* take(false)
  }
  yield* take(true)
}

function afterEmptyLines(text: string, from: number): number {
  let at = from
  while (text[at] === '\n' || text[at] === '\r') at++
  return at
}

function recordAt(text: string, from: number, options: CsvOptions, isEnd: boolean): Read | typeof more {
  const notOverLines = new Set<number>()
  for (;;) {
    const record = readRecord(text, from, options, isEnd, notOverLines)
    if (record === more || record.overLines.length === 0) return record
    if (options.fields === undefined || record.fields.length === options.fields) return record
    // What the quote took along was not its own: it ends with its line.
    for (const begin of record.overLines) notOverLines.add(begin)
  }
}

function readRecord(
  text: string,
  from: number,
  options: CsvOptions,
  isEnd: boolean,
  notOverLines: ReadonlySet<number>,
): Read | typeof more {
  const { delimiter } = options
  const fields: string[] = []
  const overLines: number[] = []
  for (let at = from; ;) {
    let field: { value: string; end: number; overLines?: boolean } | typeof more | null = null
    if (text[at] === '"') {
      field = quotedField(text, at, fields.length, options, isEnd, notOverLines.has(at))
      if (field === more) return more
      if (field?.overLines) overLines.push(at)
    }
    if (!field) {
      const end = endOfBareField(text, at, delimiter)
      if (end === text.length && !isEnd) return more
      field = { value: text.slice(at, end), end }
    }
    fields.push(field.value)
    at = field.end
    if (text[at] === delimiter) {
      at++
      continue
    }
    const next = afterLineEnd(text, at)
    // A line end may go on in what has not come yet.
    if (next >= text.length && !isEnd) return more
    return { fields, next, overLines }
  }
}

function endOfBareField(text: string, from: number, delimiter: string): number {
  for (let at = from; at < text.length; at++) {
    const character = text[at]
    if (character === delimiter || character === '\n' || character === '\r') return at
  }
  return text.length
}

/** However many carriage returns stand before a line feed, it is one line end. */
function afterLineEnd(text: string, from: number): number {
  let at = from
  while (text[at] === '\r') at++
  return text[at] === '\n' ? at + 1 : at
}

/** A field that begins with a quote; null where the quote is only a character of it. */
function quotedField(
  text: string,
  from: number,
  column: number,
  { delimiter, fields }: CsvOptions,
  isEnd: boolean,
  onOneLine: boolean,
): { value: string; end: number; overLines: boolean } | typeof more | null {
  const limit = Math.min(text.length, from + longestRecord)
  const lineEnd = firstLineEnd(text, from, limit)
  // By the book: every quote inside is doubled, and the closing one ends the field.
  let close = from + 1
  for (; ; close++) {
    close = text.indexOf('"', close)
    if (onOneLine && (close < 0 || close > lineEnd)) break
    if (close < 0 || close >= limit) {
      if (!isEnd && text.length - from < longestRecord) return more
      break
    }
    if (close + 1 >= text.length && !isEnd) return more
    if (text[close + 1] === '"') {
      close++
      continue
    }
    const end = afterSpaces(text, close + 1)
    if (end >= text.length && !isEnd) return more
    if (!endsField(text, end, delimiter)) break
    const inside = text.slice(from + 1, close)
    const overLines = lineEnd < close
    if (overLines && fields !== undefined && holdsAnotherRecord(inside, delimiter, fields, column)) break
    return { value: inside.replaceAll('""', '"').replace(/\r*\n|\r+/g, '\n'), end, overLines }
  }
  // Not by the book: a quote that ends the field on the same line closes it, those before it are its own characters.
  if (lineEnd >= text.length && !isEnd && text.length - from < longestRecord) return more
  for (let end = text.indexOf('"', from + 1); end >= 0 && end < lineEnd; end = text.indexOf('"', end + 1)) {
    const after = afterSpaces(text, end + 1)
    if (text[end + 1] !== '"' && endsField(text, after, delimiter))
      return { value: text.slice(from + 1, end).replaceAll('""', '"'), end: after, overLines: false }
    if (text[end + 1] === '"') end++
  }
  return null
}

/**
 * Whether a quoted field over several lines has taken another record along. A line inside it that has all the fields of a record is
 * one; so are a last line that reaches as far as this column, and a first line that completes the record by itself, where somebody's
 * number or a date is among their fields.
 */
function holdsAnotherRecord(inside: string, delimiter: string, fields: number, column: number): boolean {
  const [first, ...others] = inside.split(/[\r\n]+/).map((line) => line.split(delimiter))
  if (others.some((line) => line.length >= fields)) return true
  const last = others.at(-1)!
  if (last.length > column && saysWhoOrWhen(last)) return true
  return column < fields - 1 && column + first!.length >= fields && saysWhoOrWhen(first!)
}

const saysWhoOrWhen = (fields: readonly string[]): boolean =>
  fields.some((field) => /^"?(?:[A-Z]\d{6}|\d{2}\/\d{2}\/\d{4})"?$/.test(field.trim()))

function firstLineEnd(text: string, from: number, limit: number): number {
  for (let at = from; at < limit; at++) if (text[at] === '\n' || text[at] === '\r') return at
  return limit
}

const afterSpaces = (text: string, from: number): number => {
  let at = from
  while (text[at] === ' ') at++
  return at
}

const endsField = (text: string, at: number, delimiter: string): boolean =>
  at >= text.length || text[at] === delimiter || text[at] === '\n' || text[at] === '\r'

/** A cell that a spreadsheet would take for a formula is written with an apostrophe before it, and so is one that looks so written. */
export const harmless = (cell: string): string => (/^'*[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell)

/** What {@link harmless} made of a cell, as it was. */
export const asItWas = (cell: string): string => (/^'+[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell)
