/** How many different records one person has been shown lately: nobody's work needs very many, and who walks through them is stopped. */
import type { AlertKind } from '../domain/consultation.ts'
import type { AccessDatabase } from './access-database.ts'

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

/** Counted where all instances count, so that nobody reaches further by going from one to the next. */
export class UnusualReach {
  constructor(
    private readonly limits: ReachLimits | null,
    private readonly database: AccessDatabase,
    private readonly now: () => number = Date.now,
  ) {}

  /** Counts records that somebody is about to be shown. What is refused is not counted, so that he can go on once time has passed. */
  async reaching(actorId: string, kind: AlertKind, journeyIds: readonly string[]): Promise<Reaching> {
    if (!this.limits || journeyIds.length === 0) return { isUsual: true }
    const limit = this.limits[kind]
    return this.database.transaction(async (db): Promise<Reaching> => {
      // Written before it is read: what this person asks elsewhere at the same time waits until this is counted.
      const before = await db
        .insertInto('access_shown')
        .values({ actor: actorId, kind, records: '{}', alerted: null })
        .onConflict((row) => row.columns(['actor', 'kind']).doUpdateSet({ kind }))
        .returning(['records', 'alerted'])
        .executeTakeFirstOrThrow()
      const now = this.now()
      const since = now - limit.minutes * 60_000
      const shown = Object.entries(JSON.parse(before.records) as Record<string, number>)
      const lately = new Map(shown.filter(([, at]) => at > since))
      const together = new Map([...lately, ...journeyIds.map((id) => [id, now] as const)])
      const isUsual = together.size <= limit.records
      const isFirst = !isUsual && (before.alerted === null || before.alerted <= since)
      await db
        .updateTable('access_shown')
        .set({
          records: JSON.stringify(Object.fromEntries(isUsual ? together : lately)),
          ...(isFirst && { alerted: now }),
        })
        .where('actor', '=', actorId)
        .where('kind', '=', kind)
        .execute()
      return isUsual ? { isUsual } : { isUsual, limit, records: together.size, isFirst }
    })
  }
}
