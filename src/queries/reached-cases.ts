/** The cases that whoever asks is not shown, as the questions leave them out: by participant, and by journey. */
import { withCaseload } from '../../projections/caseload.ts'
import { ReadModels } from '../../projections/runner/read-models.ts'
import { whoAsks } from '../access/asking.ts'
import { Reach } from '../access/reach.ts'
import { PoisonEvent, recordedFrom } from '../domain/codec.ts'
import type { Actor } from '../domain/history.ts'
import type { JourneyEvent } from '../domain/journey/journey.ts'
import { EventStore } from '../event-store/event-store.ts'

/** What is left out of an answer, by its ids. */
export interface WithheldCases {
  readonly participants: ReadonlySet<string>
  readonly journeys: ReadonlySet<string>
}

/** Made without Nest, since the command that packs a register at the terminal starts without it. */
export class ReachedCases {
  constructor(
    private readonly store: EventStore,
    private readonly readModels: ReadModels,
    private readonly reach: Reach,
  ) {}

  /** Who asks now, for what is answered later. @throws SignedOut */
  asker(): Actor {
    return whoAsks()
  }

  /** The participants that are withheld from whoever asks. @throws ReachUnknown, SignedOut */
  withheld(asker = this.asker()): Promise<ReadonlySet<string>> {
    return this.reach.withheldFrom(asker)
  }

  /** Them and their journeys, as far as the read models know these. @throws ReachUnknown, SignedOut */
  async withheldCases(asker = this.asker()): Promise<WithheldCases> {
    const participants = await this.withheld(asker)
    if (participants.size === 0) return { participants, journeys: participants }
    const rows = await withCaseload(this.readModels.db)
      .selectFrom('caseload')
      .select('journey_id')
      .where('participant_id', 'in', [...participants])
      .execute()
    return { participants, journeys: new Set(rows.map(({ journey_id: id }) => id)) }
  }

  /** Whether one journey is withheld; the log is asked of one that the read models do not have. @throws ReachUnknown, SignedOut */
  async isWithheld(journeyId: string, asker = this.asker()): Promise<boolean> {
    const participants = await this.withheld(asker)
    if (participants.size === 0) return false
    const known = await withCaseload(this.readModels.db)
      .selectFrom('caseload')
      .select('participant_id')
      .where('journey_id', '=', journeyId)
      .executeTakeFirst()
    const participantId = known ? known.participant_id : await this.referred(journeyId)
    return participantId !== null && participants.has(participantId)
  }

  /** Whom the log says was referred; null where nobody was. */
  private async referred(journeyId: string): Promise<string | null> {
    for await (const stored of this.store.read(`journey-${journeyId}`)) {
      try {
        const event = recordedFrom<JourneyEvent>(stored)
        if (event.type === 'ReferralReceived') return event.data.participantId
      } catch (error) {
        if (!(error instanceof PoisonEvent)) throw error
      }
    }
    return null
  }
}

/** For whoever works at the terminal, beside the store's files and its keys: nothing is withheld there. */
export class EveryCaseReached extends ReachedCases {
  override asker(): Actor {
    return { id: 'operator', role: 'operator', organisation: 'terminal' }
  }

  override withheld(): Promise<ReadonlySet<string>> {
    return Promise.resolve(new Set())
  }
}
