/** The contacts that one form records: what each is called, the command it names, and the one detail it may ask for. */
import { wordsOf } from '../../domain/event-words.ts'
import type { JourneyCommand, JourneyEvent } from '../../domain/journey/journey.ts'
import type { Suitability } from '../../domain/journey/referral.ts'

type Data<T extends JourneyCommand['type']> = Extract<JourneyCommand, { type: T }>['data']

type Named = { [T in JourneyCommand['type']]: { readonly command: T; readonly data: Data<T> } }[JourneyCommand['type']]

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
  readonly names: (fields: ContactFields) => Named
}

const noted = ({ note }: ContactFields) => (note ? { note } : {})
const about = (fields: ContactFields) => ({ ...(fields.about && { about: fields.about }), ...noted(fields) })

export const contacts = {
  'eligibility-assessed': {
    event: 'EligibilityAssessed',
    names: (fields) => ({
      command: 'AssessEligibility',
      data: { ...(fields.result && { result: fields.result }), ...noted(fields) },
    }),
  },
  'suitability-decided': {
    event: 'SuitabilityDecided',
    names: (fields) => ({
      command: 'DecideSuitability',
      data: { decision: (fields.decision || 'not_stated') as Suitability, ...noted(fields) },
    }),
  },
  'placed-on-waiting-list': {
    event: 'PlacedOnWaitingList',
    names: (fields) => ({ command: 'PlaceOnWaitingList', data: noted(fields) }),
  },
  'allocated-to-group': {
    event: 'AllocatedToGroup',
    names: (fields) => ({ command: 'AllocateToGroup', data: { groupId: fields.groupId, ...noted(fields) } }),
  },
  'three-way-meeting': {
    event: 'ThreeWayMeetingHeld',
    names: (fields) => ({ command: 'HoldThreeWayMeeting', data: noted(fields) }),
  },
  'programme-review': {
    event: 'ProgrammeReviewCompleted',
    names: (fields) => ({ command: 'CompleteProgrammeReview', data: noted(fields) }),
  },
  'warning-issued': { event: 'WarningIssued', names: (fields) => ({ command: 'IssueWarning', data: about(fields) }) },
  'breach-initiated': {
    event: 'BreachInitiated',
    names: (fields) => ({ command: 'InitiateBreach', data: about(fields) }),
  },
  'breach-resolved': {
    event: 'BreachResolved',
    names: (fields) => ({ command: 'ResolveBreach', data: about(fields) }),
  },
  'recall-recorded': { event: 'RecallRecorded', names: (fields) => ({ command: 'RecordRecall', data: about(fields) }) },
  'provider-transfer': {
    event: 'ProviderTransferAccepted',
    hint: 'The journey goes on; the clock is not reset',
    names: (fields) => ({ command: 'AcceptProviderTransfer', data: { provider: fields.provider, ...noted(fields) } }),
  },
} satisfies Record<string, Contact>

export type ContactKey = keyof typeof contacts

export const contactKeys = Object.keys(contacts) as ContactKey[]

export const contact = (key: ContactKey): Contact & { readonly name: string } => ({
  ...contacts[key],
  name: wordsOf(contacts[key].event).name,
})
