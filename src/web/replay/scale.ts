/** Where a day falls on the line: to scale, except that long stretches in which nothing happened are folded and say so. */
import { msInDay } from '../../domain/calendar.ts'

/** A stretch with nothing in it longer than this is folded. */
const foldAfterDays = 35
/** Kept to scale on each side of a fold, so that no mark touches it. */
const marginDays = 4
const foldWidth = 52

export interface FoldedStretch {
  readonly from: number
  readonly to: number
  readonly weeks: number
}

export interface MonthTick {
  readonly x: number
  readonly label: string
  /** Written under the first month shown of each year. */
  readonly year: string | null
}

export interface Scale {
  x(at: string | number): number
  readonly end: number
  /** The pieces the line is made of, folded ones included: with them the browser draws the same line larger. */
  readonly stretches: readonly Stretch[]
  readonly folds: readonly FoldedStretch[]
  readonly months: readonly MonthTick[]
}

export interface Stretch {
  /** Milliseconds since 1970. */
  readonly from: number
  readonly to: number
  readonly x: number
  readonly width: number
  readonly folded: boolean
}

const timeOf = (at: string | number): number => (typeof at === 'number' ? at : Date.parse(at))

export function scaleFor(times: readonly (string | number)[], left: number, right: number): Scale {
  const points = [...new Set(times.map(timeOf))].sort((a, b) => a - b)
  const first = (points[0] ?? 0) - msInDay
  const last = Math.max((points.at(-1) ?? 0) + 2 * msInDay, first + 10 * msInDay)

  const cuts = points.slice(1).flatMap((point, i) => {
    const before = points[i]!
    return point - before > foldAfterDays * msInDay
      ? [{ from: before + marginDays * msInDay, to: point - marginDays * msInDay }]
      : []
  })
  const folded = cuts.reduce((sum, { from, to }) => sum + (to - from), 0)
  const perDay = (right - left - cuts.length * foldWidth) / ((last - first - folded) / msInDay)

  const stretches: Stretch[] = []
  let x = left
  let from = first
  const add = (to: number, isFold: boolean) => {
    const width = isFold ? foldWidth : ((to - from) / msInDay) * perDay
    stretches.push({ from, to, x, width, folded: isFold })
    x += width
    from = to
  }
  for (const cut of cuts) {
    add(cut.from, false)
    add(cut.to, true)
  }
  add(last, false)

  const place = (at: string | number): number => {
    const time = Math.min(Math.max(timeOf(at), first), last)
    const on = stretches.find((stretch) => time <= stretch.to) ?? stretches.at(-1)!
    return round(on.x + ((time - on.from) / (on.to - on.from)) * on.width)
  }
  return {
    x: place,
    end: round(x),
    stretches,
    folds: stretches
      .filter((stretch) => stretch.folded)
      .map((stretch) => ({
        from: round(stretch.x),
        to: round(stretch.x + stretch.width),
        weeks: Math.round((stretch.to - stretch.from) / msInDay / 7) + 1,
      })),
    months: monthsOn(stretches, place, points[0] ?? first),
  }
}

const monthName = new Intl.DateTimeFormat('en-GB', { month: 'short', timeZone: 'UTC' })

const dayName = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })

function monthsOn(stretches: readonly Stretch[], place: (at: number) => number, begins: number): readonly MonthTick[] {
  const ticks: MonthTick[] = []
  const from = new Date(stretches[0]!.from)
  const end = stretches.at(-1)!.to
  let year = ''
  for (let month = 0; ; month++) {
    const time = Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + month, 1)
    if (time > end) break
    if (time < stretches[0]!.from) continue
    if (stretches.some(({ folded, from, to }) => folded && time > from && time < to)) continue
    const x = place(time)
    if (x - (ticks.at(-1)?.x ?? -Infinity) < 34) continue
    const itsYear = String(new Date(time).getUTCFullYear())
    ticks.push({ x, label: monthName.format(time).slice(0, 3), year: itsYear === year ? null : itsYear })
    year = itsYear
  }
  // A line that begins well before its first month's end, or has none, says on which day it begins.
  const start = place(begins)
  if (ticks[0] && ticks[0].x - start < 60) return ticks
  const startYear = String(new Date(begins).getUTCFullYear())
  const [first, ...others] = ticks
  const rest = first ? [{ ...first, year: first.year === startYear ? null : first.year }, ...others] : []
  return [{ x: start, label: dayName.format(begins).replace('Sept', 'Sep'), year: startYear }, ...rest]
}

export const round = (x: number): number => Math.round(x * 10) / 10
