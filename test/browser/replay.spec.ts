/// <reference lib="dom" />
import { AxeBuilder } from '@axe-core/playwright'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, CDPSession, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { withCaseload } from '../../projections/caseload.ts'
import { importFile } from '../../src/exchange/import-file.ts'
import { projectRoot } from '../../src/runtime/config.ts'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { openBrowser } from '../support/browser.ts'
import { longJourneyLog, longSurname } from '../support/long-journey.ts'
import { buildAssets, openJourney, richestJourney, serve, type Served } from '../support/served.ts'

const desk = { width: 1280, height: 900 }
const phone = { width: 390, height: 844 }
/** What a window of 1280 by 1024 pixels holds of a page enlarged to 400 %. */
const enlarged = { width: 320, height: 256 }

describe('an address that names no moment', () => {
  it.each([
    ['?clock=happened&at=2199-01-01', 404, '1 January 2199 is in the future.'],
    ['?clock=known&at=2199-01-01T10:00:00Z', 404, '1 January 2199 at 10:00am is in the future.'],
    ['?place=0', 404, 'There is no moment “0” in this journey.'],
    ['?place=9999', 404, 'There is no moment “9999” in this journey.'],
    ['?clock=tomorrow', 400, 'The address does not name a clock we keep.'],
    ['?at=2024-02-30', 400, 'The address does not name a real day.'],
  ])('%s says so, asserts nothing and leads back to the journey', async (query, status, words) => {
    const answer = await fetch(`${served.url}${rich}/replay${query}`)
    const html = await answer.text()
    expect(answer.status).toBe(status)
    expect(html).toContain(words)
    expect(html).not.toContain('tl-figure')
    expect(html).toContain(`<a class="govuk-link" href="${rich}">Go to the timeline</a>`)
    expect(html).toContain(`href="${rich}/replay">Replay this journey from its last moment</a>`)
  })

  it('a date to come is refused where it was typed', async () => {
    const page = await open(`${rich}/replay?clock=known&date-day=1&date-month=1&date-year=2199`)
    expect(await page.textContent('.govuk-error-summary')).toContain('The date must be today or in the past')
    expect(await page.locator('.tl-goto .govuk-input--error').count()).toBe(3)
  })
})

describe('the state at the moment', () => {
  it('is four figures in two columns, and no taller than they are', async () => {
    const page = await open(`${rich}/replay`)
    const box = (await page.locator('.tl-figures').boundingBox())!
    const tiles = await Promise.all((await page.locator('.tl-figure').all()).map((tile) => tile.boundingBox()))
    expect(tiles).toHaveLength(4)
    expect(new Set(tiles.map((tile) => Math.round(tile!.x))).size).toBe(2)
    expect(new Set(tiles.map((tile) => Math.round(tile!.y))).size).toBe(2)
    expect(box.height).toBeLessThan(tiles[0]!.height + tiles[2]!.height + 5)
  })

  it('is not mistaken for today’s: each status says of when it is', async () => {
    const page = await open(`${rich}/replay?clock=known&at=2024-01-01`)
    expect(await page.locator('.tl-identity dt:visible', { hasText: 'Status today' }).count()).toBe(1)
    expect(await page.textContent('.tl-moment__status')).toContain('Status as known then')
    await page.goto(`${rich}/replay?clock=happened`)
    expect(await page.textContent('.tl-moment__status')).toContain('Status on this day')
  })

  it('is told in the words of the timeline', async () => {
    const page = await open(rich)
    const plain = (text: string) => text.replace(/\s+/g, ' ').trim()
    const entries = await page.locator('.tl-entry').evaluateAll((rows) =>
      rows.map((row) => ({
        name: row.querySelector('.tl-entry__name')!.textContent ?? '',
        says: row.querySelector('.tl-entry__says')?.textContent ?? '',
        late: row.querySelector('.tl-badge--late')?.textContent ?? '',
        changes: [...row.querySelectorAll('.tl-entry__correction strong')].map((to) => to.textContent ?? ''),
      })),
    )
    expect(entries.length).toBeGreaterThan(20)
    await page.goto(`${rich}/replay`)
    const items = (await page.locator('.tl-list__item').allTextContents()).map(plain)
    for (const { name, says, late, changes } of entries) {
      const told = items.filter((item) => [name, says, late].every((words) => item.includes(plain(words))))
      expect({ name, says, late, found: told.length > 0 }).toEqual({ name, says, late, found: true })
      for (const to of changes)
        expect({ to, found: items.some((item) => item.includes(`orrected to ${plain(to)}`)) }).toEqual({
          to,
          found: true,
        })
    }
  })

  it('changes in sight of whoever chooses a mark from the list', async () => {
    for (const viewport of [desk, phone]) {
      const page = await open(`${rich}/replay`, { viewport })
      await page.click('#tl-everything-box summary')
      const link = page.locator('.tl-list__date').nth(2)
      await link.scrollIntoViewIfNeeded()
      await link.click()
      expect(await page.textContent('#tl-number')).toBe('3')
      await page.waitForFunction(() => {
        const { top, bottom } = document.getElementById('tl-line')!.getBoundingClientRect()
        return top >= 0 && bottom <= innerHeight
      })
      expect(await page.locator('#tl-callout').isVisible()).toBe(true)
    }
  })
})

