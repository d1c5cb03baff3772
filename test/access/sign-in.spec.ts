import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { whyNoDevelopmentProvider } from '../../src/access/development-provider.ts'
import { IdentityProvider } from '../../src/access/identity-provider.ts'
import { roleCodes, roles } from '../../src/access/policy.ts'
import { createApp } from '../../src/main.ts'
import { BadConfiguration, readConfig } from '../../src/runtime/config.ts'
import { sessionCookie } from '../../src/web/sign-in/cookies.ts'
import { ownPath } from '../../src/web/sign-in/sign-in.controller.ts'
import { accessTokenFor, Visitor } from '../support/browsing.ts'
import { settingsIn } from '../support/runtime.ts'

let app: NestFastifyApplication
let url: string
let issuer: string
const dataDir = mkdtempSync(join(tmpdir(), 'throughline-sign-in-'))
beforeAll(async () => {
  app = await createApp(settingsIn(dataDir))
  await app.listen(0, '127.0.0.1')
  url = (await app.getUrl()).replace(/\/$/, '')
  issuer = (await app.get(IdentityProvider).settings()).issuer
})
afterAll(async () => {
  await app.close()
  rmSync(dataDir, { recursive: true })
})

const csrfIn = (html: string) => /name="_csrf" value="([^"]+)"/.exec(html)![1]!

async function signOut(visitor: Visitor): Promise<Response> {
  const page = await (await visitor.ask(`${url}/account`)).text()
  return visitor.ask(`${url}/sign-out`, { method: 'POST', body: new URLSearchParams({ _csrf: csrfIn(page) }) })
}

describe('whoever is not signed in', () => {
  it('is led from a page to the sign-in and back to that page', async () => {
    const visitor = new Visitor()
    const first = await visitor.ask(`${url}/?status=on_programme`)
    expect(first.status).toBe(303)
    expect(first.headers.get('location')).toBe('/sign-in?to=%2F%3Fstatus%3Don_programme')
    const chooser = await visitor.open(`${url}/?status=on_programme`)
    expect(chooser.at.origin).toBe(issuer)
    const page = await chooser.answer.text()
    for (const role of roleCodes) expect(page).toContain(roles[role].name)
    const { at, answer } = await visitor.open(`${chooser.at.href}/as/CM001`, { method: 'POST' })
    expect(at.href).toBe(`${url}/?status=on_programme`)
    expect(await answer.text()).toContain('Cerys Morgan')
  })

  it('is told so where a script asks, and where the API is asked, and told nothing else', async () => {
    const script = await fetch(`${url}/`, { redirect: 'manual' })
    expect(script.status).toBe(401)
    const api = await fetch(`${url}/api/journeys/${crypto.randomUUID()}`)
    expect(api.status).toBe(401)
    expect(api.headers.get('www-authenticate')).toBe('Bearer')
    expect(await api.json()).toMatchObject({ code: 'signed_out', status: 401 })
  })
})

