/** Commands of who a participant is. */
import { isDay, type Day } from '../domain/calendar.ts'
import { PoisonEvent, recordedFrom } from '../domain/codec.ts'
import { adultOn } from '../domain/dates.ts'
import { type CommandContext, type Recorded } from '../domain/history.ts'
import { OdditiesUnconfirmed, type Oddity } from '../domain/journey/oddities.ts'
import {
  odditiesOfDetails,
  participantHistory,
  saysDetails,
  type Details,
  type DetailsEvent,
  type Participant,
  type ParticipantCommand,
  type ParticipantEvent,
  type TellDetails,
} from '../domain/participant.ts'
import type { EventStore } from '../event-store/event-store.ts'
import { opened } from '../protection/sealing.ts'
import { KeyMissing, type Vault } from '../protection/vault.ts'
import {
  ConcurrencyConflict,
  StaleRevision,
  type CommandResult,
  type DecideAndAppend,
  type SealedHistory,
} from './decide-and-append.ts'
import type { Issuer } from './event-envelope.ts'
import type { KeptAdultDays } from './kept-adult-days.ts'
import type { KnownCrns } from './known-crns.ts'
import { confirmed } from './unconfirmed-oddities.ts'

/** Each participant's details are sealed under his own key. */
export const sealedParticipants: SealedHistory<Participant, ParticipantCommand, ParticipantEvent> = {
  ...participantHistory,
  keyIdOf: (participantId) => participantId,
}

/** What a person says who corrects who somebody is. */
export interface DetailsCorrection {
  /** What changes; what is not named stays as it is. */
  readonly changes: Details
  readonly because: string
}

/** How often a correction is put together before it is given up because others keep telling of the same man. */
const correctionAttempts = 5

interface IssuedDetails {
  readonly issuer: Issuer
  readonly context: CommandContext
  /** The revision of the participant's own stream that the issuer was looking at. */
  readonly expectedRevision?: number
  readonly confirmedOddities?: readonly string[]
}

/** Made by the runtime, not by Nest: the commands at the terminal use it too, without a framework in memory. */
export class ParticipantCommandHandler {
  private readonly crns: KnownCrns
  private readonly adultDays: KeptAdultDays

  constructor(
    private readonly commands: DecideAndAppend,
    private readonly vault: Vault,
    private readonly store: Pick<EventStore, 'read' | 'lastOf'>,
    { crns, adultDays }: { readonly crns: KnownCrns; readonly adultDays: KeptAdultDays },
  ) {
    this.crns = crns
    this.adultDays = adultDays
  }

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
   * Corrects who he is: what was said before stays in the log. From then on he is known by the CRN that he is given, and no more
   * by the one that was wrong, which may be another man's.
   * @param from the first day on record of any journey of his
   * @throws Forbidden, OdditiesUnconfirmed, Refusal, StaleRevision, ConcurrencyConflict, StoreUnavailable, PoisonEvent, KeyMissing
   */
  async correctDetails(
    participantId: string,
    correction: DetailsCorrection,
    from: Day | undefined,
    issued: IssuedDetails,
  ): Promise<CommandResult> {
    for (let attempt = 1; ; attempt++) {
      try {
        const { decided, crn } = await this.decided(participantId, correction, from, issued)
        return await this.crns.whileClaimed(
          crn,
          async () => (await this.commands.append(decided, { attempts: 1 })).result,
          participantId,
        )
      } catch (error) {
        // What was told meanwhile is what this corrects: it is put together again on top of that.
        if (!(error instanceof ConcurrencyConflict) || attempt === correctionAttempts) throw error
      }
    }
  }

  /** What is improbable about a correction of who he is. The log is told nothing. @throws what {@link correctDetails} throws */
  async odditiesOfCorrection(
    participantId: string,
    correction: DetailsCorrection,
    from: Day | undefined,
    issued: IssuedDetails,
  ): Promise<readonly Oddity[]> {
    try {
      await this.decided(participantId, correction, from, { ...issued, confirmedOddities: [] })
      return []
    } catch (error) {
      if (error instanceof OdditiesUnconfirmed) return error.oddities
      throw error
    }
  }

  private async decided(
    participantId: string,
    { changes, because }: DetailsCorrection,
    recordedFrom: Day | undefined,
    { issuer, context, expectedRevision, confirmedOddities }: IssuedDetails,
  ) {
    if (!this.vault.hasKey(participantId)) throw new KeyMissing(participantId)
    const read = await this.toldOf(participantId)
    const { crn = '', familyName = '', givenNames = '', dateOfBirth = '' } = read.told.at(-1)?.data ?? {}
    const was = { crn, familyName, givenNames, dateOfBirth }
    const details = { ...was, ...changes }
    await this.crns.refuseOfAnother(details.crn, participantId)
    const data = { ...details, fingerprint: detailsFingerprint(this.vault, details), because }
    const decided = await this.commands.decide(sealedParticipants, participantId, (participant) => {
      const { revision } = participant.folded
      if (revision !== read.revision) throw new ConcurrencyConflict(participant.stream)
      participant.decide({ type: 'CorrectDetails', ...context, data, recordedFrom }, issuer, () => {
        if (expectedRevision !== undefined && expectedRevision !== revision)
          throw new StaleRevision(expectedRevision, revision)
        const found = odditiesOfDetails(was, details, context.recordedOn)
        return confirmedOddities ? confirmed(found, confirmedOddities) : []
      })
    })
    return { decided, crn: details.crn }
  }

  /** What was told of who he is, opened, in the order in which it was told; and the last revision that was read, -1 for none. */
  private async toldOf(participantId: string) {
    const told: Recorded<DetailsEvent>[] = []
    let revision = -1
    for await (const stored of this.store.read(`${participantHistory.category}-${participantId}`)) {
      const event = opened(this.vault, recordedFrom<ParticipantEvent>(stored))
      if (saysDetails(event)) told.push(event)
      revision = event.revision
    }
    return { told, revision }
  }

  /**
   * The day on which he became an adult, from the details that are believed now; undefined where they were erased, cannot be
   * read, or say no date of birth.
   */
  async adultFrom(participantId: string): Promise<Day | undefined> {
    if (!this.vault.hasKey(participantId)) return undefined
    return this.adultDays.of(participantId, () => this.readAdultFrom(participantId))
  }

  private async readAdultFrom(participantId: string): Promise<Day | undefined> {
    const last = await this.store.lastOf(`${participantHistory.category}-${participantId}`)
    if (!last) return undefined
    try {
      const event = opened(this.vault, recordedFrom<ParticipantEvent>(last))
      // Something was recorded about his rights since he was last told of.
      const told = saysDetails(event) ? event : (await this.toldOf(participantId)).told.at(-1)
      const dateOfBirth = told?.data.dateOfBirth
      return isDay(dateOfBirth) ? adultOn(dateOfBirth) : undefined
    } catch (error) {
      // Whoever looks at him is told; what happened to him is recorded all the same.
      if (error instanceof PoisonEvent) return undefined
      throw error
    }
  }

  detailsCommand(details: Required<Details>, context: CommandContext): TellDetails {
    const fingerprint = detailsFingerprint(this.vault, details)
    return { type: 'TellDetails', ...context, data: { ...details, fingerprint } }
  }
}

/** A keyed digest of the details: tells whether they changed, not what they are. */
export const detailsFingerprint = (
  vault: Vault,
  { crn, familyName, givenNames, dateOfBirth }: Required<Details>,
): string => vault.token('details', JSON.stringify([crn, familyName, givenNames, dateOfBirth])).toString('base64url')
