/**
 * The one way anything is written: a stream is read and folded, commands are decided on top of it, and what they add is
 * appended at the revision it was decided on. Whatever else happens to a command happens before or after this.
 */
import { recordedFrom } from '../domain/codec.ts'
import type { DomainEvent } from '../domain/events.ts'
import type { CommandContext, Growing, History, Recorded } from '../domain/history.ts'
import type { AppendResult, EventAppender } from '../event-store/event-appender.ts'
import type { EventStore } from '../event-store/event-store.ts'
import { ConcurrencyConflict } from '../event-store/store-errors.ts'
import type { Vault } from '../protection/vault.ts'
import { envelopesOf, sealedEnvelope, type Envelope, type Issuer } from './event-envelope.ts'

/** A kind of history, and under whose key the personal fields of its events are sealed. */
export interface SealedHistory<S, C, E> extends History<S, C, E> {
  /**
   * @param id the stream's own, without the category
   * @param event the one of the events whose fields are sealed: in a stream about several people each has a key of his own
   */
  keyIdOf(id: string, state: S, events: readonly E[], event: E): string | undefined
}

/** The fold of a stream, and the revision it was folded to (-1 where nothing is written yet). */
export interface FoldedStream<S> {
  readonly state: S
  readonly revision: number
}

/** Where a command ended: at its last event in the log, or nowhere because it added nothing. */
export type CommandResult = AppendResult | 'nothing_new'

/** A command was issued for the stream at a revision that it no longer has: what the issuer looked at has changed. */
export class StaleRevision extends Error {
  constructor(
    readonly expected: number,
    readonly actual: number,
  ) {
    super('The record changed since you opened it. Look at what is new, then decide again.')
    this.name = 'StaleRevision'
  }
}

/** How a command can fail that no rule refused, for those who may not know the event store. */
export { ConcurrencyConflict }

interface PendingCommand<E> {
  readonly commandId: string
  readonly envelopes: readonly Envelope<E>[]
}

/** One stream, and the commands decided on it so far: each on top of what those before it will add. */
export class PendingStream<S, C extends CommandContext, E extends DomainEvent> {
  /** What will be appended: the events of each command, in order. */
  readonly pending: PendingCommand<E>[] = []
  private growing: Growing<S, E> | undefined
  private revision: number

  constructor(
    readonly history: SealedHistory<S, C, E>,
    readonly id: string,
    /** As the log has it. */
    readonly folded: FoldedStream<S>,
    /** The commands whose events an earlier part of the same append has already put into the log. */
    readonly appended: Set<string>,
  ) {
    this.revision = folded.revision
  }

  /** As it will be once everything pending is appended. */
  get after(): FoldedStream<S> {
    return { state: this.growing?.state ?? this.folded.state, revision: this.revision }
  }

  get stream(): string {
    return `${this.history.category}-${this.id}`
  }

  /**
   * @param examine is shown what the command would add and the state before it; the codes it answers are kept with the events
   * @returns `decided` where the command adds something, `nothing_new` where it was answered before or changes nothing
   * @throws Refusal, and whatever `examine` throws
   */
  decide(
    command: C,
    issuer: Issuer,
    examine: (state: S, events: readonly E[]) => readonly string[] = () => [],
  ): 'decided' | 'nothing_new' {
    if (this.appended.has(command.commandId)) return 'decided'
    const { history, id, stream } = this
    const { state, revision } = this.after
    const events = history.decide(state, command)
    if (events.length === 0) return 'nothing_new'
    const keyIdOf = (event: E) => history.keyIdOf(id, state, events, event)
    const oddities = examine(state, events)
    const envelopes = envelopesOf(events, { stream, revision, keyIdOf }, command, oddities, issuer)
    this.growing ??= history.growing(state)
    for (const { event } of envelopes) this.growing.add(event)
    this.revision += events.length
    this.pending.push({ commandId: command.commandId, envelopes })
    return 'decided'
  }
}

/** What decides the commands of a stream; called again, on the stream as it then is, where somebody else appended first. */
export type Decider<S, C extends CommandContext, E extends DomainEvent> = (stream: PendingStream<S, C, E>) => void

/** Decided and not yet appended: nothing is written so far. */
export interface DecidedStream<S, C extends CommandContext, E extends DomainEvent> {
  readonly stream: PendingStream<S, C, E>
  readonly decider: Decider<S, C, E>
}

export interface AppendOptions {
  /** How often it is decided before giving up; 5 unless said. */
  readonly attempts?: number
  /** After each time it was decided again, before anything more is appended. */
  readonly onDecidedAgain?: () => Promise<void>
}

