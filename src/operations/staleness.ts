/** Whether what the pages show may be out of date, and as of when it is. Asked for every page, so it asks further only when in doubt. */
import { Injectable } from '@nestjs/common'
import { StatusOfReadModels, type ReadModelStatus } from './status.ts'
import type { Instant } from '../domain/calendar.ts'

/** How long an answer holds where the log has to be asked. */
const holdsMs = 2_000

/** Less is the ordinary delay of another instance. */
const behindSeconds = 30

export interface OutOfDate {
  /**
   * `log`: it does not answer, so that nothing can be recorded. `projector`: it does not follow. `rebuild`: the read models are
   * built from the beginning of the log.
   */
  readonly because: 'log' | 'projector' | 'rebuild'
  /** When the read models last read the log; null before the first event. */
  readonly asOf: Instant | null
}

@Injectable()
export class Staleness {
  private lastAnswer: { readonly at: number; readonly answer: Promise<OutOfDate | null> } | undefined

  constructor(private readonly status: StatusOfReadModels) {}

  /** @returns null while all is well. Where nothing can be said, the page will have to say it. */
  async outOfDate(): Promise<OutOfDate | null> {
    const { state, troubledSince } = this.status.health
    if (state === 'rebuilding') return { because: 'rebuild', asOf: null }
    // The projector of this process knows without asking; one that stands by does not hear the log itself.
    if (state !== 'standing_by' && troubledSince === null) return null
    if (!this.lastAnswer || Date.now() - this.lastAnswer.at > holdsMs)
      this.lastAnswer = { at: Date.now(), answer: this.status.look().then(judged, () => null) }
    return this.lastAnswer.answer
  }
}

function judged({ log, asOf, lagSeconds, runner: { state } }: ReadModelStatus): OutOfDate | null {
  if (log === 'away') return { because: 'log', asOf }
  if (state === 'refused' || (lagSeconds ?? 0) > behindSeconds) return { because: 'projector', asOf }
  return null
}
