/** The auditor's desk: whatever is in the log is found and shown from the log itself, and compared with its leaf. */
import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Role } from '../../src/access/policy.ts'
import { EventIndex, eventIndexFileName } from '../../src/audit/event-index.ts'
import { EventReader } from '../../src/audit/event-reader.ts'
import { EventSearch, type PlaceInStream } from '../../src/audit/event-search.ts'
import { Cases } from '../../src/audit/cases.ts'
import { dayOf } from '../../src/domain/calendar.ts'
import type { Metadata } from '../../src/domain/history.ts'
import type { StoredEvent } from '../../src/event-store/stored-event.ts'
import { StoreUnavailable } from '../../src/event-store/store-errors.ts'
import { Evidence } from '../../src/evidence/evidence.module.ts'
import { coveredCategories } from '../../src/evidence/evidence-follower.ts'
import { Journeys } from '../../src/queries/journeys.ts'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { askedAs, cookieFor } from '../support/signed-in.ts'
import { richestJourney, serve, type Served } from '../support/served.ts'

let served: Served
let journeyId: string
let events: StoredEvent[]
beforeAll(async () => {
  served = await serve({ journeys: 25, settings: { RATE_LIMIT: '0' } })
  journeyId = await richestJourney(served)
  await level()
  events = await Array.fromAsync(served.runtime.store.readAll(coveredCategories))
})
afterAll(() => served?.stop())

async function level(): Promise<void> {
  const head = await served.runtime.store.headPositionOf(coveredCategories)
  const { log } = served.app.get(Evidence)
  await vi.waitFor(() => expect(served.app.get(EventIndex).readUpTo! >= head).toBe(true), 60_000)
  await vi.waitFor(() => expect(log!.readUpTo! >= head).toBe(true), 60_000)
  await vi.waitFor(() => expect(log!.file.latestCheckpoint()!.size).toBe(log!.size), 10_000)
}

const get = async (path: string, role: Role = 'auditor') =>
  served.app.inject({ url: path, headers: { host: 'localhost', cookie: await cookieFor(served.app, role) } })

