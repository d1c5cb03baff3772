/// <reference lib="dom" />
import { oddityCodes } from '../../src/domain/journey/oddities.ts'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { randomUUID } from 'node:crypto'
import { withCaseload } from '../../projections/caseload.ts'
import { openBrowser } from '../support/browser.ts'
import { buildAssets, openJourney, richestJourney, serve, type Served } from '../support/served.ts'

let browser: Browser
let served: Served

beforeAll(async () => {
  await buildAssets()
  browser = await openBrowser()
  served = await serve({ journeys: 30 })
})
afterAll(async () => {
  await browser?.close()
  await served?.stop()
})

async function newContext(): Promise<BrowserContext> {
  const context = await browser.newContext({ baseURL: served.url })
  onTestFinished(() => context.close())
  return context
}

async function warn(journeyId: string): Promise<void> {
  const answer = await fetch(`${served.url}/api/journeys/${journeyId}/warnings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    body: JSON.stringify({ occurredOn: '2025-03-31', confirmedOddities: oddityCodes }),
  })
  expect(answer.status).toBe(201)
}

const isTold = (page: Page) => page.waitForSelector('[data-live]:not([hidden])', { timeout: 15_000 })

describe('twenty open timelines', () => {
  it('share one event stream, load, and are each told what is added', { timeout: 180_000 }, async () => {
    const context = await newContext()
    const streams = new Set<string>()
    const pages: Page[] = []
    const journeys = await withCaseload(served.runtime.readModels.db)
      .selectFrom('caseload')
      .select('journey_id')
      .where('outcome', '=', 'open')
      .limit(20)
      .execute()
    const ids = Array.from({ length: 20 }, (_, n) => journeys[n % journeys.length]!.journey_id)
    context.on('request', (request) => {
      if (request.resourceType() === 'eventsource') streams.add(request.url())
    })
    for (const id of ids) {
      const page = await context.newPage()
      await page.goto(`/journeys/${id}`, { timeout: 15_000 })
      pages.push(page)
    }
    const form = await context.newPage()
    await form.goto(`/journeys/${ids[0]}/contact`, { timeout: 15_000 })
    expect(await form.locator('form').count()).toBeGreaterThan(0)
    await warn(ids[0]!)
    await warn(ids[1]!)
    await isTold(pages[0]!)
    await isTold(pages[1]!)
    expect([...streams].some((url) => url.includes(ids[0]!) && url.includes(ids[1]!))).toBe(true)

    // The tab that held the stream is closed: another takes it over.
    await pages[0]!.close()
    const last = ids.find((id) => id !== ids[0] && id !== ids[1])!
    await warn(last)
    await isTold(pages[ids.indexOf(last)]!)
  })

  it('are told, when one is looked at again, what it missed while it was hidden', async () => {
    const context = await newContext()
    const page = await context.newPage()
    const id = await openJourney(served)
    await page.goto(`/journeys/${id}`)
    await page.evaluate(() => {
      Object.defineProperty(document, 'hidden', { value: true, configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))
    })
    await warn(id)
    await page.evaluate(() => {
      Object.defineProperty(document, 'hidden', { value: false, configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))
    })
    await isTold(page)
  })
})

describe('the address of the stream', () => {
  it.each(['/live', '/live?topic=nonsense', '/live?topic=journey-1'])(
    '%s says that it names nothing',
    async (address) => {
      const answer = await fetch(served.url + address)
      expect(answer.status).toBe(400)
      expect(await answer.text()).toContain('names nothing that can be followed')
    },
  )

  it('of a journey that is not there tells nothing about it', async () => {
    const stop = new AbortController()
    const [there, nowhere] = [await richestJourney(served), randomUUID()]
    const answer = await fetch(`${served.url}/live?topic=journey-${nowhere}&topic=journey-${there}`, {
      signal: stop.signal,
    })
    expect(answer.headers.get('content-type')).toContain('text/event-stream')
    const stream = answer.body!.pipeThrough(new TextDecoderStream()).getReader()
    let told = ''
    while (!told.includes(there)) told += (await stream.read()).value ?? ''
    stop.abort()
    expect(told).not.toContain(nowhere)
  })
})