describe('what a mark means', () => {
  it('is said to a mouse, and stays to be read', async () => {
    const page = await open(`${rich}/replay`)
    const { x, y } = await centreOf(page, 4)
    await page.mouse.move(x, y)
    const words = await page.textContent('#tl-callout')
    expect(words).toMatch(/^\d+ \w{3} \d{4}: \S/)
    const box = (await page.locator('#tl-callout').boundingBox())!
    await page.mouse.move(box.x + 8, box.y + 8)
    await page.waitForTimeout(400)
    expect(await page.textContent('#tl-callout:visible')).toBe(words)
    await page.keyboard.press('Escape')
    expect(await page.locator('#tl-callout').isVisible()).toBe(false)
  })

  it('is said to the keyboard, mark by mark', async () => {
    const page = await open(`${rich}/replay`)
    await page.focus('.tl-stage')
    await page.keyboard.press('Home')
    await page.keyboard.press('ArrowDown')
    const first = await page.textContent('#tl-callout:visible')
    expect(first).toContain('Referral')
    expect(await page.textContent('#tl-announce')).toBe(first)
    await page.keyboard.press('ArrowDown')
    expect(await page.textContent('#tl-callout:visible')).not.toBe(first)
    await page.keyboard.press('ArrowUp')
    expect(await page.textContent('#tl-callout:visible')).toBe(first)
  })

  it('is said to a finger', async () => {
    const page = await open(`${rich}/replay`, { viewport: phone, hasTouch: true, isMobile: true })
    await page.tap('#tl-first')
    await page.locator('#tl-line').evaluate((line) => line.scrollIntoView())
    const { x, y } = await centreOf(page, 0)
    await page.touchscreen.tap(x, y)
    await page.waitForSelector('#tl-callout:visible')
    expect(await page.textContent('#tl-callout')).toContain('Referral')
  })
})

describe('a touch screen', () => {
  it('drags the playhead by its foot, moves the line, and pinches it larger', async () => {
    const page = await open(`${rich}/replay?clock=happened`, { viewport: phone, hasTouch: true, isMobile: true })
    await page.tap('#tl-first')
    await page.locator('#tl-line').evaluate((line) => line.scrollIntoView())
    const fingers = await page.context().newCDPSession(page)
    const foot = (await page.locator('.tl-playhead-dot').boundingBox())!
    const from = { x: foot.x + foot.width / 2, y: foot.y + foot.height / 2 }
    await drag(fingers, [[from, { x: from.x + 180, y: from.y }]])
    expect(Number(await page.textContent('#tl-number'))).toBeGreaterThan(3)

    const zoomed = await page.locator('.tl-canvas').evaluate(({ clientWidth }) => clientWidth)
    const stage = (await page.locator('.tl-stage').boundingBox())!
    const middle = { x: stage.x + 220, y: stage.y + 150 }
    await drag(fingers, [
      [
        { ...middle, x: middle.x - 20 },
        { ...middle, x: middle.x - 80 },
      ],
      [
        { ...middle, x: middle.x + 20 },
        { ...middle, x: middle.x + 80 },
      ],
    ])
    await page.waitForFunction((was) => document.querySelector('.tl-canvas')!.clientWidth > was * 2.5, zoomed)
    // Two fingers zoom the line and not the page.
    expect(await page.evaluate(() => visualViewport!.scale)).toBe(1)
    const scrolled = await page.locator('.tl-stage').evaluate(({ scrollLeft }) => scrollLeft)
    await page.tap('#tl-later')
    expect(await page.locator('.tl-stage').evaluate(({ scrollLeft }) => scrollLeft)).toBeGreaterThan(scrolled + 100)
  })
})

