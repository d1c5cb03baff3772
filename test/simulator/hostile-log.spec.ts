import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { csvOf } from '../../src/simulator/contact-log.ts'
import { kindsOfMess } from '../../src/simulator/mess.ts'
import { hostileCsv, hostileLog, sampleHostileLogs } from '../support/hostile-log.ts'
import { referenceImport } from '../support/reference-import.ts'

describe('hostile logs', () => {
  const results = sampleHostileLogs(20_240_229, 400).map((log) => referenceImport(csvOf(log)))

  it('reach every reason for refusal, many times', () => {
    for (const reason of kindsOfMess) {
      if (reason === 'duplicate') continue
      const refusals = results.reduce((sum, { rejected_by_reason }) => sum + (rejected_by_reason[reason] ?? 0), 0)
      expect(refusals, reason).toBeGreaterThan(40)
    }
  })

  it('also get somewhere: journeys complete, drop out, are corrected and recategorised', () => {
    const journeys = results.flatMap(({ per_journey }) => Object.values(per_journey))
    expect(results.reduce((sum, { duplicates }) => sum + duplicates, 0)).toBeGreaterThan(100)
    expect(journeys.filter(({ outcome }) => outcome === 'completed').length).toBeGreaterThan(20)
    expect(journeys.filter(({ outcome }) => outcome === 'dropped_out').length).toBeGreaterThan(100)
    expect(journeys.filter(({ corrections }) => corrections >= 3).length).toBeGreaterThan(50)
    expect(journeys.filter(({ recategorisations }) => recategorisations > 0).length).toBeGreaterThan(50)
  })

  it('are the same for the same seed', () => expect(sampleHostileLogs(7, 20)).toEqual(sampleHostileLogs(7, 20)))

  it('repeat refused records as well as accepted ones', () => {
    const repeatsRefused = sampleHostileLogs(3, 100).filter((log) => {
      const lines = log.map((record) => JSON.stringify(record))
      const refused = new Set(referenceImport(csvOf(log)).rejects.map(({ line }) => lines[line - 2]))
      return [...refused].some((line) => lines.indexOf(line!) !== lines.lastIndexOf(line!))
    })
    expect(repeatsRefused.length).toBeGreaterThan(10)
  })

  it('told twice, have nothing accepted twice', () =>
    fc.assert(
      fc.property(hostileLog(), (log) => {
        const once = referenceImport(csvOf(log))
        const twice = referenceImport(csvOf([...log, ...log]))
        // What was refused for coming too early may be in time the second time; what was accepted is only counted.
        expect(twice.duplicates).toBeGreaterThanOrEqual(once.duplicates * 2 + once.accepted)
        expect(twice.accepted).toBeGreaterThanOrEqual(once.accepted)
      }),
    ))

  it('can be written as any file a system might send, and every row is accounted for', () =>
    fc.assert(
      fc.property(hostileCsv(), (csv) => {
        const { rows, accepted, duplicates, rejected } = referenceImport(csv)
        expect(accepted + duplicates + rejected).toBe(rows)
      }),
    ))
})
