/** The messages of `event_store.client.streams.Streams`. */
import { Expected } from '../storage/append.ts'
import type { Filter } from '../storage/filter.ts'
import type { ProposedEvent, StoredEvent } from '../storage/recorded-event.ts'
import { AFTER_ID, idOf } from '../storage/recorded-event.ts'
import { MalformedMessage, Reader, Writer, varintSize } from './protobuf.ts'
import {
  readPosition,
  readStreamIdentifier,
  readUuid,
  readUuidOption,
  writePosition,
  writeStreamIdentifier,
  writeUuid,
} from './shared.ts'

// ---- requests ----------------------------------------------------------------------------------------------------------------

export interface ReadRequest {
  /** Undefined: `$all`. */
  stream: string | undefined
  /** A revision or, for `$all`, a position. */
  from: bigint | 'start' | 'end'
  backwards: boolean
  resolveLinks: boolean
  /** Undefined: this is a subscription. */
  count: bigint | undefined
  filter: FilterRequest | undefined
  structuredIds: boolean
}

export interface FilterRequest extends Filter {
  /** Events considered between two checkpoints. */
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
  const outer = new Reader(buffer)
  for (let field = outer.next(); field !== 0; field = outer.next()) {
    if (field !== 1) {
      outer.passOver()
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
        options.passOver()
      } else if (option === 7) request.filter = readFilter(options.message())
      else if (option === 9) request.structuredIds = readUuidOption(options.message()) === 'structured'
      else options.passOver()
    }
  }
  return request
}

function readStreamOptions(reader: Reader, request: ReadRequest): void {
  request.stream = ''
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) request.stream = readStreamIdentifier(reader.message())
    else if (field === 2) request.from = reader.uint64()
    else {
      if (field === 3) request.from = 'start'
      if (field === 4) request.from = 'end'
      reader.passOver()
    }
  }
}

function readAllOptions(reader: Reader, request: ReadRequest): void {
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) request.from = readPosition(reader.message())
    else {
      if (field === 2) request.from = 'start'
      if (field === 3) request.from = 'end'
      reader.passOver()
    }
  }
}

/** The same message in reads and in persistent subscriptions to `$all`. */
export function readFilter(reader: Reader): FilterRequest {
  const filter = { on: 'stream' as Filter['on'], prefixes: [] as string[], regex: '' }
  let window = DEFAULT_WINDOW
  let multiplier = 1
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1 || field === 2) {
      filter.on = field === 1 ? 'stream' : 'type'
      const expression = reader.message()
      for (let part = expression.next(); part !== 0; part = expression.next()) {
        if (part === 1) filter.regex = expression.string()
        else if (part === 2) filter.prefixes.push(expression.string())
        else expression.passOver()
      }
    } else if (field === 3) window = reader.uint()
    else if (field === 5) multiplier = reader.uint()
    else reader.passOver()
  }
  return { ...filter, checkpointEvery: Math.max(1, window) * Math.max(1, multiplier) }
}

/** The revision a writer expects, as {@link Expected} numbers it. */
function readExpected(reader: Reader, field: number): bigint {
  if (field === 2) return BigInt.asIntN(64, reader.uint64())
  reader.passOver()
  return field === 3 ? Expected.NO_STREAM : field === 4 ? Expected.ANY : Expected.STREAM_EXISTS
}

export interface StreamAndExpected {
  stream: string
  expected: bigint
}

function readStreamAndExpected(reader: Reader): StreamAndExpected & { deadline: number } {
  const options = { stream: '', expected: Expected.ANY as bigint, deadline: Infinity }
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) options.stream = readStreamIdentifier(reader.message())
    else if (field >= 2 && field <= 5) options.expected = readExpected(reader, field)
    else if (field === 6) options.deadline = readTimestamp(reader.message())
    else if (field === 7) options.deadline = Date.now() + readTimestamp(reader.message())
    else reader.passOver()
  }
  return options
}

/** A Timestamp or a Duration, in milliseconds. */
function readTimestamp(reader: Reader): number {
  let milliseconds = 0
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) milliseconds += Number(reader.int64()) * 1000
    else if (field === 2) milliseconds += reader.int32() / 1e6
    else reader.passOver()
  }
  return milliseconds
}

export type AppendRequest = { options: StreamAndExpected } | { event: ProposedEvent | MissingProperty }

/** The property an event must have and has not. */
export type MissingProperty = 'type' | 'content-type'

export function readAppendRequest(buffer: Buffer): AppendRequest {
  const reader = new Reader(buffer)
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) return { options: readStreamAndExpected(reader.message()) }
    if (field === 2) return { event: readProposedEvent(reader.message()) }
    reader.passOver()
  }
  throw new MalformedMessage('an append without content')
}

