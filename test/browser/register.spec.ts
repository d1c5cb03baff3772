/// <reference lib="dom" />
/** A facilitator’s evening: the register by keyboard alone, a stand-in, the connection lost and back, a correction the day after. */
import { AxeBuilder } from '@axe-core/playwright'
import { mkdirSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { groupOf } from '../process/support.ts'
import { openBrowser } from '../support/browser.ts'
import { buildAssets, serve, type Served } from '../support/served.ts'

const men = 12

it(
  'marks twelve men by keyboard alone, keeps what is not sent when the connection drops, and corrects it',
  { timeout: 180_000 },
  async () => {
    const { sessionIds, groupId } = await groupOf(served.runtime.commands, 'G401', men, ['F1', 'F2'])
    await waitUntilCaughtUp(served.runtime)
    const page = await newPage()
    await page.goto(`/sessions/${sessionIds[0]}/register`)
    await page.waitForSelector('[data-unsent][hidden]', { state: 'attached' })
    await look(page, 'register')
    await accessible(page)

    // The first facilitator was there, the second was not: Tab, Tab, Space; then who stood in.
    await page.focus('#there')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Space')
    await page.focus('#standIn-1')
    await page.keyboard.type('F099')
    await page.focus('#standInReason-1')
    await page.keyboard.type('Sick')
    // Everybody came but the first, who was ill.
    await page.focus('#all')
    await page.keyboard.press('Enter')
    const first = page.locator('[data-outcome]').first()
    expect(await first.evaluate((select) => select === document.activeElement)).toBe(true)
    await page.keyboard.type('Acceptable absence: medical')
    expect(await first.inputValue()).toBe('AAME')
    for (let tab = 0; tab < 3; tab++) await page.keyboard.press('Tab')
    await page.keyboard.type('Rang before noon.')

    // The connection drops: nothing is lost, and the page says so.
    await page.context().setOffline(true)
    await page.click('button.govuk-button:has-text("Continue")')
    await page.waitForSelector('[data-unsent]:has-text("Not yet sent")')
    const kept = await page.evaluate(() => JSON.stringify(localStorage))
    expect(kept).toContain('throughline-register-')
    expect(kept).not.toContain('Rang before noon')
    await look(page, 'register-not-sent')
    await page.context().setOffline(false)
    // The page is opened anew, as after the tablet was switched off: what was entered is there again.
    await page.goto(`/sessions/${sessionIds[0]}/register`)
    await page.waitForSelector('[data-unsent]:has-text("Not yet sent")')
    expect(await page.inputValue('[data-outcome]')).toBe('AAME')
    expect(await page.locator('.tl-register__note').first().inputValue()).toBe('Rang before noon.')
    expect(await page.isChecked('[id="there-F030"]')).toBe(false)

    await page.focus('.govuk-button-group .govuk-button')
    await page.keyboard.press('Enter')
    await page.waitForURL(/register$/)
    await page.waitForSelector('h1:has-text("Check your answers before recording the register")')
    await look(page, 'register-check')
    await accessible(page)
    // The session was long ago, which is asked about.
    await page.focus('#confirmedOddities')
    await page.keyboard.press('Space')
    await page.focus('#confirm')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.govuk-panel__title:has-text("Register recorded")')
    expect(await page.evaluate(() => localStorage.length)).toBe(0)
    await look(page, 'session')
    await accessible(page)
    await expect
      .poll(
        async () => {
          await page.goto(`/sessions/${sessionIds[0]}`)
          return page.textContent('#main-content')
        },
        { timeout: 30_000 },
      )
      .toContain(`${men} of ${men} are on the timeline`)
    expect(await page.textContent('#main-content')).toContain('F099 (Cover facilitator, stood in: sickness)')

    // The day after.
    await page.click('tbody tr:first-child a:has-text("Correct")')
    await page.selectOption('#outcome', 'AAFC')
    await page.fill('#because', 'It was his daughter who was ill.')
    await page.click('button.govuk-button:has-text("Continue")')
    await page.click('#confirm')
    await page.waitForSelector('text=Register corrected')
    await page.goto(`/groups/${groupId}`)
    expect(await page.textContent('.tl-attendance')).toContain('AAFC*')
    await look(page, 'group')
    await accessible(page)
    await page.goto('/groups')
    await look(page, 'groups')
    await accessible(page)
  },
)

let served: Served
let browser: Browser

beforeAll(async () => {
  await buildAssets()
  served = await serve({ journeys: 0 })
  browser = await openBrowser()
}, 180_000)
afterAll(async () => {
  await browser?.close()
  await served?.stop()
})

async function newPage(): Promise<Page> {
  const context = await browser.newContext({ baseURL: served.url, viewport: { width: 1280, height: 900 } })
  onTestFinished(() => context.close())
  return context.newPage()
}

async function accessible(page: Page) {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'])
    .analyze()
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ target }) => target)])).toEqual([])
}

/** SCREENSHOTS names a directory where the pages are kept to be looked at. */
async function look(page: Page, name: string) {
  const directory = process.env.SCREENSHOTS
  if (!directory) return
  mkdirSync(directory, { recursive: true })
  await page.screenshot({ path: `${directory}/${name}.png`, fullPage: true })
}
