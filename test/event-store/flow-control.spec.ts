import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { EventStore } from '../../src/event-store/event-store.ts'
import { widenReceiveWindow } from '../../src/event-store/flow-control.ts'
import { appenderOf, temporaryWorkplace } from '../support/runtime.ts'

const usual = 65_535
const wide = 131_072

/** How much may be on its way to a client once it has read a stream: on the connection, and on each of its calls. */
async function windowsAfterReading(eventStoreUrl: string): Promise<{ connection?: number; call?: number }> {
  let session: ClientHttp2Session | undefined
  const seen = (message: unknown) => (session = (message as { stream: ClientHttp2Stream }).stream.session as never)
  subscribe('http2.client.stream.created', seen)
  const store = EventStore.connect(eventStoreUrl)
  try {
    expect((await Array.fromAsync(store.read('journey-wide'))).length).toBe(600)
    // The server says that it has heard of the new window.
    for (let tries = 0; tries < 100 && session?.pendingSettingsAck; tries++) await wait(10)
    return { connection: session?.state.effectiveLocalWindowSize, call: session?.localSettings.initialWindowSize }
  } finally {
    unsubscribe('http2.client.stream.created', seen)
    await store.close()
  }
}

it('has more of the log sent ahead, on every connection read on while it lasts', async () => {
  const logs = await Promise.all([filledLog(), filledLog()])
  expect(await windowsAfterReading(logs[0])).toEqual({ connection: usual, call: usual })
  const stop = widenReceiveWindow()
  onTestFinished(stop)
  expect(await windowsAfterReading(logs[0])).toEqual({ connection: wide, call: wide })
  stop()
  expect(await windowsAfterReading(logs[1])).toEqual({ connection: usual, call: usual })
})

async function filledLog(): Promise<string> {
  const runtime = await temporaryWorkplace()
  const data = { note: 'x'.repeat(500) }
  const events = Array.from({ length: 600 }, () => ({
    id: crypto.randomUUID(),
    type: 'WarningIssued',
    data,
    metadata: {},
  }))
  await appenderOf(runtime).append('journey-wide', -1, events)
  return runtime.eventStoreUrl
}
