/** Keys that are gone for good: the lines of the operating page are typed, and the application goes on without saying that anybody was erased. */
import Database from 'better-sqlite3'
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { installationStream } from '../../src/domain/installation.ts'
import { columns, type ContactRow } from '../../src/exchange/contact-log.ts'
import { Journeys } from '../../src/queries/journeys.ts'
import { projectRoot } from '../../src/runtime/config.ts'
import { openRuntime, waitUntilCaughtUp, type Runtime } from '../../src/runtime/runtime.ts'
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
      given_names: crn,
      date_of_birth: '01/02/1980',
      recorded_at: '01/05/2023 10:00',
      occurred_on: '01/05/2023',
      contact: 'Referral',
      programme: 'bbr',
      provider: 'North',
      recorded_by: 'F001',
    })),
  )

async function start(dataDir: string, settings: NodeJS.ProcessEnv = {}): Promise<Runtime> {
  const runtime = await openRuntime(settingsIn(dataDir, settings))
  onTestFinished(() => runtime.close())
  return runtime
}

async function imported(dataDir: string, ...crns: readonly string[]): Promise<void> {
  const runtime = await start(dataDir)
  await importText(runtime, referring(...crns))
  await runtime.close()
}

const keysIn = (dataDir: string) => join(dataDir, 'keys', 'keys.sqlite')

async function namesOf({ store, readModels, vault }: Runtime): Promise<string[]> {
  const { rows } = await new Journeys(store, readModels, vault, withholding()).caseload({})
  return rows.map(({ name }) => name).sort()
}

/** The line that the operating page says to type. */
const [line] = /^npm run keys -- lost .*--i-understand$/m.exec(
  readFileSync(join(projectRoot, 'docs/operating.md'), 'utf8'),
) as unknown as [string]

const type = (dataDir: string, words: string) =>
  spawnSync('bash', ['-c', words], {
    cwd: projectRoot,
    env: { ...process.env, DATA_DIR: dataDir },
    encoding: 'utf8',
  })

/** The same command without npm around it. */
const run = (dataDir: string, words: string, settings: NodeJS.ProcessEnv = {}) =>
  spawnSync(process.execPath, ['dist/bundle/src/cli/keys.js', ...words.replace('npm run keys -- ', '').split(' ')], {
    cwd: projectRoot,
    env: { ...process.env, DATA_DIR: dataDir, ...settings },
    encoding: 'utf8',
  })

describe('keys that are gone for good', { timeout: 240_000 }, () => {
  it('stop the start until somebody says that they are lost; whoever had one is “(key missing)” from then on', async () => {
    const dir = temporaryDirectory()
    await imported(dir, 'X000001', 'X000002')
    rmSync(join(dir, 'keys'), { recursive: true })
    await expect(start(dir)).rejects.toThrow(/There are no keys in .*npm run keys -- lost --help$/s)

    const asked = run(dir, line.replace(' --i-understand', ''))
    expect(asked.stderr).toMatch(/There are no keys in .*Look for a newer copy first.*--i-understand/s)
    expect(asked.status).toBe(1)
    expect(existsSync(keysIn(dir))).toBe(false)
    for (const wrong of [line.replace('CM001', 'Quillon'), line.replace('deleted', 'Quillon left')])
      expect(run(dir, wrong).status, wrong).toBe(1)

    const done = type(dir, line)
    expect([done.status, done.stderr]).toEqual([0, ''])
    expect(done.stdout).toMatch(/because they were deleted\. The application can start again/)

    const runtime = await start(dir)
    await waitUntilCaughtUp(runtime)
    expect(await namesOf(runtime)).toEqual(['(key missing)', '(key missing)'])
    const events = await Array.fromAsync(runtime.store.read(installationStream))
    expect(events.map(({ type }) => type)).toEqual(['InstallationIdentified', 'KeysLost'])
    expect(events[1]!.data).toEqual({
      keys: runtime.vault.identity,
      participants: 2,
      by: 'CM001',
      reason: 'deleted',
    })
    expect((events[1]!.metadata as { recordedAt: string }).recordedAt).toMatch(/^\d{4}-/)

    const { totals } = await importText(runtime, referring('X000001'))
    expect([totals.accepted, totals.duplicates]).toEqual([1, 0])
    await waitUntilCaughtUp(runtime)
    expect(await namesOf(runtime)).toEqual(['(key missing)', '(key missing)', 'Example, X000001'])
    await runtime.close()

    const again = await start(dir)
    await again.close()
    // As after a key was destroyed: the whole log is read again.
    const keys = new Database(keysIn(dir))
    keys.exec('DELETE FROM checked')
    keys.close()
    await expect(start(dir)).resolves.toBeDefined()
  })

  it('may be the newest few: the older copy of the keys goes on, and one that is older still is refused', async () => {
    const dir = temporaryDirectory()
    const [oldest, older] = ['oldest', 'older'].map((name) => join(dir, name)) as [string, string]
    await imported(dir, 'X000001')
    copyFileSync(keysIn(dir), oldest)
    await imported(dir, 'X000002')
    copyFileSync(keysIn(dir), older)
    await imported(dir, 'X000003')
    copyFileSync(older, keysIn(dir))
    await expect(start(dir)).rejects.toThrow(/too old for this log/)

    expect(run(dir, line.replace('deleted', 'older_copy_only')).status).toBe(0)
    const runtime = await start(dir)
    expect(await namesOf(runtime)).toEqual(['(key missing)', 'Example, X000001', 'Example, X000002'])
    await runtime.close()
    copyFileSync(oldest, keysIn(dir))
    await expect(start(dir)).rejects.toThrow(/too old for this log/)
  })

  it('are not recorded where no key is missing, nor with the keys of another installation', async () => {
    const [dir, other] = [temporaryDirectory(), temporaryDirectory()]
    await imported(dir, 'X000001')
    await imported(other, 'X000002')
    const needless = run(dir, line)
    expect([needless.status, needless.stdout]).toEqual([0, 'No key is missing. Nothing was changed.\n'])

    const confused = run(dir, line, { KEYS_DIR: join(other, 'keys') })
    expect(confused.status).toBe(1)
    expect(confused.stderr).toMatch(/holds the keys of another installation\. Nothing was changed/)
    const runtime = await start(dir)
    expect(await Array.fromAsync(runtime.store.read(installationStream))).toHaveLength(1)
    expect(await namesOf(runtime)).toEqual(['Example, X000001'])
  })
})
