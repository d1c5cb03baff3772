/** A witness as C2SP's `tlog-witness` has it: it cosigns a checkpoint only when the log's history has only grown since the last. */
import { parseCheckpoint } from '../checkpoint.ts'
import { emptyRoot, verifyConsistency } from '../merkle-tree.ts'
import { MalformedNote, openNote, parseNote, SignatureBad, type SigningKey, type VerifierKey } from '../signed-note.ts'
import { BadSubmission, parseSubmission, type CheckpointSubmission } from './add-checkpoint.ts'
import { cosign } from './cosignature.ts'
import type { CosignedCheckpoint, RefusedFor, WitnessStore } from './witness-store.ts'

/** A log that the witness knows, by the first line of its checkpoints. */
export interface WitnessedLog {
  readonly origin: string
  readonly keys: readonly VerifierKey[]
}

/** The logs that a witness knows by their keys. A log has the name of its keys; while a key is rotated it has two. */
export const witnessedLogs = (keys: readonly VerifierKey[]): WitnessedLog[] =>
  [...Map.groupBy(keys, ({ name }) => name)].map(([origin, keys]) => ({ origin, keys }))

/** What goes back to the log, as the protocol has it. */
export interface WitnessAnswer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422
  readonly contentType: 'text/plain; charset=utf-8' | 'text/x.tlog.size'
  readonly body: string
}

export class Witness {
  private readonly key: SigningKey
  private readonly logs: ReadonlyMap<string, WitnessedLog>
  private readonly store: WitnessStore
  private readonly now: () => number

  /** @param now seconds since 1970 */
  constructor(
    key: SigningKey,
    logs: readonly WitnessedLog[],
    store: WitnessStore,
    now: () => number = () => Math.floor(Date.now() / 1_000),
  ) {
    this.key = key
    this.logs = new Map(logs.map((log) => [log.origin, log]))
    this.store = store
    this.now = now
  }

  /**
   * Decides about one request. Nothing else runs between the look at the last checkpoint and the write of the new one, and
   * the write is on disk before there is an answer: no crash and no race makes it cosign two histories.
   */
  answer(body: string): WitnessAnswer {
    try {
      return this.decide(parseSubmission(body))
    } catch (error) {
      if (error instanceof SignatureBad) return say(403, error.message)
      if (error instanceof BadSubmission || error instanceof MalformedNote) return say(400, error.message)
      throw error
    }
  }

  private decide(submission: CheckpointSubmission): WitnessAnswer {
    const { oldSize, proof, checkpoint: note } = submission
    const { text } = parseNote(note)
    const { origin, size, root } = parseCheckpoint(text)
    const log = this.logs.get(origin)
    if (!log) return say(404, 'No log of this origin is witnessed here.')
    openNote(note, log.keys)
    if (oldSize > size) return say(400, 'The old size is larger than the checkpoint.')
    const latest = this.store.latest(origin)
    const sameSize = this.store.ofSize(origin, size)
    if (sameSize && !sameSize.root.equals(root)) {
      this.refuse('fork', sameSize, submission)
      return conflict(latest)
    }
    if (oldSize !== (latest?.size ?? 0)) return conflict(latest)
    const from = { size: oldSize, root: latest?.root ?? emptyRoot() }
    if (!verifyConsistency({ from, to: { size, root }, proof })) {
      if (latest) this.refuse('inconsistent', latest, submission)
      return say(422, 'The proof does not show that the log has only grown.')
    }
    this.store.keep({ origin, size, root, note })
    return { status: 200, contentType: plainText, body: cosign(this.key, text, this.now()) }
  }

  private refuse(
    refusedFor: RefusedFor,
    cosigned: CosignedCheckpoint,
    { proof, checkpoint }: CheckpointSubmission,
  ): void {
    this.store.refuse({
      origin: cosigned.origin,
      refusedFor,
      cosigned: cosigned.note,
      refused: checkpoint,
      proof: proof.map((hash) => hash.toString('base64')).join('\n'),
      refusedAt: this.now(),
    })
  }
}

const plainText = 'text/plain; charset=utf-8'

const say = (status: WitnessAnswer['status'], why: string): WitnessAnswer => ({
  status,
  contentType: plainText,
  body: `${why}\n`,
})

const conflict = (latest: CosignedCheckpoint | undefined): WitnessAnswer => ({
  status: 409,
  contentType: 'text/x.tlog.size',
  body: `${latest?.size ?? 0}\n`,
})
