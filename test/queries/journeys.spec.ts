import { expect, it, vi } from 'vitest'
import { withCaseload } from '../../projections/caseload.ts'
import { Journeys } from '../../src/queries/journeys.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { importText, temporaryWorkplace } from '../support/runtime.ts'
import { contactOf, referral, writtenLog } from '../support/written-log.ts'
import { withholding } from '../support/reached.ts'

it('a journey is known from the log while the read models are being built', async () => {
  const runtime = await temporaryWorkplace()
  const log = simulateContactLog({ seed: 3, journeys: 8, from: '2023-01-01', until: '2024-12-31', messy: false })
  await importText(runtime, csvOf(log))
  const journeys = new Journeys(runtime.store, runtime.readModels, runtime.vault, withholding())
  const { rows } = await journeys.caseload({})
  const known = await Promise.all(rows.map(({ journeyId }) => journeys.header(journeyId)))
  await withCaseload(runtime.readModels.db).deleteFrom('caseload').execute() // as while a read model is built for the first time
  expect((await journeys.caseload({})).empty).toBe(true)
  expect(await Promise.all(rows.map(({ journeyId }) => journeys.header(journeyId)))).toEqual(known)
  expect(await journeys.header('00000000-0000-4000-8000-000000000000')).toBeNull()
  expect(await journeys.header('not an id')).toBeNull()
})

it('a man is found by his CRN, his reference, and any words of his name, whatever their case or accents', async () => {
  const runtime = await temporaryWorkplace()
  await importText(
    runtime,
    writtenLog([
      contactOf(1, { family_name: 'Ó Briain', given_names: 'José María' }),
      contactOf(2, { family_name: 'Briain', given_names: 'Tom' }),
    ]),
  )
  const journeys = new Journeys(runtime.store, runtime.readModels, runtime.vault, withholding())
  const found = async (find: string) =>
    (await journeys.caseload({ find })).rows.map(({ reference }) => reference).sort()
  expect(await found('x000001')).toEqual(['R-1'])
  expect(await found('R-2')).toEqual(['R-2'])
  expect(await found('briain')).toEqual(['R-1', 'R-2'])
  expect(await found('JOSE o briain')).toEqual(['R-1'])
  expect(await found('tom maria')).toEqual([])
  expect(await found('X000009')).toEqual([])
  expect(await found("'; drop table caseload; --")).toEqual([])
  // Begun, mistyped, in part, and by his date of birth.
  expect(await found('bri')).toEqual(['R-1', 'R-2'])
  expect(await found('braiin jos')).toEqual(['R-1'])
  expect(await found('00002')).toEqual(['R-2'])
  expect(await found('r-')).toEqual([])
  expect(await found('1 February 1980')).toEqual(['R-1', 'R-2'])
  expect(await found('briain tom 1/2/1980')).toEqual(['R-2'])
  expect(await found('2/2/1980')).toEqual([])
  const byName = await journeys.caseload({ sort: 'name' })
  expect(byName.rows.map(({ reference }) => reference)).toEqual(['R-2', 'R-1'])
  expect((await journeys.caseload({ sort: 'name', direction: 'desc', pageSize: 1, page: 2 })).rows).toMatchObject([
    { reference: 'R-2' },
  ])
  // Who comes later is found at once, and whoever is corrected by his new name and his former one.
  await importText(runtime, writtenLog([contactOf(3, { family_name: 'Okonkwo', given_names: 'Tom' })]))
  expect(await found('okonkwo')).toEqual(['R-3'])
  expect(await found('tmo')).toEqual([])
  expect(await found('tom')).toEqual(['R-2', 'R-3'])
})

it('what every page of a journey begins with takes one query, and says where the journey is parked', async () => {
  const runtime = await temporaryWorkplace()
  await importText(runtime, writtenLog([referral, contactOf(2, { contact: 'Referral' })]))
  const { db } = runtime.readModels
  const journeys = new Journeys(runtime.store, runtime.readModels, runtime.vault, withholding())
  const journeyId = runtime.vault.find('reference', 'R-1')!
  const parkedAt = (revision: number, projection: string, table_set: 'live' | 'shadow' = 'live') =>
    db
      .insertInto('parked_stream')
      .values({ projection, table_set, stream: `journey-${journeyId}`, revision, why: `for the ${projection}` })
      .execute()
  expect(await journeys.header(journeyId)).toMatchObject({ reference: 'R-1', name: 'Example, Sam', parked: null })
  await parkedAt(1, 'caseload', 'shadow')
  expect((await journeys.header(journeyId))!.parked).toBeNull()
  await parkedAt(3, 'caseload')
  await parkedAt(2, 'timeline')
  const queries = vi.spyOn(db.getExecutor(), 'executeQuery')
  expect(await journeys.header(journeyId)).toMatchObject({
    reference: 'R-1',
    parked: { revision: 2, why: 'for the timeline' },
  })
  expect(queries).toHaveBeenCalledTimes(1)
  expect((await journeys.header(runtime.vault.find('reference', 'R-2')!))!.parked).toBeNull()
})
