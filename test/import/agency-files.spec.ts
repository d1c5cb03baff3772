/** Every file in agency-files/ is read as it was meant, or refused in a sentence that says what to do. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { NotAContactLog, type NumberedRow } from '../../src/exchange/contact-log.ts'
import { openContactLog, type ReadingOptions } from '../../src/exchange/reading/contact-log-file.ts'
import { importFile } from '../../src/exchange/import-file.ts'
import { temporaryDirectory, temporaryWorkplace } from '../support/runtime.ts'
import { workbookOf, type SheetCell } from '../support/sheets.ts'
import { files, header, records } from './agency-files/make.ts'

const folder = join(import.meta.dirname, 'agency-files')

async function read(name: string, options: ReadingOptions = {}) {
  const log = await openContactLog(join(folder, name), options)
  const rows: NumberedRow[] = []
  for await (const row of log.records) rows.push(row)
  return {
    rows,
    lines: rows.map(({ line }) => line),
    remarks: log.remarks,
    emptyRows: log.emptyRows,
    header: log.header,
  }
}

const asRow = (cells: readonly string[]) => Object.fromEntries(header.map((column, at) => [column, cells[at]]))
const inch = [...records.slice(0, 2), [...records[2]!.slice(0, -1), 'Brought a 19" screen']]

/** What a person is told of a file that is read. */
const taken: Readonly<
  Record<
    string,
    {
      told?: readonly (string | RegExp)[]
      rows?: typeof records
      options?: ReadingOptions
      emptyRows?: number
      lines?: number[]
    }
  >
> = {
  'comma-utf8.csv': {},
  'comma-utf8-bom.csv': {},
  'semicolon-utf8-bom.csv': { told: ['The columns are separated by semicolons.'] },
  'semicolon-told-by-sep.csv': { told: ['The columns are separated by semicolons.'] },
  'tab-utf8.txt': { told: ['The columns are separated by tabs.'] },
  'pipe-utf8.csv': { told: ['The columns are separated by vertical bars.'] },
  'tab-utf16le-bom.txt': { told: ['Read as UTF-16 (little endian).', 'The columns are separated by tabs.'] },
  'tab-utf16be-bom.txt': { told: ['Read as UTF-16 (big endian).', 'The columns are separated by tabs.'] },
  'comma-utf16le-without-bom.csv': { told: ['Read as UTF-16 (little endian).'] },
  'comma-utf16be-without-bom.csv': { told: ['Read as UTF-16 (big endian).'] },
  'semicolon-windows-1252.csv': {
    told: [/^Read as Windows-1252, because it is not UTF-8.*--encoding\.$/, 'The columns are separated by semicolons.'],
  },
  'line-feeds.csv': {},
  'carriage-returns.csv': {},
  'line-ends-doubled.csv': {},
  'line-ends-mixed.csv': {},
  'every-cell-quoted.csv': {},
  'header-in-title-case.csv': {},
  'header-in-capitals-with-spaces.csv': {},
  'columns-in-another-order.csv': {},
  'columns-of-the-agency.csv': {
    told: ['Columns that a contact log does not have were left out: "Case worker", "Office".'],
  },
  'empty-rows-and-columns.csv': { emptyRows: 2, lines: [2, 4, 5] },
  'inch-mark.csv': { rows: inch },
  'workbook-dates-as-dates.xlsx': { told: ['The sheet "Export" was read.'] },
  'workbook-dates-in-words.xlsx': { told: ['The sheet "Export" was read.'] },
  'workbook-dates-from-1904.xlsx': { told: ['The sheet "Export" was read.'] },
  'workbook-of-texts.xlsx': { told: ['The sheet "Export" was read.'] },
  'workbook-with-formulas.xlsx': { told: ['The sheet "Export" was read.'] },
  'workbook-second-sheet.xlsx': {
    options: { sheet: 'Contacts' },
    told: ['The sheet "Contacts" was read. Not read: "Cover"; say which with --sheet.'],
  },
}

