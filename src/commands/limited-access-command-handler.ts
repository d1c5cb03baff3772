/** Commands that limit who may see a case, and that lift such a limit. */
import { Forbidden, permit } from '../access/policy.ts'
import type { Reach } from '../access/reach.ts'
import { dayOf } from '../domain/calendar.ts'
import { Refusal } from '../domain/history.ts'
import {
  limitedAccessHistory,
  type AccessLimits,
  type LimitedAccessCommand,
  type LimitedAccessEvent,
} from '../domain/limited-access.ts'
import { participantHistory } from '../domain/participant.ts'
import type { CommandResult, DecideAndAppend, SealedHistory } from './decide-and-append.ts'
import type { IssuedBy } from './journey-command-handler.ts'

const openHistory: SealedHistory<AccessLimits, LimitedAccessCommand, LimitedAccessEvent> = {
  ...limitedAccessHistory,
  keyIdOf: () => undefined,
}

type DataOf<T extends LimitedAccessCommand['type']> = Extract<LimitedAccessCommand, { type: T }>['data']

/** A limit is set and lifted on the day it is recorded. */
type IssuedToday = Omit<IssuedBy, 'occurredOn'>

export class LimitedAccessCommandHandler {
  constructor(
    private readonly commands: DecideAndAppend,
    private readonly reach: Reach,
  ) {}

  /** @throws Forbidden, Refusal, ReachUnknown, ConcurrencyConflict, StoreUnavailable */
  limit(participantId: string, data: DataOf<'LimitAccess'>, issued: IssuedToday): Promise<CommandResult> {
    return this.execute(participantId, { type: 'LimitAccess', data }, issued)
  }

  /** @throws Forbidden, Refusal, ReachUnknown, ConcurrencyConflict, StoreUnavailable */
  lift(participantId: string, data: DataOf<'LiftLimit'>, issued: IssuedToday): Promise<CommandResult> {
    return this.execute(participantId, { type: 'LiftLimit', data }, issued)
  }

  /** What was ever set for a case, from the log. */
  async limitsOf(participantId: string): Promise<AccessLimits> {
    return (await this.commands.fold(limitedAccessHistory, participantId)).state
  }

  private async execute(
    participantId: string,
    told: Pick<LimitedAccessCommand, 'type' | 'data'>,
    { by, source, correlationId, commandId, recordedAt = new Date().toISOString() }: IssuedToday,
  ): Promise<CommandResult> {
    permit(by, 'limit')
    // Nobody lifts what shuts himself out.
    if ((await this.reach.withheldFrom(by)).has(participantId)) throw new Forbidden('limit')
    const { revision } = await this.commands.fold(participantHistory, participantId)
    if (revision < 0) throw new Refusal('no_participant', 'There is no such person on record.')
    const today = dayOf(recordedAt)
    const command = { ...told, commandId, occurredOn: today, recordedOn: today } as LimitedAccessCommand
    return this.commands.decideAndAppend(
      openHistory,
      participantId,
      (limits) => void limits.decide(command, { by, source, recordedAt, correlationId }),
    )
  }
}
