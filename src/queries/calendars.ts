/** The sessions of a group or of a facilitator as a calendar of theirs: what each is, when, and how often that was changed. */
import { Injectable } from '@nestjs/common'
import { withFacilitators } from '../../projections/facilitators.ts'
import { withGroups } from '../../projections/groups.ts'
import { ReadModels } from '../../projections/runner/read-models.ts'
import { dayNumbered, dayNumberOf, type Day } from '../domain/calendar.ts'
import type { PlannedFacilitator } from '../domain/group/room.ts'
import type { SessionEvent } from '../domain/session/session.ts'
import { EventStore } from '../event-store/event-store.ts'

/** A session as it stands in a calendar. Nothing in it says who is on the programme. */
export interface CalendarEntry {
  readonly sessionId: string
  readonly groupCode: string
  /** Its code in the programme. */
  readonly programmeSession: string
  readonly place: string
  readonly on: Day
  /** Wall-clock time in the service’s time zone. */
  readonly startsAt: string
  readonly minutes: number
  readonly isCancelled: boolean
  /** How often it was moved, called off or recorded as held since it was scheduled. */
  readonly changes: number
}

/** Sessions of so many days ago are still in a calendar, so that one that was called off late is taken out. */
const daysBack = 28

const changeTypes: ReadonlySet<string> = new Set<SessionEvent['type']>([
  'SessionRescheduled',
  'SessionCancelled',
  'SessionDelivered',
])

const opaqueSubject = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

@Injectable()
export class Calendars {
  constructor(
    private readonly readModels: ReadModels,
    private readonly store: EventStore,
  ) {}

  /** @returns null where there is no such group, or the read models have not processed it yet */
  async ofGroup(groupId: string, today: Day): Promise<readonly CalendarEntry[] | null> {
    if (!opaqueSubject.test(groupId)) return null
    const group = await withGroups(this.readModels.db)
      .selectFrom('programme_group')
      .select('group_id')
      .where('group_id', '=', groupId)
      .executeTakeFirst()
    return group ? this.entries((await this.sessions(today)).filter((session) => session.group_id === groupId)) : null
  }

  /** What he or she is planned for, whoever was there in the end. @returns null where there is no such facilitator */
  async ofFacilitator(facilitatorId: string, today: Day): Promise<readonly CalendarEntry[] | null> {
    if (!opaqueSubject.test(facilitatorId)) return null
    const known = await withFacilitators(this.readModels.db)
      .selectFrom('facilitator')
      .select('code')
      .where('facilitator_id', '=', facilitatorId)
      .executeTakeFirst()
    if (!known) return null
    const sessions = await this.sessions(today)
    return this.entries(
      sessions.filter(({ planned }) =>
        (JSON.parse(planned) as readonly PlannedFacilitator[]).some(({ facilitator }) => facilitator === known.code),
      ),
    )
  }

  private sessions(today: Day) {
    return withGroups(this.readModels.db)
      .selectFrom('group_session')
      .innerJoin('programme_group', 'programme_group.group_id', 'group_session.group_id')
      .selectAll('group_session')
      .select(['programme_group.code', 'programme_group.place'])
      .where('on_day', '>=', dayNumbered(dayNumberOf(today) - daysBack))
      .orderBy('on_day')
      .orderBy('group_session.starts_at')
      .orderBy('session_id')
      .execute()
  }

  private entries(sessions: Awaited<ReturnType<Calendars['sessions']>>): Promise<readonly CalendarEntry[]> {
    return Promise.all(
      sessions.map(async (session) => ({
        sessionId: session.session_id,
        groupCode: session.code,
        programmeSession: session.programme_session,
        place: session.place,
        on: session.on_day,
        startsAt: session.starts_at,
        minutes: session.minutes,
        isCancelled: session.status === 'cancelled',
        // The read model keeps no count; only the streams of those that were changed have to be read.
        changes:
          session.because === null && session.status === 'scheduled' ? 0 : await this.changesOf(session.session_id),
      })),
    )
  }

  private async changesOf(sessionId: string): Promise<number> {
    let changes = 0
    for await (const { type } of this.store.read(`session-${sessionId}`)) if (changeTypes.has(type)) changes++
    return changes
  }
}