/** The most that goes to the log in one append, in bytes as EventStoreDB counts them: below its limit of a mebibyte. */
const maximumAppendBytes = 700_000

export class DecideAndAppend {
  constructor(
    private readonly store: Pick<EventStore, 'read'>,
    private readonly appender: Pick<EventAppender, 'append'>,
    private readonly vault: Vault,
  ) {}

  /**
   * What the rules know of one history now.
   * @param from what is known of it already: only what came after is read
   * @throws PoisonEvent where the log holds an event of it that cannot be understood
   */
  async fold<S, C, E extends DomainEvent>(
    history: History<S, C, E>,
    id: string,
    from: FoldedStream<S> = { state: history.initial, revision: -1 },
  ): Promise<FoldedStream<S>> {
    const events: Recorded<E>[] = []
    for await (const stored of this.store.read(`${history.category}-${id}`, from.revision + 1))
      events.push(recordedFrom<E>(stored))
    const last = events.at(-1)
    return last ? { state: history.fold(from.state, events), revision: last.revision } : from
  }

  /**
   * Decides commands of one stream and writes nothing.
   * @param known the stream as it was seen last; it is read from the log where nothing is known
   * @throws Refusal and whatever else the decider throws
   */
  async decide<S, C extends CommandContext, E extends DomainEvent>(
    history: SealedHistory<S, C, E>,
    id: string,
    decider: Decider<S, C, E>,
    known?: FoldedStream<S>,
  ): Promise<DecidedStream<S, C, E>> {
    return this.decidedOn(history, id, known ?? (await this.fold(history, id)), decider, new Set())
  }

  /**
   * Appends what was decided. Where somebody else appended first, it is decided again on top of that.
   * @returns the stream as it then is, and where the last event stands
   * @throws Refusal, StaleRevision, StoreUnavailable; ConcurrencyConflict once all attempts are used up
   */
  async append<S, C extends CommandContext, E extends DomainEvent>(
    decided: DecidedStream<S, C, E>,
    { attempts = 5, onDecidedAgain }: AppendOptions = {},
  ): Promise<{ readonly after: FoldedStream<S>; readonly result: CommandResult }> {
    const { decider } = decided
    let { stream } = decided
    let result: CommandResult = 'nothing_new'
    for (let attempt = 1; ; attempt++) {
      try {
        let expected = stream.folded.revision
        for (const slice of slicesOf(stream.pending)) {
          result = await this.appender.append(
            stream.stream,
            expected,
            slice.flatMap(({ envelopes }) => envelopes.map((envelope) => sealedEnvelope(this.vault, envelope))),
          )
          expected = result.revision
          for (const { commandId } of slice) stream.appended.add(commandId)
        }
        return { after: stream.after, result }
      } catch (error) {
        if (!(error instanceof ConcurrencyConflict) || attempt === attempts) throw error
        const { history, id, folded, appended } = stream
        const now = await this.fold(history, id, folded)
        ;({ stream } = this.decidedOn(history, id, now, decider, appended))
        await onDecidedAgain?.()
      }
    }
  }

  /** Decides one command, or a few together, and appends what they add. */
  async decideAndAppend<S, C extends CommandContext, E extends DomainEvent>(
    history: SealedHistory<S, C, E>,
    id: string,
    decider: Decider<S, C, E>,
  ): Promise<CommandResult> {
    return (await this.append(await this.decide(history, id, decider))).result
  }

  private decidedOn<S, C extends CommandContext, E extends DomainEvent>(
    history: SealedHistory<S, C, E>,
    id: string,
    folded: FoldedStream<S>,
    decider: Decider<S, C, E>,
    appended: Set<string>,
  ): DecidedStream<S, C, E> {
    const stream = new PendingStream(history, id, folded, appended)
    decider(stream)
    return { stream, decider }
  }
}

/** The events of one command always go together; those of many go in several appends, in order. */
function* slicesOf<E>(pending: readonly PendingCommand<E>[]): Generator<readonly PendingCommand<E>[]> {
  let slice: PendingCommand<E>[] = []
  let bytes = 0
  for (const command of pending) {
    const more = command.envelopes.reduce((sum, envelope) => sum + envelope.bytes, 0)
    if (slice.length > 0 && bytes + more > maximumAppendBytes) {
      yield slice
      slice = []
      bytes = 0
    }
    slice.push(command)
    bytes += more
  }
  if (slice.length > 0) yield slice
}
