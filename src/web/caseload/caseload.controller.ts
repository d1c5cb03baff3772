import { Body, Controller, Get, HttpCode, Post, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { Journeys } from '../../queries/journeys.ts'
import { Looking } from '../looking.ts'
import { addressOf, caseloadView, queryOf, readAsked, type CaseloadAsked } from './caseload.ts'

@RequiresPermission('read')
@Controller()
export class CaseloadPageController {
  constructor(
    private readonly journeys: Journeys,
    private readonly looking: Looking,
  ) {}

  @Get()
  async list(@Query() query: Record<string, unknown>, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.show(readAsked(query, false), request, reply)
  }

  /** A search is sent, not linked: a name or a CRN never stands in an address, a browser's history or a proxy's log. */
  @Post()
  @HttpCode(200)
  async find(@Body() body: Record<string, unknown>, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const asked = readAsked(body, true)
    // What names nobody can be linked to.
    return asked.find ? this.show(asked, request, reply.status(200)) : reply.redirect(addressOf(asked), 303)
  }

  private async show(asked: CaseloadAsked, request: FastifyRequest, reply: FastifyReply) {
    const answer = await this.journeys.caseload(queryOf(asked))
    const shown = answer.rows.map(({ journeyId }) => journeyId)
    await this.looking.along(request, shown, asked.find ? 'search' : 'caseload')
    return reply.view('caseload/caseload.njk', caseloadView(asked, answer))
  }
}
