/// <reference lib="dom" />
/** Every page there is, in every state it is seen in: at a desk, on a phone, at 400 %, in forced colours, and those that are printed on paper. */
import type axe from 'axe-core'
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { timelineOf } from '../../projections/timeline.ts'
import { withCaseload } from '../../projections/caseload.ts'
import type { Role } from '../../src/access/policy.ts'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { groupOf, heldWith, issuedOn } from '../process/support.ts'
import { openBrowser } from '../support/browser.ts'
import { pageRoutes } from '../support/page-routes.ts'
import { buildAssets, openJourney, richestJourney, serve, type Served } from '../support/served.ts'
import { cookieFor } from '../support/signed-in.ts'

const desk = { width: 1280, height: 900 }
const states = {
  desk: (page: Page) => page.setViewportSize(desk),
  forced: (page: Page) => page.emulateMedia({ forcedColors: 'active' }),
  async phone(page: Page) {
    await page.emulateMedia({ forcedColors: 'none' })
    await page.setViewportSize({ width: 390, height: 844 })
  },
  // What 1280 pixels are at 400 %.
  narrow: (page: Page) => page.setViewportSize({ width: 320, height: 256 }),
} as const
const stateNames = Object.keys(states) as (keyof typeof states)[]

describe('every page', () => {
  it('passes the checks of WCAG 2.2 AA in every state, and never scrolls sideways', { timeout: 600_000 }, async () => {
    const shown = await everyPage()
    expect(shown.length).toBeGreaterThan(50)
    const lanes = await Promise.all([0, 1].map((lane) => faultsOf(shown.filter((_, n) => n % 2 === lane))))
    expect(lanes.flat()).toEqual([])
  })

  it('of a form does so with its errors, its check page and what was recorded', { timeout: 300_000 }, async () => {
    const page = await contexts.case_manager.newPage()
    await page.goto(`/journeys/${await openJourney(served)}/contact`)
    const found: string[] = []
    await page.click('button:has-text("Continue")')
    await page.waitForSelector('.govuk-error-summary')
    found.push(...(await faultsIn(page, 'form with errors')))
    await page.check('[value=three-way-meeting]')
    for (const [part, value] of [
      ['day', '30'],
      ['month', '3'],
      ['year', '2025'],
    ] as const)
      await page.fill(`#happenedOn-${part}`, value)
    await page.click('button:has-text("Continue")')
    await page.waitForSelector('#confirm')
    found.push(...(await faultsIn(page, 'check your answers')))
    await pictures(page, 'check')
    // The date is long ago, and a Sunday.
    await page.check('[name=confirmedOddities]')
    await Promise.all([page.waitForURL(/recorded/), page.click('#confirm')])
    found.push(...(await faultsIn(page, 'recorded')))
    await pictures(page, 'confirmation')
    await page.goto('/')
    await pictures(page, 'case-load')
    await page.fill('#find', (await page.locator('.tl-caseload__ids').first().textContent())!.slice(1, 4))
    await page.click('button:has-text("Search")')
    await page.waitForURL(/search=/)
    found.push(...(await faultsIn(page, 'search')))
    await pictures(page, 'search')
    expect(found).toEqual([])
  })
})

describe('on paper', () => {
  it('a timeline and a history are headed, are few pages, and hold no address and no id', async () => {
    const { journeyId, entries } = await longest()
    expect(entries).toBeGreaterThan(30)
    const page = await contexts.case_manager.newPage()
    await page.emulateMedia({ media: 'print' })
    for (const [path, entriesAPage] of [
      ['', 11],
      ['/history', 6],
    ] as const) {
      await page.goto(`/journeys/${journeyId}${path}`)
      await page.$$eval('details', (all) => all.forEach((one) => (one.open = true)))
      const pdf = await page.pdf({ format: 'A4', preferCSSPageSize: true })
      const pages = pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)!.length
      expect(entries / pages, `${entries} entries of ${path} on ${pages} pages`).toBeGreaterThan(entriesAPage)
      const text = await page.innerText('body')
      expect(text).toMatch(/, CRN \w+\. Printed .* by Spec case manager, case manager\. As known \d+ \w+ \d{4} at /)
      expect(text).not.toMatch(/https?:|[0-9a-f]{8}-[0-9a-f]{4}-/)
      const addresses = await page.$$eval(
        'a',
        (links) =>
          links.filter((link) => !['none', 'normal'].includes(getComputedStyle(link, '::after').content)).length,
      )
      expect(addresses).toBe(0)
      if (process.env.PICTURES)
        await page.pdf({ path: join(process.env.PICTURES, `print${path.slice(1)}.pdf`), format: 'A4' })
    }
  })
})

