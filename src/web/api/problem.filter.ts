/** Says no in one form (application/problem+json), whoever raised it; what nobody expected is logged, and nothing of it answered. */
import { Catch, Inject, Injectable, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { problemFrom } from './problems.ts'

/** Where faults are told. Given by whoever starts the application. */
export interface FaultLog {
  error(about: object, message: string): void
}

export const FaultLog = Symbol('FaultLog')

@Injectable()
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Inject(FaultLog) private readonly log: FaultLog) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp()
    this.answer(error, http.getRequest(), http.getResponse())
  }

  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const problem = problemFrom(error)
    if (problem.code === 'unexpected')
      this.log.error({ requestId: request.id, route: routeOf(request), ...faultOf(error) }, 'The API failed.')
    if (reply.sent) return
    reply
      .status(problem.status)
      .headers({ ...problem.more.headers })
      .type('application/problem+json; charset=utf-8')
      .send(JSON.stringify(problem.body(request.id)))
  }
}

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
