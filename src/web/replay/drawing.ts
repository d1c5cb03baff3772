/** The journey as one line in time: where everything stands, worked out once; the template only draws it. */
import { statuses, type Status } from '../../domain/journey/figures.ts'
import type { JourneyOnClock } from '../../domain/journey/replay.ts'
import { programmeAt, type ProgrammeDefinition } from '../../domain/programme.ts'
import { expectedPath } from './expected-path.ts'
import type { Glyph, Mark } from './marks.ts'
import { round, scaleFor, type FoldedStretch, type MonthTick, type Scale, type Stretch } from './scale.ts'

export const width = 1200
const left = 88
const right = width - 16

/** The rows of the drawing, from the top. */
export const rows = {
  flag: 4,
  status: 36,
  statusHeight: 24,
  modules: 64,
  modulesHeight: 20,
  expected: 88,
  expectedHeight: 7,
  labels: 106,
  labelStep: 15,
  line: 198,
  excused: 222,
  unexcused: 242,
  rail: 288,
  axis: 310,
  bottom: 348,
} as const
const labelRows = 5

/** With more marks than this, contacts of one kind that would touch are drawn as one that says how many. */
const drawnOneByOne = 400
const bundleWidth = 4

export interface Band {
  readonly x: number
  readonly width: number
  readonly label: string
  /** The label, or nothing where it would not fit. */
  readonly fits: string
  /** What may be written on it, the longest first. */
  readonly names: readonly string[]
  readonly kind: string
}

export interface DrawnMark {
  readonly mark: Mark
  /** Which of the journey's marks this is. */
  readonly index: number
  /** The last of the marks that are drawn as one with it; null where it stands for itself alone. */
  readonly bundle: { readonly more: number; readonly until: Mark } | null
  readonly x: number
  readonly y: number
  /** Where it was recorded, on the rail below. */
  readonly recordedX: number
  /** From the line up to its label; as everything of a mark, drawn from where the mark stands. */
  readonly stem: string | null
  readonly label: { readonly x: number; readonly y: number } | null
  /** Where the thin line begins that leads to when it was recorded: at what is tied to it. Null where there is none. */
  readonly tieFrom: number | null
  readonly tie: string | null
  readonly versions: readonly { readonly glyph: Glyph; readonly y: number; readonly stem: string | null }[]
}

export interface Drawing {
  readonly width: number
  readonly height: number
  readonly left: number
  readonly right: number
  readonly end: number
  readonly size: number
  readonly statusBand: readonly Band[]
  readonly moduleBand: readonly Band[]
  /** When the programme's modules were to be delivered, behind when they were. */
  readonly expectedBand: readonly Band[]
  readonly stretches: readonly Stretch[]
  readonly folds: readonly FoldedStretch[]
  readonly months: readonly MonthTick[]
  readonly marks: readonly DrawnMark[]
  /** Where the line starts and where the journey ended, or null while it goes on. */
  readonly lineFrom: number
  readonly lineTo: number
  readonly endsAt: number | null
  /** Where the playhead stands at a moment on this clock. */
  readonly x: (at: string) => number
}

export function drawingOf(
  journey: JourneyOnClock,
  marks: readonly Mark[],
  pinned: { readonly key: string; readonly version: number } | null,
): Drawing {
  const scale = scaleFor(
    marks.flatMap((mark) => [mark.happenedOn, mark.recordedAt]),
    left,
    right,
  )
  const size = sizeFor(marks, scale)
  const drawn = placed(bundled(marks, scale), scale, size)
  const programme = pinned ? programmeAt(pinned.key, pinned.version) : undefined
  const ending = marks.find((mark) => mark.kind === 'ending')
  const first = marks.reduce((day, mark) => (mark.happenedOn < day ? mark.happenedOn : day), marks[0]?.happenedOn ?? '')
  const endsAt = ending ? scale.x(ending.happenedOn) : null
  return {
    width,
    height: rows.bottom,
    left,
    right,
    end: scale.end,
    size,
    statusBand: statusBand(journey, scale),
    moduleBand: moduleBand(programme, marks, scale),
    expectedBand: programme ? expectedBand(programme, marks, scale) : [],
    stretches: scale.stretches,
    folds: scale.folds,
    months: scale.months,
    marks: drawn,
    lineFrom: first === '' ? left : scale.x(first),
    lineTo: endsAt ?? scale.end,
    endsAt,
    x: scale.x,
  }
}

const onTheLine = (glyph: Glyph) => glyph === 'attended' || glyph === 'failed_to_comply'

function levelOf(glyph: Glyph): number {
  if (glyph === 'unacceptable_absence') return rows.unexcused
  return glyph === 'sent_home' || glyph === 'acceptable_absence' || glyph === 'not_held' ? rows.excused : rows.line
}

