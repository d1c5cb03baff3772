/** Evidence that was taken out of the service: who took what, and what it was. Stream `evidence-<pack id>`. */
import type { Day } from './calendar.ts'
import { folding, type CommandContext, type History } from './history.ts'
import type { Classified } from './privacy.ts'

/** Names and fields are the stored format: add to them, never rename them. */
export type EvidencePackEvent =
  /** An evidence pack was made and handed out. `digest` is the SHA-256 of its events, in hexadecimal: the pack itself is not kept. */
  {
    type: 'EvidencePackMade'
    data: {
      scope: EvidenceScope
      /** Of a pack of one journey. */
      journeyId?: string
      /** The first and the last day of a pack of some days. */
      from?: Day
      to?: Day
      /** How many events it holds. */
      events: number
      /** How many entries the evidence log had when it signed the head that proves them. */
      logSize: number
      digest: string
      /** Whether personal fields went out opened. */
      personalFields: boolean
    }
  }

export const evidenceScopes = ['journey', 'days', 'log'] as const
export type EvidenceScope = (typeof evidenceScopes)[number]

export const evidencePackPrivacy: Classified<EvidencePackEvent> = {
  EvidencePackMade: {
    scope: 'open',
    journeyId: 'open',
    from: 'open',
    to: 'open',
    events: 'open',
    logSize: 'open',
    digest: 'open',
    personalFields: 'open',
  },
}

/** A pack is handed out once this is recorded. */
export type EvidencePackCommand = CommandContext & { type: 'RecordEvidencePack'; data: EvidencePackEvent['data'] }

export interface EvidencePackRecord {
  readonly isMade: boolean
}

export const evidencePackHistory: History<EvidencePackRecord, EvidencePackCommand, EvidencePackEvent> = {
  category: 'evidence',
  initial: { isMade: false },
  ...folding<EvidencePackRecord, EvidencePackEvent>(
    (record) => ({ ...record }),
    (record) => void (record.isMade = true),
  ),
  decide: ({ isMade }, { data }) => (isMade ? [] : [{ type: 'EvidencePackMade', data }]),
}
