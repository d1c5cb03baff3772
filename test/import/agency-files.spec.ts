/** Files as agencies send them: each delimiter, encoding and spreadsheet habit, and what a person should be told. */
import { parse } from 'csv-parse/sync'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { columns, type Column } from '../../src/exchange/contact-log.ts'
import { addedColumns, NotAContactLog, openContactLog } from '../../src/exchange/contact-log-file.ts'
import { importFile } from '../../src/exchange/import-file.ts'
import { countEvents, temporaryDirectory, temporaryWorkplace } from '../support/runtime.ts'

type Written = Partial<Record<Column, string>>

const referral: Required<Written> = {
  journey_ref: 'R-1',
  crn: 'X000001',
  family_name: 'Exämple',
  given_names: 'José',
  date_of_birth: '01/02/1980',
  recorded_at: '03/03/2024 10:00',
  occurred_on: '01/03/2024',
  contact: 'Referral',
  programme: 'bbr',
  group: '',
  session: '',
  outcome: '',
  planned_facilitators: '',
  actual_facilitators: '',
  provider: 'North',
  recorded_by: 'F001',
  note: 'Came, with "his" file;\nlate.',
}
const warning = { ...referral, contact: 'Warning', programme: '', provider: '', note: 'said: no | never\tagain' }
const other = { ...referral, journey_ref: 'R-2', crn: 'X000002', family_name: 'Ørsted', note: '' }
const three = [referral, warning, other]

const quoted = (cell: string, delimiter: string) =>
  /["\r\n]/.test(cell) || cell.includes(delimiter) ? `"${cell.replaceAll('"', '""')}"` : cell

const written = (
  records: readonly Required<Written>[],
  {
    delimiter = ',',
    order = columns,
    header = order as readonly string[],
    end = '\r\n',
    headerEnd = end,
    more = '',
  }: {
    delimiter?: string
    order?: readonly Column[]
    header?: readonly string[]
    end?: string
    headerEnd?: string
    more?: string
  } = {},
) =>
  header.join(delimiter) +
  headerEnd +
  records.map((record) => order.map((name) => quoted(record[name], delimiter)).join(delimiter) + more + end).join('')

const utf16be = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16()
const windows1252 = (text: string) => Buffer.from(text.replaceAll('’', '\x92'), 'latin1')

const readWell: [what: string, content: string | Buffer, told?: object][] = [
  ['commas, UTF-8, CRLF', written(three)],
  ['commas, LF', written(three, { end: '\n' })],
  ['old Mac line ends', written(three, { end: '\r' })],
  ['a header that ends CRLF and records LF', written(three, { headerEnd: '\r\n', end: '\n' })],
  ['a header that ends LF and records CRLF', written(three, { headerEnd: '\n', end: '\r\n' })],
  ['line ends doubled by a transfer', written(three, { end: '\r\r\n' })],
  ['a byte-order mark', `\ufeff${written(three)}`],
  ['semicolons', written(three, { delimiter: ';' })],
  ['tabs', written(three, { delimiter: '\t' })],
  ['pipes', written(three, { delimiter: '|' })],
  ['UTF-16 LE with its mark', Buffer.from(`\ufeff${written(three)}`, 'utf16le')],
  ['UTF-16 LE without its mark', Buffer.from(written(three), 'utf16le')],
  ['UTF-16 BE with its mark', utf16be(written(three))],
  ['UTF-16 LE with tabs, as "Unicode Text"', Buffer.from(`\ufeff${written(three, { delimiter: '\t' })}`, 'utf16le')],
  ['Windows-1252', windows1252(written(three))],
  ['Windows-1252 with semicolons', windows1252(written(three, { delimiter: ';' }))],
  ['a header in capitals', written(three, { header: columns.map((name) => name.toUpperCase()) })],
  ['a header with spaces', written(three, { header: columns.map((name) => ` ${name.replaceAll('_', ' ')} `) })],
  ['a header with hyphens', written(three, { header: columns.map((name) => name.replaceAll('_', '-')) })],
  ['a quoted header', written(three, { header: columns.map((name) => `"${name}"`) })],
  ['columns in another order', written(three, { order: [...columns].reverse() })],
  ['empty lines between records', written(three, { end: '\r\n\r\n' })],
  [
    'rows of nothing but delimiters at the end',
    `${written(three)}${','.repeat(16)}\r\n${','.repeat(16)}\r\n`,
    { blank: 2 },
  ],
  [
    'columns of the agency’s own',
    written(three, { header: [...columns, 'Office', 'Row ID'], more: ',"Leeds, North",7' }),
    { leftOut: ['Office', 'Row ID'] },
  ],
  ['no line end at the end', written(three).trimEnd()],
]

const refused: [what: string, content: string | Buffer, told: RegExp][] = [
  ['nothing', '', /is empty/],
  ['only a byte-order mark', '\ufeff', /is empty/],
  ['a workbook', Buffer.from([0x50, 0x4b, 0x03, 0x04, 20, 0]), /Excel workbook.*Save As, "CSV UTF-8/],
  ['an old workbook', Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1]), /old Excel workbook.*Save As/],
  ['a PDF', '%PDF-1.7 …', /is a PDF/],
  ['a compressed file', Buffer.from([0x1f, 0x8b, 8]), /Unpack it first/],
  ['a web page called .xls', '<html><table><tr><td>crn</td></tr></table>', /is a web page/],
  [
    'a table of something else',
    'name,price\napple,1\n',
    /It should name these columns, in any order.*journey_ref, crn/,
  ],
  ['records without a header', written([referral]).split('\r\n').slice(1).join('\r\n'), /should name these columns/],
  ['a header that lacks columns', 'journey_ref,crn,note\nR-1,X000001,x\n', /Missing: family_name, /],
  ['a column named twice', `${columns.join(',')},CRN\n`, /Named twice: crn/],
  [
    'two encodings in one file',
    Buffer.concat([Buffer.from(written([referral])), Buffer.from([0xe9, 0x0a])]),
    /more than one encoding/,
  ],
  ['bytes of no encoding we know', Buffer.from([...Buffer.from(written([])), 0x81, 0xe9]), /see line 2/],
]

