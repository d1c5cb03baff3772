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
      /** Of one journey or group its id; of some days the first and the last, as 2025-03-01/2025-03-31; of a register its name; empty of the whole log. */
      of: string
      /** How many events it holds. */
      events: number
      /** How many entries the evidence log had when it signed the head that proves them. */
      logSize: number
      digest: string
      /** Whether personal fields went out opened. */
      personalFields: boolean
      /** What it was made for; absent where nobody was asked. */
      reason?: PackReason
    }
  }

/** What evidence is taken out for: a list, so that no free text about anybody gets into the log unsealed. */
export const packReasons = {
  inspection: 'An inspection',
  audit: 'An internal audit',
  complaint: 'A complaint',
  court: 'A court or a parole board',
  subject_access: 'A request by the person it is about',
  other: 'Something else',
} as const
export type PackReason = keyof typeof packReasons

export const isPackReason = (text: unknown): text is PackReason =>
  typeof text === 'string' && Object.hasOwn(packReasons, text)

export const evidenceScopes = ['journey', 'group', 'days', 'log', 'register'] as const
export type EvidenceScope = (typeof evidenceScopes)[number]

export const isEvidenceScope = (text: unknown): text is EvidenceScope => evidenceScopes.some((scope) => scope === text)

export const evidencePackPrivacy: Classified<EvidencePackEvent> = {
  EvidencePackMade: {
    scope: 'open',
    of: 'open',
    events: 'open',
    logSize: 'open',
    digest: 'open',
    personalFields: 'open',
    reason: 'open',
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
