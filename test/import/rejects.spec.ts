import { parse } from 'csv-parse/sync'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { columns } from '../../src/exchange/contact-log.ts'
import { exitStatusOf, importFile, ImportStopped } from '../../src/exchange/import-file.ts'
import { explanationOf } from '../../src/exchange/rejects.ts'
import { csvLine } from '../../src/exchange/reading/csv.ts'
import { countEvents, reported, temporaryDirectory, temporaryWorkplace } from '../support/runtime.ts'

const referral: Record<string, string> = {
  journey_ref: 'R-1',
  crn: 'X000001',
  family_name: 'Example',
  given_names: 'Sam',
  date_of_birth: '01/02/1980',
  recorded_at: '01/05/2023 10:00',
  occurred_on: '01/05/2023',
  contact: 'Referral',
  programme: 'bbr',
  provider: 'North',
  recorded_by: 'F001',
}
const allocation = { ...referral, contact: 'Allocated to group', group: 'G1' }
const session = { ...allocation, contact: 'Session', session: 'PG1', outcome: 'ATTC' }

/** The agency's own columns: in its own order and words, with one that a contact log does not have. */
const own = ['Office', ...columns.toReversed().map((column) => column.toUpperCase().replaceAll('_', ' '))]
const csvOf = (rows: readonly Record<string, string>[], delimiter = ';') =>
  [own, ...rows.map((row) => ['Leeds', ...columns.toReversed().map((column) => row[column] ?? '')])]
    .map((cells) => csvLine(cells, delimiter))
    .join('')

interface Reject extends Record<string, string> {
  line: string
  reason: string
  column: string
  expected: string
}
const rejectsIn = (path: string): Reject[] => parse(readFileSync(path), { columns: true, bom: true, delimiter: ';' })

function written(text: string | Buffer): { file: string; rejects: string } {
  const dir = temporaryDirectory()
  const file = join(dir, 'log.csv')
  writeFileSync(file, text)
  return { file, rejects: join(dir, 'rejects.csv') }
}

describe('the rejects of a contact log', () => {
  const log = [
    referral,
    { ...allocation, occurred_on: '31/02/2023' },
    allocation,
    { ...session, outcome: 'attended', note: '=HYPERLINK("x")\n"two" lines' },
    { ...session, session: 'PG9', note: "'-" },
    { ...session, crn: 'x1' },
  ]

  it('are in the file’s own columns, as given, with line, reason, column and expected added; mended, they are imported as they are', async () => {
    const runtime = await temporaryWorkplace()
    const { file, rejects } = written(csvOf(log))
    const first = await importFile(runtime, file, { rejects })
    expect(first.totals).toMatchObject({ rows: 6, accepted: 2, rejected: 4 })
    expect(first.remarks).toContain('Columns that a contact log does not have were left out: "Office".')
    expect(statSync(rejects).mode & 0o777).toBe(0o600)

    const rows = rejectsIn(rejects)
    expect(Object.keys(rows[0]!)).toEqual([...own, 'line', 'reason', 'column', 'expected'])
    expect(rows.map(({ line, reason, column }) => [line, reason, column])).toEqual([
      ['3', 'bad_date', 'occurred_on'],
      ['5', 'unknown_outcome', 'outcome'],
      ['6', 'unknown_session', 'session'],
      ['7', 'bad_crn', 'crn'],
    ])
    expect(rows.map(({ expected }) => expected)).toEqual([
      expect.stringMatching(/dd\/mm\/yyyy/),
      expect.stringMatching(/ATTC/),
      expect.stringMatching(/PG1/),
      expect.stringMatching(/capital letter and six digits/),
    ])
    expect(rows[0]!.Office).toBe('Leeds')
    expect(rows[1]!.NOTE).toBe('\'=HYPERLINK("x")\n"two" lines')

    // What somebody does in a spreadsheet: the cells that are named are put right, everything else stays.
    const mended = rows.map((row, at) => ({
      ...row,
      ...[
        { 'OCCURRED ON': '01/05/2023', NOTE: 'mended' },
        { OUTCOME: 'ATTC' },
        { SESSION: 'PG2' },
        { CRN: 'X000001', SESSION: 'PG3' },
      ][at],
    }))
    writeFileSync(
      file,
      [Object.keys(mended[0]!), ...mended.map((row) => Object.values(row))]
        .map((cells) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(','))
        .join('\r\n'),
    )
    const second = await importFile(runtime, file, { rejects })
    expect(second.totals).toMatchObject({ rows: 4, accepted: 4, rejected: 0 })
    expect(second.remarks.join()).not.toMatch(/reason|expected/)
    expect((await reported(runtime, 'log'))['R-1']).toMatchObject({ attended: 3 })
  })

  it('of a mended file that has rejects again do not have the added columns twice', async () => {
    const runtime = await temporaryWorkplace()
    const { file, rejects } = written(csvOf([session]))
    await importFile(runtime, file, { rejects })
    const again = join(temporaryDirectory(), 'again.csv')
    const { totals } = await importFile(runtime, rejects, { rejects: again })
    expect(totals).toMatchObject({ rows: 1, rejected: 1 })
    expect(readFileSync(again, 'utf8')).toBe(readFileSync(rejects, 'utf8'))
  })

  it('keep what is beyond the columns after everything else', async () => {
    const runtime = await temporaryWorkplace()
    const { file, rejects } = written(csvOf([referral]).replace(/\r\n$/, ';spilt;cells\r\n'))
    const { totals } = await importFile(runtime, file, { rejects })
    expect(totals.rejected_by_reason).toEqual({ too_many_columns: 1 })
    expect(readFileSync(rejects, 'utf8')).toMatch(/;2;too_many_columns;;"?[^;]+"?;spilt;cells\r\n$/)
  })

  it.each([
    [{ recorded_at: '1/5/2023 10:00' }, 'recorded_at'],
    [{ recorded_at: '01/05/2023 24:00' }, 'recorded_at'],
    [{ occurred_on: '2023-05-01' }, 'occurred_on'],
    [{ date_of_birth: '30/02/1980' }, 'date_of_birth'],
  ])('name the column of a date that is none: %o', (wrong, column) => {
    const row = { ...Object.fromEntries(columns.map((name) => [name, ''])), ...referral, ...wrong } as never
    expect(explanationOf(row, 'bad_date').column).toBe(column)
  })
})

