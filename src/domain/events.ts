/** The union of all events, how sensitive each of their fields is, and every event in one plain sentence. */
import type { Recorded } from './history.ts'
import { importPrivacy, type ImportEvent } from './import-record.ts'
import { journeyPrivacy, type JourneyEvent } from './journey/journey.ts'
import { outcomes, reasons } from './journey/outcomes.ts'
import { participantPrivacy, type ParticipantEvent } from './participant.ts'
import type { Classified, Privacy } from './privacy.ts'
import { programmeAt, sessionOf } from './programme.ts'

export type DomainEvent = JourneyEvent | ParticipantEvent | ImportEvent

export const privacyOf: Classified<DomainEvent> = { ...journeyPrivacy, ...participantPrivacy, ...importPrivacy }

export type EventType = DomainEvent['type']

export const eventTypes = Object.keys(privacyOf) as EventType[]

export const isEventType = (type: string): type is EventType => named.has(type)

/** The type of that name. It is always the same string, so that whatever is kept by type is found at once. */
export const eventTypeOf = (name: string): EventType | undefined => named.get(name)

const named = new Map<string, EventType>(eventTypes.map((type) => [type, type]))

/** The fields of an event type that must be sealed before they reach the log. */
export const sealedFieldsOf = (type: EventType): readonly string[] => sealedFields[type]

const sealedFields = Object.fromEntries(
  Object.entries(privacyOf).map(([type, fields]) => [
    type,
    Object.entries(fields as Record<string, Privacy>)
      .filter(([, privacy]) => privacy !== 'open')
      .map(([field]) => field),
  ]),
) as unknown as Record<EventType, readonly string[]>

const sessionName = (id: string): string => {
  const programme = programmeAt('bbr', 1)
  const session = programme && sessionOf(programme, id)
  return session ? `${session.name} (${id})` : id
}

const room = (staff: readonly string[]): string => (staff.length === 0 ? 'nobody named' : staff.join(' and '))

/** The event in one plain sentence that says nothing about who he is. */
export function sentenceOf(event: Recorded<DomainEvent>): string {
  switch (event.type) {
    case 'ReferralReceived':
      return `He was referred to the programme ${event.data.programme.key}${event.data.provider ? ` at ${event.data.provider}` : ''}.`
    case 'EligibilityAssessed':
      return 'His eligibility was assessed.'
    case 'SuitabilityDecided':
      return {
        suitable: 'It was decided that the programme is suitable for him.',
        not_ready: 'It was decided that the programme is suitable for him but that he is not ready.',
        not_suitable: 'It was decided that the programme is not suitable for him.',
        not_stated: 'A decision was made on whether the programme is suitable for him.',
      }[event.data.decision]
    case 'PlacedOnWaitingList':
      return 'He was placed on the waiting list.'
    case 'AllocatedToGroup':
      return `He was allocated to group ${event.data.groupId || '(not named)'}.`
    case 'ThreeWayMeetingHeld':
      return 'A three-way meeting was held.'
    case 'ProgrammeReviewCompleted':
      return 'A programme review was completed.'
    case 'ProviderTransferAccepted':
      return `His journey was taken over by ${event.data.provider || 'another provider'}.`
    case 'AttendanceRecorded':
      return `${sessionName(event.data.sessionId)}: ${outcomes[event.data.outcome].toLowerCase()} (${event.data.outcome}), with ${room(event.data.actualFacilitators)} in the room.`
    case 'AttendanceCorrected':
      return `The record of ${sessionName(event.data.sessionId)} was corrected from ${event.data.was} to ${event.data.outcome} (${outcomes[event.data.outcome].toLowerCase()}); event ${event.data.corrects} said otherwise.`
    case 'WarningIssued':
      return 'He was given a warning.'
    case 'BreachInitiated':
      return 'Breach proceedings were begun.'
    case 'BreachResolved':
      return 'The breach was resolved.'
    case 'RecallRecorded':
      return 'He was recalled to prison.'
    case 'ParticipantDroppedOut':
      return `He dropped out; the reason on record: ${reasons[event.data.reason].toLowerCase()}.`
    case 'ProgrammeCompleted':
      return 'He completed the programme.'
    case 'OutcomeRecategorised':
      return `The reason for leaving was recategorised from ${reasons[event.data.from].toLowerCase()} to ${reasons[event.data.to].toLowerCase()}.`
    case 'ParticipantRegistered':
      return 'He became known to the service.'
    case 'ParticipantDetailsCorrected':
      return 'His personal details were corrected.'
    case 'ContactRefused':
      return `A record of a contact log was refused: ${event.data.reason}.`
  }
}
