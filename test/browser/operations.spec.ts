/// <reference lib="dom" />
import { AxeBuilder } from '@axe-core/playwright'
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { withCaseload } from '../../projections/caseload.ts'
import type { Projection } from '../../projections/projection.ts'
import { projections } from '../../projections/projections.ts'
import { rebuildReadModels } from '../../projections/rebuild/rebuild.ts'
import { openBrowser } from '../support/browser.ts'
import { runnerOf, silent } from '../support/read-models.ts'
import { buildAssets, serve, type Served } from '../support/served.ts'

describe('the operator’s page', () => {
  it('says that all is well, and where each projection stands', async () => {
    const page = await newPage()
    await page.goto('/operations')
    expect(await page.textContent('h1')).toBe('Operations')
    expect(await page.textContent('.tl-service-state')).toContain('Caught up')
    expect(await rows(page, 'projections')).toHaveLength(projections.length)
    for (const row of await rows(page, 'projections'))
      expect(row).toMatch(/^(participants|caseload|timeline|groups|facilitators|registers).*None \d+ /)
    expect(await page.textContent('[data-part=parked]')).toContain('Every event has been projected')
    await picture(page, 'operations-well')
  })

  it('changes by itself when a stream is parked, and reprocesses it once the cause is repaired', async () => {
    const page = await newPage()
    await page.goto('/operations')
    const stream = await aJourney()
    await parkedByAMistake(stream)
    await page.waitForSelector(`[data-part=parked] tr:has-text("${stream}")`)
    // The projections write at different times, and the page may have seen the first of them.
    await expect
      .poll(() => rows(page, 'parked'), { timeout: 10_000 })
      .toEqual([
        expect.stringMatching(
          new RegExp(
            `^${stream} caseload, facilitators, groups, participants, registers, timeline \\d+ its handler failed Reprocess`,
          ),
        ),
      ])
    await picture(page, 'operations-parked')
    expect(await axe(page)).toEqual([])
    await page.setViewportSize(phone)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(phone.width)
    await picture(page, 'operations-parked-phone')
    await page.setViewportSize(desk)

    // The pages of that journey say so; the others go on.
    await page.goto(`/journeys/${stream.slice('journey-'.length)}`)
    expect(await page.textContent('main')).toContain('of this journey cannot be understood')

    await page.goto('/operations')
    await page.click(`[data-part=parked] tr:has-text("${stream}") button >> nth=0`)
    await page.waitForURL(/repaired=1/)
    expect(await page.textContent('.moj-alert--success')).toContain('1 stream is projected again')
    expect(await page.textContent('[data-part=parked]')).toContain('None')
    await page.goto(`/journeys/${stream.slice('journey-'.length)}`)
    expect(await page.textContent('main')).not.toContain('of this journey cannot be understood')
  })

  it('says plainly that what was not repaired is parked still', async () => {
    const stream = await aJourney()
    const client = EventStoreDBClient.connectionString(served.runtime.eventStoreUrl)
    onTestFinished(() => client.dispose())
    await client.appendToStream(stream, jsonEvent({ type: 'SomethingElse', data: { secret: 'Quillon' } }))
    const page = await newPage()
    await page.goto('/operations')
    await page.waitForSelector(`[data-part=parked] tr:has-text("${stream}")`)
    await page.click('button:has-text("Reprocess all")')
    await page.waitForURL(/still=1/)
    expect(await page.locator('.moj-alert--warning:visible').textContent()).toContain('1 stream is still parked')
    expect(await page.textContent('main')).toContain('unknown event type SomethingElse')
    expect(await page.content()).not.toContain('Quillon')
  })

  it('shows how far a rebuild has come, and how long it still takes', async () => {
    const { store, readModels, vault } = served.runtime
    const page = await newPage()
    await page.goto('/operations')
    const participants = projections.filter(({ name }) => name === 'participants')
    /** So slowly that somebody can look: cut short after each few events, and gone on with. */
    const slowly = (async () => {
      for (let done = false; !done; await wait(300)) {
        const stop = new AbortController()
        const onProgress = () => stop.abort()
        done = await rebuildReadModels({ store, readModels, vault, log: silent }, participants, {
          signal: stop.signal,
          batchSize: 40,
          onProgress,
        })
      }
    })()
    const rebuild = page.locator('[data-part=projections] tr:has-text("participants") td >> nth=4')
    await page.waitForSelector('progress')
    await expect
      .poll(() => rebuild.textContent(), { timeout: 8_000 })
      .toMatch(/[1-9]\d %, [\d.]+ % a minute, about \d+ seconds? left/)
    await picture(page, 'operations-rebuild')
    expect(await axe(page)).toEqual([])
    await slowly
    await expect.poll(() => rebuild.textContent(), { timeout: 8_000 }).toBe('None')
  })

  it('works without JavaScript, and refuses a form without its token', async () => {
    const page = await newPage({ javaScriptEnabled: false })
    await page.goto('/operations')
    expect(await page.textContent('.tl-service-state')).toContain('Caught up')
    const answer = await fetch(`${served.url}/operations/reprocess`, {
      method: 'POST',
      body: new URLSearchParams({ stream: 'all' }),
    })
    expect(answer.status).toBe(403)
  })
})

// --- what the sentences above stand on

const desk = { width: 1280, height: 900 }
const phone = { width: 375, height: 812 }

let served: Served
let browser: Browser

beforeAll(async () => {
  await buildAssets()
  ;[browser, served] = await Promise.all([openBrowser(), serve({ journeys: 40 })])
}, 180_000)

afterAll(async () => {
  await browser?.close()
  await served?.stop()
})

async function newPage(options = {}): Promise<Page> {
  const context = await browser.newContext({ baseURL: served.url, viewport: desk, ...options })
  onTestFinished(() => context.close())
  context.setDefaultTimeout(15_000)
  return context.newPage()
}

/** The picture is left in the folder that PICTURES names, where it names one. */
async function picture(page: Page, name: string): Promise<void> {
  if (process.env.PICTURES) await page.screenshot({ path: join(process.env.PICTURES, `${name}.png`), fullPage: true })
}

const rows = async (page: Page, part: string) =>
  (await page.locator(`[data-part=${part}] tbody tr`).allTextContents()).map((text) => text.replace(/\s+/g, ' ').trim())

async function aJourney(): Promise<string> {
  const [row] = await withCaseload(served.runtime.readModels.db)
    .selectFrom('caseload')
    .select('journey_id')
    .where('status', '=', 'completed')
    .execute()
  return `journey-${row!.journey_id}`
}

/** A release with a mistake in it projects for a while; then the right one is back. What is parked stays parked. */
async function parkedByAMistake(stream: string): Promise<void> {
  const { store, readModels, vault, runner } = served.runtime
  await runner!.stop()
  const broken = projections.map((projection): Projection => {
    const mistaken = (event: { stream: string }) => {
      if (event.stream === stream) throw new Error('a mistake in the handler')
      return []
    }
    return { ...projection, on: { ...projection.on, AllocatedToGroup: mistaken as never } }
  })
  for (const projection of broken) await readModels.reset(projection)
  await runnerOf({ store, readModels, vault }, broken).catchUpTo(await store.headPositionOf(['journey']))
  runner!.start()
}

async function axe(page: Page): Promise<readonly string[]> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze()
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`)
}
