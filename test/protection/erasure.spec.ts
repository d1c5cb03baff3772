/** Erasure, end to end: authorised by two people, carried out at once or at the next start, and kept whatever is put back or rebuilt. */
import Database from 'better-sqlite3'
import { createHash } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Actor } from '../../src/domain/history.ts'
import { columns, type ContactRow } from '../../src/exchange/contact-log.ts'
import { KeyMissing, Vault } from '../../src/protection/vault.ts'
import { Journeys } from '../../src/queries/journeys.ts'
import { Rights } from '../../src/queries/rights.ts'
import { waitUntilCaughtUp, type Runtime } from '../../src/runtime/runtime.ts'
import { csvOf } from '../../src/simulator/contact-log.ts'
import { withholding } from '../support/reached.ts'
import { personOfRole } from '../support/signed-in.ts'
import { importText, openIn, temporaryDirectory } from '../support/runtime.ts'

const asking = personOfRole('data_protection_officer')
const deciding: Actor = { ...asking, id: 'another-officer' }
const issued = (by: Actor) => ({ by, source: 'ui' as const, commandId: crypto.randomUUID() })

/** Ten letters that stand in every personal value of the nth person and nowhere else, and are not found by a typing mistake. */
const markerOf = (n: number) =>
  [...createHash('sha256').update(`person ${n}`).digest().subarray(0, 10)].map((byte) => 'bcdfghjklmnpqrstvwxz'[byte % 20]).join('') // prettier-ignore
const crnOf = (n: number) => `Q${String(100_000 + ((n * 7_919) % 900_000))}`
const referenceOf = (n: number) => `${markerOf(n)}-reference`

const contactLog = (people: number): string =>
  csvOf(
    Array.from({ length: people }, (_, n): ContactRow[] => {
      const row = {
        ...(Object.fromEntries(columns.map((column) => [column, ''])) as unknown as ContactRow),
        journey_ref: referenceOf(n),
        crn: crnOf(n),
        family_name: `${markerOf(n)}family`,
        given_names: `${markerOf(n)}given`,
        date_of_birth: '01/02/1980',
        recorded_at: '01/05/2023 10:00',
        occurred_on: '01/05/2023',
        contact: 'Referral',
        programme: 'bbr',
        provider: 'North',
        recorded_by: 'F001',
        note: `${markerOf(n)}note`,
      }
      return [row, { ...row, contact: 'Warning', occurred_on: '02/05/2023', recorded_at: '02/05/2023 10:00' }]
    }).flat(),
  )

/** A data directory with so many people in it, read models and all. */
async function directoryWith(people: number): Promise<string> {
  const dir = temporaryDirectory()
  const runtime = await opened(dir)
  await importText(runtime, contactLog(people))
  await waitUntilCaughtUp(runtime)
  await runtime.close()
  return dir
}

async function opened(dir: string): Promise<Runtime> {
  const runtime = await openIn(dir)
  onTestFinished(() => runtime.close())
  runtime.runner?.start()
  return runtime
}

async function erase({ commands, vault, store, readModels }: Runtime, n: number): Promise<string> {
  const participantId = vault.find('crn', crnOf(n))!
  const journeys = (await new Rights(store, readModels, vault, withholding()).journeysOf(participantId))!
  expect(journeys).toHaveLength(1)
  await commands.erasures.request(participantId, { reason: 'retention_ended', journeys }, issued(asking))
  await commands.erasures.authorise(participantId, journeys, issued(deciding))
  return participantId
}

const typesOf = async ({ store }: Runtime, participantId: string) =>
  (await Array.fromAsync(store.read(`participant-${participantId}`))).map(({ type }) => type)

const find = async ({ store, readModels, vault }: Runtime, find: string) =>
  (await new Journeys(store, readModels, vault, withholding()).caseload({ find })).rows.map(({ name }) => name)

const tokensIn = async ({ readModels }: Runtime) =>
  readModels.snapshot(({ all }) =>
    all<{ participant_id: string }>('SELECT participant_id FROM participant_token ORDER BY participant_id'),
  )

