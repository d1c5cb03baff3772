/** How reading and appending fail, in two kinds that callers can act on; whatever else the client throws stays as it is. */
import { status } from '@grpc/grpc-js'
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

/** What gRPC says of the same, where the client passes that on as it came. */
const awayCodes = new Set<unknown>([
  status.UNAVAILABLE,
  status.ABORTED,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
  status.UNAUTHENTICATED,
  status.PERMISSION_DENIED,
])

/** How gRPC says that the connection ended in the middle of a call. */
const connectionLost = /Received RST_STREAM .*Session closed with error/

/** @returns StoreUnavailable where the error means that the log is away, and the error itself otherwise */
export function storeErrorFrom(error: unknown): unknown {
  const { type, code } = error as { type?: string; code?: unknown }
  const isAway =
    error instanceof UnavailableError ||
    (type === undefined ? awayCodes.has(code) : awayTypes.has(type)) ||
    (error instanceof Error && connectionLost.test(error.message))
  return isAway ? new StoreUnavailable({ cause: error }) : error
}
