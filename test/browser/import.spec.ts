/** A case manager sends a contact log through the page, looks at what the check found, and imports it. */
import { AxeBuilder } from '@axe-core/playwright'
import { parse } from 'csv-parse/sync'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { columns, type Column } from '../../src/exchange/contact-log.ts'
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

/** A record of a man of his own, and what was wrong with it when it was first sent. */
const records: readonly {
  right: Partial<Record<Column, string>>
  wrong?: Partial<Record<Column, string>>
  more?: string
}[] = [
  { right: { journey_ref: 'MEND-1', crn: 'N000001' } },
  {
    right: { journey_ref: 'MEND-1', crn: 'N000001', contact: 'Warning', note: 'one' },
    wrong: { occurred_on: '31/02/2024' },
  },
  {
    right: { journey_ref: 'MEND-1', crn: 'N000001', contact: 'Warning', note: 'two' },
    wrong: { date_of_birth: '1/2/80' },
  },
  {
    right: { journey_ref: 'MEND-1', crn: 'N000001', contact: 'Warning', note: 'three' },
    wrong: { recorded_at: '2024-03-03' },
  },
  { right: { journey_ref: 'MEND-2', crn: 'N000002' }, wrong: { crn: 'N2' } },
  // Nothing is wrong with it but that the record before it was refused.
  { right: { journey_ref: 'MEND-2', crn: 'N000002', contact: 'Warning', note: 'four' } },
  { right: { journey_ref: 'MEND-1', crn: 'N000001', contact: 'Recall', note: '007' }, wrong: { contact: 'Recal' } },
  {
    right: { journey_ref: 'MEND-1', crn: 'N000001', contact: 'Warning', note: 'six' },
    wrong: { journey_ref: 'MEND-l' },
  },
  {
    right: { journey_ref: 'MEND-1', crn: 'N000001', contact: 'Warning', note: 'late, again' },
    wrong: { note: 'late' },
    more: ', again',
  },
]
const good: Partial<Record<Column, string>> = {
  family_name: 'Newcomer',
  given_names: 'Sam',
  date_of_birth: '01/02/1980',
  recorded_at: '03/03/2024 10:00',
  occurred_on: '01/03/2024',
  contact: 'Referral',
  programme: 'bbr',
  provider: 'North',
  recorded_by: 'F001',
}
const inQuotes = (cell: string) => (/[",]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)

it('lets somebody who was never here mend what was refused, and takes all of it the second time', async () => {
  const context = await browser.newContext({ baseURL: served.url, viewport: { width: 1280, height: 900 } })
  const page = await context.newPage()
  await page.goto('/import')
  const first = records.map(
    ({ right, wrong, more = '' }) =>
      columns.map((column) => inQuotes({ ...good, ...right, ...wrong }[column] ?? '')).join() + more,
  )
  await send(page, 'contacts.csv', [columns.join(), ...first].join('\r\n'))
  await page.getByRole('heading', { name: 'Check what will be imported' }).waitFor()
  await picture(page, 'checked')
  expect(await page.getByText('Import the other records first').count()).toBe(1)
  expect(await page.getByText('Open it with every column as text').count()).toBe(1)
  await page.getByRole('button', { name: 'Import 1 record' }).click()
  await page.getByRole('heading', { name: 'Contact log imported' }).waitFor()
  await picture(page, 'imported')
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Download the refused records' }).click(),
  ])
  const [header, ...rejects] = parse(readFileSync(await download.path(), 'utf8'), {
    bom: true,
    relax_column_count: true,
  }) as string[][]
  expect(rejects.map(([, reason, column]) => [reason, column])).toEqual([
    ['bad_date', 'occurred_on'],
    ['bad_date', 'date_of_birth'],
    ['bad_date', 'recorded_at'],
    ['bad_crn', 'crn'],
    ['no_referral', 'journey_ref'],
    ['unknown_contact', 'contact'],
    ['no_referral', 'journey_ref'],
    ['too_many_columns', ''],
  ])
  expect(rejects.every(([, , , expected]) => expected!.length > 10)).toBe(true)

  // What each line says is put right in its own cells, and the sheet is saved.
  const mended = rejects.map(([line, reason, column, expected, ...cells]) => {
    const { right } = records[Number(line) - 2]!
    const whole = cells.slice(0, columns.length)
    for (const [n, name] of columns.entries())
      if (name === column || reason === 'too_many_columns') whole[n] = { ...good, ...right }[name] ?? ''
    return [line!, reason!, column!, expected!, ...whole].map(inQuotes).join()
  })
  await page.getByRole('link', { name: 'send that file as you sent this one' }).click()
  await send(page, 'rejected-records.csv', [header!.join(), ...mended].join('\r\n'))
  await page.getByRole('button', { name: 'Import 8 records' }).click()
  await page.getByRole('heading', { name: 'Contact log imported' }).waitFor()
  await picture(page, 'mended')
  expect(await page.getByText('Refused records').count()).toBe(0)
  await context.close()
})

async function send(page: Page, name: string, content: string): Promise<void> {
  await page.getByLabel('Contact log').setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(content) })
  await page.getByRole('button', { name: 'Check the file' }).click()
}

async function picture(page: Page, name: string): Promise<void> {
  if (process.env.PICTURES) await page.screenshot({ path: join(process.env.PICTURES, `${name}.png`), fullPage: true })
}