// --- what the sentences above stand on

const roles = ['case_manager', 'auditor'] as const satisfies readonly Role[]

let served: Served
let browser: Browser
let contexts: Record<(typeof roles)[number], BrowserContext>

beforeAll(async () => {
  await buildAssets()
  ;[browser, served] = await Promise.all([openBrowser(), serve()])
  const opened = await Promise.all(roles.map((role) => contextFor(role)))
  contexts = Object.fromEntries(roles.map((role, n) => [role, opened[n]!])) as typeof contexts
}, 180_000)

afterAll(async () => {
  await browser?.close()
  await served?.stop()
})

/** A case manager needs to show nothing here, nor does the administrator of the operations page; their jar of cookies is free for forms. */
async function contextFor(role: (typeof roles)[number]): Promise<BrowserContext> {
  const signedIn = role === 'case_manager' ? {} : { extraHTTPHeaders: { cookie: await cookieFor(served.app, role) } }
  const context = await browser.newContext({ baseURL: served.url, viewport: desk, locale: 'en-GB', ...signedIn })
  context.setDefaultTimeout(60_000)
  return context
}

interface Shown {
  readonly address: string
  readonly role: (typeof roles)[number]
}

/** Shows pages one after the other. @returns what is wrong with them */
async function faultsOf(shown: readonly Shown[]): Promise<string[]> {
  const found: string[] = []
  const pages = new Map<string, Page>()
  for (const { address, role } of shown) {
    const page = pages.get(role) ?? (await contexts[role].newPage())
    pages.set(role, page)
    await page.goto(address)
    if ((await page.locator('.tl-replay').count()) > 0) await page.waitForSelector('.tl-replay--live')
    const day = /\b(?:19|20)\d\d-\d\d-\d\d\b/.exec(await page.innerText('body'))
    if (day) found.push(`${address}: says ${day[0]}`)
    found.push(...(await faultsIn(page, address)))
  }
  return found
}

/** What a route is asked for where it says only of which kind. */
async function examplesOf() {
  const { sessionIds, groupId, journeyIds } = await groupOf(served.runtime.commands, 'G402', 3, ['F1', 'F2'])
  const [journey] = journeyIds
  const [held, toCome] = sessionIds
  const register = [{ journeyId: journey!, outcome: 'ATTC' }]
  await served.runtime.commands.sessions.deliver(held!, heldWith(register), issuedOn('2025-01-07'))
  await waitUntilCaughtUp(served.runtime)
  return { groupId, journey: journey!, held: held!, toCome: toCome! }
}

