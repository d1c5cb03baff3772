import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JWTPayload } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createApp } from '../../src/main.ts'
import { sessionCookie } from '../../src/web/sign-in/cookies.ts'
import { Visitor } from '../support/browsing.ts'
import { HostileProvider, type TokenMade } from '../support/hostile-provider.ts'
import { settingsIn, temporaryDirectory } from '../support/runtime.ts'

let provider: HostileProvider
let app: NestFastifyApplication
let url: string
const dataDir = mkdtempSync(join(tmpdir(), 'throughline-hostile-'))

const settings = () => ({
  OIDC_ISSUER: provider.issuer,
  OIDC_CLIENT_ID: 'throughline',
  OIDC_CLIENT_SECRET: 'a secret of this deployment',
  OIDC_AUDIENCE: 'urn:throughline:api',
})

beforeAll(async () => {
  provider = await HostileProvider.start()
  app = await createApp(settingsIn(dataDir, settings()))
  await app.listen(0, '127.0.0.1')
  url = (await app.getUrl()).replace(/\/$/, '')
})
afterAll(async () => {
  await app.close()
  await provider.stop()
  rmSync(dataDir, { recursive: true })
})
afterEach(() => provider.behave())

const now = () => Math.floor(Date.now() / 1_000)

/** Expects no session, and no word of why on the page. */
async function expectRefused(visitor: Visitor, answer: Response): Promise<void> {
  expect(answer.status).toBe(401)
  expect(visitor.cookie(url, sessionCookie)).toBeUndefined()
  expect(await answer.text()).toContain('You could not be signed in')
  expect((await visitor.ask(`${url}/account`)).headers.get('location')).toContain('/sign-in')
}

it('a provider that is right signs somebody in', async () => {
  const visitor = new Visitor()
  const { answer, at } = await visitor.open(`${url}/sign-in?to=/account`)
  expect([answer.status, at.pathname]).toEqual([200, '/account'])
  const asked = provider.asked.at(-1)!
  expect(asked.get('code_verifier')).toMatch(/^[\w.~-]{43,128}$/)
})

describe('an ID token is refused that', () => {
  it.each<[string, TokenMade]>([
    ['answers another request', { claims: { nonce: 'another' } }],
    ['answers no request', { without: ['nonce'] }],
    ['is for another service', { claims: { aud: 'another-service' } }],
    ['is for no service', { without: ['aud'] }],
    ['is for several and made out to another', { claims: { aud: ['throughline', 'another'], azp: 'another' } }],
    ['comes from another provider', { claims: { iss: 'https://login.example.org' } }],
    ['comes from nobody', { without: ['iss'] }],
    ['has expired', { claims: { iat: now() - 900, exp: now() - 600 } }],
    ['never expires', { without: ['exp'] }],
    ['is not good yet', { claims: { nbf: now() + 900 } }],
    ['is about nobody', { without: ['sub'] }],
    ['is not signed', { how: 'none' }],
    ['is signed with the public key as a secret', { how: 'hmac-of-public-key' }],
    ['is signed with another key', { how: 'another-key' }],
    ['was altered after it was signed', { how: 'altered' }],
    ['names a person by an address', { claims: { sub: 'quillon@example.org' } }],
    ['gives no role', { without: ['role'] }],
    ['gives a role that is not known here', { claims: { role: '__proto__' } }],
    ['gives two roles', { claims: { role: ['case_manager', 'partner_safety_worker'] } }],
  ])('%s', async (_name, made) => {
    provider.idToken = made
    const visitor = new Visitor()
    await expectRefused(visitor, (await visitor.open(`${url}/sign-in`)).answer)
  })
})

