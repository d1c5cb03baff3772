import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { projectRoot, readConfig, BadConfiguration } from '../../src/runtime/config.ts'
import { DataDirectoryInUse, lockDataDirectory } from '../../src/runtime/data-directory-lock.ts'
import { temporaryDirectory } from '../support/runtime.ts'

const log = new URL('../fixtures/contact-logs/nasty.csv', import.meta.url).pathname

/** The built application, started as npm start starts it, on a free port. */
async function started(dataDir: string): Promise<{ url: string }> {
  const app = spawn(process.execPath, [join(projectRoot, 'dist/bundle/src/main.js')], {
    env: { ...process.env, DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(async () => {
    const gone = new Promise((resolve) => app.once('exit', resolve))
    app.kill('SIGTERM')
    await gone
  })
  let said = ''
  for await (const chunk of app.stdout) {
    said += String(chunk)
    const url = /Throughline is at (\S+)/.exec(said)?.[1]
    if (url) return { url }
  }
  throw new Error(`The application did not start: ${said}`)
}

const run = (file: string, words: string[], env: Record<string, string>) =>
  spawnSync(process.execPath, [join(projectRoot, `dist/bundle/src/${file}.js`), ...words], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  })

describe('a data directory', () => {
  it('has one holder at a time, who is named', () => {
    const dir = temporaryDirectory()
    const lock = lockDataDirectory(dir)
    lock.announce({ pid: 4242, eventStoreUrl: 'esdb://127.0.0.1:1', url: 'http://127.0.0.1:3000' })
    expect(() => lockDataDirectory(dir)).toThrow(DataDirectoryInUse)
    expect(() => lockDataDirectory(dir)).toThrow(/in use by process 4242 \(http:\/\/127.0.0.1:3000\)/)
    lock.release()
    lockDataDirectory(dir).release()
  })

  it('refuses a second application in a sentence, and goes on serving the first', async () => {
    const dir = temporaryDirectory()
    const { url } = await started(dir)
    const second = run('main', [], { DATA_DIR: dir, PORT: '0' })
    expect(second.status).toBe(1)
    expect(second.stderr).toMatch(/^The data directory .* is in use by process \d+ \(http:.*\)\. Stop that one first/)
    expect(second.stderr).not.toContain('    at ')
    expect((await fetch(url)).status).toBeLessThan(500)
  })

  it('can be imported into, checked against, reported on, rebuilt and verified while the application runs', async () => {
    const dir = temporaryDirectory()
    await started(dir)
    const imported = run('cli/import', [log, '--json', '--rejects', join(dir, 'rejects.csv')], { DATA_DIR: dir })
    expect(imported.stderr).toBe('')
    const { journeys } = JSON.parse(imported.stdout) as { journeys: number }
    expect(journeys).toBeGreaterThan(5)
    const checked = run('cli/import', [log, '--check', '--rejects', join(dir, 'rejects.csv')], { DATA_DIR: dir })
    expect([checked.stderr, checked.status]).toEqual(['', 0])
    const report = run('cli/report', ['journeys', '--json'], { DATA_DIR: dir })
    expect(Object.keys(JSON.parse(report.stdout) as object).length).toBe(journeys)
    const rebuild = run('cli/rebuild', [], { DATA_DIR: dir })
    expect(rebuild.stderr).toBe('')
    expect(rebuild.stdout).toMatch(/^Rebuilt all in/)
    const verified = run('cli/verify', ['projections', '--json'], { DATA_DIR: dir })
    expect(verified.stderr).toBe('')
    expect(verified.status).toBe(0)
    expect((JSON.parse(verified.stdout) as { rows: number }[])[0]!.rows).toBeGreaterThan(5)
  })
})

describe('a command at the terminal', () => {
  it('imports one log at a time', () => {
    const DATA_DIR = temporaryDirectory()
    const other = lockDataDirectory(join(DATA_DIR, 'importing'))
    const second = run('cli/import', [log, '--rejects', join(DATA_DIR, 'rejects.csv')], { DATA_DIR })
    expect([second.status, second.stderr]).toEqual([1, expect.stringMatching(/^Another import is running/)])
    other.release()
    expect(run('cli/import', [log, '--rejects', join(DATA_DIR, 'rejects.csv')], { DATA_DIR }).status).toBe(0)
  })

  it.each([
    ['cli/import', ['no-such-file.csv'], /There is no file no-such-file.csv/],
    ['cli/import', [], /missing required argument 'file'/],
    ['cli/import', [log, '--nonsense'], /unknown option '--nonsense'/],
    ['cli/report', ['nonsense'], /There is no report "nonsense"/],
    ['cli/report', ['journeys', '--from=elsewhere'], /Allowed choices are read-model, log/],
    ['cli/rebuild', ['nonsense'], /There is no projection "nonsense"/],
  ])('%s %j says what is wrong and fails', (file, words, message) => {
    const { status, stderr } = run(file, words, { DATA_DIR: temporaryDirectory() })
    expect(stderr).toMatch(message)
    expect(stderr).not.toContain('    at ')
    expect(status).not.toBe(0)
  })

  it('names every bad variable of the environment at once', () => {
    const env = { PORT: 'many', SEED: 'some', LOG_LEVEL: 'loud', EVENT_STORE_URL: 'http://x', HOST: '0.0.0.0' }
    expect(() => readConfig(env)).toThrow(BadConfiguration)
    for (const name of Object.keys(env)) expect(() => readConfig(env)).toThrow(new RegExp(`- ${name} is`))
    const failed = run('main', [], env)
    expect(failed.status).toBe(1)
    expect(failed.stderr).toMatch(/^The configuration cannot be used:\n {2}- PORT is "many"/)
  })

  it('answers a rebuild with how long it took', () => {
    const DATA_DIR = temporaryDirectory()
    run('cli/import', [log, '--rejects', join(DATA_DIR, 'rejects.csv')], { DATA_DIR })
    const said = execFileSync(process.execPath, [join(projectRoot, 'dist/bundle/src/cli/rebuild.js')], {
      env: { ...process.env, DATA_DIR },
      encoding: 'utf8',
    })
    expect(said).toMatch(/^Rebuilt all in \d+\.\d s, \d+ events\.\n$/)
  })
})
