/** npm run evidence, as an auditor’s clerk meets it. */
import { unzipSync, zipSync } from 'fflate'
import { spawnSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { newSigningKey } from '../../../src/evidence/signed-note.ts'
import { projectRoot } from '../../../src/runtime/config.ts'
import { importJourneys, reference } from '../../support/packs.ts'
import { openIn, temporaryDirectory } from '../../support/runtime.ts'

const entry = join(projectRoot, 'dist/bundle/src/cli/evidence.js')

function run(dataDir: string, ...words: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...words], {
    encoding: 'utf8',
    env: { ...process.env, DATA_DIR: dataDir, LOG_LEVEL: 'silent' },
  })
  return { status, stdout, stderr }
}

it('makes a pack and checks it; a pack that was altered, or is of another log, ends with 1', async () => {
  const dataDir = temporaryDirectory()
  const runtime = await openIn(dataDir)
  await importJourneys(runtime)
  await runtime.close()
  const out = join(temporaryDirectory(), 'pack.zip')

  const made = run(dataDir, 'pack', '--journey', reference, '--known', '2023-06-01', '--out', out)
  expect(made).toMatchObject({ status: 0, stderr: '' })
  expect(made.stdout).toContain(`${out}: 7 events\n`)
  expect(statSync(out).mode & 0o777).toBe(0o600)
  const key = made.stdout.trim().split('\n').at(-1)!

  const checked = run(dataDir, 'check', out, '--key', key)
  expect(checked.status).toBe(0)
  expect(checked.stdout).toContain('Proven: 7 events are as they were recorded.')
  expect(run(dataDir, 'check', out).stdout).toContain('The key came with the pack.')

  const stranger = newSigningKey(key.split('+')[0]!).verifier.text
  const distrusted = run(dataDir, 'check', out, '--key', stranger)
  expect(distrusted.status).toBe(1)
  expect(distrusted.stdout).toContain('signature-bad')

  const files = unzipSync(readFileSync(out))
  const events = files['events.jsonl']!
  events[Math.floor(events.length / 2)]! ^= 1
  const altered = join(temporaryDirectory(), 'altered.zip')
  writeFileSync(altered, zipSync(files))
  expect(run(dataDir, 'check', altered).status).toBe(1)

  const verdict = run(dataDir, 'check', out, '--json', '--key', stranger)
  expect(verdict.status).toBe(1)
  expect(JSON.parse(verdict.stdout)).toMatchObject({ isProven: false, log: 'signature-bad', events: [] })
})

it('makes a pack of a register', async () => {
  const dataDir = temporaryDirectory()
  const runtime = await openIn(dataDir)
  await importJourneys(runtime)
  await runtime.close()
  const out = join(temporaryDirectory(), 'register.zip')
  const made = run(dataDir, 'pack', '--register', 'corrections', '--from', '2023-07-01', '--out', out)
  expect(made).toMatchObject({ status: 0, stderr: '' })
  expect(made.stdout).toContain(`${out}: 8 events\n`)
  const checked = run(dataDir, 'check', out, '--key', made.stdout.trim().split('\n').at(-1)!)
  expect(checked).toMatchObject({ status: 0, stdout: expect.stringContaining('Proven: 8 events') })
  expect(run(dataDir, 'pack', '--register', 'nothing', '--out', `${out}.2`).stderr).toContain('late-recording')
})

it('says what it needs', () => {
  const dataDir = temporaryDirectory()
  const out = join(dataDir, 'pack.zip')
  expect(run(dataDir, 'pack', '--out', out)).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('--journey REF'),
  })
  expect(run(dataDir, 'pack', '--from', '2023-01-02', '--to', '2023-01-01', '--out', out).stderr).toContain(
    'the first and',
  )
  expect(run(dataDir, 'pack', '--all', '--known', 'May', '--out', out).stderr).toContain('--known is "May"')
  expect(run(dataDir, 'pack', '--journey', 'nobody', '--out', out).stderr).toContain('no journey with this reference')
  expect(run(dataDir, 'check', join(dataDir, 'instance.lock')).stderr).toContain('no zip file')
  expect(run(dataDir, 'check', join(dataDir, 'instance.lock'), '--key', 'x').stderr).toContain('not a verifier key')
})
