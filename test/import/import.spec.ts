import { parse } from 'csv-parse/sync'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { importFile } from '../../src/exchange/import-file.ts'
import { NotAContactLog } from '../../src/exchange/contact-log-file.ts'
import { columns } from '../../src/exchange/contact-log.ts'
import { waitUntilCaughtUp } from '../../src/runtime/runtime.ts'
import { projections } from '../../projections/projections.ts'
import fc from 'fast-check'
import { hostileCsv } from '../support/hostile-log.ts'
import { referenceImport } from '../support/reference-import.ts'
import {
  countEvents,
  importText,
  openIn,
  reported,
  temporaryDirectory,
  temporaryWorkplace,
} from '../support/runtime.ts'
import { referral, writtenLog } from '../support/written-log.ts'

const fixture = (name: string) => new URL(`../fixtures/contact-logs/${name}`, import.meta.url).pathname

const rejectsIn = (path: string) =>
  parse(readFileSync(path), { bom: true, columns: true, relax_column_count: true }).map((row) => {
    const { line, reason } = row as { line: string; reason: string }
    return { line: Number(line), reason }
  })

describe('a contact log', () => {
  for (const name of ['legacy-export', 'nasty']) {
    it(`${name} becomes exactly the journeys it should, in the read model, in the log and after a rebuild`, async () => {
      const runtime = await temporaryWorkplace()
      const expected = JSON.parse(readFileSync(fixture(`${name}.expected.json`), 'utf8'))
      const { per_journey, rejects, ...totals } = expected
      const rejectsPath = `${temporaryDirectory()}/rejects.csv`
      const outcome = await importFile(runtime, fixture(`${name}.csv`), { rejects: rejectsPath })

      expect(outcome.totals).toEqual(totals)
      expect(rejectsIn(rejectsPath)).toEqual(rejects)
      expect(await reported(runtime, 'read-model')).toEqual(per_journey)
      expect(await reported(runtime, 'log')).toEqual(per_journey)

      for (const projection of projections) await runtime.readModels.reset(projection)
      await waitUntilCaughtUp(runtime)
      expect(await reported(runtime, 'read-model')).toEqual(per_journey)
    })

    it(`${name} imported again adds nothing, and is judged the same`, async () => {
      const runtime = await temporaryWorkplace()
      const rejectsPath = `${temporaryDirectory()}/rejects.csv`
      const first = await importFile(runtime, fixture(`${name}.csv`), { rejects: rejectsPath })
      const [events, figures, rejects] = [
        await countEvents(runtime),
        await reported(runtime, 'log'),
        readFileSync(rejectsPath),
      ]

      const second = await importFile(runtime, fixture(`${name}.csv`), { rejects: rejectsPath })
      expect(second.totals).toEqual({
        ...first.totals,
        accepted: 0,
        duplicates: first.totals.accepted + first.totals.duplicates,
      })
      expect(await countEvents(runtime)).toBe(events)
      expect(await reported(runtime, 'log')).toEqual(figures)
      expect(readFileSync(rejectsPath)).toEqual(rejects)
    })
  }

  it('of any hostile kind is judged as the written rules judge it, once and again', { timeout: 120_000 }, async () => {
    const seed = Number(process.env.SPEC_SEED ?? Math.floor(Math.random() * 2 ** 31))
    process.stdout.write(`hostile logs: SPEC_SEED=${seed}\n`)
    for (const [index, csv] of fc.sample(hostileCsv(), { seed, numRuns: 30 }).entries()) {
      const { per_journey, rejects, ...totals } = referenceImport(csv)
      const dir = temporaryDirectory()
      const runtime = await openIn(dir)
      try {
        const about = `log ${index} of seed ${seed}`
        const first = await importText(runtime, csv)
        expect(first.totals, about).toEqual(totals)
        expect(rejectsIn(first.rejects), about).toEqual(rejects)
        expect(await reported(runtime, 'read-model'), about).toEqual(per_journey)
        expect(await reported(runtime, 'log'), about).toEqual(per_journey)
        const events = await countEvents(runtime)
        const second = await importText(runtime, csv)
        expect(second.totals.accepted, about).toBe(0)
        expect(await countEvents(runtime), about).toBe(events)
        expect(await reported(runtime, 'log'), about).toEqual(per_journey)
      } finally {
        await runtime.close()
      }
    }
  })

  it('keeps both dates of a late record, says where it came from, and when this log received it', async () => {
    const runtime = await temporaryWorkplace()
    const before = Date.now()
    await importText(
      runtime,
      writtenLog([
        referral,
        { ...referral, contact: 'Warning', occurred_on: '01/06/2023', recorded_at: '20/06/2023 09:05' },
      ]),
    )
    const events = await Array.fromAsync(runtime.store.read(`journey-${runtime.vault.find('reference', 'R-1')}`))
    const { metadata, receivedAt } = events[1]!
    expect(metadata).toMatchObject({
      occurredAt: '2023-06-01',
      recordedAt: '2023-06-20T08:05:00.000Z',
      source: 'import',
    })
    expect(receivedAt.getTime()).toBeGreaterThanOrEqual(before - 1_000)
  })

  it('may turn away what an earlier import turned away, or judge it again when asked', async () => {
    const runtime = await temporaryWorkplace()
    const warning = { ...referral, contact: 'Warning', note: 'early' }
    await importText(runtime, writtenLog([warning]))
    await importText(runtime, writtenLog([referral]))
    expect((await importText(runtime, writtenLog([warning]))).totals.rejected_by_reason).toEqual({ no_referral: 1 })
    expect((await importText(runtime, writtenLog([warning]), { reconsider: true })).totals.accepted).toBe(1)
  })

  it('tells of details that changed, and keeps what was said before', async () => {
    const runtime = await temporaryWorkplace()
    await importText(runtime, writtenLog([referral, { ...referral, contact: 'Warning', family_name: 'Newname' }]))
    const id = runtime.vault.find('crn', 'X000001')!
    const types = (await Array.fromAsync(runtime.store.read(`participant-${id}`))).map(({ type }) => type)
    expect(types).toEqual(['ParticipantRegistered', 'ParticipantDetailsCorrected'])
  })

  it.each([
    ['an empty file', '', /is empty/],
    ['a header without its columns', 'a,b\n1,2\n', /should name these columns.*journey_ref/],
    ['a header that lacks one', `${columns.slice(1).join(',')},extra\n`, /Missing: journey_ref. Not known: "extra"/],
    ['a column named twice', `${columns.join(',')},CRN\n`, /Named twice: crn/],
  ])('that is %s is refused with what to do, and adds nothing', async (_what, csv, message) => {
    const runtime = await temporaryWorkplace()
    const failure = await importText(runtime, csv).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(NotAContactLog)
    expect((failure as Error).message).toMatch(message)
    expect(await countEvents(runtime)).toBe(0)
  })
})