describe('the line', () => {
  it('is zoomed to a day and back by buttons, keys and wheel', async () => {
    const page = await open(`${rich}/replay?clock=happened`)
    const span = () => page.textContent('#tl-span')
    const whole = await span()
    expect(whole).toMatch(/ to /)
    for (let n = 0; n < 12; n++) await page.locator('#tl-zoom-in').dispatchEvent('click')
    const day = (await span())!
    expect(day).toMatch(/^\d+ \w{3} \d{4}$/)
    expect(day).toBe(await page.textContent('#tl-when'))
    expect(await page.getAttribute('#tl-zoom-in', 'aria-disabled')).toBe('true')
    // The playhead stays on its day and in sight.
    expect(await page.locator('#tl-playhead').evaluate((head) => head.classList.contains('tl-playhead--away'))).toBe(
      false,
    )
    expect(await page.locator('#tl-axis .tl-month').allTextContents()).toContain('6am')
    await page.click('#tl-whole')
    expect(await span()).toBe(whole)

    await page.focus('.tl-stage')
    await page.keyboard.press('+')
    await page.keyboard.press('+')
    const closer = await span()
    expect(closer).not.toBe(whole)
    await page.keyboard.press('Shift+ArrowLeft')
    await page.waitForFunction((was) => document.getElementById('tl-span')!.textContent !== was, closer)
    await page.keyboard.press('-')
    await page.keyboard.press('0')
    expect(await span()).toBe(whole)

    const { x, y, width } = (await page.locator('.tl-stage').boundingBox())!
    await page.mouse.move(x + width / 2, y + 100)
    await page.keyboard.down('Control')
    await page.mouse.wheel(0, -400)
    await page.keyboard.up('Control')
    await page.waitForFunction((was) => document.getElementById('tl-span')!.textContent !== was, whole)
  })

  it('shows and hides its kinds of marks, and remembers', async () => {
    const page = await open(`${rich}/replay`)
    const shown = (what: string) => page.locator(`#tl-drawing ${what}:visible`).count()
    const kinds = {
      session: '.tl-mark--session',
      contact: '.tl-mark--contact',
      correction: '.tl-mark--correction',
      late: '.tl-tie--late',
      standin: '.tl-standin-mark',
      expected: '.tl-expected rect',
    }
    await page.click('.tl-kinds summary')
    for (const [kind, marks] of Object.entries(kinds)) {
      expect({ kind, shown: await shown(marks) }).not.toEqual({ kind, shown: 0 })
      await page.uncheck(`#tl-kind-${kind}`)
      expect({ kind, shown: await shown(marks) }).toEqual({ kind, shown: 0 })
      if (kind !== 'late') await page.check(`#tl-kind-${kind}`)
    }
    await page.click('.tl-clocks__clock:not([aria-current])')
    await ready(page)
    expect(await shown('.tl-tie--late')).toBe(0)
    expect(await shown('.tl-mark--session')).toBeGreaterThan(0)
  })

  it('is gone along to the next absence, correction and late record', async () => {
    const page = await open(`${rich}/replay?clock=known`)
    await page.focus('.tl-stage')
    for (const [what, key, sign] of [
      ['absence', 'a', /unacceptable absence|acceptable absence/i],
      ['correction', 'c', /corrected|recategorised|withdrawn/i],
      ['late record', 'l', /days late/],
    ] as const) {
      await page.keyboard.press('Home')
      await page.click(`[data-jump="${what}"]`)
      const at = Number(await page.textContent('#tl-number'))
      expect(at).toBeGreaterThan(1)
      await page.waitForSelector('#tl-moment:not([aria-busy])')
      expect(await page.textContent('.tl-happened')).toMatch(sign)
      await page.focus('.tl-stage')
      await page.keyboard.press('End')
      await page.keyboard.press(`Shift+${key}`)
      expect(Number(await page.textContent('#tl-number'))).toBeGreaterThanOrEqual(at)
    }
    // The same by links, without JavaScript.
    const plain = await open(`${rich}/replay?clock=known&place=1`, { javaScriptEnabled: false })
    await plain.click('[data-jump="correction"]')
    expect(await plain.textContent('.tl-happened')).toMatch(/corrected|recategorised|withdrawn/i)
  })

  it('keeps the names of its rows whole, with the focus and without', async () => {
    const page = await open(`${rich}/replay`)
    await page.focus('.tl-stage')
    await page.keyboard.press('ArrowLeft')
    expect(await page.locator('.tl-stage').evaluate((stage) => getComputedStyle(stage).boxShadow)).not.toContain(
      'inset',
    )
    const stage = (await page.locator('.tl-stage').boundingBox())!
    for (const name of await page.locator('.tl-rowname text').all())
      expect((await name.boundingBox())!.x).toBeGreaterThanOrEqual(stage.x)
  })
})

