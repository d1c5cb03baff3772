/// <reference lib="dom" />
/** The page inside an evidence pack: opened from a disk, without a network, it verifies what it carries and tells it. */
import { AxeBuilder } from '@axe-core/playwright'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { strFromU8, unzipSync } from 'fflate'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { EvidencePack, RegisterScope } from '../../src/evidence/pack/pack-format.ts'
import { packPage } from '../../src/evidence/pack/pack-page.ts'
import { newSigningKey } from '../../src/evidence/signed-note.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { openBrowser } from '../support/browser.ts'
import { importJourneys, journeyScopeOf, marked, packOf, registerScopeOf } from '../support/packs.ts'
import { openIn } from '../support/runtime.ts'
import { buildAssets } from '../support/served.ts'
import { startWitness } from '../support/witness.ts'
import { signingKeysIn } from '../../src/evidence/signing-keys.ts'

let browser: Browser
let directory: string
let runtime: Runtime
beforeAll(async () => {
  await buildAssets()
  directory = mkdtempSync(join(tmpdir(), 'throughline-spec-'))
  runtime = await openIn(directory)
  await importJourneys(runtime)
  browser = await openBrowser()
})
afterAll(async () => {
  await browser?.close()
  await runtime?.close()
  rmSync(directory, { recursive: true, force: true })
})

/** Opens it as somebody would who has only the file: any request beyond it is counted. */
async function opened(html: string): Promise<{ page: Page; requests: string[]; errors: string[] }> {
  const file = join(directory, `report-${Math.random().toString(36).slice(2)}.html`)
  writeFileSync(file, html)
  const context = await browser.newContext({ offline: true, viewport: { width: 1_000, height: 900 } })
  onTestFinished(() => context.close())
  const page = await context.newPage()
  const requests: string[] = []
  const errors: string[] = []
  page.on('request', (request) => void requests.push(request.url()))
  page.on('pageerror', (error) => void errors.push(error.message))
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
  const url = pathToFileURL(file).href
  await page.goto(url)
  await page.waitForSelector('#verdict')
  return { page, requests: requests.filter((one) => one !== url), errors }
}

const text = async (page: Page, selector: string) => (await page.textContent(selector))!.replace(/\s+/g, ' ').trim()

async function picture(page: Page, name: string): Promise<void> {
  const { PICTURES } = process.env
  if (!PICTURES) return
  mkdirSync(PICTURES, { recursive: true })
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true })
}

