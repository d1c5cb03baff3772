/**
 * How one event lies in the file: its `body` is the wire's own `RecordedEvent`, all fields that never change, so that reading is
 * copying. Position, revision and stream stand in columns of their own and are put in front when the event is sent.
 */
import { crc32 } from 'node:zlib'
import { ProtobufReader, ProtobufWriter } from '../wire/protobuf.ts'

/** What a writer hands in. */
export interface ProposedEvent {
  /** Lower-case UUID. */
  id: string
  type: string
  isJson: boolean
  data: Uint8Array
  metadata: Uint8Array
}

/** One event as the file holds it. */
export interface EventRecord {
  position: bigint
  revision: bigint
  stream: string
  streamId: bigint
  typeId: bigint
  body: Buffer
  crc: bigint
}

/** Bytes of a body that come along with its row. A page of rows is fetched at once; what weighs more is fetched alone, when its turn comes. */
const INLINE_BODY_BYTES = 4 * 1024

const columns = (position: string, name: string) =>
  `${position}, e.revision, ${name}, e.stream, e.type, e.crc, CASE WHEN length(e.body) <= ${INLINE_BODY_BYTES} THEN e.body END`

/** The columns of one event, in the order in which rows of events are read. */
export const EVENT_COLUMNS = columns('e.position', 's.name')
/** The same where the stream is known by name. */
export const STREAM_COLUMNS = columns('e.position', 'NULL')
/** The same from a list, whose order SQLite would not recognise in the event's own position. */
export const INDEXED_COLUMNS = columns('l.position', 's.name')
/** How many rows, as a parameter. A limit that is nothing but a parameter has SQLite plan the statement anew each time it runs. */
export const ROW_LIMIT = '?+0'

const FIELD_ID = 1
const FIELD_SYSTEM_METADATA = 6
const FIELD_CUSTOM_METADATA = 7
const FIELD_DATA = 8

/** The id stands first and has one length: tag, length, tag, length, then 36 characters. */
const ID_OFFSET = 4
const ID_LENGTH = 36
/** Where the fields after the id begin. */
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

/** Events of one commit mostly have one time. */
function createdField(at: number): Buffer {
  // .NET ticks: 100 ns
  if (lastCreated.at !== at) lastCreated = { at, field: systemMetadata({ created: `${at}0000` }) }
  return lastCreated.field
}

const MAX_CACHED_TYPES = 1000
const typeFieldCache = { json: new Map<string, Buffer>(), binary: new Map<string, Buffer>() }

/** What is the same in every event of one type. */
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

/** Ties the body to its place: a body that moved to another revision, stream or position no longer adds up. */
export function checksum(body: Buffer, position: bigint, revision: bigint, streamId: bigint): number {
  return crc32(body, (Math.imul(low32(position), 31) + Math.imul(low32(revision), 17) + low32(streamId)) >>> 0)
}

/** The lowest 32 bits. Every event read passes here three times, so numbers that fit do without bigint arithmetic. */
function low32(value: bigint): number {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number | 0 : Number(BigInt.asIntN(32, value))
}

/** A stored event is not what was written. */
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

/** Never hand out an event that is not what was written. */
export function assertChecksum(event: EventRecord): void {
  if (BigInt(checksum(event.body, event.position, event.revision, event.streamId)) !== event.crc)
    throw new DamagedEvent(event.stream, event.revision, event.position)
}
