/**
 * Every personal value of each of many people is a marker of his own. Before anybody is erased no marker lies in plain text in any
 * file; afterwards neither markers nor keys nor tokens of whoever was erased are anywhere, also not after an older copy of the
 * keys was put back; and the others are whole. Forty people; as many as `ERASURE_PEOPLE` says where it is set.
 */
import Database from 'better-sqlite3'
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { withCaseload } from '../../projections/caseload.ts'
import { columns, type ContactRow } from '../../src/exchange/contact-log.ts'
import { createApp } from '../../src/main.ts'
import { indexedNameWords } from '../../src/protection/name-words.ts'
import { Journeys } from '../../src/queries/journeys.ts'
import { Rights } from '../../src/queries/rights.ts'
import { RUNTIME, waitUntilCaughtUp, type Runtime } from '../../src/runtime/runtime.ts'
import { csvOf } from '../../src/simulator/contact-log.ts'
import { withholding } from '../support/reached.ts'
import { importText, settingsIn } from '../support/runtime.ts'
import { personOfRole } from '../support/signed-in.ts'

const people = Number(process.env.ERASURE_PEOPLE ?? 40)
/** One in ten, in several places among the others. */
const isErased = (n: number) => n % 10 === 3

/** Twelve letters that stand in every text about the nth person and nowhere else. */
const markerOf = (n: number) =>
  [...createHash('sha256').update(`marked ${n}`).digest().subarray(0, 12)].map((byte) => String.fromCharCode(97 + (byte % 26))).join('') // prettier-ignore
const crnOf = (n: number) => `${'KLMNP'[n % 5]}${String(100_003 + ((n * 7_919) % 900_000))}`
const bornOn = (n: number) => `${String((n % 27) + 1).padStart(2, '0')}/${String((n % 11) + 1).padStart(2, '0')}/1981`

const rowsAbout = (n: number): ContactRow[] => {
  const marker = markerOf(n)
  const row: ContactRow = {
    ...(Object.fromEntries(columns.map((column) => [column, ''])) as unknown as ContactRow),
    journey_ref: `${marker}reference`,
    crn: crnOf(n),
    family_name: `${marker}family`,
    given_names: `${marker}given`,
    date_of_birth: bornOn(n),
    recorded_at: '01/05/2023 10:00',
    occurred_on: '01/05/2023',
    contact: 'Referral',
    programme: 'bbr',
    provider: 'North',
    recorded_by: 'F001',
    note: `${marker} note`,
  }
  const later = { recorded_at: '02/05/2023 10:00', occurred_on: '02/05/2023' }
  return [
    row,
    { ...row, ...later, contact: 'Warning' },
    { ...row, ...later, contact: 'Dropped out', outcome: 'health' },
  ]
}

async function started(dir: string): Promise<Runtime & { stop(): Promise<void> }> {
  const app = await createApp(settingsIn(dir))
  const stop = () => app.close()
  onTestFinished(stop)
  await app.init()
  const runtime = app.get<Runtime>(RUNTIME)
  await waitUntilCaughtUp(runtime)
  return { ...runtime, stop }
}

/** The files under a directory that hold any of these, with what they hold. */
function found(dir: string, sought: ReadonlyMap<string, readonly Buffer[]>): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap((entry) => {
      const bytes = readFileSync(join(entry.parentPath, entry.name))
      return [...sought].flatMap(([what, forms]) =>
        forms.some((form) => bytes.includes(form)) ? [`${what} in ${entry.name}`] : [],
      )
    })
}

/** A text as it could lie in a file: as it is, as UTF-16, and inside base64 at each of the three offsets. */
const formsOf = (text: string): readonly Buffer[] => [
  Buffer.from(text),
  Buffer.from(text.toUpperCase()),
  Buffer.from(text, 'utf16le'),
  ...[0, 1, 2].map((offset) => {
    const coded = Buffer.from('x'.repeat(offset) + text).toString('base64')
    return Buffer.from(coded.slice(offset === 0 ? 0 : 4, -4))
  }),
]

