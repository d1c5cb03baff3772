/**
 * A server that answers like the store and keeps nothing: what the client can do at best. Prints its connection string.
 * Reads are answered from memory with BASELINE_EVENTS events of one shape.
 */
import type { GrpcHandler } from '../src/embedded-store/grpc/grpc-server.ts'
import { GrpcServer, frameMessage, serverStreamingHandler } from '../src/embedded-store/grpc/grpc-server.ts'
import { nodeHandlers } from '../src/embedded-store/services/node.ts'
import { positionOf } from '../src/embedded-store/storage/position.ts'
import { encodeBody } from '../src/embedded-store/storage/event-record.ts'
import { readBatchAppendRequest, readReadRequest } from '../src/embedded-store/services/stream-requests.ts'
import {
  ReadResponseBuffer,
  batchAppendResponse,
  caughtUpResponse,
  confirmationResponse,
} from '../src/embedded-store/services/stream-responses.ts'
import { anEvent } from './store-events.ts'

const EVENTS = Number(process.env.BASELINE_EVENTS ?? 20_000)

const pages: Buffer[] = []
const responses = new ReadResponseBuffer(false)
for (let i = 0; i < EVENTS; i++) {
  const { id, type, data, metadata } = anEvent(i)
  const body = encodeBody(
    {
      id,
      type,
      isJson: true,
      data: Buffer.from(JSON.stringify(data)),
      metadata: Buffer.from(JSON.stringify(metadata)),
    },
    Date.now(),
  )
  const event = {
    position: positionOf(BigInt(i + 1)),
    revision: BigInt(i),
    stream: 'bench-1',
    streamId: 1n,
    typeId: 1n,
    body,
    crc: 0n,
  }
  responses.event({ event, link: undefined })
  if (i % 256 === 255) pages.push(responses.take())
}
pages.push(responses.take())

let revision = 0n
const batchAppend: GrpcHandler = (call) => {
  call.accept()
  let waiting: Buffer[] = []
  call.onMessage = (bytes) => {
    const { correlationId, options } = readBatchAppendRequest(bytes)
    revision++
    const answer = batchAppendResponse(
      { correlationId, stream: options!.stream, expected: options!.expected },
      { revision, position: revision },
    )
    if (waiting.push(frameMessage(answer)) > 1) return
    setImmediate(() => {
      const all = waiting
      waiting = []
      call.write(Buffer.concat(all))
    })
  }
}

const read = serverStreamingHandler(async (request, call) => {
  const isSubscription = readReadRequest(request).count === undefined
  if (isSubscription) call.write(frameMessage(confirmationResponse('baseline')))
  for (const page of pages) {
    call.write(page)
    await call.drainedTo(512 * 1024)
  }
  if (isSubscription) call.write(frameMessage(caughtUpResponse()))
  else call.end()
})

const server: GrpcServer = await GrpcServer.listen({
  host: '127.0.0.1',
  port: 0,
  handlers: new Map<string, GrpcHandler>([
    ['/event_store.client.streams.Streams/BatchAppend', batchAppend],
    ['/event_store.client.streams.Streams/Read', read],
    ...nodeHandlers(
      { host: '127.0.0.1', port: () => server.port },
      { 'event_store.client.streams.streams': { batchappend: ['deadline_duration'] } },
    ),
  ]),
  onUnexpectedError: (error) => console.error(error),
})
console.log(`esdb://127.0.0.1:${server.port}?tls=false`)
