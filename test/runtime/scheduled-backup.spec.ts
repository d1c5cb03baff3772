import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { readConfig } from '../../src/runtime/config.ts'
import { openRuntime } from '../../src/runtime/runtime.ts'
import { ageOfNewestBackup, backupsIn } from '../../src/runtime/scheduled-backup.ts'
import { verifyFile } from '../../src/embedded-store/storage/maintenance.ts'
import { temporaryDirectory } from '../support/runtime.ts'

const started = async (settings: Record<string, string>) => {
  const runtime = await openRuntime(readConfig({ DATA_DIR: temporaryDirectory(), LOG_LEVEL: 'silent', ...settings }))
  onTestFinished(() => runtime.close())
  return runtime
}
const nameAt = (at: Date) => `events-${at.toISOString().slice(0, 19).replaceAll(':', '')}Z.sqlite`
const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000)

it('a due backup is made while the log runs, is good, and the oldest go', { timeout: 120_000 }, async () => {
  const dir = join(temporaryDirectory(), 'backups')
  mkdirSync(dir)
  const old = [30, 54, 78].map((hours) => nameAt(hoursAgo(hours)))
  for (const name of [...old, 'notes.txt']) writeFileSync(join(dir, name), '')
  expect(Math.round(ageOfNewestBackup(dir, Date.now())! / 3_600_000)).toBe(30)
  await started({ BACKUP_DIR: dir, BACKUP_KEEP: '2' })
  await vi.waitFor(() => expect(existsSync(join(dir, old[1]!))).toBe(false), 100_000)
  expect(readdirSync(dir).sort()).toEqual([old[0], expect.stringMatching(/^events-/), 'notes.txt'])
  expect(ageOfNewestBackup(dir, Date.now())).toBeLessThan(120_000)
  expect(verifyFile(backupsIn(dir)[0]!.file)).toMatchObject({ problems: [] })
})

it('one that is not due is not made', async () => {
  const dir = temporaryDirectory()
  const recent = nameAt(hoursAgo(23))
  writeFileSync(join(dir, recent), '')
  const runtime = await started({ BACKUP_DIR: dir })
  await runtime.close()
  expect(readdirSync(dir)).toEqual([recent])
})

it('where there is none, none is shown; settings that cannot be used are named', () => {
  expect(ageOfNewestBackup(join(temporaryDirectory(), 'nowhere'), Date.now())).toBeNull()
  expect(() => readConfig({ BACKUP_EVERY: 'daily', BACKUP_KEEP: '0' })).toThrow(/BACKUP_EVERY.*\n.*BACKUP_KEEP/)
  expect(() => readConfig({ BACKUP_DIR: '/b', EVENT_STORE_URL: 'esdb://store:2113' })).toThrow(/BACKUP_DIR is for/)
})
