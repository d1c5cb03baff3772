/**
 * gRPC over node:http2, and two HTTP/1 pages on the same port. The server handles 'stream' events only: a 'request' listener
 * would enable Node's compatibility layer, which sends empty trailers first.
 */
import * as http from 'node:http'
import * as http2 from 'node:http2'
import * as net from 'node:net'
import * as tls from 'node:tls'
import { MalformedMessage } from '../wire/protobuf.ts'
import { StatusCode, RpcError, unimplementedError } from './status.ts'

/**
 * 16 MiB is EventStoreDB's limit for one record. An append that is too large must be received completely to be refused with its
 * proper error.
 */
const MAXIMUM_MESSAGE_SIZE = 16 * 1024 * 1024 + 64 * 1024
const HTTP2_PREFACE = 'PRI * HTTP/2.0'

export type GrpcHandler = (call: GrpcCall) => void

/** The authenticated caller. */
export interface CallerIdentity {
  name: string
  groups: readonly string[]
}

export interface GrpcServerOptions {
  host: string
  port: number
  tls?: { key: Buffer; cert: Buffer }
  /** By path, `/package.Service/Method`. */
  handlers: ReadonlyMap<string, GrpcHandler>
  /** Sets the caller's identity before the handler is called; throws to refuse the call. */
  authenticate?: (call: GrpcCall) => void | Promise<void>
  /** Called with errors that are not a response to the caller: defects of this store. */
  onUnexpectedError: (error: unknown, path: string) => void
}

/** A message with gRPC's five-byte header in front. */
export function frameMessage(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(message.length + 5)
  framed[0] = 0
  framed.writeUInt32BE(message.length, 1)
  message.copy(framed, 5)
  return framed
}

/** One call: requests in, framed responses out, ended exactly once. */
export class GrpcCall {
  readonly path: string
  readonly headers: http2.IncomingHttpHeaders
  /** Milliseconds since 1970, from the call's `grpc-timeout`; Infinity without one. */
  readonly deadline: number
  /** Remote address and port. */
  readonly peer: string
  closed = false
  /** Undefined on a server without authentication. */
  identity: CallerIdentity | undefined
  /** Set by the handler before it returns. `onRequestsEnded` is called when the caller has closed its side. */
  onMessage: (message: Buffer) => void = () => {}
  onRequestsEnded: () => void | Promise<void> = () => {}

  private readonly stream: http2.ServerHttp2Stream
  private readonly closeListeners = new Set<() => void>()
  private drainListeners: (() => void)[] = []
  private pending: Buffer[] = []
  private pendingLength = 0
  private responded = false
  private ended = false

  constructor(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) {
    this.stream = stream
    this.headers = headers
    this.path = String(headers[':path'])
    this.deadline = deadlineOf(headers['grpc-timeout'])
    const socket = stream.session?.socket
    this.peer = `${socket?.remoteAddress ?? ''}:${socket?.remotePort ?? ''}`
    stream.on('data', (chunk: Buffer) => this.receive(chunk))
    stream.on('end', () => this.guard(() => this.onRequestsEnded()))
    stream.on('error', () => {}) // 'close' follows, which ends the call
    stream.on('close', () => {
      this.closed = true
      this.notifyDrained()
      for (const listener of this.closeListeners) listener()
      this.closeListeners.clear()
    })
    stream.on('wantTrailers', () => this.stream.sendTrailers({ 'grpc-status': '0' }))
  }

  onClose(listener: () => void): void {
    if (this.closed) listener()
    else this.closeListeners.add(listener)
  }

