/**
 * Whether the clock of this machine can be believed. What is recorded under a wrong clock is known "as of" a day on which nobody
 * knew it, and cannot be put right afterwards, so nothing is recorded until the clock is right or an operator says that it is.
 */
import type { Instant } from '../domain/calendar.ts'
import type { Metadata, Source } from '../domain/history.ts'
import type { EventStore } from '../event-store/event-store.ts'
import { clockToleranceMs } from '../event-store/reading.ts'
import type { StoredEvent } from '../event-store/stored-event.ts'

/** How long the clock is believed after it was compared, unless it jumps, in milliseconds. */
const holdsMs = 30_000

/** As many of the newest events are looked at: the very newest may be older than another, where instances differ by seconds. */
const newestLookedAt = 50

/** As many are listed that are dated in the future; there may be more. */
const mostFuture = 1_000

/** The clock is wrong, and nothing was recorded. The message says how far it is off. */
export class ClockWrong extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ClockWrong'
  }
}

export interface ClockStanding {
  /** What is wrong with the clock, in a sentence; null while it can be believed. */
  readonly problem: string | null
  /** An operator has said that it is right all the same, so that commands are recorded. */
  readonly isTrusted: boolean
  /** Events whose date was in the future when the application started; null where there were none. */
  readonly future: FutureEvents | null
}

export interface ClockLog {
  warn(message: string): void
  info(message: string): void
}

export interface FutureEvents {
  readonly events: number
  /** There may be more than were counted. */
  readonly isAll: boolean
  readonly latest: Instant
  readonly streams: readonly string[]
}

export class ClockCheck {
  private problem: string | null = null
  private future: FutureEvents | null = null
  private compared: { readonly wall: number; readonly steady: number } | undefined

  constructor(
    private readonly store: Pick<EventStore, 'newestOf' | 'readAllBackwards' | 'serverTime'>,
    private readonly categories: readonly string[],
    private readonly log: ClockLog,
    /** An operator says that the clock is right, whatever the log says. */
    private readonly isTrusted: boolean,
  ) {}

  get standing(): ClockStanding {
    return { problem: this.problem, isTrusted: this.isTrusted, future: this.future }
  }

  /**
   * Compares the clock and looks for events that are dated in the future, once, when the application starts.
   * @throws StoreUnavailable
   */
  async begin(): Promise<void> {
    await this.compare()
    this.future = await this.futureEvents()
    if (this.future) this.log.warn(futureInWords(this.future))
  }

  /**
   * How it stands now: what was found less than half a minute ago, unless the clock was set since or was wrong.
   * @throws StoreUnavailable
   */
  async look(): Promise<ClockStanding> {
    if (this.problem !== null || !this.isFresh()) await this.compare()
    return this.standing
  }

  /** @throws ClockWrong, StoreUnavailable */
  async assertRight(): Promise<void> {
    await this.look()
    if (this.problem !== null && !this.isTrusted) throw new ClockWrong(problemInWords(this.problem, false))
  }

  /** A clock that was set since it was compared runs away from the one that cannot be set. */
  private isFresh(): boolean {
    if (!this.compared) return false
    const steady = performance.now() - this.compared.steady
    const wall = Date.now() - this.compared.wall
    return steady < holdsMs && Math.abs(wall - steady) < clockToleranceMs / 4
  }

  private async compare(): Promise<void> {
    const [newest, server] = await Promise.all([this.newest(), this.store.serverTime()])
    const now = Date.now()
    this.compared = { wall: now, steady: performance.now() }
    const problem = problemOf({ now, newest, server: server?.getTime() ?? null })
    if ((problem === null) !== (this.problem === null)) {
      if (problem === null) this.log.info('The clock of this machine is right again. Commands are recorded.')
      else this.log.warn(problemInWords(problem, this.isTrusted))
    }
    this.problem = problem
  }

  private async newest(): Promise<number | null> {
    const newest = await this.store.newestOf(this.categories, newestLookedAt)
    return newest.length > 0 ? Math.max(...newest.map(datedAt)) : null
  }

