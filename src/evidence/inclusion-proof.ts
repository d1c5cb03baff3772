/** One entry of the log with all that proves it, in one text: C2SP tlog-proof (https://c2sp.org/tlog-proof). */
import { openCheckpoint, type Checkpoint } from './checkpoint.ts'
import { hashBytes, leafHash, verifyInclusion } from './merkle-tree.ts'
import { MalformedNote, type VerifierKey } from './signed-note.ts'

const heading = 'c2sp.org/tlog-proof@v1'

export interface LogProof {
  /** Which leaf of the log it is about, from 0. */
  readonly index: number
  /** From the leaf's sibling to the child of the root. */
  readonly path: readonly Buffer[]
  /** The signed note, word for word, with whatever cosignatures it has. */
  readonly checkpoint: string
  /** What an application adds; nothing proves it. */
  readonly extra?: Buffer
}

export const formatProof = ({ index, path, checkpoint, extra }: LogProof): string =>
  [
    heading,
    ...(extra ? [`extra ${extra.toString('base64')}`] : []),
    `index ${index}`,
    ...path.map((hash) => hash.toString('base64')),
    '',
    checkpoint,
  ].join('\n')

/** @throws MalformedNote */
export function parseProof(text: string): LogProof {
  const end = text.indexOf('\n\n')
  const lines = text.slice(0, Math.max(end, 0)).split('\n')
  if (lines.shift() !== heading) throw new MalformedNote('This is not a proof.')
  const extra = lines[0]?.startsWith('extra ') ? bytesOf(lines.shift()!.slice('extra '.length)) : undefined
  const [, digits] = /^index (0|[1-9]\d*)$/.exec(lines.shift() ?? '') ?? []
  if (digits === undefined || !Number.isSafeInteger(Number(digits))) throw new MalformedNote('The proof has no index.')
  const path = lines.map(bytesOf)
  if (path.some(({ length }) => length !== hashBytes)) throw new MalformedNote('A hash of the proof is not one.')
  return { index: Number(digits), path, checkpoint: text.slice(end + 2), ...(extra && { extra }) }
}

/**
 * Whether the log that signed the checkpoint has the record at the index that the proof names.
 * @returns the checkpoint it is proved against; null where the proof does not lead to it
 * @throws MalformedNote, SignatureBad where no trusted key signed the checkpoint
 */
export function verifyProof(text: string, record: Uint8Array, trusted: readonly VerifierKey[]): Checkpoint | null {
  const { index, path, checkpoint } = parseProof(text)
  const head = openCheckpoint(checkpoint, trusted)
  const isIncluded = verifyInclusion({ ...head, index, leaf: leafHash(record), proof: path })
  return isIncluded ? head : null
}

function bytesOf(encoded: string): Buffer {
  const bytes = Buffer.from(encoded, 'base64')
  if (bytes.toString('base64') !== encoded) throw new MalformedNote('A line of the proof is not base64.')
  return bytes
}
