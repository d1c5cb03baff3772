/**
 * Searches of the event index: the newest events on either clock that match, some at a time. A search never looks for longer
 * than a page may take: where matches are rare it says how far it has looked, and goes on from there when it is asked again.
 */
import type Database from 'better-sqlite3'
import { dayNumbered, dayNumberOf, endOfDay, type Day } from '../domain/calendar.ts'

/** `recorded`: when it was written down. `happened`: the day it is about. */
export type IndexClock = 'recorded' | 'happened'
const clocks = ['recorded', 'happened'] as const satisfies readonly IndexClock[]

/** What a search can begin at besides a clock, the most telling first. */
const leads = ['actor', 'type', 'source'] as const
type Lead = (typeof leads)[number]

/** Each holds all that a search compares, so that no row of the table is read before it is known to match. */
export const searchIndexes = clocks
  .flatMap((clock) =>
    [...leads, null].map((lead) => {
      const compared = [...leads, ...clocks].filter((column) => column !== clock && column !== lead)
      const columns = [...(lead ? [lead] : []), clock, 'nth', ...compared, ...(lead ? [] : ['stream'])]
      return `CREATE INDEX ${indexNamed(lead, clock)} ON event (${columns.join(', ')});`
    }),
  )
  .join('\n  ')

function indexNamed(lead: Lead | null, clock: IndexClock): string {
  return `${lead ? `by_${lead}_` : 'by_'}${clock}`
}

/** Entries that one statement looks at, so that a search can stop in between. */
const entriesAtATime = 10_000
/** A search that has found too little goes on for as long, in milliseconds. */
const searchMs = 40

/** Where an event is. */
export interface PlaceInStream {
  readonly stream: string
  readonly revision: number
}

/** How one event is about others of its stream, and others about it. */
export interface EventLinks {
  /** The revision that it corrects, withdraws or recategorises. */
  readonly target: number | null
  /** What corrects, withdraws or recategorises it, in recorded order. */
  readonly by: readonly { readonly revision: number; readonly type: string }[]
}

export interface DayRange {
  readonly from?: Day | undefined
  readonly to?: Day | undefined
}

export interface SearchFilter {
  /** Streams, and what other streams have about them: of a journey, what its groups and sessions recorded of him. */
  readonly streams?: readonly string[] | undefined
  /** Nothing of these streams, and nothing that is about them. */
  readonly without?: ReadonlySet<string> | undefined
  /** One of these types. */
  readonly types?: readonly string[] | undefined
  /** The id of who recorded it. */
  readonly actor?: string | undefined
  readonly source?: string | undefined
  /** First and last day on either clock, both included, in the service's time zone. */
  readonly recorded?: DayRange | undefined
  readonly happened?: DayRange | undefined
}

/** A stream in which something was added. */
export interface ChangedStream {
  readonly stream: string
  readonly events: number
}

export interface FoundPlaces {
  /** The newest first. */
  readonly places: readonly PlaceInStream[]
  /** Where the next search goes on; null where there is no more. */
  readonly next: string | null
  /** There was no time to look at everything: there may be more between the last of these and where the next search goes on. */
  readonly isPartial: boolean
}

/** An entry on the clock of a search. */
interface Entry {
  readonly at: number
  readonly nth: number
}

interface Conditions {
  readonly sql: readonly string[]
  readonly values: readonly number[]
  /** The same by lead, for those that are one value. */
  readonly of: Readonly<Partial<Record<Lead, number>>>
  /** First and last, both included. */
  readonly bounds: Readonly<Record<IndexClock, { readonly from: number; readonly to: number }>>
}

const beyond = Number.MAX_SAFE_INTEGER

export class EventSearch {
  private readonly prepared = new Map<string, Database.Statement<number[], Entry>>()
  private readonly statements
  private readonly db: Database.Database

  constructor(db: Database.Database) {
    this.db = db
    this.statements = {
      word: db.prepare<[string], number>('SELECT id FROM word WHERE text = ?').pluck(),
      stream: db.prepare<[string], number>('SELECT id FROM stream WHERE name = ?').pluck(),
      place: db.prepare<[number], PlaceInStream>(
        'SELECT stream.name AS stream, revision FROM event JOIN stream ON stream.id = event.stream WHERE nth = ?',
      ),
    }
  }

