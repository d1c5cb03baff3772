/**
 * A read of the whole log that the server filters by stream category. EventStoreDB's Read call takes a filter in both
 * directions, which @eventstore/db-client 6.2.1 offers for subscriptions only: this sends the client's own request with the
 * filter set, over the client's own connection. Without it a look-up on a server that is shared with other applications would
 * carry every event of theirs to this process.
 */
import { EventStoreDBClient, type AllStreamResolvedEvent, type StreamingRead } from '@eventstore/db-client'
import { ReadStream } from '@eventstore/db-client/dist/streams/utils/ReadStream.js'
import { convertGrpcEvent } from '@eventstore/db-client/dist/utils/convertGrpcEvent.js'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js'
import streams, { type ReadReq } from '@eventstore/db-client/generated/streams_pb.js'

/**
 * How many events the server looks at before it answers with a page, however few passed. The server's usual 32 would make it
 * answer thousands of times while it passes over other applications' events.
 */
const searchWindow = 4_096

export interface FilteredRead {
  readonly categories: readonly string[]
  readonly direction: 'forwards' | 'backwards'
  /** A commit position, which a read forwards includes and a read backwards does not. */
  readonly from: bigint | 'start' | 'end'
  /** How many events that pass the filter are wanted at most; all of them where it is left out. */
  readonly limit?: number
}

export function readFiltered(
  client: EventStoreDBClient,
  { categories, direction, from, limit = Number.MAX_SAFE_INTEGER }: FilteredRead,
): StreamingRead<AllStreamResolvedEvent> {
  const { Options } = streams.ReadReq
  const all = new Options.AllOptions()
  if (from === 'start') all.setStart(new shared.Empty())
  else if (from === 'end') all.setEnd(new shared.Empty())
  else {
    const position = new Options.Position()
    position.setCommitPosition(String(from))
    position.setPreparePosition(String(from))
    all.setPosition(position)
  }
  const expression = new Options.FilterOptions.Expression()
  expression.setPrefixList(categories.map((category) => `${category}-`))
  const filter = new Options.FilterOptions()
  filter.setStreamIdentifier(expression)
  filter.setMax(searchWindow)
  filter.setCheckpointintervalmultiplier(1)
  const uuid = new Options.UUIDOption()
  uuid.setString(new shared.Empty())
  const options = new Options()
  options.setAll(all)
  options.setReadDirection(direction === 'forwards' ? 0 : 1)
  options.setCount(String(limit))
  options.setFilter(filter)
  options.setUuidOption(uuid)
  const request = new streams.ReadReq()
  request.setOptions(options)
  return CallingClient.read(client as CallingClient, request)
}

/** Gives this file what the client keeps for its own subclasses: a call over its connection, with its credentials. */
class CallingClient extends EventStoreDBClient {
  static read(client: CallingClient, request: ReadReq): StreamingRead<AllStreamResolvedEvent> {
    const call = client.GRPCStreamCreator(StreamsClient, 'readFiltered', (service) =>
      service.read(request, ...client.callArguments({}, { deadline: Infinity })),
    )
    return new ReadStream<AllStreamResolvedEvent>(call, convertGrpcEvent, {})
  }
}
