/** What every history in the domain shares: how events are folded, how a rule refuses, and what is known about each event. */
import type { Day, Instant } from './calendar.ts'

/** A rule of the domain does not allow it, and a person can act on that. `code` is stable and meant for programs; the message is meant for people. */
export class Refusal extends Error {
  readonly code: string
  /** The journey it is about, where a command was about several. */
  readonly journeyId?: string

  constructor(code: string, message: string) {
    super(message)
    this.name = 'Refusal'
    this.code = code
  }

  /** The same, once it is known which journey of several it is about. */
  of(journeyId: string): Refusal {
    return Object.assign(new Refusal(this.code, this.message), { journeyId })
  }
}

/** Who did it: an opaque id, never a name; the role and organisation they acted for. */
export interface Actor {
  readonly id: string
  readonly role: string
  readonly organisation: string
}

/** Where an event came from. `simulator` marks demonstration records, which no official figure may count. */
export type Source = 'ui' | 'api' | 'import' | 'simulator' | 'terminal'

/** What is known about every event beside what it says. Nothing here is personal. */
export interface Metadata {
  /** The command this event answers: a command that is sent again is recognised by it. */
  readonly commandId: string
  readonly actor: Actor
  /** Who brought it in, where it came in a contact log that somebody sent through a page. */
  readonly importedBy?: Actor
  /** When it happened. */
  readonly occurredAt: Day
  /** When it was recorded, here or in the legacy system before. The log adds its own time of receipt. */
  readonly recordedAt: Instant
  readonly schemaVersion: number
  readonly correlationId: string
  readonly causationId: string
  readonly source: Source
  /** The key under which the personal fields are sealed, where there are any. */
  readonly keyId?: string
  /** The codes of what was improbable about it, and confirmed by whoever recorded it. */
  readonly oddities?: readonly string[]
}

/** An event as the log holds it: what it says, what is known about it, and its place in its stream. */
export type Recorded<E> = E & {
  readonly id: string
  readonly stream: string
  readonly revision: number
  readonly metadata: Metadata
}

/** What every command carries: its id, the same whenever it is sent again, and both clocks. The rule reads no clock of its own. */
export interface CommandContext {
  readonly commandId: string
  /** The day it happened. */
  readonly occurredOn: Day
  /** The day, in the service's own time zone, on which it is recorded. */
  readonly recordedOn: Day
  /**
   * The day on which the man it is about became an adult, where his date of birth is known. Whoever issues the command reads it
   * from his details; it is not kept.
   */
  readonly adultFrom?: Day
  /** It is copied from a record that was made elsewhere: its date is taken as it stands there, as long as it is a day at all. */
  readonly copied?: true
}

/** How events change what is believed. Pure: the state given stays as it was. */
export interface Fold<State, Event> {
  /** What is believed after one more event. */
  evolve(state: State, event: Recorded<Event>): State
  /** What is believed after all of these, in the order of the log: {@link evolve} for each, with one copy of the state for all. */
  fold(state: State, events: Iterable<Recorded<Event>>): State
  /** For many commands in a row, each decided on what the events before it come to: one copy of the state for all. */
  growing(state: State): Growing<State, Event>
}

/** A state that events are added to one by one. The state it began with stays as it was. */
export interface Growing<State, Event> {
  /** What is believed so far. The next event changes it, so it is kept elsewhere only once nothing more is added. */
  readonly state: State
  add(event: Recorded<Event>): void
}

/** One kind of history: what is believed at first, how events change that, and which events a command may add. All pure. */
export interface History<State, Command, Event> extends Fold<State, Event> {
  readonly category: string
  readonly initial: State
  decide(state: State, command: Command): readonly Event[]
}

/** A state of one's own: nobody else holds it or a part of it, so it may be changed in place. */
export type Own<State> = {
  -readonly [F in keyof State]: State[F] extends ReadonlyMap<infer K, infer V>
    ? Map<K, V>
    : State[F] extends ReadonlySet<infer V>
      ? Set<V>
      : State[F]
}

/** A fold from two things: a copy of one's own, and how one event changes that copy in place. */
export const folding = <State, Event>(
  copyOf: (state: State) => Own<State>,
  apply: (own: Own<State>, event: Recorded<Event>) => void,
): Fold<State, Event> => {
  const growing = (state: State): Growing<State, Event> => {
    const own = copyOf(state)
    return { state: own as State, add: (event) => apply(own, event) }
  }
  const fold = (state: State, events: Iterable<Recorded<Event>>): State => {
    const grown = growing(state)
    for (const event of events) grown.add(event)
    return grown.state
  }
  return { growing, fold, evolve: (state, event) => fold(state, [event]) }
}
