/** How long each request took, by the pattern of its address: never the address itself, which may hold an id. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { Histogram, Registry } from 'prom-client'
import { isUntold } from './untold.ts'

export function timeRequests(app: NestFastifyApplication): void {
  const requests = new Histogram({
    name: 'throughline_http_request_duration_seconds',
    help: 'Requests answered, by method, pattern of the address and status. Event streams are left out: they end when a page is closed.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [app.get(Registry)],
  })
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onResponse', async ({ method, routeOptions }, reply) => {
      if (String(reply.getHeader('content-type')).startsWith('text/event-stream')) return
      requests.observe(
        { method: known(method), route: labelOf(routeOptions.url), status: String(reply.statusCode) },
        reply.elapsedTime / 1_000,
      )
    })
}

/** Of a page that is untold nothing is said but that some request was answered. */
const labelOf = (route: string | undefined): string => (route === undefined || isUntold(route) ? 'none' : route)

/** A caller may invent methods without end, each of which would be another series. */
const known = (method: string): string => (/^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$/.test(method) ? method : 'other')
