import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Searches } from '../../src/web/caseload/searches.ts'
import { identify } from '../../src/access/session.ts'
import { cookieFor, personOfRole } from '../support/signed-in.ts'
import { serve, type Served } from '../support/served.ts'

describe('a search', () => {
  it('has an address that does not say who was sought, and that can be gone back to', async () => {
    const { crn, name } = await somebody()
    for (const find of [crn, crn.slice(2), name.slice(0, 4), name.toLowerCase()]) {
      const { status, location } = await send({ find, status: '', provider: '', group: '', order: '', page: '1' })
      expect([status, location]).toEqual([303, expect.stringMatching(/^\/\?search=[\w-]{22}$/)])
      for (const _time of [1, 2]) {
        const page = await get(location!)
        expect(page.status).toBe(200)
        expect(page.html).toContain(`value="${find}"`)
        expect(page.html).toContain(crn)
        expect(page.html).toContain('best match first')
        for (const [, href] of page.html.matchAll(/href="([^"]+)"/g))
          for (const part of [find, encodeURIComponent(find)]) expect(href).not.toContain(part)
      }
    }
  })

  it('keeps what it is filtered and sorted by, and is paged, by links', async () => {
    const { crn, status } = await somebody()
    const { location } = await send({ find: crn, status, order: 'attended.asc', page: '1' })
    expect(location).toMatch(/^\/\?search=[\w-]{22}&status=\w+&order=attended\.asc$/)
    const { html } = await get(location!)
    expect(html).toMatch(/aria-sort="ascending"><a class="tl-sort"[^>]*>Attended/)
    expect(html).toContain('sort by best match')
    const columns = [...html.matchAll(/aria-sort="\w+"><a class="tl-sort" href="([^"]+)"/g)]
    expect(columns).toHaveLength(html.match(/<th scope="col"/g)!.length)
    for (const [, href] of columns)
      expect((await get(href!.replaceAll('&amp;', '&'))).html).toContain(`${crn}</span> ·`)
  })

  it('and the case load say what needs doing, and list whom it needs doing for', async () => {
    const all = await get('/?order=needs.desc')
    expect(all.html).toMatch(/aria-sort="descending"><a class="tl-sort"[^>]*>Needs doing/)
    expect(all.html).toContain('cannot say whose order ends before he can finish')
    // All are synthetic, and that is said once, beside the banner of the service.
    expect(all.html.match(/tl-badge">Demonstration/g)).toHaveLength(1)
    const counts = [...all.html.matchAll(/data-label="Needs doing">(.*?)<\/td>/gs)].map(
      ([, cell]) => cell!.match(/tl-need--/g)?.length ?? 0,
    )
    expect(counts).toEqual([...counts].sort((a, b) => b - a))
    for (const [need, text] of [
      ['no_contact', /Nothing for \d+ days/],
      ['warning', /Warning due/],
      ['review', /Review due/],
    ] as const) {
      const { html } = await get(`/?need=${need}`)
      const cells = [...html.matchAll(/data-label="Needs doing">(.*?)<\/td>/gs)]
      expect(cells.length).toBeGreaterThan(0)
      for (const [, cell] of cells) expect(cell).toMatch(text)
      expect(html).toMatch(new RegExp(`<option value="${need}" selected>`))
    }
  })

  it('that looks for nobody is the case load itself', async () => {
    const { location } = await send({ find: '  ', status: 'completed' })
    expect(location).toBe('/?status=completed')
    expect((await get('/?find=Nobody')).html).not.toContain('Nobody')
  })

  it('belongs to the session that sent it', async () => {
    const { location } = await send({ find: 'a' })
    const another = await get(location!, await cookieFor(served.app, 'auditor'))
    expect(another.status).toBe(410)
    expect(another.html).toContain('This search is over')
    expect(another.html).not.toContain('tl-caseload__who')
    expect((await get(`/?search=${'x'.repeat(22)}`)).status).toBe(410)
  })

  it('is over after half an hour, and the eldest is let go of where there are too many', () => {
    let now = 1
    const searches = new Searches({ now: () => now })
    const request = {}
    identify(request, { who: personOfRole('auditor'), sessionId: 'one', until: null })
    const id = searches.keep(request, { find: 'Somebody' })
    now = 29 * 60_000
    expect(searches.of(request, id)).toEqual({ find: 'Somebody' })
    now = 31 * 60_000
    expect(searches.of(request, id)).toBeNull()
    const eldest = searches.keep(request, { find: 'Somebody' })
    for (let n = 0; n < 10_000; n++) searches.keep(request, { find: 'Somebody else' })
    expect(searches.of(request, eldest)).toBeNull()
  })
})

let served: Served
let cookie = ''
let csrf = ''

beforeAll(async () => {
  served = await serve({ journeys: 60 })
  cookie = await cookieFor(served.app, 'case_manager')
  const answer = await fetch(served.url, { headers: { cookie } })
  cookie += answer.headers
    .getSetCookie()
    .map((one) => `; ${one.split(';')[0]}`)
    .join('')
  csrf = /name="_csrf" value="([^"]+)"/.exec(await answer.text())![1]!
}, 60_000)
afterAll(() => served?.stop())

async function get(path: string, as = cookie) {
  const answer = await fetch(served.url + path, { headers: { cookie: as, accept: 'text/html' }, redirect: 'manual' })
  return { status: answer.status, html: await answer.text() }
}

async function send(fields: Record<string, string>) {
  const answer = await fetch(served.url, {
    method: 'POST',
    headers: { cookie, accept: 'text/html' },
    body: new URLSearchParams({ _csrf: csrf, ...fields }),
    redirect: 'manual',
  })
  return { status: answer.status, location: answer.headers.get('location') }
}

async function somebody() {
  const { html } = await get('/?order=referred.asc')
  const [, name, crn, status] =
    /tl-caseload__who"><a[^>]*>([^<,]+),.*?tl-caseload__ids"><span class="tl-nowrap">(\w+).*?tl-tag--(\w+)/s.exec(html)!
  return { name: name!, crn: crn!, status: status! }
}
