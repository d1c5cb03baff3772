import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { contactLogColumns, csvOf, type ContactRecord } from '../../src/simulator/contact-log.ts'
import { referenceImport, referenceImportFile } from '../support/reference-import.ts'

const fixture = (name: string) => new URL(`../fixtures/contact-logs/${name}`, import.meta.url).pathname

describe('the reference import', () => {
  const result = referenceImportFile(fixture('nasty.csv'))

  it('makes of the nasty log what was worked out by hand', () =>
    expect(result).toEqual(JSON.parse(readFileSync(fixture('nasty.expected.json'), 'utf8'))))

  it('refuses what the notes of the nasty log say it should, and nothing else', () => {
    const announced = readFileSync(fixture('nasty.csv'), 'utf8').match(/(?<=expected: )\w+/g) ?? []
    const bareReference = 'bad_crn' // a record cut off after its first column has no room for a note
    expect(result.rejects.map(({ reason }) => reason)).toEqual([...announced, bareReference])
  })

  it('believes the latest record of each session and counts every correction', () =>
    expect(result.per_journey['N-1']).toMatchObject({
      attended: 2,
      unacceptable_absences: 1,
      corrections: 3,
      facilitators_met: 5,
    }))

  // Importing a file again must add nothing, so an importer has to remember what it refused; the rules alone do not say so.
  it('told the same log twice, accepts nothing twice; but what came too early the first time is in time the second', () => {
    const log = readFileSync(fixture('nasty.csv'), 'utf8')
    const twice = referenceImport(log + log.slice(log.indexOf('\r\n') + 2))
    const warningBeforeReferral = 1
    const correctionsThatNowContradict = 2
    expect(twice.accepted - result.accepted).toBe(warningBeforeReferral + correctionsThatNowContradict)
    expect(twice.duplicates).toBe(result.duplicates + result.accepted + result.duplicates)
  })

  it('skips blank lines and rows of nothing, pads short rows, and takes any line ending', () => {
    const rows = ['R-1,A000001,,,01/01/1990,01/03/2024 09:00,01/03/2024,Referral,bbr', '', '""', ',', 'R-1', 'R-2']
    const log = (newline: string) => [contactLogColumns.join(), '', ...rows].join(newline)
    for (const newline of ['\n', '\r\n', '\r', '\r\r\n']) {
      expect(referenceImport(log(newline))).toMatchObject({
        rows: 3,
        accepted: 1,
        rejects: [5, 6].map((line) => ({ line, reason: 'bad_crn' })),
      })
    }
  })

  it('reads back every value that can be written', () => {
    const awkward = ['', '"', '""', 'a\nb', 'a\r\nb', ',', ' x ', '🙂', 'e\u0301'].map((note) => ({
      ...referral,
      note,
    }))
    expect(referenceImport(csvOf(awkward))).toMatchObject({ accepted: 1, rejected_by_reason: { already_referred: 8 } })
  })

  it('does not take another file for a contact log', () =>
    expect(() => referenceImport('a,b\r\n1,2\r\n')).toThrow('Not a contact log'))
})

const referral: ContactRecord = {
  journey_ref: 'R-1',
  crn: 'A000001',
  family_name: 'Smith',
  given_names: 'Lee',
  date_of_birth: '01/01/1990',
  recorded_at: '01/03/2024 09:00',
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
  note: '',
}
