/** From the referral to a place on the waiting list: who sent him, for which programme, and whether he can take part. */
import { Refusal, type CommandContext } from '../history.ts'
import type { Classified } from '../privacy.ts'
import type { Journey } from './state.ts'

export const referralSourceNames = {
  court_requirement: 'Court requirement',
  licence_condition: 'Licence condition',
  family_court: 'Family court',
  voluntary: 'Voluntary',
  not_stated: 'Not stated',
} as const

export type ReferralSource = keyof typeof referralSourceNames

export const suitabilityNames = {
  suitable: 'Suitable',
  not_ready: 'Suitable but not ready',
  not_suitable: 'Not suitable',
  not_stated: 'Not stated',
} as const

export type Suitability = keyof typeof suitabilityNames

export const suitabilities = Object.keys(suitabilityNames) as Suitability[]

/** Names and fields are the stored format: add to them, never rename them. */
export type ReferralEvent =
  /** A court, a licence, a family court or the man himself asked for a place on a programme. */
  | {
      type: 'ReferralReceived'
      data: {
        participantId: string
        programme: { readonly key: string; readonly version: number }
        source: ReferralSource
        provider: string
        /** The referral's own reference in the system it came from. */
        reference?: string
        note?: string
        asWritten?: Record<string, string>
      }
    }
  /** An assessment tool was used to ask whether the programme is meant for him. */
  | { type: 'EligibilityAssessed'; data: { result?: string; note?: string; asWritten?: Record<string, string> } }
  /** Someone decided whether he can take part now. */
  | {
      type: 'SuitabilityDecided'
      data: { decision: Suitability; result?: string; note?: string; asWritten?: Record<string, string> }
    }
  /** He waits for a group. */
  | { type: 'PlacedOnWaitingList'; data: { note?: string; asWritten?: Record<string, string> } }

export const referralPrivacy: Classified<ReferralEvent> = {
  ReferralReceived: {
    participantId: 'open',
    programme: 'open',
    source: 'open',
    provider: 'open',
    reference: 'personal',
    note: 'personal',
    asWritten: 'personal',
  },
  EligibilityAssessed: { result: 'special', note: 'personal', asWritten: 'personal' },
  SuitabilityDecided: { decision: 'open', result: 'special', note: 'personal', asWritten: 'personal' },
  PlacedOnWaitingList: { note: 'personal', asWritten: 'personal' },
}

type DataOf<T extends ReferralEvent['type']> = Extract<ReferralEvent, { type: T }>['data']

export type ReferralCommand = CommandContext &
  (
    | { type: 'Refer'; data: DataOf<'ReferralReceived'> }
    | { type: 'AssessEligibility'; data: DataOf<'EligibilityAssessed'> }
    | { type: 'DecideSuitability'; data: DataOf<'SuitabilityDecided'> }
    | { type: 'PlaceOnWaitingList'; data: DataOf<'PlacedOnWaitingList'> }
  )

/** A journey begins once. */
export function refuseSecondReferral(journey: Journey): void {
  if (journey.participantId !== null) {
    throw new Refusal('already_referred', 'There is already a referral on this journey.')
  }
}

export function decideReferral(command: ReferralCommand): readonly ReferralEvent[] {
  switch (command.type) {
    case 'Refer':
      return [{ type: 'ReferralReceived', data: command.data }]
    case 'AssessEligibility':
      return [{ type: 'EligibilityAssessed', data: command.data }]
    case 'DecideSuitability':
      return [{ type: 'SuitabilityDecided', data: command.data }]
    case 'PlaceOnWaitingList':
      return [{ type: 'PlacedOnWaitingList', data: command.data }]
  }
}
