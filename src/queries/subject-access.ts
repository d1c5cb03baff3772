/**
 * What a participant is given who asks for his own data (Data Protection Act 2018, section 45): everything that is recorded about him,
 * in words. Codes of staff are not his data and are left out; what names somebody else is left out by whoever makes it.
 */
import { Injectable } from '@nestjs/common'
import type { Day, Instant } from '../domain/calendar.ts'
import { recordedFrom } from '../domain/codec.ts'
import { sealedFieldsOf } from '../domain/events.ts'
import { factSentenceOf, wordsOf } from '../domain/event-words.ts'
import type { Recorded } from '../domain/history.ts'
import type { JourneyEvent } from '../domain/journey/journey.ts'
import { participantHistory, saysDetails, type Details, type ParticipantEvent } from '../domain/participant.ts'
import { EventStore } from '../event-store/event-store.ts'
import { opened } from '../protection/sealing.ts'
import { Vault } from '../protection/vault.ts'
import { Consultations } from './consultations.ts'
import { Journeys } from './journeys.ts'
import { Rights, type OwnWords } from './rights.ts'

/** A text that somebody wrote about him. */
export interface WrittenAboutHim {
  /** By which whoever makes the pack leaves it out. */
  readonly id: string
  readonly label: string
  /** Null where it is left out, because it says something of somebody else. */
  readonly text: string | null
}

export interface DisclosedEvent {
  readonly happenedOn: Day
  readonly recordedAt: Instant
  readonly what: string
  readonly says: string
  /** The role of who recorded it: who it was is not his data. */
  readonly recordedBy: string
  readonly written: readonly WrittenAboutHim[]
}

export interface DisclosedJourney {
  readonly journeyId: string
  readonly reference: string
  readonly programme: string
  readonly events: readonly DisclosedEvent[]
  /** When the record was taken away whole, and in which role. */
  readonly disclosures: readonly { readonly at: Instant; readonly role: string }[]
}

export interface SubjectAccessPack extends OwnWords {
  readonly madeAt: Instant
  readonly details: Details
  /** Details that were believed before, the oldest first. */
  readonly formerDetails: readonly { readonly until: Instant; readonly details: Details }[]
  readonly journeys: readonly DisclosedJourney[]
  /** How many texts were left out. */
  readonly leftOut: number
}

const labels: Readonly<Record<string, string>> = {
  note: 'Note',
  because: 'Why',
  result: 'Result',
  about: 'About',
  reference: 'Reference',
  asWritten: 'As it was written',
}

@Injectable()
export class SubjectAccess {
  constructor(
    private readonly store: EventStore,
    private readonly vault: Vault,
    private readonly journeys: Journeys,
    private readonly rights: Rights,
    private readonly consultations: Consultations,
  ) {}

  /** @param leftOut the ids of texts that say something of somebody else. @returns null where not all of his journeys are known yet */
  async pack(participantId: string, leftOut: ReadonlySet<string> = new Set()): Promise<SubjectAccessPack | null> {
    const ids = await this.rights.journeysOf(participantId)
    if (ids === null) return null
    const rows = await this.journeys.rowsOf(ids)
    const journeys = await Promise.all(
      ids.map(async (journeyId): Promise<DisclosedJourney> => ({
        journeyId,
        reference: rows.get(journeyId)?.reference ?? '',
        programme: rows.get(journeyId)?.programme ?? '',
        events: (await this.journeys.events(journeyId)).map((event) => disclosed(event, leftOut)),
        disclosures: (await this.consultations.of(journeyId)).looks
          .filter(({ type }) => type === 'RecordDisclosed')
          .map(({ recordedAt, actor }) => ({ at: recordedAt, role: actor.role })),
      })),
    )
    return {
      madeAt: new Date().toISOString(),
      ...(await this.details(participantId)),
      ...(await this.rights.ownWords(participantId)),
      journeys,
      leftOut: journeys
        .flatMap(({ events }) => events.flatMap(({ written }) => written))
        .filter(({ text }) => text === null).length,
    }
  }

  private async details(participantId: string): Promise<Pick<SubjectAccessPack, 'details' | 'formerDetails'>> {
    let details: Details = {}
    const formerDetails: { until: Instant; details: Details }[] = []
    for await (const stored of this.store.read(`${participantHistory.category}-${participantId}`)) {
      const event = opened(this.vault, recordedFrom<ParticipantEvent>(stored))
      if (!saysDetails(event)) continue
      if (event.type === 'ParticipantDetailsCorrected')
        formerDetails.push({ until: event.metadata.recordedAt, details })
      const { fingerprint: _, ...said } = event.data
      details = said
    }
    return { details, formerDetails }
  }
}

function disclosed(event: Recorded<JourneyEvent>, leftOut: ReadonlySet<string>): DisclosedEvent {
  const { id, type, metadata } = event
  return {
    happenedOn: metadata.occurredAt,
    recordedAt: metadata.recordedAt,
    what: wordsOf(type).name,
    says: factSentenceOf(event),
    recordedBy: metadata.actor.role,
    written: writtenIn(event).map(([field, text]) => {
      const one = `${id}.${field}`
      return { id: one, label: labels[field] ?? field, text: leftOut.has(one) ? null : text }
    }),
  }
}

/** The sealed texts of an event, by field; of a correction also those of the fact that it tells anew. */
function writtenIn(event: Recorded<JourneyEvent>): readonly (readonly [field: string, text: string])[] {
  const texts = (type: JourneyEvent['type'], data: Readonly<Record<string, unknown>>) =>
    sealedFieldsOf(type).flatMap((field) => {
      const value = data[field]
      if (value === undefined || value === '') return []
      return [[field, typeof value === 'string' ? value : Object.values(value as object).join('; ')] as const]
    })
  const own = texts(event.type, event.data)
  if (event.type !== 'RecordCorrected') return own
  return [...own, ...texts(event.data.of, event.data.data as Readonly<Record<string, unknown>>)]
}