describe('a file from an agency', () => {
  const plain = written(three)

  it.each(readWell)('with %s is read as the clean one is', async (_what, content, told = {}) => {
    const runtime = await temporaryWorkplace()
    const file = fileOf(content)
    const clean = await importFile(runtime, fileOf(plain))
    expect(clean.totals).toMatchObject({ rows: 3, accepted: 3 })
    // What is recognised as in already is the same to the last character.
    const { totals, blank, leftOut } = await importFile(runtime, file)
    expect({ ...totals, blank, leftOut }).toMatchObject({ rows: 3, duplicates: 3, blank: 0, leftOut: [], ...told })
  })

  it.each(refused)('that is %s stops before anything is in, with one sentence', async (_what, content, told) => {
    const runtime = await temporaryWorkplace()
    const failure = await importFile(runtime, fileOf(content)).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(NotAContactLog)
    expect((failure as Error).message).toMatch(told)
    expect((failure as Error).message).not.toContain('X000001')
    expect(await countEvents(runtime)).toBe(0)
  })

  it('that is a directory, or is not there, is said to be', async () => {
    const dir = temporaryDirectory()
    await expect(openContactLog(dir)).rejects.toThrow(/is a directory\. Give the path of a contact log in it/)
    await expect(openContactLog(join(dir, 'none.csv'))).rejects.toThrow(/There is no file/)
  })
})

