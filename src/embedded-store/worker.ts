/** The store's worker thread, so that the application's event loop and the store's disk access do not block each other. */
import { parentPort, workerData } from 'node:worker_threads'
import type { Faults } from './services/faults.ts'
import type { StoreNodeOptions } from './server.ts'
import { startNode } from './server.ts'

export type WorkerRequest = { kind: 'close' } | { kind: 'faults'; faults: Faults } | { kind: 'drop_subscriptions' }
export type WorkerMessage =
  | { kind: 'listening'; port: number }
  | { kind: 'not_started'; name: string; message: string }
  | { kind: 'done' }
  | { kind: 'closed' }

const port = parentPort!
const post = (message: WorkerMessage) => port.postMessage(message)

try {
  const node = await startNode(workerData as StoreNodeOptions)
  port.on('message', (message: WorkerRequest) => {
    if (message.kind === 'close') return void close()
    if (message.kind === 'faults') node.setFaults(message.faults)
    else node.dropSubscriptions()
    post({ kind: 'done' })
  })
  post({ kind: 'listening', port: node.port })

  async function close(): Promise<void> {
    await node.close()
    post({ kind: 'closed' })
    port.close()
  }
} catch (error) {
  post({ kind: 'not_started', name: (error as Error).name, message: (error as Error).message })
  port.close()
}
