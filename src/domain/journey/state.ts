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
  /** The revision of the event that said he left or finished. */
  readonly revision: number
}

/**
 * One recorded event as far as the fold reads it, kept so that a correction can be believed from the day of the fact on:
 * the fact it tells, or the version of another event's fact that it is.
 */
export interface RecordedVersion {
  readonly type: string
  readonly on: Day
  /** The revision of the event that told the fact first: its own, where it is that event. */
  readonly fact: number
  readonly data: Readonly<Record<string, unknown>>
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
  /** Every event so far by its revision: what is believed is folded anew from them once a record is corrected or withdrawn. */
  readonly recorded: ReadonlyMap<number, RecordedVersion>
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
  recorded: new Map(),
}

export const notReferred: Journey = { ...nothingKnown, handled: new Set() }
