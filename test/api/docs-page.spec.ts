import { expect, it } from 'vitest'
import { openBrowser } from '../support/browser.ts'
import { running } from './support.ts'

const api = running()

it('the page for people works in a browser, and breaks no content policy', async () => {
  await api.app.listen(0, '127.0.0.1')
  const browser = await openBrowser()
  try {
    const page = await browser.newPage()
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    await page.goto(`${await api.app.getUrl()}/api/docs`)
    await page.locator('#operations-What_happened-recordAttendance .opblock-summary-control').click()
    await page.getByText('Idempotency-Key').first().waitFor()
    expect(await page.locator('.opblock').count()).toBeGreaterThan(25)
    expect(complaints).toEqual([])
  } finally {
    await browser.close()
  }
})
