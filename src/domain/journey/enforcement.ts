/** What follows when he does not come or does not comply: warnings, breach, recall. */
import type { CommandContext } from '../history.ts'
import type { Classified } from '../privacy.ts'

/** Names and fields are the stored format: add to them, never rename them. */
export type EnforcementEvent =
  /** He was warned, and told what for. */
  | { type: 'WarningIssued'; data: { about?: string; note?: string; asWritten?: Record<string, string> } }
  /** The order was taken back to court, or steps to do so began. */
  | { type: 'BreachInitiated'; data: { about?: string; note?: string; asWritten?: Record<string, string> } }
  /** The breach was dealt with, and he may go on. */
  | { type: 'BreachResolved'; data: { about?: string; note?: string; asWritten?: Record<string, string> } }
  /** He was recalled to prison. */
  | { type: 'RecallRecorded'; data: { about?: string; note?: string; asWritten?: Record<string, string> } }

const privacy = { about: 'special', note: 'personal', asWritten: 'personal' } as const

export const enforcementPrivacy: Classified<EnforcementEvent> = {
  WarningIssued: privacy,
  BreachInitiated: privacy,
  BreachResolved: privacy,
  RecallRecorded: privacy,
}

type Data = EnforcementEvent['data']

export type EnforcementCommand = CommandContext &
  (
    | { type: 'IssueWarning'; data: Data }
    | { type: 'InitiateBreach'; data: Data }
    | { type: 'ResolveBreach'; data: Data }
    | { type: 'RecordRecall'; data: Data }
  )

export function decideEnforcement(command: EnforcementCommand): readonly EnforcementEvent[] {
  switch (command.type) {
    case 'IssueWarning':
      return [{ type: 'WarningIssued', data: command.data }]
    case 'InitiateBreach':
      return [{ type: 'BreachInitiated', data: command.data }]
    case 'ResolveBreach':
      return [{ type: 'BreachResolved', data: command.data }]
    case 'RecordRecall':
      return [{ type: 'RecallRecorded', data: command.data }]
  }
}
