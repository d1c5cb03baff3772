/// <reference lib="dom" />
import { AxeBuilder } from '@axe-core/playwright'
import { join } from 'node:path'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openBrowser } from '../support/browser.ts'
import { openJourney as anOpenJourney, buildAssets, richestJourney, serve, type Served } from '../support/served.ts'

describe('a case manager', () => {
  it('goes from the case load to a moment of a journey, records attendance and corrects it', async () => {
    const page = await newPage()
    await page.goto('/')
    expect(await page.textContent('h1')).toBe('Case load')

    // Find him by his CRN: it is sent, and stands in no address.
    const crn = await page.locator('.tl-caseload__ids').first().textContent()
    await page.selectOption('#status', 'on_programme')
    await page.click('text=Apply filters')
    expect(page.url()).toBe(`${served.url}/?status=on_programme`)
    await page.click('.tl-sort:has-text("Attended")')
    await page.click('.tl-sort:has-text("Attended")')
    expect(await page.getAttribute('th:has-text("Attended")', 'aria-sort')).toBe('ascending')
    const ids = (await page.locator('.tl-caseload__ids').first().textContent()) ?? crn ?? ''
    for (const button of ['Search', 'Apply filters']) {
      await page.goto('/')
      await page.fill('#find', ids.split(' ')[0]!)
      await page.click(`button:has-text("${button}")`)
      expect(page.url()).toMatch(/\/\?search=[\w-]{22}$/)
      expect(await page.locator('.tl-caseload__count').textContent()).toContain('found')
      expect(await page.locator('tbody tr').count()).toBeGreaterThanOrEqual(1)
    }
    // Going back to what was found sends nothing again, and asks nobody whether it may.
    await page.click('tbody th a')
    expect(await page.textContent('h1')).toBe('Timeline')
    await page.goBack()
    expect(await page.inputValue('#find')).toBe(ids.split(' ')[0])
    expect(await page.locator('.tl-caseload__count').textContent()).toContain('found')
    await page.click('tbody tr:has-text("On programme") th a')
    expect(await page.textContent('h1')).toBe('Timeline')
    const path = new URL(page.url()).pathname

    // Replay, at a moment, and back by a link that a colleague could open.
    await page.click('.moj-sub-navigation__link:has-text("Replay")')
    await page.click('.tl-clocks__clock:has-text("As known on")')
    await ready(page)
    await page.click('#tl-first')
    await page.click('#tl-next')
    await addressSays(page, encodeURIComponent((await momentAt(page))!))
    const moment = await page.locator('.tl-moment__when').textContent()
    const link = page.url()
    expect(link).toContain('clock=known')
    await page.goto(link)
    expect(await page.locator('.tl-moment__when').textContent()).toBe(moment)

    // Record attendance at the next session.
    await page.goto(path)
    await page.click('text=Record attendance')
    const session = (await page.locator('#sessionId optgroup option').first().getAttribute('value'))!
    await page.selectOption('#sessionId', session)
    await fillDate(page, 'heldOn', '31', '3', '2025')
    await page.selectOption('#outcome', 'ATTC')
    await page.fill('#planned', 'F001, F002')
    await page.fill('#actual', 'F001, F009')
    await page.fill('#note', 'Took part.')
    await page.click('text=Continue')
    expect(await page.textContent('h1')).toBe('Check your answers before recording attendance')
    expect(await axe(page)).toEqual([])
    // He changes an answer: the form comes back at that answer, as he typed it.
    await page.click('button:has-text("Change note")')
    expect(new URL(page.url()).hash).toBe('#note')
    expect(await page.inputValue('#note')).toBe('Took part.')
    await page.fill('#note', 'Took part well.')
    await page.click('text=Continue')
    await confirmUnusual(page)
    await page.click('button:has-text("Record attendance")')
    await page.waitForURL(/recorded/)
    expect(await page.textContent('.govuk-panel')).toContain('Attendance recorded')
    expect(await page.textContent('.govuk-summary-list')).toContain('Took part well.')
    expect(await axe(page)).toEqual([])
    await page.click('text=See it on the timeline')
    const entry = page.locator('.tl-entry', { has: page.locator(`.tl-entry__code:text-is("${session}")`) })
    expect(await entry.textContent()).toContain('Attended, complied (ATTC)')
    expect(await entry.locator('.tl-standin').textContent()).toContain('F009')

    // Correct it: the wrong record stays in sight beside the correction.
    await entry.locator('a:has-text("Correct")').click()
    expect(await page.locator('#outcome option:checked').textContent()).toContain('Attended, complied')
    await page.selectOption('#outcome', 'UAAB')
    await page.fill('#why', 'Entered against the wrong man.')
    await page.click('text=Continue')
    await confirmUnusual(page)
    await page.click('button:has-text("Correct the record")')
    await page.waitForURL(/recorded/)
    expect(await page.textContent('.govuk-panel')).toContain('Record corrected')
    await page.click('text=See it on the timeline')
    expect(await entry.locator('del').textContent()).toContain('Attended, complied (ATTC)')
    expect(await entry.locator('.tl-entry__says').textContent()).toContain('Unacceptable absence (UAAB)')
    expect(await entry.locator('.tl-entry__correction').textContent()).toContain('Entered against the wrong man.')

    // As known before the correction, the wrong record was believed, and the page says so.
    await page.goto(`${path}/replay?clock=known`)
    await ready(page)
    await page.click('#tl-previous')
    await page.waitForSelector('.tl-believed__item')
    expect(await page.textContent('.tl-believed')).toMatch(
      /Attended, complied \(ATTC\).*Unacceptable absence \(UAAB\)/s,
    )

    // The auditor reads both events whole.
    await page.goto(`${path}/history`)
    const last = page.locator('.tl-event').last()
    expect(await last.textContent()).toContain('RecordCorrected')
    expect(await last.textContent()).toContain('Entered against the wrong man.')
  })

  it('is told what is wrong with a form, at the field, and loses nothing he typed', async () => {
    const page = await newPage()
    const path = await openJourney()
    await page.goto(`${path}/attendance`)
    await page.fill('#note', 'A note worth keeping.')
    await page.fill('#heldOn-day', '31')
    await page.fill('#heldOn-month', '2')
    await page.fill('#heldOn-year', '2025')
    await page.fill('#actual', '')
    await page.click('text=Continue')
    expect(await page.title()).toMatch(/^Error: /)
    const problems = await page.locator('.govuk-error-summary__list a').allTextContents()
    expect(problems).toEqual([
      'Select the session',
      'The date of the session must be a real date',
      'Select whether he came and took part',
      'Enter who was in the room',
    ])
    await page.click('.govuk-error-summary__list a >> nth=1')
    expect(await focusedId(page)).toBe('heldOn-day')
    expect(await page.inputValue('#note')).toBe('A note worth keeping.')
    expect(await page.inputValue('#heldOn-day')).toBe('31')
    expect(await axe(page)).toEqual([])

    // So does what only the calendar can refuse.
    const session = (await page.locator('#sessionId optgroup option').first().getAttribute('value'))!
    await page.selectOption('#sessionId', session)
    await page.selectOption('#outcome', 'ATTC')
    await page.fill('#actual', 'F001')
    await fillDate(page, 'heldOn', '1', '1', '2199')
    await page.click('text=Continue')
    expect(await page.textContent('.govuk-error-summary__list')).toContain(
      'The date of the session must be today or in the past',
    )
    expect(await page.inputValue('#note')).toBe('A note worth keeping.')
    expect(await page.inputValue('#sessionId')).toBe(session)
  })

  it('who sends a form twice has recorded it once', async () => {
    const page = await newPage()
    const path = await openJourney()
    const before = await eventsOf(path)
    await page.goto(`${path}/contact`)
    const body = {
      _csrf: await page.inputValue('[name=_csrf]'),
      commandId: await page.inputValue('[name=commandId]'),
      contact: 'three-way-meeting',
      'happenedOn-day': '30',
      'happenedOn-month': '3',
      'happenedOn-year': '2025',
      step: 'confirm',
      confirmedOddities: 'far_from_today weekend second_same_day',
    }
    for (const end of [/&after=\d+$/, /&repeated=same&after=\d+$/]) {
      const answer = await page.request.post(`${served.url}${path}/contact`, { form: body, maxRedirects: 0 })
      expect(answer.status()).toBe(303)
      expect(answer.headers().location).toMatch(end)
    }
    expect(await eventsOf(path)).toBe(before + 1)
  })

  it.each([true, false])(
    'going back after recording sees what was recorded (JavaScript: %s)',
    async (javaScriptEnabled) => {
      const page = await newPage({ javaScriptEnabled })
      const path = await openJourney()
      await page.goto(path)
      await page.click('text=Record another contact')
      const form = page.url()
      await fillMeeting(page, 'Gone back from.')
      await page.click('text=Continue')
      await confirmUnusual(page)
      await page.click('button:has-text("Record contact")')
      await page.waitForURL(/recorded/)
      // Without JavaScript the browser asks before it goes back to a page that was sent; the form before it has an address.
      if (javaScriptEnabled) await page.goBack()
      else await page.goto(form)
      await page.waitForURL(/recorded/)
      expect(await page.textContent('.govuk-panel')).toContain('Contact recorded')
      expect(await page.textContent('.govuk-summary-list')).toContain('Gone back from.')
    },
  )

  it('whose answer was lost, and who then changed the form, is told that the change was not recorded', async () => {
    const page = await newPage()
    const path = await openJourney()
    const before = await eventsOf(path)
    await page.goto(`${path}/contact`)
    await fillMeeting(page, 'As it was sent first.')
    await page.click('text=Continue')
    // It is recorded, and the answer never arrives.
    const lost = page.url()
    await page.route(
      (url) => url.href === lost,
      async (route) => {
        if (route.request().method() !== 'POST') return route.continue()
        expect((await route.fetch({ maxRedirects: 0 })).status()).toBe(303)
        await route.fulfill({ status: 503, contentType: 'text/html', body: 'The proxy lost it.' })
      },
      { times: 1 },
    )
    const checking = await carriedBy(page)
    await confirmUnusual(page)
    await page.click('button:has-text("Record contact")')
    await page.waitForSelector('text=The proxy lost it.')
    expect(await eventsOf(path)).toBe(before + 1)
    const changed = { ...checking, note: 'As it was changed.', step: 'confirm', confirmedOddities: 'far_from_today' }
    const answer = await page.request.post(`${served.url}${path}/contact`, { form: changed })
    await page.goto(answer.url())
    expect(await page.textContent('main')).toContain('Your change was not recorded')
    expect(await page.textContent('.govuk-summary-list')).toContain('As it was sent first.')
    expect(await axe(page)).toEqual([])
    expect(await eventsOf(path)).toBe(before + 1)
  })

  it('who records something unusual is told what it is, and asked to confirm it once', async () => {
    const page = await newPage()
    const path = await openJourney()
    const before = await eventsOf(path)
    await page.goto(`${path}/contact`)
    await fillMeeting(page, 'On a Saturday.')
    await fillDate(page, 'happenedOn', '22', '3', '2025')
    await page.click('text=Continue')
    await page.waitForSelector('#confirm')
    const unusual = page.locator('.govuk-list--bullet li')
    expect(await unusual.allTextContents()).toEqual([
      '22 March 2025 is more than a year ago.',
      '22 March 2025 was a Saturday.',
    ])
    expect(await axe(page)).toEqual([])
    // Not ticked: nothing is recorded, and the summary leads to the box.
    await page.click('button:has-text("Record contact")')
    expect(await page.title()).toMatch(/^Error: /)
    await page.click('.govuk-error-summary__list a')
    expect(await focusedId(page)).toBe('confirmedOddities')
    expect(await axe(page)).toEqual([])
    expect(await eventsOf(path)).toBe(before)
    await page.check('#confirmedOddities')
    await page.click('button:has-text("Record contact")')
    await page.waitForURL(/recorded/)
    expect(await eventsOf(path)).toBe(before + 1)
    await page.goto(`${path}/history`)
    expect(await page.textContent('main')).toContain('Far from today, On a weekend')
  })

  it('who continues without a choice is asked for one', async () => {
    const page = await newPage()
    await page.goto(`${await openJourney()}/contact`)
    await page.click('text=Continue')
    expect(await page.title()).toMatch(/^Error: /)
    await page.click('.govuk-error-summary__list a')
    expect(await focusedId(page)).toBe('contact')
    expect(await axe(page)).toEqual([])
  })

  it('who has a timeline open is told when somebody adds to it', async () => {
    const page = await newPage()
    const path = await openJourney()
    await page.goto(path)
    expect(await page.locator('[data-live]').isVisible()).toBe(false)
    const sent = await page.context().newPage()
    await sent.goto(`${path}/contact`)
    await sent.check('[value=warning-issued]')
    await fillDate(sent, 'happenedOn', '31', '3', '2025')
    await sent.click('text=Continue')
    await confirmUnusual(sent)
    await sent.click('button:has-text("Record contact")')
    await sent.waitForURL(/recorded/)
    await page.waitForSelector('[data-live]:not([hidden])')
    expect(await page.textContent('[data-live]')).toContain('added to this journey')
  })
})

