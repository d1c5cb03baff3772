/** How reading and appending fail, in two kinds that callers can act on; whatever else the client throws stays as it is. */
import { UnavailableError } from '@eventstore/db-client'

/** Someone else appended first. Read again, decide again. */
export class ConcurrencyConflict extends Error {
  readonly stream: string

  constructor(stream: string) {
    super(`The stream ${stream} has moved on.`)
    this.stream = stream
    this.name = 'ConcurrencyConflict'
  }
}

/** The log cannot be reached or did not answer in time. Whether an append was written is not known: send it again. */
export class StoreUnavailable extends Error {
  constructor(
    options?: ErrorOptions,
    message = 'The event store cannot be reached. Try again when it can: nothing is written twice.',
  ) {
    super(message, options)
    this.name = 'StoreUnavailable'
  }
}

/** The client's kinds of error that mean that the log is away, or not ours to use, and nothing about the request. */
const awayTypes = new Set(['unavailable', 'timeout', 'deadline-exceeded', 'cancelled', 'not-leader', 'access-denied'])

/** How the client says that none of the servers of a cluster told who its members are: an error without a type. */
const notDiscovered = /^Failed to discover after \d+ attempts/

/** How gRPC says that the connection ended in the middle of a call. */
const connectionLost = /Received RST_STREAM .*Session closed with error/

/** @returns StoreUnavailable where the error means that the log is away, and the error itself otherwise */
export function storeErrorFrom(error: unknown): unknown {
  const isAway =
    error instanceof UnavailableError ||
    awayTypes.has((error as { type?: string }).type ?? '') ||
    (error instanceof Error && (notDiscovered.test(error.message) || connectionLost.test(error.message)))
  return isAway ? new StoreUnavailable({ cause: error }) : error
}