/** What a person is told of a file that is not, and at which record reading stops where the header could be read. */
const refused: readonly [name: string, told: RegExp, options?: ReadingOptions, line?: number][] = [
  [
    'workbook-second-sheet.xlsx',
    /not the header.*This is the sheet "Cover"; the workbook also has "Contacts": say which with --sheet/,
  ],
  [
    'workbook-second-sheet.xlsx',
    /no sheet "May"\. It has "Cover", "Contacts"\. Say which with --sheet/,
    { sheet: 'May' },
  ],
  ['comma-utf8.csv', /Only a workbook has sheets/, { sheet: 'Contacts' }],
  ['comma-utf8.csv', /The file was read as UTF-16 \(little endian\), as --encoding says/, { encoding: 'utf-16le' }],
  ['old-workbook.xls', /old \.xls format, or one that is locked by a password\. Save it .* as \.xlsx or as CSV UTF-8/],
  ['web-page.xls', /web page or XML.*save it as \.xlsx or CSV UTF-8/],
  ['damaged.xlsx', /The workbook cannot be read: it is damaged.*Save the sheet as CSV UTF-8/],
  ['report.pdf', /This is a PDF\. Export the contact log as CSV UTF-8 or \.xlsx/],
  [
    'caret-between-columns.csv',
    /separated by "\^"\. Export the file again with commas, semicolons, tabs or vertical bars/,
  ],
  [
    'title-above-the-header.csv',
    /The header is not the first line: it is line 3 of the text\. Take out what is above it/,
  ],
  ['no-header.csv', /The first line is not the header.*Put a line with the names of the columns above the records/],
  ['two-columns-missing.csv', /Missing: recorded_by, note\..*may be empty, but must be there/],
  ['column-twice.csv', /names a column twice: crn\. Give one of them another name/],
  ['two-encodings.csv', /most of it is UTF-8, but line 5 of its text is not UTF-8\. Mend that line/],
  ['utf8-cut-off.csv', /not in UTF-8: line 4 of its text breaks off/],
  [
    'quote-never-closed.csv',
    /^Record 3 \(line 3 of the text\) cannot be read as CSV: a quotation mark is opened and not closed on its line.*Close the quotation mark/,
    {},
    3,
  ],
  [
    'quote-closed-in-another-record.csv',
    /^Record 3 \(line 3 of the text\) has another record inside one of its cells/,
    {},
    3,
  ],
  ['nothing.csv', /is empty: the first line should name the columns journey_ref, crn/],
  ['', /is a directory\. Give the path of one contact log in it/],
  ['not-there.csv', /^There is no file .*not-there\.csv\. Give the path/],
]

describe('a file as an agency might send it', () => {
  it.each(Object.entries(taken))(
    '%s is read as it was meant',
    async (name, { told = [], rows = records, options, emptyRows = 0, lines = [2, 3, 4] }) => {
      const file = await read(name, options)
      expect(file.rows.map(({ row }) => row)).toEqual(rows.map(asRow))
      expect(file.lines).toEqual(lines)
      expect(file.rows.flatMap(({ extra }) => extra)).toEqual([])
      expect(file.emptyRows).toBe(emptyRows)
      expect(file.remarks).toEqual(
        told.map((sentence) => (typeof sentence === 'string' ? sentence : (expect.stringMatching(sentence) as string))),
      )
    },
  )

  it.each(refused)('%s is refused with what to do: %s', async (name, told, options, line) => {
    const failure = await read(name, options).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(NotAContactLog)
    expect((failure as Error).message).toMatch(told)
    // The first record of a file without a header is somebody's.
    expect((failure as Error).message).not.toMatch(/Müller|X00000/)
    expect((failure as NotAContactLog).line).toBe(line)
  })

  it('is one of those in the folder, which are what make.ts makes', () => {
    const named = [...Object.keys(taken), ...refused.map(([name]) => name)].filter((name) => name in files)
    expect(new Set(named)).toEqual(new Set(Object.keys(files)))
    for (const [name, content] of Object.entries(files)) {
      expect(readFileSync(join(folder, name)).equals(Buffer.from(content)), name).toBe(true)
    }
    expect(readdirSync(folder).toSorted()).toEqual([...Object.keys(files), 'make.ts'].toSorted())
    expect(Object.keys(files).length).toBeGreaterThanOrEqual(25)
  })

  it('adds nothing where another file said the same already', { timeout: 240_000 }, async () => {
    const runtime = await temporaryWorkplace()
    const rejects = join(temporaryDirectory(), 'rejects.csv')
    const totals = []
    for (const [name, { options, rows }] of Object.entries(taken)) {
      if (rows) continue
      totals.push((await importFile(runtime, join(folder, name), { ...options, rejects })).totals)
    }
    expect(totals[0]).toMatchObject({ rows: 3, accepted: 3, rejected: 0 })
    for (const further of totals.slice(1)) expect(further).toMatchObject({ rows: 3, accepted: 0, duplicates: 3 })
  })
})

describe('a workbook', () => {
  const contentOf = async (cells: readonly SheetCell[]) => {
    const file = join(temporaryDirectory(), 'log.xlsx')
    const row = [...records[0]!.slice(0, -1), ...cells]
    writeFileSync(file, workbookOf({ sheets: { Log: [[...header, 'more', 'and more'], row] }, firstRow: 4 }))
    const log = await openContactLog(file)
    const [first] = await Array.fromAsync(log.records)
    return first!
  }

  it.each<[what: string, cell: SheetCell, seen: string]>([
    ['a long number', { number: 300_000_000_000_012, format: 'General' }, '300000000000012'],
    ['a number with zeros in front', { number: 1_234, format: '000000' }, '001234'],
    ['an amount', { number: 1_234.5, format: '#,##0.00' }, '1,234.50'],
    ['a time', { number: 0.75, format: 'h:mm' }, '18:00'],
    [
      'a minute that no computer has exactly',
      { number: 45_047 + 630 / 1_440, format: 'dd/mm/yyyy hh:mm' },
      '01/05/2023 10:30',
    ],
    ['a text with spaces, a line end and an escape', ' two\n_x0041_ <lines> ', ' two\nA <lines> '],
    ['a formula made harmless', "'=1+1", '=1+1'],
  ])('has %s as a person sees it', async (_what, cell, seen) => expect((await contentOf([cell])).row.note).toBe(seen))

  it('counts its records as the spreadsheet counts rows', async () => expect((await contentOf([''])).line).toBe(5))
})
