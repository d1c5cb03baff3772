/**
 * A read of the whole log that the server filters by stream category. EventStoreDB's Read call takes a filter in both
 * directions, which @eventstore/db-client 6.2.1 offers for subscriptions only: this sends the client's own request with the
 * filter set, over the client's own connection. Without it a look-up on a server that is shared with other applications would
 * carry every event of theirs to this process.
 */
import type { ClientReadableStream, Metadata } from '@grpc/grpc-js'
import { EventStoreDBClient, type AllStreamResolvedEvent, type StreamingRead } from '@eventstore/db-client'
import { ReadStream } from '@eventstore/db-client/dist/streams/utils/ReadStream.js'
import { convertGrpcEvent } from '@eventstore/db-client/dist/utils/convertGrpcEvent.js'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js'
import streams, { type ReadReq, type ReadResp } from '@eventstore/db-client/generated/streams_pb.js'

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

export function readFiltered(client: EventStoreDBClient, read: FilteredRead): StreamingRead<AllStreamResolvedEvent> {
  return CallingClient.read(client as CallingClient, requestFor(read))
}

interface AskedRead extends Omit<FilteredRead, 'categories'> {
  readonly categories: FilteredRead['categories'] | 'all'
}

function requestFor({ categories, direction, from, limit = Number.MAX_SAFE_INTEGER }: AskedRead): ReadReq {
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
  const uuid = new Options.UUIDOption()
  uuid.setString(new shared.Empty())
  const options = new Options()
  options.setAll(all)
  options.setReadDirection(direction === 'forwards' ? 0 : 1)
  options.setCount(String(limit))
  if (categories === 'all') options.setNoFilter(new shared.Empty())
  else options.setFilter(filterFor(categories))
  options.setUuidOption(uuid)
  const request = new streams.ReadReq()
  request.setOptions(options)
  return request
}

/**
 * What time it is by the clock of the server, to the second, as it says in the headers of every answer.
 * @returns null where it does not say
 */
export async function serverTime(client: EventStoreDBClient): Promise<Date | null> {
  const call = await CallingClient.open(
    client as CallingClient,
    requestFor({ categories: 'all', direction: 'backwards', from: 'end', limit: 1 }),
  )
  return new Promise((resolve, reject) => {
    call
      .on('metadata', (metadata: Metadata) => {
        const [date] = metadata.get('date')
        const time = Date.parse(String(date))
        resolve(Number.isNaN(time) ? null : new Date(time))
        call.cancel()
      })
      .on('data', () => undefined)
      .on('error', reject)
      .on('end', () => resolve(null))
  })
}

function filterFor(categories: readonly string[]): ReadReq.Options.FilterOptions {
  const { FilterOptions } = streams.ReadReq.Options
  const expression = new FilterOptions.Expression()
  expression.setPrefixList(categories.map((category) => `${category}-`))
  const filter = new FilterOptions()
  filter.setStreamIdentifier(expression)
  filter.setMax(searchWindow)
  filter.setCheckpointintervalmultiplier(1)
  return filter
}

/** Gives this file what the client keeps for its own subclasses: a call over its connection, with its credentials. */
class CallingClient extends EventStoreDBClient {
  static read(client: CallingClient, request: ReadReq): StreamingRead<AllStreamResolvedEvent> {
    return new ReadStream<AllStreamResolvedEvent>(() => CallingClient.open(client, request), convertGrpcEvent, {})
  }

  static open(client: CallingClient, request: ReadReq): Promise<ClientReadableStream<ReadResp>> {
    return client.GRPCStreamCreator(StreamsClient, 'readFiltered', (service) =>
      service.read(request, ...client.callArguments({}, { deadline: Infinity })),
    )()
  }
}
