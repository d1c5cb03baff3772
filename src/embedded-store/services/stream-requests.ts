/** Decodes the requests of `event_store.client.streams.Streams`. */
import { ExpectedRevision } from '../storage/append.ts'
import type { EventFilter } from '../storage/filter.ts'
import type { ProposedEvent } from '../storage/event-record.ts'
import { readPosition, readStreamIdentifier, readUuid, readUuidFormat } from '../wire/common-messages.ts'
import { MalformedMessage, ProtobufReader } from '../wire/protobuf.ts'

export interface ReadRequest {
  /** Undefined: `$all`. */
  stream: string | undefined
  /** A revision or, for `$all`, a position. */
  from: bigint | 'start' | 'end'
  backwards: boolean
  resolveLinks: boolean
  /** Undefined: this is a subscription. */
  count: bigint | undefined
  filter: ReadFilter | undefined
  structuredIds: boolean
}

export interface ReadFilter extends EventFilter {
  /** Events examined between two checkpoints. */
  checkpointEvery: number
}

const DEFAULT_WINDOW = 32

export function readReadRequest(buffer: Buffer): ReadRequest {
  const request: ReadRequest = {
    stream: undefined,
    from: 'start',
    backwards: false,
    resolveLinks: false,
    count: 0n,
    filter: undefined,
    structuredIds: true,
  }
  const outer = new ProtobufReader(buffer)
  for (let field = outer.next(); field !== 0; field = outer.next()) {
    if (field !== 1) {
      outer.skip()
      continue
    }
    const options = outer.message()
    for (let option = options.next(); option !== 0; option = options.next()) {
      if (option === 1) readStreamOptions(options.message(), request)
      else if (option === 2) readAllOptions(options.message(), request)
      else if (option === 3) request.backwards = options.uint() === 1
      else if (option === 4) request.resolveLinks = options.bool()
      else if (option === 5) request.count = options.uint64()
      else if (option === 6) {
        request.count = undefined
        options.skip()
      } else if (option === 7) request.filter = readFilter(options.message())
      else if (option === 9) request.structuredIds = readUuidFormat(options.message()) === 'structured'
      else options.skip()
    }
  }
  return request
}

function readStreamOptions(reader: ProtobufReader, request: ReadRequest): void {
  request.stream = ''
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) request.stream = readStreamIdentifier(reader.message())
    else if (field === 2) request.from = reader.uint64()
    else {
      if (field === 3) request.from = 'start'
      if (field === 4) request.from = 'end'
      reader.skip()
    }
  }
}

function readAllOptions(reader: ProtobufReader, request: ReadRequest): void {
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) request.from = readPosition(reader.message())
    else {
      if (field === 2) request.from = 'start'
      if (field === 3) request.from = 'end'
      reader.skip()
    }
  }
}

/** Persistent subscriptions to `$all` use the same message. */
export function readFilter(reader: ProtobufReader): ReadFilter {
  const filter = { on: 'stream' as EventFilter['on'], prefixes: [] as string[], regex: '' }
  let window = DEFAULT_WINDOW
  let multiplier = 1
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1 || field === 2) {
      filter.on = field === 1 ? 'stream' : 'type'
      const expression = reader.message()
      for (let part = expression.next(); part !== 0; part = expression.next()) {
        if (part === 1) filter.regex = expression.string()
        else if (part === 2) filter.prefixes.push(expression.string())
        else expression.skip()
      }
    } else if (field === 3) window = reader.uint()
    else if (field === 5) multiplier = reader.uint()
    else reader.skip()
  }
  return { ...filter, checkpointEvery: Math.max(1, window) * Math.max(1, multiplier) }
}

/** Reads the expected revision; see {@link ExpectedRevision} for those that are not exact. */
function readExpected(reader: ProtobufReader, field: number): bigint {
  if (field === 2) return BigInt.asIntN(64, reader.uint64())
  reader.skip()
  return field === 3 ? ExpectedRevision.NO_STREAM : field === 4 ? ExpectedRevision.ANY : ExpectedRevision.STREAM_EXISTS
}

export interface WritePrecondition {
  stream: string
  expected: bigint
}

function readWritePrecondition(reader: ProtobufReader): WritePrecondition & { deadline: number } {
  const options = { stream: '', expected: ExpectedRevision.ANY as bigint, deadline: Infinity }
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) options.stream = readStreamIdentifier(reader.message())
    else if (field >= 2 && field <= 5) options.expected = readExpected(reader, field)
    else if (field === 6) options.deadline = readTimestamp(reader.message())
    else if (field === 7) options.deadline = Date.now() + readTimestamp(reader.message())
    else reader.skip()
  }
  return options
}

/** A Timestamp or a Duration, in milliseconds. */
function readTimestamp(reader: ProtobufReader): number {
  let milliseconds = 0
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) milliseconds += Number(reader.int64()) * 1000
    else if (field === 2) milliseconds += reader.int32() / 1e6
    else reader.skip()
  }
  return milliseconds
}

export type AppendRequest = { options: WritePrecondition } | { event: ProposedEvent | MissingProperty }

/** The name of a required metadata property that an event lacks. */
export type MissingProperty = 'type' | 'content-type'

export function readAppendRequest(buffer: Buffer): AppendRequest {
  const reader = new ProtobufReader(buffer)
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) return { options: readWritePrecondition(reader.message()) }
    if (field === 2) return { event: readProposedEvent(reader.message()) }
    reader.skip()
  }
  throw new MalformedMessage('an append without content')
}

export interface BatchAppendRequest {
  correlationId: string
  options: (WritePrecondition & { deadline: number }) | undefined
  events: (ProposedEvent | MissingProperty)[]
  isFinal: boolean
}

export function readBatchAppendRequest(buffer: Buffer): BatchAppendRequest {
  const request: BatchAppendRequest = { correlationId: '', options: undefined, events: [], isFinal: false }
  const reader = new ProtobufReader(buffer)
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) request.correlationId = readUuid(reader.message())
    else if (field === 2) request.options = readWritePrecondition(reader.message())
    else if (field === 3) request.events.push(readProposedEvent(reader.message()))
    else if (field === 4) request.isFinal = reader.bool()
    else reader.skip()
  }
  if (request.correlationId === '') throw new MalformedMessage('a batch without correlation id')
  return request
}

const NOTHING = Buffer.alloc(0)

function readProposedEvent(reader: ProtobufReader): ProposedEvent | MissingProperty {
  let id = ''
  let type: string | undefined
  let contentType: string | undefined
  let metadata: Buffer = NOTHING
  let data: Buffer = NOTHING
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) id = readUuid(reader.message())
    else if (field === 2) {
      const entry = reader.message()
      let key = ''
      let value = ''
      for (let part = entry.next(); part !== 0; part = entry.next()) {
        if (part === 1) key = entry.string()
        else if (part === 2) value = entry.string()
        else entry.skip()
      }
      if (key === 'type') type = value
      else if (key === 'content-type') contentType = value
    } else if (field === 3) metadata = reader.bytes()
    else if (field === 4) data = reader.bytes()
    else reader.skip()
  }
  if (id === '') throw new MalformedMessage('an event without id')
  if (!type) return 'type'
  if (!contentType) return 'content-type'
  return { id, type, isJson: contentType === 'application/json', data, metadata }
}

/** Delete and Tombstone have the same fields. */
export function readDeleteRequest(buffer: Buffer): WritePrecondition {
  const reader = new ProtobufReader(buffer)
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) return readWritePrecondition(reader.message())
    reader.skip()
  }
  throw new MalformedMessage('a delete without options')
}
