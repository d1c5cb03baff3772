/** Random files held to an independent reader (csv-parse), and random stray quotes that may take nobody along. */
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { columns, type Column } from '../../src/exchange/contact-log.ts'
import { openContactLog } from '../../src/exchange/contact-log-file.ts'
import { asItWas, csvRecords, harmless } from '../../src/exchange/csv-records.ts'
import { temporaryDirectory } from '../support/runtime.ts'

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
const runs = Number(process.env.FUZZ_RUNS ?? 300)
/** In milliseconds; long runs have as much more as they try. */
const timeout = 60_000 + 200 * runs

const cell = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 12 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 8 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '',
      '"',
      '""',
      ',',
      ';',
      '\t',
      '\n',
      '\r\n',
      'a\nb',
      '19" screen',
      "'=1",
      '=1',
      '-',
      '  x ',
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
)
const isText = (text: string) => text.isWellFormed()
const delimiter = fc.constantFrom(',', ';', '\t', '|')
const lineEnd = fc.constantFrom('\n', '\r\n', '\r\r\n')

const quotedAsNeeded = (text: string, delimiter: string, always: boolean) =>
  always || text.includes(delimiter) || /["\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text

async function* inPieces(text: string, size: number) {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size)
}

describe(`random files (seed ${seed}: SEED=${seed} makes them again)`, () => {
  it('that are well formed are read as another reader reads them, however they arrive', { timeout }, () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(cell.filter(isText), { minLength: 3, maxLength: 3 }), { maxLength: 12 }),
        delimiter,
        fc.array(lineEnd, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 40 }),
        async (records, delimiter, ends, always, size) => {
          const text = records
            .map(
              (fields, n) =>
                fields.map((field) => quotedAsNeeded(field, delimiter, always)).join(delimiter) + ends[n % ends.length],
            )
            .join('')
          const read = await Array.fromAsync(csvRecords(inPieces(text, size), { delimiter, fields: 3 }))
          // The other reader knows one line end.
          const plain = text.replace(/\r*\n|\r+/g, '\n')
          const others = parse(plain, { delimiter, skip_empty_lines: true, record_delimiter: '\n' }) as string[][]
          expect(read).toEqual(others)
        },
      ),
      { seed, numRuns: runs },
    ),
  )

  it('with stray quotes anywhere lose nobody: each record is a row of its own', { timeout }, () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            column: fc.constantFrom(...columns.filter((name) => name !== 'crn')),
            at: fc.nat(6),
            note: cell.filter(isText),
          }),
          { minLength: 2, maxLength: 8 },
        ),
        delimiter,
        async (strays, delimiter) => {
          const text =
            `${columns.join(delimiter)}\n` + strays.map((stray, n) => recordWith(stray, n, delimiter)).join('\n')
          const file = join(temporaryDirectory(), 'log.csv')
          writeFileSync(file, text)
          const rows = await Array.fromAsync((await openContactLog(file)).rows())
          expect(rows.map(({ row, given }) => row.crn || given.find((field) => /^X\d{6}$/.test(field)))).toEqual(
            strays.map((_, n) => crnOf(n)),
          )
        },
      ),
      { seed, numRuns: runs },
    ),
  )

  it('whose cells look like formulas are written harmless and read back as they were', { timeout }, () =>
    fc.assert(
      fc.property(fc.oneof(cell, fc.stringMatching(/^'{0,3}[=+\-@\t\r]?.{0,5}$/)), (text) => {
        expect(harmless(text)).not.toMatch(/^[=+\-@\t\r]/)
        expect(asItWas(harmless(text))).toBe(text)
      }),
      { seed, numRuns: runs * 10 },
    ),
  )
})

const crnOf = (n: number) => `X${String(n).padStart(6, '0')}`

/** A record with one stray quote in one of its fields, on one line. */
function recordWith(stray: { column: Column; at: number; note: string }, n: number, delimiter: string): string {
  const row: Record<Column, string> = {
    journey_ref: `R-${n}`,
    crn: crnOf(n),
    family_name: 'Example',
    given_names: 'Sam',
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
    note: stray.note
      .replace(/[\r\n]/g, ' ')
      .replaceAll(delimiter, ' ')
      .replaceAll('"', ''),
  }
  const text = row[stray.column]
  row[stray.column] = `${text.slice(0, stray.at)}"${text.slice(stray.at)}`
  return columns.map((name) => row[name]).join(delimiter)
}
