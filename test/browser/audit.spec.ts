/// <reference lib="dom" />
/** An auditor's morning: what was believed, what was changed since and by whom, every ending recategorised, and the proof of it. */
import { AxeBuilder } from '@axe-core/playwright'
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate'
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { EventIndex } from '../../src/audit/event-index.ts'
import { Evidence } from '../../src/evidence/evidence.module.ts'
import { coveredCategories } from '../../src/evidence/evidence-follower.ts'
import { checkPack } from '../../src/evidence/pack/check-pack.ts'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { openBrowser } from '../support/browser.ts'
import { importJourneys, marked, reference } from '../support/packs.ts'
import { buildAssets, serve, type Served } from '../support/served.ts'

let browser: Browser
let served: Served
let directory: string
beforeAll(async () => {
  await buildAssets()
  directory = mkdtempSync(join(tmpdir(), 'throughline-audit-'))
  served = await serve({ journeys: 0, settings: { RATE_LIMIT: '0' }, as: 'auditor' })
  await importJourneys(served.runtime)
  await waitUntilCaughtUp(served.runtime)
  const head = await served.runtime.store.headPositionOf(coveredCategories)
  const { log } = served.app.get(Evidence)
  await vi.waitFor(() => expect(served.app.get(EventIndex).readUpTo! >= head).toBe(true), 60_000)
  await vi.waitFor(() => expect(log!.readUpTo! >= head && log!.file.latestCheckpoint()!.size === log!.size).toBe(true), 60_000) // prettier-ignore
  browser = await openBrowser()
})
afterAll(async () => {
  await browser?.close()
  await served?.stop()
  rmSync(directory, { recursive: true, force: true })
})

const text = async (page: Page, selector = 'main') => (await page.textContent(selector))!.replace(/\s+/g, ' ').trim()

