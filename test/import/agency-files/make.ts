/**
 * Writes the files of this folder anew: `node test/import/agency-files/make.ts`. Each is the same three records as an agency
 * might send them, with one habit of one program; nobody in them exists.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { workbookOf, type SheetCell } from '../../support/sheets.ts'

export const header = [
  'journey_ref',
  'crn',
  'family_name',
  'given_names',
  'date_of_birth',
  'recorded_at',
  'occurred_on',
  'contact',
  'programme',
  'group',
  'session',
  'outcome',
  'planned_facilitators',
  'actual_facilitators',
  'provider',
  'recorded_by',
  'note',
]

/** A referral, an allocation with a note over two lines, and a session with a note that has a comma and quotation marks in it. */
export const records: readonly (readonly string[])[] = [
  [
    'R-1',
    'X000001',
    'Müller',
    'José',
    '01/02/1980',
    '01/05/2023 10:00',
    '01/05/2023',
    'Referral',
    'bbr',
    '',
    '',
    '',
    '',
    '',
    'North',
    'F001',
    '',
  ],
  [
    'R-1',
    'X000001',
    'Müller',
    'José',
    '01/02/1980',
    '08/05/2023 09:30',
    '08/05/2023',
    'Allocated to group',
    '',
    'G001',
    '',
    '',
    '',
    '',
    '',
    'F001',
    'Asked for evenings.\nWorks days; shifts.',
  ],
  [
    'R-1',
    'X000001',
    'Müller',
    'José',
    '01/02/1980',
    '15/05/2023 18:45',
    '15/05/2023',
    'Session',
    '',
    'G001',
    'PG1',
    'ATTC',
    'F001;F002',
    'F001',
    '',
    'F002',
    'Said "yes", then sat down.',
  ],
]

