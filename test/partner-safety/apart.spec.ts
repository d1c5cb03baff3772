/**
 * A marker of its own in each field of the strand, sought in everything that anybody else can get out of the product: every route,
 * every search, the packs, the metrics, the log lines, the files; and what an erased or a limited man does to the strand.
 */
import fs from 'node:fs'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { roleCodes, type Role } from '../../src/access/policy.ts'
import type { SignedIn } from '../../src/access/session.ts'
import { dayOf } from '../../src/domain/calendar.ts'
import type { PartnerSafetyEvent } from '../../src/domain/partner-safety/partner-safety.ts'
import { unzipPack } from '../../src/evidence/pack/pack-zip.ts'
import { recordBytes, verifyPack } from '../../src/evidence/pack/verification.ts'
import { registerWords } from '../../src/queries/register-words.ts'
import { sessionCookie } from '../../src/web/sign-in/cookies.ts'
import { declaredRoutes } from '../support/page-routes.ts'
import { openJourney, serve, type Served } from '../support/served.ts'
import { personOfRole, sessionFor } from '../support/signed-in.ts'

const worker = personOfRole('partner_safety_worker')
const otherRoles = roleCodes.filter((role) => role !== 'partner_safety_worker')
const today = dayOf(new Date().toISOString())
const markers = ['name', 'ways', 'times', 'donot', 'offernote', 'answernote', 'contactnote', 'concernnote'].map(
  (field) => `zzqx${field}marker`,
)
const [name, safeWays, safeTimes, doNot, offerNote, answerNote, contactNote, concernNote] = markers as [
  string, string, string, string, string, string, string, string,
] // prettier-ignore

let served: Served
let journeyId: string
let participantId: string
let strandId: string
let logged = ''
const writes = fs.writeSync.bind(fs) as (fd: number, ...rest: unknown[]) => number
const spy = vi.spyOn(fs, 'writeSync').mockImplementation(((fd: number, text: unknown, ...rest: unknown[]) => {
  if (fd !== 2) return writes(fd, text, ...rest)
  logged += String(text)
  return Buffer.byteLength(String(text))
}) as never)

const record = (event: PartnerSafetyEvent, by = worker) =>
  served.runtime.commands.partnerSafety.record(strandId, event, { by, commandId: crypto.randomUUID() })

beforeAll(async () => {
  served = await serve({
    journeys: 12,
    everybodySignedIn: false,
    settings: { RATE_LIMIT: '0', LOG_LEVEL: 'debug', REACH_LIMIT: '0' },
  })
  journeyId = await openJourney(served)
  const [referral] = await Array.fromAsync(served.runtime.store.read(`journey-${journeyId}`))
  participantId = (referral!.data as { participantId: string }).participantId
  const { partnerSafety } = served.runtime.commands
  const asked = { by: personOfRole('case_manager'), commandId: crypto.randomUUID() }
  await partnerSafety.askForOffer({ journeyId, participantId }, asked)
  const [first] = await Array.fromAsync(served.runtime.store.readAll(['partnersafety']))
  strandId = first!.stream.slice('partnersafety-'.length)
  await record({ type: 'PartnerRecorded', data: { name, relation: 'partner', safeWays, safeTimes, doNot } })
  await record({ type: 'ContactOffered', data: { way: 'letter', note: offerNote } })
  await record({ type: 'ContactOfferAnswered', data: { answer: 'accepted', note: answerNote } })
  await record({ type: 'PartnerContacted', data: { way: 'video', outcome: 'spoke', note: contactNote } })
  await record({ type: 'PartnerConcernRaised', data: { concern: 'child_at_risk', note: concernNote } })
})
afterAll(async () => {
  spy.mockRestore()
  await served?.stop()
})

const cookies = new Map<string, string>()
const cookieOf = async (who: SignedIn) => {
  const key = `${who.id} ${who.role}`
  if (!cookies.has(key)) cookies.set(key, `${sessionCookie}=${await sessionFor(served.app, who)}`)
  return cookies.get(key)!
}

