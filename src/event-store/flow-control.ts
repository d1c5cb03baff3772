/** How much of the log may be on its way to a reader who has not come to it yet. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import type { EventStoreDBClient } from '@eventstore/db-client'
import { Channel, type ChannelOptions } from '@grpc/grpc-js'

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

/**
 * In bytes. A server drops who follows the log and has not taken 32 events while they come: with the 65,535 that HTTP/2 begins with,
 * an import did that to a reader several times in 5,000 events, and with this never.
 */
const followersWindow = 4 * 1_024 * 1_024

/**
 * For a client that only follows the log: so much is sent ahead to each of its subscriptions. Its connection is another than those
 * of clients of the same address, so that nothing which they ask for waits behind a burst.
 */
export function sendFarAhead(client: EventStoreDBClient): void {
  const connecting = client as unknown as { createChannel: () => Promise<Channel> }
  const { createChannel } = connecting
  connecting.createChannel = async () => {
    // Not connected yet: a channel connects with its first call.
    const usual = await createChannel()
    const { credentials, options } = (usual as unknown as GivenChannel).internalChannel
    const target = usual.getTarget()
    usual.close()
    // gRPC shares a connection among channels whose options are the same, and these are not.
    return new Channel(target, credentials, { ...options, 'grpc-node.flow_control_window': followersWindow })
  }
}

/** What a channel was made of. */
interface GivenChannel {
  readonly internalChannel: {
    readonly credentials: ConstructorParameters<typeof Channel>[1]
    readonly options: ChannelOptions
  }
}
