/** What the replay page shows: the line, the playhead, and the state of the journey at the moment asked for. */
import { dayOf, endOfDay, isDay, isWrittenInstant, type Instant } from '../../domain/calendar.ts'
import type { Recorded } from '../../domain/history.ts'
import { statuses } from '../../domain/journey/figures.ts'
import type { JourneyEvent } from '../../domain/journey/journey.ts'
import { believedNow, journeyOn, type JourneyOnClock } from '../../domain/journey/replay.ts'
import { sayDay, sayDayShort, sayInstant, sayInstantShort } from '../layout/dates.ts'
import { drawingOf, width, type DrawnMark, type Drawing } from './drawing.ts'
import { jumpsOf, lookedFor, type LookedFor } from './jumps.ts'
import { marksOf, type Mark } from './marks.ts'
import { momentAt, type Clock, type MomentView } from './moments.ts'
import { round } from './scale.ts'

export interface ReplayAsked {
  readonly clock: Clock
  /** A day, or on the clock of what was known an instant. Null: now. */
  readonly at: string | null
}

/** Why an address names no moment of the journey, and what would. */
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
  if (isDay(at)) return { clock, at }
  if (clock === 'known' && isWrittenInstant(at)) return { clock, at: new Date(at).toISOString() }
  return clock === 'known'
    ? {
        problem: 'The address does not name a real moment.',
        howTo: 'Write the moment as a day, at=2024-03-12, or as an instant in UTC, at=2024-03-12T16:52:00Z.',
      }
    : { problem: 'The address does not name a real day.', howTo: 'Write the day as at=2024-03-12.' }
}

/** Of a moment that has not come nothing can be said, whatever the last thing on record. */
export function notYet({ clock, at }: ReplayAsked, now: Instant): Misasked | null {
  if (at === null) return null
  const aDay: boolean = isDay(at)
  if (at <= (aDay ? dayOf(now) : now)) return null
  const when = aDay ? sayDay(at) : sayInstant(at)
  return {
    problem: `${when} is in the future.`,
    howTo:
      clock === 'known'
        ? 'The replay shows what was known at a moment that has been: choose today or a day before it.'
        : 'The replay shows what has happened: choose today or a day before it.',
  }
}

/** A place that is written in the address, as the number of a moment, counts from 1. */
export function noSuchPlace(place: unknown, of: number): Misasked | null {
  if (place === undefined || (/^\d{1,6}$/.test(String(place)) && Number(place) >= 1 && Number(place) <= of)) return null
  return {
    problem: `There is no moment “${String(place).slice(0, 20)}” in this journey.`,
    howTo: `It has ${of === 1 ? '1 moment' : `${of} moments, numbered 1 to ${of}`}.`,
  }
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
  readonly journey: JourneyOnClock
  readonly marks: readonly Mark[]
  readonly drawing: Drawing
  readonly description: string
  readonly states: readonly MarkState[]
  /** The address of the moment at which a mark was added, by the mark's index. */
  hrefOf(index: number): string
  /** The same for a link on the page itself. */
  queryOf(index: number): string
  /** For each mark, the index of the place at which it was added. */
  readonly placeOfMark: readonly number[]
  titleOf(drawn: DrawnMark): string
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
  /** The last revision that the page knows of. */
  readonly upTo: number
  /** The next absence, correction and late record after the moment; null where there is none. */
  readonly jumps: readonly { readonly of: LookedFor; readonly href: string | null }[]
  /** By what is looked for, the indexes of the places at which it is found. */
  readonly found: Readonly<Record<LookedFor, readonly number[]>>
  kindOf(mark: Mark): MarkKind
  /** The marks listed, as indexes, in the order in which they happened: those around the moment, where there are very many. */
  readonly list: readonly number[]
  readonly listed: ListedMarks
  readonly sessions: readonly number[]
  readonly sessionsShown: boolean
}

/** What can be shown and hidden together. An ending always shows. */
export type MarkKind = 'session' | 'contact' | 'enforcement' | 'correction' | 'ending'

function kindOf({ kind, versions }: Mark): MarkKind {
  if (kind === 'recategorisation') return 'correction'
  const { glyph } = versions[0]!
  return kind === 'contact' && (glyph === 'warning' || glyph === 'breach') ? 'enforcement' : kind
}

