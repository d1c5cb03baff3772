import Database from 'better-sqlite3'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { importFile } from '../../src/exchange/import-file.ts'
import { installationStream } from '../../src/domain/installation.ts'
import { projectRoot } from '../../src/runtime/config.ts'
import { openRuntime, type Runtime } from '../../src/runtime/runtime.ts'
import { countEvents, settingsIn, temporaryDirectory, temporaryWorkplace } from '../support/runtime.ts'

const fixture = (name: string) => new URL(`../fixtures/contact-logs/${name}`, import.meta.url).pathname

/** Everything that is in the keys' file, as it is there. */
function keysOf({ config }: Runtime): unknown {
  const db = new Database(join(config.keysDir, 'keys.sqlite'), { readonly: true })
  try {
    return ['secret', 'epoch', 'data_key', 'register'].map((table) => db.prepare(`SELECT * FROM ${table}`).all())
  } finally {
    db.close()
  }
}

describe('a check', () => {
  it('says what the import will say, record by record, and leaves nothing in the log or the keys', async () => {
    const runtime = await temporaryWorkplace()
    const [checked, imported] = ['checked.csv', 'imported.csv'].map((name) => join(temporaryDirectory(), name))
    const log = fixture('nasty.csv')
    const [keys, end] = [keysOf(runtime), await runtime.store.headPosition()]
    const check = await importFile(runtime, log, { rejects: checked, check: true })
    expect(keysOf(runtime)).toEqual(keys)
    expect(await runtime.store.headPosition()).toBe(end)
    expect(await countEvents(runtime)).toBe(0)

    const real = await importFile(runtime, log, { rejects: imported })
    expect(real.totals.accepted).toBeGreaterThan(0)
    expect(check.totals).toEqual(real.totals)
    expect(readFileSync(checked!)).toEqual(readFileSync(imported!))
  })

  it('judges on what is in already', async () => {
    const runtime = await temporaryWorkplace()
    const log = fixture('nasty.csv')
    const rejects = join(temporaryDirectory(), 'rejects.csv')
    const lines = readFileSync(log, 'utf8').split('\n')
    const half = join(temporaryDirectory(), 'half.csv')
    writeFileSync(half, lines.slice(0, Math.ceil(lines.length / 2)).join('\n'))
    await importFile(runtime, half, { rejects })
    const end = await runtime.store.headPosition()
    const first = await importFile(runtime, log, { rejects, check: true })
    const second = await importFile(runtime, log, { rejects, check: true })
    expect(await runtime.store.headPosition()).toBe(end)
    expect(second.totals).toEqual(first.totals)
    expect(first.totals.duplicates).toBeGreaterThan(0)
    expect((await importFile(runtime, log, { rejects })).totals).toEqual(first.totals)
  })
})

describe('npm run import -- --check', { timeout: 240_000 }, () => {
  it('says that nothing was imported, and ends as the import would', async () => {
    const dir = temporaryDirectory()
    const run = (...words: string[]) =>
      spawnSync(process.execPath, ['dist/bundle/src/cli/import.js', ...words], {
        cwd: projectRoot,
        env: { ...process.env, DATA_DIR: join(dir, 'data') },
        encoding: 'utf8',
      })
    const checked = run(fixture('nasty.csv'), '--check', '--rejects', join(dir, 'rejects.csv'))
    expect([checked.status, checked.stderr]).toEqual([0, ''])
    expect(checked.stdout).toMatch(/accepted +\d+[^]*This was a check: nothing was imported\.\n$/)
    const report = ['dist/bundle/src/cli/report.js', 'journeys', '--from', 'log']
    const env = { ...process.env, DATA_DIR: join(dir, 'data') }
    expect(spawnSync(process.execPath, report, { cwd: projectRoot, env }).status).toBe(0)
    // Nor is the log told which keys it is under: that is for whoever records in it first.
    const runtime = await openRuntime(settingsIn(join(dir, 'data')), { onlyReads: true })
    try {
      expect(await countEvents(runtime)).toBe(0)
      expect(await Array.fromAsync(runtime.store.read(installationStream))).toEqual([])
    } finally {
      await runtime.close()
    }
    expect(run('--help').stdout).toMatch(/Exit status: 0/)
  })
})
