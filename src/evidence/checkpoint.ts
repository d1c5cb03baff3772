/** The head of a log, signed: C2SP tlog-checkpoint (https://c2sp.org/tlog-checkpoint). */
import { hashBytes } from './merkle-tree.ts'
import { MalformedNote, openNote, signNote, type SigningKey, type VerifierKey } from './signed-note.ts'

export interface Checkpoint {
  /** The name of the log, which is the name of its key too. */
  readonly origin: string
  /** How many leaves the log has. */
  readonly size: number
  readonly root: Buffer
}

/** The text of a checkpoint, which its log and its witnesses sign. */
export const checkpointText = ({ origin, size, root }: Checkpoint): string =>
  `${origin}\n${size}\n${root.toString('base64')}\n`

/** @throws MalformedNote */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin, digits = '', encoded = '', ...rest] = text.split('\n')
  const root = Buffer.from(encoded, 'base64')
  const size = Number(digits)
  const isSize = /^(0|[1-9]\d*)$/.test(digits) && Number.isSafeInteger(size)
  const isRoot = root.length === hashBytes && root.toString('base64') === encoded
  // Lines after the third are allowed, are never empty, and say nothing to us.
  const endsWell = rest.at(-1) === '' && rest.slice(0, -1).every((line) => line !== '')
  if (!origin || !isSize || !isRoot || !endsWell) throw new MalformedNote('This is not a checkpoint.')
  return { origin, size, root }
}

/** The signed note of a checkpoint. */
export const signCheckpoint = (checkpoint: Checkpoint, keys: readonly SigningKey[]): string =>
  signNote(checkpointText(checkpoint), keys)

/**
 * @throws MalformedNote
 * @throws SignatureBad where no trusted key signed it
 */
export const openCheckpoint = (note: string, trusted: readonly VerifierKey[]): Checkpoint =>
  parseCheckpoint(openNote(note, trusted).text)
