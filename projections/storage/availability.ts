/** Telling a database that cannot be reached, for now, from every other thing that can go wrong with it. */

/** PostgreSQL's: shutting down, crashed, not accepting connections yet or any more, too many connections; and all of class 08. */
const states = new Set(['57P01', '57P02', '57P03', '53300'])

const broken = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EAI_AGAIN',
])

const calls = new Set(['connect', 'read', 'write', 'getaddrinfo'])

/** What the client says in words only. */
const said =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/

export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, syscall, message } = error as Error & { code?: unknown; syscall?: unknown }
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isDatabaseUnavailable)
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && (states.has(code) || code.startsWith('08'))) return true
  if (typeof code === 'string' && typeof syscall === 'string') return broken.has(code) && calls.has(syscall)
  return said.test(message)
}
