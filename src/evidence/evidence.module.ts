/** Opens the evidence log beside the read models and keeps it level with the event store while the application runs. */
import { Inject, Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import { join } from 'node:path'
import type { Config } from '../runtime/config.ts'
import { RUNTIME, type Runtime } from '../runtime/runtime.ts'
import { evidenceFileName, originOfLog } from './evidence-file.ts'
import { EvidenceFollower, type FollowerLog } from './evidence-follower.ts'
import { EvidenceLog } from './evidence-log.ts'
import { signingKeysIn } from './signing-keys.ts'
import { Cosigning } from './witness/cosigning.ts'
import { parseVerifierKey } from './signed-note.ts'

/** The open evidence log; `log` is null where it cannot be trusted, and the rest of the product goes on without it. */
export class Evidence {
  readonly log: EvidenceLog | null
  private readonly follower: EvidenceFollower | null
  private readonly cosigning: Cosigning | null

  constructor({ config, store, log }: Runtime) {
    this.log = null
    this.follower = null
    this.cosigning = null
    try {
      const path = join(config.dataDir, evidenceFileName)
      const origin = originOfLog(path)
      const { keys, areNew } = signingKeysIn(config.keysDir, origin)
      if (areNew && origin !== undefined)
        log.warn(
          { origin },
          'The key of the evidence log was gone: a new one signs from now on. Whoever verifies needs it.',
        )
      this.log = new EvidenceLog(path, keys)
      this.follower = new EvidenceFollower(store, this.log, log)
      this.cosigning = cosigningOf(this.log, config.witness, log)
    } catch (error) {
      log.error({ err: error }, 'The evidence log cannot be opened, and covers nothing until that has been put right.')
    }
  }

  start(): void {
    this.follower?.start()
    this.cosigning?.start()
  }

  async close(): Promise<void> {
    await this.cosigning?.stop()
    await this.follower?.stop()
    this.log?.close()
  }
}

/** A witness whose key cannot be read is logged and not asked: the log goes on. */
function cosigningOf(evidence: EvidenceLog, witness: Config['witness'], log: FollowerLog): Cosigning | null {
  if (!witness) return null
  try {
    return new Cosigning(evidence, { url: witness.url, key: parseVerifierKey(witness.key) }, log)
  } catch (error) {
    log.error({ err: error }, 'WITNESS_KEY is not the key of a witness: nobody cosigns the evidence log.')
    return null
  }
}

@Module({
  providers: [{ provide: Evidence, useFactory: (runtime: Runtime) => new Evidence(runtime), inject: [RUNTIME] }],
  exports: [Evidence],
})
export class EvidenceModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(@Inject(Evidence) private readonly evidence: Evidence) {}

  onApplicationBootstrap(): void {
    this.evidence.start()
  }

  async onApplicationShutdown(): Promise<void> {
    await this.evidence.close()
  }
}
