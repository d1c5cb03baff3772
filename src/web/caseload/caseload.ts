/** What somebody asked of the case load, and the page that answers: links carry filters, never a name or a CRN. */
import { daysBetween, type Day } from '../../domain/calendar.ts'
import { absencesAWarning, needCodes, needs, quietAfterDays, type Need } from '../../domain/journey/needs.ts'
import { statusCodes, statuses, type Status } from '../../domain/journey/figures.ts'
import { caseloadSorts, type CaseloadPage, type CaseloadQuery, type CaseloadSort } from '../../queries/journeys.ts'

type Fields = Readonly<Record<string, unknown>>

export interface CaseloadAsked {
  /** The id under which what is sought is kept; empty where nobody is. */
  readonly search: string
  readonly find: string
  readonly status: Status | ''
  readonly need: Need | ''
  readonly provider: string
  readonly group: string
  readonly sort: CaseloadSort
  readonly direction: 'asc' | 'desc'
  readonly page: number
}

export const pageSize = 25

/** @param find what is sought: it is never read from an address */
export function readAsked(fields: Fields, find: string): CaseloadAsked {
  const text = (name: string) => (typeof fields[name] === 'string' ? fields[name].trim().slice(0, 200) : '')
  const [sort, direction] = text('order').split('.')
  const known = caseloadSorts.find((it) => it === sort && (it !== 'match' || find !== ''))
  const sortedBy = known ?? unlessSaid(find)
  const page = Number(text('page'))
  return {
    search: find ? text('search') : '',
    find,
    status: statusCodes.find((it) => it === text('status')) ?? '',
    need: needCodes.find((it) => it === text('need')) ?? '',
    provider: text('provider'),
    group: text('group'),
    sort: sortedBy,
    direction: known ? (direction === 'asc' ? 'asc' : 'desc') : firstDirection(sortedBy),
    page: Number.isInteger(page) && page >= 1 && page < 1_000_000 ? page : 1,
  }
}

/** The nearest first where somebody is sought. */
const unlessSaid = (find: string): CaseloadSort => (find ? 'match' : 'last_contact')

/** Newest and most first; names and states from A. */
const firstDirection = (sort: CaseloadSort): CaseloadAsked['direction'] =>
  sort === 'match' || sort === 'name' || sort === 'status' || sort === 'provider' ? 'asc' : 'desc'

export const queryOf = ({
  find,
  status,
  need,
  provider,
  group,
  sort,
  direction,
  page,
}: CaseloadAsked): CaseloadQuery => ({
  ...(find && { find }),
  ...(status && { statuses: [status] }),
  ...(need && { need }),
  ...(provider && { provider }),
  ...(group && { groupId: group }),
  sort,
  direction,
  page,
  pageSize,
})

const columns: readonly { readonly sort: CaseloadSort; readonly name: string; readonly numeric?: boolean }[] = [
  { sort: 'name', name: 'Name' },
  { sort: 'status', name: 'Status' },
  { sort: 'needs', name: 'Needs doing' },
  { sort: 'provider', name: 'Provider and group' },
  { sort: 'attended', name: 'Attended', numeric: true },
  { sort: 'unacceptable', name: 'Unacceptable absences', numeric: true },
  { sort: 'facilitators', name: 'Facilitators met', numeric: true },
  { sort: 'referred', name: 'Referred' },
  { sort: 'last_contact', name: 'Last contact' },
]

/** Empty where it is the one that nobody needs to ask for. */
const orderOf = ({ find, sort, direction }: Pick<CaseloadAsked, 'find' | 'sort' | 'direction'>): string =>
  sort === unlessSaid(find) && direction === firstDirection(sort) ? '' : `${sort}.${direction}`

/** Where the page is found again. Whoever it was that was sought is not in it. */
export function addressOf({ search, find, status, need, provider, group, page, ...order }: CaseloadAsked): string {
  const query = new URLSearchParams(
    Object.entries({
      search,
      status,
      need,
      provider,
      group,
      order: orderOf({ find, ...order }),
      page: page > 1 ? String(page) : '',
    }).filter(([, value]) => value),
  )
  return query.size > 0 ? `/?${query}` : '/'
}

/** As a tag says them; of days without contact it says how many. */
const needTags = { warning: 'Warning due', review: 'Review due' } as const

