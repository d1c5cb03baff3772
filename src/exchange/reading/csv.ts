/** CSV as agencies really write it: any delimiter, any line ends, stray quotes; and cells that no spreadsheet takes for a formula. */

/** One record as it stands in the file. */
export interface CsvRecord {
  /** The cells as they are written, without the quotes around them; line ends inside a cell as they are in the file. */
  readonly cells: readonly string[]
  /** Of the line of text on which the record begins, counted as an editor counts lines, from 1. */
  readonly textLine: number
}

/** A record whose end cannot be found. What follows it in the file cannot be read either. */
export class UnreadableRecord extends Error {
  constructor(
    message: string,
    readonly textLine: number,
  ) {
    super(message)
    this.name = 'UnreadableRecord'
  }
}

/** No record is longer than this, in characters: a quotation mark that is never closed would hold the rest of the file in memory. */
const longestRecord = 4_000_000

const lineFeed = 10
const carriageReturn = 13
const quote = 34

/**
 * Reads records from text that comes piece by piece.
 *
 * A cell is quoted where it begins with a quotation mark and its closing mark is followed by a delimiter or a line end.
 * Any other cell is taken as it stands, marks included, up to the next delimiter or line end. Where the closing mark could
 * only be on a later line and is not followed by either, there is no saying whether a mark is missing or one too many: two
 * people's records could become one. Reading stops there.
 */
export class CsvReader {
  private text = ''
  private at = 0
  private readonly delimiterCode: number

  /** @param textLine of the text that comes first, where something stands above it in the file */
  constructor(
    private readonly delimiter: string,
    private textLine = 1,
  ) {
    this.delimiterCode = delimiter.charCodeAt(0)
  }

  /** Characters that were given and do not belong to a record that was returned. */
  get pending(): number {
    return this.text.length - this.at
  }

  add(piece: string): void {
    this.text = this.at === this.text.length ? piece : this.text.slice(this.at) + piece
    this.at = 0
  }

  /**
   * The next whole record, or undefined where more text is needed (or nothing is left, once it is the last).
   * @throws UnreadableRecord
   */
  next(isLast: boolean): CsvRecord | undefined {
    if (!this.skipEmptyLines(isLast) || this.at === this.text.length) return undefined
    const { textLine } = this
    const cells: string[] = []
    let at = this.at
    let linesWithin = 0
    for (;;) {
      const cell =
        this.text.charCodeAt(at) === quote ? this.quotedCell(at, isLast, textLine + linesWithin) : this.plainCell(at)
      if (!cell || (cell.end === this.text.length && !isLast)) return this.unfinished(textLine)
      cells.push(cell.value)
      linesWithin += cell.lineEnds
      at = cell.end
      if (this.text[at] !== this.delimiter) break
      at++
      if (at === this.text.length && !isLast) return this.unfinished(textLine)
    }
    const end = this.afterLineEnd(at, isLast)
    if (end === undefined) return this.unfinished(textLine)
    this.at = end
    this.textLine = textLine + linesWithin + (end > at ? 1 : 0)
    return { cells, textLine }
  }

  private unfinished(textLine: number): undefined {
    if (this.pending > longestRecord) {
      throw new UnreadableRecord(
        `it is longer than ${longestRecord / 1_000_000} million characters. A quotation mark that is never closed makes a record of everything after it`,
        textLine,
      )
    }
    return undefined
  }

  /** @returns false where the text ends in the middle of a line end */
  private skipEmptyLines(isLast: boolean): boolean {
    for (;;) {
      const end = this.afterLineEnd(this.at, isLast)
      if (end === undefined) return false
      if (end === this.at) return true
      this.at = end
      this.textLine++
    }
  }

  /**
   * CR, LF, CRLF, or a CRLF whose line feed was made a CRLF once more: each is one line end.
   * @returns the same place where there is none, undefined where it may go on in the next piece of text
   */
  private afterLineEnd(from: number, isLast: boolean): number | undefined {
    let at = from
    while (this.text.charCodeAt(at) === carriageReturn) at++
    if (this.text.charCodeAt(at) === lineFeed) return at + 1
    if (at === this.text.length && at > from && !isLast) return undefined
    return at > from ? from + 1 : from
  }

  private plainCell(from: number): Cell {
    let end = from
    for (; end < this.text.length; end++) {
      const code = this.text.charCodeAt(end)
      if (code === this.delimiterCode || code === carriageReturn || code === lineFeed) break
    }
    return { value: this.text.slice(from, end), end, lineEnds: 0 }
  }

  private quotedCell(from: number, isLast: boolean, textLine: number): Cell | undefined {
    let value = ''
    let begin = from + 1
    for (;;) {
      const mark = this.text.indexOf('"', begin)
      if (mark < 0) {
        if (!isLast) return undefined
        throw new UnreadableRecord('a quotation mark is opened and never closed', textLine)
      }
      const after = this.text[mark + 1]
      if (after === undefined && !isLast) return undefined
      value += this.text.slice(begin, mark)
      if (after === undefined || after === this.delimiter || after === '\r' || after === '\n') {
        return { value, end: mark + 1, lineEnds: lineEndsIn(value) }
      }
      if (after === '"') {
        value += '"'
        begin = mark + 2
        continue
      }
      if (!/[\r\n]/.test(value)) return this.plainCell(from)
      throw new UnreadableRecord(
        `a quotation mark is opened and not closed on its line, and the next one (${lineEndsIn(value)} further down) closes nothing`,
        textLine,
      )
    }
  }
}

interface Cell {
  readonly value: string
  readonly end: number
  readonly lineEnds: number
}

const lineEndsIn = (text: string): number => text.match(/\r+\n|\r|\n/g)?.length ?? 0

/** A cell with the line ends in it as one line feed each: a file whose line ends were converted says the same as before. */
export const withLineFeeds = (cell: string): string => (cell.includes('\r') ? cell.replace(/\r+\n|\r/g, '\n') : cell)

/** A spreadsheet takes a cell for a formula by the character in front of it; tabs and line ends are passed over by some. */
const mayBeAFormula = /^'*[=+\-@\t\r\n]/

/**
 * A cell that no spreadsheet takes for a formula: one that may be one gets an apostrophe in front. So does one that has
 * apostrophes in front of such a character already: each cell is read back as it was.
 */
export const harmless = (cell: string): string => (mayBeAFormula.test(cell) ? `'${cell}` : cell)

/** A cell as it was before `harmless`. */
export const asMeant = (cell: string): string =>
  cell.startsWith("'") && mayBeAFormula.test(cell) ? cell.slice(1) : cell

/** One record as text, line end included: every cell harmless, and quoted where it must be. */
export function csvLine(cells: readonly string[], delimiter = ','): string {
  const written = cells.map((cell) => {
    const safe = harmless(cell)
    return safe.includes(delimiter) || /["\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
  })
  return `${written.join(delimiter)}\r\n`
}
