/** `Streams`: Append, BatchAppend, Delete and Tombstone. For Read see streams-read.ts. */
import type { GrpcCall, GrpcHandler } from '../grpc/grpc-server.ts'
import { frameMessage, unaryHandler } from '../grpc/grpc-server.ts'
import {
  RpcError,
  StatusCode,
  accessDeniedError,
  invalidArgumentError,
  maximumAppendSizeExceededError,
  operationTimedOutError,
  requiredMetadataPropertyMissingError,
  streamDeletedError,
  unavailableError,
  wrongExpectedVersionError,
} from '../grpc/status.ts'
import { sqliteCode } from '../storage/database.ts'
import type { PendingWrite } from '../storage/group-commit.ts'
import type { ProposedEvent } from '../storage/event-record.ts'
import type { MissingProperty, WritePrecondition } from './stream-requests.ts'
import type { BatchFailure } from './stream-responses.ts'
import { readAppendRequest, readBatchAppendRequest, readDeleteRequest } from './stream-requests.ts'
import {
  appendSuccessResponse,
  wrongExpectedVersionResponse,
  batchAppendResponse,
  batchWrongExpectedVersionFailure,
  deleteResponse,
} from './stream-responses.ts'
import type { ServiceContext } from './service-context.ts'

/** Bytes in one append; like EventStoreDB, it counts the events' data only. */
const MAX_APPEND_BYTES = 1024 * 1024
/** Unfinished batches on one call; clients stay far below it. */
const MAX_OPEN_BATCHES = 1000
/** Bytes in the unfinished batches of one call. */
const MAX_OPEN_BATCH_BYTES = 64 * 1024 * 1024
/** Events in one append, so that one caller cannot occupy the writer for seconds. */
const MAX_EVENTS_PER_APPEND = 100_000
/** Length of a stream name, so that it fits trailers and index pages. */
const MAX_STREAM_NAME_BYTES = 4096

export function streamWriteHandlers(store: ServiceContext): [path: string, handler: GrpcHandler][] {
  const service = '/event_store.client.streams.Streams'
  return [
    [`${service}/Append`, (call) => append(store, call)],
    [`${service}/BatchAppend`, (call) => batchAppend(store, call)],
    [`${service}/Delete`, unaryHandler((request, call) => remove(store, call, 'delete', readDeleteRequest(request)))],
    [
      `${service}/Tombstone`,
      unaryHandler((request, call) => remove(store, call, 'tombstone', readDeleteRequest(request))),
    ],
  ]
}

/** One append for each call: the first message has the options, each further message one event. */
function append(store: ServiceContext, call: GrpcCall): void {
  store.assertLeads()
  const identity = store.identify(call)
  let options: WritePrecondition | undefined
  const events: ProposedEvent[] = []
  let size = 0
  call.onMessage = (bytes) => {
    const request = readAppendRequest(bytes)
    if ('options' in request) {
      options = request.options
      assertName(options.stream)
      store.assertMayWrite(identity, options.stream)
      return
    }
    if (!options) throw invalidArgumentError('The first message of an append must be its options')
    if (typeof request.event === 'string') throw requiredMetadataPropertyMissingError(request.event)
    size += request.event.data.length
    if (size > MAX_APPEND_BYTES) throw maximumAppendSizeExceededError(MAX_APPEND_BYTES)
    if (events.length >= MAX_EVENTS_PER_APPEND)
      throw invalidArgumentError(`More than ${MAX_EVENTS_PER_APPEND} events in one append`)
    events.push(request.event)
  }
  call.onRequestsEnded = () => {
    if (!options) throw invalidArgumentError('An append without options')
    const { stream, expected } = options
    store.write(call, {
      apply: (appender) => appender.append(stream, expected, events),
      bytes: bytesOf(events),
      deadline: call.deadline,
      settle: (outcome) => {
        if (outcome.kind === 'written') call.end(frameMessage(appendSuccessResponse(outcome)))
        else if (outcome.kind === 'wrong_expected_version')
          call.end(frameMessage(wrongExpectedVersionResponse(expected, outcome.current)))
        else call.fail(errorOf('Append', stream, expected, outcome))
      },
    })
  }
}

