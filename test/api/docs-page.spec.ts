/// <reference lib="dom" />
import { AxeBuilder } from '@axe-core/playwright'
import { expect, it } from 'vitest'
import { openBrowser } from '../support/browser.ts'
import { running } from './support.ts'

const api = running()

it(
  'the page for people works in a browser, breaks no content policy and passes the checks of axe',
  { timeout: 120_000 },
  async () => {
    await api.app.listen(0, '127.0.0.1')
    const browser = await openBrowser()
    try {
      const page = await (await browser.newContext()).newPage()
      const complaints: string[] = []
      page.on('console', (message) => complaints.push(message.text()))
      page.on('pageerror', (error) => complaints.push(error.message))
      await page.goto(`${await api.app.getUrl()}/api/docs`)
      await page.locator('#recordAttendance summary').click()
      await page.locator('#recordAttendance').getByText('Idempotency-Key').first().waitFor()
      expect(await page.locator('.tl-api__operation').count()).toBeGreaterThan(25)
      const { violations } = await new AxeBuilder({ page }).analyze()
      expect(violations.map(({ id, nodes }) => `${id}: ${String(nodes[0]?.target)}`)).toEqual([])
      expect(complaints).toEqual([])
    } finally {
      await browser.close()
    }
  },
)