/** No page is wider than a phone, and axe finds nothing on it. */
async function looked(page: Page, name: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  const found = violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${name}: ${id}: ${html}`))
  expect(found).toEqual([])
  await page.setViewportSize({ width: 390, height: 844 })
  expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBe(390)
  await page.setViewportSize({ width: 1280, height: 900 })
  await pictured(page, name)
}

/** PICTURES names a directory where each page of the way is kept to be looked at: on a desk, a phone, in forced colours and printed. */
async function pictured(page: Page, name: string): Promise<void> {
  const { PICTURES } = process.env
  if (!PICTURES) return
  mkdirSync(PICTURES, { recursive: true })
  const keep = (kind: string) => page.screenshot({ path: join(PICTURES, `${name}-${kind}.png`), fullPage: true })
  await page.setViewportSize({ width: 390, height: 844 })
  await keep('390')
  await page.setViewportSize({ width: 1280, height: 900 })
  await keep('1280')
  await page.emulateMedia({ forcedColors: 'active' })
  await keep('forced')
  await page.emulateMedia({ forcedColors: 'none', media: 'print' })
  await keep('print')
  await page.emulateMedia({ media: 'screen' })
}

/** Makes the pack that the form asks for and takes it away. @returns the file, and the key that the page names */
async function packMade(page: Page, name: string): Promise<{ bytes: Buffer; key: string }> {
  await page.click('text=Continue')
  expect(await text(page)).toContain('An inspection')
  await looked(page, `${name}-check`)
  await page.click('text=Make the pack')
  await page.waitForURL(/\/audit\/packs\/[\w-]{36}$/)
  const key = (await page.textContent('ol pre'))!
  await looked(page, `${name}-made`)
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('text=Download the pack')])
  return { bytes: readFileSync(await download.path()), key }
}

/** Opens the report of a pack as its receiver does, who has the file and no network; to be read until the spec is over. */
async function reportOf(bytes: Buffer, key: string): Promise<{ page: Page; requests: string[] }> {
  const file = join(directory, `report-${randomUUID()}.html`)
  writeFileSync(file, strFromU8(unzipSync(bytes)['report.html']!))
  const context = await browser.newContext({ offline: true, viewport: { width: 1280, height: 900 } })
  onTestFinished(() => context.close())
  const page = await context.newPage()
  const requests: string[] = []
  const { href } = pathToFileURL(file)
  page.on('request', (request) => request.url() !== href && requests.push(request.url()))
  await page.goto(href)
  await page.waitForSelector('#verdict')
  await page.fill('#key', key)
  await page.locator('#key').blur()
  expect(await text(page, '#verdict')).toContain('Nothing was altered')
  return { page, requests }
}

it(
  'leads from a man to what was believed of him, to every ending recategorised, and to the proof',
  { timeout: 480_000 },
  async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true })
    onTestFinished(() => context.close())
    const page = await context.newPage()

    // He is sought by name, with a slip of the pen; the address has neither his name nor his number.
    await page.goto(`${served.url}/audit`)
    await page.fill('#case', marked.familyName.replace('x', 'c'))
    await page.click('text=Find events')
    expect(page.url()).toMatch(/\/audit\/people\?search=[\w-]{22}&order=recorded$/)
    expect(await page.locator('tbody tr').count()).toBe(4)
    await looked(page, 'audit-people')
    await page.click(`tr:has-text("${reference}") th a`)
    expect(page.url()).toMatch(/\/audit\?case=journey-[\w-]+&order=recorded$/)
    expect(await text(page)).toContain(`${marked.familyName}, Zebediah`)
    expect(await text(page)).toContain('Recorded 36 days late')
    await looked(page, 'audit-desk')
    const desk = page.url()
    const stream = new URL(desk).searchParams.get('case')!

    // What was believed of him on 25 June: that he was on the programme and had come to his first session.
    await page.click('text=What was believed on a day')
    await page.click('text=Choose another moment')
    for (const [part, value] of Object.entries({ day: '25', month: '6', year: '2023' }))
      await page.fill(`#at-${part}`, value)
    await page.click('text=Show the record at this moment')
    expect(await text(page, 'h1')).toBe('The record as known on 25 June 2023 at 11:59pm')
    expect(await text(page, '.tl-record')).toContain('On programme')
    expect(await text(page, '.tl-record')).not.toContain('Dropped out')
    await pictured(page, 'record')

    // What was changed since, by whom.
    await page.goto(desk)
    await page.click('text=What changed in it between two days')
    await page.fill('#from', '26/6/2023')
    await page.click('text=Show what changed')
    expect(page.url()).toContain(`case=${stream}`)
    expect(await text(page)).toContain('1 journey, 3 events')
    await looked(page, 'audit-changes')
    await page.click('text=What changed, and why')
    expect(await text(page)).toContain('On programme')
    expect(await text(page)).toContain('F002')
    await pictured(page, 'compare')

    // Every ending recategorised this year, and his among them to the byte.
    await page.goto(`${served.url}/registers/recategorised-outcomes`)
    await page.fill('#from', '2023-01-01')
    await page.fill('#to', '2023-12-31')
    await page.click('text=Apply filters')
    expect(await text(page)).toContain('4 men were recorded as having left')
    expect(await page.locator('#rows ~ table tbody tr').count()).toBe(4)
    const register = page.url()
    await looked(page, 'register')
    await page.click(`tr:has-text("${reference}") >> text=event 6`)
    expect(page.url()).toMatch(/#event-6$/)
    await page.goto(`${served.url}/audit`)
    await page.selectOption('#type', 'OutcomeRecategorised')
    await page.fill('#recorded-from', '1/1/2023')
    await page.fill('#recorded-to', '31/12/2023')
    await page.click('text=Find events')
    expect(await page.locator('tbody tr').count()).toBe(4)
    await page.click(`tr:has-text("${stream}") a`)
    expect(page.url()).toContain(`${stream}?at=6#event-6`)
    expect(await text(page, '#event-6')).toContain('Recategorises event 5')
    await page.click('#event-6 summary')
    expect(await text(page, '#event-6')).toContain('it leads to the root that was signed')
    await page.click('#event-6 >> text=event 5')
    expect(await text(page, '#event-5')).toContain('Recategorised by event 6')
    await page.click('#event-5 summary')
    await looked(page, 'audit-stream')

    // Prove it: his journey as it was known on that day, and the register.
    await page.click('text=make an evidence pack of it')
    await page.check('input[value=journey]')
    await page.fill('#known', '25/6/2023')
    await page.selectOption('#reason', 'inspection')
    await page.check('input[value=with]')
    await looked(page, 'pack-new')
    const journey = await packMade(page, 'pack-journey')
    const report = await reportOf(journey.bytes, journey.key)
    expect(await text(report.page, '#verdict')).toContain('7 events of this pack are in the signed log')
    expect(await text(report.page, '#counted')).toBe('4 of 7 events had been recorded by the end of that day.')
    expect(report.requests).toEqual([])
    await pictured(report.page, 'report-journey')

    await page.goto(register)
    await page.click('text=make an evidence pack of this register')
    await page.selectOption('#reason', 'inspection')
    await page.check('input[value=without]')
    const { bytes, key } = await packMade(page, 'pack-register')
    const rows = await reportOf(bytes, key)
    expect(await text(rows.page, '#counted')).toContain('The register has 4 rows')
    expect(await text(rows.page, 'main')).not.toContain(marked.familyName)
    expect(rows.requests).toEqual([])
    await pictured(rows.page, 'report-register')

    // Somebody at a terminal comes to the same, and to another verdict of a pack in which one letter was changed.
    for (const one of [journey, { bytes, key }])
      expect(checkPack(one.bytes, one.key)).toMatchObject({ isProven: true, files: [] })
    const files = unzipSync(journey.bytes)
    const events = strFromU8(files['events.jsonl']!).replace('UAAB', 'ATTC')
    expect(checkPack(zipSync({ ...files, 'events.jsonl': strToU8(events) }), journey.key).isProven).toBe(false)

    // The morning itself is on record: what he looked at, and what he took away.
    await page.goto(`${served.url}/registers`)
    await page.click('a:has-text("Taken away")')
    expect(await text(page)).toContain('2 records')
    await looked(page, 'taken-away')
  },
)
