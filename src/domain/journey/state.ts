/** What the rules of a journey need to remember: no more than that, so that many journeys can be held in mind at once. */
import type { Day } from '../calendar.ts'
import type { Outcome, Reason } from './outcomes.ts'

/** What is now believed of one session, and where in the stream it was said. */
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

export interface Journey {
  readonly participantId: string | null
  readonly programme: { readonly key: string; readonly version: number } | null
  readonly allocated: boolean
  /** True once any session was recorded as attended, whatever was corrected later. */
  readonly started: boolean
  readonly sessions: ReadonlyMap<string, SessionBelief>
  readonly ending: Ending | null
  /** Every command already answered: told twice, written once. */
  readonly handled: ReadonlySet<string>
}

export const notReferred: Journey = {
  participantId: null,
  programme: null,
  allocated: false,
  started: false,
  sessions: new Map(),
  ending: null,
  handled: new Set(),
}
