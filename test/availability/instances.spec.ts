import { describe, expect, it, onTestFinished } from 'vitest'
import { bothDatabases } from '../support/postgres.ts'
import { ContactForm } from '../support/sent-form.ts'
import { openJourney, serve, type Served } from '../support/served.ts'

const freshDatabase = bothDatabases()

/** Two whole applications that share a log, the keys and PostgreSQL; the first of them projects. */
async function twoInstances(): Promise<[Served, Served]> {
  const DATABASE_URL = await freshDatabase('PostgreSQL')
  const first = await serve({ journeys: 40, settings: { DATABASE_URL } })
  onTestFinished(() => first.stop())
  const { config, eventStoreUrl } = first.runtime
  const second = await serve({
    journeys: 0,
    settings: { DATABASE_URL, EVENT_STORE_URL: eventStoreUrl, KEYS_DIR: config.keysDir },
  })
  onTestFinished(() => second.stop())
  await expect.poll(() => second.runtime.runner!.health.state, { timeout: 5_000 }).toBe('standing_by')
  expect(first.runtime.runner!.health.state).toBe('projecting')
  return [first, second]
}

describe('one’s own write, through another instance than the one that is asked', () => {
  it('is seen at once by the API, fifty times out of fifty', async () => {
    const instances = await twoInstances()
    const id = await openJourney(instances[0])
    for (let n = 0; n < 50; n++) {
      const [writer, reader] = n % 2 === 0 ? instances : instances.toReversed()
      const told = await fetch(`${writer!.url}/api/journeys/${id}/three-way-meetings`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          occurredOn: '2025-03-30',
          confirmedOddities: ['far_from_today', 'weekend', 'second_same_day'],
        }),
      })
      expect(told.status).toBe(201)
      const { revision, position } = (await told.json()) as { revision: number; position: string }
      const [byHeader, byQuery, timeline] = await Promise.all([
        fetch(`${reader!.url}/api/journeys/${id}`, { headers: { 'x-after-position': position } }),
        fetch(`${reader!.url}/api/journeys/${id}?after=${position}`),
        fetch(`${reader!.url}/api/journeys/${id}/timeline?after=${position}`),
      ])
      for (const answer of [byHeader, byQuery, timeline]) expect(answer.headers.get('x-still-catching-up')).toBeNull()
      expect([(await byHeader.json()) as object, (await byQuery.json()) as object]).toEqual(
        Array(2).fill(expect.objectContaining({ revision })),
      )
      expect(((await timeline.json()) as { revision: number }[]).at(-1)).toMatchObject({ revision })
    }
  })

  it('is seen at once by every page, fifty times out of fifty', async () => {
    const instances = await twoInstances()
    const id = await openJourney(instances[0])
    for (let n = 0; n < 50; n++) {
      const [writer, reader] = n % 2 === 0 ? instances : instances.toReversed()
      const note = `The note of meeting ${n}.`
      const form = await ContactForm.of(writer!, id, note)
      const leadsTo = (await form.send()).headers.get('location')!
      expect(leadsTo).toMatch(/\/recorded\?event=\d+&after=\d+$/)
      const timeline = `/journeys/${id}?${leadsTo.slice(leadsTo.indexOf('after='))}`
      for (const path of [leadsTo, timeline]) {
        const page = await (await fetch(`${reader!.url}${path}`)).text()
        expect(page).toContain(note)
        expect(page).not.toContain('Still catching up')
      }
      if (n % 10 > 0) continue
      // Sent twice, the second answer leads to the first’s event; and the other pages know of it too.
      const again = (await form.send()).headers.get('location')!
      expect(again).toMatch(/&repeated=same&after=\d+$/)
      for (const path of ['', '/contact', '/replay', '/history']) {
        const html = await (
          await fetch(`${reader!.url}/journeys/${id}${path}?${again.slice(again.indexOf('after='))}`)
        ).text()
        expect(html).not.toContain('Still catching up')
        if (path === '' || path === '/history') expect(html).toContain(note)
      }
    }
  })

  it('without its token might be missed: the spec can tell', async () => {
    const [first, second] = await twoInstances()
    const id = await openJourney(first)
    await first.runtime.runner!.stop()
    await second.runtime.runner!.stop()
    const told = await fetch(`${first.url}/api/journeys/${id}/warnings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        occurredOn: '2025-03-30',
        confirmedOddities: ['far_from_today', 'weekend', 'second_same_day'],
      }),
    })
    const { revision, position } = (await told.json()) as { revision: number; position: string }
    const without = await fetch(`${second.url}/api/journeys/${id}`)
    expect(((await without.json()) as { revision: number }).revision).toBeLessThan(revision)
    const waiting = fetch(`${second.url}/api/journeys/${id}?after=${position}`)
    first.runtime.runner!.start()
    expect(await (await waiting).json()).toMatchObject({ revision })
  })
})
