/** A thread of its own for some of the lanes of a rebuild. */
import { parentPort, workerData } from 'node:worker_threads'
import { EventStore, type Lane } from '../src/event-store/event-store.ts'
import { Vault } from '../src/protection/vault.ts'
import { CheckpointMoved, type Build } from './builds.ts'
import type { ProjectorLog } from './hearing.ts'
import { hearLanes, type OnHeard } from './lane.ts'
import type { Whereabouts } from './lanes.ts'
import { projections } from './projections.ts'
import { ReadModels } from './read-models.ts'

export interface ThreadWork {
  readonly whereabouts: Whereabouts
  readonly parts: readonly {
    readonly lane: Lane
    /** The projections by name: what they do cannot be sent. */
    readonly builds: readonly (Omit<Build, 'projection'> & { readonly projection: string })[]
    readonly until: bigint
    readonly most: number
  }[]
}

export type ToLane = 'stop' | 'complete'

export type FromLane =
  | { readonly kind: 'progress'; readonly events: number; readonly position: bigint; readonly lane: Lane }
  | { readonly kind: 'warning'; readonly about: object; readonly message: string }
  | { readonly kind: 'moved'; readonly projection: string }
  | { readonly kind: 'heard' | 'stopped' | 'completed' }

const { whereabouts, parts } = workerData as ThreadWork
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
const mine = parts.map((part) => ({
  ...part,
  builds: part.builds.map((build): Build => ({
    ...build,
    projection: projections.find(({ name }) => name === build.projection)!,
  })),
}))

port.on('message', (message: ToLane) => {
  if (message === 'stop') stop.abort()
  else void told(complete)
})
await told(hear)

async function hear(): Promise<FromLane> {
  const onHeard: OnHeard = (events, position, lane) => tell({ kind: 'progress', events, position, lane })
  const done = await hearLanes({ store, readModels, vault, log }, mine, { signal: stop.signal, onHeard })
  return { kind: done ? 'heard' : 'stopped' }
}

async function complete(): Promise<FromLane> {
  for (const build of mine[0]!.builds) await readModels.builds.complete(build)
  return { kind: 'completed' }
}

async function told(work: () => Promise<FromLane>): Promise<void> {
  try {
    tell(await work())
  } catch (error) {
    if (!(error instanceof CheckpointMoved)) throw error
    tell({ kind: 'moved', projection: error.projection })
  }
}
