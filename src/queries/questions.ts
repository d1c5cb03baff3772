/** What an inspector would ask of the whole record, each with a threshold of his own: where to look, never what to conclude. */
import { Injectable } from '@nestjs/common'
import { sql } from 'kysely'
import { withFacilitators } from '../../projections/facilitators.ts'
import { withGroups } from '../../projections/groups.ts'
import { withRegisters } from '../../projections/registers.ts'
import { ReadModels } from '../../projections/runner/read-models.ts'
import { timelineOf, type TimelineRow } from '../../projections/timeline.ts'
import { dayNumbered, dayNumberOf, daysBetween, type Day } from '../domain/calendar.ts'
import { coursesFor, inForceOn, type CompletedTraining } from '../domain/facilitator/training.ts'
import type { ActualFacilitator } from '../domain/group/room.ts'
import { attendanceCategoryOf, type Outcome } from '../domain/journey/outcomes.ts'
import { ReachedCases } from './reached-cases.ts'
import { registerEntries } from './registers.ts'

/** Answers are shown up to this many; `total` says how many there are. */
export const mostAnswers = 100

export interface Answers<A> {
  readonly answers: readonly A[]
  /** At least so many: see {@link Questions.menInTwoPlaces}. */
  readonly total: number
}

/** One person, one day, and what he recorded then that had happened long before. */
export interface Burst {
  readonly by: string
  readonly on: Day
  readonly records: number
  readonly journeys: number
  readonly longestDays: number
}

/** How many corrections one person recorded before an inspection, and how many he records in as many days otherwise. */
export interface Cluster {
  readonly by: string
  readonly corrections: number
  /** Over the 52 weeks before, in as many days; a fraction. */
  readonly usually: number
  readonly from: Day
  readonly to: Day
}

export interface Recategoriser {
  readonly by: string
  readonly outcomes: number
  readonly journeys: number
}

/** A day on which one man stands as present in several groups. */
export interface TwoPlaces {
  readonly journeyId: string
  readonly on: Day
  readonly presences: readonly { readonly group: string; readonly session: string; readonly revision: number }[]
}

/** Two sessions that one facilitator is recorded as having delivered at the same time. */
export interface TwoSessions {
  readonly facilitator: string
  readonly on: Day
  readonly overlapMinutes: number
  readonly sessions: readonly {
    readonly sessionId: string
    readonly group: string
    readonly session: string
    readonly startsAt: string
  }[]
}

/** The sessions that one facilitator delivered without a training in force for the programme on that day. */
export interface Untrained {
  readonly facilitator: string
  /** `null` where no training for the programme was completed by any of those days; else the last day on which one held. */
  readonly heldUntil: Day | null
  /** The latest first. */
  readonly sessions: readonly {
    readonly sessionId: string
    readonly group: string
    readonly session: string
    readonly on: Day
  }[]
}

/** A time in which nothing was recorded on a journey that was open. */
export interface Gap {
  readonly journeyId: string
  readonly days: number
  readonly from: Day
  /** Null where it still lasts. */
  readonly to: Day | null
  /** The event that ended it. */
  readonly revision: number | null
}

const usualDays = 364
/** Sessions that were held, of the last so many, are compared with each other. */
const mostSessions = 20_000

@Injectable()
export class Questions {
  constructor(
    private readonly readModels: ReadModels,
    private readonly reached: ReachedCases,
  ) {}

  /** @param daysLate a record counts that was made more than so many days after the fact @param records at least so many in one day */
  async recordingBursts(daysLate: number, records: number): Promise<Answers<Burst>> {
    const count = sql<number>`count(*)`
    const rows = await registerEntries(this.readModels.db, 'late-recording', {}, await this.reached.withheldCases())
      .where('entry.days_late', '>', daysLate)
      .select(['entry.recorded_by', 'entry.recorded_on'])
      .select([
        count.as('records'),
        sql<number>`count(distinct entry.subject_id)`.as('journeys'),
        sql<number>`max(entry.days_late)`.as('longest'),
      ])
      .groupBy(['entry.recorded_by', 'entry.recorded_on'])
      .having(count, '>=', records)
      .orderBy('records', 'desc')
      .orderBy('entry.recorded_on', 'desc')
      .orderBy('entry.recorded_by')
      .execute()
    return firstOf(
      rows.map((row) => ({
        by: row.recorded_by,
        on: row.recorded_on,
        records: Number(row.records),
        journeys: Number(row.journeys),
        longestDays: Number(row.longest),
      })),
    )
  }

