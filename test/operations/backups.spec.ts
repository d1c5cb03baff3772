/** The operations page knows how old the newest good backup of the event log is. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { createApp } from '../../src/main.ts'
import { backupStatus } from '../../src/operations/backup-status.ts'
import { Operations } from '../../src/operations/operations.ts'
import { settingsIn, temporaryDirectory } from '../support/runtime.ts'
import { signEverybodyIn } from '../support/signed-in.ts'

const minute = 60_000
const hour = 60 * minute
const nameAt = (time: number) => `events-${new Date(time).toISOString().slice(0, 19).replaceAll(':', '')}Z.sqlite`

it('one is overdue where it is older than the schedule by more than it takes to make the next', () => {
  const dir = temporaryDirectory()
  const madeAt = Date.UTC(2026, 10, 1, 12)
  const asked = (age: number, everyHours: number) =>
    backupStatus({ eventStoreUrl: undefined, backup: { dir, everyHours, keep: 7 } }, madeAt + age)
  expect(asked(0, 24)).toEqual({ state: 'missing', madeAt: null, everyHours: 24 })
  writeFileSync(join(dir, nameAt(madeAt - 48 * hour)), '')
  writeFileSync(join(dir, nameAt(madeAt)), '')
  writeFileSync(join(dir, 'events-half.sqlite.part'), '')
  const states = [24 * hour, 24 * hour + 10 * minute, 24 * hour + 10 * minute + 1].map((age) => asked(age, 24))
  expect(states.map(({ state }) => state)).toEqual(['in_time', 'in_time', 'overdue'])
  expect(states[0]).toMatchObject({ madeAt: '2026-11-01T12:00:00.000Z', everyHours: 24 })
  expect([33 * minute, 33 * minute + 1].map((age) => asked(age, 0.5).state)).toEqual(['in_time', 'overdue'])
  rmSync(dir, { recursive: true })
  expect(asked(0, 24).state).toBe('missing')
})

it('none is asked for where a cluster has its own, or no place is set', () => {
  const at = Date.now()
  expect(backupStatus({ eventStoreUrl: 'esdb://h', backup: undefined }, at).state).toBe('elsewhere')
  expect(backupStatus({ eventStoreUrl: undefined, backup: undefined }, at).state).toBe('not_scheduled')
})

it('the page says how old it is, warns where it is older than the schedule, and is told of the change', async () => {
  const dir = join(temporaryDirectory(), 'backups')
  mkdirSync(dir)
  writeFileSync(join(dir, nameAt(Date.now() - 3 * hour)), '')
  const app = await createApp(settingsIn(temporaryDirectory(), { BACKUP_DIR: dir, BACKUP_EVERY: '24' }))
  signEverybodyIn(app)
  onTestFinished(() => app.close())
  await app.init()
  const page = async () => {
    const { body } = await app.inject({ url: '/operations', headers: { host: 'localhost' } })
    const [, part = ''] = /data-part="backup">(.*?)<div data-part="figures"/s.exec(body) ?? []
    return { part: part.replaceAll(/<[^>]*>|\s+/g, ' ').replaceAll(/ +/g, ' '), body }
  }
  const inTime = await page()
  expect(inTime.part).toMatch(/Newest good backup 3 hours old It has all up to \d/)
  expect(inTime.part).not.toContain('too old')

  const digests: string[] = []
  const watching = app
    .get(Operations)
    .changes()
    .subscribe((digest) => digests.push(digest))
  onTestFinished(() => watching.unsubscribe())
  await expect.poll(() => digests.length, { timeout: 10_000 }).toBeGreaterThan(0)
  const before = digests.at(-1)
  rmSync(dir, { recursive: true })
  mkdirSync(dir)
  writeFileSync(join(dir, nameAt(Date.now() - 50 * hour)), '')
  await expect.poll(() => digests.at(-1), { timeout: 10_000 }).not.toBe(before)
  expect((await page()).part).toMatch(
    /The newest good backup is too old\. It is 2 days old, and BACKUP_EVERY asks for one every 24 hours\. .*npm run store -- backup FILE --data-dir DIRECTORY.*Newest good backup 2 days old/,
  )
  rmSync(dir, { recursive: true })
  expect((await page()).part).toMatch(/There is no backup of the event log\. .*Newest good backup There is none/)
})