describe('somebody who signs in', () => {
  it.each(roleCodes)('as %s is told who and what he is, and sees only the parts that are his', async (role) => {
    const visitor = new Visitor()
    const { answer, at } = await visitor.signIn(url, role)
    expect(at.pathname).toBe('/account')
    const page = await answer.text()
    expect(page).toContain(`<span class="tl-header__role">${roles[role].name}</span>`)
    const may: readonly string[] = roles[role].may
    expect(page.includes('href="/">Case load')).toBe(may.includes('read'))
    expect(page.includes('href="/operations">Operations')).toBe(may.includes('operate'))
    expect((await visitor.ask(`${url}/`)).status).toBe(may.includes('read') ? 200 : 403)
    expect((await visitor.ask(`${url}/operations`)).status).toBe(may.includes('operate') ? 200 : 403)
  })

  it('begins where his role begins if he did not say where to', async () => {
    expect((await new Visitor().signIn(url, 'administrator', '')).at.pathname).toBe('/operations')
    expect((await new Visitor().signIn(url, 'auditor', '')).at.pathname).toBe('/')
    expect((await new Visitor().signIn(url, 'partner_safety_worker', '')).at.pathname).toBe('/partner-safety')
  })

  it('has a cookie that no script and no other address gets', async () => {
    const visitor = new Visitor()
    const { at } = await visitor.open(`${url}/sign-in`)
    const chosen = await visitor.open(`${at.href}/as/CM001`, { method: 'POST' }).then(() => visitor)
    expect(chosen.cookie(url, sessionCookie)).toMatch(/^[\w-]{43}$/)
    const begun = await new Visitor().ask(`${url}/sign-in`)
    expect(begun.headers.getSetCookie().find((one) => one.startsWith('__Host-'))).toMatch(
      /^__Host-throughline-sign-in=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    )
    expect(sessionCookie).toMatch(/^__Host-/)
  })

  it('is refused with words that say who may, and whom to ask', async () => {
    const visitor = new Visitor()
    await visitor.signIn(url, 'administrator')
    const refused = await (await visitor.ask(`${url}/`)).text()
    expect(refused).toContain(
      'Only case managers, facilitators, treatment managers, auditors and data protection officers can see who is on the programme',
    )
    expect(refused).toContain('ask whoever manages accounts')
    expect(refused).toContain('Go to operations')
  })

  it('has another session each time, and the one before is over', async () => {
    const visitor = new Visitor()
    await visitor.signIn(url, 'case_manager')
    const before = visitor.cookie(url, sessionCookie)!
    await visitor.signIn(url, 'auditor')
    expect(visitor.cookie(url, sessionCookie)).not.toBe(before)
    const old = new Visitor()
    old.setCookie(url, sessionCookie, before)
    expect((await old.ask(`${url}/account`)).status).toBe(303)
  })

  it('is signed out at once, and stays signed out with a copy of the cookie', async () => {
    const visitor = new Visitor()
    await visitor.signIn(url, 'case_manager')
    const copy = new Visitor()
    copy.setCookie(url, sessionCookie, visitor.cookie(url, sessionCookie)!)
    expect((await copy.ask(`${url}/account`)).status).toBe(200)
    const out = await signOut(visitor)
    expect([out.status, out.headers.get('location')]).toEqual([303, '/signed-out'])
    expect((await copy.ask(`${url}/account`)).status).toBe(303)
    expect(await (await visitor.ask(`${url}/signed-out`)).text()).toContain('You are signed out')
  })

  it('is not signed out by a form of another page', async () => {
    const visitor = new Visitor()
    await visitor.signIn(url, 'case_manager')
    expect((await visitor.ask(`${url}/sign-out`, { method: 'POST', body: new URLSearchParams() })).status).toBe(403)
    expect((await visitor.ask(`${url}/account`)).status).toBe(200)
  })

  it('has his open event stream closed when his session ends', async () => {
    const visitor = new Visitor()
    await visitor.signIn(url, 'administrator')
    const stream = (await visitor.ask(`${url}/live?topic=operations`)).body!.getReader()
    await stream.read()
    await signOut(visitor)
    const ended = async () => {
      while (!(await stream.read()).done);
      return 'ended'
    }
    expect(await ended()).toBe('ended')
  })
})

describe('an answer of the provider', () => {
  async function answered(visitor: Visitor): Promise<URL> {
    const { at } = await visitor.open(`${url}/sign-in`)
    let step = await visitor.ask(`${at.href}/as/CM001`, { method: 'POST' })
    let next = new URL(step.headers.get('location')!, at)
    while (next.origin !== url) {
      step = await visitor.ask(next)
      next = new URL(step.headers.get('location')!, next)
    }
    return next
  }

  it('is taken once', async () => {
    const visitor = new Visitor()
    const callback = await answered(visitor)
    expect((await visitor.ask(callback)).status).toBe(303)
    expect((await visitor.ask(callback)).status).toBe(401)
  })

  it('is not taken from a browser that did not ask, nor with another state', async () => {
    const [visitor, stranger] = [new Visitor(), new Visitor()]
    const callback = await answered(visitor)
    expect((await stranger.ask(callback)).status).toBe(401)
    await stranger.ask(`${url}/sign-in`)
    expect((await stranger.ask(callback)).status).toBe(401)
    callback.searchParams.set('state', 'another')
    const refused = await visitor.ask(callback)
    expect(refused.status).toBe(401)
    expect(await refused.text()).toContain('You could not be signed in')
  })
})

