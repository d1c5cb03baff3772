/** The errors that a call can end with, in EventStoreDB's messages and trailers. */

export const StatusCode = {
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
export type StatusCode = (typeof StatusCode)[keyof typeof StatusCode]

/** A call's error status. Clients choose their error class by `trailers.exception`, then by code. */
export class RpcError extends Error {
  readonly code: StatusCode
  readonly trailers: Readonly<Record<string, string>>

  constructor(code: StatusCode, message: string, trailers: Record<string, string> = {}) {
    super(message)
    this.name = 'RpcError'
    this.code = code
    this.trailers = trailers
  }
}

export const invalidArgumentError = (message: string) => new RpcError(StatusCode.INVALID_ARGUMENT, message)

export const unimplementedError = (what: string) =>
  new RpcError(StatusCode.UNIMPLEMENTED, `${what} is not implemented by this store`)

export const unavailableError = (message: string) => new RpcError(StatusCode.UNAVAILABLE, message)

export const operationTimedOutError = (message: string) =>
  new RpcError(StatusCode.ABORTED, `Operation timed out: ${message}`)

export const accessDeniedError = () =>
  new RpcError(StatusCode.PERMISSION_DENIED, 'Access Denied', { exception: 'access-denied' })

export const streamDeletedError = (stream: string) =>
  new RpcError(StatusCode.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, {
    exception: 'stream-deleted',
    'stream-name': stream,
  })

/** @param expected an exact revision, or -1 no stream, -2 any, -4 stream exists @param actual -1 where there is no stream */
export const wrongExpectedVersionError = (operation: string, stream: string, expected: bigint, actual: bigint) =>
  new RpcError(
    StatusCode.FAILED_PRECONDITION,
    `${operation} failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: ${expected}, Actual version: ${actual}`,
    {
      exception: 'wrong-expected-version',
      'stream-name': stream,
      'expected-version': String(expected),
      'actual-version': String(actual),
    },
  )

/** @param limit bytes */
export const maximumAppendSizeExceededError = (limit: number) =>
  new RpcError(StatusCode.INVALID_ARGUMENT, `Maximum Append Size of ${limit} Exceeded.`, {
    exception: 'maximum-append-size-exceeded',
    'maximum-append-size': String(limit),
  })

export const requiredMetadataPropertyMissingError = (property: string) =>
  new RpcError(StatusCode.INVALID_ARGUMENT, `Required Metadata Property '${property}' is missing`, {
    exception: 'missing-required-metadata-property',
    'required-metadata-properties': 'type,content-type',
  })

export const notLeaderError = (host: string, port: number) =>
  new RpcError(StatusCode.NOT_FOUND, 'Leader info available', {
    exception: 'not-leader',
    'leader-endpoint-host': host,
    'leader-endpoint-port': String(port),
  })