  /** Sends the response headers before there is a message. */
  accept(): void {
    if (this.responded || this.closed) return
    this.responded = true
    this.stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, {
      waitForTrailers: true,
      sendDate: false,
    } as http2.ServerStreamResponseOptions)
  }

  /** Sends framed messages. They are buffered until the caller's flow control admits them: see {@link drainedTo}. */
  write(framed: Buffer): void {
    if (this.closed || this.ended) return
    this.accept()
    this.stream.write(framed, this.notifyDrained)
  }

  /** Bytes written that have not been sent yet. */
  get bufferedBytes(): number {
    return this.stream.writableLength
  }

  /** Resolves when at most this many bytes are buffered, or the call is closed. */
  async drainedTo(allBut: number): Promise<void> {
    while (!this.closed && this.bufferedBytes > allBut)
      await new Promise<void>((resolve) => this.drainListeners.push(resolve))
  }

  /** Ends the call with status OK, after the last messages. */
  end(framed?: Buffer): void {
    if (this.closed || this.ended) return
    this.accept()
    this.ended = true
    this.stream.end(framed)
  }

  /** Ends the call with an error status. */
  fail(error: RpcError): void {
    if (this.closed || this.ended) return
    this.ended = true
    const trailers: http2.OutgoingHttpHeaders = {
      'grpc-status': String(error.code),
      'grpc-message': percentEncoded(error.message),
    }
    for (const [name, value] of Object.entries(error.trailers)) trailers[name] = headerValue(value)
    if (this.responded) {
      this.stream.removeAllListeners('wantTrailers')
      this.stream.on('wantTrailers', () => this.stream.sendTrailers(trailers))
      this.stream.end()
    } else {
      this.responded = true
      this.stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...trailers }, { endStream: true })
    }
    // The caller may still be sending; its messages are discarded, so that its flow control does not stall.
    this.onMessage = () => {}
    this.onRequestsEnded = () => {}
    this.stream.resume()
  }

  /** Ends the call at once, as cancelled: what is still buffered is dropped. */
  reset(): void {
    this.ended = true
    this.stream.close(http2.constants.NGHTTP2_CANCEL)
  }

  /** Destroys the connection without a response, as a crashed server would. */
  breakOff(): void {
    this.stream.session?.destroy()
  }

  pause(): void {
    this.stream.pause()
  }

  resume(): void {
    this.stream.resume()
  }

  /** Runs part of a handler; an error that it throws ends the call. */
  guard(body: () => unknown): void {
    try {
      const result: unknown = body()
      if (result instanceof Promise) result.catch((error: unknown) => this.failWith(error))
    } catch (error) {
      this.failWith(error)
    }
  }

  /** Set by the server; called with errors that are defects of this store. */
  onUnexpectedError: (error: unknown) => void = () => {}

  failWith(error: unknown): void {
    if (error instanceof RpcError) return this.fail(error)
    if (error instanceof MalformedMessage) return this.fail(new RpcError(StatusCode.INVALID_ARGUMENT, error.message))
    this.onUnexpectedError(error)
    this.fail(new RpcError(StatusCode.UNKNOWN, 'Exception was thrown by handler.'))
  }

  private readonly notifyDrained = (): void => {
    const listeners = this.drainListeners
    this.drainListeners = []
    for (const listener of listeners) listener()
  }

  private receive(chunk: Buffer): void {
    if (this.ended) return
    this.pending.push(chunk)
    this.pendingLength += chunk.length
    while (this.pendingLength >= 5) {
      let bytes = this.pending[0]!
      if (bytes.length < 5) bytes = this.concatenatePending()
      if (bytes[0] !== 0)
        return this.fail(new RpcError(StatusCode.UNIMPLEMENTED, 'Compressed messages are not supported'))
      const length = bytes.readUInt32BE(1)
      if (length > MAXIMUM_MESSAGE_SIZE)
        return this.fail(
          new RpcError(StatusCode.RESOURCE_EXHAUSTED, 'Received message exceeds the maximum configured message size.'),
        )
      if (this.pendingLength < length + 5) return
      if (bytes.length < length + 5) bytes = this.concatenatePending()
      const rest = bytes.subarray(length + 5)
      if (rest.length > 0) this.pending[0] = rest
      else this.pending.shift()
      this.pendingLength -= length + 5
      this.guard(() => this.onMessage(bytes.subarray(5, length + 5)))
      if (this.ended) return
    }
  }

  private concatenatePending(): Buffer {
    const joined = this.pending.length === 1 ? this.pending[0]! : Buffer.concat(this.pending)
    this.pending = [joined]
    return joined
  }
}

