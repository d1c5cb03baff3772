/** The record that somebody is putting right: what the log says of it, and what it is called. */
import { wordsOf } from '../../domain/event-words.ts'
import type { Recorded } from '../../domain/history.ts'
import { nounOf } from '../../domain/journey/correctable.ts'
import type { JourneyEvent } from '../../domain/journey/journey.ts'
import { versionsIn, type FactVersion, type Versions } from '../../domain/journey/versions.ts'
import { sayDay } from '../layout/dates.ts'

export interface RecordInHand {
  readonly event: Recorded<JourneyEvent>
  /** What it says of its fact; null for a withdrawal, which says nothing. */
  readonly version: FactVersion | null
  /** The fact in words: `session F3 of 3 March 2025`. */
  readonly called: string
  readonly versions: Versions
}

/** @returns null where the journey has no such event */
export function recordInHand(events: readonly Recorded<JourneyEvent>[], revision: number): RecordInHand | null {
  const event = events.find((one) => one.revision === revision)
  if (!event) return null
  const versions = versionsIn(events)
  const version = versions.said.get(revision) ?? null
  const fact = versions.said.get(versions.factOf.get(revision)!)
  const told = version ?? fact
  const called = told ? `${nounOf(told.of, told.data)} of ${sayDay(told.on)}` : wordsOf(event.type).name
  return { event, version, called, versions }
}
