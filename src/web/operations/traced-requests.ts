/** A span for each request, by the pattern of its address: its trace has the request's id, and says nothing of what was sent. */
import { context, createContextKey, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Span } from '@opentelemetry/api'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import type { FastifyRequest } from 'fastify'
import { isUntold } from './untold.ts'

/** The tracer looks here for the id of the trace to begin. */
const correlation = createContextKey('throughline correlation id')

/** What is asked all day by machines and by every page tells nobody anything. */
const untold = /^\/(assets\/|metrics$|api\/health\/)/

export function traceRequests(app: NestFastifyApplication): void {
  const tracer = trace.getTracer('throughline')
  const spans = new WeakMap<FastifyRequest, Span>()
  const fastify = app.getHttpAdapter().getInstance()
  fastify.addHook('onRequest', (request, _reply, done) => {
    const { method, routeOptions, id } = request
    const route = routeOptions.url
    if (route && !untold.test(route) && !isUntold(route)) {
      const options = { kind: SpanKind.SERVER, attributes: { 'http.request.method': method, 'http.route': route } }
      const begin = () => tracer.startSpan(`${method} ${route}`, options)
      spans.set(request, context.with(ROOT_CONTEXT.setValue(correlation, id), begin))
    }
    done()
  })
  // The body has been read by now: what follows stays in one line of asynchronous calls, which a body does not.
  fastify.addHook('preHandler', (request, _reply, done) => {
    const span = spans.get(request)
    if (!span) return done()
    context.with(trace.setSpan(context.active(), span), done)
  })
  fastify.addHook('onResponse', async (request, reply) => {
    const span = spans.get(request)
    span?.setAttribute('http.response.status_code', reply.statusCode)
    if (reply.statusCode >= 500) span?.setStatus({ code: SpanStatusCode.ERROR })
    span?.end()
  })
}
