/** How many different records one person has been shown lately: nobody's work needs very many, and who walks through them is stopped. */
import { LRUCache } from 'lru-cache'
import type { AlertKind } from '../domain/consultation.ts'

/** How somebody is shown records, as an alert says it: opened one by one, in lists, or taken away as files. */
export const alertKindNames: Readonly<Record<AlertKind, string>> = {
  opened: 'Opened records one by one',
  listed: 'Went through lists of records',
  taken: 'Took records away',
}

/** How many different records, in how many minutes. */
export interface ReachLimit {
  readonly records: number
  readonly minutes: number
}

export type ReachLimits = Readonly<Record<AlertKind, ReachLimit>>

/** @param recordsInTenMinutes how many may be opened one by one, a whole number; 0 for no limit at all */
export const reachLimitsOf = (recordsInTenMinutes: number): ReachLimits | null =>
  recordsInTenMinutes === 0
    ? null
    : {
        opened: { records: recordsInTenMinutes, minutes: 10 },
        // A page of the case load lists many whom nobody goes on to read.
        listed: { records: recordsInTenMinutes * 20, minutes: 10 },
        taken: { records: recordsInTenMinutes * 50, minutes: 60 },
      }

/** Somebody asked for more records than are usual, so he is shown none of them. */
export class UnusualReachRefused extends Error {
  constructor(
    readonly kind: AlertKind,
    readonly limit: ReachLimit,
  ) {
    super(`More than ${limit.records} different records in ${limit.minutes} minutes are more than is usual.`)
    this.name = 'UnusualReachRefused'
  }
}

/** What asking for some records comes to. */
export type Reaching =
  | { readonly isUsual: true }
  | { readonly isUsual: false; readonly limit: ReachLimit; readonly records: number; readonly isFirst: boolean }

export class UnusualReach {
  /** By person and kind, when each record was shown him last, in milliseconds since 1970. */
  private readonly shown = new LRUCache<string, Map<string, number>>({ max: 10_000 })
  /** By person and kind, when an alert was raised last. */
  private readonly alerted = new LRUCache<string, number>({ max: 10_000 })

  constructor(
    private readonly limits: ReachLimits | null,
    private readonly now: () => number = Date.now,
  ) {}

  /** Counts records that somebody is about to be shown. What is refused is not counted, so that he can go on once time has passed. */
  reaching(actorId: string, kind: AlertKind, journeyIds: readonly string[]): Reaching {
    if (!this.limits || journeyIds.length === 0) return { isUsual: true }
    const limit = this.limits[kind]
    const key = `${kind} ${actorId}`
    const now = this.now()
    const since = now - limit.minutes * 60_000
    const lately = new Map([...(this.shown.get(key) ?? [])].filter(([, at]) => at > since))
    const together = new Map([...lately, ...journeyIds.map((id) => [id, now] as const)])
    if (together.size <= limit.records) {
      this.shown.set(key, together)
      return { isUsual: true }
    }
    this.shown.set(key, lately)
    const isFirst = (this.alerted.get(key) ?? -Infinity) <= since
    if (isFirst) this.alerted.set(key, now)
    return { isUsual: false, limit, records: together.size, isFirst }
  }
}