describe('in forced colours', () => {
  it.each(['light', 'dark'] as const)('(%s) everything on the line can be seen', async (colorScheme) => {
    const page = await open(`${rich}/replay?clock=known`, { forcedColors: 'active', colorScheme })
    const unseen = await page.evaluate(() => {
      const background = getComputedStyle(document.body).backgroundColor
      const drawn = {
        line: '.tl-line--ahead, #tl-lit',
        flag: '#tl-flag rect',
        'row names': '.tl-rowname text',
        playhead: '.tl-playhead > path',
        icons: '.tl-icon',
        attended: '#tl-drawing .tl-attended',
        'unacceptable absence': '#tl-drawing .tl-unacceptable',
        milestone: '#tl-drawing .tl-milestone',
        warning: '#tl-drawing .tl-warning',
        correction: '#tl-drawing .tl-correction',
        late: '#tl-drawing .tl-late',
        tie: '.tl-tie',
        status: '.tl-status rect',
      }
      return Object.entries(drawn).filter(([, selector]) => {
        const found = [...document.querySelectorAll(selector)]
        const seen = ({ fill, stroke }: CSSStyleDeclaration) =>
          [fill, stroke].some((colour) => colour !== 'none' && colour !== background && colour !== 'rgba(0, 0, 0, 0)')
        return found.length === 0 || !found.every((one) => seen(getComputedStyle(one)))
      })
    })
    expect(unseen).toEqual([])
    // The colours are the reader's own: there is no contrast of ours to check, and nothing else differs between the two.
    if (colorScheme === 'dark') expect(await axe(page, ['color-contrast'])).toEqual([])
  })
})

describe('on a small screen', () => {
  it('a phone has the whole page, the sentence about the clock and a long name, without scrolling sideways', async () => {
    const page = await open(`${long}/replay?clock=known`, { viewport: phone, hasTouch: true, isMobile: true })
    expect(await page.textContent('.tl-identity__name')).toContain(longSurname)
    expect(await page.locator('.tl-replay__hint').isVisible()).toBe(true)
    const size = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.documentElement.scrollHeight,
    ])
    expect(size[0]).toBe(phone.width)
    expect(size[1]).toBeLessThan(4_000)
    expect(await axe(page)).toEqual([])
  })

  it('at 400 % nothing covers the line', async () => {
    const page = await open(`${rich}/replay`, { viewport: enlarged })
    await page.locator('#tl-line').scrollIntoViewIfNeeded()
    for (const y of [20, 120, 230]) {
      const over = await page.evaluate((at) => {
        const line = document.getElementById('tl-line')!
        scrollTo(0, line.getBoundingClientRect().top + scrollY)
        return line.contains(document.elementFromPoint(150, at))
      }, y)
      expect({ y, over }).toEqual({ y, over: true })
    }
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(enlarged.width)
  })
})

describe('a journey that somebody adds to', () => {
  it('is said to have changed on its replay and its history too', async () => {
    const path = `/journeys/${await openJourney(served)}`
    const pages = [await open(`${path}/replay`), await open(`${path}/history`)]
    for (const page of pages) expect(await page.locator('[data-live]').isVisible()).toBe(false)
    const form = await open(`${path}/contact`)
    await form.check('[value=warning-issued]')
    for (const [part, value] of Object.entries({ day: '31', month: '3', year: '2025' }))
      await form.fill(`#happenedOn-${part}`, value)
    await form.click('text=Continue')
    // The day is long past, which is asked about.
    await form.check('#confirmedOddities')
    await form.click('button:has-text("Record contact")')
    await form.waitForURL(/recorded/)
    for (const page of pages) await page.waitForSelector('[data-live]:not([hidden])')
    // What is open goes on to be the journey as it was when it was opened.
    const [replayed] = pages
    const count = Number(await replayed!.getAttribute('#tl-scrub', 'max'))
    await replayed!.focus('.tl-stage')
    await replayed!.keyboard.press('Home')
    await replayed!.keyboard.press('End')
    await replayed!.waitForSelector('#tl-moment:not([aria-busy])')
    expect(await replayed!.textContent('#tl-number')).toBe(String(count))
    expect(await replayed!.textContent('.tl-happened')).not.toContain('warning')
  })
})

