/** Who may not see a case, or who alone may, until when and why. Stream `limitedaccess-<participant id>`. Nothing personal is in it. */
import { daysBetween, isDay, type Day } from './calendar.ts'
import { folding, Refusal, type Actor, type CommandContext, type History } from './history.ts'
import type { Classified } from './privacy.ts'

/** `exclusion`: these people may not see the case. `restriction`: nobody but these people may. */
export const limitKinds = {
  exclusion: 'These people may not see the case',
  restriction: 'Only these people may see the case',
} as const
export type LimitKind = keyof typeof limitKinds

/** Why access is limited: a list, so that no free text about anybody gets into the log unsealed. */
export const limitReasons = {
  knows_him: 'They know him or his family',
  in_the_case: 'They are a victim, a witness or a party in the case',
  conflict_of_interest: 'They have another interest in the case',
  staff_or_relative: 'He works for the service, or is a relative of somebody who does',
  public_interest: 'The case is followed by the press or the public',
  safety: 'Somebody would be in danger',
  court_or_police: 'A court or the police asked for it',
} as const
export type LimitReason = keyof typeof limitReasons

/** Names and fields are the stored format: add to them, never rename them. */
export type LimitedAccessEvent =
  /** From now on, and up to and including the day, the people named may not see the case, or nobody else may. */
  | {
      type: 'CaseAccessLimited'
      data: {
        kind: LimitKind
        /** Their opaque ids, as the identity provider names them. */
        people: readonly string[]
        reason: LimitReason
        until: Day
      }
    }
  /** A limit ended before its day. */
  | {
      type: 'CaseAccessLimitLifted'
      data: {
        /** The revision of the event that set it. */
        limit: number
      }
    }

export const limitedAccessPrivacy: Classified<LimitedAccessEvent> = {
  CaseAccessLimited: { kind: 'open', people: 'open', reason: 'open', until: 'open' },
  CaseAccessLimitLifted: { limit: 'open' },
}

export const limitedAccessEventTypes = Object.keys(limitedAccessPrivacy) as LimitedAccessEvent['type'][]

export type LimitedAccessCommand = CommandContext &
  (
    | { type: 'LimitAccess'; data: Extract<LimitedAccessEvent, { type: 'CaseAccessLimited' }>['data'] }
    | { type: 'LiftLimit'; data: Extract<LimitedAccessEvent, { type: 'CaseAccessLimitLifted' }>['data'] }
  )

/** A limit on who may see a case, as it was set. */
export interface AccessLimit {
  /** The revision of the event that set it. */
  readonly limit: number
  readonly kind: LimitKind
  readonly people: readonly string[]
  readonly reason: LimitReason
  /** The day on which it was set, and the last day on which it holds. */
  readonly from: Day
  readonly until: Day
  readonly setBy: Actor
  readonly lifted: { readonly on: Day; readonly by: Actor } | null
}

export interface AccessLimits {
  /** By the revision of the event that set it. */
  readonly limits: ReadonlyMap<number, AccessLimit>
  readonly handled: ReadonlySet<string>
}

/** A limit holds for so many days at most; whoever still needs it then sets it again. */
export const longestLimitDays = 730
/** A limit names so many people at most. */
export const mostLimitedPeople = 100

const actorIdShape = /^[\w.:|-]{1,128}$/

/** Whether it can be the opaque id of a person, as the identity provider names him. */
export const isActorId = (text: unknown): text is string => typeof text === 'string' && actorIdShape.test(text)

export const limitedAccessHistory: History<AccessLimits, LimitedAccessCommand, LimitedAccessEvent> = {
  category: 'limitedaccess',
  initial: { limits: new Map(), handled: new Set() },
  ...folding<AccessLimits, LimitedAccessEvent>(
    ({ limits, handled }) => ({ limits: new Map(limits), handled: new Set(handled) }),
    ({ limits, handled }, { type, data, revision, metadata }) => {
      const { actor: by, occurredAt: on, commandId } = metadata
      handled.add(commandId)
      if (type === 'CaseAccessLimited')
        limits.set(revision, { limit: revision, ...data, from: on, setBy: by, lifted: null })
      else if (limits.has(data.limit)) limits.set(data.limit, { ...limits.get(data.limit)!, lifted: { on, by } })
    },
  ),
  decide({ limits, handled }, { type, data, commandId, occurredOn }) {
    if (handled.has(commandId)) return []
    if (type === 'LiftLimit') {
      const set = limits.get(data.limit)
      if (!set) throw new Refusal('no_such_limit', 'There is no such limit on who may see this case.')
      if (!isInForce(set, occurredOn)) throw new Refusal('limit_is_over', 'This limit is over already.')
      return [{ type: 'CaseAccessLimitLifted', data: { limit: data.limit } }]
    }
    const { kind, reason, until } = data
    const people = [...new Set(data.people)]
    if (!Object.hasOwn(limitKinds, kind)) throw new Refusal('unknown_limit', 'Select who may not see this case.')
    if (!Object.hasOwn(limitReasons, reason)) throw new Refusal('unknown_limit_reason', 'Select why.')
    if (people.length === 0 || people.length > mostLimitedPeople || !people.every(isActorId))
      throw new Refusal('unknown_people', `Name 1 to ${mostLimitedPeople} people, each by the id of his account.`)
    if (!isDay(until) || until < occurredOn || daysBetween(occurredOn, until) > longestLimitDays)
      throw new Refusal('unknown_end', 'The last day must be today or later, and within two years.')
    return [{ type: 'CaseAccessLimited', data: { kind, people, reason, until } }]
  },
}

/** Whether a limit holds on a day. */
export const isInForce = ({ lifted, until }: Pick<AccessLimit, 'lifted' | 'until'>, on: Day): boolean =>
  lifted === null && until >= on
