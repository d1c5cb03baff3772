/** What ties a printed record to the log: the hash of each event, and whether the evidence log has the same one. */
import type { EvidenceFile } from '../../evidence/evidence-file.ts'
import { recordOf } from '../../evidence/leaf.ts'
import { leafHash } from '../../evidence/merkle-tree.ts'
import type { LogRecord } from '../../queries/journeys.ts'

export interface Fingerprint {
  readonly revision: number
  readonly type: string
  /** SHA-256 in hexadecimal of the event as a leaf of the evidence log. */
  readonly sha256: string
  /** Which leaf it is, counted from 0; null while the signed head does not cover it. */
  readonly leaf: number | null
  /** In a few words, what the evidence log says of it. */
  readonly standing: string
}

/** @param file null where the evidence log cannot be opened */
export function fingerprintOf(file: EvidenceFile | null, stream: string, record: LogRecord): Fingerprint {
  const { revision, type, eventId: id, stored } = record
  const hashed = leafHash(recordOf({ stream, revision, id, type, ...stored }))
  const covered = file?.latestCheckpoint()?.size ?? 0
  const index = file?.indexOf(stream, revision) ?? null
  const leaf = index !== null && index < covered ? index : null
  return { revision, type, sha256: hashed.toString('hex'), leaf, standing: standingOf(file, leaf, hashed) }
}

function standingOf(file: EvidenceFile | null, leaf: number | null, hashed: Buffer): string {
  if (!file) return 'Evidence log not available'
  if (leaf === null) return 'Not covered yet'
  const [kept] = file.records(leaf, leaf + 1)
  return kept && leafHash(kept).equals(hashed) ? `Leaf ${leaf}` : `Leaf ${leaf}: DIFFERENT`
}
