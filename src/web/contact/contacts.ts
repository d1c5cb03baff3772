/** The contacts that one form records: what each is called, the command it names, and the one detail it may ask for. */
import type { JourneyCommand } from '../../domain/journey/journey.ts'
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
  readonly name: string
  readonly hint?: string
  readonly names: (fields: ContactFields) => Named
}

const noted = ({ note }: ContactFields) => (note ? { note } : {})
const about = (fields: ContactFields) => ({ ...(fields.about && { about: fields.about }), ...noted(fields) })

export const decisions: Readonly<Record<Suitability, string>> = {
  suitable: 'Suitable',
  not_ready: 'Suitable but not ready',
  not_suitable: 'Not suitable',
  not_stated: 'Not stated',
}

export const contacts = {
  'eligibility-assessed': {
    name: 'Eligibility assessed',
    names: (fields) => ({
      command: 'AssessEligibility',
      data: { ...(fields.result && { result: fields.result }), ...noted(fields) },
    }),
  },
  'suitability-decided': {
    name: 'Suitability decided',
    names: (fields) => ({
      command: 'DecideSuitability',
      data: { decision: (fields.decision || 'not_stated') as Suitability, ...noted(fields) },
    }),
  },
  'placed-on-waiting-list': {
    name: 'Placed on waiting list',
    names: (fields) => ({ command: 'PlaceOnWaitingList', data: noted(fields) }),
  },
  'allocated-to-group': {
    name: 'Allocated to group',
    names: (fields) => ({ command: 'AllocateToGroup', data: { groupId: fields.groupId, ...noted(fields) } }),
  },
  'three-way-meeting': {
    name: 'Three-way meeting',
    names: (fields) => ({ command: 'HoldThreeWayMeeting', data: noted(fields) }),
  },
  'programme-review': {
    name: 'Programme review',
    names: (fields) => ({ command: 'CompleteProgrammeReview', data: noted(fields) }),
  },
  'warning-issued': { name: 'Warning', names: (fields) => ({ command: 'IssueWarning', data: about(fields) }) },
  'breach-initiated': {
    name: 'Breach initiated',
    names: (fields) => ({ command: 'InitiateBreach', data: about(fields) }),
  },
  'breach-resolved': {
    name: 'Breach resolved',
    names: (fields) => ({ command: 'ResolveBreach', data: about(fields) }),
  },
  'recall-recorded': { name: 'Recall', names: (fields) => ({ command: 'RecordRecall', data: about(fields) }) },
  'provider-transfer': {
    name: 'Provider transfer',
    hint: 'The journey goes on; the clock is not reset',
    names: (fields) => ({ command: 'AcceptProviderTransfer', data: { provider: fields.provider, ...noted(fields) } }),
  },
} satisfies Record<string, Contact>

export type ContactKey = keyof typeof contacts

export const contactKeys = Object.keys(contacts) as ContactKey[]

export const contact = (key: ContactKey): Contact => contacts[key]
