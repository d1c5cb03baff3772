import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { BadConfiguration, readConfig } from '../../src/runtime/config.ts'
import { createApp } from '../../src/main.ts'
import { Scrapers } from '../../src/access/scrapers.ts'
import { appenderOf, settingsIn, temporaryDirectory } from '../support/runtime.ts'
import { richestJourney, serve, type Served } from '../support/served.ts'

let served: Served
beforeAll(async () => void (served = await serve({ journeys: 10 })))
afterAll(() => served.stop())

const scrape = async (app: NestFastifyApplication = served.app) => (await app.inject({ url: '/metrics' })).body
const valueOf = (told: string, series: string) =>
  Number(
    told
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.split(' ')
      .at(-1),
  )

describe('the metrics', () => {
  it('are told in Prometheus’s own form, with those of the process', async () => {
    const answer = await fetch(`${served.url}/metrics`)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    expect(answer.headers.get('set-cookie')).toBeNull()
    const told = await answer.text()
    for (const name of ['process_resident_memory_bytes', 'nodejs_eventloop_lag_seconds', 'throughline_log_up'])
      expect(told).toContain(`\n${name} `)
    // Every series is explained.
    for (const [, name] of told.matchAll(/^(throughline_\w+?)(?:_bucket|_sum|_count)?[{ ]/gm))
      expect(told).toContain(`# HELP ${name} `)
  })

  it('time requests by the pattern of their address, never by the address', async () => {
    const id = await richestJourney(served)
    await served.app.inject({ url: `/journeys/${id}?from=contact` })
    await served.app.inject({ url: `/journeys/${id}/nothing-here` })
    await served.app.inject({ url: `/api/journeys/${id}` })
    const told = await scrape()
    const timed = (route: string, status: number) =>
      valueOf(told, `throughline_http_request_duration_seconds_count{method="GET",route="${route}",status="${status}"}`)
    expect(timed('/journeys/:id', 200)).toBe(1)
    expect(timed('/api/journeys/:journeyId', 200)).toBe(1)
    expect(told).toMatch(/route="[^"]*",status="404"/)
    expect(told).not.toContain(id)
    expect(told).not.toContain('nothing-here')
    expect(told).not.toContain('from=')
  })

  it('time appends by how they ended', async () => {
    const appended = (told: string, outcome: string) =>
      valueOf(told, `throughline_append_duration_seconds_count{outcome="${outcome}"}`) || 0
    const before = await scrape()
    const appender = appenderOf(served.runtime)
    const event = { id: '6b1f3c1e-8f0a-4a53-9d2e-0c9c1f3b7a11', type: 'ContactRefused', data: {}, metadata: {} }
    await appender.append('import-metrics', -1, [event])
    await expect(
      appender.append('import-metrics', 7, [{ ...event, id: '6b1f3c1e-8f0a-4a53-9d2e-0c9c1f3b7a12' }]),
    ).rejects.toThrow()
    const after = await scrape()
    expect(appended(after, 'written') - appended(before, 'written')).toBe(1)
    expect(appended(after, 'conflict') - appended(before, 'conflict')).toBe(1)
  })

  it('are still told when the database of the read models is away, and say so', async () => {
    const { readModels } = served.runtime
    const { checkpoints } = readModels
    onTestFinished(() => void (readModels.checkpoints = checkpoints))
    readModels.checkpoints = () => Promise.reject(new Error('gone'))
    const told = await scrape()
    expect(valueOf(told, 'throughline_read_models_up')).toBe(0)
    expect(told).not.toMatch(/^throughline_(log_up|projection_lag_seconds|parked_streams)[{ ]/m)
    expect(told).toContain('throughline_projection_runner_state{state="projecting"} 1')
  })
})

describe('who may read the metrics', () => {
  const from = (address: string, headers = {}) => ({ from: address, headers })

  it('is this machine, where there is no token, and nobody through a proxy', () => {
    const scrapers = new Scrapers(undefined)
    for (const address of ['127.0.0.1', '127.8.4.1', '::1', '::ffff:127.0.0.1'])
      expect(scrapers.refuse(from(address))).toBeNull()
    for (const address of ['10.0.0.7', '::ffff:10.0.0.7', '127.0.0.1.example.org', ''])
      expect(scrapers.refuse(from(address))).toMatchObject({ status: 403 })
    for (const header of ['x-forwarded-for', 'forwarded', 'x-real-ip'])
      expect(scrapers.refuse(from('127.0.0.1', { [header]: '127.0.0.1' }))).toMatchObject({ status: 403 })
  })

  it('is whoever shows the token, where there is one, and this machine no longer without', async () => {
    const token = 'a-token-of-a-deployment'
    const app = await createApp(settingsIn(temporaryDirectory(), { METRICS_TOKEN: token }))
    onTestFinished(() => app.close())
    await app.init()
    const status = async (authorization?: string) =>
      (
        await app.inject({
          url: '/metrics',
          headers: { ...(authorization && { authorization }), 'x-forwarded-for': '10.0.0.7' },
        })
      ).statusCode
    expect(await status(`Bearer ${token}`)).toBe(200)
    for (const no of [undefined, 'Bearer nothing', `Basic ${token}`, `Bearer ${token}x`])
      expect(await status(no)).toBe(401)
  })

  it('a token that could be guessed is refused at the start', () => {
    expect(() => readConfig({ METRICS_TOKEN: 'short' })).toThrow(BadConfiguration)
    expect(readConfig({ METRICS_TOKEN: '0123456789abcdef' }).metricsToken).toBe('0123456789abcdef')
  })
})