  /**
   * The newest events on a clock that match.
   * @param after where an earlier search ended: {@link FoundPlaces.next}
   * @throws RangeError where `after` is no such place
   */
  find(filter: SearchFilter, clock: IndexClock, most: number, after: string | null = null): FoundPlaces {
    const nothing: FoundPlaces = { places: [], next: null, isPartial: false }
    const conditions = this.conditionsOf(filter)
    if (!conditions) return nothing
    const bounds = conditions.bounds[clock]
    const begin = after === null ? { at: bounds.to, nth: beyond } : entryFrom(after)
    if (!filter.streams) return this.few(conditions, clock, most, begin) ?? this.walk(conditions, clock, most, begin)
    const streams = filter.streams.map((name) => this.statements.stream.get(name)).filter((id) => id !== undefined)
    if (streams.length === 0) return nothing
    const marks = streams.map(() => '?').join(', ')
    const found = this.statement(
      `SELECT ${clock} AS at, nth FROM event WHERE (stream IN (${marks}) OR about IN (${marks}))
       AND (${clock}, nth) < (?, ?)${allOf(conditions)} ORDER BY ${clock} DESC, nth DESC LIMIT ?`,
    ).all(...streams, ...streams, begin.at, begin.nth, ...conditions.values, most + 1)
    return this.answer(found, most)
  }

  /**
   * The streams of one kind that have events between two days on a clock, both included, and how many: the fullest first.
   * @param streams only these; null for all
   * @param prefix how their names begin
   * @param without none of these
   */
  changedStreams(
    streams: readonly string[] | null,
    clock: IndexClock,
    days: DayRange,
    prefix: string,
    without: ReadonlySet<string>,
  ): readonly ChangedStream[] {
    const { bounds } = this.conditionsOf({ [clock]: days })!
    const ids = streams?.map((name) => this.statements.stream.get(name)).filter((id) => id !== undefined)
    const among = ids ? ` AND event.stream IN (${ids.map(() => '?').join(', ')})` : ''
    const index = ids ? 'in_stream' : indexNamed(null, clock)
    return this.db
      .prepare<(number | string)[], ChangedStream>(
        `SELECT stream.name AS stream, count(*) AS events FROM event INDEXED BY ${index}
         JOIN stream ON stream.id = event.stream
         WHERE event.${clock} BETWEEN ? AND ?${among} AND stream.name GLOB ?
         GROUP BY event.stream ORDER BY events DESC, stream.name`,
      )
      .all(bounds[clock].from, bounds[clock].to, ...(ids ?? []), `${prefix}*`)
      .filter(({ stream }) => !without.has(stream))
  }

  /** The revisions of one stream that match, in recorded order. */
  revisionsIn(stream: string, filter: Omit<SearchFilter, 'streams'>): readonly number[] {
    const id = this.statements.stream.get(stream)
    const conditions = this.conditionsOf(filter)
    if (id === undefined || !conditions) return []
    return this.db
      .prepare<number[], number>(
        `SELECT revision FROM event INDEXED BY in_stream WHERE stream = ?${allOf(conditions)} ORDER BY revision`,
      )
      .pluck()
      .all(id, ...conditions.values)
  }

  /** Where the dates on the other clock leave few events, those are all looked at. @returns null where they leave many */
  private few(conditions: Conditions, clock: IndexClock, most: number, begin: Entry): FoundPlaces | null {
    const other = clocks.find((one) => one !== clock)!
    const { from, to } = conditions.bounds[other]
    if (from === -beyond || to === beyond) return null
    const { lead, led } = leadOf(conditions)
    const within = `FROM event INDEXED BY ${indexNamed(lead, other)}
      WHERE ${lead === null ? '' : `${lead} = ? AND `}${other} BETWEEN ? AND ?`
    const many = this.statement(`SELECT ${clock} AS at, nth ${within} LIMIT 1 OFFSET ${entriesAtATime}`)
    if (many.get(...led, from, to)) return null
    const found = this.statement(
      `SELECT ${clock} AS at, nth ${within} AND (${clock}, nth) < (?, ?)${allOf(conditions)}
       ORDER BY ${clock} DESC, nth DESC LIMIT ?`,
    ).all(...led, from, to, begin.at, begin.nth, ...conditions.values, most + 1)
    return this.answer(found, most)
  }

