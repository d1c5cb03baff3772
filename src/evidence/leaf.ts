/**
 * What the evidence log records about one event. It says nothing that a store assigns, so that the record of an event is the same
 * in whichever store the event is, and nothing personal: of data and metadata it has only the hashes of what is stored, which is
 * ciphertext, so that destroying a key changes no record.
 */
import canonicalize from 'canonicalize'
import { hash } from 'node:crypto'
import type { StoredEvent } from '../event-store/stored-event.ts'

/** What of a stored event the record is made from. */
export type RecordedFields = Pick<StoredEvent, 'id' | 'type' | 'stream' | 'revision' | 'data' | 'metadata'>

/** The record as it is read back. */
export interface EvidenceRecord {
  readonly v: 1
  readonly stream: string
  readonly revision: number
  readonly id: string
  readonly type: string
  /** SHA-256 in hexadecimal of the canonical form of the data; see {@link contentHash}. */
  readonly data: string
  readonly metadata: string
}

/**
 * The bytes of the record: canonical JSON of RFC 8785, whose members are in the order of their names. They are what is hashed
 * as a leaf.
 */
export function recordOf({ id, type, stream, revision, data, metadata }: RecordedFields): Buffer {
  const text = (value: string) => JSON.stringify(value)
  return Buffer.from(
    `{"data":"${contentHash(data)}","id":${text(id)},"metadata":"${contentHash(metadata)}",` +
      `"revision":${revision},"stream":${text(stream)},"type":${text(type)},"v":1}`,
  )
}

/** @throws SyntaxError where the bytes are no record */
export function parseRecord(bytes: Buffer): EvidenceRecord {
  const record = JSON.parse(bytes.toString()) as EvidenceRecord
  if (record?.v !== 1 || typeof record.stream !== 'string') throw new SyntaxError('This is not an evidence record.')
  return record
}

/**
 * SHA-256 in hexadecimal over the canonical form (RFC 8785) of a value from the log. What is not JSON is distinguished by what stands
 * before the hash: `absent` is nothing at all, `bytes:` is not JSON and hashed as it is, `text:` is JSON for which RFC 8785 has no
 * form, such as half a surrogate pair, and is hashed as JavaScript writes it.
 */
export function contentHash(value: unknown): string {
  if (value === undefined) return 'absent'
  if (value instanceof Uint8Array) return `bytes:${sha256(value)}`
  let canonical: string | undefined
  try {
    canonical = canonicalForm(value)
  } catch {
    return `text:${sha256(JSON.stringify(value))}`
  }
  return sha256(canonical!)
}

/**
 * What `canonicalize` gives, in a third of the time: members are put in order, and the whole is written at once. Left to the
 * library are the two things that JavaScript writes otherwise: names that look like numbers, and halves of surrogate pairs.
 * @throws Error where RFC 8785 has no form for the value
 */
export function canonicalForm(value: unknown): string | undefined {
  // The log is written canonically, so nearly every value is in order as it is.
  const ordered = isInOrder(value) ? value : inOrder(value)
  const text = ordered === unordered ? undefined : JSON.stringify(ordered)
  return text === undefined || text.includes('\\ud') ? canonicalize(value) : text
}

/** Whether its members, and those of its members, are in the order of their names; false says no more than that it was not found out. */
function isInOrder(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isInOrder)
  let before = ''
  for (const name of Object.keys(value)) {
    if (name < before || name === '__proto__' || (name <= '9~' && /^\d/.test(name))) return false
    const member = (value as Record<string, unknown>)[name]
    if (typeof member === 'object' && member !== null && !isInOrder(member)) return false
    before = name
  }
  return true
}

/** Stands for a value whose members JavaScript puts into an order of its own. */
const unordered = Symbol('unordered')

function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const items = value.map(inOrder)
    return items.includes(unordered) ? unordered : items
  }
  const members: Record<string, unknown> = {}
  for (const name of Object.keys(value).sort()) {
    if (name === '__proto__' || (name <= '9~' && /^\d/.test(name))) return unordered
    const member = inOrder((value as Record<string, unknown>)[name])
    if (member === unordered) return unordered
    members[name] = member
  }
  return members
}

const sha256 = (content: string | Uint8Array): string => hash('sha256', content, 'hex')
