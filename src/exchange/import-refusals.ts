/** What imports turn away: written to the log, and recognised when the same record comes again. */
import pLimit from 'p-limit'
import { v5 as uuidv5 } from 'uuid'
import { BatchCommandHandler } from '../commands/batch-command-handler.ts'
import type { DecideAndAppend } from '../commands/decide-and-append.ts'
import type { Issuer } from '../commands/event-envelope.ts'
import type { CommandContext } from '../domain/history.ts'
import { importHistory, type ImportCommand, type ImportEvent, type ImportRecord } from '../domain/import-record.ts'
import type { EventStore } from '../event-store/event-store.ts'
import type { ImportScratch } from './import-scratch.ts'

/** The one stream that remembers what imports turned away. */
const recordOfImports = '00000000-0000-8000-8000-000000000001'

/** A record that was turned away for the first time. */
export interface NewRefusal {
  readonly recordId: string
  /** Which appearance of an identical record this was, from 1. */
  readonly occurrence: number
  readonly reason: string
  readonly context: Omit<CommandContext, 'commandId'>
  readonly issuer: Issuer
}

export class ImportRefusals {
  private readonly handler: BatchCommandHandler<ImportRecord, ImportCommand, ImportEvent>
  /** Journeys are written side by side; what is refused on them meanwhile goes to the one stream in turn. */
  private readonly inTurn = pLimit(1)
  private revision = -1

  constructor(
    commands: DecideAndAppend,
    private readonly scratch: ImportScratch,
  ) {
    this.handler = new BatchCommandHandler(commands, { ...importHistory, keyIdOf: () => undefined }, 1)
  }

  /**
   * Reads what was turned away before: it is turned away again for the same reason, whatever has become of the journey since.
   * @param reconsider those records are judged again instead
   */
  async recall(store: Pick<EventStore, 'read'>, reconsider: boolean): Promise<void> {
    for await (const { data, revision } of store.read(`${importHistory.category}-${recordOfImports}`)) {
      const { recordId, occurrence, reason } = data as ImportEvent['data']
      if (!reconsider) this.scratch.addRefusal(recordId, occurrence, reason)
      this.revision = revision
    }
  }

  /** Counts the appearances of equal records among those of one journey, while they are judged. */
  count(): RefusalCount {
    return new RefusalCount(this.scratch)
  }

  /** Durable once this returns, so that a run cut short afterwards judges alike when it is repeated. */
  write(refusals: readonly NewRefusal[]): Promise<void> {
    return refusals.length === 0 ? Promise.resolve() : this.inTurn(() => this.writeNow(refusals))
  }

  private async writeNow(refusals: readonly NewRefusal[]): Promise<void> {
    this.scratch.inOneTransaction(() => {
      for (const { recordId, occurrence, reason } of refusals) this.scratch.addRefusal(recordId, occurrence, reason)
    })
    // The part of the stream before this is in the scratch file, not in the folded state, however long it is.
    this.handler.expect(recordOfImports, { state: importHistory.initial, revision: this.revision })
    const decided = await this.handler.decide(recordOfImports, (stream) => {
      for (const { recordId, occurrence, reason, context, issuer } of refusals) {
        const commandId = uuidv5(`refused ${occurrence}`, recordId)
        const data = { recordId, occurrence, reason }
        stream.decide({ type: 'RefuseContact', commandId, ...context, data }, issuer)
      }
    })
    this.revision = (await this.handler.append(decided)).revision
  }
}

/** The appearances of records that were refused, over those that the run has counted already. */
export class RefusalCount {
  private readonly times = new Map<string, number>()

  constructor(private readonly scratch: ImportScratch) {}

  /** Why this appearance of the record was refused before, in which case it counts as refused once more. */
  refusedBefore(recordId: string): string | undefined {
    const reason = this.scratch.reasonOf(recordId, this.next(recordId))
    if (reason !== undefined) this.add(recordId)
    return reason
  }

  /** @returns which appearance of the record is refused here, from 1 */
  add(recordId: string): number {
    const occurrence = this.next(recordId)
    this.times.set(recordId, (this.times.get(recordId) ?? 0) + 1)
    return occurrence
  }

  /** The journey is written: later appearances of these records are counted on from here. */
  keep(): void {
    for (const [recordId, times] of this.times) this.scratch.addTimesRefused(recordId, times)
  }

  private next(recordId: string): number {
    return this.scratch.timesRefused(recordId) + (this.times.get(recordId) ?? 0) + 1
  }
}
