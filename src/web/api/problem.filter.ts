/** Says no in one form (application/problem+json), whoever raised it; what nobody expected is logged, and nothing of it answered. */
import { Catch, Inject, Injectable, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { FaultLog } from '../../operations/fault-log.ts'
import { whereItFailed } from '../errors/faults.ts'
import { problemFrom } from './problems.ts'

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
    if (problem.code === 'unexpected') this.log.error(whereItFailed(error, request), 'The API failed.')
    if (reply.sent) return
    reply
      .status(problem.status)
      .headers({ ...problem.more.headers })
      .type('application/problem+json; charset=utf-8')
      .send(JSON.stringify(problem.body(request.id)))
  }
}