/** One session of an auditor, who fills in the form of the desk. */
async function searching() {
  const cookie = await cookieFor(served.app, 'auditor')
  const open = (url: string) => served.app.inject({ url, headers: { host: 'localhost', cookie } })
  const page = await open('/audit')
  const csrf = page.cookies.find(({ name }) => name === '_csrf')!
  const token = /name="_csrf" value="([^"]+)"/.exec(page.body)![1]!
  const send = (fields: Record<string, string>) =>
    served.app.inject({
      method: 'POST',
      url: '/audit',
      headers: {
        host: 'localhost',
        cookie: `${cookie}; _csrf=${csrf.value}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      payload: new URLSearchParams({ _csrf: token, ...fields }).toString(),
    })
  return { open, send }
}

const metadataOf = ({ metadata }: StoredEvent) => metadata as Metadata
const placed = ({ stream, revision }: PlaceInStream) => `${stream} ${revision}`

/** The rows of the page, as `stream revision`. */
const shown = (body: string) => [...body.matchAll(/tl-audit__where tl-mono">([^<]+)</g)].map(([, place]) => place!)

describe('the event index', () => {
  it('locates every event of the log, each once', () => {
    const search = served.app.get(EventSearch)
    const found = search.find({}, 'recorded', 100_000)
    expect(found.next).toBeNull()
    expect(found.places.map(placed).toSorted()).toEqual(events.map(placed).toSorted())
  })

  it('finds what a look through the whole log finds, whatever is asked, page by page', () => {
    const search = served.app.get(EventSearch)
    const [, , , , , some] = events.filter(({ stream }) => stream.startsWith('journey-'))
    const { actor, source, recordedAt, occurredAt } = metadataOf(some!)
    const day = dayOf(recordedAt)
    const asked = [
      { actor: actor.id },
      { types: ['AttendanceRecorded'] },
      { types: ['AttendanceRecorded', 'WarningIssued'], actor: actor.id },
      { source, types: [some!.type] },
      { recorded: { from: day, to: day } },
      { recorded: { from: day } },
      { happened: { from: occurredAt, to: occurredAt }, source },
      { happened: { to: occurredAt }, recorded: { to: day } },
      { streams: [some!.stream] },
      { types: ['NoSuchEvent'] },
      { actor: 'nobody' },
    ] as const
    for (const filter of asked) {
      const { types, streams, recorded, happened, ...one } = { streams: undefined, recorded: undefined, happened: undefined, types: undefined, actor: undefined, source: undefined, ...filter } // prettier-ignore
      const within = (range: { from?: string; to?: string } | undefined, on: string) =>
        on >= (range?.from ?? '') && on <= (range?.to ?? '9999')
      const expected = events.filter((event) => {
        const metadata = metadataOf(event)
        return (
          (!types || (types as readonly string[]).includes(event.type)) &&
          (!streams || (streams as readonly string[]).includes(event.stream)) &&
          (one.actor === undefined || metadata.actor.id === one.actor) &&
          (one.source === undefined || metadata.source === one.source) &&
          within(recorded, dayOf(metadata.recordedAt)) &&
          within(happened, metadata.occurredAt)
        )
      })
      for (const clock of ['recorded', 'happened'] as const) {
        const places: PlaceInStream[] = []
        for (let after: string | null = null, pages = 0; pages === 0 || after !== null; pages++) {
          const page = search.find(filter, clock, 7, after)
          places.push(...page.places)
          after = page.next
        }
        expect(places.map(placed).toSorted(), JSON.stringify(filter)).toEqual(expected.map(placed).toSorted())
        const of = new Map(expected.map((event) => [placed(event), metadataOf(event)]))
        const times = places.map((place) => of.get(placed(place))![clock === 'recorded' ? 'recordedAt' : 'occurredAt'])
        expect(times).toEqual(times.toSorted().toReversed())
      }
    }
  })

  it('is built again from the log where its file is damaged, and holds nothing personal', async () => {
    const path = join(served.runtime.config.dataDir, `another-${eventIndexFileName}`)
    writeFileSync(path, 'this is no database, and never was one')
    const index = new EventIndex(path)
    expect([index.size, index.readUpTo]).toEqual([0, null])
    index.append(events, 5n)
    index.close()
    const again = new EventIndex(path)
    expect([again.size, again.readUpTo]).toEqual([events.length, 5n])
    again.close()
    const { name, crn, reference } = (await askedAs('auditor', () => served.app.get(Journeys).header(journeyId)))!
    const bytes = readFileSync(path, 'latin1')
    for (const personal of [...name.split(', '), crn, reference]) expect(bytes).not.toContain(personal)
    expect(bytes).toContain(journeyId)
  })
})

describe('the desk', () => {
  it('shows the newest events, and who looked is written down', async () => {
    const { statusCode, body } = await get('/audit')
    expect(statusCode).toBe(200)
    expect(shown(body)).toHaveLength(25)
    expect(body).toContain('Proven')
    const looks = await Array.fromAsync(served.runtime.store.read('consultation_by-spec-auditor'))
    expect(looks.at(-1)).toMatchObject({ type: 'RecordsListed', data: { view: 'audit' } })
  })

  it('finds a case by its reference, which stands in no address', async () => {
    const { reference } = (await askedAs('auditor', () => served.app.get(Journeys).header(journeyId)))!
    const { send } = await searching()
    const { statusCode, headers } = await send({
      case: reference,
      'recorded-from': '1/1/2020',
      type: 'ReferralReceived',
    })
    expect(statusCode).toBe(303)
    expect(headers.location).toBe(`/audit?case=journey-${journeyId}&type=ReferralReceived&recorded-from=2020-01-01`)
    expect(shown((await get(String(headers.location))).body)).toEqual([`journey-${journeyId} 0`])
    const wrong = await send({ case: 'REF-THAT-IS-NOT', 'happened-from': '31/2/2024' })
    expect(wrong.statusCode).toBe(400)
    expect(wrong.body).toContain('No case in this log has this reference')
    expect(wrong.body).toContain('“Happened from” must be a real date')
  })

  it('finds a man by name, shows whose events they are, and writes down whom the search showed', async () => {
    const { name, crn } = (await askedAs('auditor', () => served.app.get(Journeys).header(journeyId)))!
    const { send, open } = await searching()
    const { statusCode, headers } = await send({ case: name.replace(',', ''), type: 'ReferralReceived' })
    const location = String(headers.location)
    expect([statusCode, location.replace(/search=[\w-]{22}/, 'search=ID')]).toEqual([
      303,
      '/audit/people?search=ID&type=ReferralReceived',
    ])
    const found = await open(location)
    expect(found.body).toContain(crn)
    expect(found.body).toContain(`href="/audit?case=journey-${journeyId}&amp;type=ReferralReceived"`)
    const looks = await Array.fromAsync(served.runtime.store.read('consultation_by-spec-auditor'))
    expect(looks.at(-1)).toMatchObject({ type: 'RecordsListed', data: { view: 'audit' } })
    expect((looks.at(-1)!.data as { subjects: string[] }).subjects).toContain(journeyId)
    expect((await open(`/audit?case=journey-${journeyId}`)).body).toContain(name)
    // Nobody else reads what was sought, and the search ends with the session.
    expect((await get(location)).statusCode).toBe(410)
  })

  it('answers an address again as it did, older pages included', async () => {
    const { body } = await get('/audit?type=AttendanceRecorded&order=happened')
    const next = /href="([^"]+)" rel="next"/.exec(body)![1]!.replaceAll('&amp;', '&')
    const older = await get(next)
    expect(shown(older.body)).toEqual(shown((await get(next)).body))
    expect(shown(older.body)).not.toEqual(shown(body))
    expect((await get('/audit?after=nonsense')).statusCode).toBe(400)
  })

  it('lets in who reviews, and nobody else', async () => {
    for (const path of ['/audit', `/audit/streams/journey-${journeyId}`]) {
      expect((await get(path, 'data_protection_officer')).statusCode).toBe(200)
      for (const role of ['case_manager', 'administrator', 'partner_safety_worker'] as const)
        expect((await get(path, role)).statusCode).toBe(403)
    }
  })
})

describe('what changed', () => {
  it('has every journey in which something was recorded in some days, and says what it came to', async () => {
    const own = events.filter(({ stream }) => stream === `journey-${journeyId}`)
    const day = dayOf(metadataOf(own[3]!).recordedAt)
    const on = (event: StoredEvent) => dayOf(metadataOf(event).recordedAt) === day
    const { statusCode, body } = await get(`/audit/changes?from=${day}&to=${day}`)
    expect(statusCode).toBe(200)
    const streams = new Set(
      events.filter((one) => one.stream.startsWith('journey-') && on(one)).map((one) => one.stream),
    )
    for (const stream of streams) expect(body).toContain(stream)
    expect(new Set([...body.matchAll(/href="\/audit\/streams\/(journey-[\w-]+)"/g)].map(([, one]) => one))).toEqual(
      streams,
    )
    const only = await get(`/audit/changes?from=${day}&to=${day}&case=journey-${journeyId}`)
    expect(only.body).toContain(`/journeys/${journeyId}/compare?clock=known&amp;from=`)
    expect(only.body).toContain('1 journey,')
    const happened = metadataOf(own[3]!).occurredAt
    expect((await get(`/audit/changes?clock=happened&from=${happened}&to=${happened}`)).body).toContain(journeyId)
    expect((await get('/audit/changes?from=1/1/1950&to=2/1/1950')).body).toContain('Nothing about any journey')
    expect((await get('/audit/changes?from=32/1/2024')).statusCode).toBe(400)
  })
})

describe('a stream, whole', () => {
  it('shows each event as it is read and as it is stored, with its bytes, its hash and its way to the root', async () => {
    const { body } = await get(`/audit/streams/journey-${journeyId}`)
    const [first] = events.filter(({ stream }) => stream === `journey-${journeyId}`)
    const { log } = served.app.get(Evidence)
    expect(body).toContain(first!.id)
    expect(body).toContain((first!.data as { sealed: string }).sealed)
    expect(body).toContain(`Leaf ${log!.file.indexOf(first!.stream, 0)} of ${log!.size}`)
    expect(body).toContain('it leads to the root that was signed')
    expect(body).not.toContain('does not lead')
    expect([...body.matchAll(/<li class="tl-event"/g)]).toHaveLength(20)
  })

  it('links what was corrected and what corrects it, both ways', async () => {
    const correction = events.find(({ type }) => type === 'AttendanceCorrected')!
    const { corrects } = correction.data as { corrects: number }
    const path = `/audit/streams/${correction.stream}`
    const at = async (revision: number) => {
      const { body } = await get(`${path}?at=${revision}`)
      return body.slice(body.indexOf(`id="event-${revision}"`)).slice(0, 3_000)
    }
    expect(await at(correction.revision)).toContain(
      `Corrects <a class="govuk-link" href="${path}?at=${corrects}#event-${corrects}"`,
    )
    const corrected = await at(corrects)
    expect(corrected).toContain(
      `Corrected by <a class="govuk-link" href="${path}?at=${correction.revision}#event-${correction.revision}"`,
    )
    expect(corrected).toContain('>Corrected</strong>')
  })

  it('shows only what is asked for, and keeps its place', async () => {
    const own = events.filter(({ stream }) => stream === `journey-${journeyId}`)
    const attendances = own.filter(({ type }) => type === 'AttendanceRecorded')
    const path = `/audit/streams/journey-${journeyId}?type=AttendanceRecorded`
    const revisions = (body: string) =>
      [...body.matchAll(/<li class="tl-event" id="event-(\d+)"/g)].map(([, n]) => Number(n))
    const { body } = await get(path)
    expect(revisions(body)).toEqual(attendances.slice(0, 20).map(({ revision }) => revision))
    const last = attendances.at(-1)!.revision
    const late = await get(`${path}&at=${last}`)
    expect(revisions(late.body).at(-1)).toBe(last)
    expect(revisions((await get(`${path}&field=reason`)).body)).toEqual([])
    expect((await get('/audit/streams/journey-nothing')).statusCode).toBe(404)
    expect((await get('/audit/streams/$ce-journey')).statusCode).toBe(404)
  })

  it('names what the store has otherwise than the log, and what it has not', async () => {
    const { store, vault } = served.runtime
    const { file } = served.app.get(Evidence).log!
    const stream = `journey-${journeyId}`
    const readRange: typeof store.readRange = async (...asked) =>
      (await store.readRange(...asked))
        .filter(({ revision }) => revision !== 2)
        .map((event) => (event.revision === 1 ? { ...event, data: { decision: 'suitable' } } : event))
    const reader = new EventReader({ store: { read: store.read.bind(store), lastOf: store.lastOf.bind(store), readRange }, vault, file }) // prettier-ignore
    const found = await reader.range(stream, 0, 3)
    expect(found.map(({ verdict }) => verdict)).toEqual(['ok', 'altered', 'missing', 'ok'])
    expect(found.map(({ path }) => path?.leads)).toEqual([true, false, undefined, true])
  })

  it('finds the streams of a case', () => {
    const cases = served.app.get(Cases)
    const [own, person] = cases.streamsOf(`journey-${journeyId}`)
    expect(own).toBe(`journey-${journeyId}`)
    expect(person).toMatch(/^participant-/)
    expect(cases.streamsOf(person!)).toContain(own)
    expect(cases.streamNamed(journeyId)).toBe(own)
    expect(cases.streamNamed(randomUUID())).toBeNull()
  })
})

describe('what is taken away', () => {
  it('stands in a register with who took it, what, and how much it held', async () => {
    const own = events.filter(({ stream }) => stream === `journey-${journeyId}`)
    const rows = (await get('/registers/corrections/rows.jsonl')).body.split('\n').filter(Boolean).length
    expect((await get('/registers/corrections/rows.csv')).statusCode).toBe(200)
    expect((await get(`/journeys/${journeyId}/history.jsonl`)).statusCode).toBe(200)
    expect((await get(`/journeys/${journeyId}/replay/picture.svg`)).statusCode).toBe(200)
    expect((await get(`/api/journeys/${journeyId}/history`)).statusCode).toBe(200)
    await waitUntilCaughtUp(served.runtime)
    const { body } = await get('/registers/taken-away/rows.jsonl')
    const taken = body
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(
      taken.map((row) => `${String(row.about_type)} ${String(row.detail)} ${String(row.records)}`).toSorted(),
    ).toEqual(
      [
        `register_jsonl corrections ${rows}`,
        `register_csv corrections ${rows}`,
        `history_file ${journeyId} ${own.length}`,
        `picture ${journeyId} ${taken.find((row) => row.about_type === 'picture')!.records as number}`,
        `history_api ${journeyId} ${own.length}`,
      ].toSorted(),
    )
    expect(new Set(taken.map((row) => row.recorded_by))).toEqual(new Set(['spec-auditor']))
    const page = await get('/registers/taken-away')
    expect(page.body).toContain('The history of one journey, as JSON Lines, with personal details')
    expect(page.body).toContain(`Register: corrections: ${rows} records`)
  })

  it('is not sent where it cannot be written down', async () => {
    vi.spyOn(served.runtime.commands.evidencePacks, 'recordExport').mockRejectedValue(new StoreUnavailable())
    onTestFinished(() => void vi.restoreAllMocks())
    for (const path of [
      '/registers/corrections/rows.csv',
      `/journeys/${journeyId}/history.jsonl`,
      `/journeys/${journeyId}/replay/picture.svg`,
      `/api/journeys/${journeyId}/history`,
    ])
      expect((await get(path)).statusCode, path).toBe(503)
  })
})
