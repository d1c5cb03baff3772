/** Traces for OpenTelemetry: each request's trace has the request's own id, which is the correlation id of what it writes. */
import { context, createContextKey, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  RandomIdGenerator,
  TracerProvider,
  type IdGenerator,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace'
import { requestSpanOf, traceProjection } from './projection-traces.ts'
import type { ProjectionRunner } from '../../projections/runner/projection-runner.ts'

/** Under which the correlation id of a request about to be traced stands in the context; whoever begins its span puts it there. */
const correlation = createContextKey('throughline correlation id')

/** How long spans not yet sent are waited for when the process stops. */
const flushMs = 3_000

export interface Tracing {
  stop(): Promise<void>
}

/** @param to where the spans go; unless given, to where the environment variables of OpenTelemetry say */
export function startTracing(
  runner: ProjectionRunner | null,
  to: SpanProcessor = new BatchSpanProcessor({ exporter: new OTLPTraceExporter() }),
): Tracing {
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'throughline' }).merge(
      detectResources({ detectors: [envDetector] }),
    ),
    idGenerator: new CorrelatedIds(),
    // The projector cannot know whether a request of another instance was sampled: a collector thins them out, here all are sent.
    sampler: new AlwaysOnSampler(),
    spanProcessors: [to],
  })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(provider)
  const projecting = runner && traceProjection(runner)
  return {
    async stop() {
      projecting?.unsubscribe()
      trace.disable()
      context.disable()
      const given = new Promise<void>((resolve) => setTimeout(resolve, flushMs).unref())
      await Promise.race([provider.shutdown().catch(() => undefined), given])
    },
  }
}

/** Random, but for a request's own span. */
class CorrelatedIds implements IdGenerator {
  private readonly random = new RandomIdGenerator()

  generateTraceId(): string {
    return requested()?.traceId ?? this.random.generateTraceId()
  }

  generateSpanId(): string {
    return requested()?.spanId ?? this.random.generateSpanId()
  }
}

function requested() {
  const active = context.active()
  const id = active.getValue(correlation)
  return typeof id === 'string' && !trace.getSpan(active) ? requestSpanOf(id) : null
}
