/** What the log has said of each fact, version by version, and which of them stands. For whoever corrects it, and for whoever looks. */
import type { Day } from '../calendar.ts'
import type { Recorded } from '../history.ts'
import { standingOf, type FactType } from './believed.ts'
import { isFactType } from './correctable.ts'
import { foldFacts, type JourneyEvent } from './fold.ts'
import { nothingKnown } from './state.ts'

/** A fact as one event said it. */
export interface FactVersion {
  /** The event that told the fact first. */
  readonly fact: number
  readonly of: FactType
  readonly on: Day
  /** The whole fact, in the fields of its type. */
  readonly data: Readonly<Record<string, unknown>>
}

export interface Versions {
  /** By revision: what that event says of its fact. A withdrawal says nothing. */
  readonly said: ReadonlyMap<number, FactVersion>
  /** By revision: the fact that each event tells or is about. */
  readonly factOf: ReadonlyMap<number, number>
  /** By revision of a fact that stands: the version that is believed. */
  readonly current: ReadonlyMap<number, number>
  /** By revision: the withdrawal that took it back and stands. */
  readonly withdrawnBy: ReadonlyMap<number, number>
  /** By revision of a fact: the last event about it that stands. */
  readonly latest: ReadonlyMap<number, number>
}

/** @param events of one journey, in the order of the log; where the fields of personal data are open, so are those of the versions */
export function versionsIn(events: readonly Recorded<JourneyEvent>[]): Versions {
  const { recorded } = foldFacts(nothingKnown, events)
  const { withdrawnBy, current, latest } = standingOf(recorded)
  const said = new Map<number, FactVersion>()
  const lastSaid = new Map<number, FactVersion>()
  for (const { type, data, revision, metadata } of events) {
    const { fact } = recorded.get(revision)!
    const before = lastSaid.get(fact)
    const version = ((): FactVersion | undefined => {
      if (isFactType(type)) return { fact, of: type, on: metadata.occurredAt, data: { ...data } }
      switch (type) {
        case 'RecordCorrected':
          return { fact, of: data.of, on: metadata.occurredAt, data: data.data }
        case 'AttendanceCorrected':
          return before && { ...before, data: { ...before.data, outcome: data.outcome } }
        case 'OutcomeRecategorised':
          return before && { ...before, data: { ...before.data, reason: data.to } }
        default:
          return undefined
      }
    })()
    if (!version) continue
    said.set(revision, version)
    if (!withdrawnBy.has(revision)) lastSaid.set(fact, version)
  }
  const factOf = new Map([...recorded].map(([revision, { fact }]) => [revision, fact]))
  return { said, factOf, current, withdrawnBy, latest }
}
