/** Every form, sent empty and sent wrong: what it then says, where it leads, and the way back. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withCaseload } from '../../projections/caseload.ts'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { groupOf } from '../process/support.ts'
import { pageRoutes } from '../support/page-routes.ts'
import { openJourney, serve, type Served } from '../support/served.ts'
import type { Role } from '../../src/access/policy.ts'
import { cookieFor, personOfRole } from '../support/signed-in.ts'

/** Open to other roles than a case manager's: limited-access.spec.ts sends them. */
const ofOtherRoles = ['/journeys/:id/access/new', '/journeys/:id/access/:limit/lift']
/** Files are sent, not fields: import.spec.ts sends them. */
const notFields = ['/import', '/import/:upload']
/** A question that has no wrong answer; searches; a choice of a session, which is sent as an address and which the browser spec of journeys makes; and the correction of a register, which needs one that was sent: the browser spec of the register sends both. */
/** They answer something that was asked for or placed before, or choose what goes into a file: rights.spec.ts sends them. */
const onWhatWasAsked = [
  '/journeys/:id/rights/access-pack',
  '/journeys/:id/rights/erasure/decision',
  '/journeys/:id/rights/hold/:item/release',
  '/journeys/:id/rights/dispute/:item/settlement',
]
const noForms = [
  '/journeys/:id/partner-contact',
  '/',
  '/audit',
  '/journeys/:id/correction',
  '/sessions/:session/correction/:journey',
]

describe('every form', () => {
  it(
    'that is sent empty or wrong says at each field what is wrong, and has a way back',
    { timeout: 120_000 },
    async () => {
      const routes = pageRoutes(served)
      const forms = routes
        .filter(
          ({ method, path }) => method === 'POST' && routes.some((one) => one.method === 'GET' && one.path === path),
        )
        .map(({ path }) => path)
        // Those of the partner-safety strand are sent by pages.spec.ts of that.
        .filter((path) => !path.startsWith('/partner-safety'))
        .filter((path) => ![...notFields, ...noForms, ...ofOtherRoles, ...onWhatWasAsked].includes(path))
      expect(forms.length).toBeGreaterThan(20)
      const walked = new Set<string>()
      const faults: string[] = []
      for (const form of forms)
        for (const address of await addressesOf(form)) {
          const { get, post } = form.includes('/rights/') ? officer : manager
          const { html, status } = await get(address)
          const fields = status === 200 ? fieldsIn(html) : null
          if (!fields) continue
          walked.add(form)
          if (!/govuk-back-link|>Cancel</.test(html)) faults.push(`${address}: no way back`)
          for (const [how, filled] of [
            ['empty', (name: string) => (name in fields.hidden ? fields.hidden[name]! : '')],
            ['wrong', (name: string) => fields.hidden[name] ?? wrongly(name)],
          ] as const) {
            const sent = Object.fromEntries(fields.names.map((name) => [name, filled(name)]))
            const answer = await post(address, sent)
            faults.push(...faultsIn(answer).map((fault) => `${form} ${how}: ${fault}`))
          }
        }
      expect(faults).toEqual([])
      expect(forms.filter((form) => !walked.has(form))).toEqual([])
    },
  )

  it.each([
    [{ day: '', month: '', year: '' }, 'Enter the date of the session', ['day', 'month', 'year']],
    [{ day: '3', month: '', year: '2025' }, 'The date of the session must include a month', ['month']],
    [{ day: '31', month: '2', year: '2025' }, 'The date of the session must be a real date', ['day']],
    [{ day: '3', month: '13', year: '2025' }, 'The date of the session must be a real date', ['month']],
    [{ day: '3', month: '3', year: '25' }, 'The date of the session must have a year of 4 numbers', ['year']],
    [
      { day: '3', month: '3', year: '2199' },
      'The date of the session must be today or in the past',
      ['day', 'month', 'year'],
    ],
  ])('marks the parts of the date %j that are wrong', async (date, sentence, marked) => {
    const { get, post } = manager
    const address = `/journeys/${open}/attendance`
    const { hidden } = fieldsIn((await get(address)).html)!
    const parts = Object.fromEntries(Object.entries(date).map(([part, value]) => [`heldOn-${part}`, value]))
    const { html } = await post(address, { ...hidden, sessionId: '', outcome: 'ATTC', actual: 'F001', ...parts })
    expect(html).toContain(sentence)
    const inputs = [...html.matchAll(/<input[^>]*>/g)].map(([tag]) => tag)
    const wrong = inputs.filter((tag) => tag.includes('govuk-input--error') && tag.includes('id="heldOn-'))
    expect(wrong.map((tag) => /id="heldOn-(\w+)"/.exec(tag)![1])).toEqual(marked)
  })
})

// --- what the sentences above stand on

let served: Served
let open = ''
const ended: string[] = []
let group: Awaited<ReturnType<typeof groupOf>>
let facilitator = ''
let manager: Sender
let officer: Sender