const quoted = (cell: string, delimiter: string) =>
  cell.includes(delimiter) || /["\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
const csv = (rows: readonly (readonly string[])[], delimiter = ',', lineEnd = '\r\n') =>
  rows.map((row) => row.map((cell) => quoted(cell, delimiter)).join(delimiter) + lineEnd).join('')
const whole = [header, ...records]
const bom = '\uFEFF'
const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16()
/** The characters of these files are the same in Windows-1252 and Latin-1, but for the apostrophe. */
const windows1252 = (text: string) => Buffer.from(text.replaceAll('’', '\x92'), 'latin1')
const titled = (row: readonly string[]) =>
  row.map((name) => name.replaceAll('_', ' ').replace(/^./, (first) => first.toUpperCase()))
const serial = (text: string): number => {
  const [, dd, mm, yyyy, hour = '0', minute = '0'] = /^(..)\/(..)\/(....)(?: (..):(..))?$/.exec(text)!
  return Date.UTC(Number(yyyy), Number(mm) - 1, Number(dd), Number(hour), Number(minute)) / 86_400_000 + 25_569
}
/** Days and times as a spreadsheet keeps them, shown in some format. */
const withDates = (day: string, moment: string, from1904 = 0) =>
  records.map((row) =>
    row.map((cell, at): SheetCell =>
      at === 4 || at === 6
        ? { number: serial(cell) - from1904, format: day }
        : at === 5
          ? { number: serial(cell) - from1904, format: moment }
          : cell,
    ),
  )
const note = (row: readonly string[], text: string) => [...row.slice(0, -1), text]

export const files: Readonly<Record<string, string | Buffer>> = {
  'comma-utf8.csv': csv(whole),
  'comma-utf8-bom.csv': bom + csv(whole),
  'semicolon-utf8-bom.csv': bom + csv(whole, ';'),
  'semicolon-told-by-sep.csv': `sep=;\r\n${csv(whole, ';')}`,
  'tab-utf8.txt': csv(whole, '\t'),
  'pipe-utf8.csv': csv(whole, '|'),
  'tab-utf16le-bom.txt': Buffer.from(bom + csv(whole, '\t'), 'utf16le'),
  'tab-utf16be-bom.txt': utf16be(bom + csv(whole, '\t')),
  'comma-utf16le-without-bom.csv': Buffer.from(csv(whole), 'utf16le'),
  'comma-utf16be-without-bom.csv': utf16be(csv(whole)),
  'semicolon-windows-1252.csv': windows1252(csv(whole, ';')),
  'line-feeds.csv': csv(whole, ',', '\n'),
  'carriage-returns.csv': csv(whole, ',', '\r').replaceAll('\n', '\r'),
  'line-ends-doubled.csv': csv(whole).replaceAll('\n', '\r\n'),
  'line-ends-mixed.csv': csv([header]) + csv([records[0]!], ',', '\n') + csv(records.slice(1), ',', '\r'),
  'every-cell-quoted.csv': whole
    .map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(','))
    .join('\r\n'),
  'header-in-title-case.csv': csv([titled(header), ...records]),
  'header-in-capitals-with-spaces.csv': csv([header.map((name) => ` ${name.toUpperCase()} `), ...records]),
  'columns-in-another-order.csv': csv(whole.map((row) => row.toReversed())),
  'columns-of-the-agency.csv': csv(
    whole.map((row, at) =>
      ['Case worker', ...row, 'Office'].map((cell, column) =>
        at > 0 && column === 0 ? 'P. Example' : at > 0 && column === 18 ? 'Leeds' : cell,
      ),
    ),
  ),
  'empty-rows-and-columns.csv': csv(
    [...whole.slice(0, 2), header.map(() => ''), ...whole.slice(2), header.map(() => ' ')].map((row) => [
      ...row,
      '',
      '',
    ]),
  ),
  'inch-mark.csv': `${csv(whole.slice(0, 3))}${records[2]!.slice(0, -1).join(',')},Brought a 19" screen\r\n`,
  'workbook-dates-as-dates.xlsx': workbookOf({
    sheets: { Export: [header, ...withDates('dd/mm/yyyy', 'dd/mm/yyyy hh:mm')] },
  }),
  'workbook-dates-in-words.xlsx': workbookOf({
    sheets: { Export: [header, ...withDates('[$-809]d mmmm yyyy', 'yyyy-mm-dd hh:mm:ss')] },
  }),
  'workbook-dates-from-1904.xlsx': workbookOf({
    sheets: { Export: [header, ...withDates('d-mmm-yy', 'm/d/yy h:mm AM/PM', 1_462)] },
    from1904: true,
  }),
  'workbook-of-texts.xlsx': workbookOf({ sheets: { Export: whole }, inline: true }),
  'workbook-with-formulas.xlsx': workbookOf({
    sheets: {
      Export: [
        header,
        ...records.map((row) => row.map((cell): SheetCell => (cell === 'bbr' ? { formula: 'bbr' } : cell))),
      ],
    },
  }),
  'workbook-second-sheet.xlsx': workbookOf({ sheets: { Cover: [['Contacts of May 2023']], Contacts: whole } }),
  'old-workbook.xls': Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, ...Buffer.alloc(504)]),
  'web-page.xls': '<html><body><table><tr><td>journey_ref</td></tr></table></body></html>',
  'damaged.xlsx': workbookOf({ sheets: { Export: whole } }).subarray(0, 900),
  'report.pdf': '%PDF-1.7\n',
  'caret-between-columns.csv': csv(whole, '^'),
  'title-above-the-header.csv': `Contacts of May 2023\r\nLeeds office\r\n${csv(whole, ';')}`,
  'no-header.csv': csv(records),
  'two-columns-missing.csv': csv(whole.map((row) => row.slice(0, -2))),
  'column-twice.csv': csv(whole.map((row) => [...row, row[1]!])),
  'two-encodings.csv': Buffer.concat([Buffer.from(csv(whole.slice(0, 3))), windows1252(csv(whole.slice(3)))]),
  'utf8-cut-off.csv': Buffer.from(bom + csv(whole.map((row) => note(row, 'café')))).subarray(0, -3),
  'quote-never-closed.csv': `${csv(whole.slice(0, 2))}${records[1]!.slice(0, -1).join(',')},"I will not go\r\nR-2,X000002,Example,Sam,01/02/1980,16/05/2023 10:00,16/05/2023,Referral,bbr,,,,,,North,F001,he said "no"\r\n${csv(whole.slice(3))}`,
  'quote-closed-in-another-record.csv': `${csv(whole.slice(0, 2))}${records[1]!.slice(0, -1).join(',')},"I will not go\r\nR-2,X000002,Example,Sam,01/02/1980,16/05/2023 10:00,16/05/2023,Referral,bbr,,,,,,North,F001,a 19"\r\n${csv(whole.slice(3))}`,
  'nothing.csv': '',
}

if (process.argv[1] === import.meta.filename) {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(import.meta.dirname, name), content)
}