export interface BatchAppendRequest {
  correlationId: string
  options: (StreamAndExpected & { deadline: number }) | undefined
  events: (ProposedEvent | MissingProperty)[]
  isFinal: boolean
}

export function readBatchAppendRequest(buffer: Buffer): BatchAppendRequest {
  const request: BatchAppendRequest = { correlationId: '', options: undefined, events: [], isFinal: false }
  const reader = new Reader(buffer)
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) request.correlationId = readUuid(reader.message())
    else if (field === 2) request.options = readStreamAndExpected(reader.message())
    else if (field === 3) request.events.push(readProposedEvent(reader.message()))
    else if (field === 4) request.isFinal = reader.bool()
    else reader.passOver()
  }
  if (request.correlationId === '') throw new MalformedMessage('a batch without correlation id')
  return request
}

const NOTHING = Buffer.alloc(0)

function readProposedEvent(reader: Reader): ProposedEvent | MissingProperty {
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
        else entry.passOver()
      }
      if (key === 'type') type = value
      else if (key === 'content-type') contentType = value
    } else if (field === 3) metadata = reader.bytes()
    else if (field === 4) data = reader.bytes()
    else reader.passOver()
  }
  if (id === '') throw new MalformedMessage('an event without id')
  if (!type) return 'type'
  if (!contentType) return 'content-type'
  return { id, type, isJson: contentType === 'application/json', data, metadata }
}

/** Delete and Tombstone ask in the same form. */
export function readDeleteRequest(buffer: Buffer): StreamAndExpected {
  const reader = new Reader(buffer)
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) return readStreamAndExpected(reader.message())
    reader.passOver()
  }
  throw new MalformedMessage('a delete without options')
}

// ---- responses ---------------------------------------------------------------------------------------------------------------

function message(body: (writer: Writer) => void): Buffer {
  const writer = new Writer()
  body(writer)
  return writer.finish()
}

export interface AppendResult {
  /** The stream's last revision, -1 when it has none. */
  revision: bigint
  position: bigint | undefined
}

function writeAppendResult(writer: Writer, { revision, position }: AppendResult): void {
  if (revision < 0n) writer.message(2)
  else writer.uint64(1, revision)
  if (position === undefined) writer.message(4)
  else writePosition(writer, 3, position)
}

export const appendSuccess = (result: AppendResult): Buffer =>
  message((response) => response.message(1, (success) => writeAppendResult(success, result)))

/** @param current -1 where there is no stream */
export const appendWrongExpectedVersion = (expected: bigint, current: bigint): Buffer =>
  message((response) =>
    response.message(2, (wrong) => {
      // Fields 1 to 5 say the same to clients of version 20.6.
      if (current >= 0n) wrong.uint64(1, current).uint64(6, current)
      else wrong.message(2).message(7)
      if (expected >= 0n) wrong.uint64(3, expected).uint64(8, expected)
      else if (expected === Expected.ANY) wrong.message(4).message(9)
      else if (expected === Expected.STREAM_EXISTS) wrong.message(5).message(10)
      else wrong.message(11)
    }),
  )

/** Why one batch was refused: a google.rpc.Status with one detail. */
export interface BatchFailure {
  code: number
  message: string
  detail: string
  detailBody?: (writer: Writer) => void
}

export const batchWrongExpectedVersion = (expected: bigint, current: bigint): BatchFailure => ({
  code: 9,
  message: 'WrongExpectedVersion',
  detail: 'event_store.client.WrongExpectedVersion',
  detailBody: (wrong) => {
    if (current >= 0n) wrong.uint64(1, current)
    else wrong.message(2)
    if (expected >= 0n) wrong.uint64(3, expected)
    else wrong.message(expected === Expected.ANY ? 4 : expected === Expected.STREAM_EXISTS ? 5 : 6)
  },
})

export function batchResponse(
  request: { correlationId: string } & StreamAndExpected,
  result: AppendResult | BatchFailure,
): Buffer {
  return message((response) => {
    writeUuid(response, 1, request.correlationId)
    if ('detail' in result) {
      response.message(2, (status) => {
        status.uint(1, result.code).string(2, result.message)
        status.message(3, (any) => {
          any.string(1, `type.googleapis.com/${result.detail}`)
          any.bytes(2, result.detailBody ? message(result.detailBody) : NOTHING)
        })
      })
    } else response.message(3, (success) => writeAppendResult(success, result))
    writeStreamIdentifier(response, 4, request.stream)
    const { expected } = request
    if (expected >= 0n) response.uint64(5, expected)
    else response.message(expected === Expected.NO_STREAM ? 6 : expected === Expected.ANY ? 7 : 8)
  })
}

