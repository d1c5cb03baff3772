/** The record of a journey at one moment, for print: what stood, what was not yet known, and what was believed that is no longer. */
import type { Clock } from '../replay/moments.ts'
import { endOfDay } from '../../domain/calendar.ts'
import { sentenceOf } from '../../domain/event-words.ts'
import type { DomainEvent } from '../../domain/events.ts'
import type { Recorded } from '../../domain/history.ts'
import { compareMoments, whyOf } from '../../domain/journey/comparison.ts'
import { nounOf } from '../../domain/journey/correctable.ts'
import type { JourneyEvent } from '../../domain/journey/journey.ts'
import { journeyOn } from '../../domain/journey/replay.ts'
import { sayDay, sayInstant } from '../layout/dates.ts'
import { marksOf } from '../replay/marks.ts'
import { momentAt, type MomentView } from '../replay/moments.ts'
import { clockWords, dayOfMoment, sayMoment } from './asked-moment.ts'

/** A fact that stood. */
export interface Stood {
  readonly on: string
  readonly what: string
  readonly says: string
  readonly note: string
  /** The events that told it and said what stood of it. */
  readonly events: readonly number[]
  readonly recordedAt: string
  readonly recordedBy: string
}

/** Something that concerned the time up to the moment, and was recorded after it. */
export interface RecordedLater {
  readonly revision: number
  readonly on: string
  readonly sentence: string
  readonly why: string
  readonly recordedAt: string
  readonly recordedBy: string
}

export interface RecordView {
  readonly clock: Clock
  readonly clockName: string
  readonly clockMeans: string
  readonly by: string
  readonly when: string
  readonly moment: MomentView
  readonly stood: readonly Stood[]
  readonly later: readonly RecordedLater[]
  /** The events whose hashes the page has: all that counted, and all that were recorded later. */
  readonly revisions: ReadonlySet<number>
  readonly replay: string
  readonly here: string
}

/** @param path of the journey */
export function recordView(
  path: string,
  events: readonly Recorded<JourneyEvent>[],
  clock: Clock,
  by: string,
): RecordView {
  const journey = journeyOn(clock, events)
  const at = journey.at(by)
  const { facts } = compareMoments(events, { clock, from: null, to: by })
  const stood = facts.flatMap(({ fact, after, events: about }): Stood[] => {
    if (!after) return []
    const told = about.find(({ revision }) => revision === fact) ?? about[0]!
    const what = nounOf(after.of, after.data)
    return [
      {
        on: after.on,
        what: what.charAt(0).toUpperCase() + what.slice(1),
        says: sentenceOf({ type: after.of, data: after.data } as unknown as Recorded<DomainEvent>),
        note: typeof after.data.note === 'string' ? after.data.note : '',
        events: [...new Set([fact, after.revision])],
        recordedAt: sayInstant(told.metadata.recordedAt),
        recordedBy: told.metadata.actor.id,
      },
    ]
  })
  const later = recordedLater(events, clock, by)
  const address = `clock=${clock}&at=${encodeURIComponent(by)}`
  return {
    clock,
    clockName: clockWords[clock].name,
    clockMeans: clockWords[clock].means,
    by,
    when: sayMoment(by),
    moment: momentAt(journey, by, events, marksOf(events)),
    stood: stood.toSorted((a, b) => (a.on < b.on ? -1 : a.on > b.on ? 1 : a.events[0]! - b.events[0]!)),
    later: later.map((event) => ({
      revision: event.revision,
      on: sayDay(event.metadata.occurredAt),
      sentence: sentenceOf(event),
      why: whyOf(event),
      recordedAt: sayInstant(event.metadata.recordedAt),
      recordedBy: event.metadata.actor.id,
    })),
    revisions: new Set([...at.included, ...later].map(({ revision }) => revision)),
    replay: `${path}/replay?${address}`,
    here: `${path}/record?${address}`,
  }
}

/** What concerned the time up to the moment and was not on record then. What puts a record right concerns the day of that record. */
function recordedLater(events: readonly Recorded<JourneyEvent>[], clock: Clock, by: string) {
  const day = dayOfMoment(by)
  const known = clock === 'known' ? by : endOfDay(day)
  return journeyOn('happened', events)
    .at(day)
    .included.filter(({ metadata }) => metadata.recordedAt > known)
}
