/** A thread of its own for some of the lanes of a rebuild. */
import { parentPort, workerData } from 'node:worker_threads'
import type { Partition } from '../../src/event-store/catch-up-subscription.ts'
import { EventStore } from '../../src/event-store/event-store.ts'
import { Vault } from '../../src/protection/vault.ts'
import { CheckpointConflict, type AcquiredCheckpoint } from '../runner/checkpoint-store.ts'
import type { RunnerLog } from '../runner/batch-processor.ts'
import { processPartitions, type OnProcessed } from './partition.ts'
import type { ConnectionSettings } from './partitions.ts'
import { projections } from '../projections.ts'
import { ReadModels } from '../storage/read-models.ts'

export interface ThreadWork {
  readonly whereabouts: ConnectionSettings
  readonly parts: readonly {
    readonly lane: Partition
    /** The projections by name: what they do cannot be sent. */
    readonly builds: readonly (Omit<AcquiredCheckpoint, 'projection'> & { readonly projection: string })[]
    readonly until: bigint
    readonly most: number
  }[]
}

export type ToPartitionWorker = 'stop' | 'complete'

export type FromPartitionWorker =
  | { readonly kind: 'progress'; readonly events: number; readonly position: bigint; readonly lane: Partition }
  | { readonly kind: 'warning'; readonly about: object; readonly message: string }
  | { readonly kind: 'moved'; readonly projection: string }
  | { readonly kind: 'heard' | 'stopped' | 'completed' }

const { whereabouts, parts } = workerData as ThreadWork
const port = parentPort!
const tell = (message: FromPartitionWorker) => port.postMessage(message)
const log: RunnerLog = {
  info: () => undefined,
  warn: (about, message) => tell({ kind: 'warning', about, message }),
}
const stop = new AbortController()

const store = EventStore.connect(whereabouts.eventStoreUrl)
const vault = new Vault(whereabouts.keysDir)
const readModels = await ReadModels.open(whereabouts.dataDir, whereabouts.databaseUrl)
const mine = parts.map((part) => ({
  ...part,
  builds: part.builds.map((build): AcquiredCheckpoint => ({
    ...build,
    projection: projections.find(({ name }) => name === build.projection)!,
  })),
}))

port.on('message', (message: ToPartitionWorker) => {
  if (message === 'stop') stop.abort()
  else void told(complete)
})
await told(hear)

async function hear(): Promise<FromPartitionWorker> {
  const onHeard: OnProcessed = (events, position, lane) => tell({ kind: 'progress', events, position, lane })
  const done = await processPartitions({ store, readModels, vault, log }, mine, { signal: stop.signal, onHeard })
  return { kind: done ? 'heard' : 'stopped' }
}

async function complete(): Promise<FromPartitionWorker> {
  for (const build of mine[0]!.builds) await readModels.checkpointStore.complete(build)
  return { kind: 'completed' }
}

async function told(work: () => Promise<FromPartitionWorker>): Promise<void> {
  try {
    tell(await work())
  } catch (error) {
    if (!(error instanceof CheckpointConflict)) throw error
    tell({ kind: 'moved', projection: error.projection })
  }
}
