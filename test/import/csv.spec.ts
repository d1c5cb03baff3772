import fc from 'fast-check'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { columns, NotAContactLog } from '../../src/exchange/contact-log.ts'
import { asMeant, csvLine, CsvReader, UnreadableRecord } from '../../src/exchange/reading/csv.ts'
import { openContactLog } from '../../src/exchange/reading/contact-log-file.ts'
import { readPlainCsv } from '../support/plain-csv-reader.ts'
import { temporaryDirectory } from '../support/runtime.ts'

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
const runs = Number(process.env.FUZZ_RUNS ?? 500)

/** What the product's reader makes of a text that comes in pieces. */
function readIn(pieces: readonly string[], delimiter: string) {
  const reader = new CsvReader(delimiter)
  const records: string[][] = []
  try {
    for (const [index, piece] of [...pieces, ''].entries()) {
      reader.add(piece)
      for (let record; (record = reader.next(index === pieces.length));) records.push([...record.cells])
    }
  } catch (error) {
    if (!(error instanceof UnreadableRecord)) throw error
    return { records, stopped: true }
  }
  return { records, stopped: false }
}

function inPieces(text: string, cuts: readonly number[]): string[] {
  const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).toSorted((a, b) => a - b), text.length]
  return places.slice(1).map((end, index) => text.slice(places[index], end))
}

const delimiter = fc.constantFrom(',', ';', '\t', '|')
const cuts = fc.array(fc.nat(), { maxLength: 6 })
const hostileText = fc
  .array(
    fc.constantFrom(
      '"',
      '""',
      ',',
      ';',
      '\t',
      '|',
      '\n',
      '\r',
      '\r\n',
      '\r\r\n',
      'a',
      ' ',
      '\0',
      '\x1b',
      'é',
      '😀',
      'x"y',
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(''))
const cell = fc.oneof(
  fc.string({
    unit: fc.constantFrom('"', "'", ',', ';', '\t', '\n', '\r', '=', '+', '-', '@', 'a', ' ', 'é', '\0'),
    maxLength: 12,
  }),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constant('x'.repeat(3_000)),
)

describe(`CSV (seed ${seed}: SEED=${seed} does it again)`, () => {
  it('of any kind, in any pieces, is read as a plain reader of the written rules reads it', () =>
    fc.assert(
      fc.property(hostileText, delimiter, cuts, (text, delimiter, cuts) => {
        expect(readIn(inPieces(text, cuts), delimiter)).toEqual(readPlainCsv(text, delimiter))
      }),
      { seed, numRuns: runs * 4 },
    ))

  it('as the product writes it is read back as it was, and has no cell that a spreadsheet takes for a formula', () =>
    fc.assert(
      fc.property(
        fc.array(fc.array(cell, { minLength: 2, maxLength: 5 }), { maxLength: 5 }),
        delimiter,
        cuts,
        (rows, delimiter, cuts) => {
          const text = rows.map((row) => csvLine(row, delimiter)).join('')
          const { records, stopped } = readIn(inPieces(text, cuts), delimiter)
          expect(stopped).toBe(false)
          expect(records.map((record) => record.map(asMeant))).toEqual(rows)
          for (const written of records.flat()) expect(written).not.toMatch(/^[=+\-@\t\r\n]/)
        },
      ),
      { seed, numRuns: runs },
    ))
})

describe(`a contact log (seed ${seed}: SEED=${seed} does it again)`, () => {
  it('in any encoding, delimiter, line end and order of columns says the same', { timeout: 600_000 }, async () => {
    const dir = temporaryDirectory()
    const file = join(dir, 'log.csv')
    const latin = fc.string({
      unit: fc.constantFrom('a', 'é', 'ü', '£', '"', ',', ';', '\t', '|', '\n', "'", '=', ' ', '\x01'),
      maxLength: 10,
    })
    const value = fc.oneof(
      { weight: 4, arbitrary: fc.constant('') },
      { weight: 4, arbitrary: latin },
      { weight: 1, arbitrary: fc.constant('n'.repeat(40_000)) },
    )
    const row = fc.tuple(...columns.map(() => value)).filter((cells) => cells.some((text) => text.trim() !== ''))
    const order = fc.shuffledSubarray([...columns], { minLength: columns.length })
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { maxLength: 12 }),
        order,
        delimiter,
        fc.constantFrom('\n', '\r\n', '\r', '\r\r\n'),
        fc.constantFrom('utf-8', 'utf-8 with mark', 'utf-16le', 'utf-16le with mark', 'utf-16be', 'windows-1252'),
        async (rows, order, delimiter, lineEnd, encoding) => {
          const text = [order, ...rows.map((cells) => order.map((column) => cells[columns.indexOf(column)]!))]
            .map((cells) => csvLine(cells, delimiter).replace(/\r\n$/, ''))
            .map((line) => line.replaceAll('\n', lineEnd) + lineEnd)
            .join('')
          writeFileSync(file, encoded(text, encoding))
          const log = await openContactLog(file)
          const read = []
          for await (const { row } of log.records) read.push(columns.map((column) => row[column]))
          expect(read.map(shortened)).toEqual(rows.map(shortened))
          expect(log.header).toEqual(order)
        },
      ),
      { seed, numRuns: Math.ceil(runs / 4) },
    )
  })

  it('of any bytes is read to its end or refused in a sentence', { timeout: 600_000 }, async () => {
    const file = join(temporaryDirectory(), 'log.csv')
    const part = fc.oneof(
      fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
      hostileText.map((text) => Buffer.from(text)),
      fc
        .constantFrom(`${columns.join(',')}\n`, `\uFEFF${columns.join(';')}\r\n`, 'PK\x03\x04', '<html>', 'sep=|\n')
        .map((text) => Buffer.from(text)),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 6 }), async (parts) => {
        writeFileSync(file, Buffer.concat(parts))
        try {
          const log = await openContactLog(file)
          for await (const { cells } of log.records) expect(cells.length).toBeGreaterThan(0)
        } catch (error) {
          expect(error).toBeInstanceOf(NotAContactLog)
        }
      }),
      { seed, numRuns: runs },
    )
  })
})

