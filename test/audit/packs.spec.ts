/** Evidence packs by page: asked for, checked, made once, recorded, fetched by who asked, and verified with nothing but the pack. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Role } from '../../src/access/policy.ts'
import { EventIndex } from '../../src/audit/event-index.ts'
import { coveredCategories } from '../../src/evidence/evidence-follower.ts'
import { checkPack } from '../../src/evidence/pack/check-pack.ts'
import { verifyPack } from '../../src/evidence/pack/verification.ts'
import { groupStreams } from '../../src/evidence/pack/group-streams.ts'
import { Registers } from '../../src/queries/registers.ts'
import { Journeys } from '../../src/queries/journeys.ts'
import { askedAs, cookieFor } from '../support/signed-in.ts'
import { richestJourney, serve, type Served } from '../support/served.ts'

let served: Served
let journeyId: string
beforeAll(async () => {
  served = await serve({ journeys: 12, settings: { RATE_LIMIT: '0' } })
  journeyId = await richestJourney(served)
  const head = await served.runtime.store.headPositionOf(coveredCategories)
  await vi.waitFor(() => expect(served.app.get(EventIndex).readUpTo! >= head).toBe(true), 60_000)
})
afterAll(() => served?.stop())

async function signedIn(role: Role = 'auditor') {
  const cookie = await cookieFor(served.app, role)
  const page = await served.app.inject({ url: '/account', headers: { host: 'localhost', cookie } })
  const csrf = page.cookies.find(({ name }) => name === '_csrf')!
  const token = /name="_csrf" value="([^"]+)"/.exec(page.body)![1]!
  const headers = { host: 'localhost', cookie: `${cookie}; _csrf=${csrf.value}` }
  return {
    get: (url: string) => served.app.inject({ url, headers }),
    post: (fields: Record<string, string>) =>
      served.app.inject({
        method: 'POST',
        url: '/audit/packs',
        headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
        payload: new URLSearchParams({ _csrf: token, ...fields }).toString(),
      }),
  }
}

const made = async () =>
  (await Array.fromAsync(served.runtime.store.readAll(['evidence']))).map(({ data }) => data as Record<string, unknown>)

/** Through the form to the file. */
async function packOf(fields: Record<string, string>) {
  const auditor = await signedIn()
  const all = { reason: 'inspection', personal: 'without', ...fields }
  const check = await auditor.post(all)
  expect(check.statusCode).toBe(200)
  expect(check.body).toContain('Check your answers before making the pack')
  const confirmed = await auditor.post({ ...all, step: 'confirm' })
  expect(confirmed.statusCode, confirmed.body).toBe(303)
  const at = String(confirmed.headers.location)
  const page = await auditor.get(at)
  expect(page.body).toContain('To verify it without this service')
  const file = await auditor.get(`${at}/download`)
  expect(file.headers['content-type']).toBe('application/zip')
  const key = /<pre class="tl-mono tl-command tl-audit__key"[^>]*>([^<]+)</
    .exec(page.body)![1]!
    .replaceAll('&#x2B;', '+')
  return { at, ...checkPack(file.rawPayload, key) }
}