describe('a journey of 400 records', () => {
  it('is a page of at most 300 KB and a script of at most 60 KB', async () => {
    for (const clock of ['happened', 'known']) {
      const html = await (await fetch(`${served.url}${long}/replay?clock=${clock}`)).arrayBuffer()
      expect({ clock, fits: html.byteLength <= 300_000, size: html.byteLength }).toMatchObject({ clock, fits: true })
    }
    expect(statSync(join(projectRoot, 'dist/public/app.js')).size).toBeLessThanOrEqual(60_000)
  })

  it('fetches moments as they are asked for, each once', async () => {
    const page = await open(`${long}/replay?clock=happened&place=1`)
    const asked: string[] = []
    page.on('request', (request) => {
      const address = new URL(request.url())
      if (address.pathname.endsWith('/moments')) asked.push(address.searchParams.get('from')!)
    })
    await page.waitForTimeout(300)
    expect(asked).toEqual([])
    await page.focus('.tl-stage')
    for (let n = 0; n < 8; n++) await page.keyboard.press('ArrowRight')
    for (let n = 0; n < 8; n++) await page.keyboard.press('ArrowLeft')
    await page.waitForSelector('#tl-moment:not([aria-busy])')
    expect(asked).toEqual(['1'])
  })

  it('plays as fast as is chosen', async () => {
    const page = await open(`${long}/replay?clock=happened&place=1`)
    expect(await page.locator('#tl-speed option').allTextContents()).toEqual(['0.5×', '1×', '2×', '5×', '10×', '20×'])
    await page.selectOption('#tl-speed', '20')
    await page.click('#tl-play')
    // At the usual speed this would take half a minute.
    await page.waitForFunction(() => Number(document.getElementById('tl-number')!.textContent) > 30, null, {
      timeout: 15_000,
    })
    expect(await page.textContent('#tl-play-text')).toBe('Pause')
    await page.click('#tl-play')
    expect(await page.textContent('#tl-play-text')).toBe('Play')
  })
})

// --- what the sentences above stand on

let served: Served
let browser: Browser
let rich: string
let long: string
const complaints: string[] = []

beforeAll(async () => {
  await buildAssets()
  ;[browser, served] = await Promise.all([openBrowser(), serve()])
  rich = `/journeys/${await richestJourney(served)}`
  const dir = mkdtempSync(join(tmpdir(), 'throughline-long-'))
  const file = join(dir, 'long.csv')
  writeFileSync(file, longJourneyLog(400))
  await importFile(served.runtime, file, { source: 'import', rejects: join(dir, 'rejects.csv') })
  await waitUntilCaughtUp(served.runtime)
  rmSync(dir, { recursive: true })
  const { journey_id: id } = await withCaseload(served.runtime.readModels.db)
    .selectFrom('caseload')
    .select('journey_id')
    .where('provider', '=', 'Longways')
    .executeTakeFirstOrThrow()
  long = `/journeys/${id}`
}, 180_000)

afterAll(async () => {
  await browser?.close()
  await served?.stop()
  expect(complaints).toEqual([])
})

/** The page once its script has taken over, where it has one. */
async function open(address: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({
    baseURL: served.url,
    viewport: desk,
    locale: 'en-GB',
    timezoneId: 'Europe/London',
    reducedMotion: 'reduce',
    ...options,
  })
  onTestFinished(() => context.close())
  context.setDefaultTimeout(20_000)
  const page = await context.newPage()
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.goto(address)
  if (options.javaScriptEnabled !== false && /\/replay(\?(?!.*date-)|$)/.test(address)) await ready(page)
  return page
}

const ready = (page: Page) => page.waitForSelector('.tl-replay--live')

/** Where the shape of a mark is on the screen. */
async function centreOf(page: Page, index: number): Promise<{ x: number; y: number }> {
  const shape = page.locator(`#tl-drawing a[data-mark="${index}"] [data-version]:not(.tl-hidden)`)
  const { x, y, width, height } = (await shape.boundingBox())!
  return { x: x + width / 2, y: y + height / 2 }
}

/** Moves fingers that are put down together, each from one point to another, in ten steps. */
async function drag(
  session: CDPSession,
  paths: readonly (readonly [{ x: number; y: number }, { x: number; y: number }])[],
): Promise<void> {
  const at = (part: number) =>
    paths.map(([from, to], id) => ({
      id,
      x: from.x + (to.x - from.x) * part,
      y: from.y + (to.y - from.y) * part,
    }))
  await session.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: at(0) })
  for (let step = 1; step <= 10; step++)
    await session.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: at(step / 10) })
  await session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] })
}

async function axe(page: Page, without: string[] = []): Promise<readonly string[]> {
  const { violations } = await new AxeBuilder({ page })
    .disableRules(without)
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze()
  return violations.map(
    ({ id, nodes }) =>
      `${id}: ${nodes
        .map(({ target }) => target.join(' '))
        .slice(0, 3)
        .join(', ')}`,
  )
}