/** Marks are as large as the closest two of them allow. */
function sizeFor(marks: readonly Mark[], scale: Scale): number {
  const xs = marks
    .filter((mark) => mark.kind === 'session')
    .map((mark) => scale.x(mark.happenedOn))
    .sort((a, b) => a - b)
  const steps = xs.slice(1).flatMap((x, i) => (x - xs[i]! > 0.5 ? [x - xs[i]!] : []))
  steps.sort((a, b) => a - b)
  const usual = steps[Math.floor(steps.length / 10)] ?? 20
  return round(Math.min(1, Math.max(0.62, usual / 13.5)))
}

type Bundle = Pick<DrawnMark, 'mark' | 'index' | 'bundle'>

const glyphShown = ({ versions }: Mark): Glyph => versions.at(-1)!.glyph

function bundled(marks: readonly Mark[], scale: Scale): readonly Bundle[] {
  const alone = marks.map((mark, index): Bundle => ({ mark, index, bundle: null }))
  if (marks.length <= drawnOneByOne) return alone
  const keyOf = ({ mark, index }: Bundle): string => {
    if (mark.kind === 'session' || mark.kind === 'ending') return String(index)
    const x = scale.x(mark.kind === 'contact' ? mark.happenedOn : mark.recordedAt)
    return `${glyphShown(mark)} ${Math.round(x / bundleWidth)}`
  }
  return [...Map.groupBy(alone, keyOf).values()].map((together) => ({
    ...together[0]!,
    bundle: together.length > 1 ? { more: together.length - 1, until: together.at(-1)!.mark } : null,
  }))
}

function placed(bundles: readonly Bundle[], scale: Scale, size: number): readonly DrawnMark[] {
  const marks = bundles.map(({ mark }) => mark)
  const byDay = [...marks].sort((a, b) =>
    a.happenedOn < b.happenedOn ? -1 : a.happenedOn > b.happenedOn ? 1 : a.revision - b.revision,
  )
  const labels = labelPlaces(
    byDay.filter((mark) => mark.kind === 'contact' || mark.kind === 'ending'),
    scale,
  )
  const taken = new Map<number, number>()
  const at = new Map<number, number>()
  const room = 12 * size

  const drawn = new Map<number, Omit<DrawnMark, keyof Bundle>>()
  for (const mark of byDay) {
    if (mark.kind !== 'session') continue
    const x = scale.x(mark.happenedOn)
    const base = levelOf(mark.versions.at(-1)!.glyph)
    // Where two marks of one level would touch, every other one steps aside.
    const close = x - (taken.get(base) ?? -Infinity) < room
    const aside = close ? (taken.get(-base) === -1 ? 1 : -1) : 0
    if (close) taken.set(-base, aside)
    taken.set(base, x)
    const shift = aside * 5
    const versions = mark.versions.map(({ glyph }) => {
      const y = levelOf(glyph) + shift
      return { glyph, y, stem: onTheLine(glyph) ? null : `M0 ${rows.line}V${round(y - 6.5 * size)}` }
    })
    const y = versions.at(-1)!.y
    at.set(mark.revision, x)
    const recordedX = scale.x(mark.recordedAt)
    drawn.set(mark.revision, {
      x,
      y,
      recordedX,
      stem: null,
      label: null,
      versions,
      ...tied(mark.late ? x : null, recordedX),
    })
  }
  for (const mark of marks) {
    if (mark.kind === 'session') continue
    const recordedX = scale.x(mark.recordedAt)
    const happenedX = scale.x(mark.happenedOn)
    if (mark.kind === 'correction' || mark.kind === 'recategorisation') {
      const target = mark.corrects === null ? undefined : at.get(mark.corrects)
      drawn.set(mark.revision, {
        x: recordedX,
        y: rows.rail,
        recordedX,
        stem: null,
        label: null,
        versions: mark.versions.map(({ glyph }) => ({ glyph, y: rows.rail, stem: null })),
        ...tied(target ?? null, recordedX),
      })
      continue
    }
    const place = labels.get(mark.revision)
    const glyphY = mark.kind === 'ending' ? rows.line : rows.line - 15
    at.set(mark.revision, happenedX)
    drawn.set(mark.revision, {
      x: happenedX,
      y: glyphY,
      recordedX,
      stem: `M0 ${rows.line - (mark.kind === 'ending' ? 12 : 0)}V${round((place?.y ?? rows.line - 16) + 4)}`,
      label: place ? { x: round(place.x - happenedX), y: place.y } : null,
      versions: mark.versions.map(({ glyph }) => ({ glyph, y: glyphY, stem: null })),
      ...tied(mark.late ? happenedX : null, recordedX),
    })
  }
  return bundles.map((bundle) => ({ ...bundle, ...drawn.get(bundle.mark.revision)! }))
}

const tied = (from: number | null, recordedX: number): Pick<DrawnMark, 'tieFrom' | 'tie'> => ({
  tieFrom: from,
  tie: from === null ? null : tie(from, recordedX),
})