describe('an evidence pack by page', () => {
  it('of one journey is proven by itself, and its making is in the log with what it was for', async () => {
    const { reference } = (await askedAs('auditor', () => served.app.get(Journeys).header(journeyId)))!
    const { isProven, pack, verdict, at } = await packOf({ scope: 'journey', case: reference, personal: 'with' })
    const events = await Array.fromAsync(served.runtime.store.read(`journey-${journeyId}`))
    expect(isProven).toBe(true)
    expect(verdict.counts.ok).toBe(events.length)
    expect(pack.events[0]!.opened).toMatchObject({ reference })
    expect((await made()).at(-1)).toMatchObject({
      scope: 'journey',
      of: journeyId,
      reason: 'inspection',
      personalFields: true,
    })
    const stranger = await signedIn('data_protection_officer')
    expect((await stranger.get(`${at}/download`)).statusCode).toBe(404)
  })

  it('of a group has whole journeys, the same as by command, and misses what is taken out of it', async () => {
    const allocated = await Array.fromAsync(served.runtime.store.readAll(['journey']))
    const group = allocated.find(({ type }) => type === 'AllocatedToGroup')!
    const { groupId } = group.data as { groupId: string }
    const { isProven, pack } = await packOf({ scope: 'group', group: groupId })
    const streams = await groupStreams(served.runtime.store, groupId)
    expect(isProven).toBe(true)
    expect(new Set(pack.events.map(({ stream }) => stream))).toEqual(new Set(streams))
    expect(streams).toContain(group.stream)
    const counted = allocated.filter(({ stream }) => streams.includes(stream)).length
    expect(pack.events).toHaveLength(counted)
    const gone = pack.events.findIndex(({ stream, revision }) => stream === group.stream && revision === 1)
    expect(verifyPack({ ...pack, events: pack.events.toSpliced(gone, 1) }).counts.missing).toBe(1)
  })

  it('of a register is asked for from its page, and has its rows and their events', async () => {
    const auditor = await signedIn()
    const register = await auditor.get('/registers/late-recording?from=2023-01-02')
    const href = /href="(\/audit\/packs\/new[^"]+)"/.exec(register.body)![1]!.replaceAll('&amp;', '&')
    const asked = Object.fromEntries(new URL(href, 'http://localhost').searchParams)
    expect(asked).toEqual({ scope: 'register', register: 'late-recording', since: '2/1/2023' })
    expect((await auditor.get(href)).body).toContain('value="late-recording" selected')
    const { isProven, pack } = await packOf(asked)
    expect(isProven).toBe(true)
    const { total } = await askedAs('auditor', () =>
      served.app.get(Registers).page('late-recording', { from: '2023-01-02' }, 1),
    )
    expect(pack.scope).toMatchObject({ of: 'register', from: '2023-01-02', rows: { length: total } })
    expect(pack.events).toHaveLength(total)
    expect((await made()).at(-1)).toMatchObject({ scope: 'register', of: 'late-recording' })
    const wrong = await auditor.post({ scope: 'register', since: '3/1/2024', until: '2/1/2024', register: 'none' })
    expect(wrong.body).toContain('Select a register')
  })

  it('of some days and of the whole log is proven too', async () => {
    const days = await packOf({ scope: 'days', from: '1/3/2024', to: '30/4/2024' })
    expect(days.isProven).toBe(true)
    expect(days.pack.scope).toEqual({ of: 'days', from: '2024-03-01', to: '2024-04-30' })
    const log = await packOf({ scope: 'log' })
    expect(log.isProven).toBe(true)
    expect(log.verdict.counts.missing).toBe(0)
  })

  it('says what is wrong with what was asked, and makes nothing', async () => {
    const before = (await made()).length
    const { post } = await signedIn()
    const wrong = await post({ scope: 'journey', case: 'REF-NONE', step: 'confirm' })
    expect(wrong.statusCode).toBe(400)
    for (const text of [
      'No journey in this log',
      'Select what the pack is for',
      'Select whether personal details go in',
    ])
      expect(wrong.body).toContain(text)
    const empty = await post({ scope: 'days', from: '1/1/1950', to: '2/1/1950', reason: 'court', personal: 'without', step: 'confirm' }) // prettier-ignore
    expect(empty.statusCode).toBe(409)
    expect(empty.body).toContain('There is no event of what was asked for')
    expect(await made()).toHaveLength(before)
  })
})

it('nothing that an auditor opens or sends adds anything to the log but that he looked and what he took', async () => {
  const categories = ['journey', 'participant', 'group', 'session', 'import']
  const count = async () => (await Array.fromAsync(served.runtime.store.readAll(categories))).length
  const before = await count()
  const { get } = await signedIn()
  for (const path of ['/audit', `/audit/streams/journey-${journeyId}`, '/audit/packs/new'])
    expect((await get(path)).statusCode).toBe(200)
  await packOf({ scope: 'log' })
  expect(await count()).toBe(before)
})
