/** A witness's timestamped signature on a checkpoint: C2SP `tlog-cosignature` with Ed25519, version `cosignature/v1`. */
import { sign, verify } from 'node:crypto'
import { parseNote, signatureLine, signatureTypes, type SigningKey, type VerifierKey } from '../signed-note.ts'

const timeBytes = 8

/** What a witness says under a checkpoint: at this time it was the largest tree of the log that it had seen. */
export interface Cosignature {
  readonly key: VerifierKey
  /** Seconds since 1970. */
  readonly time: number
  /** The line as it stands below the note, newline included. */
  readonly line: string
}

const signedMessage = (noteText: string, time: number | bigint): Buffer =>
  Buffer.from(`cosignature/v1\ntime ${time}\n${noteText}`)

/**
 * The signature line, newline included.
 * @param noteText the text of the checkpoint, without its signatures
 * @param time seconds since 1970
 */
export function cosign({ privateKey, verifier }: SigningKey, noteText: string, time: number): string {
  if (verifier.type !== signatureTypes.cosignature) throw new TypeError(`${verifier.name} is not the key of a witness.`)
  const stamp = Buffer.alloc(timeBytes)
  stamp.writeBigUInt64BE(BigInt(time))
  return signatureLine(verifier, Buffer.concat([stamp, sign(null, signedMessage(noteText, time), privateKey)]))
}

/**
 * The cosignatures on a note by witnesses that are trusted. Signatures of other keys, and wrong ones, are passed over: whoever
 * relies on a witness asks whether it is among these.
 * @throws MalformedNote
 */
export function cosignaturesOn(note: string, trusted: readonly VerifierKey[]): Cosignature[] {
  const { text, signatures } = parseNote(note)
  return signatures.flatMap(({ name, id, signature }) => {
    const key = trusted.find((one) => one.name === name && one.id === id && one.type === signatureTypes.cosignature)
    if (!key || signature.length <= timeBytes) return []
    const time = signature.readBigUInt64BE()
    if (!verify(null, signedMessage(text, time), key.publicKey, signature.subarray(timeBytes))) return []
    return [{ key, time: Number(time), line: signatureLine(key, signature) }]
  })
}
