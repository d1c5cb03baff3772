import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { projectRoot } from '../../src/runtime/config.ts'
import { openIn, reported, temporaryDirectory } from '../support/runtime.ts'

const log = new URL('../fixtures/contact-logs/legacy-export.csv', import.meta.url).pathname
const expected = JSON.parse(readFileSync(log.replace('.csv', '.expected.json'), 'utf8')) as {
  per_journey: object
  accepted: number
}

it(
  'an import killed at random instants and run again ends as if nothing had happened',
  { timeout: 180_000 },
  async () => {
    const seed = Number(process.env.SPEC_SEED ?? Math.floor(Math.random() * 2 ** 31))
    process.stdout.write(`interrupted import: SPEC_SEED=${seed}\n`)
    const dir = temporaryDirectory()
    const words = ['dist/bundle/src/cli/import.js', log, '--json', '--rejects', `${dir}/rejects.csv`]
    const env = { ...process.env, DATA_DIR: `${dir}/data` }

    let random = seed
    for (let kill = 0; kill < 6; kill++) {
      random = (random * 1_103_515_245 + 12_345) % 2 ** 31
      const child = spawn(process.execPath, words, { cwd: projectRoot, env, stdio: 'ignore' })
      const gone = once(child, 'exit')
      await Promise.race([gone, wait(600 + (random % 2_500))])
      child.kill('SIGKILL')
      await gone
    }
    const last = JSON.parse(execFileSync(process.execPath, words, { cwd: projectRoot, env, encoding: 'utf8' })) as {
      accepted: number
      duplicates: number
    }
    expect(last.accepted + last.duplicates).toBe(expected.accepted + 5)

    const interrupted = await openIn(`${dir}/data`)
    try {
      expect(await reported(interrupted, 'read-model')).toEqual(expected.per_journey)
      expect(await reported(interrupted, 'log')).toEqual(expected.per_journey)
      let journeyEvents = 0
      for await (const _event of interrupted.store.readAll(['journey'])) journeyEvents++
      expect(journeyEvents).toBe(expected.accepted)
    } finally {
      await interrupted.close()
    }
  },
)
