/** The evidence log brought level with the event store, for a command that proves something from it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Runtime } from '../../runtime/runtime.ts'
import { EvidenceFile, evidenceFileName, openForReading } from '../evidence-file.ts'
import { coveredCategories, EvidenceFollower } from '../evidence-follower.ts'
import { EvidenceLog } from '../evidence-log.ts'
import { parseVerifierKey } from '../signed-note.ts'
import { signingKeysIn } from '../signing-keys.ts'
import { cosignaturesOn } from '../witness/cosignature.ts'
import { Cosigning } from '../witness/cosigning.ts'
import { WitnessAway } from '../witness/witness-client.ts'
import { PackRefused } from './pack-format.ts'

/** How long a running application may take to cover and sign what the store holds, in milliseconds; it signs every second. */
const coverWithinMs = 15_000
/** How long is waited for a cosignature more: evidence without one is worth less, and worth having. */
const cosignWithinMs = 3_000

/**
 * Does the work with the log as it covers everything that the store holds now. Where another process keeps the log, that one is
 * waited for; otherwise the log is kept here meanwhile.
 * @throws PackRefused where there is no log, or it does not get level
 */
export async function withLevelLog<T>(runtime: Runtime, work: (file: EvidenceFile) => Promise<T>): Promise<T> {
  const path = join(runtime.config.dataDir, evidenceFileName)
  const head = await runtime.store.headPositionOf(coveredCategories)
  if (runtime.lock) return withOwnLog(runtime, path, head, work)
  if (!existsSync(path)) throw new PackRefused('The application that runs keeps no evidence log.')
  const file = new EvidenceFile(openForReading(path))
  try {
    await untilLevel(file, head, runtime.config.witness?.key)
    return await work(file)
  } finally {
    file.close()
  }
}

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

async function withOwnLog<T>(
  { config, store, log }: Runtime,
  path: string,
  head: bigint,
  work: (file: EvidenceFile) => Promise<T>,
): Promise<T> {
  const evidence = new EvidenceLog(path, signingKeysIn(config.keysDir, originOf(path)).keys)
  try {
    const follower = new EvidenceFollower(store, evidence, log)
    follower.start()
    await follower.catchUpTo(head).finally(() => follower.stop())
    if (config.witness) {
      const witness = { url: config.witness.url, key: parseVerifierKey(config.witness.key) }
      await new Cosigning(evidence, witness, log)
        .cosignLatest(AbortSignal.timeout(cosignWithinMs))
        .catch((error: unknown) => {
          if (!(error instanceof WitnessAway)) throw error
          log.warn({ witness: witness.key.name }, error.message)
        })
    }
    return await work(evidence.file)
  } finally {
    evidence.close()
  }
}

function originOf(path: string): string | undefined {
  if (!existsSync(path)) return undefined
  const file = new EvidenceFile(openForReading(path))
  try {
    return file.head()?.origin
  } finally {
    file.close()
  }
}

async function within(ms: number, isSo: () => boolean): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; await pause(50)) if (isSo()) return true
  return isSo()
}
