/**
 * The one way anything is written: a stream is folded, commands are decided on top of it, and what they add is appended at the
 * revision it was decided on. Whatever else happens to a command happens before or after this.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { recordedFrom } from '../domain/codec.ts'
import type { Instant } from '../domain/calendar.ts'
import type { DomainEvent } from '../domain/events.ts'
import type { CommandContext, Growing, History, Recorded } from '../domain/history.ts'
import type { AppendResult, EventAppender } from '../event-store/event-appender.ts'
import type { EventStore } from '../event-store/event-store.ts'
import type { NewEvent } from '../event-store/stored-event.ts'
import { ConcurrencyConflict } from '../event-store/store-errors.ts'
import type { Vault } from '../protection/vault.ts'
import type { ClockCheck } from './clock-check.ts'
import { envelopesOf, sealedEnvelope, type Envelope, type Issuer } from './event-envelope.ts'
import { KeptFolds, type FoldedStream } from './kept-folds.ts'
import { StreamQueues } from './stream-queues.ts'

/** A kind of history, and under whose key the personal fields of its events are sealed. */
export interface SealedHistory<S, C, E> extends History<S, C, E> {
  /**
   * @param id the stream's own, without the category
   * @param event the one of the events whose fields are sealed: in a stream about several people each has a key of his own
   */
  keyIdOf(id: string, state: S, events: readonly E[], event: E): string | undefined
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
export type { FoldedStream }

interface PendingCommand<E> {
  readonly commandId: string
  readonly envelopes: readonly Envelope<E>[]
}

/** One stream, and the commands decided on it so far: each on top of what those before it will add. */
export class PendingStream<S, C extends CommandContext, E extends DomainEvent> {
  /** What will be appended: the events of each command, in order. */
  readonly pending: PendingCommand<E>[] = []
  /** The command that was decided last, and adds something. */
  last: string | undefined
  private growing: Growing<S, E> | undefined
  private revision: number
  private recordedAt: Instant | undefined

  constructor(
    readonly history: SealedHistory<S, C, E>,
    readonly id: string,
    /** As the log has it. */
    readonly folded: FoldedStream<S>,
    /** Where the commands ended whose events an earlier part of the same append has already put into the log. */
    readonly appended: Map<string, AppendResult>,
  ) {
    this.revision = folded.revision
    this.recordedAt = folded.recordedAt
  }

  /** As it will be once everything pending is appended. */
  get after(): FoldedStream<S> {
    const { revision, recordedAt } = this
    return { state: this.growing?.state ?? this.folded.state, revision, ...(recordedAt && { recordedAt }) }
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
    if (this.appended.has(command.commandId)) {
      this.last = command.commandId
      return 'decided'
    }
    const { history, id, stream } = this
    const { state, revision } = this.after
    const events = history.decide(state, command)
    if (events.length === 0) return 'nothing_new'
    const keyIdOf = (event: E) => history.keyIdOf(id, state, events, event)
    const oddities = examine(state, events)
    // A file says when it was recorded elsewhere; the clocks of two instances of ours may differ by seconds.
    const isFromFile = issuer.source === 'import' || issuer.source === 'simulator'
    const recordedAt = isFromFile ? issuer.recordedAt : laterOf(issuer.recordedAt, this.recordedAt)
    const envelopes = envelopesOf(
      events,
      { stream, revision, keyIdOf },
      command,
      oddities,
      recordedAt === issuer.recordedAt ? issuer : { ...issuer, recordedAt },
    )
    this.recordedAt = laterOf(recordedAt, this.recordedAt)
    this.growing ??= history.growing(state)
    for (const { event } of envelopes) this.growing.add(event)
    this.revision += events.length
    this.pending.push({ commandId: command.commandId, envelopes })
    this.last = command.commandId
    return 'decided'
  }
}

/** Instants of ours are all of one form, and compare as text. */
const laterOf = (one: Instant, other: Instant | undefined): Instant =>
  other !== undefined && other > one ? other : one

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

/** How many commands of one stream are appended together at most. */
const mostTogether = 50

/** How long commands are decided again because others append first, in milliseconds, and the longest pause before each time. */
const decideAgain = { untilMs: 5_000, pauseMs: 50 }

/** A command, or a few that belong together, waiting for the stream. */
interface Waiting {
  readonly decider: (stream: never) => void
  readonly resolve: (result: CommandResult) => void
  readonly reject: (error: unknown) => void
}

/** How one of them was decided: what it adds ends with a command, it adds nothing, or it was refused. */
type Outcome = { readonly endsWith: string } | 'nothing_new' | { readonly refused: unknown }

export class DecideAndAppend {
  private readonly kept = new KeptFolds()
  private readonly queues = new Map<string, StreamQueues<Waiting>>()