describe('an access token', () => {
  it('lets a program in as what the provider says it is', async () => {
    const authorization = `Bearer ${await accessTokenFor(issuer, 'case_manager')}`
    const search = (headers: Record<string, string>) =>
      fetch(`${url}/api/caseload/search`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{}',
      })
    expect((await search({ authorization })).status).toBe(200)
    expect((await search({ authorization: `Bearer ${await accessTokenFor(issuer, 'administrator')}` })).status).toBe(
      403,
    )
    for (const bad of ['Bearer nonsense', `${authorization}x`, 'Basic Q00wMDE6ZGV2ZWxvcG1lbnQ=', 'Bearer '])
      expect((await search({ authorization: bad })).status, bad).toBe(401)
  })

  it('opens no page, and does not fall back on a cookie', async () => {
    const authorization = `Bearer ${await accessTokenFor(issuer, 'case_manager')}`
    expect((await fetch(`${url}/account`, { headers: { authorization }, redirect: 'manual' })).status).toBe(401)
    const visitor = new Visitor()
    await visitor.signIn(url, 'case_manager')
    const journey = `${url}/api/journeys/${crypto.randomUUID()}`
    expect((await visitor.ask(journey)).status).toBe(404)
    expect((await visitor.ask(journey, { headers: { authorization: 'Bearer nonsense' } })).status).toBe(401)
  })
})

describe('a session', () => {
  it('is kept without the secret of its cookie', async () => {
    const visitor = new Visitor()
    await visitor.signIn(url, 'case_manager')
    const secret = visitor.cookie(url, sessionCookie)!
    for (const file of ['access.sqlite', 'access.sqlite-wal'])
      expect(readFileSync(join(dataDir, file)).includes(secret)).toBe(false)
  })
})

describe('the development provider', () => {
  it('runs neither in production, nor where others than this machine ask', () => {
    const here = { production: false, host: '127.0.0.1', behindProxy: false }
    expect(whyNoDevelopmentProvider(here)).toBeNull()
    expect(whyNoDevelopmentProvider({ ...here, production: true })).toContain('NODE_ENV is production')
    expect(whyNoDevelopmentProvider({ ...here, host: '0.0.0.0' })).toContain('0.0.0.0')
    expect(whyNoDevelopmentProvider({ ...here, behindProxy: true })).toContain('TRUSTED_PROXIES')
    expect(() => readConfig({ NODE_ENV: 'production' })).toThrow('OIDC_ISSUER')
  })
})

describe('the settings of the provider', () => {
  const good = {
    OIDC_ISSUER: 'https://login.example.org',
    OIDC_CLIENT_ID: 'throughline',
    OIDC_AUDIENCE: 'urn:throughline',
  }
  it('are taken together', () => {
    expect(readConfig({ ...good, NODE_ENV: 'production' }).identityProvider).toEqual({
      issuer: 'https://login.example.org',
      clientId: 'throughline',
      clientSecret: undefined,
      audience: 'urn:throughline',
      roleClaim: 'role',
      idTokenAlgorithm: undefined,
    })
  })
  it.each([
    [{ OIDC_ISSUER: 'http://login.example.org' }, 'TLS'],
    [{ OIDC_ISSUER: 'login' }, 'OIDC_ISSUER'],
    [{ OIDC_CLIENT_ID: '' }, 'OIDC_CLIENT_ID'],
    [{ OIDC_AUDIENCE: '' }, 'OIDC_AUDIENCE'],
    [{ OIDC_AUDIENCE: 'throughline' }, 'ID token'],
    [{ OIDC_CLIENT_SECRET_FILE: '/nowhere/secret' }, 'OIDC_CLIENT_SECRET_FILE'],
    [{ OIDC_ISSUER: '' }, 'OIDC_CLIENT_ID is set'],
  ])('are refused by name where they cannot be used: %j', (wrong, name) => {
    expect(() => readConfig({ ...good, ...wrong })).toThrow(BadConfiguration)
    expect(() => readConfig({ ...good, ...wrong })).toThrow(name)
  })
})

it.each([
  ['/journeys/1?x=2', '/journeys/1?x=2'],
  ['//evil.example/x', '/sign-in/home'],
  ['/\\evil.example', '/sign-in/home'],
  ['https://evil.example', '/sign-in/home'],
  [undefined, '/sign-in/home'],
  [['/a', '/b'], '/sign-in/home'],
])('after signing in, %j leads to %s', (asked, path) => expect(ownPath(asked)).toBe(path))