describe('the replay', () => {
  it('works without JavaScript, by links and forms', async () => {
    const page = await newPage({ javaScriptEnabled: false })
    const path = await richJourney()
    await page.goto(`${path}/replay?clock=happened`)
    expect(await page.locator('#tl-play').isVisible()).toBe(false)
    const last = await page.locator('.tl-moment__when').textContent()
    await page.click('#tl-first')
    expect(await page.textContent('#tl-number')).toBe('1')
    await page.click('#tl-next')
    expect(await page.textContent('#tl-number')).toBe('2')
    await page.click('#tl-previous')
    expect(await page.textContent('#tl-number')).toBe('1')
    await page.click('#tl-last')
    expect(await page.locator('.tl-moment__when').textContent()).toBe(last)
    // A mark of the list leads to its moment; so does the range, as a form.
    await page.click('#tl-everything-box summary')
    await page.click('.tl-list__date >> nth=3')
    expect(await page.locator('.tl-list__item.tl-now').count()).toBeGreaterThan(0)
    await page.goto(`${path}/replay?clock=known&place=5`)
    expect(await page.textContent('#tl-number')).toBe('5')
    expect(page.url()).toMatch(/clock=known&at=\d{4}-/)
    await page.goto(`${path}/replay?clock=known&date-day=31&date-month=12&date-year=2024`)
    expect(page.url()).toContain('at=2024-12-31')
    await page.goto(`${path}/replay?clock=known&date-day=31&date-month=2&date-year=2024`)
    expect(await page.textContent('.govuk-error-summary')).toContain('must be a real date')
  })

  it('shows with JavaScript exactly what the server shows without', async () => {
    const path = await richJourney()
    const page = await newPage()
    const plain = await newPage({ javaScriptEnabled: false })
    for (const clock of ['happened', 'known']) {
      await page.goto(`${path}/replay?clock=${clock}`)
      await ready(page)
      const of = Number(await page.getAttribute('#tl-scrub', 'max'))
      for (const place of [1, Math.ceil(of / 3), Math.ceil((2 * of) / 3), of]) {
        await page.locator('#tl-scrub').fill(String(place))
        await addressSays(page, encodeURIComponent((await momentAt(page))!))
        await plain.goto(`${path}/replay?clock=${clock}&place=${place}`)
        // A list that is closed is brought up to date when it is opened.
        for (const box of await page.locator('#tl-sessions-box, #tl-everything-box').all())
          await box.evaluate((list: HTMLDetailsElement) => (list.open = true))
        await page.waitForSelector('#tl-moment:not([aria-busy])')
        expect(await pictureOf(page)).toEqual(await pictureOf(plain))
      }
    }
  })

  it('is driven from the keyboard and tells where it is', async () => {
    const page = await newPage()
    await page.goto(`${await richJourney()}/replay?clock=known`)
    await ready(page)
    await page.focus('#tl-scrub')
    await page.keyboard.press('Home')
    expect(await page.textContent('#tl-number')).toBe('1')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowRight')
    expect(await page.textContent('#tl-number')).toBe('3')
    await page.keyboard.press('ArrowLeft')
    expect(await page.textContent('#tl-number')).toBe('2')
    await page.waitForFunction(() => document.getElementById('tl-announce')?.textContent?.startsWith('Moment 2 of'))
    await addressSays(page, encodeURIComponent((await momentAt(page))!))
    await page.keyboard.press('Space')
    await page.waitForFunction(() => Number(document.getElementById('tl-number')?.textContent) >= 3)
    expect(await page.textContent('#tl-play-text')).toBe('Pause')
    await page.keyboard.press('Space')
    expect(await page.textContent('#tl-play-text')).toBe('Play')
    await page.keyboard.press('End')
    expect(await page.textContent('#tl-number')).toBe(await page.getAttribute('#tl-scrub', 'max'))
    // The line itself answers to the same keys.
    await page.focus('.tl-stage')
    await page.keyboard.press('Home')
    expect(await page.textContent('#tl-number')).toBe('1')
  })

  it('lets the playhead be dragged along the line', async () => {
    const page = await newPage()
    await page.goto(`${await richJourney()}/replay?clock=happened`)
    await ready(page)
    const box = (await page.locator('#tl-drawing').boundingBox())!
    await page.mouse.move(box.x + box.width * 0.9, box.y + box.height * 0.9)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.2, box.y + box.height * 0.9, { steps: 8 })
    await page.mouse.up()
    expect(Number(await page.textContent('#tl-number'))).toBeLessThan(8)
  })

  it('shows a moment at which something was believed that is no longer', async () => {
    const page = await newPage({ viewport: { width: 1280, height: 1120 }, deviceScaleFactor: 1.5 })
    await page.goto(`${await richJourney()}/replay?clock=known`)
    await ready(page)
    const of = Number(await page.getAttribute('#tl-scrub', 'max'))
    for (let place = Math.ceil(of * 0.55); place < of; place++) {
      await page.locator('#tl-scrub').fill(String(place))
      await page.waitForSelector('#tl-moment:not([aria-busy])')
      if ((await page.locator('.tl-believed__item').count()) > 0) break
    }
    expect(await page.locator('.tl-believed__item').count()).toBeGreaterThan(0)
    // The picture in the README is this moment; PICTURES names the folder it is left in.
    if (!process.env.PICTURES) return
    await page.evaluate(() => (document.activeElement as HTMLElement).blur())
    await page.waitForTimeout(500)
    await page.screenshot({ path: join(process.env.PICTURES, 'replay.png') })
  })
})

