/** Services `Gossip` and `ServerFeatures`, which clients call first: the address of the leader, and the supported methods. */
import { randomUUID } from 'node:crypto'
import type { GrpcHandler } from '../grpc/grpc-server.ts'
import { unaryHandler } from '../grpc/grpc-server.ts'
import { ProtobufWriter } from '../wire/protobuf.ts'
import { writeUuid } from '../wire/common-messages.ts'

/** The version of EventStoreDB whose behaviour the store reproduces. */
const VERSION = '23.10.6'
const LEADER = 8

export interface AdvertisedAddress {
  host: string
  port: () => number
}

/** @param features supported features by lower-case service name, then method name */
export function nodeHandlers(
  advertised: AdvertisedAddress,
  features: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>,
): [path: string, handler: GrpcHandler][] {
  const instanceId = randomUUID()
  return [
    [
      '/event_store.client.gossip.Gossip/Read',
      unaryHandler(() => {
        const writer = new ProtobufWriter()
        writer.message(1, (member) => {
          writeUuid(member, 1, instanceId)
          member.uint64(2, BigInt(Date.now()) * 10_000n)
          member.uint(3, LEADER).bool(4, true)
          member.message(5, (endpoint) => endpoint.string(1, advertised.host).uint(2, advertised.port()))
        })
        return writer.finish()
      }),
    ],
    [
      '/event_store.client.server_features.ServerFeatures/GetSupportedMethods',
      unaryHandler(() => {
        const writer = new ProtobufWriter(1024)
        for (const [service, methods] of Object.entries(features))
          for (const [method, names] of Object.entries(methods))
            writer.message(1, (supported) => {
              supported.string(1, method).string(2, service)
              for (const name of names) supported.string(3, name)
            })
        writer.string(2, VERSION)
        return writer.finish()
      }),
    ],
  ]
}
