import { describe, expect, it, onTestFinished } from 'vitest'
import { createApp } from '../../src/main.ts'
import { BadConfiguration, readConfig } from '../../src/runtime/config.ts'
import { settingsIn, temporaryDirectory } from '../support/runtime.ts'
import { signEverybodyIn } from '../support/signed-in.ts'

/** @returns a function that asks, from an address, and answers the status */
async function limited(settings: NodeJS.ProcessEnv) {
  const app = await createApp(settingsIn(temporaryDirectory(), settings))
  signEverybodyIn(app)
  onTestFinished(() => app.close())
  await app.init()
  return async (url: string, from = '127.0.0.1', forwardedFor?: string) => {
    const headers = { host: 'localhost', ...(forwardedFor && { 'x-forwarded-for': forwardedFor }) }
    return (await app.inject({ url, headers, remoteAddress: from })).statusCode
  }
}

const times = async (count: number, ask: () => Promise<number>) => {
  const statuses = []
  for (let n = 0; n < count; n++) statuses.push(await ask())
  return statuses
}

describe('requests from one address', () => {
  it('are limited to as many a minute as the settings say, on pages and the API', async () => {
    const ask = await limited({ RATE_LIMIT: '4' })
    expect(await times(3, () => ask('/'))).toEqual([200, 200, 200])
    expect(await times(3, () => ask('/api/programmes'))).toEqual([200, 429, 429])
    expect(await ask('/')).toBe(429)
    expect(await ask('/', '10.0.0.7')).toBe(200)
  })

  it('are never limited where they watch the service', async () => {
    const ask = await limited({ RATE_LIMIT: '2' })
    expect((await times(4, () => ask('/'))).at(-1)).toBe(429)
    for (const url of ['/api/health/live', '/api/health/ready', '/metrics', '/metrics?name=x'])
      expect(new Set(await times(5, () => ask(url)))).toEqual(new Set([200]))
    // Only these: what merely begins like them is counted.
    expect(await ask('/api/health/live/../../programmes')).not.toBe(200)
    expect(await ask('/operations')).toBe(429)
  })

  it('are not limited where the settings say so', async () => {
    const ask = await limited({ RATE_LIMIT: '0' })
    expect(new Set(await times(30, () => ask('/')))).toEqual(new Set([200]))
  })

  it('are told apart behind a proxy that is trusted', async () => {
    const ask = await limited({ RATE_LIMIT: '2', TRUSTED_PROXIES: '10.1.0.0/16, 10.9.9.9' })
    expect(await times(3, () => ask('/', '10.1.2.3', '192.0.2.1'))).toEqual([200, 200, 429])
    expect(await ask('/', '10.1.2.3', '192.0.2.2')).toBe(200)
    expect(await ask('/', '10.9.9.9', '192.0.2.1, 10.1.2.3')).toBe(429)
    // What the client itself claims before the proxy adds its address changes nothing.
    expect(await ask('/', '10.1.2.3', '203.0.113.9, 192.0.2.1')).toBe(429)
  })

  it('are not told apart by a header from anywhere else', async () => {
    const ask = await limited({ RATE_LIMIT: '2', TRUSTED_PROXIES: '10.1.0.0/16' })
    let n = 0
    expect(await times(3, () => ask('/', '10.2.0.1', `192.0.2.${n++}`))).toEqual([200, 200, 429])
    const untrusting = await limited({ RATE_LIMIT: '2' })
    expect(await times(3, () => untrusting('/', '127.0.0.1', `192.0.2.${n++}`))).toEqual([200, 200, 429])
  })
})

describe('the settings of the limit', () => {
  it.each([
    ['RATE_LIMIT', ['-1', 'many', '1.5', '1e3']],
    ['TRUSTED_PROXIES', ['proxy.example', '10.0.0.0/0', '10.0.0.0/33', '::1/129', 'true', '1', '10.0.0.1 10.0.0.2']],
  ])('%s is refused by name where it cannot be used', (name, values) => {
    for (const value of values) {
      expect(() => readConfig({ [name]: value }), value).toThrow(BadConfiguration)
      expect(() => readConfig({ [name]: value }), value).toThrow(name)
    }
  })
  it('are 1,200 requests a minute and no proxy unless set', () =>
    expect(readConfig({})).toMatchObject({ requestsAMinute: 1_200, trustedProxies: [] }))
  it('take addresses and ranges of either family', () =>
    expect(readConfig({ TRUSTED_PROXIES: '127.0.0.1, ::1,fd00::/8,' }).trustedProxies).toEqual([
      '127.0.0.1',
      '::1',
      'fd00::/8',
    ]))
})
