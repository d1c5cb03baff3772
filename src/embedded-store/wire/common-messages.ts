/** Protobuf messages that several services use. */
import type { ProtobufWriter } from './protobuf.ts'
import { MalformedMessage, ProtobufReader, decodeUtf8 } from './protobuf.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** A UUID in either of the protocol's two forms, as lower-case text. */
export function readUuid(reader: ProtobufReader): string {
  let text = ''
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) text = readStructured(reader.message())
    else if (field === 2) text = reader.string().toLowerCase()
    else reader.skip()
  }
  if (!UUID.test(text)) throw new MalformedMessage(`'${text.slice(0, 50)}' is not a UUID`)
  return text
}

function readStructured(reader: ProtobufReader): string {
  let most = 0n
  let least = 0n
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) most = BigInt.asUintN(64, reader.int64())
    else if (field === 2) least = BigInt.asUintN(64, reader.int64())
    else reader.skip()
  }
  const hex = most.toString(16).padStart(16, '0') + least.toString(16).padStart(16, '0')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

export function writeUuid(writer: ProtobufWriter, field: number, id: string, structured = false): void {
  if (!structured) return void writer.message(field, (uuid) => uuid.string(2, id))
  const hex = id.replaceAll('-', '')
  writer.message(field, (uuid) =>
    uuid.message(1, (bits) => {
      bits.uint64(1, BigInt.asIntN(64, BigInt(`0x${hex.slice(0, 16)}`)))
      bits.uint64(2, BigInt.asIntN(64, BigInt(`0x${hex.slice(16)}`)))
    }),
  )
}

export function readStreamIdentifier(reader: ProtobufReader): string {
  let name = ''
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 3) name = decodeUtf8(reader.bytes())
    else reader.skip()
  }
  return name
}

export function writeStreamIdentifier(writer: ProtobufWriter, field: number, name: string): void {
  writer.message(field, (identifier) => identifier.string(3, name))
}

/** Reads `{ 1: commit, 2: prepare }` and returns the commit position; in this store the two are always equal. */
export const readPosition = (reader: ProtobufReader): bigint => readBothPositions(reader).commit

/** A position's two parts, which are equal for every event of the store. */
export function readBothPositions(reader: ProtobufReader): { commit: bigint; prepare: bigint } {
  const position = { commit: 0n, prepare: 0n }
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) position.commit = reader.uint64()
    else if (field === 2) position.prepare = reader.uint64()
    else reader.skip()
  }
  return position
}

export function writePosition(writer: ProtobufWriter, field: number, position: bigint): void {
  writer.message(field, (both) => both.uint64(1, position).uint64(2, position))
}

/** The UUID form that a read request asks for. */
export function readUuidFormat(reader: ProtobufReader): 'structured' | 'string' {
  let form: 'structured' | 'string' = 'structured'
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 2) form = 'string'
    reader.skip()
  }
  return form
}
