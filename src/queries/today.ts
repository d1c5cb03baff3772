/** What needs whoever asks today, in the order in which to begin: worked out for his role from the read models, nothing kept for it. */
import { Injectable } from '@nestjs/common'
import { withCaseload } from '../../projections/caseload.ts'
import { withFacilitators } from '../../projections/facilitators.ts'
import { withGroups } from '../../projections/groups.ts'
import type { OwnWordsTable } from '../../projections/participants.ts'
import { ReadModels } from '../../projections/runner/read-models.ts'
import { timelineOf } from '../../projections/timeline.ts'
import type { Role } from '../access/policy.ts'
import { dayNumbered, dayNumberOf, dayOf, type Day } from '../domain/calendar.ts'
import { timeAfter, type ActualFacilitator, type PlannedFacilitator } from '../domain/group/room.ts'
import type { Actor } from '../domain/history.ts'
import type { Need } from '../domain/journey/needs.ts'
import { attendanceCategoryOf, isOutcome, outcomeCodes, type Outcome } from '../domain/journey/outcomes.ts'
import { Consultations } from './consultations.ts'
import { Facilitators } from './facilitators.ts'
import { Journeys, type CaseloadRow, type CaseloadSort } from './journeys.ts'
import { ReachedCases } from './reached-cases.ts'
import { Rights } from './rights.ts'

export const taskKinds = [
  'missed',
  'warning',
  'dispute',
  'review',
  'no_contact',
  'register_outstanding',
  'register_incomplete',
  'session_today',
  'session_this_week',
  'training_lapses',
  'session_unstaffed',
  'double_booked',
  'stand_in',
  'erasure',
  'unusual_reach',
  'retention',
] as const

export type TaskKind = (typeof taskKinds)[number]

/** What each role is told of, what is most pressing first. A role that is not here is told of nothing. */
const kindsFor: Partial<Record<Role, readonly TaskKind[]>> = {
  case_manager: ['missed', 'warning', 'dispute', 'review', 'no_contact'],
  facilitator: ['register_outstanding', 'session_today', 'register_incomplete', 'session_this_week', 'training_lapses'],
  treatment_manager: [
    'session_unstaffed',
    'double_booked',
    'register_outstanding',
    'register_incomplete',
    'dispute',
    'training_lapses',
    'stand_in',
  ],
  auditor: ['unusual_reach'],
  data_protection_officer: ['erasure', 'dispute', 'unusual_reach', 'retention'],
}

/** What is good to know, and asks for nothing. */
const isForInformation: ReadonlySet<TaskKind> = new Set(['session_this_week', 'stand_in'])

export interface TaskSession {
  readonly sessionId: string
  readonly groupId: string
  readonly groupCode: string
  readonly place: string
  /** Its id in the definition of the programme. */
  readonly programmeSession: string
  readonly on: Day
  readonly startsAt: string
  readonly minutes: number
  /** Staff codes of who is planned; of a session that was held, of who was in the room. */
  readonly planned: readonly string[]
}

/** One thing that needs somebody. */
export interface Task {
  /** The day it is about: of a session, an absence or a last contact; until when a training holds; when something was asked. */
  readonly on: Day
  /** Whose journey it is about; null where it is about nobody’s. */
  readonly journey: CaseloadRow | null
  readonly session: TaskSession | null
  /** Of somebody who is planned twice: the session that overlaps. */
  readonly other: TaskSession | null
  /** Codes of the people it is about, or of who asked for it. */
  readonly staff: readonly string[]
  /** A code that says more: the outcome of an absence, why somebody stood in, the course of a training, the kind of an alert. */
  readonly detail: string | null
  /** How many it is about: rows of a register that are not marked, records that were reached for. */
  readonly count: number
}

export interface TaskList {
  readonly kind: TaskKind
  /** The first of them: 10, or 50 where no other page shows all. */
  readonly tasks: readonly Task[]
  /** How many there are, as far as they are counted. */
  readonly total: number
  /** There are more than were counted. */
  readonly more: boolean
}

