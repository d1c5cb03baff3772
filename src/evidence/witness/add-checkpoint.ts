/** The body of a C2SP `tlog-witness` request: the size of the last cosigned tree, the proof from there, and the new checkpoint. */

/** What a log asks a witness to cosign. Sizes are leaves. */
export interface CheckpointSubmission {
  /** The size of the tree that the witness cosigned last, as the log knows it; 0 where it never did. */
  readonly oldSize: number
  /** The RFC 6962 consistency proof from the old size to the size of the checkpoint. */
  readonly proof: readonly Buffer[]
  /** The signed note, to the byte. */
  readonly checkpoint: string
}

/** The bytes are no request that the protocol knows. */
export class BadSubmission extends Error {}

/** The protocol's own limit: a proof between trees of up to 2^63 leaves needs no more. */
const mostProofLines = 63
const hashLine = /^[A-Za-z0-9+/]{43}=$/

export const formatSubmission = ({ oldSize, proof, checkpoint }: CheckpointSubmission): string =>
  [`old ${oldSize}`, ...proof.map((hash) => hash.toString('base64')), '', checkpoint].join('\n')

/** @throws BadSubmission naming the line that cannot be read */
export function parseSubmission(body: string): CheckpointSubmission {
  const end = body.indexOf('\n\n')
  if (end < 0) throw new BadSubmission('There is no empty line before the checkpoint.')
  const [first = '', ...lines] = body.slice(0, end).split('\n')
  const [, size] = /^old (0|[1-9]\d*)$/.exec(first) ?? []
  if (size === undefined) throw new BadSubmission('The first line is not "old" and a size.')
  const oldSize = Number(size)
  if (!Number.isSafeInteger(oldSize)) throw new BadSubmission('The old size is larger than that of any log.')
  if (lines.length > mostProofLines) throw new BadSubmission(`There are more than ${mostProofLines} proof lines.`)
  const proof = lines.map((line) => {
    const hash = Buffer.from(line, 'base64')
    // A hash has one encoding: the unused bits of the last character are zero.
    if (!hashLine.test(line) || hash.toString('base64') !== line)
      throw new BadSubmission('A line of the proof is not a hash.')
    return hash
  })
  return { oldSize, proof, checkpoint: body.slice(end + 2) }
}
