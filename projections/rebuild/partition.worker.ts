/** The thread that processes some partitions of a rebuild, and completes the shadow tables when all are merged. */
import { parentPort, workerData } from 'node:worker_threads'
import { EventStore } from '../../src/event-store/event-store.ts'
import { Outages } from '../../src/event-store/outages.ts'
import { Vault } from '../../src/protection/vault.ts'
import { projections } from '../projections.ts'
import type { RunnerLog } from '../runner/batch-processor.ts'
import { CheckpointConflict } from '../runner/checkpoint-store.ts'
import { ReadModels } from '../runner/read-models.ts'
import { openReadModelDatabase } from '../storage/open-database.ts'
import type {
  FromPartitionThread,
  OnProcessed,
  PartitionWork,
  ThreadWork,
  ToPartitionThread,
} from './partition-thread.ts'
import { processPartitions } from './partition.ts'
import { ShadowTables } from './shadow-tables.ts'

const { connections, partitions } = workerData as ThreadWork
const port = parentPort!
const send = (message: FromPartitionThread) => port.postMessage(message)
const log: RunnerLog = {
  info: () => undefined,
  warn: (about, message) => send({ kind: 'warning', about, message }),
}
const stop = new AbortController()

const outages =
  connections.patienceMs === undefined
    ? undefined
    : new Outages(connections.patienceMs, {
        onAway: (ms) => send({ kind: 'away', ms }),
        onBack: (ms) => send({ kind: 'back', ms }),
      })
const store = EventStore.connect(connections.eventStoreUrl, outages)
const vault = new Vault(connections.keysDir)
const readModels = await ReadModels.in(openReadModelDatabase(connections.dataDir, connections.databaseUrl))
const work = partitions.map((partition): PartitionWork => ({
  ...partition,
  checkpoints: partition.checkpoints.map((checkpoint) => ({
    ...checkpoint,
    projection: projections.find(({ name }) => name === checkpoint.projection)!,
  })),
}))

port.on('message', (message: ToPartitionThread) => {
  if (message === 'stop') stop.abort()
  else void answered(complete)
})
await answered(processAll)

async function processAll(): Promise<FromPartitionThread> {
  const onProcessed: OnProcessed = (events, position, partition) =>
    send({ kind: 'progress', events, position, partition })
  const done = await processPartitions({ store, readModels, vault, log }, work, { signal: stop.signal, onProcessed })
  return { kind: done ? 'processed' : 'stopped' }
}

async function complete(): Promise<FromPartitionThread> {
  const shadow = new ShadowTables(readModels.database)
  for (const checkpoint of work[0]!.checkpoints) await shadow.complete(checkpoint)
  return { kind: 'completed' }
}

async function answered(task: () => Promise<FromPartitionThread>): Promise<void> {
  try {
    send(await task())
  } catch (error) {
    if (!(error instanceof CheckpointConflict)) throw error
    send({ kind: 'conflict', projection: error.projection })
  }
}
