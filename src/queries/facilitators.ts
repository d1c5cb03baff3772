/** Questions about facilitators: what each is trained for, what each delivers, and what is still to be written down. */
import { Injectable } from '@nestjs/common'
import { withFacilitators, type FacilitatorFactTable, type FacilitatorTable } from '../../projections/facilitators.ts'
import { withGroups } from '../../projections/groups.ts'
import { ReadModels } from '../../projections/runner/read-models.ts'
import { dayNumbered, dayNumberOf, type Day } from '../domain/calendar.ts'
import { isCourse, trainingCourses, type CompletedTraining } from '../domain/facilitator/training.ts'
import type { ActualFacilitator, FacilitatorRole, PlannedFacilitator, StandInReason } from '../domain/group/room.ts'
import { openedFields } from '../protection/sealing.ts'
import { Vault } from '../protection/vault.ts'

/** The days before today that count as lately: four weeks. */
export const workloadDays = 28
/** A session that begins at this wall-clock time or later takes an evening. The hour is our own choice. */
export const eveningFrom = '17:00'
/** A training that lapses within so many days is said to lapse soon. */
export const lapsesSoonDays = 60
/** At most so many are listed. */
const mostFacilitators = 500
/** Of one facilitator, the sessions of so many days are shown. */
const shownDays = 364

export interface TrainingHeld extends CompletedTraining {
  readonly name: string
  /** Before today. */
  readonly hasLapsed: boolean
  readonly lapsesSoon: boolean
}

export interface Workload {
  /** Sessions delivered in the last four weeks, and how many of them took an evening. */
  readonly sessions: number
  readonly evenings: number
  /** Sessions that were to be delivered by now and of which nobody has recorded whether they were held. */
  readonly outstanding: number
}

export interface ListedFacilitator extends Workload {
  readonly facilitatorId: string
  readonly code: string
  readonly name: string
  readonly provider: string
  readonly onboardedOn: Day
  readonly leftOn: Day | null
  readonly demonstration: boolean
  /** The last of each course. */
  readonly trainings: readonly TrainingHeld[]
  /** The groups that plan with him or her. */
  readonly groups: readonly { readonly groupId: string; readonly code: string; readonly role: FacilitatorRole }[]
}

/** A session that he or she delivered, or is to deliver. */
export interface FacilitatorSession {
  readonly sessionId: string
  readonly groupCode: string
  readonly programmeSession: string
  readonly on: Day
  readonly startsAt: string
  readonly isDelivered: boolean
  readonly role: FacilitatorRole
  readonly standIn: StandInReason | null
  /** The codes of whoever else delivered it, or is to. */
  readonly beside: readonly string[]
}

export interface WholeFacilitator {
  readonly facilitator: ListedFacilitator
  readonly facts: readonly FacilitatorFactTable[]
  readonly sessions: readonly FacilitatorSession[]
  /** With whom he or she delivered the sessions shown, most often first. */
  readonly pairs: readonly { readonly code: string; readonly sessions: number }[]
}

interface PlannedSession {
  readonly session_id: string
  readonly code: string
  readonly programme_session: string
  readonly on_day: string
  readonly starts_at: string
  readonly status: string
  readonly planned: string
  readonly actual: string | null
}

/** Who may be named in a register. */
export interface KnownFacilitator {
  readonly code: string
  readonly name: string
}

const opaqueFacilitator = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

@Injectable()
export class Facilitators {
  constructor(
    private readonly readModels: ReadModels,
    private readonly vault: Vault,
  ) {}

  /** By staff code; who left last. @param today what is reckoned from it: trainings in force, and the last four weeks */
  async list(today: Day): Promise<readonly ListedFacilitator[]> {
    const rows = await this.rows().execute()
    return this.listed(rows, today)
  }

  /** Who has not left, by staff code. */
  async known(): Promise<readonly KnownFacilitator[]> {
    const rows = await this.rows().where('left_on', 'is', null).execute()
    return rows.map((row) => ({ code: row.code, name: this.nameOf(row) }))
  }

  /** @returns null where there is no such facilitator, or the read models have not processed that yet */
  async facilitator(facilitatorId: string, today: Day): Promise<WholeFacilitator | null> {
    if (!opaqueFacilitator.test(facilitatorId)) return null
    const rows = await this.rows().where('facilitator_id', '=', facilitatorId).execute()
    const [facilitator] = await this.listed(rows, today)
    if (!facilitator) return null
    const facts = await withFacilitators(this.readModels.db)
      .selectFrom('facilitator_fact')
      .selectAll()
      .where('facilitator_id', '=', facilitatorId)
      .orderBy('occurred_on', 'desc')
      .orderBy('revision', 'desc')
      .execute()
    const planned = await this.sessions(dayNumbered(dayNumberOf(today) - shownDays))
    const sessions = planned.flatMap((session) => deliveredBy(session, facilitator.code)).toReversed()
    const times = new Map<string, number>()
    for (const { isDelivered, beside } of sessions)
      if (isDelivered) for (const code of beside) times.set(code, (times.get(code) ?? 0) + 1)
    const pairs = [...times].map(([code, count]) => ({ code, sessions: count }))
    return {
      facilitator,
      facts,
      sessions,
      pairs: pairs.toSorted((a, b) => b.sessions - a.sessions || a.code.localeCompare(b.code)),
    }
  }

