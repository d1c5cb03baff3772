import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { join } from 'node:path'
import { AccessDatabase } from '../../src/access/access-database.ts'
import { mostSavedViews, SavedViews } from '../../src/access/saved-views.ts'
import { Sessions } from '../../src/access/sessions.ts'
import { reachLimitsOf, UnusualReach } from '../../src/access/unusual-reach.ts'
import { bothDatabases, databases } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/runtime.ts'

const freshDatabase = bothDatabases()
const who = { id: 'CM001', role: 'case_manager', organisation: 'North', name: 'Spec' } as const
const at = { issuer: 'https://login.example.org', subject: 'CM001', sid: 'their-session' }
const minute = 60_000

describe.each(databases)('in %s', (kind) => {
  /** As many connections to one database as there are instances. */
  async function instances(count: number): Promise<AccessDatabase[]> {
    const place = (await freshDatabase(kind)) ?? join(temporaryDirectory(), 'access.sqlite')
    return Array.from({ length: count }, () => {
      const database = new AccessDatabase(place)
      onTestFinished(() => database.close())
      return database
    })
  }

  it('a session ends half an hour after its last use, and ten hours after it began', async () => {
    let now = Date.UTC(2025, 0, 6, 8)
    const [database] = await instances(1)
    const sessions = new Sessions(database!, () => now)
    const idle = await sessions.begin(who, at)
    now += 29 * minute
    expect((await sessions.of(idle))?.who).toEqual(who)
    now += 29 * minute
    expect((await sessions.of(idle))?.who).toEqual(who)
    now += 31 * minute
    expect(await sessions.of(idle)).toBeNull()
    const busy = await sessions.begin(who, at)
    for (let used = 0; used < 10 * 60; used += 20) {
      expect(await sessions.of(busy)).not.toBeNull()
      now += 20 * minute
    }
    now += minute
    expect(await sessions.of(busy)).toBeNull()
  })

  it('a session that began in one instance is known in the other, and ends in both, open streams too', async () => {
    const [one, other] = (await instances(2)).map((database) => new Sessions(database))
    const secret = await one!.begin(who, at)
    const session = await other!.of(secret)
    expect(session).toEqual(await one!.of(secret))
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const ended = vi.fn()
    const open = other!.ended(session!.id).subscribe(ended)
    onTestFinished(() => open.unsubscribe())
    vi.advanceTimersByTime(5_000)
    expect((await other!.of(secret))?.who).toEqual(who)
    expect(ended).not.toHaveBeenCalled()
    await one!.end(session!.id)
    expect(await other!.of(secret)).toBeNull()
    expect(ended).toHaveBeenCalledOnce()
  })

  it('the identity provider ends a session, or all of a person, wherever they began', async () => {
    const [one, other] = (await instances(2)).map((database) => new Sessions(database))
    const [first, second] = [await one!.begin(who, at), await other!.begin(who, { ...at, sid: 'another' })]
    const stranger = await one!.begin({ ...who, id: 'CM002' }, { ...at, subject: 'CM002' })
    expect(await other!.endAt({ issuer: at.issuer, subject: null, sid: 'another' })).toBe(1)
    expect([await one!.of(first), await one!.of(second)]).toEqual([expect.anything(), null])
    expect(await other!.endAt({ issuer: at.issuer, subject: 'CM001', sid: null })).toBe(1)
    expect(await one!.of(first)).toBeNull()
    expect(await other!.of(stranger)).not.toBeNull()
    expect(await one!.endAt({ issuer: 'https://another.example.org', subject: 'CM002', sid: null })).toBe(0)
    expect(await other!.of(stranger)).not.toBeNull()
  })

  it('an answer of the identity provider, and a message of it, is taken once in all instances', async () => {
    const [one, other] = (await instances(2)).map((database) => new Sessions(database))
    const pending = {
      state: 's',
      nonce: 'n',
      codeVerifier: 'v',
      redirectUri: 'https://here.example.org',
      returnTo: '/',
    }
    const secret = await one!.expect(pending)
    const answers = await Promise.all([one!, other!, one!, other!].map((sessions) => sessions.take(secret)))
    expect(answers.filter((answer) => answer !== null)).toEqual([pending])
    const isNew = await Promise.all([one!, other!, one!].map((sessions) => sessions.isNew('message', 1e15)))
    expect(isNew.filter(Boolean)).toHaveLength(1)
  })

  it('saved views are the same in all instances', async () => {
    const [one, other] = (await instances(2)).map((database) => new SavedViews(database))
    for (let n = 0; n < mostSavedViews; n++) expect(await one!.save('A', `View ${n}`, '/questions/gaps')).toBe(true)
    expect(await other!.save('A', 'One more', '/questions/gaps')).toBe(false)
    expect(await other!.save('A', 'View 3', '/questions/gaps?days=8')).toBe(true)
    const views = await one!.of('A')
    expect(views).toHaveLength(mostSavedViews)
    const view = views.find(({ name }) => name === 'View 3')!
    expect(view.address).toBe('/questions/gaps?days=8')
    await other!.delete('B', view.id)
    expect(await one!.of('A')).toEqual(views)
    await other!.delete('A', view.id)
    expect(await one!.of('A')).toEqual(views.filter(({ id }) => id !== view.id))
    expect(await one!.of('B')).toEqual([])
  })

  it('nobody is shown more records by asking several instances at the same time', async () => {
    let now = 0
    // A file is one instance’s.
    const counts = (await instances(kind === 'SQLite' ? 1 : 2)).map(
      (database) => new UnusualReach(reachLimitsOf(5), database, () => now),
    )
    const asked = await Promise.all(
      Array.from({ length: 20 }, (_, n) => counts[n % counts.length]!.reaching('A', 'opened', [`record-${n}`])),
    )
    expect(asked.filter(({ isUsual }) => isUsual)).toHaveLength(5)
    expect(asked.filter((reaching) => !reaching.isUsual && reaching.isFirst)).toHaveLength(1)
    expect(await counts.at(-1)!.reaching('B', 'opened', ['record-0'])).toEqual({ isUsual: true })
    now = 10 * minute + 1
    expect(await counts[0]!.reaching('A', 'opened', ['record-19'])).toEqual({ isUsual: true })
  })
})

describe('while the database is away', () => {
  it('a session that was alive five minutes ago is so still; whoever is not known is not let in', async () => {
    let now = Date.UTC(2025, 0, 6, 8)
    const database = new AccessDatabase(':memory:')
    const sessions = new Sessions(database, () => now)
    const [known, ended] = [await sessions.begin(who, at), await sessions.begin(who, at)]
    const { id } = (await sessions.of(ended))!
    const away = vi.spyOn(database, 'db').mockRejectedValue(new Error('away'))
    expect((await sessions.of(known))?.who).toEqual(who)
    await expect(sessions.of('made up')).rejects.toThrow('away')
    await expect(sessions.end(id)).rejects.toThrow('away')
    await expect(sessions.of(ended)).rejects.toThrow('away')
    now += 5 * minute + 1
    await expect(sessions.of(known)).rejects.toThrow('away')
    away.mockRestore()
    expect((await sessions.of(known))?.who).toEqual(who)
    await database.close()
  })
})
