/** For a command at a terminal: the log may go away in the middle of its work, and is waited for. */
import { status } from '@grpc/grpc-js'
import { setTimeout as pause } from 'node:timers/promises'
import { StoreUnavailable } from './store-errors.ts'

/** The longest pause before the log is tried again, in milliseconds; the first is a tenth of a second, and each is twice the last. */
const longestPauseMs = 2_000

/** Told of each outage: when it begins, with how long it will be waited for, and when the log answers again. */
export interface OutageListener {
  onAway(patienceMs: number): void
  onBack(awayMs: number): void
}

/** A server that refuses the user will refuse him the next time. */
const refusals = new Set<unknown>([status.UNAUTHENTICATED, status.PERMISSION_DENIED])

/** All that is asked of one log over one connection shares its outages. */
export class Outages {
  private since: number | undefined
  private round = 0

  /** @param patienceMs how long the log may be away before the work is given up, in milliseconds */
  constructor(
    readonly patienceMs: number,
    private readonly listener: OutageListener,
  ) {}

  /**
   * Returns when it is time to ask once more.
   * @throws the error itself where it says nothing of an outage, or the log has been away for too long
   */
  async waitOut(error: unknown, signal?: AbortSignal): Promise<void> {
    if (this.patienceMs === 0 || !(error instanceof StoreUnavailable) || isRefusal(error)) throw error
    if (this.since === undefined) {
      this.since = performance.now()
      this.round = 0
      this.listener.onAway(this.patienceMs)
    }
    const left = this.since + this.patienceMs - performance.now()
    if (left <= 0) throw error
    const backOff = Math.min(longestPauseMs, 100 * 2 ** this.round++)
    // What was asked side by side should not be asked again in one moment.
    const ms = Math.min(left, backOff * (0.5 + Math.random() / 2))
    await pause(ms, undefined, { signal }).catch(() => undefined)
  }

  /** The log has answered. */
  over(): void {
    if (this.since === undefined) return
    const awayMs = performance.now() - this.since
    this.since = undefined
    this.listener.onBack(awayMs)
  }

  /** Asks until there is an answer. To be used for what may be asked twice. */
  async through<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        const answer = await ask()
        this.over()
        return answer
      } catch (error) {
        await this.waitOut(error)
      }
    }
  }
}

function isRefusal({ cause }: StoreUnavailable): boolean {
  const { code, type } = (cause ?? {}) as { code?: unknown; type?: unknown }
  return refusals.has(code) || type === 'access-denied'
}