/** Delete and Tombstone answer in the same form. */
export const deleteResponse = (position: bigint | undefined): Buffer =>
  message((response) => (position === undefined ? response.message(2) : writePosition(response, 1, position)))

export const confirmation = (subscriptionId: string): Buffer =>
  message((response) => response.message(2, (confirmed) => confirmed.string(1, subscriptionId)))

export const streamNotFound = (stream: string): Buffer =>
  message((response) => response.message(4, (missing) => writeStreamIdentifier(missing, 1, stream)))

export const caughtUp = (): Buffer => message((response) => response.message(8))

/** An event and, where a link led to it, the link. An event undefined: the link leads nowhere. */
export interface ResolvedEvent {
  event: StoredEvent | undefined
  link: StoredEvent | undefined
  /** Times this event was handed out before; persistent subscriptions only. */
  retryCount?: number
}

const HEADER = 5

/** Collects many framed responses of a Read into one buffer, which leaves in one write. */
export class ReadResponses {
  private readonly writer = new Writer(64 * 1024)
  private readonly structuredIds: boolean

  constructor(structuredIds: boolean) {
    this.structuredIds = structuredIds
  }

  get length(): number {
    return this.writer.length
  }

  /** Everything collected since the last take. */
  take(): Buffer {
    const buffer = this.writer.finish()
    this.writer.reset()
    return buffer
  }

  event(resolved: ResolvedEvent): void {
    const { event, link } = resolved
    const eventSize = event ? this.sizeOf(event) : 0
    const linkSize = link ? this.sizeOf(link) : 0
    const original = link ?? event!
    const positionSize = 1 + varintSize(Number(original.position))
    const retrySize = resolved.retryCount === undefined ? 0 : 1 + varintSize(resolved.retryCount)
    const readEventSize = (event ? field(eventSize) : 0) + (link ? field(linkSize) : 0) + positionSize + retrySize
    this.header(field(readEventSize))
    const { writer } = this
    writer.varint(0x0a)
    writer.varint(readEventSize)
    if (event) this.recordedEvent(0x0a, eventSize, event)
    if (link) this.recordedEvent(0x12, linkSize, link)
    writer.varint(0x18)
    writer.varint64(original.position)
    if (resolved.retryCount !== undefined) {
      writer.varint(0x28)
      writer.varint(resolved.retryCount)
    }
  }

  checkpoint(position: bigint): void {
    this.whole(message((response) => writePosition(response, 3, position)))
  }

  /** Any other response, already encoded. */
  whole(encoded: Buffer): void {
    this.header(encoded.length)
    this.writer.buffer.set(encoded, this.writer.length)
    this.writer.length += encoded.length
  }

  private header(size: number): void {
    const { writer } = this
    writer.reserve(HEADER + size)
    writer.buffer[writer.length] = 0
    writer.buffer.writeUInt32BE(size, writer.length + 1)
    writer.length += HEADER
  }

  private sizeOf(event: StoredEvent): number {
    const name = Buffer.byteLength(event.stream)
    const position = Number(event.position)
    return (
      field(field(name)) +
      (1 + revisionSize(event.revision)) +
      2 * (1 + varintSize(position)) +
      event.body.length +
      (this.structuredIds ? structuredIdSize(event) - AFTER_ID : 0)
    )
  }

  private recordedEvent(tag: number, size: number, event: StoredEvent): void {
    const { writer } = this
    writer.varint(tag)
    writer.varint(size)
    const name = Buffer.byteLength(event.stream)
    writer.varint(0x12)
    writer.varint(field(name))
    writer.varint(0x1a)
    writer.varint(name)
    writer.reserve(name + event.body.length + 64)
    writer.buffer.write(event.stream, writer.length, name, 'utf8')
    writer.length += name
    writer.varint(0x18)
    writer.varint64(event.revision)
    writer.varint(0x20)
    writer.varint64(event.position)
    writer.varint(0x28)
    writer.varint64(event.position)
    let { body } = event
    if (this.structuredIds) {
      writeUuid(writer, 1, idOf(body), true)
      body = body.subarray(AFTER_ID)
      writer.reserve(body.length)
    }
    body.copy(writer.buffer, writer.length)
    writer.length += body.length
  }
}

/** Size of a length-delimited field with a one-byte tag. */
const field = (size: number) => 1 + varintSize(size) + size

const revisionSize = (revision: bigint) => (revision > 0x1fffffffffffffn ? 9 : varintSize(Number(revision)))

function structuredIdSize(event: StoredEvent): number {
  const writer = new Writer(64)
  writeUuid(writer, 1, idOf(event.body), true)
  return writer.length
}
