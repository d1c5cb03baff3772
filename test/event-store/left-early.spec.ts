import { expect, it, vi } from 'vitest'
import { EventStore } from '../../src/event-store/event-store.ts'
import { appenderOf, temporaryWorkplace } from '../support/runtime.ts'

it('a reading that is left early does not keep the store from closing, however much of it had come', async () => {
  const runtime = await temporaryWorkplace()
  const events = Array.from({ length: 70 }, (_, n) => ({
    id: crypto.randomUUID(),
    type: 'WarningIssued',
    data: { n },
    metadata: {},
  }))
  await appenderOf(runtime).append('journey-left', -1, events)
  const store = EventStore.connect(runtime.eventStoreUrl)
  for (let from = 0; from < events.length; from += 3) {
    for await (const event of store.read('journey-left', from)) {
      expect(event.revision).toBe(from)
      break
    }
    expect(await store.headPositionOf(['journey'])).toBeGreaterThan(0n)
  }
  const closed = store.close().then(() => 'closed')
  const late = new Promise((resolve) => setTimeout(resolve, 5_000, 'still open'))
  expect(await Promise.race([closed, late])).toBe('closed')
})

it(
  'readings that are left early by the thousand end no other call, and the connection stays open',
  { timeout: 120_000 },
  async () => {
    const runtime = await temporaryWorkplace()
    const data = { note: 'late '.repeat(2_000) }
    const warning = () => ({ id: crypto.randomUUID(), type: 'WarningIssued', data, metadata: {} })
    // More than is sent at once, so that leaving breaks the call off.
    await appenderOf(runtime).append('journey-left', -1, Array.from({ length: 60 }, warning))
    const store = EventStore.connect(runtime.eventStoreUrl)
    const added: number[] = []
    const following = store.followStream('journey-left', 59).subscribe(({ revision }) => added.push(revision))
    for (let round = 0; round < 80; round++) {
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          for await (const event of store.read('journey-left')) {
            expect(event.revision).toBe(0)
            break
          }
        }),
      )
    }
    await appenderOf(runtime).append('journey-left', 59, [warning()])
    await vi.waitFor(() => expect(added).toEqual([60]), { timeout: 10_000 })
    following.unsubscribe()
    await store.close()
  },
)
