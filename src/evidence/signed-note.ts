/**
 * Signed notes as C2SP defines them (https://c2sp.org/signed-note), with Ed25519 keys in the text forms of Go's
 * golang.org/x/mod/sumdb/note: `name+keyid+base64` for who verifies, `PRIVATE+KEY+name+keyid+base64` for who signs.
 */
import { createPrivateKey, createPublicKey, hash, randomBytes, sign, verify, type KeyObject } from 'node:crypto'

/** The byte that says how a key signs. */
export const signatureTypes = {
  /** Ed25519 over the text of the note. */
  ed25519: 0x01,
  /** Ed25519 of a witness over a time and the text: https://c2sp.org/tlog-cosignature. */
  cosignature: 0x04,
} as const

/** Enough for a log, its rotated keys and many witnesses; the format asks for 16 at least. */
const mostSignatures = 64

/** DER of RFC 8410 before the 32 bytes of an Ed25519 key. */
const seedPrefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex')

export interface VerifierKey {
  readonly name: string
  readonly id: number
  readonly type: number
  readonly publicKey: KeyObject
  /** `name+keyid+base64`, to be given to whoever verifies. */
  readonly text: string
}

export interface SigningKey {
  readonly privateKey: KeyObject
  readonly verifier: VerifierKey
  /** `PRIVATE+KEY+name+keyid+base64`, to be kept secret. */
  readonly text: string
}

export interface NoteSignature {
  readonly name: string
  readonly id: number
  readonly signature: Buffer
}

