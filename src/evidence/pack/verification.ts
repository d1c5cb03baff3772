/**
 * Verifies an evidence pack with nothing but its own bytes. Shares no code with what keeps the log, signs it and proves from it:
 * a fault there is not repeated here. Runs in Node and in a browser.
 */
import { ed25519 } from '@noble/curves/ed25519.js'
import { sha256 } from '@noble/hashes/sha2.js'
import {
  placesOf,
  streamsApart,
  wholeStreamsOf,
  type EntryApart,
  type EvidencePack,
  type PackedEvent,
  type StoredContent,
} from './pack-format.ts'

export type PackedEventVerdict = 'ok' | 'altered' | 'missing' | 'extra' | 'reordered' | 'not-yet-covered'

export interface JudgedEvent {
  readonly verdict: PackedEventVerdict
  /** Such as `journey-<id> revision 4`; of an entry of the log that is missing, its number. */
  readonly where: string
  /** The event in the pack; null where it is missing. */
  readonly event: PackedEvent | null
}

export interface JudgedSignature {
  readonly name: string
  /** The key that made it, or should have. */
  readonly key: string
  readonly isValid: boolean
  /** When a witness says to have seen the checkpoint, in seconds since 1970; null for the log's own signature. */
  readonly time: number | null
}

export interface PackVerdict {
  readonly isProven: boolean
  /** Null where the pack has no checkpoint that can be read. */
  readonly checkpoint: { readonly origin: string; readonly size: number; readonly root: string } | null
  readonly signatures: readonly JudgedSignature[]
  /** `signature-bad` where no key of the log has signed the checkpoint, or one that is trusted has not. */
  readonly log: 'ok' | 'signature-bad'
  /** Of a register: the events whose rows say otherwise than they do, or that are not there; empty of anything else. */
  readonly rowsAtOdds: readonly string[]
  /** In the order of the pack, what is missing where it belongs. */
  readonly events: readonly JudgedEvent[]
  readonly counts: Readonly<Record<PackedEventVerdict, number>>
  /** Of the whole log: how many entries are proved to be in it whose events are shown to nobody. */
  readonly apart: number
}

/** @param trustedKey the verifier key of the log as the reader knows it from elsewhere; the pack's own are believed without it */
export function verifyPack(pack: EvidencePack, trustedKey?: string): PackVerdict {
  const note = parsedNote(pack.checkpoint)
  const logKeys = trustedKey === undefined ? pack.logKeys : [trustedKey]
  const signatures = note ? [...signaturesOn(note, logKeys, 1), ...signaturesOn(note, pack.witnessKeys, 4)] : []
  const ofLog = signatures.filter(({ time, name }) => time === null && name === note?.origin)
  const isSigned = ofLog.some(({ isValid }) => isValid) && signatures.every(({ isValid }) => isValid)
  const events = judgedEvents(pack, note)
  const counts = { ok: 0, altered: 0, missing: 0, extra: 0, reordered: 0, 'not-yet-covered': 0 }
  for (const { verdict } of events) counts[verdict]++
  const rowsAtOdds = rowsNotBorneOut(pack)
  const unproven = events.length - counts.ok - counts['not-yet-covered']
  return {
    isProven: isSigned && unproven === 0 && rowsAtOdds.length === 0,
    checkpoint: note && { origin: note.origin, size: note.size, root: note.root },
    signatures,
    log: isSigned ? 'ok' : 'signature-bad',
    rowsAtOdds,
    events,
    counts,
    apart: pack.scope.of === 'log' ? (pack.apart ?? []).filter((entry) => isProvenApart(entry, note)).length : 0,
  }
}

/** The bytes that are hashed as the leaf of an event: canonical JSON with its members in the order of their names. */
export function recordBytes({ id, type, stream, revision, data, metadata }: Omit<PackedEvent, 'opened'>): Uint8Array {
  const text = (value: string) => JSON.stringify(value)
  return utf8(
    `{"data":"${hashOf(data)}","id":${text(id)},"metadata":"${hashOf(metadata)}",` +
      `"revision":${revision},"stream":${text(stream)},"type":${text(type)},"v":1}`,
  )
}