/** How many tasks are shown of a kind of which another page shows all. */
const shownTasks = 10
/** How many are shown of any other kind. */
const shownWithoutPage = 50
const haveTheirPage: ReadonlySet<TaskKind> = new Set([
  'warning',
  'review',
  'no_contact',
  'erasure',
  'unusual_reach',
  'retention',
])
const shownOf = (kind: TaskKind): number => (haveTheirPage.has(kind) ? shownTasks : shownWithoutPage)
/** Registers that are missing are looked for so many days back, as on the page of facilitators. */
const outstandingDays = 364
/** Registers that are half done, and stand-ins, are looked for so many days back. */
const latelyDays = 28
/** Of so many men at most it is looked up whether they missed a session. */
const mostMissed = 200
/** The sessions of so many days to come are looked at for who is to deliver them. */
const plannedDays = 14
/** Alerts are shown for so many days. Our own choice, as are the days above. */
const alertDays = 14

const missedOutcomes = outcomeCodes.filter((code) =>
  ['unacceptable_absence', 'acceptable_absence', 'sent_home'].includes(attendanceCategoryOf(code)),
)

const task = (of: Pick<Task, 'on'> & Partial<Task>): Task => ({
  journey: null,
  session: null,
  other: null,
  staff: [],
  detail: null,
  count: 1,
  ...of,
})

@Injectable()
export class Today {
  constructor(
    private readonly readModels: ReadModels,
    private readonly journeys: Journeys,
    private readonly rights: Rights,
    private readonly consultations: Consultations,
    private readonly facilitators: Facilitators,
    private readonly reached: ReachedCases,
  ) {}

  /**
   * The lists of a role, in order; an empty one says that there is nothing of its kind.
   * @param staffCode whose sessions and training; those of all where it is left out
   */
  async lists(who: Pick<Actor, 'id' | 'role'>, today: Day, staffCode?: string): Promise<readonly TaskList[]> {
    const lists: TaskList[] = []
    for (const kind of kindsFor[who.role as Role] ?? []) lists.push(await this.list(kind, who, today, staffCode))
    return lists
  }

  /** Whether anything on the lists asks for something to be done. */
  async asksForAnything(who: Pick<Actor, 'id' | 'role'>, today: Day): Promise<boolean> {
    for (const kind of kindsFor[who.role as Role] ?? [])
      if (!isForInformation.has(kind) && (await this.list(kind, who, today)).total > 0) return true
    return false
  }

  private async list(
    kind: TaskKind,
    who: Pick<Actor, 'id' | 'role'>,
    today: Day,
    staffCode?: string,
  ): Promise<TaskList> {
    switch (kind) {
      case 'warning':
        return this.inNeed(kind, 'warning', 'unacceptable', 'desc')
      case 'review':
        return this.inNeed(kind, 'review', 'last_contact', 'asc')
      case 'no_contact':
        return this.inNeed(kind, 'no_contact', 'last_contact', 'asc')
      case 'missed':
        return listed(kind, await this.missed(today))
      case 'dispute':
        return listed(kind, await this.disputes())
      case 'register_outstanding':
        return listed(kind, await this.toCome(later(today, -outstandingDays), later(today, -1), staffCode))
      case 'session_today':
        return listed(kind, await this.toCome(today, today, staffCode))
      case 'session_this_week':
        return listed(kind, await this.toCome(later(today, 1), later(today, 6), staffCode))
      case 'register_incomplete':
        return listed(kind, await this.incomplete(today, staffCode))
      case 'training_lapses':
        return listed(kind, await this.lapsing(today, staffCode))
      case 'session_unstaffed':
        return listed(kind, await this.unstaffed(today))
      case 'double_booked':
        return listed(kind, overlapping(await this.toCome(today, later(today, plannedDays))))
      case 'stand_in':
        return listed(kind, await this.standIns(today))
      case 'erasure':
        return listed(kind, await this.erasures(who))
      case 'unusual_reach':
        return listed(kind, await this.alerts(today))
      case 'retention':
        return listed(kind, await this.dueForReview(today))
    }
  }