  /** Goes down one index, some entries at a time, until enough is found, all is seen or time is up. */
  private walk(conditions: Conditions, clock: IndexClock, most: number, begin: Entry): FoundPlaces {
    const { lead, led } = leadOf(conditions)
    const walked = `SELECT ${clock} AS at, nth FROM event INDEXED BY ${indexNamed(lead, clock)}
      WHERE ${lead === null ? '' : `${lead} = ? AND `}(${clock}, nth) < (?, ?) AND (${clock}, nth) >= (?, ?)`
    const order = `ORDER BY ${clock} DESC, nth DESC`
    const ends = this.statement(`${walked} ${order} LIMIT 1 OFFSET ${entriesAtATime - 1}`)
    const matching = this.statement(`${walked}${allOf(conditions)} ${order} LIMIT ?`)
    const last = { at: conditions.bounds[clock].from, nth: -1 }
    const found: Entry[] = []
    const deadline = performance.now() + searchMs
    for (let from = begin; ;) {
      const end = ends.get(...led, from.at, from.nth, last.at, last.nth)
      const to = end ?? last
      found.push(
        ...matching.all(...led, from.at, from.nth, to.at, to.nth, ...conditions.values, most + 1 - found.length),
      )
      if (found.length > most || !end) return this.answer(found, most)
      from = end
      if (performance.now() > deadline)
        return { ...this.answer(found, most), next: `${from.at}.${from.nth}`, isPartial: true }
    }
  }

  private answer(found: readonly Entry[], most: number): FoundPlaces {
    const shown = found.slice(0, most)
    const { at, nth } = shown.at(-1) ?? { at: 0, nth: 0 }
    return {
      places: shown.map((entry) => this.statements.place.get(entry.nth)!),
      next: found.length > most ? `${at}.${nth}` : null,
      isPartial: false,
    }
  }

  /** @returns null where nothing can match: it names a word that no event has */
  private conditionsOf({ types, actor, source, recorded, happened, without }: SearchFilter): Conditions | null {
    const sql: string[] = []
    const values: number[] = []
    const of: Partial<Record<Lead, number>> = {}
    const sought = { actor: actor && [actor], type: types, source: source && [source] }
    for (const lead of leads) {
      const words = sought[lead]
      if (!words) continue
      const ids = words.map((word) => this.statements.word.get(word)).filter((id) => id !== undefined)
      if (ids.length === 0) return null
      sql.push(`${lead} IN (${ids.map(() => '?').join(', ')})`)
      values.push(...ids)
      if (ids.length === 1) of[lead] = ids[0]!
    }
    const bounds = {
      recorded: {
        from: recorded?.from ? startOf(recorded.from) : -beyond,
        to: recorded?.to ? Date.parse(endOfDay(recorded.to)) : beyond,
      },
      happened: {
        from: happened?.from ? dayNumberOf(happened.from) : -beyond,
        to: happened?.to ? dayNumberOf(happened.to) : beyond,
      },
    }
    for (const clock of clocks) {
      if (bounds[clock].from === -beyond && bounds[clock].to === beyond) continue
      sql.push(`${clock} BETWEEN ? AND ?`)
      values.push(bounds[clock].from, bounds[clock].to)
    }
    const hidden = [...(without ?? [])].map((name) => this.statements.stream.get(name)).filter((id) => id !== undefined)
    if (hidden.length > 0) {
      const marks = hidden.map(() => '?').join(', ')
      sql.push(`event.stream NOT IN (${marks})`, `(event.about IS NULL OR event.about NOT IN (${marks}))`)
      values.push(...hidden, ...hidden)
    }
    return { sql, values, of, bounds }
  }

  private statement(sql: string): Database.Statement<number[], Entry> {
    const known = this.prepared.get(sql)
    if (known) return known
    if (this.prepared.size > 200) this.prepared.clear()
    const statement = this.db.prepare<number[], Entry>(sql)
    this.prepared.set(sql, statement)
    return statement
  }
}

/** What a search begins at, and its value. */
function leadOf({ of }: Conditions): { readonly lead: Lead | null; readonly led: readonly number[] } {
  const lead = leads.find((one) => of[one] !== undefined) ?? null
  return { lead, led: lead === null ? [] : [of[lead]!] }
}

const allOf = ({ sql }: Conditions): string => sql.map((condition) => ` AND ${condition}`).join('')

/** In milliseconds since 1970, in the service's time zone. */
const startOf = (day: Day): number => Date.parse(endOfDay(dayNumbered(dayNumberOf(day) - 1))) + 1

function entryFrom(text: string): Entry {
  const [, at, nth] = /^(-?\d{1,15})\.(\d{1,15})$/.exec(text) ?? []
  if (at === undefined || nth === undefined) throw new RangeError('This is not where a search ended.')
  return { at: Number(at), nth: Number(nth) }
}