beforeAll(async () => {
  served = await serve({ journeys: 40 })
  group = await groupOf(served.runtime.commands, 'G403', 2, ['F1', 'F2'])
  await waitUntilCaughtUp(served.runtime)
  open = await openJourney(served)
  for (const outcome of ['dropped_out', 'completed'] as const) {
    const row = await withCaseload(served.runtime.readModels.db)
      .selectFrom('caseload')
      .select('journey_id')
      .where('outcome', '=', outcome)
      .limit(1)
      .executeTakeFirstOrThrow()
    ended.push(row.journey_id)
  }
  manager = await senderAs('case_manager')
  officer = await senderAs('data_protection_officer')
  const onboarded = await served.runtime.commands.facilitators.onboard(
    { code: 'F611', name: 'Rowan Vale', provider: 'North' },
    { by: personOfRole('treatment_manager'), source: 'ui', commandId: crypto.randomUUID(), occurredOn: '2024-01-08' },
  )
  facilitator = onboarded.facilitatorId
  await waitUntilCaughtUp(served.runtime)
}, 120_000)
afterAll(() => served?.stop())

async function addressesOf(form: string): Promise<string[]> {
  const { html } = await manager.get(`/journeys/${open}`)
  const of = (what: string) => new RegExp(`events/(\\d+)/${what}"`).exec(html)?.[1] ?? '1'
  const address = form
    .replace(':group', group.groupId)
    .replace(':facilitator', facilitator)
    .replace(':session', group.sessionIds[0]!)
    .replace(':journey', group.journeyIds[0]!)
    .replace(':revision/correct', `${of('correct')}/correct`)
    .replace(':revision', of('withdraw'))
  return [open, ...ended].map((id) => address.replace(':id', id)).filter((one, n, all) => all.indexOf(one) === n)
}

/** The fields of the form on a page that records something; null where it has none. */
function fieldsIn(html: string) {
  const main = html.slice(html.indexOf('<main'))
  if (!main.includes('name="commandId"')) return null
  const hidden: Record<string, string> = {}
  for (const [tag] of main.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
    const name = /name="([^"]+)"/.exec(tag)?.[1]
    if (name) hidden[name] = /value="([^"]*)"/.exec(tag)?.[1] ?? ''
  }
  const names = [...main.matchAll(/<(?:input|select|textarea)[^>]*\sname="([^"]+)"/g)].map(([, name]) => name!)
  return { hidden, names: [...new Set(names)] }
}

const wrongly = (name: string): string => (/-(day|month|year)$/.test(name) ? '77' : '\u0007'.repeat(4_100))

function faultsIn({ status, html }: { status: number; html: string }): string[] {
  const faults: string[] = []
  if (status !== 400) return [`answered ${status}`]
  if (!/<title>\s*Error: /.test(html)) faults.push('the title does not begin with Error')
  const summary = /govuk-error-summary__list">(.*?)<\/ul>/s.exec(html)?.[1]
  if (!summary) return [...faults, 'no error summary']
  for (const [, id, text] of summary.matchAll(/<a href="#([^"]+)">(.*?)<\/a>/gs)) {
    const control = new RegExp(`<[^>]*\\sid="${id}"[^>]*>`).exec(html)?.[0]
    if (!control) faults.push(`${text}: #${id} is not on the page`)
    else if (!html.includes(`id="${id!.replace(/-(day|month|year)$/, '')}-error"`))
      faults.push(`${text}: nothing at #${id}`)
    if (/\.$/.test(text!) || /\d{4}-\d\d-\d\d/.test(text!)) faults.push(`${text}: not as GOV.UK words it`)
    const described = [...html.matchAll(/aria-describedby="([^"]*)"/g)].some(([, ids]) =>
      ids!.split(/\s+/).includes(`${id!.replace(/-(day|month|year)$/, '')}-error`),
    )
    if (!described) faults.push(`${text}: no control is described by its error`)
  }
  return faults
}

/** A form leads to an address of its own, with the id of its command. */
type Sender = Awaited<ReturnType<typeof senderAs>>

async function senderAs(role: Role) {
  let cookie = await cookieFor(served.app, role)
  // A page with a form, which every role has.
  const answer = await fetch(`${served.url}/account`, { headers: { cookie } })
  cookie += answer.headers
    .getSetCookie()
    .map((one) => `; ${one.split(';')[0]}`)
    .join('')
  const _csrf = /name="_csrf" value="([^"]+)"/.exec(await answer.text())![1]!
  const answered = async (answer: Response) => ({ status: answer.status, html: await answer.text() })
  const headers = { cookie, accept: 'text/html' }
  return {
    get: async (path: string) => answered(await fetch(served.url + path, { headers })),
    post: async (path: string, fields: Record<string, string>) => {
      const body = new URLSearchParams({ ...fields, _csrf })
      return answered(await fetch(served.url + path, { method: 'POST', headers, body, redirect: 'manual' }))
    },
  }
}
