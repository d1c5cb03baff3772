/** The pages on which data protection officers carry out the rights of a participant, as two of them use them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withCaseload } from '../../projections/caseload.ts'
import type { SignedIn } from '../../src/access/session.ts'
import { sessionCookie } from '../../src/web/sign-in/cookies.ts'
import { serve, type Served } from '../support/served.ts'
import { personOfRole, sessionFor } from '../support/signed-in.ts'

const one = personOfRole('data_protection_officer')
const other: SignedIn = { ...one, id: 'another-officer', name: 'Another officer' }

let served: Served
let journeys: readonly string[]
beforeAll(async () => {
  served = await serve({ journeys: 6 })
  const rows = await withCaseload(served.runtime.readModels.db)
    .selectFrom('caseload')
    .select('journey_id')
    .orderBy('journey_id')
    .execute()
  journeys = rows.map(({ journey_id: id }) => id)
})
afterAll(() => served.stop())

/** Somebody's browser. */
class Browser {
  private readonly cookies = new Map<string, string>()

  constructor(who: SignedIn) {
    this.cookies.set(sessionCookie, sessionFor(served.app, who))
  }

  async ask(path: string, body?: Record<string, string>) {
    const answer = await fetch(served.url + path, {
      method: body ? 'POST' : 'GET',
      redirect: 'manual',
      headers: { cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(body && { body: new URLSearchParams(body) }),
    })
    for (const cookie of answer.headers.getSetCookie()) {
      const [name, value] = cookie.split(';')[0]!.split('=') as [string, string]
      this.cookies.set(name, value)
    }
    return { status: answer.status, to: answer.headers.get('location'), html: await answer.text() }
  }

  /** Fills a form in, checks the answers and confirms them. @returns each of the three answers */
  async fill(path: string, fields: Record<string, string>, typed?: string) {
    const form = await this.ask(path)
    const hidden = (html: string) =>
      Object.fromEntries([...html.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [name, value])) // prettier-ignore
    const check = await this.ask(path, { ...hidden(form.html), ...fields })
    const confirmed = await this.ask(path, {
      ...hidden(check.html),
      step: 'confirm',
      ...(typed !== undefined && { typed }),
    })
    return { form, check, confirmed }
  }
}

const nameOf = (html: string) => /tl-identity__name"><dt[^>]*>Name<\/dt><dd>([^<]+)</.exec(html)![1]!
const crnOf = (html: string) => /<dt>CRN<\/dt><dd>([^<]*)</.exec(html)![1]!

describe('an erasure', () => {
  it('is asked for by one officer and authorised by another: the name is gone from every page', async () => {
    const [asking, deciding] = [new Browser(one), new Browser(other)]
    const path = `/journeys/${journeys[0]}/rights`
    const before = await asking.ask(path)
    const [name, crn] = [nameOf(before.html), crnOf(before.html)]
    expect(before.html).toContain('Nobody has asked for his erasure')

    const asked = await asking.fill(`${path}/erasure`, { reason: 'retention_ended' }, crn.toLowerCase())
    expect(asked.form.html).toMatch(/What nobody will be able to read.*What stays/s)
    expect(asked.check.html).toMatch(/Check your answers.*The retention period is over.*Type/s)
    expect(asked.confirmed).toMatchObject({ status: 303, to: expect.stringContaining(`${path}?recorded=erasure`) })

    const own = await asking.ask(`${path}/erasure/decision`)
    expect(own.html).not.toContain('value="authorise"')
    expect((await deciding.ask('/rights')).html).toMatch(new RegExp(`${journeys[0]}/rights">${name}`))

    const decided = await deciding.fill(`${path}/erasure/decision`, { decision: 'authorise' }, crn)
    expect(decided.form.html).toContain(one.id)
    expect(decided.confirmed.status).toBe(303)
    const after = await deciding.ask(decided.confirmed.to!)
    expect(after.html).toMatch(/\(erased\).*His personal data was erased.*His key was destroyed/s)
    for (const page of ['', '/history', '/rights', '/looks', '/replay']) {
      const { status, html } = await asking.ask(`/journeys/${journeys[0]}${page}`)
      expect(status, page).toBe(200)
      expect(html, page).not.toContain(name.split(',')[0])
      expect(html, page).not.toContain(crn)
    }
    const list = await asking.ask('/')
    expect(list.html).toContain('(erased)')
    expect(list.html).not.toContain(crn)
  })

  it('is not authorised by whoever asked for it, whatever is sent', async () => {
    const asking = new Browser(one)
    const path = `/journeys/${journeys[1]}/rights`
    const crn = crnOf((await asking.ask(path)).html)
    await asking.fill(`${path}/erasure`, { reason: 'unlawful' }, crn)
    const { check } = await asking.fill(`${path}/erasure/decision`, { decision: 'authorise' }, crn)
    expect(check.status).toBe(400)
    const rights = await asking.ask(path)
    expect(rights.html).toContain('another data protection officer must authorise it')
    const declined = await asking.fill(`${path}/erasure/decision`, { decision: 'withdrawn' })
    expect(declined.confirmed.status).toBe(303)
    expect((await asking.ask(path)).html).toContain('Nobody has asked for his erasure')
  })

  it('needs a reason, and the CRN of the right man', async () => {
    const asking = new Browser(one)
    const path = `/journeys/${journeys[2]}/rights/erasure`
    expect((await asking.fill(path, {})).check.html).toContain('Select why his data is erased')
    const { confirmed } = await asking.fill(path, { reason: 'unlawful' }, 'X999999')
    expect(confirmed.status).toBe(400)
    expect(confirmed.html).toMatch(/There is a problem.*Type [A-Z]\d{6} to confirm/s)
  })
})

describe('a hold', () => {
  it('is placed, keeps him from being erased, and is released', async () => {
    const officer = new Browser(one)
    const path = `/journeys/${journeys[3]}/rights`
    const placed = await officer.fill(`${path}/hold`, { reason: 'inquiry' })
    expect(placed.confirmed.status).toBe(303)
    const held = await officer.ask(placed.confirmed.to!)
    expect(held.html).toMatch(/Hold placed.*His record is on hold and cannot be erased.*A public inquiry/s)
    expect((await officer.ask(`${path}/erasure`)).html).toContain('His record is on hold. Release the hold first.')

    const release = /href="([^"]+\/release)"/.exec(held.html)![1]!
    const released = await officer.fill(release, { over: 'yes' })
    expect(released.confirmed.status).toBe(303)
    const after = await officer.ask(path)
    expect(after.html).toMatch(/His record is not on hold.*A hold of his record was released: a public inquiry/s)
  })

  it('that is not there cannot be released', async () => {
    const { html } = await new Browser(one).ask(`/journeys/${journeys[4]}/rights/hold/nothing/release`)
    expect(html).toContain('This hold is not in force, or never was.')
  })
})
