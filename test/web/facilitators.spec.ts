/** The pages of facilitators: who is on the list, what each is trained for, and what each delivered, with whom. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dayNumbered, dayNumberOf, dayOf } from '../../src/domain/calendar.ts'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { groupOf } from '../process/support.ts'
import { serve, type Served } from '../support/served.ts'

let served: Served
const today = dayOf(new Date().toISOString())
const daysAgo = (days: number) => dayNumbered(dayNumberOf(today) - days)

beforeAll(async () => {
  served = await serve({ journeys: 3, settings: { RATE_LIMIT: '0' } })
}, 240_000)

afterAll(() => served?.stop())

let cookie = ''

async function get(address: string): Promise<string> {
  const answer = await fetch(new URL(address, served.url), { headers: cookie ? { cookie } : {} })
  cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? cookie
  return answer.text()
}

/** The hidden fields of a form, as a browser sends them back. */
const formIn = (html: string): Record<string, string> =>
  Object.fromEntries(
    [...html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [
      name!,
      value!,
    ]),
  )

async function send(address: string, body: Record<string, string>) {
  const answer = await fetch(new URL(address, served.url), {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie },
    body: new URLSearchParams(body),
  })
  return { status: answer.status, location: answer.headers.get('location'), html: await answer.text() }
}

const date = (name: string, day: string) => {
  const [year, month, dayOfMonth] = day.split('-') as [string, string, string]
  return { [`${name}-day`]: dayOfMonth, [`${name}-month`]: month, [`${name}-year`]: year }
}

/** Filled in, checked and confirmed. @returns the check page and the page after it */
async function fill(address: string, answers: Record<string, string>) {
  const check = await send(address, { ...formIn(await get(address)), ...answers })
  expect(check.html).toContain('Check your answers before')
  const { status, location } = await send(address, { ...formIn(check.html), step: 'confirm' })
  expect(status).toBe(303)
  return { check: check.html, address: location!.split('?')[0]!, page: await get(location!) }
}

describe('a facilitator', () => {
  let address: string

  it('is added after the answers were checked, once under one staff code', async () => {
    expect(await get('/facilitators')).toContain('Nobody is on the list yet')
    const wrong = await send('/facilitators/new', { ...formIn(await get('/facilitators/new')), code: 'Rowan Vale' })
    expect(wrong.status).toBe(400)
    for (const problem of ['Enter the name of the facilitator', 'Staff code must be up to 20 letters'])
      expect(wrong.html).toContain(problem)
    const answers = { name: 'Rowan Vale', code: 'f512', provider: 'North', ...date('beganOn', '2024-01-08') }
    const added = await fill('/facilitators/new', answers)
    expect(added.check).toContain('F512')
    expect(added.page).toContain('Facilitator added')
    address = added.address
    const taken = await send('/facilitators/new', {
      ...formIn(await get('/facilitators/new')),
      ...answers,
      step: 'confirm',
    })
    expect(taken.status).toBe(400)
    expect(taken.html).toContain('A facilitator with this staff code is on the list already')
  })

  it('has trainings, and whoever looks sees which have lapsed', async () => {
    const training = { course: 'bbr_facilitator', ...date('completedOn', '2024-02-05') }
    const lapsed = await fill(`${address}/training`, { ...training, ...date('validUntil', daysAgo(1)) })
    expect(lapsed.page).toContain('Lapsed')
    const refused = await send(`${address}/training`, {
      ...formIn(await get(`${address}/training`)),
      ...training,
      course: 'core_skills',
      ...date('validUntil', '2024-02-04'),
      step: 'confirm',
    })
    expect(refused.html).toContain('A training cannot lapse before it was completed')
    await fill(`${address}/training`, { ...training, ...date('completedOn', daysAgo(1)) })
    expect(await get('/facilitators')).not.toContain('Lapsed')
  })

  it('has support on record: that it was held, in which form and for how long', async () => {
    const held = await fill(`${address}/support`, {
      kind: 'supervision',
      form: 'one_to_one',
      minutes: '55',
      ...date('heldOn', daysAgo(2)),
    })
    expect(held.page).toContain('Supervision: one to one, 55 minutes')
  })

  it('is offered by the register, with the sessions delivered, the pair, and what is outstanding', async () => {
    const { sessionIds, journeyIds } = await groupOf(served.runtime.commands, 'G510', 1, ['F1', 'F2'])
    const [first] = sessionIds as [string]
    await waitUntilCaughtUp(served.runtime)
    const register = await get(`/sessions/${first}/register`)
    expect(register).toContain('<option value="F512">Rowan Vale</option>')
    await served.runtime.commands.sessions.deliver(
      first,
      {
        startedAt: '18:30',
        minutes: 150,
        actual: [
          { facilitator: 'F512', role: 'cover' },
          { facilitator: 'F099', role: 'co' },
        ],
        observers: [],
        register: journeyIds.map((journeyId) => ({ journeyId, outcome: 'ATTC' })),
      },
      {
        occurredOn: daysAgo(3),
        by: { id: 'F512', role: 'facilitator', organisation: 'North' },
        source: 'ui',
        commandId: crypto.randomUUID(),
      },
    )
    await waitUntilCaughtUp(served.runtime)
    const page = await get(address)
    expect(page).toContain('1 session, 1 in the evening')
    expect(page).toContain('Cover facilitator, stood in: not stated')
    expect(page).toMatch(/Delivered with[\s\S]*F099: 1 session/)
  })

  it('leaves, and is offered no more', async () => {
    const { page } = await fill(`${address}/leave`, { reason: 'moved_post', ...date('leftOn', today) })
    expect(page).toContain('Left: moved to another post')
    expect(await get(`${address}/training`)).toContain('He or she has left and delivers no sessions here.')
    expect(await get('/groups/new')).not.toContain('Rowan Vale')
  })

  it('is not there under an address that names none', async () => {
    for (const path of ['', '/training'])
      expect((await fetch(`${served.url}/facilitators/3f0c0f0e-5b0a-4a53-9d2e-0c9c1f3b7a11${path}`)).status).toBe(404)
  })
})
