/** What the log of faults says of one: where it happened, never a message, an address or a body. */
import type { FastifyRequest } from 'fastify'

/** What the log says of a fault, to find the place and the request by. */
export const whereItFailed = (error: unknown, request: FastifyRequest) => ({
  requestId: request.id,
  route: routeOf(request),
  ...faultOf(error),
})

/** The pattern, never the address that was asked for. */
const routeOf = (request: FastifyRequest) => `${request.method} ${request.routeOptions?.url ?? '(none)'}`

/** Where it happened, without its message: a message may quote what somebody sent. */
function faultOf(error: unknown) {
  if (!(error instanceof Error)) return { fault: typeof error }
  const { name, code } = error as Error & { code?: unknown }
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return {
    fault: name,
    ...(typeof code === 'string' ? { code } : {}),
    at: frames.slice(0, 12).map((line) => line.trim()),
  }
}
