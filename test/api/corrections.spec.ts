/** Corrections and withdrawals through the API: the same rules as on the pages, each refusal a problem of its own. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { oddityCodes } from '../../src/domain/journey/oddities.ts'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { aReferral } from './support.ts'
import { openJourney, serve, type Served } from '../support/served.ts'

let served: Served
let path: string

beforeAll(async () => {
  served = await serve({ journeys: 12, settings: { RATE_LIMIT: '0' } })
  path = `/api/journeys/${await openJourney(served)}`
}, 240_000)

afterAll(() => served?.stop())

async function post(route: string, body: object) {
  const answer = await fetch(`${served.url}${path}/${route}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    // Whatever is unusual about it is meant.
    body: JSON.stringify(route === 'withdrawals' ? body : { confirmedOddities: oddityCodes, ...body }),
  })
  return { status: answer.status, ...((await answer.json()) as { revision: number; code?: string; detail?: string }) }
}

async function timeline() {
  await waitUntilCaughtUp(served.runtime)
  return (await (await fetch(`${served.url}${path}/timeline`)).json()) as Record<string, unknown>[]
}

describe('POST corrections and withdrawals', () => {
  it('correct a record and take the correction back', async () => {
    const warning = await post('warnings', { occurredOn: '2025-03-20', about: 'late' })
    const because = 'Misread the diary.'
    const corrected = await post('corrections', {
      corrects: warning.revision,
      occurredOn: '2025-03-21',
      changes: { about: 'absent' },
      because,
    })
    expect(corrected.status).toBe(201)
    const entry = async (revision: number) => (await timeline()).find((one) => one.revision === revision)
    expect(await entry(corrected.revision)).toMatchObject({
      type: 'RecordCorrected',
      occurredOn: '2025-03-21',
      corrects: warning.revision,
      fact: warning.revision,
      detail: 'absent',
      because,
    })
    expect(await entry(warning.revision)).toMatchObject({
      current: corrected.revision,
      correctedBy: corrected.revision,
    })
    const withdrawn = await post('withdrawals', { withdraws: corrected.revision, because: 'It was right.' })
    expect(withdrawn.status).toBe(201)
    expect(await entry(corrected.revision)).toMatchObject({ withdrawnBy: withdrawn.revision })
    expect(await entry(warning.revision)).toMatchObject({ current: warning.revision, correctedBy: null })
  })

  it('are refused with what is wrong', async () => {
    const { revision } = await post('warnings', { occurredOn: '2025-03-22' })
    const because = 'Mistyped.'
    const correcting = async (body: object) =>
      (await post('corrections', { corrects: revision, because, ...body })).code
    expect(await correcting({ corrects: 9_999, changes: { note: 'x' } })).toBe('no_such_record')
    expect(await correcting({ changes: {} })).toBe('nothing_to_correct')
    expect(await correcting({ changes: { groupId: 'G1' } })).toBe('not_correctable')
    expect(await correcting({ occurredOn: '1999-01-01' })).toBe('before_referral')
    expect(await correcting({ changes: { note: 5 } })).toBe('invalid_body')
    expect(await correcting({ changes: { note: { deep: 'x' } } })).toBe('invalid_body')
    expect(await correcting({ changes: { constructor: 'x' } })).toBe('invalid_body')
    expect(await correcting({ because: '' })).toBe('invalid_body')
    await post('withdrawals', { withdraws: revision, because })
    expect(await correcting({ changes: { note: 'x' } })).toBe('no_longer_stands')
    const referral = await post('withdrawals', { withdraws: 0, because })
    expect([referral.status, referral.code]).toEqual([409, 'makes_impossible'])
    expect(referral.detail).toMatch(/\(event \d+\)/)
    const named = await post('corrections', { corrects: 0, changes: { provider: '<b>', programme: 'bbr' }, because })
    expect(named.code).toBe('wrong_value')
  })

  it('reinstate a journey that ended', async () => {
    expect((await post('reinstatement', { occurredOn: '2025-03-30', because: 'x' })).code).toBe('not_ended')
    expect((await post('drop-out', { occurredOn: '2025-03-30', reason: 'work' })).status).toBe(201)
    expect((await post('reinstatement', { occurredOn: '2025-03-29', because: 'x' })).code).toBe('before_the_end')
    expect((await post('reinstatement', { occurredOn: '2025-03-31', because: 'He came back.' })).status).toBe(201)
    expect((await post('warnings', { occurredOn: '2025-03-31' })).status).toBe(201)
  })
})

describe('POST details-corrections', () => {
  const journey = async () => (await (await fetch(`${served.url}${path}`)).json()) as Record<string, string>

  it('says only what changes, is written once, and asks about what is odd', async () => {
    const before = await journey()
    const send = (body: object, headers: Record<string, string> = {}) =>
      fetch(`${served.url}${path}/details-corrections`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      })
    const because = 'As his passport says.'
    const key = { 'idempotency-key': 'his-given-names' }
    const first = await send({ givenNames: 'Somebody', because }, key)
    const written = await first.json()
    expect([first.status, written]).toEqual([201, expect.objectContaining({ detailsRevision: 1 })])
    const again = await send({ givenNames: 'Somebody', because }, key)
    expect([again.status, await again.json()]).toEqual([200, written])
    await waitUntilCaughtUp(served.runtime)
    const [familyName] = before.name!.split(', ')
    expect(await journey()).toMatchObject({ ...before, name: `${familyName}, Somebody` })
    const codeOf = async (body: object, headers = {}) =>
      ((await (await send({ because, ...body }, headers)).json()) as { code: string }).code
    expect(await codeOf({})).toBe('nothing_to_correct')
    expect(await codeOf({ dateOfBirth: '1901-01-01' })).toBe('oddities')
    expect(await codeOf({ dateOfBirth: '2015-01-01' })).toBe('before_adulthood')
    expect(await codeOf({ crn: 'x' })).toBe('invalid_body')
    expect(await codeOf({ crn: 'X765432' }, { 'if-match': '"1"' })).toBe('invalid_header')
  })

  it('of a CRN lets a referral under it find him, and frees the wrong one for the man it belongs to', async () => {
    const { crn: wrong, participantId } = await journey()
    expect(await post('details-corrections', { crn: 'A000001', because: 'Mistyped.' })).toMatchObject({ status: 201 })
    const { vault } = served.runtime
    expect([vault.find('crn', 'A000001'), vault.find('crn', wrong!)]).toEqual([participantId, undefined])
    const referral = await fetch(`${served.url}/api/journeys`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(aReferral({ crn: wrong, confirmedOddities: oddityCodes })),
    })
    expect(referral.status).toBe(201)
    expect(vault.find('crn', wrong!)).not.toBe(participantId)
    const back = await post('details-corrections', { crn: wrong!, because: 'It was right.' })
    expect([back.status, back.code]).toEqual([409, 'crn_in_use'])
  })
})