describe('every page', () => {
  it('passes the checks of WCAG 2.2 AA, at a desk and on a phone', async () => {
    const found: string[] = []
    const pages = await everyPage()
    // On a phone, the pages that are laid out differently there.
    const onAPhone = pages.filter((address) => !/history|correction|drop-out|completion|recategorisation/.test(address))
    for (const [viewport, addresses] of [
      [desk, pages],
      [phone, onAPhone],
    ] as const) {
      const page = await newPage({ viewport })
      for (const address of addresses) {
        await page.goto(address)
        if (address.includes('/replay')) await ready(page)
        found.push(...(await axe(page)).map((violation) => `${address} at ${viewport.width}: ${violation}`))
      }
    }
    expect(found).toEqual([])
  }, 300_000)

  it('fits a phone without scrolling sideways', async () => {
    const page = await newPage({ viewport: phone })
    for (const address of await everyPage()) {
      await page.goto(address)
      const width = await page.evaluate(() => document.documentElement.scrollWidth)
      expect({ address, width }).toEqual({ address, width: phone.width })
    }
  })

  it('carries no script or style inside it, and keeps no personal data', async () => {
    for (const address of await everyPage()) {
      const answer = await fetch(`${served.url}${address}`)
      const html = await answer.text()
      expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle="|\son[a-z]+="/)
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(answer.headers.get('content-security-policy')).toContain("script-src 'self'")
      expect(answer.headers.get('x-frame-options')).toBe('DENY')
    }
  })
})

