/**
 * The part of the protobuf encoding that the store needs, written by hand: it takes a third of the processor time of generated
 * codecs, and no build step.
 */

/** The bytes are not a valid message. */
export class MalformedMessage extends Error {
  constructor(what: string) {
    super(`Malformed message: ${what}`)
    this.name = 'MalformedMessage'
  }
}

const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2
const FIXED32 = 5

/** Reads one message, field by field. Byte fields are views on the input and must be copied to outlive it. */
export class ProtobufReader {
  private readonly buffer: Buffer
  private readonly end: number
  private position: number
  private wireType = 0

  constructor(buffer: Buffer, start = 0, end = buffer.length) {
    this.buffer = buffer
    this.position = start
    this.end = end
  }

  /** The number of the next field, or 0 at the end of the message. */
  next(): number {
    if (this.position >= this.end) return 0
    const tag = this.number()
    this.wireType = tag % 8
    const field = Math.floor(tag / 8)
    if (field === 0) throw new MalformedMessage('field number 0')
    return field
  }

  /** Whether the current field is a varint; otherwise it is a message. */
  get isNumber(): boolean {
    return this.wireType === VARINT
  }

  /** A number up to 2^53; use {@link uint64} for larger ones. */
  uint(): number {
    this.expect(VARINT)
    return this.number()
  }

  private number(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
    throw new MalformedMessage('a number longer than ten bytes')
  }

  /** int32 and enums: negative numbers come sign-extended to 64 bits. */
  int32(): number {
    return Number(BigInt.asIntN(32, this.uint64()))
  }

  bool(): boolean {
    return this.uint() !== 0
  }

  uint64(): bigint {
    this.expect(VARINT)
    let low = 0
    let scale = 1
    for (let i = 0; i < 7; i++) {
      const byte = this.byte()
      low += (byte & 0x7f) * scale
      if (byte < 0x80) return BigInt(low)
      scale *= 128
    }
    let value = BigInt(low)
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    throw new MalformedMessage('a number longer than ten bytes')
  }

  int64(): bigint {
    return BigInt.asIntN(64, this.uint64())
  }

  bytes(): Buffer {
    const [start, end] = this.delimited()
    return this.buffer.subarray(start, end)
  }

  /** Invalid UTF-8 is refused: a replacement character would turn one stream name into another. */
  string(): string {
    return decodeUtf8(this.bytes())
  }

  message(): ProtobufReader {
    const [start, end] = this.delimited()
    return new ProtobufReader(this.buffer, start, end)
  }

  /** Skips an unused or unknown field, as protobuf requires of readers. */
  skip(): void {
    switch (this.wireType) {
      case VARINT:
        while (this.byte() >= 0x80);
        return
      case FIXED64:
        return this.advance(8)
      case LENGTH_DELIMITED:
        this.delimited()
        return
      case FIXED32:
        return this.advance(4)
      default:
        throw new MalformedMessage(`wire type ${this.wireType}`)
    }
  }

  private delimited(): [start: number, end: number] {
    this.expect(LENGTH_DELIMITED)
    const length = this.number()
    const start = this.position
    this.advance(length)
    return [start, start + length]
  }

  private advance(count: number): void {
    if (count > this.end - this.position) throw new MalformedMessage('it ends too early')
    this.position += count
  }

  private byte(): number {
    if (this.position >= this.end) throw new MalformedMessage('it ends too early')
    return this.buffer[this.position++]!
  }

  private expect(wireType: number): void {
    if (this.wireType !== wireType) throw new MalformedMessage(`wire type ${this.wireType}`)
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new MalformedMessage('text that is not UTF-8')
  }
}

/** Bytes that a number takes as a varint. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x200000) return 3
  if (value < 0x10000000) return 4
  return Math.ceil((Math.floor(Math.log2(value)) + 1) / 7)
}

/** Writes messages into one growing buffer. */
export class ProtobufWriter {
  buffer: Buffer
  length = 0

  constructor(capacity = 256) {
    this.buffer = Buffer.allocUnsafe(capacity)
  }

  /** A copy of the bytes written since {@link reset}. */
  finish(): Buffer {
    return Buffer.from(this.buffer.subarray(0, this.length))
  }

  reset(): void {
    this.length = 0
  }

  reserve(count: number): void {
    if (this.length + count <= this.buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.length + count))
    this.buffer.copy(larger, 0, 0, this.length)
    this.buffer = larger
  }

  /** A varint below 2^53, without a tag. */
  varint(value: number): void {
    this.reserve(10)
    while (value >= 0x80) {
      this.buffer[this.length++] = (value % 128) | 0x80
      value = Math.floor(value / 128)
    }
    this.buffer[this.length++] = value
  }

  /** A varint of up to 64 bits, without a tag; negative numbers in two's complement. */
  varint64(value: bigint): void {
    if (value >= 0n && value <= 0x1fffffffffffffn) return this.varint(Number(value))
    this.reserve(10)
    let rest = BigInt.asUintN(64, value)
    while (rest >= 0x80n) {
      this.buffer[this.length++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.buffer[this.length++] = Number(rest)
  }

  tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType)
  }

  /** Written also when 0: in a `oneof`, an omitted field would mean that none is set. */
  uint(field: number, value: number): this {
    this.tag(field, VARINT)
    this.varint(value)
    return this
  }

  uint64(field: number, value: bigint): this {
    this.tag(field, VARINT)
    this.varint64(value)
    return this
  }

  int32(field: number, value: number): this {
    return this.uint64(field, BigInt(value))
  }

  bool(field: number, value: boolean): this {
    return this.uint(field, value ? 1 : 0)
  }

  float(field: number, value: number): this {
    this.tag(field, FIXED32)
    this.reserve(4)
    this.buffer.writeFloatLE(value, this.length)
    this.length += 4
    return this
  }

  bytes(field: number, value: Uint8Array): this {
    this.tag(field, LENGTH_DELIMITED)
    this.varint(value.length)
    this.raw(value)
    return this
  }

  string(field: number, value: string): this {
    const size = Buffer.byteLength(value)
    this.tag(field, LENGTH_DELIMITED)
    this.varint(size)
    this.text(value, size)
    return this
  }

  /** Text without tag and length. @param size bytes of the text in UTF-8 */
  text(value: string, size: number): void {
    this.reserve(size)
    this.buffer.write(value, this.length, size, 'utf8')
    this.length += size
  }

  /** Bytes that are already encoded. */
  raw(encoded: Uint8Array): void {
    this.reserve(encoded.length)
    this.buffer.set(encoded, this.length)
    this.length += encoded.length
  }

  /** A nested message; without `body`, an empty one. */
  message(field: number, body?: (writer: ProtobufWriter) => void): this {
    this.tag(field, LENGTH_DELIMITED)
    if (!body) {
      this.varint(0)
      return this
    }
    const start = this.length
    body(this)
    const size = this.length - start
    const shift = varintSize(size)
    this.reserve(shift)
    this.buffer.copyWithin(start + shift, start, this.length)
    this.length = start
    this.varint(size)
    this.length += size
    return this
  }
}
