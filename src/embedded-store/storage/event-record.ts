/**
 * The stored form of one event. Its `body` is the fields of protobuf message `RecordedEvent` that never change, so that a read
 * copies them without decoding. Position, revision and stream are columns, and are encoded when the event is sent.
 */
import { crc32 } from 'node:zlib'
import { ProtobufReader, ProtobufWriter } from '../wire/protobuf.ts'

/** An event to be appended. */
export interface ProposedEvent {
  /** Lower-case UUID. */
  id: string
  type: string
  isJson: boolean
  data: Uint8Array
  metadata: Uint8Array
}

/** One stored event. */
export interface EventRecord {
  position: bigint
  revision: bigint
  stream: string
  streamId: bigint
  typeId: bigint
  body: Buffer
  crc: bigint
}

/** Bodies up to this size are fetched with their row; larger ones one by one, so that a page of rows stays small in memory. */
const INLINE_BODY_BYTES = 4 * 1024

const columns = (position: string, name: string) =>
  `${position}, e.revision, ${name}, e.stream, e.type, e.crc, CASE WHEN length(e.body) <= ${INLINE_BODY_BYTES} THEN e.body END`

/** The columns of an {@link EventRecord}, in the order in which rows are read. */
export const EVENT_COLUMNS = columns('e.position', 's.name')
/** The same for reads of one stream, whose name is known. */
export const STREAM_COLUMNS = columns('e.position', 'NULL')
/** The same for reads through an index table `l`, ordered by its position: SQLite would sort for the order of `e.position`. */
export const INDEXED_COLUMNS = columns('l.position', 's.name')
/** The row limit as a parameter. With a bare parameter in LIMIT, SQLite plans the statement again at each run. */
export const ROW_LIMIT = '?+0'

const FIELD_ID = 1
const FIELD_SYSTEM_METADATA = 6
const FIELD_CUSTOM_METADATA = 7
const FIELD_DATA = 8

/** The id is the first field and has a fixed length: two tags and two lengths, then 36 characters. */
const ID_OFFSET = 4
const ID_LENGTH = 36
/** Length of the id field; the other fields follow it. */
export const ID_FIELD_LENGTH = ID_OFFSET + ID_LENGTH

const writer = new ProtobufWriter(4096)

/** @param createdAt milliseconds since 1970 */
export function encodeBody(event: ProposedEvent, createdAt: number): Buffer {
  writer.reset()
  writer.raw(BEFORE_ID)
  writer.text(event.id, ID_LENGTH)
  writer.raw(createdField(createdAt))
  writer.raw(typeFields(event.type, event.isJson))
  if (event.metadata.length > 0) writer.bytes(FIELD_CUSTOM_METADATA, event.metadata)
  if (event.data.length > 0) writer.bytes(FIELD_DATA, event.data)
  return writer.finish()
}

const BEFORE_ID = Buffer.from([FIELD_ID * 8 + 2, 2 + ID_LENGTH, 2 * 8 + 2, ID_LENGTH])

function systemMetadata(fields: Readonly<Record<string, string>>): Buffer {
  const entries = new ProtobufWriter()
  for (const [key, value] of Object.entries(fields))
    entries.message(FIELD_SYSTEM_METADATA, (entry) => entry.string(1, key).string(2, value))
  return entries.finish()
}

let lastCreated: { at: number; field: Buffer } = { at: NaN, field: Buffer.alloc(0) }

/** Encodes the creation time. Cached, because most events of one commit share it. */
function createdField(at: number): Buffer {
  // .NET ticks, of 100 ns each
  if (lastCreated.at !== at) lastCreated = { at, field: systemMetadata({ created: `${at}0000` }) }
  return lastCreated.field
}

const MAX_CACHED_TYPES = 1000
const typeFieldCache = { json: new Map<string, Buffer>(), binary: new Map<string, Buffer>() }

/** Encodes type and content type. Cached by event type. */
function typeFields(type: string, isJson: boolean): Buffer {
  const known = isJson ? typeFieldCache.json : typeFieldCache.binary
  let fields = known.get(type)
  if (!fields) {
    fields = systemMetadata({ type, 'content-type': isJson ? 'application/json' : 'application/octet-stream' })
    if (known.size >= MAX_CACHED_TYPES) known.clear()
    known.set(type, fields)
  }
  return fields
}

export function eventIdOf(body: Buffer): string {
  return body.toString('latin1', ID_OFFSET, ID_OFFSET + ID_LENGTH)
}

export interface DecodedRecord {
  id: string
  type: string
  isJson: boolean
  /** Milliseconds since 1970. */
  createdAt: number
  data: Buffer
  metadata: Buffer
}

export function decodeBody(body: Buffer): DecodedRecord {
  const event: DecodedRecord = {
    id: eventIdOf(body),
    type: '',
    isJson: false,
    createdAt: 0,
    data: Buffer.alloc(0),
    metadata: Buffer.alloc(0),
  }
  const reader = new ProtobufReader(body, ID_FIELD_LENGTH)
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === FIELD_DATA) event.data = reader.bytes()
    else if (field === FIELD_CUSTOM_METADATA) event.metadata = reader.bytes()
    else if (field === FIELD_SYSTEM_METADATA) {
      const entry = reader.message()
      let key = ''
      for (let part = entry.next(); part !== 0; part = entry.next()) {
        const text = entry.string()
        if (part === 1) key = text
        else if (key === 'type') event.type = text
        else if (key === 'content-type') event.isJson = text === 'application/json'
        else if (key === 'created') event.createdAt = Number(text.slice(0, -4))
      }
    } else reader.skip()
  }
  return event
}

/** CRC-32 over the body, seeded with position, revision and stream, so that a body moved to another row is detected. */
export function checksum(body: Buffer, position: bigint, revision: bigint, streamId: bigint): number {
  return crc32(body, (Math.imul(low32(position), 31) + Math.imul(low32(revision), 17) + low32(streamId)) >>> 0)
}

/** The lowest 32 bits. Computed three times for every event read, so values that fit are not computed as bigint. */
function low32(value: bigint): number {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number | 0 : Number(BigInt.asIntN(32, value))
}

/** A stored event does not match its checksum. */
export class DamagedEvent extends Error {
  readonly stream: string
  readonly revision: bigint

  constructor(stream: string, revision: bigint, position: bigint) {
    super(`Damaged: revision ${revision} of stream '${stream}' (position ${position}) does not match its checksum`)
    this.name = 'DamagedEvent'
    this.stream = stream
    this.revision = revision
  }
}

/** @throws DamagedEvent: a corrupt event is never returned to a reader */
export function assertChecksum(event: EventRecord): void {
  if (BigInt(checksum(event.body, event.position, event.revision, event.streamId)) !== event.crc)
    throw new DamagedEvent(event.stream, event.revision, event.position)
}
