import { describe, expect, it, vi } from 'vitest'
import { LogFollower } from '../../src/event-store/log-follower.ts'

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))

describe('work that follows the log', () => {
  it('is begun again after each failure, after a pause that doubles up to the longest', async () => {
    const pauses: number[] = []
    let last = 0
    const follower = new LogFollower({
      follow: (signal) => {
        if (last > 0) pauses.push(performance.now() - last)
        return pauses.length < 4 ? Promise.reject(new Error('away')) : untilAborted(signal)
      },
      onTrouble: () => (last = performance.now()),
      pausesMs: { first: 20, longest: 60 },
    })
    follower.start()
    await vi.waitFor(() => expect(pauses).toHaveLength(4))
    await follower.stop()
    // A timer fires late where the machine is busy, and up to a millisecond early.
    for (const [n, least] of [20, 40, 60, 60].entries()) expect(pauses[n]).toBeGreaterThanOrEqual(least - 1)
  })

  it('counts trouble from the beginning once it made progress', async () => {
    const failures: number[] = []
    let rounds = 0
    const follower = new LogFollower({
      follow: (signal, onProgress) => {
        if (++rounds === 3) onProgress()
        return rounds < 5 ? Promise.reject(new Error('away')) : untilAborted(signal)
      },
      onTrouble: (_, before) => failures.push(before),
      pausesMs: { first: 1, longest: 4 },
    })
    follower.start()
    await vi.waitFor(() => expect(failures).toEqual([0, 1, 0, 1]))
    await follower.stop()
  })

  it('stops when its batch is done, and can be started again; a second start changes nothing', async () => {
    const steps: string[] = []
    const follower = new LogFollower({
      async follow(signal) {
        steps.push('follows')
        await untilAborted(signal)
        steps.push('done')
      },
      onTrouble: (error) => expect(error).toBeUndefined(),
      pausesMs: { first: 1, longest: 1 },
    })
    follower.start()
    follower.start()
    await follower.stop()
    steps.push('stopped')
    follower.start()
    await follower.stop()
    expect(steps).toEqual(['follows', 'done', 'stopped', 'follows', 'done'])
  })
})