describe('bad input', () => {
  it('is answered with a page that says how to mend it', async () => {
    const path = await richJourney()
    const answers = {
      [`${path}/replay?clock=tomorrow`]: [400, 'clock=known'],
      [`${path}/replay?clock=happened&at=2024-02-30`]: [400, 'at=2024-03-12'],
      [`${path}/replay?clock=known&at=now`]: [400, 'at=2024-03-12T16:52:00Z'],
      [`${path}/replay/outline?clock=tomorrow`]: [400, 'clock=known'],
      [`${path}/replay/moments?clock=known`]: [400, 'from=1'],
      [`${path}/replay/moments?clock=known&from=1&count=41`]: [400, 'count=40'],
      '/journeys/00000000-0000-4000-8000-000000000000': [404, 'Page not found'],
      '/journeys/00000000-0000-4000-8000-000000000000/replay': [404, 'Page not found'],
      '/journeys/nobody/history': [404, 'Page not found'],
      '/nothing/here': [404, 'Page not found'],
      '/?page=99&order=referred.asc': [200, '<a class="govuk-link" href="/?order=referred.asc">Go to its first page'],
    } as const
    for (const [address, [status, words]] of Object.entries(answers)) {
      const answer = await fetch(`${served.url}${address}`)
      expect({ address, status: answer.status }).toEqual({ address, status })
      expect(await answer.text()).toContain(words)
    }
  })

  it('a page that the read model has not caught up with says so', async () => {
    const answer = await fetch(`${served.url}${await richJourney()}?after=999999999999999`)
    expect(await answer.text()).toContain('Still catching up')
  })

  it('without the token of the form is refused, and changes nothing', async () => {
    const path = await openJourney()
    const before = await eventsOf(path)
    const answer = await fetch(`${served.url}${path}/completion`, {
      method: 'POST',
      body: new URLSearchParams({ note: 'x' }),
    })
    expect(answer.status).toBe(403)
    expect(await answer.text()).toContain('Nothing was recorded')
    expect(await eventsOf(path)).toBe(before)
  })
})

