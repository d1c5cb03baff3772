/** The evidence log brought level with the event store, for a command that proves something from it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Runtime } from '../../runtime/runtime.ts'
import { EvidenceFile, evidenceFileName, openForReading, originOfLog } from '../evidence-file.ts'
import { coveredCategories, EvidenceFollower } from '../evidence-follower.ts'
import { EvidenceLog } from '../evidence-log.ts'
import { parseVerifierKey } from '../signed-note.ts'
import { signingKeysIn } from '../signing-keys.ts'
import { Cosigning } from '../witness/cosigning.ts'
import { WitnessAway } from '../witness/witness-client.ts'
import { PackRefused } from './pack-format.ts'
import { cosignWithinMs, untilLevel } from './until-level.ts'

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

async function withOwnLog<T>(
  { config, store, log }: Runtime,
  path: string,
  head: bigint,
  work: (file: EvidenceFile) => Promise<T>,
): Promise<T> {
  const evidence = new EvidenceLog(path, signingKeysIn(config.keysDir, originOfLog(path)).keys)
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
