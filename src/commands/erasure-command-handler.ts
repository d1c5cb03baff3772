/** Commands of erasure: it is asked for, authorised by somebody else and carried out; and of the holds that stand in its way. */
import { permit } from '../access/policy.ts'
import { dayOf } from '../domain/calendar.ts'
import { recordedFrom } from '../domain/codec.ts'
import {
  type DecliningReason,
  type ErasureCommand,
  type ErasureReason,
  type HoldReason,
  type Protection,
} from '../domain/erasure.ts'
import type { Actor, Recorded, Source } from '../domain/history.ts'
import type { Settlement, StatementCommand } from '../domain/statements.ts'
import { participantHistory, type ParticipantCommand, type ParticipantEvent } from '../domain/participant.ts'
import type { EventStore } from '../event-store/event-store.ts'
import type { Vault } from '../protection/vault.ts'
import type { CommandResult, DecideAndAppend } from './decide-and-append.ts'
import type { Issuer } from './event-envelope.ts'
import { sealedParticipants } from './participant-command-handler.ts'

/** Who issues it, and what it is recognised by when it comes again. It is issued now. */
export interface IssuedByOfficer {
  readonly by: Actor
  readonly source: Extract<Source, 'ui' | 'api'>
  readonly commandId: string
  readonly correlationId?: string
}

/** Made by the runtime, not by Nest: each start carries out what was authorised, before anything is served. */
export class ErasureCommandHandler {
  constructor(
    private readonly commands: DecideAndAppend,
    private readonly vault: Vault,
    private readonly store: Pick<EventStore, 'read'>,
  ) {}

  /** How his erasure stands, and which holds are in force. */
  async standing(participantId: string): Promise<Protection> {
    return (await this.commands.fold(participantHistory, participantId)).state
  }

  /** @param journeys all of his, whose references will be forgotten. @throws Forbidden, Refusal, StoreUnavailable */
  request(
    participantId: string,
    { reason, journeys }: { readonly reason: ErasureReason; readonly journeys: readonly string[] },
    issued: IssuedByOfficer,
  ): Promise<CommandResult> {
    const data = { by: issued.by.id, reason, journeys }
    return this.decide(participantId, { type: 'RequestErasure', data }, issued)
  }

  /** @throws Forbidden, Refusal, StoreUnavailable */
  decline(participantId: string, reason: DecliningReason, issued: IssuedByOfficer): Promise<CommandResult> {
    return this.decide(participantId, { type: 'DeclineErasure', data: { reason } }, issued)
  }

  /**
   * Authorises what somebody else asked for, and carries it out. Where carrying it out fails, the next start does it.
   * @param journeys all of his by now
   * @throws Forbidden, Refusal, StoreUnavailable, KeysBusy
   */
  async authorise(participantId: string, journeys: readonly string[], issued: IssuedByOfficer): Promise<CommandResult> {
    const command = { type: 'AuthoriseErasure', data: { by: issued.by.id, journeys } } as const
    const decided = await this.commands.decide(sealedParticipants, participantId, this.deciderOf(command, issued))
    await this.vault.announceDestruction(participantId)
    const { result } = await this.commands.append(decided)
    return (await this.carryOut(participantId)) ?? result
  }

  /** @throws Forbidden, Refusal, StoreUnavailable */
  placeHold(participantId: string, reason: HoldReason, issued: IssuedByOfficer): Promise<CommandResult> {
    const data = { holdId: issued.commandId, reason }
    return this.decide(participantId, { type: 'PlaceRetentionHold', data }, issued)
  }

  /** @throws Forbidden, Refusal, StoreUnavailable */
  releaseHold(participantId: string, holdId: string, issued: IssuedByOfficer): Promise<CommandResult> {
    return this.decide(participantId, { type: 'ReleaseRetentionHold', data: { holdId } }, issued)
  }

  /** @param text his own words. @throws Forbidden, Refusal, StoreUnavailable */
  addStatement(participantId: string, text: string, issued: IssuedByOfficer): Promise<CommandResult> {
    return this.decide(participantId, { type: 'AddStatement', data: { statementId: issued.commandId, text } }, issued)
  }

  /** @param dispute.disputes the revision of the event that he says is wrong. @throws Forbidden, Refusal, StoreUnavailable */
  disputeRecord(
    participantId: string,
    dispute: { readonly journeyId: string; readonly disputes: number; readonly text: string },
    issued: IssuedByOfficer,
  ): Promise<CommandResult> {
    const data = { disputeId: issued.commandId, ...dispute }
    return this.decide(participantId, { type: 'DisputeRecord', data }, issued)
  }

  /** @throws Forbidden, Refusal, StoreUnavailable */
  settleDispute(
    participantId: string,
    disputeId: string,
    settlement: Settlement,
    issued: IssuedByOfficer,
  ): Promise<CommandResult> {
    return this.decide(participantId, { type: 'SettleDispute', data: { disputeId, settlement } }, issued)
  }

  /**
   * Destroys his key where that was authorised, also where it was destroyed before and has come back with an older copy of the
   * keys, and records it unless that is on record.
   * @returns null where nothing was authorised, or nothing was left to record
   */
  async carryOut(participantId: string): Promise<CommandResult | null> {
    let authorised: Recorded<Extract<ParticipantEvent, { type: 'ErasureAuthorised' }>> | undefined
    let isRecorded = false
    for await (const stored of this.store.read(`${participantHistory.category}-${participantId}`)) {
      const event = recordedFrom<ParticipantEvent>(stored)
      if (event.type === 'ErasureAuthorised') authorised = event
      if (event.type === 'KeyDestroyed') isRecorded = true
    }
    if (!authorised) return null
    await this.vault.destroy(participantId, authorised.data.journeys)
    if (isRecorded) return null
    const { actor, source, correlationId } = authorised.metadata
    const recordedAt = new Date().toISOString()
    const issuer: Issuer = { by: actor, source, recordedAt, correlationId, causationId: authorised.id }
    const today = dayOf(recordedAt)
    const command = {
      type: 'RecordKeyDestroyed',
      commandId: authorised.id,
      occurredOn: today,
      recordedOn: today,
      data: { kind: 'participant' },
    } as const
    return this.commands.decideAndAppend(
      sealedParticipants,
      participantId,
      (participant) => void participant.decide(command, issuer),
    )
  }

  /** Whether the log says that his personal data was erased, carried out or not. */
  async isErased(participantId: string): Promise<boolean> {
    const { state } = (await this.standing(participantId)).erasure
    return state === 'authorised' || state === 'destroyed'
  }

  private decide(
    participantId: string,
    command: Pick<ErasureCommand | StatementCommand, 'type' | 'data'>,
    issued: IssuedByOfficer,
  ): Promise<CommandResult> {
    return this.commands.decideAndAppend(sealedParticipants, participantId, this.deciderOf(command, issued))
  }

  private deciderOf(
    { type, data }: Pick<ErasureCommand | StatementCommand, 'type' | 'data'>,
    { by, source, commandId, correlationId }: IssuedByOfficer,
  ) {
    permit(by, 'protect')
    const recordedAt = new Date().toISOString()
    const today = dayOf(recordedAt)
    const command = { type, data, commandId, occurredOn: today, recordedOn: today } as ParticipantCommand
    const issuer: Issuer = { by, source, recordedAt, correlationId }
    return (participant: { decide(command: ParticipantCommand, issuer: Issuer): unknown }) =>
      void participant.decide(command, issuer)
  }
}
