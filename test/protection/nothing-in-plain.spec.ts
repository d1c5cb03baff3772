import { readdirSync, readFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { projectRoot } from '../../src/runtime/config.ts'
import { importText, openIn, temporaryDirectory } from '../support/runtime.ts'

/** Planted where a person would be named or described; none may be found again in any form a search would find. */
const markers = {
  crn: 'Z987123',
  familyName: 'Quxworthy',
  givenNames: 'Zebediah',
  dateOfBirth: '1971-11-23',
  note: 'MARKERNOTE he said something private',
  result: 'MARKERRESULT sara very high',
  facilitator: 'Jane Facilitatorname',
  reference: 'REF-MARKER-77',
}

const header =
  'journey_ref,crn,family_name,given_names,date_of_birth,recorded_at,occurred_on,contact,programme,group,session,outcome,planned_facilitators,actual_facilitators,provider,recorded_by,note'

const contact = (kind: string, rest: string) =>
  `${markers.reference},${markers.crn},${markers.familyName},${markers.givenNames},23/11/1971,01/05/2023 10:00,01/05/2023,${kind},${rest}`

const csv = [
  header,
  contact('Referral', `bbr,,,,,,North,F001,${markers.note}`),
  contact('Eligibility assessed', `,,,${markers.result},,,,${markers.facilitator},`),
  contact('Allocated to group', `,G001,,,,,,F001,`),
  contact('Session', `bbr,G001,PG1,ATTC,F001;${markers.facilitator},${markers.facilitator},,F001,${markers.note}`),
  contact('Session', `bbr,G001,PG1,ATTC,,,,F001,refused ${markers.note}`),
  contact('Session correction', `,,PG1,UAAB,,,,F001,${markers.note}`),
  contact('Dropped out', `,,,health,,,,F001,${markers.note}`),
].join('\n')

function* filesUnder(dir: string): Generator<string> {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) yield* filesUnder(path)
    else yield path
  }
}

/** In every encoding in which it could lie in a file: as text, as UTF-16, and inside base64 at each of the three offsets. */
function formsOf(text: string): Buffer[] {
  const insideBase64 = [0, 1, 2].map((offset) =>
    Buffer.from('x'.repeat(offset) + text)
      .toString('base64')
      .slice(offset === 0 ? 0 : 4, -4)
      .replace(/=+$/, ''),
  )
  return [
    Buffer.from(text),
    Buffer.from(text.toUpperCase()),
    Buffer.from(text.toLowerCase()),
    Buffer.from(text, 'utf16le'),
    ...insideBase64.map((part) => Buffer.from(part)),
  ]
}

function findMarkers(dir: string): string[] {
  const found: string[] = []
  for (const file of filesUnder(dir)) {
    const bytes = readFileSync(file)
    for (const [name, marker] of Object.entries(markers)) {
      if (formsOf(marker).some((form) => bytes.includes(form))) found.push(`${name} in ${file.slice(dir.length)}`)
    }
  }
  return found
}

it('no name, CRN, date of birth, note or reference lies in plain text in any file under the data directory', async () => {
  const dir = temporaryDirectory()
  const runtime = await openIn(dir)
  const { totals } = await importText(runtime, csv)
  expect(totals).toMatchObject({ accepted: 6, rejected: 1 })
  expect(findMarkers(dir)).toEqual([]) // while everything is open, journals and all
  await runtime.close()
  expect(findMarkers(dir)).toEqual([])
  expect([...filesUnder(dir)].length).toBeGreaterThan(3)
})

it('the search for markers finds one where there is one', async () => {
  const dir = temporaryDirectory()
  const { writeFileSync } = await import('node:fs')
  writeFileSync(join(dir, 'plain'), `x${markers.familyName}x`)
  writeFileSync(join(dir, 'base64'), Buffer.from(`yy${markers.note}yyyy`).toString('base64'))
  expect(findMarkers(dir)).toEqual(['note in /base64', 'familyName in /plain'])
})

it('the commands at the terminal name nobody either', async () => {
  const dir = temporaryDirectory()
  const { writeFileSync } = await import('node:fs')
  writeFileSync(join(dir, 'log.csv'), csv)
  const run = (file: string, ...words: string[]) =>
    execFileSync(process.execPath, [join(projectRoot, `dist/bundle/src/cli/${file}.js`), ...words], {
      env: { ...process.env, DATA_DIR: join(dir, 'data'), LOG_LEVEL: 'debug' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  const said = run('import', join(dir, 'log.csv'), '--rejects', join(dir, 'rejects.csv'))
  for (const marker of Object.values(markers)) expect(said).not.toContain(marker)
})