  private async inNeed(kind: TaskKind, need: Need, sort: CaseloadSort, direction: 'asc' | 'desc'): Promise<TaskList> {
    const { rows, total, more } = await this.journeys.caseload({ need, sort, direction, pageSize: shownTasks })
    return { kind, tasks: rows.map((journey) => task({ on: journey.lastContactOn, journey })), total, more }
  }

  /** Who did not stay for a session since the last working day, as is believed now. */
  private async missed(today: Day): Promise<readonly Task[]> {
    const { db } = this.readModels
    const from = lastWorkingDay(today)
    const absences = await withCaseload(db)
      .withTables<{ timeline: { journey_id: string; occurred_on: string; outcome: string | null } }>()
      .selectFrom('caseload')
      .innerJoin('timeline', 'timeline.journey_id', 'caseload.journey_id')
      .select('caseload.journey_id')
      .distinct()
      .where('caseload.last_contact_on', '>=', from)
      .where('caseload.outcome', '=', 'open')
      .where('timeline.occurred_on', '>=', from)
      .where('timeline.occurred_on', '<', today)
      .where('timeline.outcome', 'in', missedOutcomes)
      .orderBy('caseload.journey_id')
      .limit(mostMissed)
      .execute()
    const rows = await this.journeys.rowsOf(absences.map(({ journey_id: id }) => id))
    const tasks: Task[] = []
    for (const [journeyId, journey] of rows) {
      const entries = await timelineOf(db, journeyId)
      for (const { type, current } of entries) {
        const believed =
          type === 'AttendanceRecorded' ? entries.find(({ revision }) => revision === current) : undefined
        if (!believed || believed.occurred_on < from || believed.occurred_on >= today) continue
        const { outcome } = believed
        if (outcome !== null && isOutcome(outcome) && missedOutcomes.includes(outcome))
          tasks.push(task({ on: believed.occurred_on, journey, detail: outcome }))
      }
    }
    // An absence that counts comes before one that does not.
    const weight = ({ detail }: Task) => Number(attendanceCategoryOf(detail as Outcome) !== 'unacceptable_absence')
    return tasks.toSorted((a, b) => weight(a) - weight(b) || (a.on < b.on ? -1 : 1))
  }

  /** What somebody says is wrong in his record, until that is settled, the oldest first. */
  private async disputes(): Promise<readonly Task[]> {
    const withheld = [...(await this.reached.withheld())]
    const rows = await this.readModels.db
      .withTables<{ own_words: OwnWordsTable }>()
      .selectFrom('own_words as disputed')
      .leftJoin('own_words as settled', (join) =>
        join.onRef('settled.dispute_id', '=', 'disputed.dispute_id').on('settled.type', '=', 'DisputeSettled'),
      )
      .select(['disputed.journey_id', 'disputed.recorded_at'])
      .where('disputed.type', '=', 'RecordDisputed')
      .where('settled.event_id', 'is', null)
      .$if(withheld.length > 0, (query) => query.where('disputed.participant_id', 'not in', withheld))
      .orderBy('disputed.recorded_at')
      .execute()
    return this.ofJourneys(
      rows.map(({ journey_id, recorded_at }) => ({ journeyId: journey_id, on: dayOf(recorded_at) })),
    )
  }

  /** Sessions that are to be held, or were to be and nobody recorded it, in the order of the calendar. */
  private async toCome(from: Day, to: Day, staffCode?: string): Promise<readonly Task[]> {
    const rows = await this.sessions(from, to, 'scheduled')
    return rows
      .map(sessionIn)
      .filter(isFor(staffCode))
      .map((session) => task({ on: session.on, session }))
  }

