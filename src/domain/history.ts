/** What every history in the domain shares: how events are folded, how a rule refuses, and what is known about each event. */
import type { Day, Instant } from './calendar.ts'

/** The domain said no, and a person can act on it. `code` is stable and meant for programs; the message is meant for people. */
export class Refusal extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.name = 'Refusal'
    this.code = code
  }
}

/** Who did it: an opaque id, never a name; the role and organisation they acted for. */
export interface Actor {
  readonly id: string
  readonly role: string
  readonly organisation: string
}

/** Where a fact came in. `simulator` marks demonstration records, which no official figure may count. */
export type Source = 'ui' | 'api' | 'import' | 'simulator'

/** What is known about every fact beside the fact itself. Nothing here is personal. */
export interface Metadata {
  /** The command this event answers; told twice, it is recognised by this. */
  readonly commandId: string
  readonly actor: Actor
  /** When it happened. */
  readonly occurredAt: Day
  /** When we (or the legacy system before us) were told. The log adds its own time of receipt. */
  readonly recordedAt: Instant
  readonly schemaVersion: number
  readonly correlationId: string
  readonly causationId: string
  readonly source: Source
  /** The key under which the personal fields are sealed, where there are any. */
  readonly keyId?: string
}

/** An event as the log holds it: the fact, what is known about it, and its place in its stream. */
export type Recorded<E> = E & {
  readonly id: string
  readonly stream: string
  readonly revision: number
  readonly metadata: Metadata
}

/** What every command carries: which telling this is, and both clocks. The rule reads no clock of its own. */
export interface CommandContext {
  readonly commandId: string
  /** The day it happened. */
  readonly occurredOn: Day
  /** The day, in the service's own time zone, on which we were told. */
  readonly recordedOn: Day
}

/** One kind of history: what is believed at first, how a fact changes that, and what a command may add. All pure. */
export interface History<State, Command, Event> {
  readonly category: string
  readonly initial: State
  evolve(state: State, event: Recorded<Event>): State
  decide(state: State, command: Command): readonly Event[]
}

/** Nothing can be recorded before it has happened. */
export function refuseFuture({ occurredOn, recordedOn }: CommandContext): void {
  if (occurredOn > recordedOn) {
    throw new Refusal(
      'recorded_before_occurred',
      'This is dated later than the day it is recorded. Check the date it happened.',
    )
  }
}