  /** @param inspection the day of it, which is not among the days before @param corrections at least so many by one person */
  async correctionsBefore(inspection: Day, days: number, corrections: number): Promise<Answers<Cluster>> {
    const dayBefore = (of: Day, number: number) => dayNumbered(dayNumberOf(of) - number)
    const [from, to] = [dayBefore(inspection, days), dayBefore(inspection, 1)]
    const before = { from: dayBefore(from, usualDays), to: dayBefore(from, 1) }
    const usually = new Map((await this.corrections(before)).map(({ by, count }) => [by, count]))
    const clusters = (await this.corrections({ from, to })).filter(({ count }) => count >= corrections)
    return firstOf(
      clusters.map(({ by, count }) => ({
        by,
        corrections: count,
        usually: ((usually.get(by) ?? 0) * days) / usualDays,
        from,
        to,
      })),
    )
  }

  private async corrections(during: { readonly from: Day; readonly to: Day }) {
    const count = sql<number>`count(*)`
    const rows = await registerEntries(this.readModels.db, 'corrections', during, await this.reached.withheldCases())
      .select(['entry.recorded_by', count.as('count')])
      .groupBy('entry.recorded_by')
      .orderBy('count', 'desc')
      .orderBy('entry.recorded_by')
      .execute()
    return rows.map(({ recorded_by: by, count }) => ({ by, count: Number(count) }))
  }

  /** @param outcomes at least so many by one person @returns with `of`: how many outcomes were recategorised by anybody */
  async recategorisers(outcomes: number): Promise<Answers<Recategoriser> & { readonly of: number }> {
    const rows = await registerEntries(
      this.readModels.db,
      'recategorised-outcomes',
      {},
      await this.reached.withheldCases(),
    )
      .select(['entry.recorded_by'])
      .select([sql<number>`count(*)`.as('outcomes'), sql<number>`count(distinct entry.subject_id)`.as('journeys')])
      .groupBy('entry.recorded_by')
      .orderBy('outcomes', 'desc')
      .orderBy('entry.recorded_by')
      .execute()
    const all = rows.map((row) => ({
      by: row.recorded_by,
      outcomes: Number(row.outcomes),
      journeys: Number(row.journeys),
    }))
    const of = all.reduce((sum, row) => sum + row.outcomes, 0)
    return { ...firstOf(all.filter((row) => row.outcomes >= outcomes)), of }
  }

  /**
   * Days on which two groups or more have him as present, by what is believed now. Those with most such days are looked through
   * first, and no more of them than are shown: `total` counts the days that were found on these.
   * @param days at least so many such days of one man
   */
  async menInTwoPlaces(days: number): Promise<Answers<TwoPlaces>> {
    const { journeys: withheld } = await this.reached.withheldCases()
    const candidates = await withRegisters(this.readModels.db)
      .selectFrom('audit_journey')
      .select('journey_id')
      .where(noneOf(withheld))
      .where('two_groups_days', '>=', days)
      .orderBy('two_groups_days', 'desc')
      .orderBy('journey_id')
      .limit(mostAnswers)
      .execute()
    const found: TwoPlaces[] = []
    for (const { journey_id: journeyId } of candidates) {
      const his = twoPlacesIn(await timelineOf(this.readModels.db, journeyId))
      if (his.length >= days) found.push(...his.map((day) => ({ journeyId, ...day })))
    }
    return firstOf(found)
  }