/** From the line straight down behind the mark, then across to where it was written up. */
function tie(x: number, recordedX: number): string {
  const turn = rows.rail - 30
  return `M${x} ${rows.line + 4}V${turn}C${x} ${turn + 18} ${recordedX} ${turn + 6} ${recordedX} ${rows.rail - 6}`
}

/** Wide enough for the fonts that stand in for Arial. */
const textWidth = (text: string, size = 13): number => text.length * size * 0.56

function labelPlaces(marks: readonly Mark[], scale: Scale): Map<number, NonNullable<DrawnMark['label']>> {
  const places = new Map<number, NonNullable<DrawnMark['label']>>()
  const used: { row: number; from: number; to: number }[] = []
  // In the order in which they happened, so that the next stem is the only one that can be crossed first.
  const stems = marks.map((mark) => scale.x(mark.happenedOn))
  for (const [n, mark] of marks.entries()) {
    const x = stems[n]!
    let following = n + 1
    while (following < stems.length && stems[following]! <= x + 1) following++
    const nextStem = stems[following] ?? Infinity
    const wide = textWidth(mark.label, mark.kind === 'ending' ? 15 : 13) + 8
    const from = Math.max(left - 4, Math.min(x - 3, right - wide))
    // The lowest row that is free, and whose text no later stem would have to cross.
    for (let row = 0; row < labelRows; row++) {
      const y = rows.labels + (labelRows - 1 - row) * rows.labelStep
      const free = !used.some((other) => other.row === row && other.from < from + wide && from < other.to)
      const crossed = row < labelRows - 1 && nextStem < from + wide - 4
      if (!free || crossed) continue
      used.push({ row, from, to: from + wide })
      places.set(mark.revision, { x: round(from + 4), y })
      break
    }
  }
  return places
}

function statusBand(journey: JourneyOnClock, scale: Scale): readonly Band[] {
  const turns = journey.statusChanges()
  return turns.map(({ at, status }, i) => {
    const next = turns[i + 1]
    const to = next ? scale.x(next.at) : scale.end
    return band(scale.x(at), to, statuses[status], status, shorter[status])
  })
}

function moduleBand(programme: ProgrammeDefinition | undefined, marks: readonly Mark[], scale: Scale): readonly Band[] {
  const sessions = marks.filter((mark) => mark.module !== null).sort((a, b) => (a.happenedOn < b.happenedOn ? -1 : 1))
  const runs: { module: string; from: number; to: number }[] = []
  for (const mark of sessions) {
    const x = scale.x(mark.happenedOn)
    const run = runs.at(-1)
    if (run?.module === mark.module) run.to = x
    else runs.push({ module: mark.module!, from: x, to: x })
  }
  return runs.map(({ module, from, to }, i) => {
    const before = runs[i - 1]
    const after = runs[i + 1]
    const start = before ? Math.max(from - 7, (before.to + from) / 2 + 1) : from - 7
    const end = after ? Math.min(to + 7, (to + after.from) / 2 - 1) : to + 7
    const name = programme?.modules.find(({ key }) => key === module)?.name ?? module
    return band(round(start), round(end), name, module, [])
  })
}

/** A module from its first session to its last, as the programme expects them. What it expects after the line's end is not drawn. */
function expectedBand(programme: ProgrammeDefinition, marks: readonly Mark[], scale: Scale): readonly Band[] {
  const end = scale.stretches.at(-1)!.to
  const expected = expectedPath(programme, marks).filter(({ on }) => Date.parse(on) < end)
  const runs: { module: string; from: string; to: string }[] = []
  for (const { module, on } of expected) {
    const run = runs.at(-1)
    if (run?.module === module) run.to = on
    else runs.push({ module, from: on, to: on })
  }
  return runs.map(({ module, from, to }, i) => {
    const next = runs[i + 1]
    const name = programme.modules.find(({ key }) => key === module)?.name ?? module
    const start = scale.x(from)
    return band(start, Math.max(start + 2, (next ? scale.x(next.from) : scale.x(to) + 4) - 1), name, module, [])
  })
}

/** What is written where the whole name of a status has no room. */
const shorter: Readonly<Record<Status, readonly string[]>> = {
  not_referred: [],
  awaiting_assessment: ['To be assessed', 'To assess'],
  suitable_not_ready: ['Not ready'],
  awaiting_allocation: ['To be allocated', 'To allocate'],
  scheduled: [],
  on_programme: [],
  breach: ['Breach'],
  recall: [],
  completed: ['Completed'],
  withdrawn: [],
}

function band(from: number, to: number, label: string, kind: string, short: readonly string[]): Band {
  const wide = Math.max(2, round(to - from))
  const names = [label, ...short]
  const fits = names.find((text) => textWidth(text, 13) + 12 < wide) ?? ''
  return { x: from, width: wide, label, fits, names, kind }
}
