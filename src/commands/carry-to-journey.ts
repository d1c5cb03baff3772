/** What a group or a session says of one man, told to his journey: once, however often it is tried. */
import { v5 as uuidv5 } from 'uuid'
import { dayOf } from '../domain/calendar.ts'
import { recordedFrom } from '../domain/codec.ts'
import { timeAfter } from '../domain/group/room.ts'
import { groupHistory, type GroupEvent } from '../domain/group/group.ts'
import type { Recorded } from '../domain/history.ts'
import type { JourneyCommand } from '../domain/journey/journey.ts'
import type { RegisterEvent } from '../domain/session/register.ts'
import { sessionHistory } from '../domain/session/session.ts'
import { opened } from '../protection/sealing.ts'
import type { Vault } from '../protection/vault.ts'
import type { CommandResult, DecideAndAppend } from './decide-and-append.ts'
import type { Issuer } from './event-envelope.ts'
import { sealedJourneys } from './journey-command-handler.ts'

/** The events of groups and sessions that mean something on a journey. */
export type CarriedEvent = Recorded<Extract<GroupEvent, { type: 'GroupMemberJoined' }> | RegisterEvent>

const carriedTypes: ReadonlySet<string> = new Set(['GroupMemberJoined', 'RegisterMarked', 'RegisterCorrected'])

/** Whether an event of this type is carried to a journey. */
export const isCarried = (type: string): boolean => carriedTypes.has(type)

/** The command under which a journey is told: worked out from the event, so that a journey that was told knows it. */
export const carriedCommandId = (eventId: string, journeyId: string): string => uuidv5(`to ${journeyId}`, eventId)

export class CarryToJourney {
  constructor(
    private readonly commands: DecideAndAppend,
    private readonly vault: Vault,
  ) {}

  /**
   * @returns `nothing_new` where the journey was told before, or already says so
   * @throws Refusal where a rule of the journey does not allow it; PoisonEvent, ConcurrencyConflict, StoreUnavailable
   */
  async carry(stored: Parameters<typeof recordedFrom>[0]): Promise<CommandResult> {
    const event = opened(this.vault, recordedFrom<CarriedEvent>(stored))
    const { journeyId } = event.data
    const { actor, source, recordedAt, correlationId } = event.metadata
    const issuer: Issuer = { by: actor, source, recordedAt, correlationId, causationId: event.id }
    const command = await this.commandOf(event)
    return this.commands.decideAndAppend(sealedJourneys, journeyId, (journey) => {
      const { sessions } = journey.after.state
      // Somebody may have put the journey right by hand.
      if (
        command.type === 'CorrectAttendance' &&
        sessions.get(command.data.sessionId)?.outcome === command.data.outcome
      )
        return
      journey.decide(command, issuer)
    })
  }

  private async commandOf(event: CarriedEvent): Promise<JourneyCommand> {
    const { recordedAt, occurredAt } = event.metadata
    const commandId = carriedCommandId(event.id, event.data.journeyId)
    const context = { commandId, occurredOn: occurredAt, recordedOn: dayOf(recordedAt) }
    const id = event.stream.slice(event.stream.indexOf('-') + 1)
    if (event.type === 'GroupMemberJoined') {
      const { state: group } = await this.commands.fold(groupHistory, id)
      const { note } = event.data
      return { type: 'AllocateToGroup', ...context, data: { groupId: group.formed!.code, ...(note && { note }) } }
    }
    const { state: session } = await this.commands.fold(sessionHistory, id)
    const { scheduled, delivered } = session
    // The day is that of the session, whenever the register was filled in or corrected.
    const held = { ...context, occurredOn: delivered!.on }
    const { outcome } = event.data
    const sessionId = scheduled!.programmeSession
    if (event.type === 'RegisterCorrected')
      return { type: 'CorrectAttendance', ...held, data: { sessionId, outcome, because: event.data.because } }
    const { note } = event.data
    return {
      type: 'RecordAttendance',
      ...held,
      data: {
        sessionId,
        outcome,
        groupId: scheduled!.groupCode,
        plannedFacilitators: delivered!.planned.map(({ facilitator }) => facilitator),
        actualFacilitators: delivered!.actual.map(({ facilitator }) => facilitator),
        startedAt: delivered!.startedAt,
        endedAt: timeAfter(delivered!.startedAt, delivered!.minutes),
        ...(note && { note }),
      },
    }
  }
}
