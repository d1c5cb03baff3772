import Database from 'better-sqlite3'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { importFile } from '../../src/exchange/import-file.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { projectRoot } from '../../src/runtime/config.ts'
import { countEvents, openIn, temporaryDirectory, temporaryWorkplace } from '../support/runtime.ts'
import { files, header, records } from './agency-files/make.ts'

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
    expect(check.totals).toEqual(real.totals)
    expect(readFileSync(checked!)).toEqual(readFileSync(imported!))
  })

  it('judges on what is in already, and what is in the file twice', async () => {
    const runtime = await temporaryWorkplace()
    const file = join(temporaryDirectory(), 'log.csv')
    const csv = (rows: readonly (readonly string[])[]) =>
      [header, ...rows].map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')).join('\n')
    writeFileSync(file, csv(records.slice(0, 2)))
    await importFile(runtime, file, { rejects: `${file}.rejects` })
    const end = await runtime.store.headPosition()
    const corrected = records[2]!.map((cell) =>
      cell === 'Session' ? 'Session correction' : cell === 'ATTC' ? 'UAAB' : cell,
    )
    writeFileSync(file, csv([...records, records[2]!, corrected, corrected]))
    for (const again of [1, 2]) {
      const { totals } = await importFile(runtime, file, { rejects: `${file}.rejects`, check: true })
      expect(totals, String(again)).toMatchObject({ rows: 6, accepted: 2, duplicates: 4, journeys: 1, participants: 1 })
    }
    expect(await runtime.store.headPosition()).toBe(end)
  })
})

describe('npm run import', { timeout: 240_000 }, () => {
  const run = (dir: string, ...words: string[]) =>
    spawnSync(process.execPath, ['dist/src/cli/import.js', ...words], {
      cwd: projectRoot,
      env: { ...process.env, DATA_DIR: join(dir, 'data') },
      encoding: 'utf8',
    })

  it('ends with 0, 2 or 1, and says what a person needs', async () => {
    const dir = temporaryDirectory()
    const file = (name: string, content: string | Buffer) => {
      writeFileSync(join(dir, name), content)
      return join(dir, name)
    }
    const log = file('log.csv', files['semicolon-windows-1252.csv']!)

    const checked = run(dir, log, '--check')
    expect([checked.status, checked.stderr]).toEqual([0, ''])
    expect(checked.stdout).toMatch(
      /accepted {8}3.*Read as Windows-1252.*separated by semicolons.*nothing was imported/s,
    )

    const imported = run(dir, log, '--json')
    expect([imported.status, JSON.parse(imported.stdout)]).toMatchObject([0, { rows: 3, accepted: 3 }])
    const again = run(dir, log, '--json')
    expect([again.status, JSON.parse(again.stdout)]).toMatchObject([0, { rows: 3, duplicates: 3 }])

    const stopped = run(dir, file('broken.csv', files['quote-never-closed.csv']!), '--json')
    expect([stopped.status, JSON.parse(stopped.stdout)]).toMatchObject([1, { rows: 1, duplicates: 1 }])
    expect(stopped.stderr).toMatch(
      /stopped before record 3 of .*broken\.csv\.\nRecord 3 \(line 3 of the text\) cannot be read as CSV/,
    )

    const refused = run(
      dir,
      file('refused.csv', [header, records[0]!.map((cell) => (cell === 'X000001' ? '1' : cell))].join('\n')),
    )
    expect(refused.status).toBe(2)
    expect(refused.stdout).toMatch(/bad_crn +1\n.*Every record was refused/s)

    mkdirSync(join(dir, 'directory.csv'))
    const directory = run(dir, join(dir, 'directory.csv'))
    expect([directory.status, directory.stdout]).toEqual([1, ''])
    expect(directory.stderr).toMatch(
      /^.*directory\.csv is a directory\. Give the path of one contact log in it, CSV or \.xlsx\.\n$/,
    )

    const runtime = await openIn(join(dir, 'data'))
    try {
      const events = await Array.fromAsync(runtime.store.readAll(['journey']))
      expect(events.map(({ type }) => type)).toEqual(['ReferralReceived', 'AllocatedToGroup', 'AttendanceRecorded'])
    } finally {
      await runtime.close()
    }
    expect(
      execFileSync(process.execPath, ['dist/src/cli/import.js', '--help'], { cwd: projectRoot, encoding: 'utf8' }),
    ).toMatch(/Exit status: 0/)
  })
})
