/** Lets a query wait for what its caller has just recorded, and says how recent the answer is. */
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Observable } from 'rxjs'
import { ReadModels } from '../../../projections/runner/read-models.ts'
import { isPosition } from './fields.ts'
import { Problem } from './problems.ts'

const patienceMs = 2_000

@Injectable()
export class Freshness implements NestInterceptor {
  constructor(private readonly readModels: ReadModels) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const http = context.switchToHttp()
    const reply = http.getResponse<FastifyReply>()
    const after = afterOf(http.getRequest())
    if (after !== undefined && !(await this.readModels.waitFor(after, patienceMs)))
      reply.header('x-still-catching-up', 'true')
    const { at } = await this.readModels.asOf()
    if (at !== null) reply.header('x-as-of', at)
    return next.handle()
  }
}

function afterOf({ headers, query }: FastifyRequest): string | undefined {
  const header = headers['x-after-position']
  if (header !== undefined && !isPosition(header)) {
    throw new Problem('invalid_header', {
      errors: [{ field: 'X-After-Position', message: 'must be a position as a command answered it' }],
    })
  }
  const { after } = query as { after?: unknown }
  // A query of the wrong form is refused with the rest of the query, by name.
  return header ?? (isPosition(after) ? after : undefined)
}
