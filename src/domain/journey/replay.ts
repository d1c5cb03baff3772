/** A journey as it stood at any moment, on either clock: what had happened by a day, or what was known at an instant. */
import type { Recorded } from '../history.ts'
import { dayOf, daysBetween, type Day, type Instant } from '../calendar.ts'
import { figuresOf, statusOf, type JourneyFigures, type Status } from './figures.ts'
import { standingOf, type FactType, type Standing } from './believed.ts'
import { isFactType } from './correctable.ts'
import { applyInPlace, foldFacts, ownFacts, type JourneyEvent } from './fold.ts'
import type { Outcome, Reason } from './outcomes.ts'
import { nothingKnown, type JourneyFacts } from './state.ts'

/** A place on one of the two clocks, inclusive. */
export type Moment =
  /** Everything we know today of what had happened by the end of that day. */
  | { readonly clock: 'happened'; readonly by: Day }
  /** Only what had been recorded by that instant, right or wrong. */
  | { readonly clock: 'known'; readonly by: Instant }

/** Something believed at the moment that the record no longer says. */
export type ChangedBelief =
  | {
      readonly about: 'session'
      readonly sessionId: string
      readonly then: Outcome
      /** Null where nothing is on record of that session any more. */
      readonly now: Outcome | null
      readonly revision: number
    }
  | { readonly about: 'reason'; readonly then: Reason; readonly now: Reason; readonly revision: number }
  /** Anything else that a fact said; `fact` is the event that told it first. */
  | {
      readonly about: 'record'
      readonly type: FactType
      readonly fact: number
      /** The event that said it then, and the one that says it now; null where it was withdrawn. */
      readonly then: number
      readonly now: number | null
      readonly revision: number
    }

export interface JourneyMoment {
  readonly moment: Moment
  readonly status: Status
  readonly facts: JourneyFacts
  readonly figures: JourneyFigures
  /** The events that count at this moment, in the order of the log. */
  readonly included: readonly Recorded<JourneyEvent>[]
  /** The last of them on this moment's clock, or null before the first. */
  readonly last: Recorded<JourneyEvent> | null
  /** What was believed then and is no longer. Empty on the clock of what happened: that clock knows everything. */
  readonly changedSince: readonly ChangedBelief[]
}

/**
 * The day an event is about. Whatever corrects or withdraws a record is about the day on which the fact is now believed to have
 * happened: it changes what we believe of that day, whenever it was made.
 */
function dayItConcerns({ revision }: Recorded<JourneyEvent>, { recorded }: JourneyFacts, { saidAnew }: Standing): Day {
  const { fact } = recorded.get(revision)!
  return recorded.get(saidAnew.get(fact) ?? fact)!.on
}

export const believedNow = (events: readonly Recorded<JourneyEvent>[]): JourneyFacts => foldFacts(nothingKnown, events)

/** A journey laid out on one clock. What does not depend on the moment is worked out once, so that a moment is one pass over the events. */
export interface JourneyOnClock {
  readonly clock: Moment['clock']
  /**
   * Where the playhead can stop: every place at which something is added, in order, without repeats. On the clock of what
   * happened a place is a day; on the clock of what was known, an instant.
   */
  readonly places: readonly string[]
  /** What is added at a place, in the order of the log; nothing where the place is none of them. */
  addedAt(place: string): readonly Recorded<JourneyEvent>[]
  at(by: string): JourneyMoment
  /** Every place at which the status changes, and to what: one pass for all of them. */
  statusChanges(): readonly { readonly at: string; readonly status: Status }[]
}

