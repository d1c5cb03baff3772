/** A server that holds mostly the events of other applications: look-ups give ours, and carry only ours over the connection. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { describe, expect, it, onTestFinished } from 'vitest'
import { categories } from '../../projections/projection.ts'
import { EventStore } from '../../src/event-store/event-store.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { appenderOf, temporaryWorkplace } from '../support/runtime.ts'

/** Far less than the events of others, far more than one event of ours. */
const mostBytes = 20_000

describe('on a server shared with other applications', () => {
  it('finds the first, the next and the last event of ours among theirs', async () => {
    const runtime = await temporaryWorkplace()
    const { store, eventStoreUrl } = runtime
    expect(await store.headPositionOf(categories)).toBe(0n)
    expect(await store.firstEventAfter(categories, null)).toBeNull()

    await foreign(runtime, 'before')
    expect(await store.headPositionOf(categories)).toBe(0n)
    const first = BigInt((await appenderOf(runtime).append('journey-shared', -1, [event()])).position)
    await foreign(runtime, 'between')
    const second = BigInt((await appenderOf(runtime).append('participant-shared', -1, [event()])).position)
    await foreign(runtime, 'after')
    const head = await store.headPosition()
    expect(head).toBeGreaterThan(second)

    const { asked, bytes } = measured(eventStoreUrl)
    expect((await asked.firstEventAfter(categories, null))?.position).toBe(first)
    expect((await asked.firstEventAfter(categories, first))?.position).toBe(second)
    expect((await asked.firstEventAfter(categories, first + 1n))?.position).toBe(second)
    expect(await asked.firstEventAfter(categories, second)).toBeNull()
    expect(await asked.firstEventAfter(categories, head)).toBeNull()
    expect(await asked.headPositionOf(categories)).toBe(second)
    expect(await asked.headPositionOf(['import'])).toBe(0n)
    const all = await Array.fromAsync(asked.readAll(categories))
    expect(all.map(({ position }) => position)).toEqual([first, second])
    expect(bytes()).toBeGreaterThan(0)
    expect(bytes()).toBeLessThan(mostBytes)
  })
})

const event = (data: object = {}) => ({ id: crypto.randomUUID(), type: 'WarningIssued', data, metadata: {} })

/** Some 300 KB. One stream's name begins as one of ours does, but for the dash. */
async function foreign(runtime: Runtime, name: string): Promise<void> {
  const data = { note: 'x'.repeat(500) }
  for (const stream of [`orders-${name}`, `journeys-${name}`])
    await appenderOf(runtime).append(
      stream,
      -1,
      Array.from({ length: 300 }, () => event(data)),
    )
}

/** A client with a connection that nobody shares, and how many bytes have come over it. */
function measured(eventStoreUrl: string): { asked: EventStore; bytes: () => number } {
  let session: ClientHttp2Session | undefined
  const opened = (message: unknown) =>
    (session ??= (message as { stream: ClientHttp2Stream }).stream.session as ClientHttp2Session)
  // The client's library shares a connection among clients with equal settings.
  const asked = EventStore.connect(`${eventStoreUrl}&keepAliveTimeout=11000`)
  subscribe('http2.client.stream.created', opened)
  onTestFinished(async () => {
    unsubscribe('http2.client.stream.created', opened)
    await asked.close()
  })
  return { asked, bytes: () => session?.socket.bytesRead ?? 0 }
}