export interface SignedNote {
  /** With its last newline. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** What was read is no signed note, or no key. */
export class MalformedNote extends Error {
  constructor(what: string) {
    super(what)
    this.name = 'MalformedNote'
  }
}

/** The note is not signed by a key that is trusted, or a signature by such a key is wrong. */
export class SignatureBad extends Error {
  constructor(what: string) {
    super(what)
    this.name = 'SignatureBad'
  }
}

/** @throws MalformedNote where the name cannot be a key's */
export const newSigningKey = (name: string, type: number = signatureTypes.ed25519): SigningKey =>
  signingKeyFrom(name, type, randomBytes(32))

/** @throws MalformedNote */
export function parseSigningKey(text: string): SigningKey {
  const [, name, id, key] = /^PRIVATE\+KEY\+([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text.trim()) ?? []
  const bytes = base64(key)
  if (name === undefined || bytes?.length !== 33) throw new MalformedNote('This is not a signing key.')
  const found = signingKeyFrom(name, bytes[0]!, bytes.subarray(1))
  if (hex(found.verifier.id) !== id) throw new MalformedNote('The id of the signing key is not that of its key.')
  return found
}

/** @throws MalformedNote */
export function parseVerifierKey(text: string): VerifierKey {
  const [, name, id, key] = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text.trim()) ?? []
  const bytes = base64(key)
  if (name === undefined || bytes?.length !== 33) throw new MalformedNote(`"${text}" is not a verifier key.`)
  const found = verifierKeyFrom(name, bytes[0]!, bytes.subarray(1))
  if (hex(found.id) !== id) throw new MalformedNote('The id of the verifier key is not that of its key.')
  return found
}

/**
 * The note of a text, signed by each key in turn.
 * @throws MalformedNote where the text does not end in a newline or has control characters
 */
export function signNote(text: string, keys: readonly SigningKey[]): string {
  assertText(text)
  const lines = keys.map(({ privateKey, verifier }) => {
    if (verifier.type !== signatureTypes.ed25519) throw new MalformedNote(`${verifier.name} does not sign notes.`)
    return signatureLine(verifier, sign(null, Buffer.from(text), privateKey))
  })
  return `${text}\n${lines.join('')}`
}

/** The line by which a key's signature stands below a note, newline included. */
export function signatureLine({ name, id }: Pick<VerifierKey, 'name' | 'id'>, signature: Uint8Array): string {
  const bytes = Buffer.alloc(4 + signature.length)
  bytes.writeUInt32BE(id)
  bytes.set(signature, 4)
  return `— ${name} ${bytes.toString('base64')}\n`
}

/**
 * Text and signatures, verified by nobody yet.
 * @throws MalformedNote
 */
export function parseNote(note: string): SignedNote {
  const split = note.lastIndexOf('\n\n')
  if (split < 0 || !note.endsWith('\n')) throw new MalformedNote('The note has no signatures.')
  const text = note.slice(0, split + 1)
  const lines = note.slice(split + 2, -1).split('\n')
  assertText(text)
  if (lines.length > mostSignatures) throw new MalformedNote(`The note has ${lines.length} signatures.`)
  const signatures = lines.map((line): NoteSignature => {
    const [, name, encoded] = /^— (\S+) (\S+)$/u.exec(line) ?? []
    const bytes = base64(encoded)
    if (!isKeyName(name) || bytes === null || bytes.length < 5) throw new MalformedNote('A signature is not one.')
    return { name, id: bytes.readUInt32BE(), signature: bytes.subarray(4) }
  })
  return { text, signatures }
}

/**
 * Reads a note that one of the keys signed.
 * @returns its text, and the keys whose signatures it has; signatures of other keys are passed over, as the format asks
 * @throws MalformedNote
 * @throws SignatureBad where no trusted key signed it, or a trusted key's signature is wrong
 */
export function openNote(
  note: string,
  trusted: readonly VerifierKey[],
): { readonly text: string; readonly signedBy: readonly VerifierKey[] } {
  const { text, signatures } = parseNote(note)
  const message = Buffer.from(text)
  const signedBy = new Set<VerifierKey>()
  for (const { name, id, signature } of signatures) {
    const key = trusted.find((one) => one.name === name && one.id === id && one.type === signatureTypes.ed25519)
    if (!key) continue
    if (!verify(null, message, key.publicKey, signature)) throw new SignatureBad(`The signature of ${name} is wrong.`)
    signedBy.add(key)
  }
  if (signedBy.size === 0) throw new SignatureBad('No trusted key has signed this.')
  return { text, signedBy: [...signedBy] }
}

function signingKeyFrom(name: string, type: number, seed: Buffer): SigningKey {
  const privateKey = createPrivateKey({ key: Buffer.concat([seedPrefix, seed]), format: 'der', type: 'pkcs8' })
  const der = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  const verifier = verifierKeyFrom(name, type, der.subarray(publicPrefix.length))
  const text = `PRIVATE+KEY+${name}+${hex(verifier.id)}+${Buffer.concat([Buffer.from([type]), seed]).toString('base64')}`
  return { privateKey, verifier, text }
}

function verifierKeyFrom(name: string, type: number, bytes: Buffer): VerifierKey {
  if (!isKeyName(name)) throw new MalformedNote(`"${name}" cannot be the name of a key.`)
  if (!Object.values(signatureTypes).some((known) => known === type))
    throw new MalformedNote(`${name} signs in a way that is not known here.`)
  const typed = Buffer.concat([Buffer.from([type]), bytes])
  const id = hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), typed]), 'buffer').readUInt32BE()
  const publicKey = createPublicKey({ key: Buffer.concat([publicPrefix, bytes]), format: 'der', type: 'spki' })
  return { name, id, type, publicKey, text: `${name}+${hex(id)}+${typed.toString('base64')}` }
}

const isKeyName = (name: string | undefined): name is string => name !== undefined && /^[^\s+]+$/u.test(name)

const hex = (id: number) => id.toString(16).padStart(8, '0')

/** Node reads much that is not base64; the format has one text for each sequence of bytes. */
function base64(text: string | undefined): Buffer | null {
  if (text === undefined) return null
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : null
}

function assertText(text: string): void {
  if (!text.endsWith('\n') || /[\x00-\x09\x0b-\x1f]/.test(text) || !text.isWellFormed())
    throw new MalformedNote('The text of a note ends in a newline and has no other control characters.')
}