export function journeyOn(clock: Moment['clock'], events: readonly Recorded<JourneyEvent>[]): JourneyOnClock {
  const final = believedNow(events)
  const standing = standingOf(final.recorded)
  const placeOf = (event: Recorded<JourneyEvent>) =>
    clock === 'known' ? event.metadata.recordedAt : dayItConcerns(event, final, standing)
  const byPlace = Map.groupBy(events, placeOf)
  const places = [...byPlace.keys()].sort()
  return {
    clock,
    places,
    addedAt: (place) => byPlace.get(place) ?? [],
    at(by) {
      const included = events.filter((event) => placeOf(event) <= by)
      const facts = believedNow(included)
      return {
        moment: { clock, by },
        status: statusOf(facts),
        facts,
        figures: figuresOf(facts),
        included,
        last: lastOf(included, placeOf),
        changedSince: clock === 'known' ? changesSince(facts, final, standing) : [],
      }
    },
    statusChanges() {
      const changes: { at: string; status: Status }[] = []
      let facts = ownFacts(nothingKnown)
      let latest = -1
      for (const place of places) {
        const added = byPlace.get(place)!
        // Of two on one day the one recorded last is believed: where one was recorded before others of earlier places, all are folded anew.
        if (added[0]!.revision < latest)
          facts = ownFacts(believedNow(events.filter((event) => placeOf(event) <= place)))
        else for (const event of added) applyInPlace(facts, event)
        latest = Math.max(latest, added.at(-1)!.revision)
        const status = statusOf(facts)
        if (changes.at(-1)?.status !== status) changes.push({ at: place, status })
      }
      return changes
    },
  }
}

export const journeyAt = (events: readonly Recorded<JourneyEvent>[], { clock, by }: Moment): JourneyMoment =>
  journeyOn(clock, events).at(by)

/** Of several at one place, the one the log holds last. */
const lastOf = (
  included: readonly Recorded<JourneyEvent>[],
  placeOf: (event: Recorded<JourneyEvent>) => string,
): Recorded<JourneyEvent> | null =>
  included.reduce<Recorded<JourneyEvent> | null>(
    (latest, event) => (latest === null || placeOf(event) >= placeOf(latest) ? event : latest),
    null,
  )

/** The event named with a changed belief is the one by which it is believed no more. */
function changesSince(then: JourneyFacts, now: JourneyFacts, standing: Standing): readonly ChangedBelief[] {
  const changes: ChangedBelief[] = []
  const told = new Set<number>()
  for (const [sessionId, { outcome, revision }] of then.sessions) {
    const current = now.sessions.get(sessionId)
    if (current?.outcome === outcome) continue
    const { fact } = now.recorded.get(revision)!
    const changedBy = current?.revision ?? standing.withdrawnBy.get(fact) ?? standing.current.get(fact) ?? revision
    changes.push({ about: 'session', sessionId, then: outcome, now: current?.outcome ?? null, revision: changedBy })
    told.add(fact)
  }
  if (then.ending?.reason && now.ending?.reason && then.ending.reason !== now.ending.reason) {
    const left = now.recorded.get(then.ending.revision)!.fact
    // Where he came back and left again, the second time changes nothing that was believed of the first.
    const cameBack = [...standing.current.keys()].some(
      (fact) => fact > left && now.recorded.get(fact)!.type === 'JourneyReinstated',
    )
    if (!cameBack) {
      const { fact } = now.recorded.get(now.ending.revision)!
      const revision = standing.current.get(fact) ?? now.ending.revision
      changes.push({ about: 'reason', then: then.ending.reason, now: now.ending.reason, revision })
      told.add(left)
    }
  }
  const before = standingOf(then.recorded)
  for (const fact of before.current.keys()) {
    const { type } = now.recorded.get(fact)!
    const [said, says] = [before.saidAnew.get(fact) ?? fact, standing.saidAnew.get(fact) ?? fact]
    const stands = standing.current.has(fact)
    if ((stands && said === says) || told.has(fact) || !isFactType(type)) continue
    const changedBy =
      standing.withdrawnBy.get(fact) ?? (said === says ? fact : Math.max(says, standing.withdrawnBy.get(said) ?? 0))
    changes.push({ about: 'record', type, fact, then: said, now: stands ? says : null, revision: changedBy })
  }
  return changes
}

/** See {@link JourneyOnClock.places}. */
export const placesOn = (clock: Moment['clock'], events: readonly Recorded<JourneyEvent>[]): readonly string[] =>
  journeyOn(clock, events).places

/** A record made more than this many days after the event is late, and is shown so. Our own choice of threshold. */
export const lateAfterDays = 5

/** Whole days between the day it happened and the day, in the service's time zone, on which it was recorded. */
export const daysLate = ({ metadata }: { metadata: { occurredAt: Day; recordedAt: Instant } }): number =>
  daysBetween(metadata.occurredAt, dayOf(metadata.recordedAt))

export const isLate = (event: { metadata: { occurredAt: Day; recordedAt: Instant } }): boolean =>
  daysLate(event) > lateAfterDays
