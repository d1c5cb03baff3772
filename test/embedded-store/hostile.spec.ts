/** Whatever bytes arrive on the port, the store answers or closes the connection, and continues to serve other callers. */
import { randomBytes } from 'node:crypto'
import * as http2 from 'node:http2'
import * as net from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { aServer, aStream, anEvent, collect, someEvents } from '../event-store/target.ts'

const server = aServer()
let session: http2.ClientHttp2Session
beforeAll(() => {
  session = http2.connect(`http://${new URL(server.connectionString.replace('esdb:', 'http:')).host}`)
})
afterAll(() => session.destroy())

const STREAMS = '/event_store.client.streams.Streams'
const GROUPS = '/event_store.client.persistent_subscriptions.PersistentSubscriptions'
const PROJECTIONS = '/event_store.client.projections.Projections'
const METHODS = [
  ...['Append', 'BatchAppend', 'Delete', 'Tombstone', 'Read'].map((method) => `${STREAMS}/${method}`),
  ...['Create', 'Update', 'Delete', 'Read', 'GetInfo', 'List', 'ReplayParked'].map((method) => `${GROUPS}/${method}`),
  ...['Enable', 'Disable', 'Statistics'].map((method) => `${PROJECTIONS}/${method}`),
  '/event_store.client.gossip.Gossip/Read',
]

/** Sends bytes as they are and returns the status the call ends with; undefined while the server waits for more. */
function call(path: string, bytes: Buffer, headers: http2.OutgoingHttpHeaders = {}): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = session.request({
      ':path': path,
      ':method': 'POST',
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    })
    let status: number | undefined
    const note = (received: http2.IncomingHttpHeaders) => {
      if (received['grpc-status'] !== undefined) status = Number(received['grpc-status'])
    }
    request
      .on('response', note)
      .on('trailers', note)
      .on('error', () => {})
      .on('close', () => resolve(status))
    request.resume()
    request.end(bytes)
    setTimeout(() => request.close(), 1000).unref()
  })
}

const framed = (message: Buffer, flag = 0, length = message.length) => {
  const header = Buffer.alloc(5)
  header[0] = flag
  header.writeUInt32BE(length, 1)
  return Buffer.concat([header, message])
}

const stillServes = async () => {
  const stream = aStream()
  await server.client.appendToStream(stream, anEvent())
  expect(await collect(server.client.readStream(stream))).toHaveLength(1)
}

describe('the store', () => {
  it.each(METHODS)('%s survives any bytes', async (path) => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
        // Unknown enum values and empty requests may be fine; what must not be is a defect (UNKNOWN is one, 13 another).
        expect(await call(path, framed(Buffer.from(bytes)))).not.toBe(13)
      }),
      { numRuns: 25 },
    )
    await stillServes()
  })

  it('refuses a message whose header exceeds the maximum size', async () => {
    expect(await call(`${STREAMS}/Append`, framed(Buffer.alloc(10), 0, 0xfffffff0))).toBe(8)
  })

  it('refuses compressed messages, which it does not support', async () => {
    expect(await call(`${STREAMS}/Append`, framed(Buffer.alloc(10), 1))).toBe(12)
  })

  it('names a method that it does not implement', async () => {
    for (const path of [
      '/event_store.client.users.Users/Create',
      '/event_store.client.operations.Operations/StartScavenge',
      `${PROJECTIONS}/Create`,
      '/nonsense',
    ])
      expect(await call(path, framed(Buffer.alloc(0)))).toBe(12)
  })

  it('closes connections with an unknown protocol, and those that end in the middle of a request', async () => {
    const { port } = new URL(server.connectionString.replace('esdb:', 'http:'))
    for (const bytes of [
      randomBytes(500),
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      Buffer.from('PRI * HT'),
      Buffer.from('GET /ping HTTP/1.1\r\nHo'),
      Buffer.alloc(0),
    ]) {
      const socket = net.connect(Number(port), '127.0.0.1')
      await new Promise<void>((resolve) => socket.on('connect', () => resolve()))
      socket.on('error', () => {})
      socket.write(bytes)
      await new Promise((resolve) => setTimeout(resolve, 30))
      socket.destroy()
    }
    await stillServes()
  })

  it('keeps a subscription open that starts after the largest possible revision', async () => {
    const stream = aStream()
    await server.client.appendToStream(stream, someEvents(2))
    const subscription = server.client.subscribeToStream(stream, { fromRevision: 9223372036854775807n })
    const heard: unknown[] = []
    subscription.on('data', (event) => heard.push(event))
    await new Promise((resolve, reject) => subscription.once('confirmation', resolve).once('error', reject))
    await server.client.appendToStream(stream, anEvent())
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(heard).toEqual([])
    await subscription.unsubscribe()
  })

  it('releases the calls of clients that disconnect while they are served', async () => {
    const stream = aStream()
    for (let i = 0; i < 3; i++) await server.client.appendToStream(stream, someEvents(1000))
    for (let i = 0; i < 20; i++) {
      const reading = server.client.subscribeToAll()
      await new Promise((resolve) => reading.once('data', resolve))
      await reading.unsubscribe()
    }
    await stillServes()
  })
})
