/** npm run witness, as whoever runs one meets it. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it, onTestFinished } from 'vitest'
import { newSigningKey, parseVerifierKey } from '../../../src/evidence/signed-note.ts'
import { projectRoot } from '../../../src/runtime/config.ts'
import { WitnessClient } from '../../../src/evidence/witness/witness-client.ts'
import { temporaryDirectory } from '../../support/runtime.ts'
import { SignedLog } from '../../support/signed-log.ts'
import { submit } from '../../support/witness.ts'

const entry = join(projectRoot, 'dist/bundle/src/evidence/witness/cli.js')
const run = (...words: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...words], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

it('prints what a log needs to ask it, cosigns, keeps its key to itself, and shows what it refused', async () => {
  const dir = join(temporaryDirectory(), 'witness')
  const log = new SignedLog().add(4)
  const words = ['--data-dir', dir, '--log', log.key.verifier.text, '--port', '0', '--name', 'witness.example.org/w7']
  const child = spawn(process.execPath, [entry, ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const url = ((await lines.next()).value as string).replace('WITNESS_URL=', '')
  const key = parseVerifierKey(((await lines.next()).value as string).replace('WITNESS_KEY=', ''))
  expect(key.name).toBe('witness.example.org/w7')
  expect(run('key', '--data-dir', dir).stdout).toBe(`${key.text}\n`)
  expect(statSync(join(dir, 'witness.key')).mode & 0o777).toBe(0o600)

  const checkpoint = { note: log.checkpoint(), size: 4, consistencyFrom: () => [] }
  expect(await new WitnessClient(url, key).cosignatureOn(checkpoint)).toContain('witness.example.org/w7')
  expect(run('contradictions', '--data-dir', dir)).toMatchObject({
    status: 0,
    stdout: 'No log has contradicted itself.\n',
  })
  await submit(url, log.forkedAt(2), 4)
  const { status, stdout } = run('contradictions', '--data-dir', dir, '--json')
  expect(status).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject({ refusedFor: 'fork', cosigned: log.checkpoint() })
  expect(run('contradictions', '--data-dir', dir).stdout).toContain(log.checkpoint())

  const second = run(...words)
  expect(second.status).toBe(1)
  expect(second.stderr).toContain('Another witness works in')

  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
})

it('says what is wrong with what it is given', () => {
  const dir = temporaryDirectory()
  const key = newSigningKey('log.example.org').verifier.text
  expect(run('--data-dir', dir)).toMatchObject({ status: 1, stderr: expect.stringContaining('--log') })
  expect(run('--data-dir', dir, '--log', 'abc')).toMatchObject({ status: 1, stderr: '"abc" is not a verifier key.\n' })
  expect(run('--data-dir', dir, '--log', key, '--port', 'x').stderr).toContain('--port must be')
  expect(run('--data-dir', dir, '--log', key, '--name', 'two words').stderr).toContain('cannot be the name of a key')
})
