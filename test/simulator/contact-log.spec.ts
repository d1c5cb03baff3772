import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { type ContactRecord, csvOf, simulateContactLog, writeCsv } from '../../src/simulator/contact-log.ts'
import { sessionSequence } from '../../src/simulator/journey-path.ts'
import { kindsOfMess } from '../../src/simulator/mess.ts'
import { referenceImport } from '../support/reference-import.ts'

const days = { from: '2021-01-04', until: '2026-06-30' }

describe('a clean simulated log', () => {
  const log = [...simulateContactLog({ seed: 1, journeys: 3000, messy: false, ...days })]
  const result = referenceImport(csvOf(log))
  const journeys = [...Map.groupBy(log, ({ journey_ref }) => journey_ref).values()]
  const sessions = log.filter(({ contact }) => contact === 'Session')

  it.each([2, 3, 5, 8, 13])('is accepted whole (seed %i)', (seed) => {
    const other = referenceImport(csvOf(simulateContactLog({ seed, journeys: 500, messy: false, ...days })))
    expect(other).toMatchObject({ accepted: other.rows, rejects: [], duplicates: 0, journeys: 500 })
  })

  it('is accepted whole, and holds the journeys asked for', () =>
    expect(result).toMatchObject({ accepted: log.length, rejects: [], duplicates: 0, journeys: 3000 }))

  it('comes in order of recording, and nothing occurs or is recorded outside its days', () => {
    const recorded = log.map(({ recorded_at }) => sortable(recorded_at))
    expect(recorded).toEqual(recorded.toSorted())
    for (const { occurred_on, recorded_at } of log) {
      expect(sortable(occurred_on) >= days.from, occurred_on).toBe(true)
      expect(sortable(recorded_at).slice(0, 10) <= days.until, recorded_at).toBe(true)
    }
  })

  it('gives every participant one CRN and one name, on each of his journeys', () => {
    const whose = (record: ContactRecord) =>
      [record.crn, record.family_name, record.given_names, record.date_of_birth].join()
    const participant = (record: ContactRecord) => record.journey_ref.replace(/-\d+$/, '')
    expect(new Set(log.map(whose)).size).toBe(new Set(log.map(participant)).size)
    expect(new Set(log.map(({ crn }) => crn)).size).toBe(result.participants)
    expect(result.participants).toBeLessThan(result.journeys)
  })

  it('holds every session of the programme and every kind of contact', () => {
    expect(new Set(sessions.map(({ session }) => session))).toEqual(new Set(sessionSequence))
    expect(sessionSequence.length).toBe(33)
    expect(new Set(log.map(({ contact }) => contact)).size).toBe(17)
  })

  it('puts the members of a group in the same room on the same evening', () => {
    const rooms = new Map<string, string>()
    for (const { group, session, occurred_on, planned_facilitators, actual_facilitators } of sessions) {
      if (!/^[FTER]\d$/.test(session)) continue
      const room = [occurred_on, planned_facilitators, actual_facilitators].join()
      expect(rooms.get(`${group} ${session}`) ?? room).toBe(room)
      rooms.set(`${group} ${session}`, room)
    }
    const members = Map.groupBy(sessions, ({ group }) => group)
    for (const [, of] of members) expect(new Set(of.map(({ journey_ref }) => journey_ref)).size).toBeLessThanOrEqual(12)
  })

  it('keeps to the published funnel and to our own assumptions', () => {
    // Those referred in the first three years have had time to finish.
    const ripe = journeys.filter(([first]) => sortable(first!.occurred_on) < '2024-01-01')
    const started = ripe.filter((records) => records.some(({ contact }) => contact === 'Session'))
    const inGroup = started.filter((records) => records.some(({ session }) => session === 'F1'))
    const completed = inGroup.filter((records) => records.some(({ contact }) => contact === 'Completed'))
    expect(1 - started.length / ripe.length).toBeCloseTo(0.4, 1)
    expect(1 - inGroup.length / started.length).toBeCloseTo(0.18, 1)
    expect(1 - completed.length / inGroup.length).toBeCloseTo(0.42, 1)

    const share = (which: (record: ContactRecord) => boolean) => sessions.filter(which).length / sessions.length
    const near = (found: number, meant: number) => expect(Math.abs(found / meant - 1)).toBeLessThan(0.12)
    near(
      share(({ outcome }) => outcome === 'UAAB'),
      0.12,
    )
    near(
      share(({ outcome }) => outcome.startsWith('AA') || outcome.startsWith('CO')),
      0.08,
    )
    near(
      share((record) => daysLate(record) > 5),
      0.05,
    )
    near(
      share((record) => record.planned_facilitators !== record.actual_facilitators),
      0.25,
    )
    const corrections = log.filter(({ contact }) => contact === 'Session correction')
    expect(corrections.length / sessions.length).toBeGreaterThan(0.02)
    expect(corrections.length / sessions.length).toBeLessThan(0.04)
  })

  it('leaves people waiting, on the programme and in breach on its last day', () => {
    const open = journeys.filter(
      (records) => !records.some(({ contact }) => contact === 'Dropped out' || contact === 'Completed'),
    )
    const holds = (records: ContactRecord[], wanted: string) =>
      records.filter(({ contact }) => contact === wanted).length
    expect(open.length / journeys.length).toBeGreaterThan(0.12)
    expect(open.filter((records) => !holds(records, 'Allocated to group')).length).toBeGreaterThan(100)
    expect(open.filter((records) => holds(records, 'Session')).length).toBeGreaterThan(50)
    expect(
      open.filter((records) => holds(records, 'Breach initiated') > holds(records, 'Breach resolved')).length,
    ).toBeGreaterThan(0)
  })
})

