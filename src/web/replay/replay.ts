/** What the replay page shows: the line, the playhead, and the state of the journey at the moment asked for. */
import type { Recorded } from '../../domain/history.ts'
import type { JourneyEvent } from '../../domain/journey/journey.ts'
import { dayOf, endOfDay, isRealDay, isRealInstant, sayDay, sayDayShort, sayInstant } from '../layout/dates.ts'
import { drawingOf, width, type Drawing } from './drawing.ts'
import { marksOf, type Mark } from './marks.ts'
import { momentAt, momentsOf, type Clock, type MomentView } from './moments.ts'
import { round } from './scale.ts'

export interface ReplayAsked {
  readonly clock: Clock
  /** A day, or on the clock of what was known an instant. Null: now. */
  readonly at: string | null
}

export type Misasked = { readonly problem: string; readonly howTo: string }

/** Reads the address. What it cannot read it explains, rather than guessing at a moment nobody asked for. */
export function readAddress(query: { clock?: unknown; at?: unknown }): ReplayAsked | Misasked {
  const clock = query.clock ?? 'happened'
  if (clock !== 'happened' && clock !== 'known') {
    return {
      problem: 'The address does not name a clock we keep.',
      howTo: 'Use clock=happened for “as it happened”, or clock=known for “as known on”.',
    }
  }
  if (query.at === undefined || query.at === '') return { clock, at: null }
  const at = query.at
  if (typeof at === 'string' && isRealDay(at)) return { clock, at }
  if (typeof at === 'string' && clock === 'known' && isRealInstant(at)) return { clock, at: new Date(at).toISOString() }
  return clock === 'known'
    ? {
        problem: 'The address does not name a real moment.',
        howTo: 'Write the moment as a day, at=2024-03-12, or as an instant in UTC, at=2024-03-12T16:52:00Z.',
      }
    : { problem: 'The address does not name a real day.', howTo: 'Write the day as at=2024-03-12.' }
}

/** How one mark looks at the moment shown. */
export interface MarkState {
  readonly version: number
  readonly class: '' | 'tl-off' | 'tl-now'
}

export interface ReplayView {
  readonly clock: Clock
  readonly clocks: readonly {
    readonly clock: Clock
    readonly name: string
    readonly href: string
    readonly current: boolean
  }[]
  readonly moment: MomentView
  readonly moments: readonly MomentView[]
  readonly marks: readonly Mark[]
  readonly drawing: Drawing
  readonly description: string
  readonly states: readonly MarkState[]
  readonly hrefs: readonly string[]
  readonly momentOfMark: readonly number[]
  readonly titles: readonly string[]
  readonly x: number
  readonly litTo: number
  /** Where the bands turn faint: what they say of later is still to come. */
  readonly veilFrom: number
  readonly flagShift: number
  readonly first: string
  readonly previous: string
  readonly next: string
  readonly last: string
  readonly here: string
  /** The marks in the order in which they happened, as indexes. */
  readonly list: readonly number[]
  readonly sessions: readonly number[]
  readonly sessionsShown: boolean
}

export function replayView(path: string, events: readonly Recorded<JourneyEvent>[], asked: ReplayAsked): ReplayView {
  const { clock } = asked
  const marks = marksOf(events)
  const moments = momentsOf(clock, events, marks)
  const drawing = drawingOf(clock, events, marks)
  const by =
    asked.at === null ? moments.at(-1)!.at : clock === 'known' && isRealDay(asked.at) ? endOfDay(asked.at) : asked.at
  const moment = momentAt(clock, by, events, marks)
  const hrefTo = (at: string) => `${path}?clock=${clock}&at=${encodeURIComponent(at)}`
  const momentOfMark = marks.map((mark) => moments.findIndex(({ news }) => news.includes(mark.revision)))
  const place = (number: number) => hrefTo(moments[Math.min(Math.max(number, 1), moments.length) - 1]!.at)
  const list = marks
    .map((_, i) => i)
    .sort((a, b) =>
      marks[a]!.happenedOn < marks[b]!.happenedOn ? -1 : marks[a]!.happenedOn > marks[b]!.happenedOn ? 1 : a - b,
    )
  const sessions = list.filter((i) => marks[i]!.kind === 'session')
  const x = drawing.x(by)
  return {
    clock,
    clocks: [
      {
        clock: 'happened',
        name: 'As it happened',
        href: `${path}?clock=happened&at=${clock === 'known' ? dayOf(by) : by}`,
        current: clock === 'happened',
      },
      {
        clock: 'known',
        name: 'As known on',
        href: `${path}?clock=known&at=${clock === 'known' ? encodeURIComponent(by) : by}`,
        current: clock === 'known',
      },
    ],
    moment,
    moments,
    marks,
    drawing,
    description: descriptionOf(marks, moments),
    states: statesAt(moment, marks, versionsAhead(clock, marks)),
    hrefs: marks.map((_, i) => hrefTo(moments[momentOfMark[i]!]!.at)),
    momentOfMark,
    titles: marks.map(titleOf),
    x,
    litTo: litTo(drawing, x),
    veilFrom: veilFrom(drawing, moment, x),
    flagShift: flagShift(x),
    first: place(1),
    previous: place(moment.exact ? moment.number - 1 : moment.number),
    next: place(moment.number + 1),
    last: place(moments.length),
    here: hrefTo(by),
    list,
    sessions,
    sessionsShown: sessions.some((i) => moment.shown[i]! >= 0),
  }
}