/** A handler of one request with one response. */
export function unaryHandler(answer: (request: Buffer, call: GrpcCall) => Buffer | Promise<Buffer>): GrpcHandler {
  return (call) => {
    let request: Buffer | undefined
    call.onMessage = (message) => (request ??= message)
    call.onRequestsEnded = async () => {
      const response = answer(request ?? Buffer.alloc(0), call)
      call.end(frameMessage(response instanceof Promise ? await response : response))
    }
  }
}

/** A handler of one request with many responses, which it writes and ends. */
export function serverStreamingHandler(answer: (request: Buffer, call: GrpcCall) => Promise<void>): GrpcHandler {
  return (call) => {
    let started = false
    call.onMessage = (message) => {
      if (started) return
      started = true
      call.guard(() => answer(message, call))
    }
  }
}

export class GrpcServer {
  private readonly options: GrpcServerOptions
  private readonly listener: net.Server
  private readonly http2Server: http2.Http2Server
  private readonly http1Server: http.Server
  private readonly sessions = new Set<http2.ServerHttp2Session>()
  private readonly sockets = new Set<net.Socket>()
  private readonly calls = new Set<GrpcCall>()
  private closing = false

  private constructor(options: GrpcServerOptions) {
    this.options = options
    this.http2Server = http2.createServer({
      settings: { initialWindowSize: 1024 * 1024, maxConcurrentStreams: 10_000, enablePush: false },
      maxSessionMemory: 256,
      // Breaking a call off is how a client leaves a read or a subscription. Node ends a connection on which 1,000 were broken off
      // and more than 33 a second are, and with it every other call on it.
      streamResetBurst: 20_000,
      streamResetRate: 2_000,
    })
    this.http2Server.on('session', (session) => {
      this.sessions.add(session)
      session.setLocalWindowSize(8 * 1024 * 1024)
      session.on('error', () => {})
      session.on('close', () => this.sessions.delete(session))
    })
    this.http2Server.on('stream', (stream, headers) => this.open(stream, headers))
    this.http2Server.on('sessionError', () => {})
    this.http1Server = http.createServer(answerPage)
    const accept = (socket: net.Socket) => this.detectProtocol(socket)
    this.listener = options.tls
      ? tls.createServer({ ...options.tls, ALPNProtocols: ['h2', 'http/1.1'] }, accept)
      : net.createServer({ noDelay: true }, accept)
    this.listener.on('tlsClientError', () => {})
    this.listener.on('connection', (socket: net.Socket) => {
      this.sockets.add(socket)
      socket.once('close', () => this.sockets.delete(socket))
    })
  }

  static listen(options: GrpcServerOptions): Promise<GrpcServer> {
    const server = new GrpcServer(options)
    return new Promise((resolve, reject) => {
      server.listener.once('error', reject)
      server.listener.listen(options.port, options.host, () => {
        server.listener.off('error', reject)
        resolve(server)
      })
    })
  }

  get port(): number {
    return (this.listener.address() as net.AddressInfo).port
  }

  /** Stops accepting connections and reading requests; those already read can still be answered. */
  stopReading(): void {
    this.closing = true
    this.listener.close()
    for (const call of this.calls) call.pause()
  }

  /**
   * Ends every open call, waits shortly for the responses to be sent, then closes the connections. Streaming calls end as cancelled,
   * others as unavailable, on which clients try again elsewhere. A reader that is too far behind to be sent its end is notified by a reset
   * of its stream: the connection goes only after every stream on it has been closed.
   */
  async close(): Promise<void> {
    this.stopReading()
    for (const call of this.calls) call.fail(shuttingDown(call))
    for (const session of this.sessions) session.close()
    await until(() => this.calls.size === 0, 500)
    for (const call of this.calls) call.reset()
    await until(() => this.calls.size === 0 && this.sessions.size === 0, 250)
    await new Promise((resolve) => setTimeout(resolve, 5))
    // Includes connections without a call and idle HTTP/1 connections.
    for (const socket of this.sockets) socket.destroy()
  }