describe('an answer is refused that', () => {
  it.each<[string, (answer: URLSearchParams) => void]>([
    ['has another state', (answer) => answer.set('state', 'another')],
    ['has no state', (answer) => answer.delete('state')],
    ['comes from another provider', (answer) => answer.set('iss', 'https://login.example.org')],
    ['does not say which provider it comes from', (answer) => answer.delete('iss')],
    ['has no code', (answer) => answer.delete('code')],
    ['has a code of nobody', (answer) => answer.set('code', 'made-up')],
    ['has two codes', (answer) => answer.append('code', 'another')],
    ['is an error', (answer) => answer.set('error', 'access_denied')],
  ])('%s', async (_name, back) => {
    provider.back = back
    const visitor = new Visitor()
    await expectRefused(visitor, (await visitor.open(`${url}/sign-in`)).answer)
  })

  it('was used before', async () => {
    const visitor = new Visitor()
    const begun = await visitor.ask(`${url}/sign-in`)
    const pending = visitor.cookie(url, '__Host-throughline-sign-in')!
    const back = (await visitor.ask(begun.headers.get('location')!)).headers.get('location')!
    expect((await visitor.ask(back)).status).toBe(303)
    const thief = new Visitor()
    thief.setCookie(url, '__Host-throughline-sign-in', pending)
    await expectRefused(thief, await thief.ask(back))
  })

  it.each<[string, () => { status: number; body: object }]>([
    ['comes without an ID token', () => ({ status: 200, body: { access_token: 'x', token_type: 'Bearer' } })],
    [
      'has no JSON Web Token for an ID token',
      () => ({ status: 200, body: { access_token: 'x', token_type: 'Bearer', id_token: 'x' } }),
    ],
    ['is a failure of the provider', () => ({ status: 500, body: {} })],
  ])('%s', async (_name, tokens) => {
    provider.tokenAnswer = tokens
    const visitor = new Visitor()
    await expectRefused(visitor, (await visitor.open(`${url}/sign-in`)).answer)
  })
})

describe('a provider', () => {
  async function another(): Promise<string> {
    const fresh = await createApp(settingsIn(temporaryDirectory(), settings()))
    onTestFinished(() => fresh.close())
    await fresh.listen(0, '127.0.0.1')
    return (await fresh.getUrl()).replace(/\/$/, '')
  }

  it('that calls itself something else is not believed', async () => {
    provider.metadata = { issuer: 'https://login.example.org' }
    const answer = await fetch(`${await another()}/sign-in`, { redirect: 'manual' })
    expect(answer.status).toBe(503)
    expect(await answer.text()).toContain('nobody can sign in just now')
  })

  it('that is away lets nobody in, by whatever means, and is asked again when it is back', async () => {
    const fresh = await another()
    provider.away = true
    expect((await fetch(`${fresh}/sign-in`, { redirect: 'manual' })).status).toBe(503)
    const token = await accessToken()
    const ask = () =>
      fetch(`${fresh}/api/journeys/${crypto.randomUUID()}`, { headers: { authorization: `Bearer ${token}` } })
    const away = await ask()
    expect([away.status, away.headers.get('retry-after')]).toEqual([503, '5'])
    expect((await fetch(`${fresh}/api/health/live`)).status).toBe(200)
    provider.away = false
    expect((await ask()).status).toBe(404)
    expect((await fetch(`${fresh}/sign-in`, { redirect: 'manual' })).status).toBe(303)
  })
})

const accessToken = (made: TokenMade = {}) =>
  provider.token({ aud: 'urn:throughline:api', role: 'case_manager' }, { typ: 'at+jwt', ...made })