/** What is still to come is drawn faint: on what happened, as we know it today; on what was known, as it was first to be recorded. */
export const versionsAhead = (clock: Clock, marks: readonly Mark[]): readonly number[] =>
  marks.map((mark) => (clock === 'happened' ? mark.versions.length - 1 : 0))

const statesAt = (moment: MomentView, marks: readonly Mark[], ahead: readonly number[]): readonly MarkState[] =>
  marks.map((mark, i) => {
    const version = moment.shown[i]!
    if (version < 0) return { version: ahead[i]!, class: 'tl-off' }
    return { version, class: moment.news.includes(mark.revision) ? 'tl-now' : '' }
  })

export const litTo = (drawing: Drawing, x: number): number => Math.max(drawing.lineFrom, Math.min(x, drawing.lineTo))

/** After the last moment nothing is still to come. */
const veilFrom = (drawing: Drawing, moment: MomentView, x: number): number =>
  moment.number >= moment.of ? drawing.width : x

const flagHalf = 88

/** The flag stays within the drawing where the playhead is near its edge. */
export const flagShift = (x: number): number => round(Math.max(flagHalf - x, Math.min(0, width - flagHalf - x)))

function titleOf(mark: Mark): string {
  const version = mark.versions.at(-1)!
  const says = [version.says, version.code && mark.kind === 'session' ? `(${version.code})` : '']
    .filter(Boolean)
    .join(' ')
  const name = mark.kind === 'session' ? `${mark.label} ${mark.name}` : mark.name
  const late = mark.late ? `, recorded ${sayDayShort(dayOf(mark.recordedAt))}, ${mark.daysLate} days later` : ''
  const room = mark.standIns.length > 0 ? `, stand-in ${mark.standIns.join(', ')}` : ''
  return `${sayDayShort(mark.happenedOn)}: ${name}${says ? `, ${says}` : ''}${late}${room}`
}

function descriptionOf(marks: readonly Mark[], moments: readonly MomentView[]): string {
  const sessions = marks.filter((mark) => mark.kind === 'session')
  const days = marks.map((mark) => mark.happenedOn).sort()
  const last = moments.at(-1)
  const count = (kind: Mark['kind']) => marks.filter((mark) => mark.kind === kind).length
  return (
    `From ${sayDay(days[0])} to ${sayDay(days.at(-1))}: ${marks.length} records, of them ${sessions.length} sessions, ` +
    `${count('correction')} corrections and ${marks.filter((mark) => mark.late).length} recorded late. ` +
    `Status at the end: ${last?.statusName ?? 'not known'}. The same marks follow as a list.`
  )
}

export const sayAsked = ({ clock, at }: ReplayAsked): string =>
  at === null ? 'now' : clock === 'known' && !isRealDay(at) ? sayInstant(at) : sayDay(at)

/** All moments of a clock for the browser to step through: only what changes from one to the next, worked out here. */
export interface MomentsForBrowser {
  readonly width: number
  readonly ahead: readonly number[]
  readonly moments: readonly BrowserMoment[]
}

interface BrowserMoment {
  readonly at: string
  readonly day: string
  readonly whenShort: string
  readonly title: string
  readonly x: number
  readonly litTo: number
  readonly veilFrom: number
  readonly flagShift: number
  readonly shown: readonly number[]
  readonly news: readonly number[]
  readonly anySession: boolean
  readonly announcement: string
  readonly html: string
}

export function momentsForBrowser(view: ReplayView, htmlOf: (moment: MomentView) => string): MomentsForBrowser {
  return {
    width,
    ahead: versionsAhead(view.clock, view.marks),
    moments: view.moments.map((moment) => {
      const x = view.drawing.x(moment.at)
      return {
        at: moment.at,
        day: view.clock === 'known' ? dayOf(moment.at) : moment.at,
        whenShort: moment.whenShort,
        title: titleFor(view.clock, moment),
        x,
        litTo: litTo(view.drawing, x),
        veilFrom: veilFrom(view.drawing, moment, x),
        flagShift: flagShift(x),
        shown: moment.shown,
        news: view.marks.flatMap((mark, i) => (moment.news.includes(mark.revision) ? [i] : [])),
        anySession: view.sessions.some((i) => moment.shown[i]! >= 0),
        announcement: moment.announcement,
        html: htmlOf(moment),
      }
    }),
  }
}

export const titleFor = (clock: Clock, moment: MomentView): string =>
  `Replay: ${clock === 'known' ? 'as known on' : 'as it happened by'} ${moment.when} – Throughline`