  constructor(
    private readonly store: Pick<EventStore, 'read'>,
    private readonly appender: Pick<EventAppender, 'append'>,
    private readonly vault: Vault,
    private readonly clock: Pick<ClockCheck, 'assertRight'>,
  ) {}

  /**
   * What the rules know of one history now.
   * @param from what is known of it already: only what came after is read
   * @throws PoisonEvent where the log holds an event of it that cannot be understood
   */
  async fold<S, C, E extends DomainEvent>(
    history: History<S, C, E>,
    id: string,
    from?: FoldedStream<S>,
  ): Promise<FoldedStream<S>> {
    const stream = `${history.category}-${id}`
    const known = from ?? this.kept.get<S>(stream) ?? { state: history.initial, revision: -1 }
    const events: Recorded<E>[] = []
    for await (const stored of this.store.read(stream, known.revision + 1)) events.push(recordedFrom<E>(stored))
    const last = events.at(-1)
    if (!last) return known
    const recordedAt = events.reduce(
      (latest: Instant | undefined, { metadata }) => laterOf(metadata.recordedAt, latest),
      known.recordedAt,
    )!
    const folded = { state: history.fold(known.state, events), revision: last.revision, recordedAt }
    this.kept.keep(stream, folded)
    return folded
  }

  /** What was last known of one history: it may have more events since. It is read where nothing is known. */
  async lastKnown<S, C, E extends DomainEvent>(history: History<S, C, E>, id: string): Promise<FoldedStream<S>> {
    return this.kept.get<S>(`${history.category}-${id}`) ?? (await this.fold(history, id))
  }

  /**
   * Decides commands of one stream as it is now, and writes nothing.
   * @param known the stream as it was seen last; it is read from the log where nothing is known
   * @throws Refusal and whatever else the decider throws
   */
  async decide<S, C extends CommandContext, E extends DomainEvent>(
    history: SealedHistory<S, C, E>,
    id: string,
    decider: Decider<S, C, E>,
    known?: FoldedStream<S>,
  ): Promise<DecidedStream<S, C, E>> {
    return decidedOn(history, id, known ?? (await this.fold(history, id)), decider, new Map())
  }

  /**
   * Appends what was decided. Where somebody else appended first, it is decided again on top of that.
   * @returns the stream as it then is, and where the last event stands
   * @throws Refusal, StaleRevision, StoreUnavailable, ClockWrong; ConcurrencyConflict once all attempts are used up
   */
  async append<S, C extends CommandContext, E extends DomainEvent>(
    decided: DecidedStream<S, C, E>,
    { attempts = 5, onDecidedAgain }: AppendOptions = {},
  ): Promise<{ readonly after: FoldedStream<S>; readonly result: CommandResult }> {
    const { decider } = decided
    let { stream } = decided
    for (let attempt = 1; ; attempt++) {
      try {
        await this.appendPending(stream)
        return { after: stream.after, result: resultOf(stream, stream.last) }
      } catch (error) {
        if (!(error instanceof ConcurrencyConflict) || attempt === attempts) throw error
        const { history, id, folded, appended } = stream
        const now = await this.fold(history, id, folded)
        ;({ stream } = decidedOn(history, id, now, decider, appended))
        await onDecidedAgain?.()
      }
    }
  }

  /**
   * Decides one command, or a few that belong together, and appends what they add. Commands of one stream are decided one after
   * the other in the order in which they came; those that waited for it meanwhile go to the log together.
   * @returns where the last event stands in its stream, and a position in the log by which it is there
   * @throws Refusal and whatever else the decider throws; StoreUnavailable; ConcurrencyConflict where others kept appending first
   */
  decideAndAppend<S, C extends CommandContext, E extends DomainEvent>(
    history: SealedHistory<S, C, E>,
    id: string,
    decider: Decider<S, C, E>,
  ): Promise<CommandResult> {
    return new Promise((resolve, reject) => this.queuesOf(history).add(id, { decider, resolve, reject }))
  }

  private queuesOf<S, C extends CommandContext, E extends DomainEvent>(
    history: SealedHistory<S, C, E>,
  ): StreamQueues<Waiting> {
    const begun = this.queues.get(history.category)
    if (begun) return begun
    const queues = new StreamQueues<Waiting>(mostTogether, async (id, together) => {
      try {
        await this.writeTogether(history, id, together)
      } catch (error) {
        for (const { reject } of together) reject(error)
      }
    })
    this.queues.set(history.category, queues)
    return queues
  }

