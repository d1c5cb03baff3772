import { Body, Controller, Get, Post, Query, Res } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { digestOf, Operations } from '../../operations/operations.ts'
import { BadAddress } from '../errors/pages.filter.ts'
import { backupView, operationsView, reprocessedWords } from './operations.ts'

@RequiresPermission('operate')
@Controller('operations')
export class OperationsController {
  constructor(private readonly operations: Operations) {}

  @Get()
  async show(@Query() query: Record<string, unknown>, @Res() reply: FastifyReply) {
    const status = await this.operations.look()
    const backup = this.operations.backup()
    return reply.view('operations/operations.njk', {
      ...operationsView(status),
      backup: backupView(backup, Date.now()),
      digest: digestOf(status, backup),
      done: reprocessedWords(query),
      stillParked: Number(query.still) > 0,
    })
  }

  /** Projects a parked stream again from its first event, as `npm run parked -- reprocess` does. */
  @Post('reprocess')
  async reprocess(@Body() { stream }: Record<string, unknown>, @Res() reply: FastifyReply) {
    if (typeof stream !== 'string' || !stream) throw new BadAddress('No stream was named.', 'Go back and choose one.')
    const { repaired, stillParked, left } = await this.operations.reprocess(stream)
    return reply.redirect(`/operations?repaired=${repaired}&still=${stillParked}&left=${left}`, 303)
  }
}
