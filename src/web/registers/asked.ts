/** What somebody asks of a register, as it stands in the address: days, a person, a page. Nobody who is in the records is named there. */
import { isDay, type Day } from '../../domain/calendar.ts'
import type { RegisterFilter } from '../../queries/registers.ts'
import { BadAddress } from '../errors/pages.filter.ts'

type Query = Readonly<Record<string, unknown>>

export interface RegisterAsked extends RegisterFilter {
  /** From 1. */
  readonly page: number
}

/** A value that may stand in a query once, without the blanks around it; undefined where there is none. */
export function textIn(query: Query, name: string): string | undefined {
  const value = query[name]
  const text = typeof value === 'string' ? value.trim() : ''
  return text === '' ? undefined : text
}

/** @throws BadAddress where it is no day of the calendar */
export function dayIn(query: Query, name: string): Day | undefined {
  const text = textIn(query, name)
  if (text === undefined || isDay(text)) return text
  throw new BadAddress('That date is not a day of the calendar.', 'Go back and write it as in 2025-03-31.')
}

/** @throws BadAddress where it is no whole number from least to most */
export function numberIn(query: Query, name: string, least: number, most: number): number | undefined {
  const text = textIn(query, name)
  if (text === undefined) return undefined
  const number = Number(text)
  if (/^\d{1,7}$/.test(text) && number >= least && number <= most) return number
  throw new BadAddress(
    `${text.slice(0, 20)} cannot be used here.`,
    `Go back and enter a number from ${least} to ${most}.`,
  )
}

/** @throws BadAddress */
export function registerAsked(query: Query): RegisterAsked {
  const [from, to] = [dayIn(query, 'from'), dayIn(query, 'to')]
  if (from !== undefined && to !== undefined && from > to)
    throw new BadAddress('The first day is after the last.', 'Go back and put the earlier day first.')
  const by = textIn(query, 'by')?.slice(0, 200)
  return {
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(by !== undefined && { by }),
    page: numberIn(query, 'page', 1, 1_000_000) ?? 1,
  }
}

/** An address with these values in its query, the empty ones left out. */
export function registerAddress(path: string, values: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(values))
    if (value !== undefined && value !== '') query.set(name, `${value}`)
  return query.size > 0 ? `${path}?${query}` : path
}

/** The pages to go to from one of them: `1 … 4 5 6 … 12`, as GOV.UK's pagination takes them. */
export function pagination(current: number, pages: number, hrefOf: (page: number) => string) {
  if (pages <= 1) return null
  const shown = [...new Set([1, current - 1, current, current + 1, pages])].filter((n) => n >= 1 && n <= pages)
  const items = shown
    .toSorted((one, other) => one - other)
    .flatMap((number, n, all) => [
      ...(n > 0 && number - all[n - 1]! > 1 ? [{ ellipsis: true }] : []),
      { number, current: number === current, href: hrefOf(number) },
    ])
  return {
    items,
    ...(current > 1 && { previous: { href: hrefOf(current - 1) } }),
    ...(current < pages && { next: { href: hrefOf(current + 1) } }),
  }
}