describe('a stray quote', () => {
  const record = (ref: string, note: string, contact = 'Referral') =>
    `${columns.map((name) => (name === 'note' ? note : { ...referral, contact, journey_ref: ref, crn: `X00000${ref.at(-1)}` }[name])).join(',')}\n`
  const header = `${columns.join(',')}\n`

  it.each<[string, string, readonly string[]]>([
    ['never closed', '"I will not go', ['"I will not go', 'he said "no"', 'plain']],
    ['in the middle of a word', 'a 19" screen', ['a 19" screen', 'he said "no"', 'plain']],
    ['closed too early', '"I said "go" and left"', ['I said "go" and left', 'he said "no"', 'plain']],
    ['at the end', 'gone"', ['gone"', 'he said "no"', 'plain']],
    [
      'in two lines, the last of which lists much',
      '"one\ntwo, three, four, five"',
      ['one\ntwo, three, four, five', 'he said "no"', 'plain'],
    ],
    ['properly doubled', '"he ""said"" no"', ['he "said" no', 'he said "no"', 'plain']],
    ['around two lines', '"one\ntwo"', ['one\ntwo', 'he said "no"', 'plain']],
  ])('%s takes nobody along', async (_what, note, notes) => {
    const file = fileOf(header + record('R-1', note) + record('R-2', 'he said "no"') + record('R-3', 'plain'))
    const rows = await Array.fromAsync((await openContactLog(file)).rows())
    expect(rows.map(({ row }) => row.note)).toEqual(notes)
    expect(rows.map(({ row }) => row.crn)).toEqual(['X000001', 'X000002', 'X000003'])
  })

  it('in another column takes nobody along either, even where the next has one in the same', async () => {
    const spoil = (ref: string, cell: string) => record(ref, 'plain').replace('North', cell)
    const file = fileOf(header + spoil('R-1', '"North') + spoil('R-2', 'North"') + record('R-3', 'plain'))
    const rows = await Array.fromAsync((await openContactLog(file)).rows())
    expect(rows.map(({ row }) => [row.crn, row.provider])).toEqual([
      ['X000001', '"North'],
      ['X000002', 'North"'],
      ['X000003', 'North'],
    ])
  })

  it('in the first column takes nobody along', async () => {
    const file = fileOf(
      header + record('R-1', 'plain').replace('R-1', '"R-1') + record('R-2', 'plain').replace('R-2', 'R-2"'),
    )
    const rows = await Array.fromAsync((await openContactLog(file)).rows())
    expect(rows.map(({ row }) => [row.journey_ref, row.crn])).toEqual([
      ['"R-1', 'X000001'],
      ['R-2"', 'X000002'],
    ])
  })

  it('is judged with its own record: three are judged where three were written', async () => {
    const runtime = await temporaryWorkplace()
    const file = fileOf(
      header + record('R-1', '"I will not go') + record('R-2', 'he said "no"') + record('R-3', 'plain'),
    )
    const { totals } = await importFile(runtime, file)
    expect(totals).toMatchObject({ rows: 3, accepted: 3, rejected: 0, participants: 3 })
  })
})

describe('a rejects file', () => {
  it('is in the file’s own columns, says what to mend, and can be mended in a spreadsheet and imported', async () => {
    const runtime = await temporaryWorkplace()
    const header = columns.map((name) => name.replaceAll('_', ' '))
    const wrong = { ...warning, occurred_on: '31/02/2024', note: '=SUM(A1)' }
    const lost = { ...warning, journey_ref: 'R-9', note: '- not there' }
    const file = fileOf(
      written([referral, wrong, lost], { delimiter: ';', header: [...header, 'Office'], more: ';@home' }),
    )
    const first = await importFile(runtime, file)
    expect(first.totals).toMatchObject({ rows: 3, accepted: 1, rejected: 2 })

    const text = readFileSync(first.rejects, 'utf8')
    const [names, ...rejects] = parse(text, { bom: true, delimiter: ';' }) as string[][]
    expect(names).toEqual([...addedColumns, ...header, 'Office'])
    expect(rejects.map((reject) => reject.slice(0, 4))).toEqual([
      ['3', 'bad_date', 'occurred on', 'a real date, dd/mm/yyyy'],
      ['4', 'no_referral', 'journey ref', 'the reference of a journey that was referred'],
    ])
    // No cell is a formula to a spreadsheet.
    expect(rejects.flat().filter((cell) => /^[=+\-@\t\r]/.test(cell))).toEqual([])

    // A person mends both in a spreadsheet, which writes commas and no mark, and imports the file as it is.
    const at = (name: string) => names!.indexOf(name)
    rejects[0]![at('occurred on')] = '28/02/2024'
    rejects[0]![at('recorded at')] = '04/03/2024 10:00'
    rejects[1]![at('journey ref')] = 'R-1'
    const mended = [names!, ...rejects].map((cells) => cells.map((cell) => quoted(cell, ',')).join(',')).join('\r\n')
    const second = await importFile(runtime, fileOf(mended))
    expect(second.totals).toMatchObject({ rows: 2, accepted: 2, rejected: 0 })
    expect(second.leftOut).toEqual(['Office'])
    // What was written harmless was read as it was: the record is known again.
    const whole = fileOf(written([{ ...lost, journey_ref: 'R-1' }]))
    expect((await importFile(runtime, whole)).totals).toMatchObject({ rows: 1, duplicates: 1 })
  })
})

let files = 0

function fileOf(content: string | Buffer): string {
  const dir = temporaryDirectory()
  mkdirSync(dir, { recursive: true })
  const file = join(dir, `agency-${++files}.csv`)
  writeFileSync(file, content)
  return file
}
