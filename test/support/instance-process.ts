/** An instance of the product in a process of its own, as an operator starts it, which can be killed while others go on. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { projectRoot } from '../../src/runtime/config.ts'

export interface Instance {
  readonly url: string
  readonly process: ChildProcess
  /** At once, and without a word to anybody: as when its machine fails. */
  kill(): Promise<void>
}

/** @param settings as the environment gives them; of this process's own environment it gets none but the path */
export async function startInstance(settings: NodeJS.ProcessEnv): Promise<Instance> {
  const child = spawn(process.execPath, [join(projectRoot, 'dist/src/main.js')], {
    env: { PATH: process.env.PATH, PORT: '0', LOG_LEVEL: 'silent', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  onTestFinished(kill)
  const url = await new Promise<string>((resolve, reject) => {
    let said = ''
    let complained = ''
    child.stderr.on('data', (part: Buffer) => (complained += String(part)))
    child.stdout.on('data', (part: Buffer) => {
      said += String(part)
      const at = /Throughline is at (\S+)/.exec(said)?.[1]
      if (at !== undefined) resolve(at)
    })
    child.once('exit', (code) => reject(new Error(`The instance ended with ${code}: ${complained}`)))
  })
  return { url, process: child, kill }
}
