import { expect, it } from 'vitest'
import { withCaseload } from '../../projections/caseload.ts'
import { Journeys } from '../../src/queries/journeys.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { importText, temporaryWorkplace } from '../support/runtime.ts'
import { contactOf, writtenLog } from '../support/written-log.ts'

it('a journey is known from the log while the read models are being built', async () => {
  const runtime = await temporaryWorkplace()
  const log = simulateContactLog({ seed: 3, journeys: 8, from: '2023-01-01', until: '2024-12-31', messy: false })
  await importText(runtime, csvOf(log))
  const journeys = new Journeys(runtime.store, runtime.readModels, runtime.vault)
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
  const journeys = new Journeys(runtime.store, runtime.readModels, runtime.vault)
  const found = async (find: string) =>
    (await journeys.caseload({ find })).rows.map(({ reference }) => reference).sort()
  expect(await found('x000001')).toEqual(['R-1'])
  expect(await found('R-2')).toEqual(['R-2'])
  expect(await found('briain')).toEqual(['R-1', 'R-2'])
  expect(await found('JOSE o briain')).toEqual(['R-1'])
  expect(await found('tom maria')).toEqual([])
  expect(await found('X000009')).toEqual([])
  expect(await found("'; drop table caseload; --")).toEqual([])
})
