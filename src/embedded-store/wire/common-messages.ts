/** Messages that several services use. */
import type { Writer } from './protobuf.ts'
import { MalformedMessage, Reader, utf8 } from './protobuf.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** A UUID in either of its two forms, as lower-case text. */
export function readUuid(reader: Reader): string {
  let text = ''
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) text = readStructured(reader.message())
    else if (field === 2) text = reader.string().toLowerCase()
    else reader.passOver()
  }
  if (!UUID.test(text)) throw new MalformedMessage(`'${text.slice(0, 50)}' is not a UUID`)
  return text
}

function readStructured(reader: Reader): string {
  let most = 0n
  let least = 0n
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) most = BigInt.asUintN(64, reader.int64())
    else if (field === 2) least = BigInt.asUintN(64, reader.int64())
    else reader.passOver()
  }
  const hex = most.toString(16).padStart(16, '0') + least.toString(16).padStart(16, '0')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

export function writeUuid(writer: Writer, field: number, id: string, structured = false): void {
  if (!structured) return void writer.message(field, (uuid) => uuid.string(2, id))
  const hex = id.replaceAll('-', '')
  writer.message(field, (uuid) =>
    uuid.message(1, (bits) => {
      bits.uint64(1, BigInt.asIntN(64, BigInt(`0x${hex.slice(0, 16)}`)))
      bits.uint64(2, BigInt.asIntN(64, BigInt(`0x${hex.slice(16)}`)))
    }),
  )
}

export function readStreamIdentifier(reader: Reader): string {
  let name = ''
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 3) name = utf8(reader.bytes())
    else reader.passOver()
  }
  return name
}

export function writeStreamIdentifier(writer: Writer, field: number, name: string): void {
  writer.message(field, (identifier) => identifier.string(3, name))
}

/** Reads `{ 1: commit, 2: prepare }` and keeps the commit position: here the two are always the same. */
export function readPosition(reader: Reader): bigint {
  let commit = 0n
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) commit = reader.uint64()
    else reader.passOver()
  }
  return commit
}

export function writePosition(writer: Writer, field: number, position: bigint): void {
  writer.message(field, (both) => both.uint64(1, position).uint64(2, position))
}

/** Which form of UUID a reader asked for. */
export function readUuidOption(reader: Reader): 'structured' | 'string' {
  let form: 'structured' | 'string' = 'structured'
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 2) form = 'string'
    reader.passOver()
  }
  return form
}