describe('the report', () => {
  it('proves the history, tells what stands and what was corrected, and asks nothing of a network', async () => {
    const { verifier } = signingKeysIn(runtime.config.keysDir).keys[0]
    const witness = await startWitness([verifier])
    const config = { ...runtime.config, witness: { url: witness.url, key: witness.key.verifier.text } }
    const { bytes } = await packOf({ ...runtime, config }, journeyScopeOf(runtime))
    const { page, requests, errors } = await opened(strFromU8(unzipSync(bytes)['report.html']!))
    expect(await text(page, '#verdict')).toContain('Nothing was altered')
    expect(await text(page, '#verdict')).toContain('7 events of this pack are in the signed log')
    expect(await text(page, 'main')).toContain('witness witness.example.org/w1')
    expect(await text(page, 'main')).toContain('Withdrawn')
    expect(await text(page, 'main')).toContain(marked.note)
    expect(await page.locator('li[data-verdict=ok]').count()).toBe(7)
    expect(await text(page, '#event-4')).toContain('Corrects event 2')
    expect(await text(page, '#event-2')).toContain('Corrected by event 4')
    expect(await text(page, '#event-3')).toContain('36 days late')
    expect([...requests, ...errors]).toEqual([])
    await picture(page, 'evidence-pack')
    const { violations } = await new AxeBuilder({ page }).analyze()
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`)).toEqual([])
    await page.setViewportSize({ width: 320, height: 700 })
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320)
    await picture(page, 'evidence-pack-phone')
  })

  it('shows what was known on a day, and what has been corrected since', async () => {
    const { pack } = await packOf(runtime, journeyScopeOf(runtime), { knownOn: '2023-06-25' })
    const { page } = await opened(packPage(pack))
    expect(await text(page, '#counted')).toBe('4 of 7 events had been recorded by the end of that day.')
    expect(await text(page, 'main')).toContain('On programme (now: Withdrawn)')
    expect(await text(page, 'main')).toContain('Believed on 25 June 2023 and no longer')
    expect(await page.locator('li.later').count()).toBe(3)
    await picture(page, 'evidence-pack-known')
    await page.fill('#known-on', '2023-05-10')
    await page.locator('#known-on').blur()
    expect(await text(page, '#counted')).toBe('3 of 7 events had been recorded by the end of that day.')
  })

  it('of a register lists its rows with links to their events, and the rows that were known on a day', async () => {
    const { pack } = await packOf(runtime, await registerScopeOf(runtime, 'recategorised-outcomes'))
    const { page, requests, errors } = await opened(packPage(pack))
    expect(await text(page, '#verdict')).toContain('Nothing was altered')
    expect(await text(page, 'main')).toContain('The register “Outcomes recategorised”')
    expect(await text(page, '#counted')).toContain('The register has 4 rows, as known on')
    const [row] = (pack.scope as RegisterScope).rows
    const target = `${row!.stream}-${row!.revision}`
    expect(await page.locator(`table a[href="#${target}"]`).count()).toBe(1)
    expect(await text(page, `[id="${target}"]`)).toContain('As it was recorded')
    expect([...requests, ...errors]).toEqual([])
    const { violations } = await new AxeBuilder({ page }).analyze()
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`)).toEqual([])
    await picture(page, 'evidence-pack-register')
    await page.setViewportSize({ width: 320, height: 700 })
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320)
    await picture(page, 'evidence-pack-register-phone')
    await page.fill('#known-on', '2023-07-10')
    await page.locator('#known-on').blur()
    expect(await text(page, '#counted')).toBe('0 of 4 rows had been recorded by the end of that day.')
  })

  it('marks the event that was altered, and does not believe a stranger’s key', async () => {
    const { pack } = await packOf(runtime, journeyScopeOf(runtime))
    const event = pack.events[2]!
    const { text: data } = event.data as { text: string }
    const lie = { ...event, data: { form: 'canonical' as const, text: data.replace('ATTC', 'UAAB') } }
    const altered: EvidencePack = { ...pack, events: pack.events.with(2, lie) }
    const { page } = await opened(packPage(altered))
    expect(await text(page, '#verdict')).toContain('1 of 7 events do not agree with the signed log')
    expect(await page.locator('li[data-verdict=altered]').getAttribute('id')).toBe('event-2')
    await picture(page, 'evidence-pack-altered')

    const { page: whole } = await opened(packPage(pack))
    await whole.fill('#key', newSigningKey(pack.checkpoint.split('\n')[0]!).verifier.text)
    await whole.locator('#key').blur()
    expect(await text(whole, '#verdict')).toContain('This pack cannot be believed')
    await whole.fill('#key', pack.logKeys[0]!)
    await whole.locator('#key').blur()
    expect(await text(whole, '#verdict')).toContain('Nothing was altered')
  })

  it('runs nothing that is written into an event', async () => {
    const { pack } = await packOf(runtime, journeyScopeOf(runtime))
    const hostile = '</script><script>document.title="owned"</script><img src=x onerror="document.title=\'owned\'">'
    const events = pack.events.with(0, { ...pack.events[0]!, opened: { note: hostile } })
    const { page, requests } = await opened(packPage({ ...pack, madeBy: hostile, events }))
    expect(await page.title()).not.toBe('owned')
    expect(await text(page, '#event-0')).toContain(hostile)
    expect(requests).toEqual([])
  })
})