  /** @param minutes two sessions overlap by at least so many */
  async facilitatorsInTwoPlaces(minutes: number): Promise<Answers<TwoSessions>> {
    const sessions = await withGroups(this.readModels.db)
      .selectFrom('group_session')
      .innerJoin('programme_group', 'programme_group.group_id', 'group_session.group_id')
      .select([
        'session_id',
        'programme_session',
        'on_day',
        'group_session.starts_at',
        'group_session.minutes',
        'actual',
        'code',
      ])
      .where('status', '=', 'delivered')
      .orderBy('on_day', 'desc')
      .orderBy('session_id')
      .limit(mostSessions)
      .execute()
    const days = Map.groupBy(sessions, ({ on_day }) => on_day)
    const found: TwoSessions[] = []
    for (const [on, held] of days)
      for (const [n, one] of held.entries())
        for (const other of held.slice(n + 1)) {
          const overlapMinutes = overlapOf(one, other)
          if (overlapMinutes < minutes) continue
          const there = facilitatorsOf(other)
          for (const facilitator of facilitatorsOf(one))
            if (there.has(facilitator))
              found.push({
                facilitator,
                on,
                overlapMinutes,
                sessions: [one, other].map(({ session_id, code, programme_session, starts_at }) => ({
                  sessionId: session_id,
                  group: code,
                  session: programme_session,
                  startsAt: starts_at,
                })),
              })
        }
    return firstOf(found)
  }

  /**
   * What was in force is asked of the day on which each session was held.
   * @param graceDays a training counts for so many days after its last day
   * @param least so many sessions by one facilitator
   */
  async untrained(graceDays: number, least: number): Promise<Answers<Untrained>> {
    const held = await withGroups(this.readModels.db)
      .selectFrom('group_session')
      .innerJoin('programme_group', 'programme_group.group_id', 'group_session.group_id')
      .select(['session_id', 'programme_session', 'on_day', 'actual', 'code', 'programme_key'])
      .where('status', '=', 'delivered')
      .orderBy('on_day', 'desc')
      .orderBy('session_id')
      .limit(mostSessions)
      .execute()
    const completed = await withFacilitators(this.readModels.db)
      .selectFrom('facilitator_fact')
      .innerJoin('facilitator', 'facilitator.facilitator_id', 'facilitator_fact.facilitator_id')
      .select(['code', 'course', 'occurred_on', 'valid_until'])
      .where('type', '=', 'TrainingCompleted')
      .execute()
    const trainingsOf = Map.groupBy(completed, ({ code }) => code)
    const found = new Map<string, { sessions: Untrained['sessions'][number][]; heldUntil: Day | null }>()
    for (const session of held) {
      const courses: readonly string[] = coursesFor(session.programme_key)
      for (const facilitator of facilitatorsOf(session)) {
        const trainings = (trainingsOf.get(facilitator) ?? [])
          .filter(({ course }) => courses.includes(course ?? ''))
          .map(({ occurred_on, valid_until }) =>
            inGrace({ course: '', on: occurred_on, validUntil: valid_until }, graceDays),
          )
        if (trainings.some((training) => inForceOn(training, session.on_day))) continue
        const before = trainings.flatMap(({ on, validUntil }) =>
          on <= session.on_day && validUntil ? [validUntil] : [],
        )
        const so = found.get(facilitator) ?? { sessions: [], heldUntil: before.toSorted().at(-1) ?? null }
        const { session_id, code, programme_session, on_day } = session
        so.sessions.push({ sessionId: session_id, group: code, session: programme_session, on: on_day })
        found.set(facilitator, so)
      }
    }
    const answers = [...found]
      .map(([facilitator, { sessions, heldUntil }]) => ({
        facilitator,
        sessions,
        heldUntil: heldUntil && dayNumbered(dayNumberOf(heldUntil) - graceDays),
      }))
      .filter(({ sessions }) => sessions.length >= least)
    return firstOf(answers.toSorted((a, b) => b.sessions.length - a.sessions.length))
  }

