/** Appends to the log at an expected revision. Only the commands do: the dependency rules let nobody else import this file. */
import { ANY, NO_STREAM, WrongExpectedVersionError, jsonEvent, type EventStoreDBClient } from '@eventstore/db-client'
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import canonicalize from 'canonicalize'
import { Subject } from 'rxjs'
import type { Outages } from './outages.ts'
import { answerDeadlineMs, answeredInTime, clockToleranceMs } from './reading.ts'
import { ConcurrencyConflict, StoreUnavailable, storeErrorFrom } from './store-errors.ts'
import type { EventPlace, NewEvent } from './stored-event.ts'

export interface AppendResult {
  /** The stream's last revision after the append. */
  readonly revision: number
  /** The place of the last event in the whole log. */
  readonly position: string
}

/** How an append ended, for whoever counts and times them. */
export interface AppendMeasurement {
  /** `conflict`: somebody else appended first. `unavailable`: the log did not answer in time, or not at all. */
  readonly outcome: 'written' | 'conflict' | 'unavailable' | 'failed'
  readonly seconds: number
  /** Where the last of its events stands; absent unless they were written. */
  readonly upTo?: EventPlace
}

/** Does nothing unless the application traces. */
const tracer = trace.getTracer('throughline')

export class EventAppender {
  /** After each append, however it ended. */
  readonly appends = new Subject<AppendMeasurement>()

  /** @param outages waits until the log is back and appends the same again, which is written once; without, an outage is an error */
  constructor(
    private readonly client: EventStoreDBClient,
    private readonly outages?: Outages,
  ) {}

  /**
   * Appends all of the events or none.
   * @param expected the stream's last revision as last read; -1 for a stream that must not exist yet; `any` for what rests on
   * nothing that the stream holds already, and is written once however often it is sent
   * @throws ConcurrencyConflict, StoreUnavailable
   */
  async append(stream: string, expected: number | 'any', events: readonly NewEvent[]): Promise<AppendResult> {
    const begun = performance.now()
    const span = tracer.startSpan('append', {
      kind: SpanKind.CLIENT,
      attributes: { 'throughline.events': events.length },
    })
    let outcome: AppendMeasurement['outcome'] = 'failed'
    let upTo: EventPlace | undefined
    try {
      const write = () => this.written(stream, expected, events)
      const written = await (this.outages ? this.outages.through(write) : write())
      outcome = 'written'
      const last = events.at(-1)
      if (last) upTo = { id: last.id, stream, ...written }
      span.setAttribute('throughline.position', written.position)
      return written
    } catch (error) {
      if (error instanceof ConcurrencyConflict) outcome = 'conflict'
      if (error instanceof StoreUnavailable) outcome = 'unavailable'
      // Not what the error says: that may be anything.
      if (outcome !== 'conflict') span.setStatus({ code: SpanStatusCode.ERROR })
      throw error
    } finally {
      span.setAttribute('throughline.outcome', outcome).end()
      this.appends.next({ outcome, seconds: (performance.now() - begun) / 1_000, ...(upTo && { upTo }) })
    }
  }

  private async written(stream: string, expected: number | 'any', events: readonly NewEvent[]): Promise<AppendResult> {
    try {
      const appended = this.client.appendToStream(
        stream,
        events.map(({ id, type, data, metadata }) =>
          jsonEvent({ id, type, data: canonical(data) as never, metadata: canonical(metadata) as never }),
        ),
        {
          expectedRevision: expected === 'any' ? ANY : expected < 0 ? NO_STREAM : BigInt(expected),
          // The client sends a time of day, by which the server would refuse all appends of a machine whose clock is slow.
          deadline: answerDeadlineMs + clockToleranceMs,
        },
      )
      // The client has no timer of its own for batched appends.
      const { nextExpectedRevision, position } = await answeredInTime(appended)
      return { revision: Number(nextExpectedRevision), position: String(position?.commit ?? 0n) }
    } catch (error) {
      if (error instanceof WrongExpectedVersionError) throw new ConcurrencyConflict(stream)
      throw storeErrorFrom(error)
    }
  }
}

/** With its members in the order of RFC 8785, so that equal facts are equal bytes: the client writes them in the order it is given. */
const canonical = (fact: object): object => JSON.parse(canonicalize(fact)!) as object
