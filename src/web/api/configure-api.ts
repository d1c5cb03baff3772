/** What the API asks of the HTTP server beneath it: one form of no, small JSON bodies, nothing kept by anybody in between. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import type { FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify'
import { randomUUID } from 'node:crypto'
import { serveDescription } from './openapi.ts'
import { ProblemFilter } from './problem.filter.ts'
import { Problem, problemFrom } from './problems.ts'

const bodyLimit = 64 * 1024

export const isOfApi = (url: string): boolean => /^\/api(?:[/?#]|$)/.test(url)

export interface ServerConfig {
  /** Addresses or ranges of the proxies in front. */
  readonly trustedProxies: readonly string[]
}

/**
 * Options for the FastifyAdapter. Whoever asks is given an id of ours: an id of theirs could say anything.
 * An address that cannot even be decoded never reaches a hook or a handler, and is answered from here.
 */
export const serverOptions = ({ trustedProxies }: ServerConfig) =>
  ({
    // Whose word is taken for the address a request came from. Nobody else's: an address can be made up.
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    genReqId: () => randomUUID(),
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 1_000 },
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
      const { statusCode } = error as { statusCode?: number }
      const problem =
        statusCode !== undefined && statusCode < 500 ? new Problem('malformed_request') : problemFrom(error)
      void reply
        .status(problem.status)
        .header('cache-control', 'no-store')
        .type('application/problem+json; charset=utf-8')
        .send(JSON.stringify(problem.body(request.id)))
    },
  }) satisfies FastifyServerOptions

/** To be called before the application is initialised: hooks hold for the routes that follow. */
export function configureApi(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance()
  const problems = app.get(ProblemFilter)
  const routes: { readonly method: string; readonly matches: RegExp }[] = []

  fastify.addHook('onRoute', (route) => {
    if (!isOfApi(route.url)) return
    route.bodyLimit = bodyLimit
    // What goes wrong before a handler runs: the body, its type, its length, a hook.
    route.errorHandler = (error, request, reply) => problems.answer(error, request, reply)
    for (const method of [route.method].flat()) routes.push({ method, matches: patternOf(route.url) })
  })

  fastify.addHook('onRequest', async (request, reply) => {
    if (!isOfApi(request.url)) return
    reply
      .header('cache-control', 'no-store')
      .header('x-request-id', request.id)
      .header('x-content-type-options', 'nosniff')
    // An empty part of the path matches a parameter, until Nest looks and calls it not found in its own words.
    const nowhere = request.is404 || Object.values(request.params as object).includes('')
    const problem = nowhere ? noSuchRoute(request, routes) : notJson(request)
    if (problem) {
      problems.answer(problem, request, reply)
      return reply
    }
  })

  serveDescription(app)
}

/** Parameters match one part of the path each. */
const patternOf = (url: string) =>
  new RegExp(`^${url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:[A-Za-z]+/g, '[^/]+')}$`)

function noSuchRoute({ url }: FastifyRequest, routes: readonly { method: string; matches: RegExp }[]): Problem {
  const path = url.split('?')[0]!
  const allowed = [...new Set(routes.filter(({ matches }) => matches.test(path)).map(({ method }) => method))]
  return allowed.length > 0
    ? new Problem('method_not_allowed', { headers: { allow: allowed.join(', ') } })
    : new Problem('not_found')
}

/**
 * Our stand against forged requests, which a browser would send with the cookie of its session: no CORS header is ever sent,
 * and a page of another origin cannot send application/json without asking first (a preflight, which is refused as any unknown
 * route is). The cookie itself goes with no request of another site but to open a page.
 */
function notJson({ method, headers }: FastifyRequest): Problem | null {
  if (method === 'GET' || method === 'HEAD') return null
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  return type === 'application/json' ? null : new Problem('not_json')
}
