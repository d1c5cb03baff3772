import { describe, expect, it } from 'vitest'
import { caseload } from '../../projections/caseload.ts'
import { decoded, encoderOf } from '../../projections/storage/row-codec.ts'
import type { Value } from '../../projections/projection.ts'
import { ownFacts, type OwnFacts } from '../../src/domain/journey/fold.ts'
import { nothingKnown, type JourneyFacts, type RecordedVersion } from '../../src/domain/journey/state.ts'

const [table] = caseload.tables
const columns = Object.keys(table!.columns)

function kept(facts: JourneyFacts): { text: string; again: unknown } {
  const values = encoderOf(table!)({ journey_id: 'one', facts })
  const row = Object.fromEntries(columns.map((column, n) => [column, values[n] as Value]))
  const text = row.facts as string
  return { text, again: decoded(table!, row).facts }
}

/** Nothing in it is what it is before anything is known. */
const allKnown: JourneyFacts = {
  participantId: '3b6f1c3e-7a52-8d7a-9c1f-1f0f3a6f2b11',
  programme: { key: 'bbr', version: 2 },
  referredOn: '2024-01-02',
  suitability: { on: '2024-01-09', ready: false },
  waitingSince: '2024-01-10',
  allocatedOn: '2024-02-01',
  groupId: 'G1',
  groupSince: '2024-02-02',
  provider: 'North',
  providerSince: '2024-02-03',
  sessions: new Map([
    ['PG1', { outcome: 'ATTC', heldOn: '2024-02-10', revision: 5 }],
    ['a "session", [odd]', { outcome: 'UAAB', heldOn: '2024-02-17', revision: 7 }],
  ]),
  started: true,
  facilitatorsMet: new Set(['F1', 'F2']),
  warnings: 1,
  breachOn: '2024-03-01',
  breachResolvedOn: '2024-03-05',
  recalledOn: '2024-03-06',
  ending: { how: 'dropped_out', on: '2024-04-01', reason: 'moved_area', revision: 9 },
  corrections: 2,
  recategorisations: 3,
  lastContactOn: '2024-04-02',
  recorded: new Map<number, RecordedVersion>([
    [0, { type: 'ThreeWayMeetingHeld', on: '2024-01-02', fact: 0, data: {} }],
    [
      5,
      {
        type: 'AttendanceRecorded',
        on: '2024-02-10',
        fact: 5,
        data: { sessionId: 'PG1', outcome: 'UAAB', actualFacilitators: ['F1', 'F2'] },
      },
    ],
    [
      7,
      {
        type: 'AttendanceCorrected',
        on: '2024-02-10',
        fact: 5,
        data: { sessionId: 'PG1', outcome: 'ATTC', corrects: 5 },
      },
    ],
    [
      8,
      {
        type: 'RecordCorrected',
        on: '2024-02-11',
        fact: 5,
        data: {
          corrects: 7,
          of: 'AttendanceRecorded',
          data: { sessionId: 'PG2', outcome: 'ATTC', actualFacilitators: ['F1'] },
        },
      },
    ],
    [9, { type: 'RecordWithdrawn', on: '2024-02-11', fact: 5, data: { withdraws: 8 } }],
  ]),
}

describe('what is believed of a journey, kept in short,', () => {
  it.each([
    ['nothing', nothingKnown],
    ['everything', allKnown],
  ])('is read again as it was: %s known', (_, facts) => {
    expect(kept(facts).again).toEqual(facts)
  })

  it('has a value of its own here for each thing there is to know', () => {
    for (const name of Object.keys(nothingKnown) as (keyof JourneyFacts)[])
      expect(allKnown[name], name).not.toEqual(nothingKnown[name])
  })

  it('belongs to nobody else, and can be gone on from', () => {
    const [one, other] = [kept(nothingKnown).again as OwnFacts, kept(nothingKnown).again as OwnFacts]
    one.sessions.set('PG1', allKnown.sessions.get('PG1')!)
    one.facilitatorsMet.add('F3')
    expect(other).toEqual(nothingKnown)
    expect(ownFacts(nothingKnown)).toEqual(nothingKnown)
  })

  it('takes much less room', () => {
    const named = {
      ...allKnown,
      sessions: [...allKnown.sessions].map(([sessionId, session]) => ({ sessionId, ...session })),
      facilitatorsMet: [...allKnown.facilitatorsMet],
      recorded: [...allKnown.recorded].map(([revision, version]) => ({ revision, ...version })),
    }
    expect(kept(allKnown).text.length).toBeLessThan(JSON.stringify(named).length * 0.6)
  })
})