describe('an access token', () => {
  const ask = async (token: string) =>
    (await fetch(`${url}/api/journeys/${crypto.randomUUID()}`, { headers: { authorization: `Bearer ${token}` } }))
      .status

  it('that is right is let through to what is not there', async () => expect(await ask(await accessToken())).toBe(404))

  it.each<[string, TokenMade]>([
    ['is an ID token', { claims: { aud: 'throughline' } }],
    ['is a logout token', { typ: 'logout+jwt' }],
    ['is for another API', { claims: { aud: 'urn:another:api' } }],
    ['is for none', { without: ['aud'] }],
    ['comes from another provider', { claims: { iss: 'https://login.example.org' } }],
    ['has expired', { claims: { exp: now() - 60 } }],
    ['never expires', { without: ['exp'] }],
    ['is not good yet', { claims: { nbf: now() + 60 } }],
    ['is about nobody', { without: ['sub'] }],
    ['gives no role', { without: ['role'] }],
    ['gives an unknown role', { claims: { role: 'superuser' } }],
    ['is not signed', { how: 'none' }],
    ['is signed with the public key as a secret', { how: 'hmac-of-public-key' }],
    ['is signed with another key', { how: 'another-key' }],
    ['was altered', { how: 'altered' }],
  ])('is refused that %s', async (_name, made) => expect(await ask(await accessToken(made))).toBe(401))
})

describe('a logout token', () => {
  const event = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  let messages = 0
  const logoutToken = (claims: JWTPayload = {}, made: TokenMade = {}) =>
    provider.token(
      { aud: 'throughline', events: event, jti: `message-${++messages}` },
      { typ: 'logout+jwt', ...made, claims: { ...claims, ...made.claims } },
    )
  const send = async (token: string) =>
    (
      await fetch(`${url}/sign-out/back-channel`, {
        method: 'POST',
        body: new URLSearchParams({ logout_token: token }),
      })
    ).status
  const signedIn = async (claims: JWTPayload = {}) => {
    provider.idToken = { claims }
    const visitor = new Visitor()
    await visitor.open(`${url}/sign-in`)
    const isSignedIn = async () => (await visitor.ask(`${url}/account`)).status === 200
    expect(await isSignedIn()).toBe(true)
    return isSignedIn
  }

  it('ends every session of a person, or the one it names, on the next request', async () => {
    const [one, other, stranger] = [
      await signedIn(),
      await signedIn({ sid: 's-1' }),
      await signedIn({ sub: 'CM002', sid: 's-2' }),
    ]
    expect(await send(await logoutToken({ sub: 'CM002', sid: 's-9' }))).toBe(200)
    expect([await one(), await other(), await stranger()]).toEqual([true, true, true])
    expect(await send(await logoutToken({ sid: 's-1' }, { without: ['sub'] }))).toBe(200)
    expect([await one(), await other(), await stranger()]).toEqual([true, false, true])
    expect(await send(await logoutToken())).toBe(200)
    expect([await one(), await stranger()]).toEqual([false, true])
  })

  it.each<[string, TokenMade]>([
    ['is for another service', { claims: { aud: 'another' } }],
    ['comes from another provider', { claims: { iss: 'https://login.example.org' } }],
    ['is an ID token', { claims: { nonce: 'x' } }],
    ['does not say what ended', { without: ['events'] }],
    ['says that something else happened', { claims: { events: { 'http://example.org/something': {} } } }],
    ['names nobody', { without: ['sub'] }],
    ['has no id', { without: ['jti'] }],
    ['is old', { claims: { iat: now() - 600 } }],
    ['has expired', { claims: { exp: now() - 60 } }],
    ['is not signed', { how: 'none' }],
    ['is signed with another key', { how: 'another-key' }],
  ])('is refused, and ends nothing, that %s', async (_name, made) => {
    const isSignedIn = await signedIn()
    expect(await send(await logoutToken({}, made))).toBe(400)
    expect(await isSignedIn()).toBe(true)
  })

  it('is refused when it comes again', async () => {
    const token = await logoutToken()
    expect(await send(token)).toBe(200)
    const isSignedIn = await signedIn()
    expect(await send(token)).toBe(400)
    expect(await isSignedIn()).toBe(true)
  })

  it('is not missed when nothing comes', async () => {
    const status = async (body: URLSearchParams) =>
      (await fetch(`${url}/sign-out/back-channel`, { method: 'POST', body })).status
    expect(await status(new URLSearchParams())).toBe(400)
    expect(
      await status(
        new URLSearchParams([
          ['logout_token', 'a'],
          ['logout_token', 'b'],
        ]),
      ),
    ).toBe(400)
  })
})