  /** @param days nothing was recorded for at least so long, on a journey that was open; each journey once, with its longest @param today a gap that still lasts is reckoned to it */
  async gaps(days: number, today: Day): Promise<{ readonly past: Answers<Gap>; readonly lasting: Answers<Gap> }> {
    const { journeys: withheld } = await this.reached.withheldCases()
    const journeys = withRegisters(this.readModels.db).selectFrom('audit_journey').where(noneOf(withheld))
    const ended = journeys.where('gap_days', '>=', days)
    const lasting = journeys
      .where('ended_at', 'is', null)
      .where('last_recorded_on', '<=', dayNumbered(dayNumberOf(today) - days))
    const total = async (query: typeof ended) => {
      const { count } = await query.select((some) => some.fn.countAll<number>().as('count')).executeTakeFirstOrThrow()
      return Number(count)
    }
    const past = await ended.selectAll().orderBy('gap_days', 'desc').orderBy('journey_id').limit(mostAnswers).execute()
    const still = await lasting
      .selectAll()
      .orderBy('last_recorded_on')
      .orderBy('journey_id')
      .limit(mostAnswers)
      .execute()
    return {
      past: {
        answers: past.map((row) => ({
          journeyId: row.journey_id,
          days: row.gap_days,
          from: row.gap_from ?? '',
          to: row.gap_to,
          revision: row.gap_revision,
        })),
        total: await total(ended),
      },
      lasting: {
        answers: still.map((row) => ({
          journeyId: row.journey_id,
          days: daysBetween(row.last_recorded_on, today),
          from: row.last_recorded_on,
          to: null,
          revision: null,
        })),
        total: await total(lasting),
      },
    }
  }
}

/** The journey is none of these. */
const noneOf = (withheld: ReadonlySet<string>) =>
  withheld.size === 0 ? sql<boolean>`1 = 1` : sql<boolean>`audit_journey.journey_id not in (${sql.join([...withheld])})`

const firstOf = <A>(all: readonly A[]): Answers<A> => ({ answers: all.slice(0, mostAnswers), total: all.length })

/** Of one journey, the days on which several groups have him as present, by the last version of each record that stands. */
export function twoPlacesIn(rows: readonly TimelineRow[]): readonly Omit<TwoPlaces, 'journeyId'>[] {
  const versions = Map.groupBy(
    rows.filter(({ withdrawn_by }) => withdrawn_by === null),
    ({ fact }) => fact,
  )
  const present: { on: Day; group: string; session: string; revision: number }[] = []
  for (const { type, revision, current } of rows) {
    if (type !== 'AttendanceRecorded' || current === null) continue
    const said = versions.get(revision)!.toSorted((one, other) => one.revision - other.revision)
    const last = <V>(of: (row: TimelineRow) => V | null) =>
      said.reduce<V | null>((before, row) => of(row) ?? before, null)
    const outcome = last((row) => row.outcome as Outcome | null)
    const group = last((row) => row.group_id)
    if (outcome === null || group === null) continue
    if (!['attended', 'sent_home'].includes(attendanceCategoryOf(outcome))) continue
    // A corrected outcome says nothing of the day; a record that is said anew does.
    const on = last((row) => (row.type === 'AttendanceCorrected' ? null : row.occurred_on))!
    present.push({ on, group, session: last((row) => row.session_id) ?? '', revision: current })
  }
  return [...Map.groupBy(present, ({ on }) => on)]
    .filter(([, there]) => new Set(there.map(({ group }) => group)).size > 1)
    .map(([on, there]) => ({
      on,
      presences: there.map(({ group, session, revision }) => ({ group, session, revision })),
    }))
}

interface Held {
  readonly starts_at: string
  readonly minutes: number
  readonly actual: string | null
}

const minuteOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5))

/** Minutes that two sessions of one day share. */
function overlapOf(one: Held, other: Held): number {
  const [first, second] = [minuteOf(one.starts_at), minuteOf(other.starts_at)]
  return Math.min(first + one.minutes, second + other.minutes) - Math.max(first, second)
}

const inGrace = (training: CompletedTraining, days: number): CompletedTraining => ({
  ...training,
  validUntil: training.validUntil && dayNumbered(dayNumberOf(training.validUntil) + days),
})

const facilitatorsOf = ({ actual }: Pick<Held, 'actual'>): ReadonlySet<string> =>
  new Set((JSON.parse(actual ?? '[]') as readonly ActualFacilitator[]).map(({ facilitator }) => facilitator))
