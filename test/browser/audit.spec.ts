/// <reference lib="dom" />
/** An auditor's morning: what was believed, what was changed since and by whom, every ending recategorised, and the proof of it. */
import { AxeBuilder } from '@axe-core/playwright'
import { strFromU8, unzipSync } from 'fflate'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { EventIndex } from '../../src/audit/event-index.ts'
import { Evidence } from '../../src/evidence/evidence.module.ts'
import { coveredCategories } from '../../src/evidence/evidence-follower.ts'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { openBrowser } from '../support/browser.ts'
import { importJourneys, reference } from '../support/packs.ts'
import { buildAssets, serve, type Served } from '../support/served.ts'

let browser: Browser
let served: Served
let directory: string
beforeAll(async () => {
  await buildAssets()
  directory = mkdtempSync(join(tmpdir(), 'throughline-audit-'))
  served = await serve({ journeys: 0, settings: { RATE_LIMIT: '0' } })
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

async function looked(page: Page, name: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  const found = violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${name}: ${id}: ${html}`))
  expect(found).toEqual([])
  const { PICTURES } = process.env
  if (!PICTURES) return
  mkdirSync(PICTURES, { recursive: true })
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 900 })
    await page.screenshot({ path: join(PICTURES, `${name}-${width}.png`), fullPage: true })
  }
}

it('leads from a question to a pack that is verified with the network off', { timeout: 240_000 }, async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true })
  const page = await context.newPage()

  // His record, found by its reference, which the address then does not have.
  await page.goto(`${served.url}/audit`)
  await page.fill('#case', reference)
  await page.click('text=Find events')
  expect(page.url()).toMatch(/\/audit\?case=journey-[\w-]+&order=recorded$/)
  expect(await text(page)).toContain('Recorded 36 days late')
  await looked(page, 'audit-desk')
  const stream = new URL(page.url()).searchParams.get('case')!

  // What was believed of him on 25 June, and what was changed since, by whom and why.
  await page.click('text=What changed between two days')
  await page.fill('#from', '26/6/2023')
  await page.fill('#case', stream)
  await page.click('text=Show what changed')
  expect(await text(page)).toContain('1 journey, 3 events')
  await looked(page, 'audit-changes')
  await page.click('text=What changed, and why')
  expect(await text(page)).toContain('On programme')
  expect(await text(page)).toContain('F002')

  // Every ending recategorised this year, and the one of his to the byte.
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

  // Prove it.
  await page.click('text=make an evidence pack of it')
  await page.check('input[value=journey]')
  await page.selectOption('#reason', 'inspection')
  await page.check('input[value=with]')
  await looked(page, 'audit-pack-new')
  await page.click('text=Continue')
  expect(await text(page)).toContain('An inspection')
  await looked(page, 'audit-pack-check')
  await page.click('text=Make the pack')
  expect(await text(page)).toContain('7 events')
  const key = await page.textContent('ol pre')
  await looked(page, 'audit-pack-made')
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('text=Download the pack')])
  const report = unzipSync(readFileSync(await download.path()))['report.html']!
  const file = join(directory, 'report.html')
  writeFileSync(file, strFromU8(report))
  const alone = await browser.newContext({ offline: true })
  const reading = await alone.newPage()
  await reading.goto(pathToFileURL(file).href)
  await reading.waitForSelector('#verdict')
  await reading.fill('#key', key!)
  await reading.locator('#key').blur()
  expect(await text(reading, '#verdict')).toContain('Nothing was altered')
  await alone.close()
  await context.close()
})