/** @param today the day to which the days without contact are counted */
export function caseloadView(asked: CaseloadAsked, answer: CaseloadPage, today: Day) {
  const hrefFor = (change: Partial<CaseloadAsked>) => addressOf({ ...asked, ...change })
  const counted = Math.max(1, Math.ceil(answer.total / pageSize))
  // Where not all are counted, one can always go on from a page that is full.
  const pages = answer.more ? Math.max(counted, asked.page + (answer.rows.length === pageSize ? 1 : 0)) : counted
  const current = Math.min(asked.page, pages)
  return {
    asked,
    order: orderOf(asked),
    nearest: asked.find && asked.sort !== 'match' ? hrefFor({ sort: 'match', direction: 'asc', page: 1 }) : null,
    rows: answer.rows.map((row) => ({
      ...row,
      statusName: statuses[row.status],
      needs: row.needs.map((need) => ({
        code: need,
        text: need === 'no_contact' ? `Nothing for ${daysBetween(row.lastContactOn, today)} days` : needTags[need],
      })),
    })),
    // Said once where it is true of all of them; in a word of a row where others are real.
    demonstrationOnly: answer.rows.length > 0 && answer.rows.every((row) => row.demonstration),
    quietAfterDays,
    absencesAWarning,
    total: figure(answer.total),
    more: answer.more,
    several: answer.more || answer.total > answer.rows.length,
    from: figure(answer.rows.length === 0 ? 0 : (current - 1) * pageSize + 1),
    to: figure((current - 1) * pageSize + answer.rows.length),
    empty: answer.empty,
    beyond: answer.rows.length === 0 && answer.total > 0,
    first: hrefFor({ page: 1 }),
    filtered: Boolean(asked.find || asked.status || asked.need || asked.provider || asked.group),
    columns: columns.map(({ sort, name, numeric }) => {
      const active = sort === asked.sort
      const turned = asked.direction === 'asc' ? 'desc' : 'asc'
      return {
        name,
        numeric: numeric ?? false,
        aria: active ? (asked.direction === 'asc' ? 'ascending' : 'descending') : 'none',
        href: hrefFor({ sort, direction: active ? turned : firstDirection(sort), page: 1 }),
      }
    }),
    pages: pagesAround(current, pages).map((number) =>
      number === null ? { gap: true } : { number, current: number === current, href: hrefFor({ page: number }) },
    ),
    previous: current > 1 ? { number: current - 1, href: hrefFor({ page: current - 1 }) } : null,
    next: current < pages ? { number: current + 1, href: hrefFor({ page: current + 1 }) } : null,
    statuses: options(asked.status, [
      ['', 'All statuses'],
      ...statusCodes.filter((code) => code !== 'not_referred').map((code): [string, string] => [code, statuses[code]]),
    ]),
    needs: options(asked.need, [
      ['', 'Anything'],
      ...needCodes.map((code): [string, string] => [
        code,
        code === 'no_contact' ? `Nothing recorded for ${quietAfterDays} days` : needs[code],
      ]),
    ]),
    providers: answer.moreProviders
      ? null
      : options(asked.provider, named('All providers', asked.provider, answer.providers)),
    groups: answer.moreGroups ? null : options(asked.group, named('All groups', asked.group, answer.groups)),
  }
}

const options = (chosen: string, items: readonly [string, string][]) =>
  items.map(([value, text]) => ({ value, text, selected: value === chosen }))

/** Whatever is asked for is among them, so that the page says what it shows. */
const named = (all: string, asked: string, names: readonly string[]): [string, string][] => [
  ['', all],
  ...(asked && !names.includes(asked) ? [asked, ...names] : names).map((name): [string, string] => [name, name]),
]

const figure = (count: number) => count.toLocaleString('en-GB')

/** 1 … 4 5 6 … 12: null is a gap. */
function pagesAround(current: number, pages: number): readonly (number | null)[] {
  if (pages === 1) return []
  const shown = [...new Set([1, current - 1, current, current + 1, pages])]
    .filter((number) => number >= 1 && number <= pages)
    .sort((a, b) => a - b)
  return shown.flatMap((number, i) => (i > 0 && number - shown[i - 1]! > 1 ? [null, number] : [number]))
}
