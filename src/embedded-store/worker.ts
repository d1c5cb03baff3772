/** The thread the store lives on, so that neither waits for the other: the application's event loop, and the disk. */
import { parentPort, workerData } from 'node:worker_threads'
import type { Faults } from './services/faults.ts'
import type { NodeOptions } from './server.ts'
import { startNode } from './server.ts'

export type ToWorker = { kind: 'close' } | { kind: 'faults'; faults: Faults } | { kind: 'drop_subscriptions' }
export type FromWorker =
  | { kind: 'listening'; port: number }
  | { kind: 'not_started'; name: string; message: string }
  | { kind: 'done' }
  | { kind: 'closed' }

const port = parentPort!
const tell = (message: FromWorker) => port.postMessage(message)

try {
  const node = await startNode(workerData as NodeOptions)
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'close') return void close()
    if (message.kind === 'faults') node.setFaults(message.faults)
    else node.dropSubscriptions()
    tell({ kind: 'done' })
  })
  tell({ kind: 'listening', port: node.port })

  async function close(): Promise<void> {
    await node.close()
    tell({ kind: 'closed' })
    port.close()
  }
} catch (error) {
  tell({ kind: 'not_started', name: (error as Error).name, message: (error as Error).message })
  port.close()
}
