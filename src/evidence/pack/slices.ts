/** Long work on the main thread in slices: requests of others are answered in between. */
import { setImmediate as turn } from 'node:timers/promises'

/** How long it is worked on before anything else in this process has its turn, in milliseconds. */
const sliceMs = 10

/** @returns what the work calls after each of its small steps; it lets others have their turn once a slice is over */
export function inSlices(): () => Promise<void> {
  let since = performance.now()
  return async () => {
    if (performance.now() - since < sliceMs) return
    await turn()
    since = performance.now()
  }
}
