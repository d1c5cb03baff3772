/// <reference lib="dom" />
/** In a real browser, with nothing signed in for it: what each role sees in its first minutes. */
import { AxeBuilder } from '@axe-core/playwright'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { roleCodes, roles, type Role } from '../../src/access/policy.ts'
import { sessionCookie } from '../../src/web/sign-in/cookies.ts'
import { openBrowser } from '../support/browser.ts'
import { buildAssets, serve, type Served } from '../support/served.ts'

let served: Served
let browser: Browser
beforeAll(async () => {
  await buildAssets()
  served = await serve({ journeys: 20, everybodySignedIn: false })
  browser = await openBrowser()
})
afterAll(async () => {
  await browser.close()
  await served.stop()
})

async function newPage(width = 1280): Promise<Page> {
  const context = await browser.newContext({ baseURL: served.url, viewport: { width, height: 900 }, locale: 'en-GB' })
  onTestFinished(() => context.close())
  context.setDefaultTimeout(15_000)
  return context.newPage()
}

const choose = (page: Page, role: Role) => page.click(`button:has-text("Sign in as ${roles[role].name}")`)
const navigation = (page: Page) => page.locator('.tl-nav__link').allTextContents()
const axe = async (page: Page) =>
  (await new AxeBuilder({ page }).analyze()).violations.map(({ id, nodes }) => [id, nodes[0]!.html])
/** PICTURES names a folder to keep pictures of the pages in, to look at. */
async function picture(page: Page, name: string): Promise<void> {
  if (process.env.PICTURES) await page.screenshot({ path: join(process.env.PICTURES, `${name}.png`), fullPage: true })
}

const own: Readonly<Record<Role, readonly [heading: string, ...parts: string[]]>> = {
  case_manager: ['Today', 'Today', 'Case load', 'Groups', 'Import', 'Your account'],
  facilitator: ['Case load', 'Today', 'Case load', 'Groups', 'Import', 'Your account'],
  treatment_manager: ['Case load', 'Today', 'Case load', 'Groups', 'Import', 'Your account'],
  auditor: ['Case load', 'Today', 'Case load', 'Groups', 'Registers', 'Audit', 'Your account'],
  data_protection_officer: [
    'Case load',
    'Today',
    'Case load',
    'Groups',
    'Rights',
    'Registers',
    'Audit',
    'Your account',
  ],
  partner_safety_worker: ['Partner safety', 'Partner safety', 'Your account'],
  administrator: ['Operations', 'Operations', 'Your account'],
}

describe('somebody who opens the service', () => {
  it.each(roleCodes)('chooses to be a %s and begins at what is his', async (role) => {
    const page = await newPage()
    await page.goto('/sign-in')
    expect(await page.textContent('h1')).toBe('Choose who to be')
    await choose(page, role)
    await page.waitForURL(`${served.url}/**`)
    const [heading, ...parts] = own[role]
    expect(await page.textContent('h1')).toContain(heading)
    expect(await navigation(page)).toEqual(parts)
    expect(await page.textContent('.tl-header__role')).toBe(roles[role].name)
    await picture(page, `first-${role}`)
    await page.click('.tl-nav__link:has-text("Your account")')
    await picture(page, `account-${role}`)
    expect(await axe(page)).toEqual([])
  })

  it('has a session that the browser keeps although there is no TLS, and changes role and signs out', async () => {
    const page = await newPage()
    await page.goto('/?status=on_programme')
    expect(await axe(page)).toEqual([])
    await picture(page, 'choose')
    await choose(page, 'auditor')
    await page.waitForURL(`${served.url}/?status=on_programme`)
    const cookies = await page.context().cookies(served.url)
    expect(cookies.find(({ name }) => name === sessionCookie)).toMatchObject({
      httpOnly: true,
      secure: true,
      sameSite: 'Lax',
      path: '/',
    })
    await page.click('text=Change role')
    await choose(page, 'administrator')
    await page.waitForURL(`${served.url}/account`)
    expect(await page.textContent('.tl-header__role')).toBe('Administrator')
    await page.goto('/')
    expect(await page.textContent('h1')).toBe('You cannot see this')
    expect(await page.textContent('main')).toContain('ask whoever manages accounts')
    expect(await axe(page)).toEqual([])
    await picture(page, 'refused')
    await page.click('text=Sign out')
    expect(await page.textContent('h1')).toBe('You are signed out')
    expect(await axe(page)).toEqual([])
    await picture(page, 'signed-out')
    await page.goBack()
    await page.goto('/account')
    expect(await page.textContent('h1')).toBe('Choose who to be')
  })

  it('as an auditor sees who looked at a record, and nothing to record on it', async () => {
    const page = await newPage()
    await page.goto('/sign-in')
    await choose(page, 'case_manager')
    await page.waitForURL(`${served.url}/**`)
    await page.click('tbody th a >> nth=0')
    expect(await page.locator('.moj-sub-navigation__link').allTextContents()).toEqual(['Timeline', 'Replay', 'History'])
    const record = page.url()
    await page.click('text=Change role')
    await choose(page, 'auditor')
    await page.waitForURL(`${served.url}/account`)
    await page.goto(record)
    expect(await page.locator('main a[href$="/contact"]').count()).toBe(0)
    await page.click('.moj-sub-navigation__link:has-text("Who looked")')
    expect(await page.textContent('h1')).toBe('Who looked at this record')
    expect(await page.locator('tbody tr').allTextContents()).toEqual(
      expect.arrayContaining([expect.stringMatching(/CM001\s+Case manager\s+Timeline/)]),
    )
    expect(await axe(page)).toEqual([])
    await picture(page, 'looks')
    await page.goto('/account')
    await page.click('text=What you have looked at')
    expect(await page.locator('tbody tr').first().textContent()).toContain('Who looked at the record')
    expect(await axe(page)).toEqual([])
    await picture(page, 'own-looks')
  })

  it('finds it all on a telephone too', async () => {
    const page = await newPage(375)
    await page.goto('/sign-in')
    await picture(page, 'choose-phone')
    await choose(page, 'case_manager')
    await page.waitForURL(`${served.url}/**`)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(375)
    await picture(page, 'first-phone')
  })
})
