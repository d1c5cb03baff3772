/** The pages on which data protection officers carry out the rights of a participant, as two of them use them. */
import type { Day } from '../../src/domain/calendar.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withCaseload } from '../../projections/caseload.ts'
import { lookFrom } from '../../src/domain/consultation.ts'
import { Rights } from '../../src/queries/rights.ts'
import type { SubjectAccessPack } from '../../src/queries/subject-access.ts'
import type { SignedIn } from '../../src/access/session.ts'
import { sessionCookie } from '../../src/web/sign-in/cookies.ts'
import { serve, type Served } from '../support/served.ts'
import { askedAs, personOfRole, sessionFor } from '../support/signed-in.ts'

const one = personOfRole('data_protection_officer')
const other: SignedIn = { ...one, id: 'another-officer', name: 'Another officer' }

let served: Served
let journeys: readonly string[]
beforeAll(async () => {
  served = await serve({ journeys: 6 })
  const rows = await withCaseload(served.runtime.readModels.db)
    .selectFrom('caseload')
    .select('journey_id')
    .orderBy('attended')
    .orderBy('journey_id')
    .execute()
  journeys = rows.map(({ journey_id: id }) => id)
})
afterAll(() => served.stop())

/** Somebody's browser. */
class Browser {
  private readonly cookies = new Map<string, string>()

  constructor(private readonly who: SignedIn) {}

  async ask(path: string, body?: Record<string, string>) {
    if (!this.cookies.has(sessionCookie)) this.cookies.set(sessionCookie, await sessionFor(served.app, this.who))
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

describe('what he says himself', () => {
  it('is shown beside his record to everybody who may read it, and a dispute says what came of it', async () => {
    const [officer, reader] = [new Browser(one), new Browser(personOfRole('case_manager'))]
    const path = `/journeys/${journeys[4]}`
    const text = 'I was told the wrong day, twice'
    const stated = await officer.fill(`${path}/rights/statement`, { text })
    expect(stated.confirmed.status).toBe(303)
    const disputed = await officer.fill(`${path}/rights/dispute`, { event: '0', text: 'It was another day' })
    expect(disputed.check.html).toMatch(/Which record is wrong\?.*Event 0: Referral/s)
    const rights = await officer.ask(disputed.confirmed.to!)
    expect((await reader.ask(path)).html).toMatch(
      /What he says himself.*I was told the wrong day, twice.*He disputes.*It was another day.*Not settled yet/s,
    )
    const settlement = /href="([^"]+\/settlement)"/.exec(rights.html)![1]!
    const settled = await officer.fill(settlement, { settlement: 'not_known' })
    expect((await officer.ask(settled.confirmed.to!)).html).toContain('Dispute settled')
    expect((await reader.ask(path)).html).toMatch(/He disputed.*It cannot be established who is right/s)
    expect((await officer.ask(settlement)).html).toContain('This dispute is settled already.')
  })

  it('is not recorded where it is empty', async () => {
    const { check } = await new Browser(one).fill(`/journeys/${journeys[4]}/rights/statement`, { text: '   ' })
    expect(check.html).toMatch(/There is a problem.*Enter what he says/s)
  })
})

describe('a subject access pack', () => {
  it('has all that is recorded about him but what names somebody else, and its making is a disclosure', async () => {
    const officer = new Browser(one)
    const path = `/journeys/${journeys[4]}/rights/access-pack`
    const chosen = await officer.ask(path)
    const [, _csrf] = /name="_csrf" value="([^"]+)"/.exec(chosen.html)!
    const texts = [...chosen.html.matchAll(/name="leftOut" type="checkbox" value="([^"]+)"/g)].map(([, id]) => id!)
    expect(texts.length).toBeGreaterThan(1)
    const fields = { _csrf: _csrf!, leftOut: texts[0]! }
    const asPage = await officer.ask(path, fields)
    expect(asPage.html).toMatch(/What is recorded about you.*1 text was left out.*I was told the wrong day.*left out/s)
    const file = await officer.ask(path, { ...fields, format: 'json' })
    const pack = JSON.parse(file.html) as SubjectAccessPack
    expect(pack.leftOut).toBe(1)
    expect(pack.details.crn).toMatch(/^[A-Z]\d{6}$/)
    expect(pack.journeys.flatMap(({ events }) => events).length).toBeGreaterThan(3)
    const written = pack.journeys.flatMap(({ events }) => events.flatMap((event) => event.written))
    expect(written.map(({ id }) => id)).toEqual(texts)
    expect(written[0]!.text).toBeNull()
    expect(written[1]!.text).toEqual(expect.any(String))
    expect(pack.statements).toEqual([{ text: 'I was told the wrong day, twice', at: expect.any(String) as string }])
    expect(file.html).not.toMatch(/"F\d{3}"/)
    const looks = await Array.fromAsync(served.runtime.store.read(`consultation-${journeys[4]}`))
    expect(looks.map((event) => lookFrom(event)!).filter(({ view }) => view === 'subject_access')).toEqual([
      expect.objectContaining({ type: 'RecordDisclosed' }),
      expect.objectContaining({ type: 'RecordDisclosed' }),
    ])
  })
})

describe('records due for review', () => {
  it('are those whose last journey ended six years ago or longer, the rule and its source beside them', async () => {
    const rights = served.app.get(Rights)
    const rows = await withCaseload(served.runtime.readModels.db)
      .selectFrom('caseload')
      .select(['journey_id', 'participant_id', 'ended_on'])
      .execute()
    const ended = rows.flatMap(({ ended_on: on }) => (on === null ? [] : [on])).toSorted()
    expect(ended.length).toBeGreaterThan(1)
    const dueOn = (day: Day) => askedAs('data_protection_officer', () => rights.dueForReview(day))
    expect(await dueOn('2024-01-01')).toEqual([])
    // On the day on which the period of all that have ended is over.
    const last = ended.at(-1)!
    const due = await dueOn(`${Number(last.slice(0, 4)) + 6}${last.slice(4)}`)
    const erased = rows.find(({ journey_id: id }) => id === journeys[0])!
    const closed = Map.groupBy(rows, ({ participant_id: id }) => id)
      .entries()
      .filter(([id, of]) => id !== erased.participant_id && of.every(({ ended_on: on }) => on !== null))
    expect(due).toHaveLength([...closed].length)
    expect(due.map(({ endedOn }) => endedOn)).toEqual(due.map(({ endedOn }) => endedOn).toSorted())
    const page = await new Browser(one).ask('/rights/retention')
    expect(page.html).toMatch(/Records due for review.*kept for 6 years.*Limitation Act 1980/s)
  })
})
