/** What an import turned away: remembered in the log, so that the same contact log read again is judged the same. Stream `import-<id>`. */
import { folding, type CommandContext, type History } from './history.ts'
import type { Classified } from './privacy.ts'

/** Names and fields are the stored format: add to them, never rename them. */
export type ImportEvent =
  /** A record of a contact log was refused by a rule of the journey. `recordId` is a keyed digest of the whole record. */
  {
    type: 'ContactRefused'
    data: {
      recordId: string
      /** Which appearance of an identical record in its log this was, from 1. */
      occurrence: number
      reason: string
    }
  }

export const importPrivacy: Classified<ImportEvent> = {
  ContactRefused: { recordId: 'open', occurrence: 'open', reason: 'open' },
}

/** An import turned this appearance of the record away. */
export type ImportCommand = CommandContext & { type: 'RefuseContact'; data: ImportEvent['data'] }

/** What was turned away, in the part of the stream that was folded: an importer keeps the earlier part on disk, since it may be long. */
export interface ImportRecord {
  readonly refused: ReadonlySet<string>
}

const appearance = ({ recordId, occurrence }: ImportEvent['data']): string => `${recordId} ${occurrence}`

export const importHistory: History<ImportRecord, ImportCommand, ImportEvent> = {
  category: 'import',
  initial: { refused: new Set() },
  ...folding<ImportRecord, ImportEvent>(
    ({ refused }) => ({ refused: new Set(refused) }),
    ({ refused }, { data }) => void refused.add(appearance(data)),
  ),
  decide: ({ refused }, { data }) => (refused.has(appearance(data)) ? [] : [{ type: 'ContactRefused', data }]),
}
