/** While another process holds the keys: everybody waits, nobody is told that somebody else changed something. */
import Database from 'better-sqlite3'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { KeysBusy, Vault } from '../../src/protection/vault.ts'
import { aReferral, running } from '../api/support.ts'
import { importText, temporaryDirectory } from '../support/runtime.ts'
import { contactOf, writtenLog } from '../support/written-log.ts'

/** Takes the keys as another process that writes would, and gives them back. */
function held(keysDir: string): { release(): void } {
  const other = new Database(join(keysDir, 'keys.sqlite'))
  other.exec('BEGIN IMMEDIATE')
  let isHeld = true
  const release = () => {
    if (isHeld) other.exec('COMMIT')
    if (isHeld) other.close()
    isHeld = false
  }
  onTestFinished(release)
  return { release }
}

const api = running()

describe('while another process holds the keys', () => {
  it('a referral waits, and is then recorded; other requests are answered meanwhile', async () => {
    const { release } = held(api.runtime.config.keysDir)
    const referral = api.post('/api/journeys', aReferral(), { 'idempotency-key': 'k-1' })
    await wait(300)
    expect((await api.get('/api/health/live')).statusCode).toBe(200)
    release()
    expect((await referral).statusCode).toBe(201)
  })

  it('an import waits, and then goes in', async () => {
    const { release } = held(api.runtime.config.keysDir)
    const imported = importText(api.runtime, writtenLog([contactOf(9, { contact: 'Referral' })]))
    await wait(400)
    release()
    expect((await imported).totals).toMatchObject({ accepted: 1, rejected: 0 })
  })

  it('a referral is answered 503 with Retry-After where they are never given back', { timeout: 30_000 }, async () => {
    const { release } = held(api.runtime.config.keysDir)
    const answer = await api.post('/api/journeys', aReferral())
    release()
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([503, 'database_busy'])
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
  })

  it('no single attempt keeps the process from everything else for long', async () => {
    const keysDir = temporaryDirectory()
    const vault = new Vault(keysDir)
    onTestFinished(() => vault.close())
    held(keysDir)
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const registered = vault.whenFree(() => vault.participant('X000001')).catch((error: unknown) => error)
    const begun = Date.now()
    await new Promise((resolve) => setImmediate(resolve))
    expect(Date.now() - begun).toBeLessThan(1_000)
    vi.advanceTimersByTime(11_000)
    expect(await registered).toBeInstanceOf(KeysBusy)
    expect(vault.find('crn', 'X000001')).toBeUndefined()
  })
})
