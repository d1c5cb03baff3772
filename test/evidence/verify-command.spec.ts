/** npm run verify -- log as an operator runs it: what it prints, and what it tells a script by its exit code. */
import Database from 'better-sqlite3'
import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { EvidenceFollower, coveredCategories } from '../../src/evidence/evidence-follower.ts'
import { EvidenceLog } from '../../src/evidence/evidence-log.ts'
import { newSigningKey } from '../../src/evidence/signed-note.ts'
import { signingKeysIn } from '../../src/evidence/signing-keys.ts'
import { projectRoot } from '../../src/runtime/config.ts'
import { importText, openIn, temporaryDirectory } from '../support/runtime.ts'
import { syntheticLog } from '../support/served.ts'

describe('npm run verify -- log', { timeout: 180_000 }, () => {
  it('says that all is as recorded, then which event is not, also while the app runs', async () => {
    const dataDir = temporaryDirectory()
    const runtime = await openIn(dataDir)
    try {
      await importText(runtime, syntheticLog(4))
      const log = new EvidenceLog(join(dataDir, 'evidence.db'), signingKeysIn(runtime.config.keysDir).keys)
      const follower = new EvidenceFollower(runtime.store, log, runtime.log)
      follower.start()
      await follower.catchUpTo(await runtime.store.headPositionOf(coveredCategories), AbortSignal.timeout(60_000))
      await follower.stop()

      const good = verify(dataDir)
      expect(good.stdout).toContain(`${log.size} events as recorded`)
      expect(good.stdout).toContain(`The log is as signed: ${log.size} entries of ${log.origin}`)
      expect([good.status, good.stderr]).toEqual([0, ''])
      log.close()

      const { stream, revision } = damageOneEvent(dataDir)
      const bad = verify(dataDir)
      expect(bad.stdout).toContain(`ALTERED: revision ${revision} of ${stream}, entry 7 of the log: `)
      expect(bad.status).toBe(1)
      const json = JSON.parse(verify(dataDir, '--json').stdout) as { log: object; findings: object[]; events: object }
      expect(json.findings).toEqual([
        { verdict: 'altered', stream, revision, index: 7, why: 'it does not match its checksum' },
      ])
      expect(json.events).toMatchObject({ ok: log.size - 1, altered: 1 })
      expect(json.log).toMatchObject({ verdict: 'ok', head: { size: log.size } })
    } finally {
      await runtime.close()
    }
  })

  it('trusts the key it is given, and says so where the log is signed with another', () => {
    const dataDir = temporaryDirectory()
    const { keys } = signingKeysIn(join(dataDir, 'keys'))
    const log = new EvidenceLog(join(dataDir, 'evidence.db'), keys)
    const { note } = log.sign()
    log.append([{ id: 'x', type: 'T', stream: 'journey-1', revision: 0, data: {}, metadata: {} }], 1n)
    log.sign()
    log.close()
    const kept = join(dataDir, 'kept-head')
    writeFileSync(kept, note)
    writeStore(dataDir)
    const gone = verify(dataDir, '--key', keys[0].verifier.text, '--checkpoint', kept)
    expect(gone.stdout).toContain('MISSING: revision 0 of journey-1, entry 0 of the log')
    expect(gone.stdout).toContain('The log is as signed')
    const other = verify(dataDir, '--key', newSigningKey(log.origin).verifier.text)
    expect(other.stdout).toContain('NOT TO BE TRUSTED (signature-bad)')
    expect([gone.status, other.status]).toEqual([1, 1])
  })

  it('says what it needs where there is no log, no key, or no such file', () => {
    const dataDir = temporaryDirectory()
    expect(verify(dataDir)).toMatchObject({
      status: 1,
      stderr: `There is no evidence log in ${dataDir}. The app makes it when it runs: npm start.\n`,
    })
    new EvidenceLog(join(dataDir, 'evidence.db'), signingKeysIn(join(dataDir, 'keys')).keys).close()
    expect(verify(dataDir, '--checkpoint', join(dataDir, 'absent')).stderr).toContain('cannot be read')
    expect(verify(dataDir, '--key', 'nonsense').stderr).toContain('"nonsense" is no verifier key')
    rmSync(join(dataDir, 'keys'), { recursive: true })
    expect(verify(dataDir).stderr).toContain('There is no public key of the log')
  })
})

const verify = (dataDir: string, ...words: string[]) =>
  spawnSync(process.execPath, [join(projectRoot, 'dist/bundle/src/cli/verify.js'), 'log', ...words], {
    env: { ...process.env, DATA_DIR: dataDir },
    encoding: 'utf8',
  })

/** A byte of the eighth event, as a failing disk would change it. */
function damageOneEvent(dataDir: string) {
  const db = new Database(join(dataDir, 'store', 'events.sqlite'))
  const row = db
    .prepare<[string], { position: number; stream: string; revision: number; body: Buffer }>(
      `SELECT position, s.name AS stream, revision, body FROM event e JOIN stream s ON s.id = e.stream
       WHERE substr(s.name, 1, instr(s.name, '-') - 1) IN (SELECT value FROM json_each(?)) ORDER BY position LIMIT 1 OFFSET 7`,
    )
    .get(JSON.stringify(coveredCategories))!
  row.body[row.body.length - 10]! ^= 1
  db.prepare('UPDATE event SET body = ? WHERE position = ?').run(row.body, row.position)
  db.close()
  return row
}

/** An event store with nothing in it. */
function writeStore(dataDir: string): void {
  const made = spawnSync(process.execPath, [join(projectRoot, 'dist/bundle/src/cli/report.js'), 'journeys'], {
    env: { ...process.env, DATA_DIR: dataDir },
    encoding: 'utf8',
  })
  expect(made.stderr).toBe('')
}