it(`of ${people} people one in ten is erased, everywhere and for good, and the others are whole`, async () => {
  const place = mkdtempSync(join(tmpdir(), 'throughline-markers-'))
  onTestFinished(() => rmSync(place, { recursive: true, force: true }))
  const [dir, backup] = [join(place, 'data'), join(place, 'backup')]
  const all = Array.from({ length: people }, (_, n) => n)
  const erased = all.filter(isErased)
  const plain = new Map(all.flatMap((n) => [[`text of ${n}`, formsOf(markerOf(n))], [`CRN of ${n}`, formsOf(crnOf(n))]])) // prettier-ignore

  const first = await started(dir)
  const { totals } = await importText(first, csvOf(all.flatMap(rowsAbout)))
  expect(totals).toMatchObject({ accepted: 3 * people, rejected: 0 })
  await waitUntilCaughtUp(first)
  expect(found(dir, plain), 'in plain text').toEqual([])
  const idOf = new Map(all.map((n) => [n, first.vault.find('crn', crnOf(n))!]))
  const tokens = new Map(
    all.map((n) => [
      n,
      [
        ...indexedNameWords(`${markerOf(n)}family ${markerOf(n)}given`).map((word) => first.vault.token('name', word)),
        first.vault.token('crn', crnOf(n)),
        first.vault.token('reference', `${markerOf(n)}reference`),
      ],
    ]),
  )
  await first.stop()
  cpSync(join(dir, 'keys'), backup, { recursive: true })

  // The search does find what is there.
  const wrapped = wrappedKeysIn(join(dir, 'keys'))
  const keysAndTokens = new Map(all.map((n) => [`of ${n}`, [wrapped.get(idOf.get(n)!)!, ...tokens.get(n)!]]))
  expect(new Set(found(dir, keysAndTokens).map((where) => where.replace(/ in .*/, ''))).size).toBe(people)

  const second = await started(dir)
  const { commands, store, readModels } = second
  const rights = new Rights(store, readModels, second.vault, withholding())
  // Somebody has looked at everybody: what is kept in memory must go as well.
  const journeys = new Journeys(store, readModels, second.vault, withholding())
  for (const n of erased) expect((await journeys.caseload({ find: `${markerOf(n)}family` })).rows).toHaveLength(1)
  for (const n of erased) {
    const id = idOf.get(n)!
    const of = (await rights.journeysOf(id))!
    const by = personOfRole('data_protection_officer')
    const issued = () => ({ source: 'ui' as const, commandId: crypto.randomUUID() })
    await commands.erasures.request(id, { reason: 'retention_ended', journeys: of }, { by, ...issued() })
    await commands.erasures.authorise(id, of, { by: { ...by, id: 'another' }, ...issued() })
  }
  await waitUntilCaughtUp(second)
  for (const n of erased) expect((await journeys.caseload({ find: `${markerOf(n)}family` })).rows).toEqual([])
  await vi.waitFor(async () => expect(await participantsWithTokens(second)).toBe(people - erased.length))
  await second.stop()
  const ofErased = new Map(erased.map((n) => [`of ${n}`, keysAndTokens.get(`of ${n}`)!]))
  expect(found(dir, ofErased), 'after the erasure').toEqual([])
  expect(found(dir, plain), 'in plain text').toEqual([])

  cpSync(backup, join(dir, 'keys'), { recursive: true })
  expect(found(dir, ofErased), 'the older copy of the keys').toHaveLength(erased.length)
  const third = await started(dir)
  const reader = new Journeys(third.store, third.readModels, third.vault, withholding())
  const rows = await withCaseload(third.readModels.db).selectFrom('caseload').select('journey_id').execute()
  const shown = await reader.rowsOf(rows.map(({ journey_id: id }) => id))
  expect([...shown.values()].map(({ name, crn, reference }) => `${name} ${crn} ${reference}`).toSorted()).toEqual(
    all
      .map((n) =>
        isErased(n) ? '(erased)  ' : `${markerOf(n)}family, ${markerOf(n)}given ${crnOf(n)} ${markerOf(n)}reference`,
      )
      .toSorted(),
  )
  for (const [id] of shown)
    for (const entry of await reader.timeline((await reader.header(id))!))
      expect(entry.note !== null).toBe(shown.get(id)!.name !== '(erased)')
  await third.stop()
  expect(found(dir, ofErased), 'after the older copy was put back').toEqual([])
  expect(found(dir, plain), 'in plain text').toEqual([])
})

function wrappedKeysIn(keysDir: string): ReadonlyMap<string, Buffer> {
  const db = new Database(join(keysDir, 'keys.sqlite'), { readonly: true })
  const rows = db.prepare<[], { id: string; wrapped: Buffer }>('SELECT id, wrapped FROM data_key').all()
  db.close()
  return new Map(rows.map(({ id, wrapped }) => [id, wrapped]))
}

const participantsWithTokens = ({ readModels }: Runtime): Promise<number> =>
  readModels.snapshot(async ({ all }) => {
    const [row] = await all<{ n: number }>('SELECT count(DISTINCT participant_id) AS n FROM participant_token')
    return row!.n
  })