async function get(url: string, who: SignedIn | null) {
  const headers = { host: 'localhost', ...(who && { cookie: await cookieOf(who) }) }
  const { statusCode, body } = await served.app.inject({ method: 'GET', url, headers })
  return { status: statusCode, body }
}

/** The forms of a page carry a token, and it goes with a cookie. */
async function send(url: string, fields: Record<string, string>, who: SignedIn, formAt = '/account') {
  const page = await served.app.inject({ url: formAt, headers: { host: 'localhost', cookie: await cookieOf(who) } })
  const csrf = page.cookies.find((one) => one.name === '_csrf')!
  const hidden = [...page.body.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)]
  const payload = new URLSearchParams({
    ...Object.fromEntries(hidden.map(([, key, value]) => [key, value])),
    ...fields,
  })
  return served.app.inject({
    method: 'POST',
    url,
    payload: payload.toString(),
    headers: {
      host: 'localhost',
      cookie: `${await cookieOf(who)}; _csrf=${csrf.value}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
  })
}

/** What of the strand stands in a text: its words, its id, or what its work consists of. */
const tellsIn = (text: string): string[] => [...markers, strandId, 'child_at_risk'].filter((one) => text.includes(one))

/** Every address that a pattern of a route comes to: each id that could lead to the strand is tried. */
function addressesOf(pattern: string): string[] {
  const values: Readonly<Record<string, readonly string[]>> = {
    id: [journeyId, strandId],
    journeyId: [journeyId, strandId],
    record: [strandId],
    stream: [`journey-${journeyId}`, `participant-${participantId}`, `partnersafety-${strandId}`, `partnersafety_look-${strandId}`],
    name: Object.keys(registerWords),
    revision: ['1'],
    limit: ['0'],
    level: ['0'],
  } // prettier-ignore
  const parameter = /:(\w+)/.exec(pattern)
  if (!parameter) return [pattern.replace('*', '000')]
  return (values[parameter[1]!] ?? [strandId]).flatMap((value) => addressesOf(pattern.replace(parameter[0], value)))
}

describe('nothing of the strand', () => {
  it('is lost to the worker: each marker is on the page of the record', async () => {
    const { status, body } = await get(`/partner-safety/${strandId}`, worker)
    expect(status).toBe(200)
    expect(markers.filter((marker) => !body.includes(marker))).toEqual([])
  })

  it('is on any route of any other role', async () => {
    const described = JSON.parse((await get('/api/openapi.json', null)).body) as { paths: Record<string, object> }
    const api = Object.entries(described.paths)
      .filter(([path, methods]) => 'get' in methods && !path.endsWith('/live'))
      .map(([path]) => path.replaceAll(/\{(\w+)\}/g, ':$1'))
    const pages = declaredRoutes(served).filter(({ method, isStream }) => method === 'GET' && !isStream)
    const patterns = [...new Set([...pages.map(({ path }) => path), ...api])]
    expect(patterns.length).toBeGreaterThan(90)
    const told: string[] = []
    const shown = new Set<string>()
    for (const role of [...otherRoles, null]) {
      const who = role && personOfRole(role)
      for (const address of patterns.flatMap(addressesOf)) {
        // The entries of the evidence log name streams: it is there to prove that none is missing.
        if (address.startsWith('/evidence/tile/entries')) continue
        const { status, body } = await get(address, who)
        if (status === 200) shown.add(address)
        // What was asked for may be said back; nothing else.
        const tells = tellsIn(body.replaceAll(address, '')).filter((one) => !address.includes(one))
        if (tells.length > 0) told.push(`${role} ${address}: ${tells.join(', ')}`)
        expect(status, address).not.toBe(500)
        if (address.startsWith('/partner-safety')) expect([401, 403, 303], address).toContain(status)
        // A page that is the same for an id that nothing has tells nothing.
        const unknown = () => get(address.replaceAll(strandId, crypto.randomUUID()), who)
        if (address.includes(strandId) && status === 200 && (await unknown()).status !== 200)
          told.push(`${role} ${address} was shown`)
      }
    }
    expect(told).toEqual([])
    expect(shown.size).toBeGreaterThan(40)
  }, 900_000)

  it('is found by any search, of people, of events or by the API', async () => {
    for (const role of ['case_manager', 'auditor'] as const)
      for (const find of [...markers, strandId]) {
        const sent = await send('/', { find }, personOfRole(role), '/')
        expect(sent.statusCode).toBe(303)
        const { body } = await get(String(sent.headers.location), personOfRole(role))
        expect(
          body
            .split('<main')[1]!
            .replaceAll(`value="${find}"`, '')
            .match(/href="\/journeys\//g),
        ).toBe(null)
      }
    const auditor = personOfRole('auditor')
    for (const asked of [`partnersafety-${strandId}`, strandId]) {
      const { statusCode, body } = await send('/audit', { case: asked }, auditor)
      expect(statusCode).toBe(400)
      expect(body).toContain('No case in this log has this reference, CRN or id')
    }
    // He, or she, is the one who recorded all of it.
    const { body } = await get(`/audit?actor=${worker.id}`, auditor)
    expect(body).not.toMatch(/PartnerSafety|partnersafety/)
    expect(body).not.toContain('/audit/streams/')
  })

  it('is in a subject access pack, or among those who looked at the man’s record', async () => {
    const officer = personOfRole('data_protection_officer')
    const address = `/journeys/${journeyId}/rights/access-pack`
    const pack = await send(address, {}, officer, address)
    expect(pack.statusCode).toBe(200)
    expect(tellsIn(pack.body)).toEqual([])
    const { body } = await get(`/journeys/${journeyId}/looks`, officer)
    expect(body).not.toContain(worker.id)
    expect(body).not.toMatch(/partner/i)
  })

  it('is in metrics, in a log line, or in the plain text of any file', async () => {
    const { body } = await get('/metrics', null)
    expect(body).toContain('throughline_http_request_duration_seconds')
    expect(body).not.toMatch(/partner/i)
    served.runtime.log.info('The log is written here.')
    expect(logged).toContain('The log is written here.')
    expect(tellsIn(logged)).toEqual([])
    const directory = served.runtime.config.dataDir
    const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((file) => file.isFile())
    expect(files.length).toBeGreaterThan(5)
    for (const file of files) {
      const bytes = readFileSync(join(file.parentPath, file.name))
      expect(
        markers.filter((marker) => bytes.includes(marker)),
        file.name,
      ).toEqual([])
    }
  })

  it.each(['log', 'days'])('is in an evidence pack of all that there is: %s', async (scope) => {
    const auditor = personOfRole('auditor')
    const [year, month, day] = today.split('-').map(Number)
    const days = { from: `${day}/${month}/${year}`, to: `${day}/${month}/${year}` }
    const asked = { scope, ...(scope === 'days' && days), reason: 'inspection', personal: 'with', step: 'confirm' }
    const made = await send('/audit/packs', asked, auditor, '/audit/packs/new')
    expect(made.statusCode).toBe(303)
    const { rawPayload } = await served.app.inject({
      url: `${made.headers.location}/download`,
      headers: { host: 'localhost', cookie: await cookieOf(auditor) },
    })
    const { pack, page, others } = unzipPack(rawPayload)
    const { apart = [], ...told } = pack
    expect(tellsIn([JSON.stringify(told), ...others.values()].join('\n'))).toEqual([])
    expect(JSON.stringify(told)).not.toContain('PartnerSafetyRecorded')
    expect(markers.filter((marker) => page.includes(marker))).toEqual([])
    // Of the whole log a leaf stands for each event: with fewer it would not verify.
    expect(apart).toHaveLength(scope === 'log' ? 6 : 0)
    expect(verifyPack(pack)).toMatchObject({ isProven: true, apart: apart.length })
    if (scope === 'days') return
    expect(verifyPack({ ...pack, apart: apart.slice(1) })).toMatchObject({ isProven: false, counts: { missing: 1 } })
    // What is shown to auditors cannot be declared to be apart.
    const [first, ...rest] = pack.events
    const hidden = { record: Buffer.from(recordBytes(first!)).toString(), proof: first!.proof! }
    expect(verifyPack({ ...pack, events: rest, apart: [hidden, ...apart] }).isProven).toBe(false)
  })

  it('is in the log but sealed, each event of one type, with a leaf that proves it', async () => {
    const events = await Array.fromAsync(served.runtime.store.read(`partnersafety-${strandId}`))
    expect(events.map(({ type }) => type)).toEqual(Array(6).fill('PartnerSafetyRecorded'))
    for (const { data } of events) expect(Object.keys(data as object)).toEqual(['sealed'])
    const open = JSON.stringify(events.map(({ id, data, metadata }) => ({ id, data, metadata })))
    expect(open).not.toContain(journeyId)
    expect(open).not.toContain(participantId)
    const entries = await get('/evidence/tile/entries/000.p/255', personOfRole('auditor'))
    expect(markers.filter((marker) => entries.body.includes(marker))).toEqual([])
  })
})

describe('the strand outlives what happens to the man’s record', () => {
  const limit = (kind: 'exclusion' | 'restriction', people: string[]) =>
    served.runtime.commands.limitedAccess.limit(
      participantId,
      { kind, people, reason: 'knows_him', until: today },
      { by: personOfRole('data_protection_officer'), source: 'ui', commandId: crypto.randomUUID() },
    )
  const lift = (limitOf: number) =>
    served.runtime.commands.limitedAccess.lift(
      participantId,
      { limit: limitOf },
      { by: personOfRole('data_protection_officer'), source: 'ui', commandId: crypto.randomUUID() },
    )
  const level = async (result: Awaited<ReturnType<typeof limit>>) => {
    if (result !== 'nothing_new') await served.runtime.limitedCases.catchUpTo(BigInt(result.position))
  }
  const page = () => get(`/partner-safety/${strandId}`, worker)

  it('shows whose partner it is, but not where his case is limited to others', async () => {
    expect((await page()).body).not.toContain('Not shown')
    await level(await limit('restriction', ['CM001']))
    const restricted = await page()
    expect(restricted.body).toContain('Not shown')
    expect(restricted.body).toContain(name)
    await level(await lift(0))
  })

  it('is not there for a worker who is excluded from his case, and may not be added to', async () => {
    await level(await limit('exclusion', [worker.id]))
    expect((await page()).status).toBe(404)
    expect((await get('/partner-safety', worker)).body).not.toContain(name)
    await expect(record({ type: 'ContactOffered', data: { way: 'letter' } })).rejects.toMatchObject({
      code: 'no_partner_record',
    })
    await level(await lift(2))
    expect((await page()).status).toBe(200)
  })

  it('is whole after he was erased, and says his name no more', async () => {
    const { erasures } = served.runtime.commands
    const officer = personOfRole('data_protection_officer')
    const issued = (by = officer) => ({ by, source: 'ui' as const, commandId: crypto.randomUUID() })
    await erasures.request(participantId, { reason: 'retention_ended', journeys: [journeyId] }, issued())
    await erasures.authorise(participantId, [journeyId], issued({ ...officer, id: 'another-officer' }))
    const { status, body } = await page()
    expect(status).toBe(200)
    expect(markers.filter((marker) => !body.includes(marker))).toEqual([])
    expect(body).toContain('Not shown')
    await record({ type: 'PartnerContacted', data: { way: 'letter', outcome: 'spoke' } })
  })
})

it('is asked for by those who record, and by nobody else', async () => {
  const asked = (role: Role) =>
    served.runtime.commands.partnerSafety.askForOffer(
      { journeyId, participantId },
      { by: personOfRole(role), commandId: crypto.randomUUID() },
    )
  await expect(asked('auditor')).rejects.toThrow('Your role does not allow this.')
  await expect(
    record({ type: 'ContactOffered', data: { way: 'letter' } }, personOfRole('case_manager')),
  ).rejects.toThrow('Your role does not allow this.')
  expect(await asked('facilitator')).toBe(null)
})
