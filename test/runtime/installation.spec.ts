/** The keys and the log belong together, and the keys are as new as the log: otherwise nothing starts, and the sentence says why. */
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import Database from 'better-sqlite3'
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { installationStream } from '../../src/domain/installation.ts'
import { copyEvents } from '../../src/embedded-store/copy.ts'
import { startEmbeddedStore, type EmbeddedStore } from '../../src/embedded-store/embedded-store.ts'
import { columns, type ContactRow } from '../../src/exchange/contact-log.ts'
import { importFile } from '../../src/exchange/import-file.ts'
import { claimMs } from '../../src/protection/crn-claims.ts'
import { Vault } from '../../src/protection/vault.ts'
import { Journeys } from '../../src/queries/journeys.ts'
import { InstallationMismatch } from '../../src/runtime/installation-check.ts'
import { openRuntime, type Runtime } from '../../src/runtime/runtime.ts'
import { csvOf } from '../../src/simulator/contact-log.ts'
import { importText, settingsIn, temporaryDirectory } from '../support/runtime.ts'
import { withholding } from '../support/reached.ts'

/** A contact log that refers somebody for each CRN. */
const referring = (...crns: readonly string[]) =>
  csvOf(
    crns.map((crn) => ({
      ...(Object.fromEntries(columns.map((column) => [column, ''])) as unknown as ContactRow),
      journey_ref: `R-${crn}`,
      crn,
      family_name: 'Example',
      given_names: 'Sam',
      date_of_birth: '01/02/1980',
      recorded_at: '01/05/2023 10:00',
      occurred_on: '01/05/2023',
      contact: 'Referral',
      programme: 'bbr',
      provider: 'North',
      recorded_by: 'F001',
    })),
  )

async function emptyLog(): Promise<EmbeddedStore> {
  const store = await startEmbeddedStore({ dataDir: temporaryDirectory() })
  onTestFinished(() => store.close())
  return store
}

type Opening = NonNullable<Parameters<typeof openRuntime>[1]>

async function start(dataDir: string, log?: EmbeddedStore, opening: Opening = {}, KEYS_DIR?: string): Promise<Runtime> {
  const settings = settingsIn(dataDir, { KEYS_DIR, ...(log && { EVENT_STORE_URL: log.connectionString }) })
  const runtime = await openRuntime(settings, opening)
  onTestFinished(() => runtime.close())
  return runtime
}

const identifications = ({ store }: Runtime) => Array.fromAsync(store.read(installationStream))
const keysIn = (dataDir: string) => join(dataDir, 'keys', 'keys.sqlite')

describe('keys of another installation', () => {
  it('are refused on an empty log that two applications begin at once: one of them wins, and the other leaves nothing', async () => {
    const log = await emptyLog()
    const dirs = [1, 2, 3, 4].map(() => temporaryDirectory())
    const starts = await Promise.allSettled(dirs.map((dir) => start(dir, log)))

    expect(starts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const winner = starts.findIndex(({ status }) => status === 'fulfilled')
    const { value: runtime } = starts[winner] as PromiseFulfilledResult<Runtime>
    expect(await identifications(runtime)).toHaveLength(1)
    for (const [n, one] of starts.entries()) {
      expect(existsSync(keysIn(dirs[n]!))).toBe(n === winner)
      if (n === winner) continue
      const { reason } = one as PromiseRejectedResult
      expect(reason).toBeInstanceOf(InstallationMismatch)
      expect((reason as Error).message).toMatch(/not the keys this log was written under.*KEYS_DIR.*Do not delete/s)
      await expect(start(dirs[n]!, log)).rejects.toThrow(InstallationMismatch)
    }
    await runtime.close()
    const again = await start(dirs[winner]!, log)
    expect(await identifications(again)).toHaveLength(1)
  })

  it('are refused to a command that works beside the application, too', async () => {
    const [dir, other] = [temporaryDirectory(), temporaryDirectory()]
    await start(dir)
    await (await start(other)).close()
    const beside = start(dir, undefined, { besideAnother: true }, join(other, 'keys'))
    await expect(beside).rejects.toThrow(/not the keys this log was written under/)
    await expect(start(dir, undefined, { besideAnother: true })).resolves.toBeDefined()
  })

  it('do not matter to who comes with the right ones, whatever the data directory was used with before', async () => {
    const [one, two] = [await emptyLog(), await emptyLog()]
    const [dir, keys] = [temporaryDirectory(), temporaryDirectory()]
    await (await start(dir, one)).close()
    await (await start(temporaryDirectory(), two, {}, keys)).close()
    await expect(start(dir, two, {}, keys)).resolves.toBeDefined()
  })

  it('never say which they are: the log has a digest of them, and nothing that is in the file', async () => {
    const runtime = await start(temporaryDirectory())
    const [event] = await identifications(runtime)
    const keys = new Database(keysIn(runtime.config.dataDir), { readonly: true })
    const secrets = keys
      .prepare<[], { value: Buffer }>('SELECT value FROM secret UNION ALL SELECT key FROM epoch')
      .all()
    keys.close()
    const told = JSON.stringify([event!.id, event!.data, event!.metadata])
    expect(secrets.length).toBeGreaterThan(1)
    for (const { value } of secrets)
      for (const form of ['base64url', 'base64', 'hex'] as const) expect(told).not.toContain(value.toString(form))
  })
})

describe('a log that does not say yet which keys it is under', () => {
  it('is told at the next start, and only by who records', async () => {
    const dir = temporaryDirectory()
    const before = await start(dir, undefined, { onlyReads: true })
    await importText(before, referring('X000001', 'X000002', 'X000003'))
    expect(await identifications(before)).toEqual([])
    await before.close()

    const next = await start(dir)
    expect(await identifications(next)).toHaveLength(1)
  })

  it('is not told of keys that do not open it', async () => {
    const dir = temporaryDirectory()
    const before = await start(dir, undefined, { onlyReads: true })
    await importText(before, referring('X000001', 'X000002', 'X000003'))
    await before.close()
    rmSync(join(dir, 'belongs-to.json'))
    const other = temporaryDirectory()
    await (await start(other)).close()
    await expect(start(dir, undefined, {}, join(other, 'keys'))).rejects.toThrow(/the 3 participants who were recorded/)
    expect(await identifications(await start(dir, undefined, { onlyReads: true }))).toEqual([])
  })
})

it('a start that only reads leaves the keys as they are, with what a killed process left in them', async () => {
  const dir = temporaryDirectory()
  const first = await start(dir)
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 2 * claimMs })
  first.vault.crnClaims.forReferral('X000009', 'an attempt')
  vi.useRealTimers()
  await first.close()
  const reading = await start(dir, undefined, { onlyReads: true })
  expect(reading.vault.crnClaims.claimed()).toHaveLength(1)
  await reading.close()
  expect((await start(dir)).vault.crnClaims.claimed()).toEqual([])
})

