/** Commands of the sessions of a group: the calendar, who was in the room, and the register. */
import { v5 as uuidv5 } from 'uuid'
import type { Reach } from '../access/reach.ts'
import type { Day } from '../domain/calendar.ts'
import { isDateRefusal } from '../domain/dates.ts'
import type { GroupMember } from '../domain/group/group.ts'
import { timeAfter, type PlannedFacilitator } from '../domain/group/room.ts'
import { Refusal } from '../domain/history.ts'
import { odditiesOfSessions, type UsualDays } from '../domain/session/session-oddities.ts'
import type { RegisterMark } from '../domain/session/register.ts'
import {
  sessionHistory,
  type ScheduledSession,
  type SessionCommand,
  type SessionEvent,
  type SessionFacts,
} from '../domain/session/session.ts'
import { bankHolidayOn } from './bank-holidays.ts'
import { StaleRevision, type CommandResult, type DecideAndAppend, type SealedHistory } from './decide-and-append.ts'
import type { GroupCommandHandler } from './group-command-handler.ts'
import { issuedNow, type IssuedBy, type JourneyCommandHandler } from './journey-command-handler.ts'
import { confirmed } from './unconfirmed-oddities.ts'

/** What the register says of a man is sealed under his own key, though a session is about many. */
export const sealedSessions: SealedHistory<SessionFacts, SessionCommand, SessionEvent> = {
  ...sessionHistory,
  keyIdOf: (_sessionId, _session, _events, event) =>
    event.type === 'RegisterMarked' || event.type === 'RegisterCorrected' ? event.data.participantId : undefined,
}

type CommandData<T extends SessionCommand['type']> = Extract<SessionCommand, { type: T }>['data']

/** One session to put in the calendar; where it says no more it is as the group usually meets. */
export interface SessionToSchedule {
  readonly programmeSession: string
  readonly on: Day
  readonly startsAt?: string
  readonly minutes?: number
  readonly facilitators?: readonly PlannedFacilitator[]
}

/** A row of the register as somebody fills it in: who he is beyond the journey is known to the group. */
export type RegisterRow = Omit<RegisterMark, 'participantId'>

export type DeliveredSession = Omit<CommandData<'DeliverSession'>, 'register'> & {
  readonly register: readonly RegisterRow[]
}

/** What may be odd about a session is asked about: without the codes that are meant nobody is asked. */
export interface AskedOnSession {
  readonly confirmedOddities?: readonly string[]
  /** When the group meets, as far as the issuer knows. */
  readonly usual?: UsualDays
}

/** What somebody who issues a command was looking at, where that matters. */
export type IssuedOnSession = IssuedBy & AskedOnSession & { readonly expectedRevision?: number }

/** Made by the runtime, not by Nest: the demonstration uses it too, before anything is served. */
export class SessionCommandHandler {
  constructor(
    private readonly commands: DecideAndAppend,
    private readonly journeys: Pick<JourneyCommandHandler, 'decide'>,
    private readonly groups: GroupCommandHandler,
    private readonly reach: Reach,
  ) {}

  /**
   * Puts sessions of a group in the calendar, each in a stream of its own. Sent again, what is missing is added.
   * @returns their ids in the order given, and where the last that was written ended
   * @throws Refusal where one of them cannot be scheduled: those before it are
   */
  async schedule(
    groupId: string,
    sessions: readonly SessionToSchedule[],
    issued: IssuedBy & AskedOnSession,
  ): Promise<{ sessionIds: readonly string[]; written: CommandResult }> {
    const { formed } = await this.groups.facts(groupId)
    if (!formed) throw new Refusal('no_group', 'There is no such group yet. Form the group first.')
    const { code: groupCode, programme, slot } = formed
    let written: CommandResult = 'nothing_new'
    const sessionIds = sessions.map((_, n) => uuidv5(`session ${n}`, issued.commandId))
    const together = sessions.map(({ programmeSession, on }, n) => ({
      sessionId: sessionIds[n]!,
      programmeSession,
      on,
    }))
    const usual = { weekday: slot.weekday, calendar: [...(issued.usual?.calendar ?? []), ...together] }
    const { recordedOn } = issuedNow(issued).context
    // All of them are asked about before the first is written, unless it was written before.
    const { state: first } = await this.commands.fold(sessionHistory, sessionIds[0] ?? '')
    if (issued.confirmedOddities && first.status === 'not_scheduled')
      confirmed(odditiesOfSessions(together, usual, recordedOn, bankHolidayOn), issued.confirmedOddities)
    for (const [n, session] of sessions.entries()) {
      const sessionId = sessionIds[n]!
      const { programmeSession, on, startsAt = slot.startsAt, minutes = slot.minutes } = session
      const { facilitators = formed.facilitators } = session
      const data = { groupId, groupCode, programme, programmeSession, on, startsAt, minutes, facilitators }
      const result = await this.execute(sessionId, 'ScheduleSession', data, { ...issued, usual })
      if (result !== 'nothing_new') written = result
    }
    return { sessionIds, written }
  }

  /**
   * Records that the session was held: who was in the room, and the register as far as it is filled in. One append.
   * @throws Refusal also where the rule of dates does not allow it on the journey of somebody in the register; `about` says of whom
   */
  async deliver(sessionId: string, { register, ...room }: DeliveredSession, issued: IssuedOnSession) {
    const { session, members } = await this.factsOf(sessionId, issued)
    const rows = register.map(known(members))
    const held = { ...room, on: issued.occurredOn }
    if (session.scheduled)
      await this.refuseMisplaced(rows, { session, scheduled: session.scheduled, held, members }, issued)
    return this.execute(sessionId, 'DeliverSession', { ...room, register: rows }, issued)
  }