  /**
   * What writes is decided on the stream as it was last known: the log refuses it where that is out of date. What does not write
   * (a refusal, nothing new) is answered only once it was decided on what the log says.
   */
  private async writeTogether<S, C extends CommandContext, E extends DomainEvent>(
    history: SealedHistory<S, C, E>,
    id: string,
    together: readonly Waiting[],
  ): Promise<void> {
    const until = performance.now() + decideAgain.untilMs
    const appended = new Map<string, AppendResult>()
    const kept = this.kept.get<S>(`${history.category}-${id}`)
    let folded = kept ?? (await this.fold(history, id))
    for (let isRead = !kept; ; isRead = true) {
      const { stream, outcomes } = decidedTogether<S, C, E>(history, id, folded, together, appended)
      if (!isRead && outcomes.some((outcome) => !writes(outcome))) {
        const now = await this.fold(history, id, folded)
        if (now.revision !== folded.revision) {
          folded = now
          continue
        }
      }
      try {
        await this.appendPending(stream)
      } catch (error) {
        if (!(error instanceof ConcurrencyConflict) || performance.now() > until) throw error
        // Another process appends to this stream too: whoever waits a little longer than the other comes through.
        await pause(Math.random() * decideAgain.pauseMs)
        folded = await this.fold(history, id, stream.folded)
        continue
      }
      for (const [n, { resolve, reject }] of together.entries()) {
        const outcome = outcomes[n]!
        if (outcome === 'nothing_new') resolve(outcome)
        else if ('refused' in outcome) reject(outcome.refused)
        else resolve(resultOf(stream, outcome.endsWith))
      }
      return
    }
  }

  /** Appends what is pending on a stream, and keeps the stream as it then is: as it stands in the log, its personal fields sealed. */
  private async appendPending<S, C extends CommandContext, E extends DomainEvent>(
    pendingStream: PendingStream<S, C, E>,
  ): Promise<void> {
    const { history, stream, folded, pending, appended } = pendingStream
    if (pending.length > 0) await this.clock.assertRight()
    const recorded: Recorded<E>[] = []
    let { revision } = folded
    for (const slice of slicesOf(pending)) {
      const events = slice.flatMap(({ envelopes }) => envelopes.map((one) => sealedEnvelope(this.vault, one)))
      const { position } = await this.appender.append(stream, revision, events)
      for (const event of events) recorded.push(recordedFrom<E>({ ...asStored(event), stream, revision: ++revision }))
      let ends = revision - events.length
      for (const { commandId, envelopes } of slice)
        appended.set(commandId, { revision: (ends += envelopes.length), position })
    }
    if (recorded.length > 0)
      this.kept.keep(stream, { ...pendingStream.after, state: history.fold(folded.state, recorded), revision })
  }
}

/** As it is read back: in the log, what is undefined is not there. */
const asStored = ({ id, type, data, metadata }: NewEvent) => ({
  id,
  type,
  data: JSON.parse(JSON.stringify(data)) as unknown,
  metadata: JSON.parse(JSON.stringify(metadata)) as unknown,
})

const writes = (outcome: Outcome): boolean => typeof outcome === 'object' && 'endsWith' in outcome

const resultOf = (
  { appended }: { readonly appended: ReadonlyMap<string, AppendResult> },
  commandId: string | undefined,
): CommandResult => (commandId === undefined ? undefined : appended.get(commandId)) ?? 'nothing_new'

function decidedOn<S, C extends CommandContext, E extends DomainEvent>(
  history: SealedHistory<S, C, E>,
  id: string,
  folded: FoldedStream<S>,
  decider: Decider<S, C, E>,
  appended: Map<string, AppendResult>,
): DecidedStream<S, C, E> {
  const stream = new PendingStream(history, id, folded, appended)
  decider(stream)
  return { stream, decider }
}

/** Each decided on top of what those before it add. Of one that is refused nothing stays, also where it had several commands. */
function decidedTogether<S, C extends CommandContext, E extends DomainEvent>(
  history: SealedHistory<S, C, E>,
  id: string,
  folded: FoldedStream<S>,
  together: readonly Waiting[],
  appended: Map<string, AppendResult>,
): { readonly stream: PendingStream<S, C, E>; readonly outcomes: readonly Outcome[] } {
  const refusedHalfWay = new Map<Waiting, unknown>()
  for (;;) {
    const stream = new PendingStream<S, C, E>(history, id, folded, appended)
    let undo = false
    const outcomes = together.map((one): Outcome => {
      if (refusedHalfWay.has(one)) return { refused: refusedHalfWay.get(one) }
      const before = stream.pending.length
      stream.last = undefined
      try {
        ;(one.decider as Decider<S, C, E>)(stream)
        return stream.last === undefined ? 'nothing_new' : { endsWith: stream.last }
      } catch (error) {
        if (stream.pending.length > before) {
          refusedHalfWay.set(one, error)
          undo = true
        }
        return { refused: error }
      }
    })
    if (!undo) return { stream, outcomes }
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
