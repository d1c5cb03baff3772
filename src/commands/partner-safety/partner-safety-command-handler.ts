/**
 * Commands of the partner-safety strand. It reads, decides and appends by itself: what the men's histories are written with
 * knows nothing of this strand, and could write nothing of it.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { permit } from '../../access/policy.ts'
import type { Reach } from '../../access/reach.ts'
import { dayOf, type Day } from '../../domain/calendar.ts'
import { PoisonEvent } from '../../domain/codec.ts'
import { Refusal, type Actor, type Metadata, type Recorded } from '../../domain/history.ts'
import {
  partnerSafetyHistory,
  type PartnerSafetyCommand,
  type PartnerSafetyEvent,
  type PartnerSafetyFacts,
} from '../../domain/partner-safety/partner-safety.ts'
import { strandEventType } from '../../domain/partner-safety/sealed-strand.ts'
import { refuseControlCharacters } from '../../domain/text.ts'
import type { AppendResult, EventAppender } from '../../event-store/event-appender.ts'
import type { EventStore } from '../../event-store/event-store.ts'
import { ConcurrencyConflict } from '../../event-store/store-errors.ts'
import type { NewEvent } from '../../event-store/stored-event.ts'
import { openedStrandEvent, sealedStrandEvent } from '../../protection/strand-sealing.ts'
import type { Vault } from '../../protection/vault.ts'
import type { ClockCheck } from '../clock-check.ts'
import { commandEventId } from '../event-envelope.ts'
import { OtherRole } from './other-role.ts'

/** Who records something, under which command id. Nothing ties it to the request, and so to what else was looked at in it. */
interface RecordedByWorker {
  readonly by: Actor
  readonly commandId: string
  /** The day it happened; today where it is left out. */
  readonly on?: Day
}

/** Where a command ended in the log; null where it added nothing. */
type StrandResult = AppendResult | null

interface ReadStrand {
  readonly facts: PartnerSafetyFacts
  readonly revision: number
}

const { category } = partnerSafetyHistory
const attempts = 5
/** The longest pause before it is decided again, where somebody else appended first, in milliseconds. */
const pauseMs = 50
/** How many records one journey can come to have: one after another, each opened once the one before is closed. */
const mostRecords = 100

export class PartnerSafetyCommandHandler {
  private readonly otherRole: OtherRole

  constructor(
    private readonly store: Pick<EventStore, 'read'>,
    private readonly appender: Pick<EventAppender, 'append'>,
    private readonly vault: Vault,
    private readonly clock: Pick<ClockCheck, 'assertRight'>,
    private readonly reach: Pick<Reach, 'excludedFrom'>,
  ) {
    this.otherRole = new OtherRole(store)
  }

  /**
   * Asks that contact be offered to the partner of the man of a journey. Asked again while a record is open it adds nothing; who
   * asks is told neither.
   * @throws Forbidden, StoreUnavailable, ClockWrong, KeysBusy
   */
  async askForOffer(
    { journeyId, participantId }: { readonly journeyId: string; readonly participantId: string },
    issued: RecordedByWorker,
  ): Promise<StrandResult> {
    permit(issued.by, 'record')
    for (let n = 1; n <= mostRecords; n++) {
      const strandId = await this.vault.whenFree(() => this.vault.strand(journeyId, n))
      const { facts } = await this.read(strandId)
      if (facts.closed) continue
      return this.append(strandId, { type: 'ContactOfferAskedFor', data: { journeyId, participantId } }, issued)
    }
    return null
  }

  /** @throws Forbidden, Refusal, ConcurrencyConflict, StoreUnavailable, ClockWrong */
  async record(strandId: string, event: PartnerSafetyEvent, issued: RecordedByWorker): Promise<StrandResult> {
    permit(issued.by, 'partner_safety')
    const { facts } = await this.read(strandId)
    if (event.type === 'ContactOfferAskedFor' || !(await this.mayWorkOn(facts, issued.by)))
      throw new Refusal('no_partner_record', 'There is no such record.')
    return this.append(strandId, event, issued)
  }

  /**
   * Whether a record is for somebody: not for who recorded something about the man, nor for who is shut out from his case.
   * @throws StoreUnavailable, ReachUnknown
   */
  async mayWorkOn(
    facts: Pick<PartnerSafetyFacts, 'journeyId' | 'participantId'>,
    who: Pick<Actor, 'id'>,
  ): Promise<boolean> {
    const { participantId } = facts
    if (participantId !== null && (await this.reach.excludedFrom(who)).has(participantId)) return false
    return !(await this.otherRole.isHeldBy(who.id, facts))
  }

  private async append(strandId: string, event: PartnerSafetyEvent, issued: RecordedByWorker): Promise<StrandResult> {
    refuseControlCharacters(event.data)
    const { by, commandId } = issued
    const recordedAt = new Date().toISOString()
    const recordedOn = dayOf(recordedAt)
    const occurredOn = issued.on ?? recordedOn
    const stream = `${category}-${strandId}`
    for (let attempt = 1; ; attempt++) {
      const { facts, revision } = await this.read(strandId)
      const command = { ...event, commandId, occurredOn, recordedOn } as PartnerSafetyCommand
      const events = partnerSafetyHistory.decide(facts, command)
      if (events.length === 0) return null
      await this.clock.assertRight()
      try {
        const sealed = events.map((one, n): NewEvent => {
          const id = commandEventId(commandId, category, n)
          const metadata: Metadata = {
            commandId,
            actor: { id: by.id, role: by.role, organisation: by.organisation },
            // The day it happened is sealed with the rest.
            occurredAt: recordedOn,
            recordedAt,
            schemaVersion: 1,
            correlationId: commandId,
            causationId: commandId,
            source: 'ui',
            keyId: strandId,
          }
          return {
            id,
            type: strandEventType,
            data: sealedStrandEvent(this.vault, { stream, id }, one, occurredOn),
            metadata,
          }
        })
        return await this.appender.append(stream, revision, sealed)
      } catch (error) {
        if (!(error instanceof ConcurrencyConflict) || attempt === attempts) throw error
        await pause(Math.random() * pauseMs)
      }
    }
  }

  /** @throws PoisonEvent where an event cannot be read: nothing is added to what is not known whole */
  private async read(strandId: string): Promise<ReadStrand> {
    const events: Recorded<PartnerSafetyEvent>[] = []
    for await (const stored of this.store.read(`${category}-${strandId}`)) {
      const event = openedStrandEvent(this.vault, stored)
      if (!event) throw new PoisonEvent(stored.stream, stored.revision, 'it does not open')
      events.push(event)
    }
    const facts = partnerSafetyHistory.fold(partnerSafetyHistory.initial, events)
    return { facts, revision: events.at(-1)?.revision ?? -1 }
  }
}
