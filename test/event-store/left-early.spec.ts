import { expect, it } from 'vitest'
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
