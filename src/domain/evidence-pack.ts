/** What was taken out of the service: who took what, and how much. Stream `evidence-<id of the pack or the export>`. */
import { folding, type CommandContext, type History } from './history.ts'
import type { Classified } from './privacy.ts'

/** Names and fields are the stored format: add to them, never rename them. */
export type EvidencePackEvent =
  /** An evidence pack was made and handed out. `digest` is the SHA-256 of its events, in hexadecimal: the pack itself is not kept. */
  | {
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
  /** Somebody took away a file, or the whole of a record by the API. Recorded before the first byte of it is sent. */
  | {
      type: 'RecordsExported'
      data: {
        kind: ExportKind
        /** Of one journey its id, of a register its name. */
        of: string
        /** How many events or rows it holds. */
        records: number
        /** Whether personal fields went out opened. */
        personalFields: boolean
      }
    }

/** What can be taken away beside evidence packs. The words are what a list says of it. */
export const exportKinds = {
  history_file: 'The history of one journey, as JSON Lines',
  history_api: 'The history of one journey, by the API',
  picture: 'A picture of one journey',
  register_csv: 'A register, as CSV',
  register_jsonl: 'A register, as JSON Lines',
} as const
export type ExportKind = keyof typeof exportKinds

export const isExportKind = (text: unknown): text is ExportKind =>
  typeof text === 'string' && Object.hasOwn(exportKinds, text)

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
  RecordsExported: { kind: 'open', of: 'open', records: 'open', personalFields: 'open' },
}

type DataOf<T extends EvidencePackEvent['type']> = Extract<EvidencePackEvent, { type: T }>['data']
export type PackMadeData = DataOf<'EvidencePackMade'>
export type ExportData = DataOf<'RecordsExported'>

/** A pack or a file is handed out once this is recorded. */
export type EvidencePackCommand = CommandContext &
  ({ type: 'RecordEvidencePack'; data: PackMadeData } | { type: 'RecordExport'; data: ExportData })

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
  decide: ({ isMade }, command) => {
    if (isMade) return []
    switch (command.type) {
      case 'RecordEvidencePack':
        return [{ type: 'EvidencePackMade', data: command.data }]
      case 'RecordExport':
        return [{ type: 'RecordsExported', data: command.data }]
    }
  },
}
