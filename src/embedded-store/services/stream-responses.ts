/** Encodes the responses of `event_store.client.streams.Streams`. */
import { ExpectedRevision } from '../storage/append.ts'
import type { EventRecord } from '../storage/event-record.ts'
import { ID_FIELD_LENGTH, eventIdOf } from '../storage/event-record.ts'
import { writePosition, writeStreamIdentifier, writeUuid } from '../wire/common-messages.ts'
import { ProtobufWriter, varintSize } from '../wire/protobuf.ts'
import type { WritePrecondition } from './stream-requests.ts'

function message(body: (writer: ProtobufWriter) => void): Buffer {
  const writer = new ProtobufWriter()
  body(writer)
  return writer.finish()
}

export interface AppendSuccess {
  /** The stream's last revision, -1 for a stream without events. */
  revision: bigint
  position: bigint | undefined
}

function writeAppendResult(writer: ProtobufWriter, { revision, position }: AppendSuccess): void {
  if (revision < 0n) writer.message(2)
  else writer.uint64(1, revision)
  if (position === undefined) writer.message(4)
  else writePosition(writer, 3, position)
}

export const appendSuccessResponse = (result: AppendSuccess): Buffer =>
  message((response) => response.message(1, (success) => writeAppendResult(success, result)))

/** @param current the stream's last revision, -1 where there is no stream */
export const wrongExpectedVersionResponse = (expected: bigint, current: bigint): Buffer =>
  message((response) =>
    response.message(2, (wrong) => {
      // Clients of version 20.6 read fields 1 to 5, later ones 6 to 11.
      if (current >= 0n) wrong.uint64(1, current).uint64(6, current)
      else wrong.message(2).message(7)
      if (expected >= 0n) wrong.uint64(3, expected).uint64(8, expected)
      else if (expected === ExpectedRevision.ANY) wrong.message(4).message(9)
      else if (expected === ExpectedRevision.STREAM_EXISTS) wrong.message(5).message(10)
      else wrong.message(11)
    }),
  )

/** Why one append of a batch call failed: a google.rpc.Status with one detail. */
export interface BatchFailure {
  code: number
  message: string
  detail: string
  detailBody?: (writer: ProtobufWriter) => void
}

export const batchWrongExpectedVersionFailure = (expected: bigint, current: bigint): BatchFailure => ({
  code: 9,
  message: 'WrongExpectedVersion',
  detail: 'event_store.client.WrongExpectedVersion',
  detailBody: (wrong) => {
    if (current >= 0n) wrong.uint64(1, current)
    else wrong.message(2)
    if (expected >= 0n) wrong.uint64(3, expected)
    else wrong.message(expected === ExpectedRevision.ANY ? 4 : expected === ExpectedRevision.STREAM_EXISTS ? 5 : 6)
  },
})

export function batchAppendResponse(
  request: { correlationId: string } & WritePrecondition,
  result: AppendSuccess | BatchFailure,
): Buffer {
  return message((response) => {
    writeUuid(response, 1, request.correlationId)
    if ('detail' in result) {
      response.message(2, (status) => {
        status.uint(1, result.code).string(2, result.message)
        status.message(3, (any) => {
          any.string(1, `type.googleapis.com/${result.detail}`)
          any.bytes(2, result.detailBody ? message(result.detailBody) : Buffer.alloc(0))
        })
      })
    } else response.message(3, (success) => writeAppendResult(success, result))
    writeStreamIdentifier(response, 4, request.stream)
    const { expected } = request
    if (expected >= 0n) response.uint64(5, expected)
    else response.message(expected === ExpectedRevision.NO_STREAM ? 6 : expected === ExpectedRevision.ANY ? 7 : 8)
  })
}

/** Delete and Tombstone have the same response. */
export const deleteResponse = (position: bigint | undefined): Buffer =>
  message((response) => (position === undefined ? response.message(2) : writePosition(response, 1, position)))

export const confirmationResponse = (subscriptionId: string): Buffer =>
  message((response) => response.message(2, (confirmed) => confirmed.string(1, subscriptionId)))

export const streamNotFoundResponse = (stream: string): Buffer =>
  message((response) => response.message(4, (missing) => writeStreamIdentifier(missing, 1, stream)))

export const caughtUpResponse = (): Buffer => message((response) => response.message(8))

/** An event and, when it was read through a link, the link. `event` is undefined for a link whose target cannot be read. */
export interface ResolvedRecord {
  event: EventRecord | undefined
  link: EventRecord | undefined
  /** How often the event was delivered before; persistent subscriptions only. */
  retryCount?: number
}

const HEADER = 5

/** Collects framed responses of a read in one buffer, which is sent in one write. */
export class ReadResponseBuffer {
  private readonly writer = new ProtobufWriter(64 * 1024)
  private readonly structuredIds: boolean

  constructor(structuredIds: boolean) {
    this.structuredIds = structuredIds
  }

  get length(): number {
    return this.writer.length
  }

  /** Returns what was collected, and empties the buffer. */
  take(): Buffer {
    const buffer = this.writer.finish()
    this.writer.reset()
    return buffer
  }

  event(resolved: ResolvedRecord): void {
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
    this.encoded(message((response) => writePosition(response, 3, position)))
  }

  /** Adds a response that is already encoded. */
  encoded(encoded: Buffer): void {
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

  private sizeOf(event: EventRecord): number {
    const name = Buffer.byteLength(event.stream)
    const position = Number(event.position)
    return (
      field(field(name)) +
      (1 + revisionSize(event.revision)) +
      2 * (1 + varintSize(position)) +
      event.body.length +
      (this.structuredIds ? structuredIdSize(event) - ID_FIELD_LENGTH : 0)
    )
  }

  private recordedEvent(tag: number, size: number, event: EventRecord): void {
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
      writeUuid(writer, 1, eventIdOf(body), true)
      body = body.subarray(ID_FIELD_LENGTH)
      writer.reserve(body.length)
    }
    body.copy(writer.buffer, writer.length)
    writer.length += body.length
  }
}

/** Size in bytes of a length-delimited field with a one-byte tag. */
const field = (size: number) => 1 + varintSize(size) + size

const revisionSize = (revision: bigint) => (revision > 0x1fffffffffffffn ? 9 : varintSize(Number(revision)))

function structuredIdSize(event: EventRecord): number {
  const writer = new ProtobufWriter(64)
  writeUuid(writer, 1, eventIdOf(event.body), true)
  return writer.length
}
