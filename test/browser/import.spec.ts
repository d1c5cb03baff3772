/** A case manager sends a contact log through the page, looks at what the check found, and imports it. */
import { AxeBuilder } from '@axe-core/playwright'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openBrowser } from '../support/browser.ts'
import { serve, type Served } from '../support/served.ts'

const nasty = new URL('../fixtures/contact-logs/nasty.csv', import.meta.url).pathname

let served: Served
let browser: Browser
beforeAll(async () => {
  ;[served, browser] = await Promise.all([serve({ journeys: 0 }), openBrowser()])
})
afterAll(async () => {
  await browser?.close()
  await served?.stop()
})

it('checks a contact log first, and imports it when told to', async () => {
  const context = await browser.newContext({ baseURL: served.url, viewport: { width: 390, height: 844 } })
  const page = await context.newPage()
  const accessible = async () => {
    const { violations } = await new AxeBuilder({ page })
      .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
      .analyze()
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`)).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)
  }
  await page.goto('/')
  await page.getByRole('link', { name: 'Import a contact log' }).first().click()
  await accessible()
  await page.getByRole('button', { name: 'Check the file' }).click()
  expect(await page.getByRole('alert').innerText()).toContain('Select a contact log')
  await accessible()
  await page.getByLabel('Contact log').setInputFiles(nasty)
  await page.getByRole('button', { name: 'Check the file' }).click()
  await page.getByRole('heading', { name: 'Check what will be imported' }).waitFor()
  await accessible()
  if (process.env.PICTURES)
    await page.screenshot({
      path: join(process.env.PICTURES, 'import.png'),
      fullPage: true,
    })
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Download the refused records' }).click(),
  ])
  expect(download.suggestedFilename()).toBe('rejected-records.csv')
  await page.getByRole('button', { name: /^Import \d+ records$/ }).click()
  await page.getByRole('heading', { name: 'Contact log imported' }).waitFor()
  await accessible()
  await page.getByRole('link', { name: 'Go to the case load' }).click()
  expect(await page.locator('table tbody tr').count()).toBeGreaterThan(0)
  await context.close()
})
