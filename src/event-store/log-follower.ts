/** Work that follows the log for as long as the process runs, and begins again after trouble. */
import { setTimeout as pause } from 'node:timers/promises'

export interface FollowedWork {
  /**
   * Follows the log until the signal is aborted, from wherever it left off.
   * @param onProgress called after each batch: trouble that comes later is again the first
   */
  follow(signal: AbortSignal, onProgress: () => void): Promise<void>
  /** Told of each failure, before the pause that comes after it. @param failures how many came before it in a row */
  onTrouble(error: unknown, failures: number): void
  /** Pauses after trouble in milliseconds: the first, and the longest; each is twice the one before. */
  readonly pausesMs: { readonly first: number; readonly longest: number }
}

export class LogFollower {
  private stopping: AbortController | undefined
  private working: Promise<void> = Promise.resolve()

  constructor(private readonly work: FollowedWork) {}

  /** Does nothing where it runs already. */
  start(): void {
    if (this.stopping) return
    this.stopping = new AbortController()
    this.working = this.run(this.stopping.signal)
  }

  /** Resolves when the batch in hand is done. */
  async stop(): Promise<void> {
    this.stopping?.abort()
    await this.working
    this.stopping = undefined
  }

  private async run(signal: AbortSignal): Promise<void> {
    const { first, longest } = this.work.pausesMs
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await this.work.follow(signal, () => (failures = 0))
      } catch (error) {
        this.work.onTrouble(error, failures)
        await pause(Math.min(longest, first * 2 ** failures), undefined, { signal }).catch(() => undefined)
      }
    }
  }
}