  /** Sessions that were held, and somebody who had a place then is not marked. */
  private async incomplete(today: Day, staffCode?: string): Promise<readonly Task[]> {
    const { journeys: withheld } = await this.reached.withheldCases()
    const rows = await this.sessions(later(today, -latelyDays), today, 'delivered')
    if (rows.length === 0) return []
    const unmarked = await withGroups(this.readModels.db)
      .selectFrom('group_session')
      .innerJoin('group_member', 'group_member.group_id', 'group_session.group_id')
      .leftJoin('register_row', (join) =>
        join
          .onRef('register_row.session_id', '=', 'group_session.session_id')
          .onRef('register_row.journey_id', '=', 'group_member.journey_id'),
      )
      .select('group_session.session_id')
      .select((count) => count.fn.countAll<number>().as('men'))
      .where('group_session.status', '=', 'delivered')
      .where('group_session.on_day', '>=', later(today, -latelyDays))
      .where('group_session.on_day', '<=', today)
      .where('group_member.left_on', 'is', null)
      .whereRef('group_member.joined_on', '<=', 'group_session.on_day')
      .where('register_row.session_id', 'is', null)
      .$if(withheld.size > 0, (query) => query.where('group_member.journey_id', 'not in', [...withheld]))
      .groupBy('group_session.session_id')
      .execute()
    const menIn = new Map(unmarked.map(({ session_id, men }) => [session_id, Number(men)]))
    return rows
      .map(sessionIn)
      .filter(isFor(staffCode))
      .filter(({ sessionId }) => menIn.has(sessionId))
      .map((session) => task({ on: session.on, session, count: menIn.get(session.sessionId)! }))
  }

  private async lapsing(today: Day, staffCode?: string): Promise<readonly Task[]> {
    const all = await this.facilitators.list(today)
    return all
      .filter(({ code, leftOn }) => leftOn === null && (staffCode === undefined || code === staffCode))
      .flatMap(({ code, trainings }) =>
        trainings
          .filter(({ hasLapsed, lapsesSoon }) => hasLapsed || lapsesSoon)
          .map(({ course, validUntil }) => task({ on: validUntil!, staff: [code], detail: course })),
      )
      .toSorted((a, b) => (a.on < b.on ? -1 : 1))
  }

  /** Sessions to come for which somebody is planned who has left by then. A code that is not on the list may be anybody’s. */
  private async unstaffed(today: Day): Promise<readonly Task[]> {
    const left = await withFacilitators(this.readModels.db)
      .selectFrom('facilitator')
      .select(['code', 'left_on'])
      .where('left_on', 'is not', null)
      .execute()
    const leftOn = new Map(left.map(({ code, left_on }) => [code, left_on!]))
    const tasks = await this.toCome(today, later(today, plannedDays))
    return tasks.flatMap(({ on, session }) => {
      const gone = session!.planned.filter((code) => leftOn.has(code) && leftOn.get(code)! <= on)
      const stay = session!.planned.length - gone.length
      return gone.length > 0
        ? [task({ on, session, staff: gone, detail: stay > 0 ? 'some' : 'nobody', count: stay })]
        : []
    })
  }

  /** The newest first. */
  private async standIns(today: Day): Promise<readonly Task[]> {
    const rows = await this.sessions(later(today, -latelyDays), today, 'delivered')
    return rows
      .flatMap((row) =>
        (JSON.parse(row.actual ?? '[]') as readonly ActualFacilitator[])
          .filter(({ standIn }) => standIn !== undefined)
          .map(({ facilitator, standIn }) =>
            task({ on: row.on_day, session: sessionIn(row), staff: [facilitator], detail: standIn! }),
          ),
      )
      .toReversed()
  }

  /** Erasures that wait for a second person, the oldest first; whoever asked for one cannot decide it. */
  private async erasures({ id }: Pick<Actor, 'id'>): Promise<readonly Task[]> {
    const waiting = (await this.rights.erasures()).filter(({ state }) => state === 'asked').toReversed()
    return this.ofJourneys(
      waiting.map(({ journeyId, by, at }) => ({
        journeyId,
        on: dayOf(at),
        staff: [by],
        detail: by === id ? 'another_decides' : 'to_decide',
      })),
    )
  }

