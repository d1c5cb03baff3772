/** One session of a group: when it is to be, who was in the room, and what came of it for each man. Stream `session-<id>`. */
import type { Day } from '../calendar.ts'
import {
  changeReasons,
  refuseUnknownDay,
  refuseUnknownReason,
  refuseUnknownTime,
  refuseUnstaffed,
  type ActualFacilitator,
  type ChangeReason,
  type PlannedFacilitator,
} from '../group/room.ts'
import { refuseImpossibleDay } from '../dates.ts'
import { folding, Refusal, type CommandContext, type History, type Own, type Recorded } from '../history.ts'
import type { Classified } from '../privacy.ts'
import { programmeAt, sessionOf } from '../programme.ts'
import {
  decideRegister,
  registerPrivacy,
  type RegisterBelief,
  type RegisterCommand,
  type RegisterEvent,
  type RegisterMark,
} from './register.ts'

/** Names and fields are the stored format: add to them, never rename them. */
export type SessionEvent =
  /** A session of a group was put in the calendar. */
  | {
      type: 'SessionScheduled'
      data: {
        /** The id of the group’s stream. */
        groupId: string
        /** What practitioners call the group. */
        groupCode: string
        programme: { readonly key: string; readonly version: number }
        /** The code of the session in the programme, such as `F1`. */
        programmeSession: string
        on: Day
        /** Wall-clock time in the service’s time zone, such as `18:30`. */
        startsAt: string
        minutes: number
        facilitators: readonly PlannedFacilitator[]
      }
    }
  /** The session was moved to another day or time before it was held. */
  | { type: 'SessionRescheduled'; data: { on: Day; startsAt: string; reason: ChangeReason } }
  /** The session will not be held. */
  | { type: 'SessionCancelled'; data: { reason: ChangeReason } }
  /** The session was held. The register of each man is appended together with it, so that either all of it is in the log or nothing. */
  | {
      type: 'SessionDelivered'
      data: {
        startedAt: string
        minutes: number
        /** Who was to deliver it. */
        planned: readonly PlannedFacilitator[]
        /** Who delivered it. */
        actual: readonly ActualFacilitator[]
        /** Staff codes of whoever watched and did not deliver. */
        observers: readonly string[]
      }
    }
  | RegisterEvent

export const sessionPrivacy: Classified<SessionEvent> = {
  SessionScheduled: {
    groupId: 'open',
    groupCode: 'open',
    programme: 'open',
    programmeSession: 'open',
    on: 'open',
    startsAt: 'open',
    minutes: 'open',
    facilitators: 'open',
  },
  SessionRescheduled: { on: 'open', startsAt: 'open', reason: 'open' },
  SessionCancelled: { reason: 'open' },
  SessionDelivered: { startedAt: 'open', minutes: 'open', planned: 'open', actual: 'open', observers: 'open' },
  ...registerPrivacy,
}

export const sessionEventTypes = Object.keys(sessionPrivacy) as SessionEvent['type'][]

type SessionDataOf<T extends SessionEvent['type']> = Extract<SessionEvent, { type: T }>['data']

export type ScheduledSession = SessionDataOf<'SessionScheduled'>

export type SessionCommand = CommandContext &
  (
    | { type: 'ScheduleSession'; data: ScheduledSession }
    | { type: 'RescheduleSession'; data: SessionDataOf<'SessionRescheduled'> }
    | { type: 'CancelSession'; data: SessionDataOf<'SessionCancelled'> }
    | {
        type: 'DeliverSession'
        data: Omit<SessionDataOf<'SessionDelivered'>, 'planned'> & { register: readonly RegisterMark[] }
      }
    | RegisterCommand
  )

export interface SessionFacts {
  readonly status: 'not_scheduled' | 'scheduled' | 'cancelled' | 'delivered'
  readonly scheduled: ScheduledSession | null
  /** Why it was called off or moved last. */
  readonly changedBecause: ChangeReason | null
  readonly delivered: (SessionDataOf<'SessionDelivered'> & { readonly on: Day }) | null
  /** By journey. */
  readonly register: ReadonlyMap<string, RegisterBelief>
  readonly handled: ReadonlySet<string>
}

