/** npm run bench -- fold: how long 10,000 events on one journey take to fold. */
import type { Recorded } from '../src/domain/history.ts'
import { journeyHistory, type JourneyEvent } from '../src/domain/journey/journey.ts'
import { machine, printRows, type BenchRow } from './rows.ts'

const count = 10_000
const rounds = 9
const targetMs = 50

process.stderr.write(`${machine()}\n${count} events on one journey, ${rounds} rounds, median reported\n`)
printRows([folded()], process.argv.includes('--json'))

function folded(): BenchRow {
  const name = `fold of ${count} events on one journey`
  const events = aLongJourney()
  const times = Array.from({ length: rounds }, () => {
    const begun = performance.now()
    journeyHistory.fold(journeyHistory.initial, events)
    return performance.now() - begun
  })
  const value = times.sort((a, b) => a - b)[Math.floor(rounds / 2)]!
  return {
    name,
    value,
    unit: 'ms',
    baseline: null,
    ratio: null,
    target: `at most ${targetMs} ms`,
    ok: value <= targetMs,
  }
}

/** Sessions recorded and corrected, warnings, and a facilitator nobody has met before in every tenth event. */
function aLongJourney(): Recorded<JourneyEvent>[] {
  return Array.from({ length: count }, (_, n) => {
    const event = nth(n)
    const commandId = crypto.randomUUID()
    const at = { commandId, occurredAt: '2025-01-06', recordedAt: '2025-01-06T17:00:00.000Z' }
    return { ...event, id: commandId, stream: 'journey-0', revision: n, metadata: at } as Recorded<JourneyEvent>
  })
}

function nth(n: number): JourneyEvent {
  if (n === 0) {
    const programme = { key: 'bbr', version: 1 }
    return {
      type: 'ReferralReceived',
      data: { participantId: 'he', programme, source: 'voluntary', provider: 'north' },
    }
  }
  const sessionId = `F${n % 30}`
  if (n % 10 === 0) {
    const room = { groupId: 'G1', plannedFacilitators: ['S1'], actualFacilitators: [`S${n}`] }
    return { type: 'AttendanceRecorded', data: { ...room, sessionId, outcome: 'ATTC' } }
  }
  if (n % 2 === 0)
    return { type: 'AttendanceCorrected', data: { sessionId, outcome: 'UAAB', was: 'ATTC', corrects: n - 1 } }
  return { type: 'WarningIssued', data: {} }
}
