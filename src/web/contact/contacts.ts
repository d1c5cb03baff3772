/** The contacts that one form records: what each is called, the command it names, and the one detail it may ask for. */
import { wordsOf } from '../../domain/event-words.ts'
import type { JourneyCommand, JourneyEvent } from '../../domain/journey/journey.ts'
import type { Suitability } from '../../domain/journey/referral.ts'

type Data<T extends JourneyCommand['type']> = Extract<JourneyCommand, { type: T }>['data']

type NamedCommand = {
  [T in JourneyCommand['type']]: { readonly type: T; readonly data: Data<T> }
}[JourneyCommand['type']]

export interface ContactFields {
  readonly result: string
  readonly decision: string
  readonly groupId: string
  readonly about: string
  readonly provider: string
  readonly note: string
}

interface Contact {
  /** The event that it becomes, and so what it is called. */
  readonly event: JourneyEvent['type']
  readonly hint?: string
  readonly command: (fields: ContactFields) => NamedCommand
}

const noted = ({ note }: ContactFields) => (note ? { note } : {})
const about = (fields: ContactFields) => ({ ...(fields.about && { about: fields.about }), ...noted(fields) })

export const contacts = {
  'eligibility-assessed': {
    event: 'EligibilityAssessed',
    command: (fields) => ({
      type: 'AssessEligibility',
      data: { ...(fields.result && { result: fields.result }), ...noted(fields) },
    }),
  },
  'suitability-decided': {
    event: 'SuitabilityDecided',
    command: (fields) => ({
      type: 'DecideSuitability',
      data: { decision: (fields.decision || 'not_stated') as Suitability, ...noted(fields) },
    }),
  },
  'placed-on-waiting-list': {
    event: 'PlacedOnWaitingList',
    command: (fields) => ({ type: 'PlaceOnWaitingList', data: noted(fields) }),
  },
  'allocated-to-group': {
    event: 'AllocatedToGroup',
    command: (fields) => ({ type: 'AllocateToGroup', data: { groupId: fields.groupId, ...noted(fields) } }),
  },
  'three-way-meeting': {
    event: 'ThreeWayMeetingHeld',
    command: (fields) => ({ type: 'HoldThreeWayMeeting', data: noted(fields) }),
  },
  'programme-review': {
    event: 'ProgrammeReviewCompleted',
    command: (fields) => ({ type: 'CompleteProgrammeReview', data: noted(fields) }),
  },
  'warning-issued': { event: 'WarningIssued', command: (fields) => ({ type: 'IssueWarning', data: about(fields) }) },
  'breach-initiated': {
    event: 'BreachInitiated',
    command: (fields) => ({ type: 'InitiateBreach', data: about(fields) }),
  },
  'breach-resolved': {
    event: 'BreachResolved',
    command: (fields) => ({ type: 'ResolveBreach', data: about(fields) }),
  },
  'recall-recorded': { event: 'RecallRecorded', command: (fields) => ({ type: 'RecordRecall', data: about(fields) }) },
  'provider-transfer': {
    event: 'ProviderTransferAccepted',
    hint: 'The journey goes on; the clock is not reset',
    command: (fields) => ({ type: 'AcceptProviderTransfer', data: { provider: fields.provider, ...noted(fields) } }),
  },
} satisfies Record<string, Contact>

export type ContactKey = keyof typeof contacts

export const contactKeys = Object.keys(contacts) as ContactKey[]

export const contact = (key: ContactKey): Contact & { readonly name: string } => ({
  ...contacts[key],
  name: wordsOf(contacts[key].event).name,
})
