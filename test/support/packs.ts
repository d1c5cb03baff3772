/** Evidence packs for specs: one journey with corrections, written down by hand, and what is around it. */
import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withLevelLog } from '../../src/evidence/pack/level-log.ts'
import { makePack, type PackOrder } from '../../src/evidence/pack/make-pack.ts'
import {
  mostPackedEvents,
  type EvidencePack,
  type PackScope,
  type RegisterScope,
} from '../../src/evidence/pack/pack-format.ts'
import { importFile } from '../../src/exchange/import-file.ts'
import { EveryCaseReached } from '../../src/queries/reached-cases.ts'
import { registerEvidence } from '../../src/queries/register-evidence.ts'
import { Registers, type RegisterFilter, type RegisterName } from '../../src/queries/registers.ts'
import { waitUntilCaughtUp, type Runtime } from '../../src/runtime/runtime.ts'

/** What names or describes the man of the journey. */
export const marked = { crn: 'Z987123', familyName: 'Quxworthy', note: 'MARKERNOTE he said something private' }

export const reference = 'REF-PACK-77'

const header =
  'journey_ref,crn,family_name,given_names,date_of_birth,recorded_at,occurred_on,contact,programme,group,session,outcome,planned_facilitators,actual_facilitators,provider,recorded_by,note'

const line = (ref: string, crn: string, recorded: string, occurred: string, kind: string, rest: string) =>
  `${ref},${crn},${marked.familyName},Zebediah,23/11/1971,${recorded} 10:00,${occurred},${kind},${rest}`

const journeyLines = (ref: string, crn: string): string[] => [
  line(ref, crn, '01/05/2023', '01/05/2023', 'Referral', `bbr,,,,,,North,F001,${marked.note}`),
  line(ref, crn, '02/05/2023', '02/05/2023', 'Allocated to group', ',G001,,,,,,F001,'),
  line(ref, crn, '08/05/2023', '08/05/2023', 'Session', `bbr,G001,PG1,ATTC,F001,F001,,F001,${marked.note}`),
  line(ref, crn, '20/06/2023', '15/05/2023', 'Session', 'bbr,G001,PG2,ATTC,F001,F002,,F001,'),
  line(ref, crn, '01/07/2023', '30/06/2023', 'Session correction', ',,PG1,UAAB,,,,F001,'),
  line(ref, crn, '10/07/2023', '10/07/2023', 'Dropped out', ',,,health,,,,F001,'),
  line(ref, crn, '20/07/2023', '20/07/2023', 'Outcome recategorised', ',,,motivation,,,,F002,'),
]

export async function importJourneys(runtime: Runtime): Promise<void> {
  const others = [1, 2, 3].map((n) => journeyLines(`REF-OTHER-${n}`, `Z98712${n + 3}`))
  const lines = [journeyLines(reference, marked.crn), ...others].flat()
  const file = join(runtime.config.dataDir, 'journeys.csv')
  writeFileSync(file, [header, ...lines].join('\n'))
  const { totals } = await importFile(runtime, file, { rejects: `${file}.rejects` })
  if (totals.rejected > 0) throw new Error(readFileSync(`${file}.rejects`, 'utf8'))
}

export const journeyScopeOf = (runtime: Runtime, ref = reference): PackScope => ({
  of: 'journey',
  stream: `journey-${runtime.vault.find('reference', ref)}`,
  reference: ref,
})

/** The rows of a register as they stand once everything is projected. */
export async function registerScopeOf(
  runtime: Runtime,
  name: RegisterName,
  filter: RegisterFilter = {},
): Promise<RegisterScope> {
  await waitUntilCaughtUp(runtime)
  const { store, readModels, vault, reach } = runtime
  const registers = new Registers(readModels, vault, new EveryCaseReached(store, readModels, reach))
  return registerEvidence(registers, name, filter, mostPackedEvents)
}

/** With personal fields unless an order says otherwise. */
export const packOf = (
  runtime: Runtime,
  scope: PackScope,
  order: Partial<PackOrder> = {},
): Promise<{ bytes: Uint8Array; pack: EvidencePack }> =>
  withLevelLog(runtime, (file) =>
    makePack(runtime, file, {
      scope,
      knownOn: null,
      withPersonalFields: true,
      by: { id: 'auditor-1', role: 'auditor', organisation: 'Inspectorate' },
      source: 'ui',
      commandId: randomUUID(),
      ...order,
    }),
  )