/** Each route that is answered with a page, to the first role that may see it. A form is shown on a journey that it is meant for. */
async function everyPage(): Promise<readonly Shown[]> {
  const { groupId, journey, held, toCome } = await examplesOf()
  const [rich, open] = [await richestJourney(served), await openJourney(served)]
  const values: Readonly<Record<string, string>> = {
    group: groupId,
    journey,
    revision: '0',
    code: 'forbidden',
    stream: `journey-${rich}`,
    register: 'corrections',
    name: 'corrections',
    upload: 'none',
    pack: 'none',
  }
  const routes = pageRoutes(served)
  const isForm = (path: string) => routes.some((one) => one.method === 'POST' && one.path === path)
  const paths = routes
    .filter(({ method, path }) => method === 'GET' && !/\.(?:svg|jsonl|csv|js)$/.test(path))
    .map(({ path }) =>
      path
        .replace('/:id', `/${isForm(path) ? open : rich}`)
        .replace(':session', /move|cancel|register/.test(path) ? toCome : held)
        .replace(/:(\w+)/g, (whole, name: string) => values[name] ?? whole),
    )
  const shown: Shown[] = []
  for (const address of [
    ...new Set(paths),
    '/?need=review',
    '/?provider=nobody',
    '/?search=over',
    '/nothing/here',
    '/api/docs',
  ])
    for (const role of roles) {
      const answer = await contexts[role].request.get(address)
      const isPage = /^text\/html/.test(answer.headers()['content-type'] ?? '')
      const leadsElsewhere = new URL(answer.url()).pathname !== address.replace(/\?.*/, '')
      if (!isPage || answer.status() === 403 || leadsElsewhere) continue
      shown.push({ address, role })
      break
    }
  return shown
}

/** All that is checked of a page at a desk; in another state, what it can change. Where nothing is named only the width is looked at. */
const rulesIn: Readonly<Partial<Record<keyof typeof states, readonly string[]>>> = {
  forced: ['color-contrast'],
  phone: ['color-contrast', 'target-size', 'scrollable-region-focusable'],
}

async function faultsIn(page: Page, where: string): Promise<string[]> {
  const faults: string[] = []
  for (const state of stateNames) {
    await states[state](page)
    const rules = rulesIn[state]
    if (state === 'desk' || rules)
      for (const { id, targets } of await violationsOn(page, rules ? { type: 'rule', values: rules } : wcag))
        faults.push(`${where}, ${state}: ${id}: ${targets.join(', ')}`)
    if (!mayNotScroll.has(state)) continue
    const [wide, width] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth])
    if (wide! > width!) faults.push(`${where}, ${state}: ${wide} pixels wide`)
  }
  await page.setViewportSize(desk)
  return faults
}

const mayNotScroll: ReadonlySet<string> = new Set(['desk', 'phone', 'narrow'])

const wcag = {
  type: 'tag',
  values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
} as const

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** The engine is put into a page once, whatever is then asked of it: that takes far longer than most questions. */
async function violationsOn(
  page: Page,
  runOnly: { readonly type: 'rule' | 'tag'; readonly values: readonly string[] },
): Promise<readonly { id: string; targets: readonly string[] }[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axeSource)
  return page.evaluate(async ({ type, values }) => {
    const { run } = (window as unknown as { axe: typeof axe }).axe
    const { violations } = await run({ runOnly: { type, values: [...values] }, resultTypes: ['violations'] })
    return violations.map(({ id, nodes }) => ({
      id,
      targets: nodes.slice(0, 3).map(({ target }) => target.join(' ')),
    }))
  }, runOnly)
}

async function longest(): Promise<{ journeyId: string; entries: number }> {
  const { db } = served.runtime.readModels
  let most = { journeyId: '', entries: 0 }
  for (const { journey_id: journeyId } of await withCaseload(db)
    .selectFrom('caseload')
    .select('journey_id')
    .execute()) {
    const { length: entries } = await timelineOf(db, journeyId)
    if (entries > most.entries) most = { journeyId, entries }
  }
  return most
}

/** PICTURES names the folder in which they are left; the README and the documentation show some. */
async function pictures(page: Page, name: string): Promise<void> {
  const { PICTURES: folder } = process.env
  if (!folder) return
  mkdirSync(folder, { recursive: true })

  for (const width of [390, 768, 1280]) {
    await page.setViewportSize({ width, height: 900 })
    await page.screenshot({ path: join(folder, `${name}-${width}.png`), fullPage: width !== 1280 })
  }
  await page.emulateMedia({ forcedColors: 'active' })
  await page.screenshot({ path: join(folder, `${name}-forced.png`) })
  await page.emulateMedia({ forcedColors: 'none' })
}
