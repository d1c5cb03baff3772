/** Commands of who a participant is. */
import { isDay, type Day } from '../domain/calendar.ts'
import { PoisonEvent, recordedFrom } from '../domain/codec.ts'
import { adultOn } from '../domain/dates.ts'
import type { CommandContext } from '../domain/history.ts'
import {
  participantHistory,
  saysDetails,
  type Details,
  type Participant,
  type ParticipantCommand,
  type ParticipantEvent,
  type TellDetails,
} from '../domain/participant.ts'
import type { EventStore } from '../event-store/event-store.ts'
import { opened } from '../protection/sealing.ts'
import type { Vault } from '../protection/vault.ts'
import type { CommandResult, DecideAndAppend, SealedHistory } from './decide-and-append.ts'
import type { Issuer } from './event-envelope.ts'

/** Each participant's details are sealed under his own key. */
export const sealedParticipants: SealedHistory<Participant, ParticipantCommand, ParticipantEvent> = {
  ...participantHistory,
  keyIdOf: (participantId) => participantId,
}

/** Made by the runtime, not by Nest: the commands at the terminal use it too, without a framework in memory. */
export class ParticipantCommandHandler {
  constructor(
    private readonly commands: DecideAndAppend,
    private readonly vault: Vault,
    private readonly store: Pick<EventStore, 'readBackwards'>,
  ) {}

  /** Registers the participant with these details, or corrects them where they differ from what is known. */
  tellDetails(
    participantId: string,
    details: Required<Details>,
    context: CommandContext,
    issuer: Issuer,
  ): Promise<CommandResult> {
    const command = this.detailsCommand(details, context)
    return this.commands.decideAndAppend(sealedParticipants, participantId, (participant) => {
      participant.decide(command, issuer)
    })
  }

  /**
   * The day on which he became an adult, from the details that are believed now; undefined where they were erased, cannot be
   * read, or say no date of birth.
   */
  async adultFrom(participantId: string): Promise<Day | undefined> {
    for await (const stored of this.store.readBackwards(`${participantHistory.category}-${participantId}`, 1_000)) {
      try {
        const event = opened(this.vault, recordedFrom<ParticipantEvent>(stored))
        if (event.type === 'KeyDestroyed') return undefined
        if (!saysDetails(event)) continue
        const { dateOfBirth } = event.data
        return isDay(dateOfBirth) ? adultOn(dateOfBirth) : undefined
      } catch (error) {
        // Whoever looks at him is told; what happened to him is recorded all the same.
        if (error instanceof PoisonEvent) return undefined
        throw error
      }
    }
    return undefined
  }

  detailsCommand(details: Required<Details>, context: CommandContext): TellDetails {
    return {
      type: 'TellDetails',
      ...context,
      data: { ...details, fingerprint: detailsFingerprint(this.vault, details) },
    }
  }
}

/** A keyed digest of the details: tells whether they changed, not what they are. */
export const detailsFingerprint = (
  vault: Vault,
  { crn, familyName, givenNames, dateOfBirth }: Required<Details>,
): string => vault.token('details', JSON.stringify([crn, familyName, givenNames, dateOfBirth])).toString('base64url')
