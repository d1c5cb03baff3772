/** A journey as it stood at any moment, on either clock: what had happened by a day, or what was known at an instant. */
import type { Recorded } from '../history.ts'
import { dayOf, daysBetween, type Day, type Instant } from '../calendar.ts'
import {
  figuresOf,
  learn,
  nothingKnown,
  sessionIn,
  statusOf,
  type JourneyFacts,
  type JourneyFigures,
  type OwnFacts,
  type Status,
} from './figures.ts'
import type { JourneyEvent } from './journey.ts'
import type { Outcome, Reason } from './outcomes.ts'

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
      readonly now: Outcome
      readonly revision: number
    }
  | { readonly about: 'reason'; readonly then: Reason; readonly now: Reason; readonly revision: number }

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
 * The day an event is about. A correction is about the day of the session it corrects, and a recategorisation about the
 * day the journey ended: they change what we believe of that day, whenever they were made.
 */
function dayItConcerns(event: Recorded<JourneyEvent>, final: JourneyFacts): Day {
  switch (event.type) {
    case 'AttendanceCorrected':
      return sessionIn(final, event.data.sessionId)?.heldOn ?? event.metadata.occurredAt
    case 'OutcomeRecategorised':
      return final.ending?.on ?? event.metadata.occurredAt
    default:
      return event.metadata.occurredAt
  }
}

export const believedNow = (events: readonly Recorded<JourneyEvent>[]): JourneyFacts =>
  events.reduce(learn, nothingKnown())

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
  const placeOf = (event: Recorded<JourneyEvent>) =>
    clock === 'known' ? event.metadata.recordedAt : dayItConcerns(event, final)
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
        changedSince:
          clock === 'known'
            ? changesAfter(
                facts,
                final,
                events.filter((event) => placeOf(event) > by),
              )
            : [],
      }
    },
    statusChanges() {
      const changes: { at: string; status: Status }[] = []
      let facts = nothingKnown()
      let latest = -1
      for (const place of places) {
        const added = byPlace.get(place)!
        // Of two on one day the one recorded last is believed: where one was recorded before others of earlier places, all are folded anew.
        if (added[0]!.revision < latest)
          facts = believedNow(events.filter((event) => placeOf(event) <= place)) as OwnFacts
        else for (const event of added) learn(facts, event)
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

function changesAfter(
  then: JourneyFacts,
  now: JourneyFacts,
  afterwards: readonly Recorded<JourneyEvent>[],
): readonly ChangedBelief[] {
  const changes: ChangedBelief[] = []
  for (const { sessionId, outcome } of then.sessions) {
    const current = sessionIn(now, sessionId)?.outcome ?? outcome
    if (current === outcome) continue
    const by = afterwards.findLast(
      (event) => event.type === 'AttendanceCorrected' && event.data.sessionId === sessionId,
    )
    if (by) changes.push({ about: 'session', sessionId, then: outcome, now: current, revision: by.revision })
  }
  if (then.ending?.reason && now.ending?.reason && then.ending.reason !== now.ending.reason) {
    const by = afterwards.findLast((event) => event.type === 'OutcomeRecategorised')
    if (by) changes.push({ about: 'reason', then: then.ending.reason, now: now.ending.reason, revision: by.revision })
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
