/** Has a witness cosign the heads of the evidence log as they are signed. The log never waits for it. */
import { setTimeout as pause } from 'node:timers/promises'
import type { FollowerLog } from '../evidence-follower.ts'
import type { EvidenceLog } from '../evidence-log.ts'
import type { VerifierKey } from '../signed-note.ts'
import { cosignaturesOn } from './cosignature.ts'
import { WitnessAway, WitnessClient } from './witness-client.ts'

/** How often it is looked whether a new head was signed; heads are signed once a second at most. */
const lookMs = 500
/** From the first to the longest pause while the witness is away, or refuses. */
const retryMs = { first: 1_000, longest: 60_000 }

export class Cosigning {
  private readonly evidence: EvidenceLog
  private readonly key: VerifierKey
  private readonly client: WitnessClient
  private readonly log: FollowerLog
  private readonly stopping = new AbortController()
  private working: Promise<void> = Promise.resolve()

  constructor(evidence: EvidenceLog, witness: { url: string; key: VerifierKey }, log: FollowerLog) {
    this.evidence = evidence
    this.key = witness.key
    this.client = new WitnessClient(witness.url, witness.key)
    this.log = log
  }

  /** Until it is stopped, whatever happens in between. */
  start(): void {
    this.working = this.work(this.stopping.signal)
  }

  /** Resolves when the request in hand is given up. */
  async stop(): Promise<void> {
    this.stopping.abort()
    await this.working
  }

  private async work(signal: AbortSignal): Promise<void> {
    let wait = retryMs.first
    let said = ''
    while (!signal.aborted) {
      try {
        await this.cosignLatest(signal)
        if (said !== '') this.log.info({ witness: this.key.name }, 'The witness cosigns again.')
        said = ''
        wait = retryMs.first
        await pause(lookMs, undefined, { signal })
      } catch (error) {
        if (signal.aborted) return
        const { message } = error as Error
        if (message !== said) {
          if (error instanceof WitnessAway) this.log.warn({ witness: this.key.name }, message)
          else this.log.error({ witness: this.key.name, err: error }, 'The witness does not cosign the evidence log.')
        }
        said = message
        await pause(wait, undefined, { signal }).catch(() => undefined)
        wait = Math.min(2 * wait, retryMs.longest)
      }
    }
  }

  /** @throws WitnessAway, WitnessRefused */
  async cosignLatest(signal: AbortSignal): Promise<void> {
    const { evidence, key } = this
    const latest = evidence.file.latestCheckpoint()
    if (!latest || cosignaturesOn(latest.note, [key]).length > 0) return
    const { note, size } = latest
    const consistencyFrom = (from: number) => evidence.file.consistencyProof(from, size)
    evidence.addCosignature(size, await this.client.cosignatureOn({ note, size, consistencyFrom }, signal))
  }
}
