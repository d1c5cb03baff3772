// The dates under the line: months, then weeks, days and hours as it is drawn larger.
export const msInDay = 86_400_000
const labelWidth = 46
const monthWidth = 34
const inLondon = (options) => new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/London', ...options })
const utc = (options) => new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', ...options })
const month = utc({ month: 'short' })
const dayAndMonth = utc({ day: 'numeric', month: 'short' })
const hour = inLondon({ hour: 'numeric', hour12: true })
const wholeDay = utc({ day: 'numeric', month: 'short', year: 'numeric' })
const september = (text) => text.replace('Sept', 'Sep')

/** The time at a place of the line. Between two places of a fold it runs faster. */
export function timeAt(stretches, x) {
  const on = stretches.find((stretch) => x <= stretch.x + stretch.width) ?? stretches.at(-1)
  const along = (Math.max(x, on.x) - on.x) / on.width
  return on.from + Math.min(along, 1) * (on.to - on.from)
}

export function xAt(stretches, time) {
  const on = stretches.find(({ to }) => time <= to) ?? stretches.at(-1)
  return on.x + ((Math.max(time, on.from) - on.from) / (on.to - on.from)) * on.width
}

function* timesBetween(from, to, dayWidth) {
  const date = new Date(from)
  if (dayWidth * 7 < labelWidth) {
    for (let n = 0; ; n++) {
      const time = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + n, 1)
      if (time > to) return
      if (time >= from) yield { time, label: september(month.format(time)).slice(0, 3) }
    }
  }
  const step = dayWidth < labelWidth ? 7 * msInDay : dayWidth < 4 * labelWidth ? msInDay : msInDay / 4
  // The first of January 1970 was a Thursday; weeks begin on Mondays.
  const offset = step === 7 * msInDay ? 4 * msInDay : 0
  for (let time = Math.ceil((from - offset) / step) * step + offset; time <= to; time += step)
    yield {
      time,
      label: september(
        time % msInDay === 0 ? dayAndMonth.format(time) : hour.format(time).replace(/\s/g, '').toLowerCase(),
      ),
    }
}

/** @param range from where to where, in pixels along the whole line at this zoom */
export function axisOf(stretches, place, unplace, range, dayWidth, height) {
  const [from, to] = [timeAt(stretches, unplace(range.from)), timeAt(stretches, unplace(range.to))]
  const bottom = height - 38
  let year = ''
  let last = -Infinity
  let drawn = ''
  for (const { time, label } of timesBetween(from, to, dayWidth)) {
    if (stretches.some((stretch) => stretch.folded && time > stretch.from && time < stretch.to)) continue
    const x = Math.round(place(xAt(stretches, time)) * 10) / 10
    if (x - last < monthWidth) continue
    last = x
    const itsYear = String(new Date(time).getUTCFullYear())
    drawn +=
      `<path d="M${x} 32V${bottom}" class="tl-grid"/><path d="M${x} ${bottom}v6" class="tl-tickmark"/>` +
      `<text x="${x}" y="${bottom + 19}" class="tl-month">${label}</text>` +
      (itsYear === year ? '' : `<text x="${x}" y="${bottom + 34}" class="tl-year">${itsYear}</text>`)
    year = itsYear
  }
  return drawn
}

/** The days in sight, in words. */
export function spanOf(stretches, fromX, toX) {
  const days = [timeAt(stretches, fromX), timeAt(stretches, toX) - 1].map((time) => september(wholeDay.format(time)))
  return days[0] === days[1] ? days[0] : `${days[0]} to ${days[1]}`
}
