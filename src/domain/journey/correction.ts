/** Putting any record right: a recorded fact is said anew, or taken back as recorded in error. Both stay beside what they correct. */
import type { CommandContext } from '../history.ts'
import type { Classified } from '../privacy.ts'
import type { FactType } from './believed.ts'

/** Names and fields are the stored format: add to them, never rename them. */
export type CorrectionEvent =
  /** A record was wrong. This is believed instead from now on; it happened on the day this event is dated. */
  | {
      type: 'RecordCorrected'
      data: {
        /** The revision of the event that is corrected: the one that told the fact, or its last correction. */
        corrects: number
        /** The type of the event that told the fact first. */
        of: FactType
        /** The schema version of that type in which the data is written. */
        version: number
        /** All that the fact now says, in the fields of that type and as well protected as they are. */
        data: Readonly<Record<string, unknown>>
        because: string
      }
    }
  /** What an event says never happened, or a correction was itself wrong. It is believed no more. */
  | {
      type: 'RecordWithdrawn'
      data: {
        /** The revision of the event that is withdrawn. */
        withdraws: number
        because: string
      }
    }

export const correctionPrivacy: Classified<CorrectionEvent> = {
  RecordCorrected: { corrects: 'open', of: 'open', version: 'open', data: 'as_told', because: 'personal' },
  RecordWithdrawn: { withdraws: 'open', because: 'personal' },
}

/** What the log says of a fact until it is corrected. Whoever issues the command reads it from the log; no person types it. */
export interface SaidUntilNow {
  readonly of: FactType
  readonly version: number
  readonly data: Readonly<Record<string, unknown>>
}

export type CorrectionCommand = CommandContext &
  (
    | {
        /** It happened on the day of the command. */
        type: 'CorrectRecord'
        data: {
          corrects: number
          /** By field, what it should say instead; an empty text takes away a field that need not be there. */
          changes: Readonly<Record<string, unknown>>
          because: string
          said: SaidUntilNow
        }
      }
    | { type: 'WithdrawRecord'; data: { withdraws: number; because: string } }
  )
