/** What an import turned away: remembered in the log, so that the same contact log read again is judged the same. Stream `import-<id>`. */
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
