/** The partitions of a rebuild as work for a thread, and the messages to the thread and from it. */
import { Worker } from 'node:worker_threads'
import type { Partition } from '../../src/event-store/catch-up-subscription.ts'
import type { OutageListener } from '../../src/event-store/outages.ts'
import { CheckpointConflict, type AcquiredCheckpoint } from '../runner/checkpoint-store.ts'

export interface PartitionWork {
  readonly partition: Partition
  /** One for each projection that is rebuilt. */
  readonly checkpoints: readonly AcquiredCheckpoint[]
  /** The position at which the partitions are merged. */
  readonly until: bigint
  /** The number of events in a batch. */
  readonly batchSize: number
}

/** @param events how many more events the partition has processed */
export type OnProcessed = (events: number, position: bigint, partition: Partition) => void

/** How a thread connects to the log, the keys and the database. */
export interface ConnectionSettings {
  readonly eventStoreUrl: string
  readonly keysDir: string
  readonly dataDir: string
  readonly databaseUrl: string | undefined
  /** How long an outage of the log is waited out, in milliseconds; undefined where it is an error. */
  readonly patienceMs?: number
}

export interface ThreadWork {
  readonly connections: ConnectionSettings
  readonly partitions: readonly (Omit<PartitionWork, 'checkpoints'> & {
    /** With projections by name, because their handlers cannot be sent to a thread. */
    readonly checkpoints: readonly (Omit<AcquiredCheckpoint, 'projection'> & { readonly projection: string })[]
  })[]
}

export type ToPartitionThread = 'stop' | 'complete'

export type FromPartitionThread =
  | { readonly kind: 'progress'; readonly events: number; readonly position: bigint; readonly partition: Partition }
  | { readonly kind: 'warning'; readonly about: object; readonly message: string }
  | { readonly kind: 'away' | 'back'; readonly ms: number }
  | { readonly kind: 'conflict'; readonly projection: string }
  | { readonly kind: 'processed' | 'stopped' | 'completed' }

interface Listeners {
  readonly onWarning: (about: object, message: string) => void
  readonly onProcessed?: OnProcessed
  readonly outages?: OutageListener | undefined
}

export class PartitionThread {
  private readonly worker: Worker

  constructor(connections: ConnectionSettings, partitions: readonly PartitionWork[]) {
    const work: ThreadWork = {
      connections,
      partitions: partitions.map((partition) => ({
        ...partition,
        checkpoints: partition.checkpoints.map(({ projection, ...rest }) => ({ ...rest, projection: projection.name })),
      })),
    }
    this.worker = new Worker(new URL(import.meta.resolve('#compiled/projections/rebuild/partition.worker')), {
      workerData: work,
      execArgv: [],
      // What a partition keeps in memory is bounded, and so is what the thread may use.
      resourceLimits: { maxYoungGenerationSizeMb: 12, maxOldGenerationSizeMb: 160 },
    })
    this.worker.setMaxListeners(20)
  }

  send(message: ToPartitionThread): void {
    this.worker.postMessage(message)
  }

  /** @throws CheckpointConflict, or the error that ended the thread */
  until(
    wanted: 'processed' | 'completed',
    { onWarning, onProcessed, outages }: Listeners,
  ): Promise<'processed' | 'completed' | 'stopped'> {
    return new Promise((resolve, reject) => {
      this.worker.on('message', (message: FromPartitionThread) => {
        if (message.kind === 'progress') onProcessed?.(message.events, message.position, message.partition)
        else if (message.kind === 'warning') onWarning(message.about, message.message)
        else if (message.kind === 'away') outages?.onAway(message.ms)
        else if (message.kind === 'back') outages?.onBack(message.ms)
        else if (message.kind === 'conflict') reject(new CheckpointConflict(message.projection))
        else if (message.kind === wanted || message.kind === 'stopped') resolve(message.kind)
      })
      this.worker.once('error', reject)
      this.worker.once('exit', () => reject(new Error('A thread that was rebuilding read models has ended.')))
    })
  }

  async end(): Promise<void> {
    await this.worker.terminate()
  }
}
