/** What a journey's entries come to once everything is put right: one of each fact, as it is now believed. */
import type { TimelineEntry } from '../../queries/journeys.ts'

/** What was recorded about one fact, in the order of the log. */
export interface FactEntries {
  /** As it was told first. */
  readonly first: TimelineEntry
  /** As the last version that stands tells it; where the fact was withdrawn, as it did until then. */
  readonly believed: TimelineEntry
  /** What corrected, recategorised or withdrew it since. */
  readonly changes: readonly TimelineEntry[]
  readonly withdrawn: boolean
}

export function factsIn(entries: readonly TimelineEntry[]): readonly FactEntries[] {
  const inOrder = entries.toSorted((a, b) => a.revision - b.revision)
  return [...Map.groupBy(inOrder, ({ fact }) => fact).values()].map(([first, ...changes]) => {
    const standing = changes.filter(({ withdrawnBy, withdraws }) => withdrawnBy === null && withdraws === null)
    const believed = standing.reduce(saidNext, first!)
    return { first: first!, believed, changes, withdrawn: first!.current === null }
  })
}

/** A fact once one more event has said what it is. */
export function saidNext(fact: TimelineEntry, change: TimelineEntry): TimelineEntry {
  if (change.type === 'RecordCorrected') {
    const { type, revision, fact: told, recordedAt, recordedBy, source, late, daysLate, current, asWritten } = fact
    return { ...change, type, revision, fact: told, recordedAt, recordedBy, source, late, daysLate, current, asWritten }
  }
  if (change.type === 'AttendanceCorrected') return { ...fact, outcome: change.outcome }
  if (change.type === 'OutcomeRecategorised') return { ...fact, reason: change.reason }
  return fact
}

/** The facts that stand, each as it is believed: what forms go by. */
export const believedEntries = (entries: readonly TimelineEntry[]): readonly TimelineEntry[] =>
  factsIn(entries).flatMap(({ believed, withdrawn }) => (withdrawn ? [] : [believed]))