  private async futureEvents(): Promise<FutureEvents | null> {
    const soon = Date.now() + clockToleranceMs
    const streams = new Set<string>()
    let [events, others, latest] = [0, 0, 0]
    for await (const event of this.store.readAllBackwards(this.categories, mostFuture)) {
      const at = datedAt(event)
      if (at > soon) {
        events++
        streams.add(event.stream)
        latest = Math.max(latest, at)
      } else if (++others > newestLookedAt) break
    }
    if (events === 0) return null
    const isAll = events + others < mostFuture
    return { events, isAll, latest: new Date(latest).toISOString(), streams: [...streams] }
  }
}

/** Recorded by the clock of an instance of ours, and not by that of whoever wrote a file. */
const isByOurClock = (source: Source | undefined): boolean =>
  source === 'ui' || source === 'api' || source === 'terminal'

/** By the clock that is ahead: that of the event store or, for what was recorded here, that of the instance. */
function datedAt({ receivedAt, metadata }: Pick<StoredEvent, 'receivedAt' | 'metadata'>): number {
  const { source, recordedAt } = (metadata ?? {}) as Partial<Metadata>
  const recorded = isByOurClock(source) ? Date.parse(recordedAt ?? '') : NaN
  return Math.max(receivedAt.getTime(), Number.isNaN(recorded) ? 0 : recorded)
}

interface ComparedClocks {
  readonly now: number
  /** When the newest event was recorded or received; null where the log is empty. */
  readonly newest: number | null
  /** By the clock of the event store; null where it does not say. */
  readonly server: number | null
}

function problemOf({ now, newest, server }: ComparedClocks): string | null {
  if (server !== null && Math.abs(now - server) > clockToleranceMs)
    return `The clock of this machine is ${spanInWords(Math.abs(now - server))} ${now < server ? 'behind' : 'ahead of'} that of the event store.`
  if (newest !== null && newest - now > clockToleranceMs)
    return `The clock of this machine is ${spanInWords(newest - now)} behind the newest event in the log.`
  return null
}

/** What is wrong with the clock, and what an operator can do. */
export const problemInWords = (problem: string, isTrusted: boolean): string =>
  isTrusted
    ? `${problem} Commands are recorded all the same, because CLOCK is trust.`
    : `${problem} Nothing is recorded until it is right. Set it right; if it is, and the log is wrong, start the application with CLOCK=trust.`

/** What a page and a log line say of events that are dated in the future. */
export const futureInWords = ({ events, isAll, latest, streams }: FutureEvents): string =>
  `${isAll ? '' : 'At least '}${events === 1 ? 'one event is' : `${events} events are`} dated in the future, up to ${latest}: the clock was ahead when ${events === 1 ? 'it was' : 'they were'} recorded. The histories of ${streams.slice(0, 5).join(', ')}${streams.length > 5 ? ` and ${streams.length - 5} more` : ''} say which.`

function spanInWords(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  if (minutes < 120) return `${minutes} minutes`
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} hours` : `${Math.round(minutes / 1_440)} days`
}

/**
 * Says of each event of a stream, in order, whether the time at which it was recorded is in doubt: it is later than the time at
 * which the event store received it, or earlier than that of an event before it.
 */
export function recordingDoubts(): (event: {
  readonly metadata: Metadata | undefined
  readonly receivedAt: Date
}) => string | null {
  let latest = -Infinity
  return ({ metadata, receivedAt }) => {
    const recorded = isByOurClock(metadata?.source) ? Date.parse(metadata!.recordedAt) : NaN
    if (Number.isNaN(recorded)) return null
    const isBehind = recorded < latest - clockToleranceMs
    latest = Math.max(latest, recorded)
    if (recorded - receivedAt.getTime() > clockToleranceMs)
      return 'In doubt: the event store received it before it is said to have been recorded. The clock of the application was ahead.'
    if (isBehind)
      return 'In doubt: an event before it was recorded later. The clock of the application was wrong for one of them.'
    return null
  }
}
