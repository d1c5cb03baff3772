/** Many commands of one stream, decided in order and appended together, by the same rule as a single one. */
import { LRUCache } from 'lru-cache'
import type { DomainEvent } from '../domain/events.ts'
import type { CommandContext } from '../domain/history.ts'
import type { DecideAndAppend, DecidedStream, Decider, FoldedStream, SealedHistory } from './decide-and-append.ts'

/** How often a batch is decided before it is given up: others may be recording on the same stream all the while. */
const attempts = 20

export class BatchCommandHandler<S, C extends CommandContext, E extends DomainEvent> {
  /** As the streams were seen last. Where that is out of date, the append is refused and only what is missing is read. */
  private readonly seen: LRUCache<string, FoldedStream<S>>

  /** @param remembered of how many streams, those used last, the state is kept so that they need not be read again */
  constructor(
    private readonly commands: DecideAndAppend,
    private readonly history: SealedHistory<S, C, E>,
    remembered: number,
  ) {
    this.seen = new LRUCache({ max: remembered })
  }

  /**
   * The next commands of the stream are decided on this state without a read.
   * @param folded nothing recorded yet, unless said
   */
  expect(id: string, folded: FoldedStream<S> = { state: this.history.initial, revision: -1 }): void {
    this.seen.set(id, folded)
  }

  /** @throws PoisonEvent where the stream cannot be read */
  async decide(id: string, decider: Decider<S, C, E>): Promise<DecidedStream<S, C, E>> {
    const decided = await this.commands.decide(this.history, id, decider, this.seen.get(id))
    this.seen.set(id, decided.stream.folded)
    return decided
  }

  /**
   * @param onDecidedAgain after each time somebody else appended first and the commands were decided again
   * @throws ConcurrencyConflict where others kept appending first; PoisonEvent, KeyMissing, StoreUnavailable
   */
  async append(decided: DecidedStream<S, C, E>, onDecidedAgain?: () => Promise<void>): Promise<FoldedStream<S>> {
    const { id } = decided.stream
    try {
      const { after } = await this.commands.append(decided, { attempts, onDecidedAgain })
      this.seen.set(id, after)
      return after
    } catch (error) {
      this.seen.delete(id)
      throw error
    }
  }
}
