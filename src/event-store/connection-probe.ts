/** Knocks at the address of an event store to find out what keeps us from it: the client only says that it is unavailable. */
import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { ConnectionAddress } from './connection-string.ts'

/** `answers`: it speaks HTTP/2 there, as an event store does. */
export type ProbeFinding =
  | 'answers'
  | 'unknown_host'
  | 'nobody'
  | 'unreachable'
  | 'silent'
  | 'closes'
  | 'wants_tls'
  | 'has_no_tls'
  | 'http'
  | 'other_protocol'
  | 'certificate_not_trusted'
  | 'certificate_of_other_host'
  | 'certificate_expired'
  | 'certificate_not_valid_yet'

type Host = ConnectionAddress['hosts'][number]

/** How long each step of a probe may take, in milliseconds. */
const patienceMs = 1_500

export async function probe(address: ConnectionAddress, host: Host): Promise<ProbeFinding> {
  const socket = connect({ host: host.address, port: host.port })
  try {
    await inTime(once(socket, 'connect'))
  } catch (error) {
    return whyNotConnected((error as NodeJS.ErrnoException).code)
  } finally {
    socket.destroy()
  }
  if (address.tls) {
    const shaken = await handshake(address, host)
    if (shaken !== 'no_tls') return shaken
    const plain = await greeting(host)
    return plain === 'answers' ? 'has_no_tls' : plain
  }
  const plain = await greeting(host)
  if (plain === 'answers' || plain === 'http') return plain
  const shaken = await handshake(address, host)
  return shaken === 'no_tls' || shaken === 'silent' ? plain : 'wants_tls'
}

function whyNotConnected(code: string | undefined): ProbeFinding {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EAI_NODATA') return 'unknown_host'
  return code === 'ECONNREFUSED' || code === 'ECONNRESET' ? 'nobody' : 'unreachable'
}

async function handshake(address: ConnectionAddress, host: Host): Promise<ProbeFinding | 'no_tls'> {
  const socket = connectTls({
    host: host.address,
    port: host.port,
    ...(isIP(host.address) === 0 && { servername: host.address }),
    ALPNProtocols: ['h2'],
    ...(address.authority && { ca: address.authority }),
    ...(address.clientCertificate && {
      cert: address.clientCertificate.certificate,
      key: address.clientCertificate.key,
    }),
    rejectUnauthorized: false, // nothing is sent: what is wrong with the certificate is looked at below
  })
  try {
    await inTime(once(socket, 'secureConnect'))
    if (!socket.authorized) return certificateProblem(socket.authorizationError)
    return socket.alpnProtocol === 'h2' ? 'answers' : 'http'
  } catch (error) {
    if (error === silence) return 'silent'
    // A server of HTTP/1 over TLS may refuse to speak HTTP/2.
    const { code } = error as NodeJS.ErrnoException
    return code === 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' ? 'http' : 'no_tls'
  } finally {
    socket.on('error', () => undefined).destroy()
  }
}

/** TypeScript has it as an error; Node gives the code of OpenSSL. */
function certificateProblem(problem: TLSSocket['authorizationError'] | string): ProbeFinding {
  switch (String((problem as { code?: string }).code ?? problem)) {
    case 'CERT_HAS_EXPIRED':
      return 'certificate_expired'
    case 'CERT_NOT_YET_VALID':
      return 'certificate_not_valid_yet'
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'certificate_of_other_host'
    default:
      return 'certificate_not_trusted'
  }
}

const preface = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from('000000040000000000', 'hex'),
])

/** What answers the beginning of HTTP/2 without TLS. */
async function greeting(host: Host): Promise<ProbeFinding> {
  const socket = connect({ host: host.address, port: host.port })
  try {
    socket.write(preface)
    const first = await inTime(firstBytes(socket))
    if (first.length === 0) return 'closes'
    // The length of a frame, then its type: a server begins with SETTINGS.
    if (first.length >= 9 && first[3] === 4) return 'answers'
    if (first.subarray(0, 5).toString('latin1') === 'HTTP/') return 'http'
    return 'other_protocol'
  } catch (error) {
    return error === silence ? 'silent' : 'closes'
  } finally {
    socket.on('error', () => undefined).destroy()
  }
}

/** Empty where the other side closes without a word. */
async function firstBytes(socket: Socket): Promise<Buffer> {
  for await (const bytes of socket) return bytes as Buffer
  return Buffer.alloc(0)
}

const silence = Object.assign(new Error('There was no answer in time.'), { code: 'SILENCE' })

async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  answer.catch(() => undefined) // it may fail after nobody waits for it any more
  try {
    return await Promise.race([
      answer,
      new Promise<never>((_, reject) => (timer = setTimeout(() => reject(silence), patienceMs))),
    ])
  } finally {
    clearTimeout(timer)
  }
}
