/** The last part of a request's trace: when what it wrote could be seen. Found by the correlation id alone, whichever instance projects. */
import { ROOT_CONTEXT, trace, TraceFlags, type SpanContext } from '@opentelemetry/api'
import type { Subscription } from 'rxjs'
import { isEventType } from '../domain/events.ts'
import type { StoredEvent } from '../event-store/stored-event.ts'
import type { ProjectionRunner } from '../../projections/runner/projection-runner.ts'

/** What was received longer ago is history being processed again: nobody waits for it. */
const newForMs = 10 * 60_000

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/**
 * The span of the request itself, worked out of its correlation id: the id is the trace's, its second half the span's. So nothing
 * about traces needs to travel with an event.
 * @returns null for a correlation id that is no UUID
 */
export function requestSpanOf(correlationId: string): SpanContext | null {
  if (!uuid.test(correlationId)) return null
  const traceId = correlationId.replaceAll('-', '')
  return { traceId, spanId: traceId.slice(16), traceFlags: TraceFlags.SAMPLED, isRemote: true }
}

/** Ends the traces of what was recorded through a page or the API, as it is projected. */
export function traceProjection(runner: ProjectionRunner): Subscription {
  const tracer = trace.getTracer('throughline')
  return runner.progress.subscribe(({ events, begunAt }) => {
    for (const event of events) {
      const request = commandOf(event)
      if (!request) continue
      const options = {
        startTime: begunAt,
        attributes: {
          'throughline.event': isEventType(event.type) ? event.type : 'unknown',
          'throughline.position': String(event.position),
          'throughline.batch.events': events.length,
        },
      }
      tracer.startSpan('project', options, trace.setSpanContext(ROOT_CONTEXT, request)).end()
    }
  })
}

function commandOf({ metadata, receivedAt }: StoredEvent): SpanContext | null {
  if (Date.now() - receivedAt.getTime() > newForMs) return null
  const { source, correlationId } = (metadata ?? {}) as { source?: unknown; correlationId?: unknown }
  if ((source !== 'ui' && source !== 'api') || typeof correlationId !== 'string') return null
  return requestSpanOf(correlationId)
}