interface OpenBatch extends WritePrecondition {
  correlationId: string
  deadline: number
  events: ProposedEvent[]
  size: number
  /** Already answered; its further chunks are discarded. */
  refused: boolean
}

/** Many appends on one long-lived call; each may come in chunks and gets its own response. */
function batchAppend(store: ServiceContext, call: GrpcCall): void {
  store.assertLeads()
  const identity = store.identify(call)
  const open = new Map<string, OpenBatch>()
  const answers = new BatchResponses(call)
  let openBytes = 0
  let ended = false
  let inFlight = 0
  const endWhenDone = () => {
    if (!ended || inFlight > 0) return
    answers.flush()
    call.end()
  }
  call.accept()
  call.onMessage = (bytes) => {
    store.assertLeads()
    const request = readBatchAppendRequest(bytes)
    const { correlationId } = request
    let batch = open.get(correlationId)
    if (!batch) {
      if (!request.options) throw invalidArgumentError('The first chunk of a batch must carry its options')
      if (open.size >= MAX_OPEN_BATCHES)
        throw new RpcError(StatusCode.RESOURCE_EXHAUSTED, 'Too many unfinished batches on one call')
      batch = { correlationId, ...request.options, events: [], size: 0, refused: false }
      if (!request.isFinal) open.set(correlationId, batch)
      const refused = nameProblem(batch.stream) ?? (store.mayWrite(identity, batch.stream) ? undefined : ACCESS_DENIED)
      if (refused) refuse(batch, refused)
    }
    if (!batch.refused) {
      const sizeBefore = batch.size
      const problem = addTo(batch, request.events)
      openBytes += batch.size - sizeBefore
      if (problem) refuse(batch, problem)
    }
    if (!request.isFinal) {
      if (openBytes > MAX_OPEN_BATCH_BYTES)
        throw new RpcError(StatusCode.RESOURCE_EXHAUSTED, 'Too much in unfinished batches on one call')
      return
    }
    open.delete(correlationId)
    openBytes -= batch.size
    if (!batch.refused) submit(batch)
  }
  call.onRequestsEnded = () => {
    ended = true
    endWhenDone()
  }

  function refuse(batch: OpenBatch, failure: BatchFailure): void {
    batch.refused = true
    batch.events = []
    openBytes -= batch.size
    batch.size = 0
    answers.add(batchAppendResponse(batch, failure))
  }

  function submit(batch: OpenBatch): void {
    inFlight++
    const { stream, expected, events } = batch
    store.write(call, {
      apply: (appender) => appender.append(stream, expected, events),
      bytes: bytesOf(events),
      deadline: batch.deadline,
      settle: (outcome) => {
        inFlight--
        answers.add(batchAppendResponse(batch, outcome.kind === 'written' ? outcome : batchFailure(batch, outcome)))
        endWhenDone()
      },
    })
  }
}

/** Sends the responses of one commit in one write. */
class BatchResponses {
  private readonly call: GrpcCall
  private waiting: Buffer[] = []
  private scheduled = false

  constructor(call: GrpcCall) {
    this.call = call
  }

  add(response: Buffer): void {
    this.waiting.push(frameMessage(response))
    if (this.scheduled) return
    this.scheduled = true
    process.nextTick(() => {
      this.scheduled = false
      this.flush()
    })
  }

  flush(): void {
    if (this.waiting.length === 0) return
    const waiting = this.waiting
    this.waiting = []
    this.call.write(waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting))
  }
}

function addTo(batch: OpenBatch, events: readonly (ProposedEvent | MissingProperty)[]): BatchFailure | undefined {
  for (const event of events) {
    if (typeof event === 'string')
      return {
        code: StatusCode.INVALID_ARGUMENT,
        message: `Required Metadata Property '${event}' is missing`,
        detail: 'event_store.client.BadRequest',
        detailBody: (detail) => detail.string(1, `Required Metadata Property '${event}' is missing`),
      }
    batch.size += event.data.length
    batch.events.push(event)
  }
  if (batch.size > MAX_APPEND_BYTES)
    return {
      code: StatusCode.INVALID_ARGUMENT,
      message: 'Maximum Append Size Exceeded',
      detail: 'event_store.client.MaximumAppendSizeExceeded',
      detailBody: (detail) => detail.uint(1, MAX_APPEND_BYTES),
    }
  if (batch.events.length > MAX_EVENTS_PER_APPEND)
    return unavailableFailure(`More than ${MAX_EVENTS_PER_APPEND} events in one append`)
  return undefined
}

