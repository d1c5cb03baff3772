/** His place in a group, and who has him: allocation, the meetings around the sessions, and a change of provider. */
import type { CommandContext } from '../history.ts'
import type { Classified } from '../privacy.ts'

/** Names and fields are the stored format: add to them, never rename them. */
export type DeliveryEvent =
  /** He was given a place in a group. */
  | { type: 'AllocatedToGroup'; data: { groupId: string; note?: string; asWritten?: Record<string, string> } }
  /** He, his facilitator and his case manager met. */
  | { type: 'ThreeWayMeetingHeld'; data: { note?: string; asWritten?: Record<string, string> } }
  /** His progress through the programme was reviewed. */
  | { type: 'ProgrammeReviewCompleted'; data: { note?: string; asWritten?: Record<string, string> } }
  /** Another provider took the journey over; the clock goes on. */
  | { type: 'ProviderTransferAccepted'; data: { provider: string; note?: string; asWritten?: Record<string, string> } }

export const deliveryPrivacy: Classified<DeliveryEvent> = {
  AllocatedToGroup: { groupId: 'open', note: 'personal', asWritten: 'personal' },
  ThreeWayMeetingHeld: { note: 'personal', asWritten: 'personal' },
  ProgrammeReviewCompleted: { note: 'personal', asWritten: 'personal' },
  ProviderTransferAccepted: { provider: 'open', note: 'personal', asWritten: 'personal' },
}

type DataOf<T extends DeliveryEvent['type']> = Extract<DeliveryEvent, { type: T }>['data']

export type DeliveryCommand = CommandContext &
  (
    | { type: 'AllocateToGroup'; data: DataOf<'AllocatedToGroup'> }
    | { type: 'HoldThreeWayMeeting'; data: DataOf<'ThreeWayMeetingHeld'> }
    | { type: 'CompleteProgrammeReview'; data: DataOf<'ProgrammeReviewCompleted'> }
    | { type: 'AcceptProviderTransfer'; data: DataOf<'ProviderTransferAccepted'> }
  )

export function decideDelivery(command: DeliveryCommand): readonly DeliveryEvent[] {
  switch (command.type) {
    case 'AllocateToGroup':
      return [{ type: 'AllocatedToGroup', data: command.data }]
    case 'HoldThreeWayMeeting':
      return [{ type: 'ThreeWayMeetingHeld', data: command.data }]
    case 'CompleteProgrammeReview':
      return [{ type: 'ProgrammeReviewCompleted', data: command.data }]
    case 'AcceptProviderTransfer':
      return [{ type: 'ProviderTransferAccepted', data: command.data }]
  }
}
