/** A journey whose history cannot be read: everybody is told so, and nobody else has to wait for it. */
import { oddityCodes } from '../../src/domain/journey/oddities.ts'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { StoredEvent } from '../../src/event-store/stored-event.ts'
import { reportFromLog, type UnreadableHistory } from '../../src/queries/report.ts'
import { waitUntilCaughtUp, type Runtime } from '../../src/runtime/runtime.ts'
import { serve, type Served } from '../support/served.ts'
import { ContactForm } from '../support/sent-form.ts'
import { appenderOf, importText, temporaryWorkplace } from '../support/runtime.ts'
import { caseManager } from '../support/signed-in.ts'
import { contactOf, writtenLog } from '../support/written-log.ts'

const referrals = writtenLog([1, 2, 3].map((n) => contactOf(n, { contact: 'Referral' })))
const warnings = writtenLog([1, 2, 3].map((n) => contactOf(n, { contact: 'Warning', note: 'late' })))

/** Until it is repaired, the stream ends in an event of a type that nobody knows. */
function spoilt({ store }: Runtime, stream: string): { repair(): void } {
  const read = store.read.bind(store)
  const spy = vi.spyOn(store, 'read').mockImplementation(async function* (asked, from = 0) {
    let revision = from
    for await (const event of read(asked, from)) {
      revision = event.revision + 1
      yield event
    }
    if (asked === stream && revision > 0)
      yield { ...unknownEvent, id: crypto.randomUUID(), stream, revision, receivedAt: new Date() }
  })
  return { repair: () => spy.mockRestore() }
}

const unknownEvent = { type: 'FromTheFuture', data: {}, metadata: {}, position: null } satisfies Partial<StoredEvent>

describe('an import', () => {
  it.each([
    ['journey', (runtime: Runtime) => runtime.vault.find('reference', 'R-2')],
    ['participant', (runtime: Runtime) => runtime.vault.find('crn', 'X000002')],
  ])(
    'refuses the records of an unreadable %s, takes the others, and takes these after the repair',
    async (what, of) => {
      const runtime = await temporaryWorkplace()
      await importText(runtime, referrals)
      const { repair } = spoilt(runtime, `${what}-${of(runtime)}`)
      const early = { contact: 'Session', session: 'PG1', outcome: 'ATTC', group: 'G1' }
      const log = writtenLog([
        contactOf(1, { contact: 'Warning' }),
        contactOf(2, { contact: 'Warning' }),
        contactOf(2, early),
        contactOf(3, { contact: 'Warning' }),
      ])
      const first = await importText(runtime, log)
      expect(first.totals).toMatchObject({ accepted: 2, rejected_by_reason: { journey_unreadable: 2 } })
      expect(await Array.fromAsync(runtime.store.readAll(['import']))).toEqual([])
      repair()
      const second = await importText(runtime, log)
      expect(second.totals).toMatchObject({ accepted: 1, duplicates: 2, rejected_by_reason: { not_allocated: 1 } })
    },
  )
})

describe('a journey that cannot be read', () => {
  let served: Served
  let app: NestFastifyApplication
  let journeyId: string
  let openForm: ContactForm
  beforeAll(async () => {
    served = await serve({ journeys: 0 })
    ;({ app } = served)
    for (const n of [1, 2, 3]) {
      await served.runtime.commands.journeys.refer(
        {
          details: { crn: `X00000${n}`, familyName: 'Example', givenNames: 'Sam', dateOfBirth: '1980-02-01' },
          programme: { key: 'bbr', version: 1 },
          provider: 'North',
          referralSource: 'court_requirement',
          reference: `R-${n}`,
        },
        { occurredOn: '2023-05-01', by: caseManager, source: 'ui', commandId: crypto.randomUUID() },
      )
    }
    await waitUntilCaughtUp(served.runtime)
    journeyId = served.runtime.vault.find('reference', 'R-2')!
    openForm = await ContactForm.of(served, journeyId, 'late')
    const [{ metadata }] = (await Array.fromAsync(served.runtime.store.read(`journey-${journeyId}`))) as [StoredEvent]
    await appenderOf(served.runtime).append(`journey-${journeyId}`, 0, [
      { id: crypto.randomUUID(), type: 'FromTheFuture', data: {}, metadata: metadata as object },
    ])
  })
  afterAll(() => served.stop())

  it('is refused alike by the API and by the form', async () => {
    const answer = await app.inject({
      method: 'POST',
      url: `/api/journeys/${journeyId}/warnings`,
      headers: { 'content-type': 'application/json' },
      payload: JSON.stringify({ occurredOn: '2025-02-01', confirmedOddities: oddityCodes }),
    })
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([409, 'journey_unreadable'])
    const sent = await openForm.send()
    const opened = await fetch(`${served.url}/journeys/${journeyId}/contact`)
    expect([sent.status, opened.status]).toEqual([409, 200])
    for (const page of [sent, opened])
      expect(await page.text()).toContain('An event of this journey cannot be understood')
  })

  it('is refused by the import, and the others go in', async () => {
    const { totals } = await importText(served.runtime, warnings)
    expect(totals).toMatchObject({ accepted: 2, rejected_by_reason: { journey_unreadable: 1 } })
  })

  it('is named by the report from the log, which goes on', async () => {
    const named: UnreadableHistory[] = []
    const report = reportFromLog(served.runtime, { demonstration: false, onUnreadable: (one) => named.push(one) })
    const references = (await Array.fromAsync(report)).map(({ reference }) => reference)
    expect(references.toSorted()).toEqual(['R-1', 'R-3'])
    expect(named).toMatchObject([{ stream: `journey-${journeyId}`, reference: 'R-2' }])
    expect(named[0]!.why).toContain('unknown event type')
  })
})
