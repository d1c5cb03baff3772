import { expect, it } from 'vitest'
import { appenderOf, temporaryWorkplace } from '../support/runtime.ts'

it('a batch is full once it is heavy, however few its events', async () => {
  const runtime = await temporaryWorkplace()
  const { store } = runtime
  const sealed = 'x'.repeat(900_000)
  for (let n = 0; n < 12; n++)
    await appenderOf(runtime).append('journey-heavy', n - 1, [
      { id: crypto.randomUUID(), type: 'WarningIssued', data: { sealed }, metadata: {} },
    ])
  const sizes: number[] = []
  for await (const { events, caughtUp } of store.batches(['journey'], null, 1_000, new AbortController().signal)) {
    sizes.push(events.length)
    if (caughtUp) break
  }
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(12)
  expect(Math.max(...sizes)).toBeLessThan(8)
})
