/** A small synthetic case load, so that who starts the product for the first time sees it at work. Nobody in it exists. */
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dayOf } from '../domain/calendar.ts'
import { importFile } from '../exchange/import-file.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { formDemonstrationGroup } from './demonstration-group.ts'
import { simulateContactLog, writeCsv } from './contact-log.ts'

const journeys = 36
const seed = 20_260_801

/** Fills an empty case load; leaves one with anything in it alone. @returns how many journeys were added */
export async function seedDemonstration(runtime: Runtime): Promise<number> {
  if (await runtime.store.firstEventAfter(['journey'], null)) return 0
  // To the end of yesterday: of today, the log knows hours that are still to come.
  const until = new Date()
  until.setUTCDate(until.getUTCDate() - 1)
  const from = new Date(until)
  from.setUTCFullYear(from.getUTCFullYear() - 2)
  const day = (date: Date) => date.toISOString().slice(0, 10)
  const dir = mkdtempSync(join(tmpdir(), 'throughline-'))
  try {
    const file = join(dir, 'demonstration.csv')
    await writeCsv(
      simulateContactLog({ seed, journeys, from: day(from), until: day(until), messy: false, refPrefix: 'DEMO' }),
      createWriteStream(file),
    )
    const { totals } = await importFile(runtime, file, { source: 'simulator' })
    await formDemonstrationGroup(runtime, dayOf(new Date().toISOString()))
    return totals.journeys
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
