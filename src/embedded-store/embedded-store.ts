/**
 * A single-node event store that speaks EventStoreDB's gRPC protocol on a loopback port and stores its events in one SQLite
 * file. Applications connect with `@eventstore/db-client`, as they would to an EventStoreDB cluster.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import type { Faults } from './services/faults.ts'
import type { StoreNodeOptions } from './server.ts'
import { DamagedStore, StoreInUse } from './storage/errors.ts'
import type { WorkerMessage, WorkerRequest } from './worker.ts'

export interface EmbeddedStore {
  /** For `EventStoreDBClient.connectionString`. */
  readonly connectionString: string
  readonly port: number
  /** For tests: replaces the injected faults. Rejects when the store was started without `faults`. */
  setFaults(faults: Faults): Promise<void>
  /** For tests: ends every subscription with the error for consumers that are too slow. */
  dropSubscriptions(): Promise<void>
  /** Ends open calls (reads as cancelled, writes as unavailable), commits the queued writes and closes the files. */
  close(): Promise<void>
}

export interface EmbeddedStoreOptions {
  /** Directory of the store's files; created if it is missing. */
  dataDir: string
  /** 0 or absent: any free port. */
  port?: number
  /**
   * For tests: faults to inject from the start, possibly none. Only with this option is {@link EmbeddedStore.setFaults}
   * allowed.
   */
  faults?: Faults
  /**
   * Called when the store fails after it has started. Without it, the failure is an uncaught exception: an application must not
   * continue without its store.
   */
  onFailure?: (error: Error) => void
}

// Thrown by startEmbeddedStore.
export { DamagedStore, StoreInUse }

// For who compares the file, where it lies, with something else.
export { EVENTS_FILE as eventsFile } from './storage/database.ts'
export { rowsAsWritten, type WrittenRow } from './storage/rows-as-written.ts'

const LOOPBACK = '127.0.0.1'

/** @throws StoreInUse, DamagedStore, or the operating system's error for the directory or the port */
export async function startEmbeddedStore(options: EmbeddedStoreOptions): Promise<EmbeddedStore> {
  const node: StoreNodeOptions = {
    dataDir: options.dataDir,
    host: LOOPBACK,
    port: options.port ?? 0,
    ...(options.faults && { faults: options.faults }),
  }
  // Node's command-line flags of the application are not passed on to the store's thread.
  const worker = new Worker(new URL(import.meta.resolve('#compiled/src/embedded-store/worker')), {
    workerData: node,
    execArgv: [],
    // A small heap that is collected often: the store shares its process with the application and needs little memory.
    resourceLimits: { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 192 },
  })
  const exited = new Promise<number>((resolve) => worker.once('exit', resolve))
  let closing: Promise<void> | undefined
  const port = await new Promise<number>((resolve, reject) => {
    worker.once('message', (message: WorkerMessage) => {
      if (message.kind === 'listening') resolve(message.port)
      else if (message.kind === 'not_started') reject(asError(message.name, message.message))
    })
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`The embedded store ended before it had started (exit ${code})`)))
  })

  const fail = (error: Error) => {
    if (options.onFailure) options.onFailure(error)
    else throw error
  }
  worker.removeAllListeners('error')
  let failed = false
  worker.on('error', (error) => {
    failed = true
    fail(error instanceof Error ? error : new Error(String(error)))
  })
  worker.once('exit', (code) => {
    if (!closing && !failed) fail(new Error(`The embedded store ended unexpectedly (exit ${code})`))
  })

  const ask = (message: WorkerRequest) =>
    new Promise<void>((resolve) => {
      worker.once('message', () => resolve())
      worker.postMessage(message)
    })

  return {
    setFaults(faults) {
      if (!options.faults) return Promise.reject(new Error('This store was not started with faults'))
      return ask({ kind: 'faults', faults })
    },
    dropSubscriptions: () => ask({ kind: 'drop_subscriptions' }),
    connectionString: `esdb://${LOOPBACK}:${port}?tls=false`,
    port,
    close() {
      closing ??= (async () => {
        worker.postMessage({ kind: 'close' } satisfies WorkerRequest)
        await exited
      })()
      return closing
    },
  }
}

/**
 * Backs up a store, which may be running, in a process of its own: reading and verifying a large one takes minutes of a processor.
 * @throws with the sentence that the command says
 */
export async function backUpStore(dataDir: string, file: string, signal?: AbortSignal): Promise<void> {
  const cli = fileURLToPath(import.meta.resolve('#compiled/src/embedded-store/cli'))
  try {
    await promisify(execFile)(process.execPath, [cli, 'backup', '--data-dir', dataDir, file], { signal })
  } catch (error) {
    throw new Error(String((error as { stderr?: string }).stderr).trim() || 'The backup ended before it was done', {
      cause: error,
    })
  }
}

function asError(name: string, message: string): Error {
  if (name === 'StoreInUse') return new StoreInUse(message)
  if (name === 'DamagedStore') return new DamagedStore(message)
  return Object.assign(new Error(message), { name })
}