function batchFailure(batch: OpenBatch, outcome: Exclude<SettledOutcome, { kind: 'written' }>): BatchFailure {
  switch (outcome.kind) {
    case 'wrong_expected_version':
      return batchWrongExpectedVersionFailure(batch.expected, outcome.current)
    case 'stream_deleted':
      return {
        code: StatusCode.FAILED_PRECONDITION,
        message: 'Stream Deleted',
        detail: 'event_store.client.StreamDeleted',
        detailBody: (detail) => detail.message(1, (identifier) => identifier.string(3, batch.stream)),
      }
    case 'timed_out':
      return { code: StatusCode.ABORTED, message: 'Timeout', detail: 'event_store.client.Timeout' }
    case 'failed':
      return unavailableFailure(failureMessage(outcome.error))
  }
}

/** The detail is one that clients do not know: they then show the message. */
const unavailableFailure = (message: string): BatchFailure => ({
  code: StatusCode.UNAVAILABLE,
  message,
  detail: 'event_store.client.BadRequest',
})

const ACCESS_DENIED: BatchFailure = {
  code: StatusCode.PERMISSION_DENIED,
  message: 'Access Denied',
  detail: 'event_store.client.AccessDenied',
}

async function remove(
  store: ServiceContext,
  call: GrpcCall,
  how: 'delete' | 'tombstone',
  request: WritePrecondition,
): Promise<Buffer> {
  const { stream, expected } = request
  store.assertLeads()
  assertName(stream)
  if (!store.mayDelete(store.identify(call), stream)) throw accessDeniedError()
  const outcome = await new Promise<SettledOutcome>((settle) =>
    store.write(call, {
      apply: (appender) => appender[how](stream, expected),
      bytes: 100,
      deadline: call.deadline,
      settle,
    }),
  )
  if (outcome.kind !== 'written') throw errorOf(how === 'delete' ? 'Delete' : 'Tombstone', stream, expected, outcome)
  return deleteResponse(outcome.position)
}

type SettledOutcome = Parameters<PendingWrite['settle']>[0]

function errorOf(
  operation: string,
  stream: string,
  expected: bigint,
  outcome: Exclude<SettledOutcome, { kind: 'written' }>,
): RpcError {
  switch (outcome.kind) {
    case 'wrong_expected_version':
      return wrongExpectedVersionError(operation, stream, expected, outcome.current)
    case 'stream_deleted':
      return streamDeletedError(stream)
    case 'timed_out':
      return operationTimedOutError('the deadline passed before the write began')
    case 'failed':
      return unavailableError(failureMessage(outcome.error))
  }
}

/** The message tells an operator the cause, and that nothing was written. */
function failureMessage(error: Error): string {
  const code = sqliteCode(error)
  if (code === 'SQLITE_FULL') return 'Nothing was written: the disk is full'
  if (code?.startsWith('SQLITE_IOERR')) return `Nothing was written: the disk failed (${code})`
  return `Nothing was written: ${error.message}`
}

function assertName(stream: string): void {
  const problem = nameProblem(stream)
  if (problem) throw problem === ACCESS_DENIED ? accessDeniedError() : invalidArgumentError(problem.message)
}

function nameProblem(stream: string): BatchFailure | undefined {
  if (stream === '' || stream === '$$') return invalidName('The stream name is empty')
  if (stream === '$all') return ACCESS_DENIED
  if (Buffer.byteLength(stream) > MAX_STREAM_NAME_BYTES)
    return invalidName(`The stream name is longer than ${MAX_STREAM_NAME_BYTES} bytes`)
  return undefined
}

const invalidName = (message: string): BatchFailure => ({
  code: StatusCode.INVALID_ARGUMENT,
  message,
  detail: 'event_store.client.BadRequest',
  detailBody: (detail) => detail.string(1, message),
})

function bytesOf(events: readonly ProposedEvent[]): number {
  let bytes = 200
  for (const event of events) bytes += event.data.length + event.metadata.length + 200
  return bytes
}
