/** `Streams`: Append, BatchAppend, Delete and Tombstone. Reading stands in streams-read.ts. */
import type { Call, Handler } from '../grpc/grpc-server.ts'
import { frame, unary } from '../grpc/grpc-server.ts'
import {
  RpcError,
  Code,
  accessDenied,
  invalidArgument,
  maximumAppendSizeExceeded,
  operationTimedOut,
  requiredMetadataPropertyMissing,
  streamDeleted,
  unavailable,
  wrongExpectedVersion,
} from '../grpc/status.ts'
import { sqliteCode } from '../storage/database.ts'
import type { Write } from '../storage/group-commit.ts'
import type { ProposedEvent } from '../storage/log-record.ts'
import type { MissingProperty, StreamAndExpected } from './stream-requests.ts'
import type { BatchFailure } from './stream-responses.ts'
import { readAppendRequest, readBatchAppendRequest, readDeleteRequest } from './stream-requests.ts'
import {
  appendSuccess,
  appendWrongExpectedVersion,
  batchResponse,
  batchWrongExpectedVersion,
  deleteResponse,
} from './stream-responses.ts'
import type { Store } from './service-context.ts'

/** EventStoreDB counts the events' data only. */
const MAXIMUM_APPEND_SIZE = 1024 * 1024
/** Batches begun and not finished on one call; more is not how any client works. */
const MOST_OPEN_BATCHES = 1000
/** Bytes of unfinished batches held for one call. */
const MOST_OPEN_BYTES = 64 * 1024 * 1024
/** Events in one append, so that one caller cannot hold the log for seconds. */
const MOST_EVENTS = 100_000
/** A stream's name in bytes, so that trailers and indexes stay sane. */
const LONGEST_NAME = 4096

export function streamWriteHandlers(store: Store): [path: string, handler: Handler][] {
  const service = '/event_store.client.streams.Streams'
  return [
    [`${service}/Append`, (call) => append(store, call)],
    [`${service}/BatchAppend`, (call) => batchAppend(store, call)],
    [`${service}/Delete`, unary((request, call) => remove(store, call, 'delete', readDeleteRequest(request)))],
    [`${service}/Tombstone`, unary((request, call) => remove(store, call, 'tombstone', readDeleteRequest(request)))],
  ]
}

/** The classic append: options first, then one message for each event. */
function append(store: Store, call: Call): void {
  store.assertLeads()
  const identity = store.identify(call)
  let options: StreamAndExpected | undefined
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
    if (!options) throw invalidArgument('The first message of an append must be its options')
    if (typeof request.event === 'string') throw requiredMetadataPropertyMissing(request.event)
    size += request.event.data.length
    if (size > MAXIMUM_APPEND_SIZE) throw maximumAppendSizeExceeded(MAXIMUM_APPEND_SIZE)
    if (events.length >= MOST_EVENTS) throw invalidArgument(`More than ${MOST_EVENTS} events in one append`)
    events.push(request.event)
  }
  call.onRequestsEnded = () => {
    if (!options) throw invalidArgument('An append without options')
    const { stream, expected } = options
    store.write(call, {
      apply: (appender) => appender.append(stream, expected, events),
      bytes: bytesOf(events),
      deadline: call.deadline,
      settle: (outcome) => {
        if (outcome.kind === 'written') call.end(frame(appendSuccess(outcome)))
        else if (outcome.kind === 'wrong_expected_version')
          call.end(frame(appendWrongExpectedVersion(expected, outcome.current)))
        else call.fail(refusal('Append', stream, expected, outcome))
      },
    })
  }
}

interface OpenBatch extends StreamAndExpected {
  correlationId: string
  deadline: number
  events: ProposedEvent[]
  size: number
  /** Already answered; the rest of its chunks is thrown away. */
  refused: boolean
}

/** One long-lived call carries the appends of a whole client; each may come in chunks, and is answered by itself. */
function batchAppend(store: Store, call: Call): void {
  store.assertLeads()
  const identity = store.identify(call)
  const open = new Map<string, OpenBatch>()
  const answers = new Answers(call)
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
      if (!request.options) throw invalidArgument('The first chunk of a batch must carry its options')
      if (open.size >= MOST_OPEN_BATCHES)
        throw new RpcError(Code.RESOURCE_EXHAUSTED, 'Too many unfinished batches on one call')
      batch = { correlationId, ...request.options, events: [], size: 0, refused: false }
      if (!request.isFinal) open.set(correlationId, batch)
      const refused = nameProblem(batch.stream) ?? (store.mayWrite(identity, batch.stream) ? undefined : DENIED)
      if (refused) refuse(batch, refused)
    }
    if (!batch.refused) {
      const sizeBefore = batch.size
      const problem = addTo(batch, request.events)
      openBytes += batch.size - sizeBefore
      if (problem) refuse(batch, problem)
    }
    if (!request.isFinal) {
      if (openBytes > MOST_OPEN_BYTES)
        throw new RpcError(Code.RESOURCE_EXHAUSTED, 'Too much in unfinished batches on one call')
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
    answers.add(batchResponse(batch, failure))
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
        answers.add(batchResponse(batch, outcome.kind === 'written' ? outcome : batchFailure(batch, outcome)))
        endWhenDone()
      },
    })
  }
}

