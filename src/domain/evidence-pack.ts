/** Evidence that was taken out of the service: who took what, and what it was. Stream `evidence-<pack id>`. */
import { folding, type CommandContext, type History } from './history.ts'
import type { Classified } from './privacy.ts'

/** Names and fields are the stored format: add to them, never rename them. */
export type EvidencePackEvent =
  /** An evidence pack was made and handed out. `digest` is the SHA-256 of its events, in hexadecimal: the pack itself is not kept. */
  {
    type: 'EvidencePackMade'
    data: {
      scope: EvidenceScope
      /** Of one journey its id; of some days the first and the last, as 2025-03-01/2025-03-31; empty of the whole log. */
      of: string
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
    of: 'open',
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
