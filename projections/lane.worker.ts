/** One lane of a rebuild, on a thread of its own. */
import { parentPort, workerData } from 'node:worker_threads'
import { EventStore } from '../src/event-store/event-store.ts'
import { Vault } from '../src/protection/vault.ts'
import { CheckpointMoved, type Build } from './builds.ts'
import { Hearing, type ProjectorLog } from './hearing.ts'
import type { Whereabouts } from './lanes.ts'
import { categories } from './projection.ts'
import { projections } from './projections.ts'
import { ReadModels } from './read-models.ts'

export interface LaneWork {
  readonly whereabouts: Whereabouts
  readonly lane: { readonly number: number; readonly of: number }
  /** The projections by name: what they do cannot be sent. */
  readonly builds: readonly (Omit<Build, 'projection'> & { readonly projection: string })[]
  readonly until: bigint
  readonly most: number
}

export type ToLane = 'stop' | 'complete'

export type FromLane =
  | { readonly kind: 'progress'; readonly events: number; readonly position: bigint }
  | { readonly kind: 'warning'; readonly about: object; readonly message: string }
  | { readonly kind: 'moved'; readonly projection: string }
  | { readonly kind: 'heard' | 'stopped' | 'completed' }

const { whereabouts, lane, builds, until, most } = workerData as LaneWork
const port = parentPort!
const tell = (message: FromLane) => port.postMessage(message)
const log: ProjectorLog = {
  info: () => undefined,
  warn: (about, message) => tell({ kind: 'warning', about, message }),
}
const stop = new AbortController()

const store = EventStore.connect(whereabouts.eventStoreUrl)
const vault = new Vault(whereabouts.keysDir)
const readModels = await ReadModels.open(whereabouts.dataDir, whereabouts.databaseUrl)
const mine = builds.map((build): Build => {
  return { ...build, projection: projections.find(({ name }) => name === build.projection)! }
})

port.on('message', (message: ToLane) => {
  if (message === 'stop') stop.abort()
  else void complete()
})

async function complete(): Promise<void> {
  for (const build of mine) await readModels.builds.complete(build)
  tell({ kind: 'completed' })
}

try {
  tell({ kind: (await hear()) ? 'heard' : 'stopped' })
} catch (error) {
  if (!(error instanceof CheckpointMoved)) throw error
  tell({ kind: 'moved', projection: error.projection })
}

/** @returns whether it came to the place where the lanes are joined */
async function hear(): Promise<boolean> {
  const hearing = await Hearing.of(readModels, vault, log, mine)
  if ((hearing.position ?? -1n) >= until) return true
  for await (const batch of store.batches(categories, hearing.position, most, stop.signal, lane)) {
    // Level with the log, it has heard whatever is up to there, also where the place itself was not told.
    const to = batch.caughtUp || batch.to === null || batch.to > until ? until : batch.to
    const events = batch.events.filter(({ position }) => position <= until)
    await hearing.take({ events, to, caughtUp: false }, to < until)
    tell({ kind: 'progress', events: events.length, position: to })
    if (to >= until) return true
  }
  await hearing.write()
  return false
}