  private rows() {
    return withFacilitators(this.readModels.db)
      .selectFrom('facilitator')
      .selectAll()
      .orderBy('code')
      .limit(mostFacilitators)
  }

  private async listed(rows: readonly FacilitatorTable[], today: Day): Promise<readonly ListedFacilitator[]> {
    if (rows.length === 0) return []
    const trainings = await withFacilitators(this.readModels.db)
      .selectFrom('facilitator_fact')
      .select(['facilitator_id', 'course', 'occurred_on', 'valid_until'])
      .where('type', '=', 'TrainingCompleted')
      .where(
        'facilitator_id',
        'in',
        rows.map(({ facilitator_id }) => facilitator_id),
      )
      .orderBy('occurred_on')
      .orderBy('revision')
      .execute()
    const groups = await withGroups(this.readModels.db)
      .selectFrom('programme_group')
      .select(['group_id', 'code', 'staff'])
      .orderBy('code')
      .execute()
    const sessions = await this.sessions(dayNumbered(dayNumberOf(today) - shownDays), today)
    const since = dayNumbered(dayNumberOf(today) - workloadDays)
    const trainingsOf = Map.groupBy(trainings, ({ facilitator_id }) => facilitator_id)
    const all = rows.map((row): ListedFacilitator => {
      const own = sessions.flatMap((session) => deliveredBy(session, row.code))
      const lately = own.filter(({ isDelivered, on }) => isDelivered && on > since)
      return {
        facilitatorId: row.facilitator_id,
        code: row.code,
        name: this.nameOf(row),
        provider: row.provider,
        onboardedOn: row.onboarded_on,
        leftOn: row.left_on,
        demonstration: row.source === 'simulator',
        trainings: lastOfEach(
          (trainingsOf.get(row.facilitator_id) ?? []).map(({ course, occurred_on, valid_until }) =>
            held({ course: course ?? '', on: occurred_on, validUntil: valid_until }, today),
          ),
        ),
        groups: groups.flatMap(({ group_id, code, staff }) =>
          (JSON.parse(staff) as readonly PlannedFacilitator[])
            .filter(({ facilitator }) => facilitator === row.code)
            .map(({ role }) => ({ groupId: group_id, code, role })),
        ),
        sessions: lately.length,
        evenings: lately.filter(({ startsAt }) => startsAt >= eveningFrom).length,
        outstanding: own.filter(({ isDelivered, on }) => !isDelivered && on < today).length,
      }
    })
    return all.toSorted((a, b) => Number(a.leftOn !== null) - Number(b.leftOn !== null) || (a.code < b.code ? -1 : 1))
  }

  /** Every session that was held or is to be, in the order of the calendar. */
  private sessions(from: Day, to?: Day): Promise<readonly PlannedSession[]> {
    return withGroups(this.readModels.db)
      .selectFrom('group_session')
      .innerJoin('programme_group', 'programme_group.group_id', 'group_session.group_id')
      .select(['session_id', 'code', 'programme_session', 'on_day', 'group_session.starts_at', 'status'])
      .select(['planned', 'actual'])
      .where('status', '!=', 'cancelled')
      .where('on_day', '>=', from)
      .$if(to !== undefined, (query) => query.where('on_day', '<=', to!))
      .orderBy('on_day')
      .orderBy('group_session.starts_at')
      .orderBy('session_id')
      .execute()
  }

  private nameOf({ facilitator_id, event_id, sealed }: FacilitatorTable): string {
    const at = { stream: `facilitator-${facilitator_id}`, id: event_id, keyId: facilitator_id, sealed }
    const { name } = openedFields(this.vault, at).fields
    return typeof name === 'string' ? name : 'Name not known'
  }
}

function held(training: CompletedTraining, today: Day): TrainingHeld {
  const { course, validUntil } = training
  const hasLapsed = validUntil !== null && validUntil < today
  return {
    ...training,
    name: isCourse(course) ? trainingCourses[course].name : course,
    hasLapsed,
    lapsesSoon: !hasLapsed && validUntil !== null && dayNumberOf(validUntil) - dayNumberOf(today) <= lapsesSoonDays,
  }
}

/** Given in the order in which they were completed. */
const lastOfEach = (trainings: readonly TrainingHeld[]): readonly TrainingHeld[] => [
  ...new Map(trainings.map((training) => [training.course, training])).values(),
]

/** Who was in the room, of a session that was held; who is planned, of one that is to be. */
function deliveredBy(session: PlannedSession, code: string): readonly FacilitatorSession[] {
  const isDelivered = session.status === 'delivered'
  const staff = JSON.parse((isDelivered ? session.actual : session.planned) ?? '[]') as readonly ActualFacilitator[]
  const there = staff.find(({ facilitator }) => facilitator === code)
  if (!there) return []
  return [
    {
      sessionId: session.session_id,
      groupCode: session.code,
      programmeSession: session.programme_session,
      on: session.on_day,
      startsAt: session.starts_at,
      isDelivered,
      role: there.role,
      standIn: there.standIn ?? null,
      beside: staff.filter(({ facilitator }) => facilitator !== code).map(({ facilitator }) => facilitator),
    },
  ]
}