describe('an older copy of the keys', () => {
  let dir: string
  let older: string
  let newer: string

  const putBack = (copy: string) => copyFileSync(copy, keysIn(dir))

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'throughline-spec-'))
    for (const [crn, copy] of [
      ['X000001', (older = join(dir, 'older.sqlite'))],
      ['X000002', (newer = join(dir, 'newer.sqlite'))],
    ] as const) {
      const runtime = await openRuntime(settingsIn(dir))
      const file = join(dir, 'contacts.csv')
      writeFileSync(file, referring(crn))
      await importFile(runtime, file)
      await runtime.close()
      copyFileSync(keysIn(dir), copy)
    }
    return () => rmSync(dir, { recursive: true })
  })

  it('is refused, and it is said since when somebody has no key; the newest copy starts', async () => {
    putBack(older)
    const today = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' }).format(new Date())
    const refused = await start(dir).then(
      () => 'started',
      (error: unknown) => String(error),
    )
    expect(refused).toMatch(/too old for this log.*the one participant who was recorded since/)
    expect(refused).toContain(`taken before ${today}`)
    expect(refused).toMatch(/put the newest copy of keys\.sqlite into .*Do not import/)
    await expect(start(dir), 'a second time as the first').rejects.toThrow(/too old for this log/)

    putBack(newer)
    const runtime = await start(dir)
    const { totals } = await importText(runtime, referring('X000002'))
    expect(totals.accepted).toBe(0)
    await runtime.close()
  })

  it('is refused also where the log has moved to another store meanwhile, and stands at other positions', async () => {
    putBack(newer)
    const from = await startEmbeddedStore({ dataDir: join(dir, 'store') })
    const moved = await emptyLog()
    const clients = [from, moved].map(({ connectionString }) => EventStoreDBClient.connectionString(connectionString))
    await clients[1]!.appendToStream(
      'another-application',
      Array.from({ length: 40 }, () => jsonEvent({ type: 'SomethingElse', data: {} })),
    )
    await copyEvents(clients[0]!, clients[1]!)
    await Promise.all([...clients.map((client) => client.dispose()), from.close()])

    putBack(older)
    await expect(start(dir, moved, { toRebuild: true })).rejects.toThrow(/the one participant who was recorded since/)
    putBack(newer)
    await (await start(dir, moved, { toRebuild: true })).close()
  })

  it('is told from a key that went by itself: that is found at the next start as well', async () => {
    putBack(newer)
    const keys = new Database(keysIn(dir))
    keys.exec('DELETE FROM data_key WHERE id = (SELECT min(id) FROM data_key)')
    keys.close()
    await expect(start(dir)).rejects.toThrow(/too old for this log.*the one participant/)
  })

  it('is said to lack a key where a page meets one that went while it runs; nobody is said to be erased', async () => {
    putBack(newer)
    const { store, readModels, config } = await start(dir)
    const keys = new Database(keysIn(dir))
    keys.exec('DELETE FROM data_key')
    keys.close()
    const vault = new Vault(config.keysDir)
    onTestFinished(() => vault.close())
    const { rows } = await new Journeys(store, readModels, vault, withholding()).caseload({})
    expect(rows.map(({ name }) => name)).toEqual(['(key missing)', '(key missing)'])
  })

  it('is looked for only in what came after the last check: the place is kept with the keys', async () => {
    putBack(newer)
    const runtime = await start(dir)
    const before = runtime.vault.checkedUpTo
    await importText(runtime, referring('X000003'))
    const end = await runtime.store.headPositionOf(['journey', 'participant', 'session', 'group', 'import'])
    await runtime.close()
    const next = await start(dir)
    expect(BigInt(next.vault.checkedUpTo!.position)).toBeGreaterThanOrEqual(end)
    expect(BigInt(next.vault.checkedUpTo!.position)).toBeGreaterThan(BigInt(before!.position))
    await next.close()
  })
})