describe('a reference with a tab, a line end or an escape in it', () => {
  it.each(['R\t1', 'R\n1', 'R\x1b[2J1', 'R\u20281'])('%j is refused', async (journey_ref) => {
    const runtime = await temporaryWorkplace()
    const { file, rejects } = written(csvOf([{ ...referral, journey_ref }]))
    const { totals } = await importFile(runtime, file, { rejects })
    expect(totals.rejected_by_reason).toEqual({ bad_reference: 1 })
    expect(await countEvents(runtime)).toBe(0)
  })
})

describe('an import that stops', () => {
  it('has judged what came before, and says so with the line and the totals; another run goes on', async () => {
    const runtime = await temporaryWorkplace()
    const broken = `${csvOf([referral, { ...session, crn: 'x' }])}${csvOf([{ ...allocation, note: 'never' }])
      .split('\r\n')[1]!
      .replace('never', '"never')}\r\n${csvOf([session]).split('\r\n')[1]}\r\n`
    const { file, rejects } = written(broken)
    const failure = await importFile(runtime, file, { rejects }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ImportStopped)
    expect(failure).toMatchObject({ line: 4, rejects, totals: { rows: 2, accepted: 1, rejected: 1, journeys: 1 } })
    expect((failure as Error).message).toMatch(/^Record 4 \(line 4 of the text\)/)
    expect(rejectsIn(rejects).map(({ line }) => line)).toEqual(['3'])
    writeFileSync(file, broken.replace('"never', 'never'))
    expect((await importFile(runtime, file, { rejects })).totals).toMatchObject({
      accepted: 2,
      duplicates: 1,
      rejected: 1,
    })
  })

  it.each([
    [{ rows: 0, rejected: 0 }, 0],
    [{ rows: 3, rejected: 0 }, 0],
    [{ rows: 3, rejected: 2 }, 0],
    [{ rows: 3, rejected: 3 }, 2],
  ])('or does not: of %o the exit status is %i', (totals, status) => expect(exitStatusOf(totals as never)).toBe(status))
})