export function replayView(path: string, events: readonly Recorded<JourneyEvent>[], asked: ReplayAsked): ReplayView {
  const { clock } = asked
  const marks = marksOf(events)
  const journey = journeyOn(clock, events)
  const { places } = journey
  const drawing = drawingOf(journey, marks, believedNow(events).programme)
  const by = asked.at === null ? places.at(-1)! : clock === 'known' && isDay(asked.at) ? endOfDay(asked.at) : asked.at
  const moment = momentAt(journey, by, events, marks)
  const queryFor = (at: string) => `?clock=${clock}&at=${encodeURIComponent(at)}`
  const hrefTo = (at: string) => path + queryFor(at)
  const placeOf = placeOfRevision(journey)
  const placeOfMark = marks.map(({ revision }) => placeOf.get(revision)!)
  const hrefOf = (index: number) => hrefTo(places[placeOfMark[index]!]!)
  const place = (number: number) => hrefTo(places[Math.min(Math.max(number, 1), places.length) - 1]!)
  const all = marks
    .map((_, i) => i)
    .sort((a, b) =>
      marks[a]!.happenedOn < marks[b]!.happenedOn ? -1 : marks[a]!.happenedOn > marks[b]!.happenedOn ? 1 : a - b,
    )
  const listed = listedAround(moment, all, placeOfMark)
  const sessions = all.filter((i) => marks[i]!.kind === 'session')
  const x = drawing.x(by)
  const found = jumpsOf(marks, placeOf)
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
    journey,
    marks,
    drawing,
    description: descriptionOf(marks, statuses[journey.statusChanges().at(-1)!.status]),
    states: statesAt(moment, marks, versionsAhead(clock, marks)),
    hrefOf,
    queryOf: (index) => queryFor(places[placeOfMark[index]!]!),
    placeOfMark,
    titleOf: ({ mark, bundle }) =>
      bundle
        ? `${titleOf(mark)}, and ${bundle.more} more up to ${sayDayShort(bundle.until.happenedOn)}`
        : titleOf(mark),
    x,
    litTo: litTo(drawing, x),
    veilFrom: veilFrom(drawing, moment, x),
    flagShift: flagShift(x),
    first: place(1),
    previous: place(moment.exact ? moment.number - 1 : moment.number),
    next: place(moment.number + 1),
    last: place(places.length),
    here: hrefTo(by),
    upTo: events.at(-1)!.revision,
    jumps: lookedFor.map((of) => {
      const next = found[of].find((index) => index >= moment.number)
      return { of, href: next === undefined ? null : hrefTo(places[next]!) }
    }),
    found,
    kindOf,
    list: all.slice(listed.from, listed.to),
    listed,
    sessions,
    sessionsShown: sessions.some((i) => moment.shown[i]! >= 0),
  }
}

/** The index of the place at which each revision was added. */
function placeOfRevision(journey: JourneyOnClock): ReadonlyMap<number, number> {
  const places = new Map<number, number>()
  for (const [index, place] of journey.places.entries())
    for (const { revision } of journey.addedAt(place)) places.set(revision, index)
  return places
}

export interface ListedMarks {
  readonly from: number
  readonly to: number
  readonly of: number
}

/** Longer lists show this many marks around the moment. */
const longestList = 80

function listedAround({ number }: MomentView, all: readonly number[], placeOfMark: readonly number[]): ListedMarks {
  if (all.length <= longestList) return { from: 0, to: all.length, of: all.length }
  const here = all.findIndex((index) => placeOfMark[index]! >= number - 1)
  const middle = here < 0 ? all.length : here
  const from = Math.max(0, Math.min(middle - longestList / 2, all.length - longestList))
  return { from, to: from + longestList, of: all.length }
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

function descriptionOf(marks: readonly Mark[], statusAtTheEnd: string): string {
  const sessions = marks.filter((mark) => mark.kind === 'session')
  const days = marks.map((mark) => mark.happenedOn).sort()
  const count = (kind: Mark['kind']) => marks.filter((mark) => mark.kind === kind).length
  return (
    `From ${sayDay(days[0])} to ${sayDay(days.at(-1))}: ${marks.length} records, of them ${sessions.length} sessions, ` +
    `${count('correction')} corrections and ${marks.filter((mark) => mark.late).length} recorded late. ` +
    `Status at the end: ${statusAtTheEnd}. The same marks are listed below the line.`
  )
}

/** What the browser needs to move the playhead along the line by itself; the words of a moment it asks for as it comes to it. */
export interface ReplayOutline {
  readonly width: number
  readonly lineFrom: number
  readonly lineTo: number
  readonly flagHalf: number
  readonly places: readonly { readonly at: string; readonly day: string; readonly when: string; readonly x: number }[]
  /** How time runs along the line. */
  readonly stretches: Drawing['stretches']
  /** For each mark, the index of the place at which each of its versions was added. */
  readonly marks: readonly (readonly number[])[]
  /** For each mark that is drawn: its index, where it stands, where it was recorded and where the line begins that ties it to that. */
  readonly drawn: readonly (readonly [index: number, x: number, recordedX: number, tieFrom: number | null])[]
  /** For each mark, the version drawn before it was added. */
  readonly ahead: readonly number[]
  readonly found: ReplayView['found']
  readonly sessions: readonly number[]
}

export function outlineOf({ clock, journey, drawing, marks, sessions, found }: ReplayView): ReplayOutline {
  const placeOf = placeOfRevision(journey)
  return {
    width,
    lineFrom: drawing.lineFrom,
    lineTo: drawing.lineTo,
    flagHalf,
    places: journey.places.map((at) => ({
      at,
      day: clock === 'known' ? dayOf(at) : at,
      when: clock === 'known' ? sayInstantShort(at) : sayDayShort(at),
      x: drawing.x(at),
    })),
    marks: marks.map(({ versions }) => versions.map(({ revision }) => placeOf.get(revision)!)),
    stretches: drawing.stretches,
    drawn: drawing.marks.map(({ index, x, recordedX, tieFrom }) => [index, x, recordedX, tieFrom]),
    ahead: versionsAhead(clock, marks),
    found,
    sessions,
  }
}

export const titleFor = (clock: Clock, moment: MomentView): string =>
  `Replay: ${clock === 'known' ? 'as known on' : 'as it happened by'} ${moment.when} – Throughline`