  /** The calls that have not ended. */
  openCalls(): Iterable<GrpcCall> {
    return this.calls
  }

  private open(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): void {
    if (!String(headers['content-type'] ?? '').startsWith('application/grpc')) {
      const { status, body } = pageAt(String(headers[':path']))
      stream.on('error', () => {})
      stream.respond({ ':status': status, 'content-type': 'application/json' })
      return void stream.end(body)
    }
    const call = new GrpcCall(stream, headers)
    call.onUnexpectedError = (error) => this.options.onUnexpectedError(error, call.path)
    this.calls.add(call)
    call.onClose(() => this.calls.delete(call))
    const handler = this.options.handlers.get(call.path)
    if (!handler) return call.fail(unimplementedError(call.path))
    if (this.closing) return call.fail(shuttingDown(call))
    call.guard(() => {
      const known = this.options.authenticate?.(call)
      if (!known) return handler(call)
      call.pause() // requests are read after authentication
      return known.then(() => {
        handler(call)
        call.resume()
      })
    })
  }

  /** gRPC and HTTP/1 share the port: the first bytes of a connection tell which it is. */
  private detectProtocol(socket: net.Socket): void {
    socket.setNoDelay(true)
    const dropOnError = () => socket.destroy()
    socket.once('error', dropOnError)
    socket.once('data', (first: Buffer) => {
      socket.pause()
      socket.off('error', dropOnError)
      socket.unshift(first)
      const isHttp2 = first.toString('latin1', 0, HTTP2_PREFACE.length) === HTTP2_PREFACE.slice(0, first.length)
      // An http2 session reads what the socket has buffered; an http1 connection needs a flowing socket.
      if (isHttp2) return void this.http2Server.emit('connection', socket)
      this.http1Server.emit('connection', socket)
      process.nextTick(() => socket.resume())
    })
  }
}

async function until(condition: () => boolean, milliseconds: number): Promise<void> {
  for (const giveUp = Date.now() + milliseconds; !condition() && Date.now() < giveUp;)
    await new Promise((resolve) => setTimeout(resolve, 5))
}

const isStreaming = (path: string) => path.endsWith('/Read') || path.endsWith('/BatchAppend')

const shuttingDown = ({ path }: GrpcCall) =>
  new RpcError(isStreaming(path) ? StatusCode.CANCELLED : StatusCode.UNAVAILABLE, 'The server is shutting down.')

function answerPage(request: http.IncomingMessage, response: http.ServerResponse): void {
  const { status, body } = pageAt(request.url ?? '')
  response.writeHead(status, { 'content-type': 'application/json' }).end(body)
}

/** EventStoreDB's clients read the body of a ping; load balancers only the status. */
function pageAt(url: string): { status: number; body?: string } {
  const path = url.split('?')[0]
  if (path === '/ping')
    return { status: 200, body: JSON.stringify({ msgTypeId: 0, text: 'Ping request successfully handled' }) }
  return { status: path === '/health/live' ? 204 : 404 }
}

/** Parses `grpc-timeout`: up to eight digits and a unit. */
function deadlineOf(header: string | string[] | undefined): number {
  const match = /^(\d{1,8})([HMSmun])$/.exec(String(header ?? ''))
  if (!match) return Infinity
  const millisecondsPer: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }
  return Date.now() + Number(match[1]) * millisecondsPer[match[2]!]!
}

/** Clients read trailer values undecoded; only a value that is not valid in a header is percent-encoded. */
function headerValue(value: string): string {
  return /^[\x20-\x7e]*$/.test(value) ? value : percentEncoded(value)
}

/** Encodes the percent sign and what is outside printable ASCII, which is what clients decode. */
function percentEncoded(text: string): string {
  if (/^[\x20-\x24\x26-\x7e]*$/.test(text)) return text
  let encoded = ''
  for (const byte of Buffer.from(text))
    encoded +=
      byte < 0x20 || byte > 0x7e || byte === 0x25
        ? `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
        : String.fromCharCode(byte)
  return encoded
}