export const sessionHistory: History<SessionFacts, SessionCommand, SessionEvent> = {
  category: 'session',
  initial: {
    status: 'not_scheduled',
    scheduled: null,
    changedBecause: null,
    delivered: null,
    register: new Map(),
    handled: new Set(),
  },
  ...folding<SessionFacts, SessionEvent>(
    (session) => ({ ...session, register: new Map(session.register), handled: new Set(session.handled) }),
    (session, event) => {
      session.handled.add(event.metadata.commandId)
      apply(session, event)
    },
  ),
  decide(session, command) {
    if (session.handled.has(command.commandId)) return []
    refuseImpossibleDay(command)
    switch (command.type) {
      case 'ScheduleSession':
        return [{ type: 'SessionScheduled', data: schedulable(session, command.data) }]
      case 'RescheduleSession': {
        const { on, startsAt, reason } = command.data
        const { minutes, ...planned } = toCome(session)
        refuseUnknownReason(changeReasons, reason)
        refuseUnknownDay(on)
        refuseUnknownTime(startsAt, minutes)
        if (planned.on === on && planned.startsAt === startsAt)
          throw new Refusal('same_time', 'That is when it is to be already. Choose another day or time.')
        return [{ type: 'SessionRescheduled', data: command.data }]
      }
      case 'CancelSession':
        toCome(session)
        refuseUnknownReason(changeReasons, command.data.reason)
        return [{ type: 'SessionCancelled', data: command.data }]
      case 'DeliverSession': {
        const { register, ...room } = command.data
        const { facilitators: planned } = toCome(session)
        refuseUnknownTime(room.startedAt, room.minutes)
        refuseUnstaffed(room.actual)
        const marked = decideRegister(session.register, room.minutes, {
          ...command,
          type: 'MarkRegister',
          data: { register },
        })
        const actual = room.actual.map((there) => asStandIn(there, planned))
        return [{ type: 'SessionDelivered', data: { ...room, planned, actual } }, ...marked]
      }
      case 'MarkRegister':
      case 'CorrectRegister':
        if (!session.delivered)
          throw new Refusal(
            'not_delivered',
            'This session has not been recorded as held. Record who was in the room first.',
          )
        return decideRegister(session.register, session.delivered.minutes, command)
    }
  },
}

/** @throws Refusal where the session is not in the calendar, or not any more */
function toCome({ status, scheduled }: SessionFacts): ScheduledSession {
  switch (status) {
    case 'cancelled':
      throw new Refusal('session_cancelled', 'This session was called off. Schedule it again as a session of its own.')
    case 'delivered':
      throw new Refusal('already_delivered', 'This session is recorded as held. Correct its register instead.')
    default:
      if (!scheduled) throw new Refusal('no_session', 'There is no such session. Schedule it for the group first.')
      return scheduled
  }
}

function schedulable({ status }: SessionFacts, data: ScheduledSession): ScheduledSession {
  if (status !== 'not_scheduled')
    throw new Refusal('already_scheduled', 'This session is in the calendar already. Move it to another day instead.')
  const programme = programmeAt(data.programme.key, data.programme.version)
  if (!programme || !sessionOf(programme, data.programmeSession))
    throw new Refusal('unknown_session', 'That is not a session of this programme. Choose one from the list.')
  refuseUnknownDay(data.on)
  refuseUnknownTime(data.startsAt, data.minutes)
  refuseUnstaffed(data.facilitators)
  return data
}

/** Whoever was not planned stood in, whether or not anybody says why; whoever was planned did not. */
function asStandIn(there: ActualFacilitator, planned: readonly PlannedFacilitator[]): ActualFacilitator {
  const { standIn, ...person } = there
  if (planned.some(({ facilitator }) => facilitator === there.facilitator)) return person
  return { ...person, standIn: standIn ?? 'not_stated' }
}

function apply(session: Own<SessionFacts>, event: Recorded<SessionEvent>): void {
  switch (event.type) {
    case 'SessionScheduled':
      session.status = 'scheduled'
      session.scheduled = event.data
      return
    case 'SessionRescheduled': {
      const { on, startsAt, reason } = event.data
      session.scheduled = session.scheduled && { ...session.scheduled, on, startsAt }
      session.changedBecause = reason
      return
    }
    case 'SessionCancelled':
      session.status = 'cancelled'
      session.changedBecause = event.data.reason
      return
    case 'SessionDelivered':
      session.status = 'delivered'
      session.delivered = { ...event.data, on: event.metadata.occurredAt }
      return
    case 'RegisterMarked':
    case 'RegisterCorrected': {
      const { journeyId, participantId, outcome, minutes, engagement } = event.data
      const before = session.register.get(journeyId)
      session.register.set(journeyId, {
        participantId,
        outcome,
        minutes,
        engagement,
        saidBy: event.id,
        corrections: (before?.corrections ?? 0) + (event.type === 'RegisterCorrected' ? 1 : 0),
      })
    }
  }
}
