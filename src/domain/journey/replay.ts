/** A journey as it stood at any moment, on either clock: what had happened by a day, or what was known at an instant. */
import type { Day, Instant, Recorded } from '../history.ts'
import { dayOf } from '../local-day.ts'
import {
  figuresOf,
  learn,
  nothingKnown,
  sessionIn,
  statusOf,
  type JourneyFacts,
  type JourneyFigures,
  type Status,
} from './facts.ts'
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

export function journeyAt(events: readonly Recorded<JourneyEvent>[], moment: Moment): JourneyMoment {
  const final = believedNow(events)
  const placeOf = (event: Recorded<JourneyEvent>) =>
    moment.clock === 'known' ? event.metadata.recordedAt : dayItConcerns(event, final)
  const included = events.filter((event) => placeOf(event) <= moment.by)
  const facts = believedNow(included)
  const last = included.reduce<Recorded<JourneyEvent> | null>(
    (latest, event) => (latest === null || placeOf(event) >= placeOf(latest) ? event : latest),
    null,
  )
  return {
    moment,
    status: statusOf(facts),
    facts,
    figures: figuresOf(facts),
    included,
    last,
    changedSince:
      moment.clock === 'known'
        ? changesAfter(
            facts,
            final,
            events.filter((event) => placeOf(event) > moment.by),
          )
        : [],
  }
}

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

/**
 * Where the playhead can stop on a clock: every place at which something is added, in order, without repeats.
 * On the clock of what happened a place is a day; on the clock of what was known, an instant.
 */
export function placesOn(clock: Moment['clock'], events: readonly Recorded<JourneyEvent>[]): readonly string[] {
  const final = believedNow(events)
  const places = events.map((event) => (clock === 'known' ? event.metadata.recordedAt : dayItConcerns(event, final)))
  return [...new Set(places)].sort()
}

/** A record made more than this many days after the event is late, and is shown so. Our own choice of threshold. */
export const lateAfterDays = 5

/** Whole days between the day it happened and the day, in the service's time zone, on which it was recorded. */
export const daysLate = ({ metadata }: { metadata: { occurredAt: Day; recordedAt: Instant } }): number =>
  Math.round((Date.parse(dayOf(metadata.recordedAt)) - Date.parse(metadata.occurredAt)) / 86_400_000)

export const isLate = (event: { metadata: { occurredAt: Day; recordedAt: Instant } }): boolean =>
  daysLate(event) > lateAfterDays