function hashOf(content: StoredContent): string {
  switch (content.form) {
    case 'canonical':
      return hex(sha256(utf8(content.text)))
    case 'text':
      return `text:${hex(sha256(utf8(content.text)))}`
    case 'bytes':
      return `bytes:${hex(sha256(fromBase64(content.text) ?? new Uint8Array()))}`
    case 'absent':
      return 'absent'
  }
}

function judgedEvents(pack: EvidencePack, note: ParsedNote | null): JudgedEvent[] {
  const judged: JudgedEvent[] = []
  const seen = new Set<string>()
  const indexes = new Set<number>()
  const whole = wholeStreamsOf(pack.scope)
  const places = pack.scope.of === 'register' ? placesOf(pack.scope) : null
  const next = new Map<string, number>()
  let last = -1
  for (const event of pack.events) {
    const where = placeOf(event)
    const isExtra = seen.has(where) || !isInScope(pack, event) || places?.has(where) === false
    seen.add(where)
    if (whole && !isExtra) {
      const expected = next.get(event.stream) ?? 0
      judged.push(...missing(expected, event.revision, (gap) => placeOf({ ...event, revision: gap })))
      next.set(event.stream, Math.max(expected, event.revision + 1))
    }
    const verdict = isExtra ? 'extra' : verdictOn(event, note, last)
    if (verdict === 'ok') last = event.proof!.index
    if (event.proof) indexes.add(event.proof.index)
    judged.push({ verdict, where, event })
  }
  for (const where of places ?? []) if (!seen.has(where)) judged.push({ verdict: 'missing', where, event: null })
  for (const entry of pack.scope.of === 'log' ? (pack.apart ?? []) : []) {
    const { index } = entry.proof
    if (isProvenApart(entry, note)) indexes.add(index)
    else judged.push({ verdict: 'altered', where: `entry ${index} of the log`, event: null })
  }
  if (pack.scope.of === 'log' && note)
    judged.push(...missing(0, note.size, (entry) => `entry ${entry} of the log`, indexes))
  return judged
}

function verdictOn(event: PackedEvent, note: ParsedNote | null, last: number): PackedEventVerdict {
  if (event.proof === null) return 'not-yet-covered'
  if (!isIncluded(event, note)) return 'altered'
  return event.proof.index <= last ? 'reordered' : 'ok'
}

const placeOf = ({ stream, revision }: Pick<PackedEvent, 'stream' | 'revision'>) => `${stream} revision ${revision}`

/** A row stands as long as its event is in the pack and says the same: what it is, when, recorded when and by whom. */
function rowsNotBorneOut({ scope, events }: EvidencePack): string[] {
  if (scope.of !== 'register') return []
  const at = new Map(events.map((event) => [placeOf(event), event]))
  return scope.rows
    .filter((row) => {
      const event = at.get(placeOf(row))
      const told = event && toldBy(event.metadata)
      return (
        !told ||
        event.id !== row.eventId ||
        event.type !== row.type ||
        told.occurredAt !== row.occurredOn ||
        told.recordedAt !== row.recordedAt ||
        told.actor?.id !== row.by
      )
    })
    .map(placeOf)
}

function toldBy(
  content: StoredContent,
): { occurredAt?: unknown; recordedAt?: unknown; actor?: { id?: unknown } | null } | null {
  try {
    return content.form === 'canonical' ? (JSON.parse(content.text) as ReturnType<typeof toldBy>) : null
  } catch {
    return null
  }
}

/** Of a stretch that is gone, so many are named. */
const mostMissingNamed = 1_000

function missing(
  from: number,
  to: number,
  where: (number: number) => string,
  present: ReadonlySet<number> = new Set(),
): JudgedEvent[] {
  const gone: JudgedEvent[] = []
  for (let number = from; number < to && gone.length < mostMissingNamed; number++)
    if (!present.has(number)) gone.push({ verdict: 'missing', where: where(number), event: null })
  return gone
}

const isInScope = ({ scope }: EvidencePack, { stream }: PackedEvent): boolean =>
  wholeStreamsOf(scope)?.includes(stream) ?? true

/** Only what is of those streams may be left out, and that it is says the entry that is proved. */
function isProvenApart({ record, proof }: EntryApart, note: ParsedNote | null): boolean {
  if (!isLeaf(utf8(record), proof, note)) return false
  const { stream } = JSON.parse(record) as { stream?: unknown }
  return typeof stream === 'string' && streamsApart.test(stream)
}

