/** What is believed of a journey: everything that its rules ask and its figures are made of, and nothing personal. */
import type { Day } from '../calendar.ts'
import type { Outcome, Reason } from './outcomes.ts'

/** What is now believed of one session, the day it was held, and the revision of the event that said so last. */
export interface SessionBelief {
  readonly outcome: Outcome
  readonly heldOn: Day
  readonly revision: number
}

export interface Ending {
  readonly how: 'completed' | 'dropped_out'
  readonly on: Day
  readonly reason: Reason | null
}

/** What the events of a journey come to. Days are the latest of their kind unless named otherwise. */
export interface JourneyFacts {
  readonly participantId: string | null
  readonly programme: { readonly key: string; readonly version: number } | null
  readonly referredOn: Day | null
  readonly suitability: { readonly on: Day; readonly ready: boolean } | null
  readonly waitingSince: Day | null
  readonly allocatedOn: Day | null
  /** The last group that was named, and the day he was given his place in it. */
  readonly groupId: string | null
  readonly groupSince: Day | null
  /** The provider that has him, and the day of the transfer to it: null while it is the provider of the referral. */
  readonly provider: string | null
  readonly providerSince: Day | null
  /** By the code of the session, in the order in which they were first recorded. */
  readonly sessions: ReadonlyMap<string, SessionBelief>
  /** True once any session was recorded as attended, whatever was corrected later. */
  readonly started: boolean
  readonly facilitatorsMet: ReadonlySet<string>
  readonly warnings: number
  readonly breachOn: Day | null
  readonly breachResolvedOn: Day | null
  readonly recalledOn: Day | null
  readonly ending: Ending | null
  readonly corrections: number
  readonly recategorisations: number
  readonly lastContactOn: Day | null
}

/** What a command is decided on: the facts, and the id of every command answered so far, so that a repeat writes nothing. */
export interface Journey extends JourneyFacts {
  readonly handled: ReadonlySet<string>
}

export const nothingKnown: JourneyFacts = {
  participantId: null,
  programme: null,
  referredOn: null,
  suitability: null,
  waitingSince: null,
  allocatedOn: null,
  groupId: null,
  groupSince: null,
  provider: null,
  providerSince: null,
  sessions: new Map(),
  started: false,
  facilitatorsMet: new Set(),
  warnings: 0,
  breachOn: null,
  breachResolvedOn: null,
  recalledOn: null,
  ending: null,
  corrections: 0,
  recategorisations: 0,
  lastContactOn: null,
}

export const notReferred: Journey = { ...nothingKnown, handled: new Set() }
