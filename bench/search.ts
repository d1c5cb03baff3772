/**
 * How long finding people takes, and how much memory the index of them needs: `node bench/search.ts [journeys]`. The people
 * are made up and each has keys of his own, as in a real case load; what is measured is the index alone.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ReadModels } from '../projections/runner/read-models.ts'
import { withCaseload, type CaseloadTable } from '../projections/caseload.ts'
import { readConfig } from '../src/runtime/config.ts'
import { openRuntime } from '../src/runtime/runtime.ts'
import { PeopleIndex } from '../src/queries/people-index.ts'
import { Chance } from '../src/simulator/chance.ts'
import type { Vault } from '../src/protection/vault.ts'

const row: Omit<CaseloadTable, 'journey_id' | 'participant_id' | 'referral_event_id' | 'sealed'> = {
  status: 'on_programme',
  programme_key: 'bbr',
  programme_version: 1,
  provider: 'North',
  group_id: null,
  referred_on: '2025-01-06',
  last_contact_on: '2025-06-02',
  ended_on: null,
  outcome: 'open',
  reason: null,
  attended: 3,
  acceptable_absences: 0,
  unacceptable_absences: 1,
  corrections: 0,
  recategorisations: 0,
  facilitators_met: 2,
  warning_due: 0,
  review_due: 0,
  source: 'recorded',
  revision: 5,
  facts: '{}',
}

const journeys = Number(process.argv[2] ?? 50_000)
const dir = mkdtempSync(join(tmpdir(), 'throughline-bench-'))
const runtime = await openRuntime(readConfig({ DATA_DIR: dir, LOG_LEVEL: 'silent' }))
try {
  await fill(runtime.readModels, runtime.vault)
  const heap = () => {
    globalThis.gc?.()
    return process.memoryUsage().heapUsed / 2 ** 20
  }
  const before = heap()
  const index = new PeopleIndex(runtime.readModels, runtime.vault)
  const nobody: ReadonlySet<string> = new Set()
  const opening = await cpuMs(() => index.find('nobody at all', nobody))
  console.log(`opened: ${opening.toFixed(0)} ms of processor time, ${(heap() - before).toFixed(1)} MB`)
  for (const typed of ['smith', 'smiht', 'kow', 'x123', 'dv-0012', '27/3/1985', 'jon kowa']) {
    let found = 0
    const took = await cpuMs(async () => void (found = (await index.find(typed, nobody)).journeyIds.length))
    console.log(`${typed}: ${took.toFixed(1)} ms, ${found} found`)
  }
  console.log(`in order of name: ${(await cpuMs(() => index.byName())).toFixed(0)} ms`)
} finally {
  await runtime.close()
  rmSync(dir, { recursive: true, force: true })
}

async function cpuMs(work: () => Promise<unknown>): Promise<number> {
  const start = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1_000
}

async function fill({ db }: ReadModels, vault: Vault): Promise<void> {
  const chance = new Chance(1)
  const syllables = ['an', 'kow', 'smi', 'th', 'al', 'czyk', 'ber', 'ton', 'o', 'lu', 'ski', 'ram', 'jon', 'es', 'mar']
  const word = (most: number) => Array.from({ length: chance.between(2, most) }, () => chance.pick(syllables)).join('')
  const families = Array.from({ length: 9_000 }, () => word(4))
  const given = Array.from({ length: 1_500 }, () => word(3))
  for (let from = 0; from < journeys; from += 500) {
    const people: { participant_id: string; event_id: string; sealed: string }[] = []
    const rows: CaseloadTable[] = []
    vault.together(() => {
      for (let n = from; n < from + 500; n++) {
        const participantId = vault.participant(`X${String(n).padStart(6, '0')}`)
        const [journeyId, registered, referred] = [randomUUID(), randomUUID(), randomUUID()]
        const details = {
          crn: `X${String(n).padStart(6, '0')}`,
          familyName: chance.pick(families),
          givenNames: `${chance.pick(given)} ${chance.pick(given)}`,
          dateOfBirth: `19${chance.between(50, 99)}-0${chance.between(1, 9)}-${chance.between(10, 28)}`,
        }
        people.push({
          participant_id: participantId,
          event_id: registered,
          sealed: vault.seal(participantId, `participant-${participantId}/${registered}`, JSON.stringify(details)),
        })
        const reference = JSON.stringify({ reference: `DV-${String(n).padStart(7, '0')}` })
        rows.push({
          ...row,
          journey_id: journeyId,
          participant_id: participantId,
          referral_event_id: referred,
          sealed: vault.seal(participantId, `journey-${journeyId}/${referred}`, reference),
        })
      }
    })
    await withCaseload(db).insertInto('participant').values(people).execute()
    await withCaseload(db).insertInto('caseload').values(rows).execute()
  }
}