  /** Marks whoever was left out of the register when the session was recorded. @throws as {@link deliver} */
  async mark(sessionId: string, register: readonly RegisterRow[], issued: IssuedOnSession) {
    const { session, members } = await this.factsOf(sessionId, issued)
    const { scheduled, delivered: held } = session
    const rows = register.map(known(members))
    if (scheduled && held) await this.refuseMisplaced(rows, { session, scheduled, held, members }, issued)
    return this.execute(sessionId, 'MarkRegister', { register: rows }, issued)
  }

  /**
   * Records something about a session. It is recorded now.
   * @throws Refusal, StaleRevision, ConcurrencyConflict, StoreUnavailable, PoisonEvent
   */
  async execute<T extends SessionCommand['type']>(
    sessionId: string,
    type: T,
    data: CommandData<T>,
    issued: IssuedOnSession,
  ): Promise<CommandResult> {
    const { issuer, context } = issuedNow(issued)
    const command = { type, data, ...context } as unknown as SessionCommand
    const { expectedRevision, confirmedOddities, usual = nothingUsual } = issued
    const withheld = await this.reach.withheldFrom(issued.by)
    return this.commands.decideAndAppend(sealedSessions, sessionId, (session) => {
      const { revision, state } = session.after
      // A row about a case that is withheld is as one that is not there.
      if (command.type === 'CorrectRegister') {
        const row = state.register.get(command.data.journeyId)
        if (row && withheld.has(row.participantId)) command.data = { ...command.data, journeyId: '' }
      }
      const decided = session.decide(command, issuer, () => {
        const on = dayAskedAbout(command)
        if (on === null || !confirmedOddities) return []
        const found = odditiesOfSessions([{ sessionId, on }], usual, context.recordedOn, bankHolidayOn)
        return confirmed(found, confirmedOddities)
      })
      if (decided === 'nothing_new') return
      if (expectedRevision !== undefined && expectedRevision !== revision)
        throw new StaleRevision(expectedRevision, revision)
    })
  }

  /** The session, and whoever has or had a place in its group: without those whose case is withheld from the issuer. */
  private async factsOf(sessionId: string, { by }: IssuedBy): Promise<{ session: SessionFacts; members: Members }> {
    const { state: session } = await this.commands.fold(sessionHistory, sessionId)
    const { scheduled } = session
    const { members } = scheduled ? await this.groups.facts(scheduled.groupId) : { members: new Map() as Members }
    const withheld = await this.reach.withheldFrom(by)
    return { session, members: new Map([...members].filter(([, { participantId }]) => !withheld.has(participantId))) }
  }

  /**
   * Every journey is asked whether the session can be of that day before anything is written. Whatever else a journey does not
   * take (a session recorded by hand, say) stands in nobody's way: it is named on the page of the session afterwards.
   */
  private async refuseMisplaced(
    rows: readonly RegisterMark[],
    { session, scheduled, held, members }: RegisterAt,
    issued: IssuedOnSession,
  ): Promise<void> {
    const { issuer, context } = issuedNow(issued)
    if (session.handled.has(issued.commandId)) return
    const { programmeSession: sessionId, groupCode: groupId } = scheduled
    const on = { recordedOn: context.recordedOn, occurredOn: held.on }
    const times = { startedAt: held.startedAt, endedAt: timeAfter(held.startedAt, held.minutes) }
    const room = { groupId, plannedFacilitators: [], actualFacilitators: [], ...times }
    await Promise.all(
      rows.map(({ journeyId, outcome }) =>
        this.journeys
          .decide(journeyId, (journey, adultFrom) => {
            // His place in the group may not have reached his journey yet.
            const joined = { ...on, occurredOn: members.get(journeyId)!.joinedOn, copied: true } as const
            const place = uuidv5(`place of ${journeyId}`, context.commandId)
            journey.decide({ type: 'AllocateToGroup', commandId: place, ...joined, data: { groupId } }, issuer)
            const data = { sessionId, outcome, ...room }
            const { commandId } = context
            journey.decide({ type: 'RecordAttendance', commandId, ...on, adultFrom, data }, issuer)
          })
          .catch((error: unknown) => {
            if (error instanceof Refusal && isDateRefusal(error.code)) throw error.of(journeyId)
            if (!(error instanceof Refusal)) throw error
          }),
      ),
    )
  }
}

const nothingUsual: UsualDays = { weekday: 0, calendar: [] }

/** The day that a command puts a session on; null where it is about no day. */
function dayAskedAbout({ type, data, occurredOn }: SessionCommand): Day | null {
  if (type === 'ScheduleSession' || type === 'RescheduleSession') return data.on
  return type === 'DeliverSession' ? occurredOn : null
}

type Members = ReadonlyMap<string, GroupMember>

/** The register of a session, the day and the times of which are known. */
interface RegisterAt {
  readonly session: SessionFacts
  readonly scheduled: ScheduledSession
  readonly held: { readonly on: Day; readonly startedAt: string; readonly minutes: number }
  readonly members: Members
}

/** Somebody who has left the group since can still be marked: he may have been there. */
const known =
  (members: ReadonlyMap<string, GroupMember>) =>
  (row: RegisterRow): RegisterMark => {
    const member = members.get(row.journeyId)
    if (!member)
      throw new Refusal(
        'not_a_member',
        'Somebody in this register has no place in the group. Add him to the group first.',
      )
    return { ...row, participantId: member.participantId }
  }