describe('an erasure that was authorised', () => {
  it('destroys the key, is on record, and leaves nothing to find or to read', async () => {
    const runtime = await opened(await directoryWith(3))
    const { vault, store, readModels } = runtime
    const journeyId = vault.find('reference', referenceOf(1))!
    expect(await find(runtime, markerOf(1))).toEqual([`${markerOf(1)}family, ${markerOf(1)}given`])

    const erased = await erase(runtime, 1)
    expect(await typesOf(runtime, erased)).toEqual([
      'ParticipantRegistered',
      'ErasureRequested',
      'ErasureAuthorised',
      'KeyDestroyed',
    ])
    expect(vault.hasKey(erased)).toBe(false)
    expect(() => vault.seal(erased, 'anything', 'text')).toThrow(KeyMissing)
    expect(vault.find('crn', crnOf(1))).toBeUndefined()
    expect(vault.find('reference', referenceOf(1))).toBeUndefined()

    await waitUntilCaughtUp(runtime)
    expect(await find(runtime, markerOf(1))).toEqual([])
    expect(await find(runtime, crnOf(1))).toEqual([])
    expect(await find(runtime, markerOf(2))).toHaveLength(1)
    const header = await new Journeys(store, readModels, vault, withholding()).header(journeyId)
    expect(header).toMatchObject({ name: '(erased)', crn: '', dateOfBirth: '', reference: '' })
    await vi.waitFor(async () =>
      expect((await tokensIn(runtime)).map((row) => row.participant_id)).not.toContain(erased),
    )
  })

  it('leaves the evidence as it was: no event of his is changed or gone', async () => {
    const runtime = await opened(await directoryWith(2))
    const stored = async () =>
      (await Array.fromAsync(runtime.store.readAll(['participant', 'journey']))).map(({ id, data, metadata }) =>
        JSON.stringify({ id, data, metadata }),
      )
    const before = await stored()
    await erase(runtime, 0)
    const after = await stored()
    expect(after.slice(0, before.length)).toEqual(before)
  })

  it('is carried out by the next start where it was not: whatever failed in between', async () => {
    const dir = await directoryWith(2)
    const runtime = await opened(dir)
    vi.spyOn(runtime.vault, 'destroy').mockRejectedValueOnce(new Error('the disk is full'))
    await expect(erase(runtime, 0)).rejects.toThrow('the disk is full')
    const participantId = runtime.vault.find('crn', crnOf(0))!
    expect(runtime.vault.hasKey(participantId)).toBe(true)
    await runtime.close()

    const again = await opened(dir)
    expect(again.vault.hasKey(participantId)).toBe(false)
    expect(again.vault.toDestroy).toEqual([])
    expect((await typesOf(again, participantId)).at(-1)).toBe('KeyDestroyed')
    await again.close()
    const third = await opened(dir)
    expect((await typesOf(third, participantId)).filter((type) => type === 'KeyDestroyed')).toHaveLength(1)
  })

  it('is carried out again where an older copy of the keys is put back, before anything is served', async () => {
    const dir = await directoryWith(3)
    cpSync(join(dir, 'keys'), join(dir, 'keys-backup'), { recursive: true })
    const runtime = await opened(dir)
    const erased = await erase(runtime, 0)
    await runtime.close()
    cpSync(join(dir, 'keys-backup'), join(dir, 'keys'), { recursive: true })
    const restored = new Vault(join(dir, 'keys'))
    expect(restored.hasKey(erased)).toBe(true)
    restored.close()

    const again = await opened(dir)
    expect(again.vault.hasKey(erased)).toBe(false)
    expect(again.vault.find('crn', crnOf(0))).toBeUndefined()
    expect(again.vault.hasKey(again.vault.find('crn', crnOf(1))!)).toBe(true)
  })

  it('stays where the read models are built again from the log', async () => {
    const dir = await directoryWith(3)
    const runtime = await opened(dir)
    const erased = await erase(runtime, 0)
    await waitUntilCaughtUp(runtime)
    await runtime.close()
    for (const file of readdirSync(dir)) if (file.startsWith('read-models')) rmSync(join(dir, file))
    const again = await opened(dir)
    await waitUntilCaughtUp(again)
    expect(await find(again, markerOf(0))).toEqual([])
    expect(await find(again, markerOf(1))).toHaveLength(1)
    expect((await tokensIn(again)).map((row) => row.participant_id)).not.toContain(erased)
  })

  it('ends what another process of ours still could read, within a second or so', async () => {
    const dir = temporaryDirectory()
    const [one, other] = [new Vault(dir), new Vault(dir)]
    onTestFinished(() => [one, other].forEach((vault) => vault.close()))
    const id = one.participant('X000001')
    const sealed = one.seal(id, 'here', 'text')
    expect(other.open(id, 'here', sealed)).toBe('text')
    await one.destroy(id)
    await vi.waitFor(() => expect(() => other.open(id, 'here', sealed)).toThrow(KeyMissing), { timeout: 5_000 })
  })

  it('leaves no byte of the key in the file of the keys or its write-ahead log', async () => {
    const dir = temporaryDirectory()
    const vault = new Vault(dir)
    const ids = Array.from({ length: 40 }, (_, n) => vault.participant(crnOf(n)))
    const wrapped = new Database(join(dir, 'keys.sqlite'), { readonly: true })
    const keys = new Map(
      wrapped.prepare<[], { id: string; wrapped: Buffer }>('SELECT id, wrapped FROM data_key').all().map((row) => [row.id, row.wrapped]), // prettier-ignore
    )
    wrapped.close()
    for (const id of ids.slice(0, 20)) await vault.destroy(id)
    const files = readdirSync(dir).map((file) => readFileSync(join(dir, file)))
    vault.close()
    const isThere = (id: string) => files.some((bytes) => bytes.includes(keys.get(id)!))
    expect(ids.filter(isThere)).toEqual(ids.slice(20))
  })
})
