/** A chart of bars, one a month or one a year, worked out for a drawing 100 units high; and the same figures for a table. */
import { sayCount } from '../layout/dates.ts'

interface Counted {
  readonly month: string
  readonly rows: number
}

export interface Bars {
  /** `month` or `year`: what one bar stands for. */
  readonly each: 'month' | 'year'
  readonly most: number
  readonly width: number
  readonly bars: readonly { readonly name: string; readonly rows: number; readonly x: number; readonly y: number }[]
  readonly first: string
  readonly last: string
  /** The drawing in one sentence, for whoever does not see it. */
  readonly says: string
}

/** More months than this are drawn as years: thinner bars could not be told apart on a phone. */
const mostMonths = 60
/** Fewer bars than this leave room beside them: one alone would fill the page. */
const fewestBars = 12
/** The width of a bar with the space beside it. */
export const barStep = 10

const monthFormat = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', month: 'long', year: 'numeric' })

const sayMonth = (month: string): string => monthFormat.format(new Date(`${month}-15T00:00:00Z`))

/** @param counted in order; months that have none may be missing, and are drawn. @returns null where there is nothing to draw */
export function barsOf(counted: readonly Counted[]): Bars | null {
  if (counted.length === 0) return null
  const months = withoutGaps(counted)
  const each = months.length > mostMonths ? 'year' : 'month'
  const drawn = each === 'month' ? months.map(({ month, rows }) => ({ name: sayMonth(month), rows })) : byYear(months)
  const most = Math.max(...drawn.map(({ rows }) => rows))
  const highest = drawn.find(({ rows }) => rows === most)!
  const total = drawn.reduce((sum, { rows }) => sum + rows, 0)
  const [first, last] = [drawn[0]!.name, drawn.at(-1)!.name]
  return {
    each,
    most,
    width: Math.max(drawn.length, fewestBars) * barStep,
    bars: drawn.map(({ name, rows }, n) => ({
      name,
      rows,
      x: n * barStep,
      y: 100 - Math.round((rows / most) * 1000) / 10,
    })),
    first,
    last,
    says: `${sayCount(total, 'record')} from ${first} to ${last}; the most in one ${each} were ${most}, in ${highest.name}.`,
  }
}

function withoutGaps(counted: readonly Counted[]): readonly Counted[] {
  const rows = new Map(counted.map((one) => [one.month, one.rows]))
  const numberOf = (month: string) => Number(month.slice(0, 4)) * 12 + Number(month.slice(5, 7)) - 1
  const [first, last] = [numberOf(counted[0]!.month), numberOf(counted.at(-1)!.month)]
  return Array.from({ length: last - first + 1 }, (_, n) => {
    const [year, month] = [Math.floor((first + n) / 12), ((first + n) % 12) + 1]
    const name = `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}`
    return { month: name, rows: rows.get(name) ?? 0 }
  })
}

function byYear(months: readonly Counted[]) {
  const years = new Map<string, number>()
  for (const { month, rows } of months) years.set(month.slice(0, 4), (years.get(month.slice(0, 4)) ?? 0) + rows)
  return [...years].map(([name, rows]) => ({ name, rows }))
}
