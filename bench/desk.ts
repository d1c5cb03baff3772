/** The index behind the auditor's desk, at as many events as are asked for: `node bench/desk.ts 1000000`. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EventIndex, eventIndexFileName, type IndexedFields } from '../src/audit/event-index.ts'
import { EventSearch, type SearchFilter, type IndexClock } from '../src/audit/event-search.ts'

const events = Number(process.argv[2] ?? 200_000)
const begin = Date.parse('2018-01-01T09:00:00Z')
const types = ['AttendanceRecorded', 'AttendanceRecorded', 'AttendanceRecorded', 'WarningIssued', 'ReferralReceived']

/** Two hundred events a journey, recorded over eight years by 300 people; one in a hundred corrects the one before it. */
function* made(): Generator<IndexedFields> {
  for (let n = 0; n < events; n++) {
    const journey = Math.floor(n / 200)
    const revision = n % 200
    const recorded = begin + ((journey * 7_919) % 2_000) * 86_400_000 + revision * 3 * 86_400_000 + n
    const isCorrection = n % 100 === 99
    const stream = `journey-${String(journey).padStart(8, '0')}-0000-4000-8000-000000000000`
    yield {
      id: `event-${n}`,
      stream,
      revision,
      type: n === 4_321 ? 'RecallRecorded' : isCorrection ? 'AttendanceCorrected' : types[n % types.length]!,
      data: isCorrection ? { corrects: revision - 1 } : {},
      metadata: {
        actor: { id: `F${String((n * 31) % 300).padStart(3, '0')}` },
        source: n % 1_000 === 0 ? 'terminal' : 'import',
        occurredAt: new Date(recorded - (n % 20) * 86_400_000).toISOString().slice(0, 10),
        recordedAt: new Date(recorded).toISOString(),
      },
      receivedAt: new Date(recorded),
    }
  }
}

const directory = mkdtempSync(join(tmpdir(), 'throughline-bench-'))
try {
  const path = join(directory, eventIndexFileName)
  const index = new EventIndex(path)
  const started = performance.now()
  let batch: IndexedFields[] = []
  let position = 0n
  const longest = { ms: 0 }
  const flush = () => {
    const at = performance.now()
    index.append(batch, (position += BigInt(batch.length)))
    longest.ms = Math.max(longest.ms, performance.now() - at)
    batch = []
  }
  for (const event of made()) {
    batch.push(event)
    if (batch.length === 250) flush()
  }
  flush()
  const seconds = (performance.now() - started) / 1_000
  console.log(
    `${events} events indexed in ${seconds.toFixed(1)} s, the longest batch of 250 in ${longest.ms.toFixed(0)} ms; the file has ${(statSync(path).size / 1e6).toFixed(0)} MB`,
  )
  const search = new EventSearch(index.db)
  const asked: readonly (readonly [string, SearchFilter, IndexClock])[] = [
    ['everything, newest recorded', {}, 'recorded'],
    ['everything, newest happened', {}, 'happened'],
    ['one person', { actor: 'F007' }, 'recorded'],
    ['one type', { types: ['AttendanceCorrected'] }, 'happened'],
    ['a type of which there is one', { types: ['RecallRecorded'] }, 'recorded'],
    ['a person and a type that never met', { actor: 'F001', types: ['RecallRecorded'] }, 'recorded'],
    ['the common source, a day that happened, by recorded', { source: 'import', happened: { from: '2019-03-03', to: '2019-03-03' } }, 'recorded'], // prettier-ignore
    ['the rare source, one year', { source: 'terminal', recorded: { from: '2020-01-01', to: '2020-12-31' } }, 'recorded'], // prettier-ignore
    ['three types of one person, recorded in a month', { types: ['AttendanceCorrected', 'WarningIssued', 'RecallRecorded'], actor: 'F010', recorded: { from: '2021-05-01', to: '2021-05-31' } }, 'happened'], // prettier-ignore
    ['one case', { streams: ['journey-00000003-0000-4000-8000-000000000000'] }, 'recorded'],
    ['dates that nothing has, on the other clock', { happened: { from: '1990-01-01', to: '1990-12-31' } }, 'recorded'],
  ]
  for (const [name, filter, clock] of asked) {
    const times: number[] = []
    let found = search.find(filter, clock, 25)
    for (let n = 0; n < 20; n++) {
      const at = performance.now()
      found = search.find(filter, clock, 25)
      times.push(performance.now() - at)
    }
    times.sort((a, b) => a - b)
    console.log(
      `${name}: ${found.places.length} found${found.isPartial ? ', in part' : ''}; median ${times[10]!.toFixed(1)} ms, longest ${times.at(-1)!.toFixed(1)} ms`,
    )
  }
  index.close()
} finally {
  rmSync(directory, { recursive: true })
}
