/** The lanes of a rebuild that fall to one thread, whichever it is. */
import type { EventStore, Lane } from '../src/event-store/event-store.ts'
import { readFurtherAhead } from '../src/event-store/read-ahead.ts'
import type { Vault } from '../src/protection/vault.ts'
import type { Build } from './builds.ts'
import { Hearing, type ProjectorLog } from './hearing.ts'
import { categories } from './projection.ts'
import type { ReadModels } from './read-models.ts'

/** What a rebuild needs: where the log is read, and where what it comes to is written. */
export interface Sources {
  readonly store: EventStore
  readonly readModels: ReadModels
  readonly vault: Vault
  readonly log: ProjectorLog
}

export interface LanePart {
  readonly lane: Lane
  readonly builds: readonly Build[]
  /** The place in the log at which the lanes are joined. */
  readonly until: bigint
  /** Events in a batch. */
  readonly most: number
}

/** How many more events a lane has heard, and up to where. */
export type OnHeard = (events: number, position: bigint, lane: Lane) => void

interface Told {
  readonly signal: AbortSignal
  readonly onHeard: OnHeard
}

/**
 * One after another, so that each has few histories at hand.
 * @returns whether all came to the place where the lanes are joined; false when told to stop before
 */
export async function hearLanes(sources: Sources, parts: readonly LanePart[], told: Told): Promise<boolean> {
  const stop = readFurtherAhead()
  try {
    for (const part of parts) if (!(await hearLane(sources, part, told))) return false
    return true
  } finally {
    stop()
  }
}

async function hearLane(
  { store, readModels, vault, log }: Sources,
  { lane, builds, until, most }: LanePart,
  told: Told,
): Promise<boolean> {
  const hearing = await Hearing.of(readModels, vault, log, builds)
  if ((hearing.position ?? -1n) >= until) return true
  for await (const batch of store.batches(categories, hearing.position, most, told.signal, lane)) {
    // Level with the log, it has heard whatever is up to there, also where the place itself was not told.
    const to = batch.caughtUp || batch.to === null || batch.to > until ? until : batch.to
    const events = batch.events.filter(({ position }) => position <= until)
    await hearing.take({ ...batch, events, to }, to < until)
    told.onHeard(events.length, to, lane)
    if (to >= until) return true
  }
  await hearing.write()
  return false
}