describe('a messy simulated log', () => {
  const log = [...simulateContactLog({ seed: 1, journeys: 600, messy: true, ...days })]
  const result = referenceImport(csvOf(log))

  it('plants every reason for refusal, and duplicates', () => {
    const planted = kindsOfMess.filter((kind) => kind !== 'duplicate')
    expect(Object.keys(result.rejected_by_reason).toSorted()).toEqual(planted.toSorted())
    expect(result.duplicates).toBeGreaterThan(3)
    expect(result.rejected / result.rows).toBeGreaterThan(0.005)
    expect(result.rejected / result.rows).toBeLessThan(0.03)
  })

  it('still comes in order of recording', () => {
    const recorded = log.map(({ recorded_at }) => sortable(recorded_at))
    expect(recorded).toEqual(recorded.toSorted())
  })

  it('holds unruly notes and names', () => {
    for (const sign of ['\n', '\r\n', '"', ',', '\t']) expect(log.some(({ note }) => note.includes(sign))).toBe(true)
    expect(log.some(({ family_name }) => family_name !== family_name.normalize('NFC'))).toBe(true)
  })

  it('still refers every journey asked for', () => expect(result.journeys).toBe(600))
})

describe('the simulator', () => {
  const small = { seed: 4, journeys: 60, messy: true, ...days }

  it('tells the same story for the same seed, and another for another', () => {
    const told = csvOf(simulateContactLog(small))
    expect(csvOf(simulateContactLog(small))).toBe(told)
    expect(csvOf(simulateContactLog({ ...small, seed: 5 }))).not.toBe(told)
  })

  it.each([1, 10, 999, 20_000])(
    'gives exactly %i records when asked, a long log up to about the last day',
    (records) => {
      for (const messy of [false, true]) {
        const log = [...simulateContactLog({ seed: 6, records, messy, ...days })]
        expect(log.length).toBe(records)
        if (records >= 20_000) expect(sortable(log.at(-1)!.recorded_at) > '2026-04').toBe(true)
      }
    },
  )

  it('begins every reference as asked', () =>
    expect(
      [...simulateContactLog({ ...small, refPrefix: 'DEMO' })].every(({ journey_ref }) =>
        journey_ref.startsWith('DEMO-'),
      ),
    ).toBe(true))

  it('refuses days that are not days, and an end before the beginning', () => {
    expect(() => [...simulateContactLog({ ...small, from: '04/01/2021' })]).toThrow(RangeError)
    expect(() => [...simulateContactLog({ ...small, until: '2020-01-01' })]).toThrow(RangeError)
  })

  it('can simulate a single day', () =>
    expect([...simulateContactLog({ ...small, from: days.until, until: days.until })].length).toBeGreaterThanOrEqual(
      60,
    ))

  it('writes as fast as it is read and no faster', async () => {
    let ahead = 0
    let mostAhead = 0
    const written: Buffer[] = []
    function* watched() {
      for (const record of simulateContactLog({ seed: 9, records: 20_000, messy: false, ...days })) {
        mostAhead = Math.max(mostAhead, ++ahead)
        yield record
      }
    }
    const slow = new Writable({
      highWaterMark: 1024,
      write(chunk: Buffer, _encoding, done) {
        written.push(chunk)
        ahead = 0
        setImmediate(done)
      },
    })
    expect(await writeCsv(watched(), slow)).toEqual({ records: 20_000 })
    expect(mostAhead).toBeLessThan(3000)
    const text = Buffer.concat(written).toString()
    expect(text.startsWith('\uFEFFjourney_ref,crn,')).toBe(true)
    expect(referenceImport(text)).toMatchObject({ rows: 20_000, rejected: 0 })
  })

  it('tells a hundred thousand records in seconds', () => {
    const begun = performance.now()
    let count = 0
    for (const record of simulateContactLog({ seed: 10, records: 100_000, messy: true, ...days })) if (record) count++
    expect(count).toBe(100_000)
    expect(performance.now() - begun).toBeLessThan(20_000)
  })
})

/** dd/mm/yyyy … → yyyy-mm-dd …; what is not a date stays as it is. */
const sortable = (ukDate: string) => ukDate.replace(/^(\d\d)\/(\d\d)\/(\d{4})/, '$3-$2-$1')

const daysLate = ({ occurred_on, recorded_at }: ContactRecord) =>
  (Date.parse(sortable(recorded_at).slice(0, 10)) - Date.parse(sortable(occurred_on))) / 86_400_000
