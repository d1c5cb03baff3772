/** Everything a call can end with, in the words and trailers EventStoreDB uses. */

export const Code = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const
export type Code = (typeof Code)[keyof typeof Code]

/** How a call ends when it does not end well. Clients choose their error class by `trailers.exception`, then by code. */
export class RpcError extends Error {
  readonly code: Code
  readonly trailers: Readonly<Record<string, string>>

  constructor(code: Code, message: string, trailers: Record<string, string> = {}) {
    super(message)
    this.name = 'RpcError'
    this.code = code
    this.trailers = trailers
  }
}

export const invalidArgument = (message: string) => new RpcError(Code.INVALID_ARGUMENT, message)

export const unimplemented = (what: string) =>
  new RpcError(Code.UNIMPLEMENTED, `${what} is not implemented by this store`)

export const unavailable = (message: string) => new RpcError(Code.UNAVAILABLE, message)

export const operationTimedOut = (message: string) => new RpcError(Code.ABORTED, `Operation timed out: ${message}`)

export const accessDenied = () => new RpcError(Code.PERMISSION_DENIED, 'Access Denied', { exception: 'access-denied' })

export const streamDeleted = (stream: string) =>
  new RpcError(Code.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, {
    exception: 'stream-deleted',
    'stream-name': stream,
  })

/** @param expected an exact revision, or -1 no stream, -2 any, -4 stream exists @param actual -1 where there is no stream */
export const wrongExpectedVersion = (operation: string, stream: string, expected: bigint, actual: bigint) =>
  new RpcError(
    Code.FAILED_PRECONDITION,
    `${operation} failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: ${expected}, Actual version: ${actual}`,
    {
      exception: 'wrong-expected-version',
      'stream-name': stream,
      'expected-version': String(expected),
      'actual-version': String(actual),
    },
  )

/** @param limit bytes */
export const maximumAppendSizeExceeded = (limit: number) =>
  new RpcError(Code.INVALID_ARGUMENT, `Maximum Append Size of ${limit} Exceeded.`, {
    exception: 'maximum-append-size-exceeded',
    'maximum-append-size': String(limit),
  })

export const requiredMetadataPropertyMissing = (property: string) =>
  new RpcError(Code.INVALID_ARGUMENT, `Required Metadata Property '${property}' is missing`, {
    exception: 'missing-required-metadata-property',
    'required-metadata-properties': 'type,content-type',
  })

export const notLeader = (host: string, port: number) =>
  new RpcError(Code.NOT_FOUND, 'Leader info available', {
    exception: 'not-leader',
    'leader-endpoint-host': host,
    'leader-endpoint-port': String(port),
  })