/** So that what differs can be seen. */
const shortened = (cells: readonly string[]) =>
  cells.map((text) => text.replace(/n{100,}/, (many) => `${many.length} n`))

function encoded(text: string, encoding: string): Buffer {
  const marked = (encoding.endsWith('mark') ? '\uFEFF' : '') + text
  if (encoding.startsWith('utf-8')) return Buffer.from(marked)
  if (encoding.startsWith('utf-16le')) return Buffer.from(marked, 'utf16le')
  if (encoding === 'utf-16be') return Buffer.from(marked, 'utf16le').swap16()
  return Buffer.from(text, 'latin1')
}

describe('a quotation mark', () => {
  const read = (text: string) => readIn([text], ',')

  it.each([
    ['an inch mark', 'a,19" screen,b\n', [['a', '19" screen', 'b']]],
    ['one that opens a word only', 'a,"no" he said,b\n', [['a', '"no" he said', 'b']]],
    ['marks not doubled', 'a,"he said "no" twice",b\n', [['a', '"he said "no" twice"', 'b']]],
    ['a cell over two lines', 'a,"one\ntwo",b\nc\n', [['a', 'one\ntwo', 'b'], ['c']]],
    ['doubled marks over two lines', 'a,"one ""x""\ntwo",b\n', [['a', 'one "x"\ntwo', 'b']]],
  ])('of %s is taken', (_what, text, records) => expect(read(text)).toEqual({ records, stopped: false }))

  it.each([
    ['never closed', 'a,b\nc,"never\nd,e\n'],
    ['closed by the mark of another record', 'a,b\nc,"never\nd,"e"\n'],
    ['followed by a mark within a word further down', 'a,b\nc,"never\nd,19" e\n'],
  ])('%s stops at its record, and what is before it is read', (_what, text) =>
    expect(read(text)).toEqual({ records: [['a', 'b']], stopped: true }),
  )
})
