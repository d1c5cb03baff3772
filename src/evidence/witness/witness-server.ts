/** The witness over HTTP: one path, one method, plain text. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { WitnessAnswer } from './witness.ts'

/** The longest request that is read, in bytes: 63 proof lines, and a checkpoint with room for far more than sixteen signatures. */
const longestRequest = 128 * 1024

export interface WitnessServer {
  readonly port: number
  close(): Promise<void>
}

/** @param answer what the witness says to the body of a request; the reply is sent after it returns */
export async function serveWitness(
  answer: (body: string) => WitnessAnswer,
  { host, port }: { host: string; port: number },
): Promise<WitnessServer> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    handle(answer, request, response).catch((error: Error) => {
      if (request.destroyed && !request.complete) return // whoever asked has gone away
      process.stderr.write(`The witness could not answer: ${error.message}\n`)
      if (!response.headersSent) reply(response, 500, 'the witness could not keep the checkpoint\n')
      else response.destroy()
    })
  })
  server.listen(port, host)
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: () => closed(server) }
}

async function handle(
  answer: (body: string) => WitnessAnswer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.url !== '/add-checkpoint') return reply(response, 404, 'there is only /add-checkpoint\n')
  if (request.method !== 'POST') return reply(response, 405, 'POST it\n', { allow: 'POST' })
  const body = await bodyOf(request)
  if (body === 'too long') return reply(response, 413, 'too long\n', { connection: 'close' })
  if (body === 'not text') return reply(response, 400, 'not UTF-8\n')
  const { status, contentType, body: said } = answer(body.text)
  reply(response, status, said, { 'content-type': contentType })
}

async function bodyOf(request: IncomingMessage): Promise<{ text: string } | 'too long' | 'not text'> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > longestRequest) return 'too long'
    chunks.push(chunk)
  }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks)) }
  } catch {
    return 'not text'
  }
}

function reply(response: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'content-length': Buffer.byteLength(body),
    ...headers,
  })
  response.end(body)
}

async function closed(server: Server): Promise<void> {
  const gone = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  await gone
}
