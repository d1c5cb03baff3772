/** Waits for an evidence log that another part of the product, or another process, keeps. */
import { setTimeout as pause } from 'node:timers/promises'
import type { EvidenceFile } from '../evidence-file.ts'
import { parseVerifierKey } from '../signed-note.ts'
import { cosignaturesOn } from '../witness/cosignature.ts'
import { PackRefused } from './pack-format.ts'

/** How long a running application may take to cover and sign what the store holds, in milliseconds; it signs every second. */
const coverWithinMs = 15_000
/** How long is waited for a cosignature more: evidence without one is worth less, and worth having. In milliseconds. */
export const cosignWithinMs = 3_000

/** Waits until the log has signed that it covers a position of the event store, and for its witness a little longer. */
export async function untilLevel(file: EvidenceFile, position: bigint, witnessKey?: string): Promise<void> {
  const isSigned = () => {
    const at = file.head()
    return (at?.position ?? -1n) >= position && file.latestCheckpoint()?.size === at?.size
  }
  if (!(await within(coverWithinMs, isSigned)))
    throw new PackRefused('The evidence log is behind the event store. Try again when it has caught up.')
  if (witnessKey === undefined) return
  const key = parseVerifierKey(witnessKey)
  await within(cosignWithinMs, () => cosignaturesOn(file.latestCheckpoint()!.note, [key]).length > 0)
}

async function within(ms: number, isSo: () => boolean): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; await pause(50)) if (isSo()) return true
  return isSo()
}