const isIncluded = (event: PackedEvent, note: ParsedNote | null): boolean =>
  event.proof !== null && isLeaf(recordBytes(event), event.proof, note)

/** RFC 9162, section 2.1.3.2. */
function isLeaf(record: Uint8Array, { index, path }: EntryApart['proof'], note: ParsedNote | null): boolean {
  if (!note) return false
  if (!Number.isSafeInteger(index) || index < 0 || index >= note.size) return false
  let hash = sha256(joined(leafPrefix, record))
  let node = index
  let last = note.size - 1
  for (const encoded of path) {
    const sibling = fromBase64(encoded)
    if (sibling?.length !== 32 || last === 0) return false
    if (node % 2 === 1 || node === last) {
      hash = sha256(joined(nodePrefix, sibling, hash))
      while (node % 2 === 0 && node !== 0) [node, last] = [Math.floor(node / 2), Math.floor(last / 2)]
    } else hash = sha256(joined(nodePrefix, hash, sibling))
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && toBase64(hash) === note.root
}

const leafPrefix = new Uint8Array([0])
const nodePrefix = new Uint8Array([1])

interface ParsedNote {
  readonly text: string
  readonly origin: string
  readonly size: number
  /** In base64. */
  readonly root: string
  readonly signatures: readonly { readonly name: string; readonly id: string; readonly bytes: Uint8Array }[]
}

/** C2SP signed-note and tlog-checkpoint. */
function parsedNote(note: string): ParsedNote | null {
  const split = note.lastIndexOf('\n\n')
  if (split < 0 || !note.endsWith('\n')) return null
  const text = note.slice(0, split + 1)
  const [origin, size = '', root = ''] = text.split('\n')
  const signatures = note
    .slice(split + 2, -1)
    .split('\n')
    .map((line) => {
      const [, name, encoded] = /^— (\S+) (\S+)$/u.exec(line) ?? []
      const bytes = fromBase64(encoded ?? '')
      return name && bytes && bytes.length > 4 ? { name, id: hex(bytes.slice(0, 4)), bytes: bytes.slice(4) } : null
    })
  if (!origin || !/^(0|[1-9]\d{0,15})$/.test(size) || fromBase64(root)?.length !== 32) return null
  if (!signatures.every((one) => one !== null)) return null
  return { text, origin, size: Number(size), root, signatures }
}

/** What each key has signed; a key that has not signed is left out. */
function signaturesOn(note: ParsedNote, keys: readonly string[], type: 1 | 4): JudgedSignature[] {
  return keys.flatMap((key) => {
    const parsed = parsedKey(key)
    if (!parsed || parsed.type !== type) return []
    return note.signatures
      .filter(({ name, id }) => name === parsed.name && id === parsed.id)
      .map(({ bytes }): JudgedSignature => {
        if (bytes.length !== (type === 4 ? 72 : 64)) return { name: parsed.name, key, time: null, isValid: false }
        const time = type === 4 ? Number(new DataView(bytes.buffer).getBigUint64(0)) : null
        const message = time === null ? note.text : `cosignature/v1\ntime ${time}\n${note.text}`
        const signature = time === null ? bytes : bytes.slice(8)
        return { name: parsed.name, key, time, isValid: isSignature(signature, utf8(message), parsed.publicKey) }
      })
  })
}

function isSignature(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  try {
    return ed25519.verify(signature, message, publicKey, { zip215: false })
  } catch {
    return false // not the length of a signature, or not a key
  }
}

/** A verifier key of Go's golang.org/x/mod/sumdb/note; null where its id is not that of its key. */
function parsedKey(key: string): { name: string; id: string; type: number; publicKey: Uint8Array } | null {
  const [, name, id, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(key.trim()) ?? []
  const bytes = fromBase64(encoded ?? '')
  if (!name || bytes?.length !== 33) return null
  if (hex(sha256(joined(utf8(`${name}\n`), bytes)).slice(0, 4)) !== id) return null
  return { name, id, type: bytes[0]!, publicKey: bytes.slice(1) }
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes))

/** @returns null for what is not base64, or not the one way to write these bytes */
function fromBase64(text: string): Uint8Array | null {
  try {
    const binary = atob(text)
    return btoa(binary) === text ? Uint8Array.from(binary, (character) => character.charCodeAt(0)) : null
  } catch {
    return null
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