/** Answers that come of one commit leave in one write. */
class Answers {
  private readonly call: Call
  private waiting: Buffer[] = []
  private scheduled = false

  constructor(call: Call) {
    this.call = call
  }

  add(response: Buffer): void {
    this.waiting.push(frame(response))
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
        code: Code.INVALID_ARGUMENT,
        message: `Required Metadata Property '${event}' is missing`,
        detail: 'event_store.client.BadRequest',
        detailBody: (detail) => detail.string(1, `Required Metadata Property '${event}' is missing`),
      }
    batch.size += event.data.length
    batch.events.push(event)
  }
  if (batch.size > MAXIMUM_APPEND_SIZE)
    return {
      code: Code.INVALID_ARGUMENT,
      message: 'Maximum Append Size Exceeded',
      detail: 'event_store.client.MaximumAppendSizeExceeded',
      detailBody: (detail) => detail.uint(1, MAXIMUM_APPEND_SIZE),
    }
  if (batch.events.length > MOST_EVENTS) return failed(`More than ${MOST_EVENTS} events in one append`)
  return undefined
}

function batchFailure(batch: OpenBatch, outcome: Exclude<SettledOutcome, { kind: 'written' }>): BatchFailure {
  switch (outcome.kind) {
    case 'wrong_expected_version':
      return batchWrongExpectedVersion(batch.expected, outcome.current)
    case 'stream_deleted':
      return {
        code: Code.FAILED_PRECONDITION,
        message: 'Stream Deleted',
        detail: 'event_store.client.StreamDeleted',
        detailBody: (detail) => detail.message(1, (identifier) => identifier.string(3, batch.stream)),
      }
    case 'timed_out':
      return { code: Code.ABORTED, message: 'Timeout', detail: 'event_store.client.Timeout' }
    case 'failed':
      return failed(whatFailed(outcome.error))
  }
}

/** A detail no client knows, so that it shows the message instead of hiding it. */
const failed = (message: string): BatchFailure => ({
  code: Code.UNAVAILABLE,
  message,
  detail: 'event_store.client.BadRequest',
})

const DENIED: BatchFailure = {
  code: Code.PERMISSION_DENIED,
  message: 'Access Denied',
  detail: 'event_store.client.AccessDenied',
}

async function remove(
  store: Store,
  call: Call,
  how: 'delete' | 'tombstone',
  request: StreamAndExpected,
): Promise<Buffer> {
  const { stream, expected } = request
  store.assertLeads()
  assertName(stream)
  if (!store.mayDelete(store.identify(call), stream)) throw accessDenied()
  const outcome = await new Promise<SettledOutcome>((settle) =>
    store.write(call, {
      apply: (appender) => appender[how](stream, expected),
      bytes: 100,
      deadline: call.deadline,
      settle,
    }),
  )
  if (outcome.kind !== 'written') throw refusal(how === 'delete' ? 'Delete' : 'Tombstone', stream, expected, outcome)
  return deleteResponse(outcome.position)
}

type SettledOutcome = Parameters<Write['settle']>[0]

function refusal(
  operation: string,
  stream: string,
  expected: bigint,
  outcome: Exclude<SettledOutcome, { kind: 'written' }>,
): RpcError {
  switch (outcome.kind) {
    case 'wrong_expected_version':
      return wrongExpectedVersion(operation, stream, expected, outcome.current)
    case 'stream_deleted':
      return streamDeleted(stream)
    case 'timed_out':
      return operationTimedOut('the deadline passed before the write began')
    case 'failed':
      return unavailable(whatFailed(outcome.error))
  }
}

/** Nothing was written; said so that an operator knows what to do. */
function whatFailed(error: Error): string {
  const code = sqliteCode(error)
  if (code === 'SQLITE_FULL') return 'Nothing was written: the disk is full'
  if (code?.startsWith('SQLITE_IOERR')) return `Nothing was written: the disk failed (${code})`
  return `Nothing was written: ${error.message}`
}

function assertName(stream: string): void {
  const problem = nameProblem(stream)
  if (problem) throw problem === DENIED ? accessDenied() : invalidArgument(problem.message)
}

function nameProblem(stream: string): BatchFailure | undefined {
  if (stream === '' || stream === '$$') return badName('The stream name is empty')
  if (stream === '$all') return DENIED
  if (Buffer.byteLength(stream) > LONGEST_NAME) return badName(`The stream name is longer than ${LONGEST_NAME} bytes`)
  return undefined
}

const badName = (message: string): BatchFailure => ({
  code: Code.INVALID_ARGUMENT,
  message,
  detail: 'event_store.client.BadRequest',
  detailBody: (detail) => detail.string(1, message),
})

function bytesOf(events: readonly ProposedEvent[]): number {
  let bytes = 200
  for (const event of events) bytes += event.data.length + event.metadata.length + 200
  return bytes
}
