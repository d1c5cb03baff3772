/// <reference lib="dom" />
/** The pages of a moment in a real browser: what is printed, the picture, and the links between what belongs together. */
import { AxeBuilder } from '@axe-core/playwright'
import { readFileSync } from 'node:fs'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { openBrowser } from '../support/browser.ts'
import { buildAssets, richestJourney, serve, type Served } from '../support/served.ts'

let served: Served
let browser: Browser
let path: string

beforeAll(async () => {
  await buildAssets()
  ;[served, browser] = await Promise.all([serve({ journeys: 12, settings: { RATE_LIMIT: '0' } }), openBrowser()])
  path = `/journeys/${await richestJourney(served)}`
}, 240_000)

afterAll(async () => {
  await browser?.close()
  await served?.stop()
})

async function opened(address: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ baseURL: served.url, ...options })
  onTestFinished(() => context.close())
  const page = await context.newPage()
  await page.goto(address)
  return page
}

const pages = ['compare?clock=known&from=2024-06-01&to=2025-03-31', 'record?clock=known&at=2024-10-10', 'replay/table']

it('in forced colours, axe finds nothing on the pages of a moment', async () => {
  const page = await opened('/', { forcedColors: 'active' })
  const found: string[] = []
  for (const address of pages) {
    await page.goto(`${path}/${address}`)
    const { violations } = await new AxeBuilder({ page }).analyze()
    found.push(...violations.map(({ id, nodes }) => `${address}: ${id} at ${nodes[0]!.html}`))
  }
  expect(found).toEqual([])
}, 180_000)

it('the pages of a moment fit a phone without scrolling sideways', async () => {
  const page = await opened('/', { viewport: { width: 390, height: 844 } })
  for (const address of [...pages, 'compare?from=yesterday', '']) {
    await page.goto(`${path}/${address}`)
    expect(await page.evaluate(() => document.documentElement.scrollWidth), address).toBe(390)
  }
})

it('the record prints with its head on every page, and without an address or an id beyond the name of its history', async () => {
  const page = await opened(`${path}/record?clock=known&at=2025-03-31`)
  await page.emulateMedia({ media: 'print' })
  const head = page.locator('.tl-record__running')
  expect(await head.evaluate((element) => getComputedStyle(element).display)).toBe('table-header-group')
  expect(await head.textContent()).toMatch(/CRN .* As known on 31 March 2025 at 11:59pm .* Printed /)
  const shown = await page.evaluate(() => document.body.innerText)
  expect(shown.match(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g)).toHaveLength(1)
  expect(shown).not.toMatch(/https?:|\/journeys\//)
  const afterLinks = await page
    .locator('.tl-record a')
    .evaluateAll((links) => links.map((link) => getComputedStyle(link, '::after').content))
  expect(new Set(afterLinks)).toEqual(new Set(['none']))
  for (const hidden of ['.tl-crumbs', '.tl-record__links', '.tl-header'])
    expect(await page.locator(hidden).isVisible(), hidden).toBe(false)
  expect((await page.pdf({ preferCSSPageSize: true })).subarray(0, 5).toString()).toBe('%PDF-')
})

it('the picture is an SVG of its own, with name, moment and legend, that leads nowhere', async () => {
  const page = await opened(`${path}/replay?clock=happened&at=2024-10-10`)
  const picture = await page.evaluate(async () => {
    const link = document.querySelector<HTMLAnchorElement>('a[href*="picture.svg"]')!
    const svg = await (await fetch(link.href)).text()
    const { documentElement: root } = new DOMParser().parseFromString(svg, 'image/svg+xml')
    return { name: root.tagName, text: root.textContent ?? '', svg }
  })
  expect(picture.name).toBe('svg')
  for (const words of ['CRN', 'As it happened by 10 October 2024', 'Unacceptable absence', 'Faint: still to come'])
    expect(picture.text).toContain(words)
  expect(picture.svg).toContain('.tl-attended{')
  expect(picture.svg).not.toMatch(/href=|<script|\/journeys\//)
})

it('the picture is made into a PNG in the browser, of the moment the playhead is at', async () => {
  const page = await opened(`${path}/replay?clock=happened&at=2024-10-10`)
  const link = page.locator('[data-png]')
  await link.waitFor({ state: 'visible' })
  await page.waitForSelector('.tl-replay--live')
  await page.click('#tl-next')
  await expect.poll(() => link.getAttribute('href')).not.toContain('at=2024-10-10')
  expect(new URL((await link.getAttribute('href'))!, served.url).search).toBe(
    new URL((await page.getAttribute('#tl-link', 'href'))!, page.url()).search,
  )
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()])
  expect(download.suggestedFilename()).toMatch(/^replay-happened-\d{4}-\d\d-\d\d\.png$/)
  const png = readFileSync(await download.path())
  expect(png.subarray(1, 4).toString()).toBe('PNG')
  expect(png.readUInt32BE(16)).toBe(2480)
})

it('an entry of the timeline, its event in the history and its moment on the replay lead to each other', async () => {
  const page = await opened(path)
  await page.click('#event-8 .tl-entry__links a:has-text("event 8")')
  expect(new URL(page.url()).hash).toBe('#event-8')
  await page.click('#event-8 a:has-text("Its moment on the replay")')
  await page.click('.tl-happened__item a:has-text("on the timeline")')
  expect(page.url()).toBe(`${served.url}${path}#event-8`)
  await page.click('#event-8 .tl-entry__links a:has-text("its moment on the replay")')
  await page.click('.tl-crumbs a:has-text("Timeline")')
  expect(new URL(page.url()).pathname).toBe(path)
})