describe('an empty case load', () => {
  it('says how to import', async () => {
    const empty = await serve({ journeys: 0 })
    onTestFinished(() => empty.stop())
    const page = await newPage()
    await page.goto(`${empty.url}/`)
    expect(await page.textContent('main')).toContain('npm run import -- FILE.csv')
    expect(await axe(page)).toEqual([])
  })
})

// --- what the sentences above stand on

const desk = { width: 1280, height: 900 }
const phone = { width: 375, height: 812 }

let served: Served
let browser: Browser
const complaints: string[] = []

beforeAll(async () => {
  await buildAssets()
  ;[browser, served] = await Promise.all([openBrowser(), serve()])
}, 180_000)

afterAll(async () => {
  await browser?.close()
  await served?.stop()
  expect(complaints).toEqual([])
})

async function newPage(options: BrowserContextOptions = {}): Promise<Page> {
  const context: BrowserContext = await browser.newContext({
    baseURL: served.url,
    viewport: desk,
    locale: 'en-GB',
    timezoneId: 'Europe/London',
    ...options,
  })
  onTestFinished(() => context.close())
  context.setDefaultTimeout(15_000)
  const page = await context.newPage()
  // A refused style or script would be complained of here.
  page.on('console', (message) => {
    if (message.type() === 'error' && /Content Security Policy|Uncaught|TypeError/.test(message.text()))
      complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  return page
}

const richJourney = async () => `/journeys/${await richestJourney(served)}`

const openJourney = async () => `/journeys/${await anOpenJourney(served)}`

async function everyPage(): Promise<readonly string[]> {
  const rich = await richJourney()
  const open = await openJourney()
  return [
    '/',
    '/?status=completed&order=attended.desc',
    '/?provider=nobody',
    rich,
    `${rich}/replay?clock=happened`,
    `${rich}/replay?clock=known&at=2024-06-30`,
    `${rich}/compare?clock=known&from=2024-01-01&to=2025-03-31`,
    `${rich}/compare?clock=happened&from=yesterday`,
    `${rich}/record?clock=known&at=2024-09-30`,
    `${rich}/history`,
    `${open}/attendance`,
    `${open}/contact`,
    `${open}/drop-out`,
    `${open}/completion`,
    `${open}/recategorisation`,
    '/operations',
    '/nothing/here',
  ]
}

async function axe(page: Page): Promise<readonly string[]> {
  const { violations } = await new AxeBuilder({ page })
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

const ready = (page: Page) => page.waitForSelector('.tl-replay--live')

const addressSays = (page: Page, words: string) => page.waitForFunction((part) => location.href.includes(part), words)

const momentAt = (page: Page) =>
  page.evaluate(() => new URL((document.getElementById('tl-link') as HTMLAnchorElement).href).searchParams.get('at'))

const focusedId = (page: Page) => page.evaluate(() => document.activeElement?.id)

async function fillDate(page: Page, name: string, day: string, month: string, year: string): Promise<void> {
  await page.fill(`#${name}-day`, day)
  await page.fill(`#${name}-month`, month)
  await page.fill(`#${name}-year`, year)
}

/** What is unusual about old days is meant. */
async function confirmUnusual(page: Page): Promise<void> {
  await page.waitForSelector('#confirm')
  if (await page.locator('#confirmedOddities').count()) await page.check('#confirmedOddities')
}

async function fillMeeting(page: Page, note: string): Promise<void> {
  await page.check('[value=three-way-meeting]')
  await fillDate(page, 'happenedOn', '30', '3', '2025')
  await page.fill('#note', note)
}

/** What travels with a check page, as the browser would send it. */
const carriedBy = async (page: Page): Promise<Record<string, string>> =>
  Object.fromEntries(
    await page.$$eval('input[type=hidden]', (inputs) =>
      inputs.map((input) => [(input as HTMLInputElement).name, (input as HTMLInputElement).value] as const),
    ),
  )

async function eventsOf(path: string): Promise<number> {
  const lines = await (await fetch(`${served.url}${path}/history.jsonl`)).text()
  return lines.trim().split('\n').length
}

/** Everything the playhead changes, as the browser has it. */
const pictureOf = (page: Page) =>
  page.evaluate(() => {
    const attribute = (id: string, name: string) => document.getElementById(id)?.getAttribute(name)
    return {
      marks: [...document.querySelectorAll('[data-mark]')].map((element) => [
        element.classList.contains('tl-off'),
        element.classList.contains('tl-now'),
        element.hasAttribute('hidden'),
        [...element.querySelectorAll('[data-version]')].map((version) => version.classList.contains('tl-hidden')),
      ]),
      playhead: attribute('tl-playhead', 'transform'),
      flag: document.getElementById('tl-flag-text')?.textContent,
      lit: Number(attribute('tl-lit', 'x2')),
      veil: [Number(attribute('tl-veil', 'x')), Math.round(Number(attribute('tl-veil', 'width')))],
      moment: document.getElementById('tl-moment')?.textContent?.replace(/\s+/g, ' ').trim(),
      number: document.getElementById('tl-number')?.textContent,
      links: ['tl-first', 'tl-previous', 'tl-next', 'tl-last', 'tl-link'].map((id) =>
        attribute(id, 'href')?.replace(location.origin, ''),
      ),
      clocks: [...document.querySelectorAll('.tl-clocks__clock')].map((link) =>
        link.getAttribute('href')?.replace(location.origin, ''),
      ),
      noSession: document.getElementById('tl-none')?.hidden,
    }
  })
