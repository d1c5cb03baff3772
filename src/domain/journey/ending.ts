/** How a journey ends, and how the reason may be recategorised afterwards without ever leaving the count. */
import { dayInWords } from '../calendar.ts'
import { Refusal, type CommandContext } from '../history.ts'
import type { Classified } from '../privacy.ts'
import { isReason, type Reason } from './outcomes.ts'
import type { Journey } from './state.ts'

/** Names and fields are the stored format: add to them, never rename them. */
export type EndingEvent =
  /** He left before the end. */
  | { type: 'ParticipantDroppedOut'; data: { reason: Reason; note?: string; asWritten?: Record<string, string> } }
  /** He finished. */
  | { type: 'ProgrammeCompleted'; data: { note?: string; asWritten?: Record<string, string> } }
  /** The reason on record for his leaving was changed. Both reasons stay, and he stays in the count. */
  | {
      type: 'OutcomeRecategorised'
      data: { from: Reason; to: Reason; note?: string; asWritten?: Record<string, string> }
    }
  /** He had left or finished, and it was decided that the journey goes on. The ending stays in the history. */
  | { type: 'JourneyReinstated'; data: { because: string } }

export const endingPrivacy: Classified<EndingEvent> = {
  ParticipantDroppedOut: { reason: 'open', note: 'personal', asWritten: 'personal' },
  ProgrammeCompleted: { note: 'personal', asWritten: 'personal' },
  OutcomeRecategorised: { from: 'open', to: 'open', note: 'personal', asWritten: 'personal' },
  JourneyReinstated: { because: 'personal' },
}

export type EndingCommand = CommandContext &
  (
    | { type: 'DropOut'; data: { reason: string; note?: string; asWritten?: Record<string, string> } }
    | { type: 'Complete'; data: { note?: string; asWritten?: Record<string, string> } }
    | { type: 'RecategoriseOutcome'; data: { to: string; note?: string; asWritten?: Record<string, string> } }
    | { type: 'ReinstateJourney'; data: { because: string } }
  )

const unknownReason = () =>
  new Refusal('unknown_reason', 'That is not one of the reasons for leaving. Choose one from the list.')

export function decideEnding(journey: Journey, command: EndingCommand): readonly EndingEvent[] {
  switch (command.type) {
    case 'DropOut': {
      const { reason } = command.data
      if (!isReason(reason)) throw unknownReason()
      return [{ type: 'ParticipantDroppedOut', data: { ...command.data, reason } }]
    }
    case 'Complete':
      if (!journey.started) {
        throw new Refusal(
          'not_started',
          'No session was ever recorded as attended, so the programme cannot be complete.',
        )
      }
      return [{ type: 'ProgrammeCompleted', data: command.data }]
    case 'RecategoriseOutcome': {
      const { to } = command.data
      if (!isReason(to)) throw unknownReason()
      if (journey.ending?.how !== 'dropped_out' || journey.ending.reason === null) {
        throw new Refusal(
          'nothing_to_recategorise',
          'This journey did not end by dropping out, so there is no reason to recategorise.',
        )
      }
      return [{ type: 'OutcomeRecategorised', data: { ...command.data, to, from: journey.ending.reason } }]
    }
    case 'ReinstateJourney':
      if (!journey.ending) {
        throw new Refusal('not_ended', 'This journey has not ended, so there is nothing to reinstate.')
      }
      if (command.occurredOn < journey.ending.on) {
        throw new Refusal(
          'before_the_end',
          `The date must be on or after ${dayInWords(journey.ending.on)}, when the journey ended.`,
        )
      }
      return [{ type: 'JourneyReinstated', data: command.data }]
  }
}
