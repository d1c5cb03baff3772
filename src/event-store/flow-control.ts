/** How much of the log may be on its way to a thread that has not come to it yet. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'

/**
 * In bytes. HTTP/2 begins with 65,535, some eighty events: whoever has worked through them then waits until the server has
 * been notified, has woken and has sent more. More than this gained no more time, and took more memory.
 */
const window = 128 * 1_024

const readPath = '/event_store.client.streams.Streams/Read'

/**
 * From here on, every connection of this thread on which something is read has more sent ahead, and keeps it. The client has
 * no setting for it; Node tells of each request, and a connection's window can be moved while it is open.
 * @returns leaves all others as they are
 */
export function widenReceiveWindow(): () => void {
  const widened = new WeakSet<ClientHttp2Session>()
  const onRequest = (message: unknown) => {
    const { stream, headers } = message as { stream: ClientHttp2Stream; headers: Record<string, unknown> }
    const session = stream.session as ClientHttp2Session | undefined
    if (headers[':path'] !== readPath || !session || widened.has(session)) return
    // Either would throw, and what a listener of this channel throws ends the process; the next request asks again.
    if (session.connecting || session.destroyed) return
    widened.add(session)
    session.settings({ initialWindowSize: window })
    session.setLocalWindowSize(window)
  }
  subscribe('http2.client.stream.created', onRequest)
  return () => void unsubscribe('http2.client.stream.created', onRequest)
}
