/** The processor time of a process and of everything it started, its servers and threads included, as Linux counts it. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const ticksASecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

interface Stat {
  readonly parent: number
  readonly ticks: number
}

/** @returns seconds; what children took that have ended is in their parents' */
export function processorSecondsOf(roots: readonly number[]): number {
  const stats = new Map<number, Stat>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const stat = Number.isInteger(pid) ? statOf(pid) : undefined
    if (stat) stats.set(pid, stat)
  }
  const isBelow = (pid: number): boolean => {
    for (let at: number | undefined = pid; at; at = stats.get(at)?.parent) if (roots.includes(at)) return true
    return false
  }
  let ticks = 0
  for (const [pid, stat] of stats) if (isBelow(pid)) ticks += stat.ticks
  return ticks / ticksASecond
}

function statOf(pid: number): Stat | undefined {
  try {
    // The name of the program comes first, in brackets, and may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .split(/\) (?=\S \d)/)
      .at(-1)!
      .split(' ')
    const [user, system, endedUser, endedSystem] = fields.slice(11, 15).map(Number)
    return { parent: Number(fields[1]), ticks: user! + system! + endedUser! + endedSystem! }
  } catch {
    return undefined // it has ended
  }
}
