/** Every journey's figures under the reference the case system knows it by: from the read model, or folded afresh from the log. */
import { withCaseload } from '../../projections/caseload.ts'
import type { ReadModels } from '../../projections/runner/read-models.ts'
import { figuresOf, type JourneyFigures } from '../domain/journey/figures.ts'
import { foldFacts, type JourneyEvent } from '../domain/journey/fold.ts'
import { nothingKnown, type JourneyFacts } from '../domain/journey/state.ts'
import { saysDetails, type ParticipantEvent } from '../domain/participant.ts'
import { PoisonEvent, recordedFrom } from '../domain/codec.ts'
import type { EventStore } from '../event-store/event-store.ts'
import { opened, openedFields } from '../protection/sealing.ts'
import { SealBroken, type Vault } from '../protection/vault.ts'

export type ReportedJourney = { readonly crn: string } & JourneyFigures

interface Sources {
  readonly store: EventStore
  readonly readModels: ReadModels
  readonly vault: Vault
}

interface Reported {
  readonly reference: string
  readonly journey: ReportedJourney
}

/** Demonstration records are in no figure unless asked for. */
export interface ReportOptions {
  readonly demonstration: boolean
  /** For each history that the log holds and that cannot be read. */
  readonly onUnreadable?: (history: UnreadableHistory) => void
}

/** A journey, or the details of a participant, with an event that this version of the product cannot read. */
export interface UnreadableHistory {
  readonly stream: string
  /** The reference of the journey, where its referral can be read. */
  readonly reference: string | undefined
  readonly why: string
}

/** What the caseload and participants projections have concluded. */
export async function* reportFromReadModel(
  { readModels, vault }: Sources,
  { demonstration }: ReportOptions,
): AsyncGenerator<Reported> {
  for (let after = ''; ;) {
    const rows = await withCaseload(readModels.db)
      .selectFrom('caseload')
      .leftJoin('participant', 'participant.participant_id', 'caseload.participant_id')
      .selectAll('caseload')
      .select(['participant.sealed as details_sealed', 'participant.event_id as details_event_id'])
      .where('journey_id', '>', after)
      .orderBy('journey_id')
      .limit(500)
      .execute()
    if (rows.length === 0) return
    after = rows.at(-1)!.journey_id
    for (const row of rows) {
      if (!demonstration && row.source === 'simulator') continue
      const referral = {
        stream: `journey-${row.journey_id}`,
        id: row.referral_event_id,
        keyId: row.participant_id,
        sealed: row.sealed,
      }
      const details = {
        stream: `participant-${row.participant_id}`,
        id: row.details_event_id ?? '',
        keyId: row.participant_id,
        sealed: row.details_sealed,
      }
      yield {
        reference: (openedFields(vault, referral).fields.reference as string | undefined) ?? row.journey_id,
        journey: {
          crn: (openedFields(vault, details).fields.crn as string | undefined) ?? '',
          outcome: row.outcome,
          reason: row.reason as JourneyFigures['reason'],
          attended: row.attended,
          acceptable_absences: row.acceptable_absences,
          unacceptable_absences: row.unacceptable_absences,
          corrections: row.corrections,
          recategorisations: row.recategorisations,
          facilitators_met: row.facilitators_met,
        },
      }
    }
  }
}

/**
 * Every stream folded again from its first event, in one pass over the log; no read model is asked anything. A journey with an
 * event that cannot be read is left out and named; so is a participant, whose journeys are reported without his CRN.
 */
export async function* reportFromLog(
  { store, vault }: Sources,
  { demonstration, onUnreadable }: ReportOptions,
): AsyncGenerator<Reported> {
  const journeys = new Map<
    string,
    { facts: JourneyFacts; readonly reference: string; readonly participantId: string }
  >()
  const crns = new Map<string, string>()
  const unreadable = new Set<string>()
  for await (const stored of store.readAll(['journey', 'participant'])) {
    if (unreadable.has(stored.stream)) continue
    const id = stored.stream.slice(stored.stream.indexOf('-') + 1)
    try {
      if (stored.stream.startsWith('participant-')) {
        const event = opened(vault, recordedFrom<ParticipantEvent>(stored))
        // His key is gone, and so is every CRN he had.
        if (event.type === 'KeyDestroyed') crns.delete(id)
        if (saysDetails(event)) crns.set(id, event.data.crn ?? '')
        continue
      }
      const event = recordedFrom<JourneyEvent>(stored)
      const known = journeys.get(id)
      if (event.type === 'ReferralReceived') {
        if (event.metadata.source === 'simulator' && !demonstration) continue
        const { reference, participantId } = opened(vault, event).data
        journeys.set(id, { facts: foldFacts(nothingKnown, [event]), reference: reference ?? id, participantId })
      } else if (known) {
        known.facts = foldFacts(known.facts, [event])
      }
    } catch (error) {
      if (!(error instanceof PoisonEvent) && !(error instanceof SealBroken)) throw error
      unreadable.add(stored.stream)
      onUnreadable?.({ stream: stored.stream, reference: journeys.get(id)?.reference, why: error.message })
      journeys.delete(id)
      crns.delete(id)
    }
  }
  for (const { facts, reference, participantId } of journeys.values()) {
    yield { reference, journey: { crn: crns.get(participantId) ?? '', ...figuresOf(facts) } }
  }
}