  private async alerts(today: Day): Promise<readonly Task[]> {
    const since = later(today, -alertDays)
    return (await this.consultations.alerts())
      .map(({ actor, kind, records, recordedAt }) =>
        task({ on: dayOf(recordedAt), staff: [actor.id], detail: kind, count: records }),
      )
      .filter(({ on }) => on >= since)
  }

  private async dueForReview(today: Day): Promise<readonly Task[]> {
    const due = (await this.rights.dueForReview(today)).filter(({ isAsked }) => !isAsked)
    return this.ofJourneys(due.map(({ journeyId, endedOn }) => ({ journeyId, on: endedOn })))
  }

  /** Tasks about journeys, named as far as they are shown. */
  private async ofJourneys(
    about: readonly (Pick<Task, 'on'> & Partial<Task> & { readonly journeyId: string | null })[],
  ): Promise<readonly Task[]> {
    const rows = await this.journeys.rowsOf(
      about.slice(0, shownWithoutPage).flatMap(({ journeyId }) => journeyId ?? []),
    )
    return about.map(({ journeyId, ...more }) => task({ ...more, journey: rows.get(journeyId ?? '') ?? null }))
  }

  private sessions(from: Day, to: Day, status: 'scheduled' | 'delivered') {
    return withGroups(this.readModels.db)
      .selectFrom('group_session')
      .innerJoin('programme_group', 'programme_group.group_id', 'group_session.group_id')
      .selectAll('group_session')
      .select(['programme_group.code', 'programme_group.place'])
      .where('status', '=', status)
      .where('on_day', '>=', from)
      .where('on_day', '<=', to)
      .orderBy('on_day')
      .orderBy('group_session.starts_at')
      .orderBy('session_id')
      .execute()
  }
}

type SessionWithGroup = Awaited<ReturnType<Today['sessions']>>[number]

const later = (day: Day, days: number): Day => dayNumbered(dayNumberOf(day) + days)

/** The last day before today from Monday to Friday. */
export function lastWorkingDay(today: Day): Day {
  let day = later(today, -1)
  while ([0, 6].includes(new Date(`${day}T12:00:00Z`).getUTCDay())) day = later(day, -1)
  return day
}

const listed = (kind: TaskKind, tasks: readonly Task[]): TaskList => ({
  kind,
  tasks: tasks.slice(0, shownOf(kind)),
  total: tasks.length,
  more: false,
})

const sessionIn = (row: SessionWithGroup): TaskSession => ({
  sessionId: row.session_id,
  groupId: row.group_id,
  groupCode: row.code,
  place: row.place,
  programmeSession: row.programme_session,
  on: row.on_day,
  startsAt: row.starts_at,
  minutes: row.minutes,
  planned: (JSON.parse(row.actual ?? row.planned) as readonly PlannedFacilitator[]).map(
    ({ facilitator }) => facilitator,
  ),
})

const isFor =
  (staffCode: string | undefined) =>
  ({ planned }: TaskSession): boolean =>
    staffCode === undefined || planned.includes(staffCode)

/** Of sessions in the order of the calendar: those of which somebody is to be in two at one time. */
function overlapping(tasks: readonly Task[]): readonly Task[] {
  const sessions = tasks.flatMap(({ session }) => session ?? [])
  return sessions.flatMap((session, n) =>
    sessions
      .slice(n + 1)
      .filter(({ on, startsAt }) => on === session.on && startsAt < timeAfter(session.startsAt, session.minutes))
      .map((other) => ({ other, staff: session.planned.filter((code) => other.planned.includes(code)) }))
      .filter(({ staff }) => staff.length > 0)
      .map(({ other, staff }) => task({ on: session.on, session, other, staff })),
  )
}

/** The journeys that somebody is shown with these lists. */
export const journeysIn = (lists: readonly TaskList[]): readonly string[] => [
  ...new Set(lists.flatMap(({ tasks }) => tasks.flatMap(({ journey }) => journey?.journeyId ?? []))),
]
