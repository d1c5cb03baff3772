import { describe, expect, it } from 'vitest'
import {
  caseloadPage,
  countedUpTo,
  listedUpTo,
  providersAndGroups,
  type CaseloadTable,
} from '../../projections/caseload.ts'
import { withCaseload } from '../../projections/caseload.ts'
import type { CaseloadPage } from '../../src/queries/journeys.ts'
import { caseloadView } from '../../src/web/caseload/caseload.ts'
import { bothDatabases, databases } from '../support/postgres.ts'
import { temporaryWorkplace } from '../support/runtime.ts'

const noChoices = { providers: [], moreProviders: false, groups: [], moreGroups: false }

const freshDatabase = bothDatabases()

const journey = (n: number): CaseloadTable => ({
  journey_id: `journey ${n}`,
  participant_id: `participant ${n}`,
  status: n === 0 ? 'withdrawn' : 'on_programme',
  programme_key: 'bbr',
  programme_version: 1,
  provider: n % 10 === 0 ? null : `Provider ${n % 3}`,
  group_id: n < 5 ? `G${n}` : null,
  referred_on: '2024-01-01',
  last_contact_on: '2024-01-01',
  ended_on: null,
  outcome: 'open',
  reason: null,
  attended: 0,
  acceptable_absences: 0,
  unacceptable_absences: 0,
  corrections: 0,
  recategorisations: 0,
  facilitators_met: 0,
  warning_due: 0,
  review_due: 0,
  source: 'recorded',
  revision: 0,
  referral_event_id: '',
  sealed: null,
  facts: '{}',
})

describe.each(databases)('a page of a large case load, on %s,', (kind) => {
  const open = async () => {
    const { readModels } = await temporaryWorkplace(await freshDatabase(kind))
    const addAll = (rows: CaseloadTable[]) => withCaseload(readModels.db).insertInto('caseload').values(rows).execute()
    const add = async (from: number, to: number) => {
      for (let n = from; n < to; n += 500)
        await addAll(Array.from({ length: Math.min(500, to - n) }, (_, i) => journey(n + i)))
    }
    const page = (statuses?: CaseloadTable['status'][], offset = 0) =>
      caseloadPage(
        readModels.db,
        statuses ? { statuses } : {},
        { sort: 'referred', direction: 'asc' },
        { limit: 25, offset },
      )
    return { db: readModels.db, add, addAll, page }
  }

  it('says how many match, or that there are more than are counted', async () => {
    const { add, page } = await open()
    expect(await page()).toMatchObject({ total: 0, more: false, rows: [] })
    await add(0, countedUpTo)
    expect(await page()).toMatchObject({ total: countedUpTo, more: false })
    expect(await page(['withdrawn'])).toMatchObject({ total: 1, more: false })
    await add(countedUpTo, countedUpTo + 30)
    expect(await page()).toMatchObject({ total: countedUpTo, more: true })
    expect((await page(undefined, countedUpTo + 25)).rows).toHaveLength(5)
  })

  it('offers each provider and each group once, in order', async () => {
    const { db, add } = await open()
    expect(await providersAndGroups(db)).toEqual(noChoices)
    await add(0, 40)
    expect(await providersAndGroups(db)).toEqual({
      ...noChoices,
      providers: ['Provider 0', 'Provider 1', 'Provider 2'],
      groups: ['G0', 'G1', 'G2', 'G3', 'G4'],
    })
  })

  it('lists the first of very many groups, and says that there are more', async () => {
    const { db, addAll } = await open()
    const named = (n: number) => ({ ...journey(n), group_id: `G${String(n).padStart(4, '0')}` })
    const groups = Array.from({ length: listedUpTo }, (_, n) => `G${String(n + 1).padStart(4, '0')}`)
    await addAll(groups.map((_, n) => named(listedUpTo - n)))
    expect(await providersAndGroups(db)).toMatchObject({ groups, moreGroups: false })
    await addAll([named(0)])
    expect(await providersAndGroups(db)).toMatchObject({
      groups: ['G0000', ...groups.slice(0, -1)],
      moreGroups: true,
      moreProviders: false,
    })
  })
})

describe('a case load of more than are counted', () => {
  const view = (page: number, rows: number) =>
    caseloadView(
      { search: '', find: '', status: '', need: '', provider: '', group: '', sort: 'referred', direction: 'asc', page },
      {
        rows: Array.from({ length: rows }, () => ({
          status: 'on_programme',
          needs: [],
        })) as unknown as CaseloadPage['rows'],
        total: countedUpTo,
        more: true,
        page,
        pageSize: 25,
        ...noChoices,
        empty: false,
      },
      '2024-06-01',
    )

  it('is paged to its end all the same', () => {
    expect(view(1, 25)).toMatchObject({ from: '1', to: '25', total: '2,000', more: true, next: { number: 2 } })
    expect(view(80, 25)).toMatchObject({ from: '1,976', to: '2,000', next: { number: 81 } })
    expect(view(81, 25)).toMatchObject({ from: '2,001', to: '2,025', next: { number: 82 } })
    expect(view(82, 7)).toMatchObject({ from: '2,026', to: '2,032', next: null, beyond: false })
    expect(view(83, 0)).toMatchObject({ beyond: true, first: '/?order=referred.asc' })
  })
})

describe('what the case load is filtered by', () => {
  const filters = (group: string, answer: Partial<CaseloadPage>) =>
    caseloadView(
      { search: '', find: '', status: '', need: '', provider: '', group, sort: 'referred', direction: 'asc', page: 1 },
      { rows: [], total: 0, more: false, page: 1, pageSize: 25, ...noChoices, empty: false, ...answer },
      '2024-06-01',
    )

  it('is chosen from a list, which always has what is asked for', () => {
    const { groups } = filters('G9', { groups: ['G1'] })
    expect(groups!.map(({ value, selected }) => [value, selected])).toEqual([
      ['', false],
      ['G9', true],
      ['G1', false],
    ])
  })

  it('is typed where a list would be too long', () => {
    expect(filters('G9', { groups: ['G1'], moreGroups: true })).toMatchObject({
      groups: null,
      asked: { group: 'G9' },
      providers: [{ value: '' }],
    })
  })
})
