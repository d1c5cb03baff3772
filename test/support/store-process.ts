/** The embedded store in a process of its own, which can be gone, or silent, while the application stays. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { projectRoot } from '../../src/runtime/config.ts'

const storeProgram = `
  const { startEmbeddedStore } = await import(process.argv[1] + '/src/embedded-store/embedded-store.js')
  const { port } = await startEmbeddedStore({ dataDir: process.argv[2], port: Number(process.argv[3]) })
  process.stdout.write(String(port))
`

/** @param port the one it had, where it comes back */
export async function startStore(dir: string, port = 0): Promise<{ process: ChildProcess; port: number }> {
  const words = ['--input-type=module', '-e', storeProgram, join(projectRoot, 'dist'), dir, String(port)]
  const store = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void store.kill('SIGKILL'))
  const [said] = (await once(store.stdout, 'data')) as [Buffer]
  return { process: store, port: Number(String(said)) }
}
