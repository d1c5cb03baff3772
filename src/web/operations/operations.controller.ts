import { Body, Controller, Get, Post, Query, Res } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { digestOf, Operations } from '../../operations/operations.ts'
import { BadAddress } from '../errors/pages.filter.ts'
import { operationsView, replayedWords } from './operations.ts'

@RequiresPermission('operate')
@Controller('operations')
export class OperationsController {
  constructor(private readonly operations: Operations) {}

  @Get()
  async show(@Query() query: Record<string, unknown>, @Res() reply: FastifyReply) {
    const standing = await this.operations.look()
    return reply.view('operations/operations.njk', {
      ...operationsView(standing),
      digest: digestOf(standing),
      done: replayedWords(query),
      stillHeld: Number(query.still) > 0,
    })
  }

  /** Told again from its first event, once the cause is put right; as `npm run held -- replay` does. */
  @Post('replay')
  async replay(@Body() { stream }: Record<string, unknown>, @Res() reply: FastifyReply) {
    if (typeof stream !== 'string' || !stream) throw new BadAddress('No history was named.', 'Go back and choose one.')
    const { healed, stillHeld, left } = await this.operations.replay(stream)
    return reply.redirect(`/operations?healed=${healed}&still=${stillHeld}&left=${left}`, 303)
  }
}
