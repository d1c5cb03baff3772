import { Body, Controller, Get, Post, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { dayOf } from '../../domain/calendar.ts'
import { Journeys } from '../../queries/journeys.ts'
import { Looking } from '../looking.ts'
import { addressOf, caseloadView, queryOf, readAsked, type CaseloadAsked } from './caseload.ts'
import { longestSought, Searches } from './searches.ts'

@RequiresPermission('read')
@Controller()
export class CaseloadPageController {
  constructor(
    private readonly journeys: Journeys,
    private readonly looking: Looking,
    private readonly searches: Searches,
  ) {}

  @Get()
  async list(@Query() query: Record<string, unknown>, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const { search } = query
    const kept = typeof search === 'string' ? this.searches.of(request, search) : undefined
    const asked = readAsked(query, kept?.find ?? '')
    if (kept === null) return this.isOver(asked, request, reply)
    const answer = await this.journeys.caseload(queryOf(asked))
    const shown = answer.rows.map(({ journeyId }) => journeyId)
    await this.looking.along(request, shown, asked.find ? 'search' : 'caseload')
    return reply.view('caseload/caseload.njk', caseloadView(asked, answer, dayOf(new Date().toISOString())))
  }

  /**
   * A search is sent, and its results have an address that does not say what was sought: a name or a CRN never stands in a
   * browser's history or a proxy's log, and going back to the results sends nothing again.
   */
  @Post()
  find(@Body() body: Record<string, unknown>, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const find = typeof body.find === 'string' ? body.find.trim().slice(0, longestSought) : ''
    const search = find ? this.searches.keep(request, { find }) : ''
    return reply.redirect(addressOf(readAsked({ ...body, search }, find)), 303)
  }

  /** Nobody is shown, and that somebody looked is written down all the same. */
  private async isOver(asked: CaseloadAsked, request: FastifyRequest, reply: FastifyReply) {
    await this.looking.along(request, [], 'search')
    return reply.status(410).view('caseload/search-over.njk', { again: addressOf({ ...asked, search: '' }) })
  }
}
