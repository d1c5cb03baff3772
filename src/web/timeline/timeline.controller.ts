import { Controller, Get, Param, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { isPermitted } from '../../access/policy.ts'
import { settlements } from '../../domain/statements.ts'
import { Rights } from '../../queries/rights.ts'
import { Journeys } from '../../queries/journeys.ts'
import { formsOffered } from '../recording/journey-forms.ts'
import { correctionsOf } from '../details/details-words.ts'
import { JourneyPages } from '../layout/journey-page.ts'
import { timelineView } from './timeline.ts'

@RequiresPermission('read')
@Controller('journeys/:id')
export class TimelineController {
  constructor(
    private readonly pages: JourneyPages,
    private readonly journeys: Journeys,
    private readonly rights: Rights,
  ) {}

  @Get()
  async show(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const page = await this.pages.open(request, id, 'timeline')
    const entries = await this.journeys.timeline(page.header)
    const others = await this.pages.othersOf(request, page.header)
    const { statements, disputes } = await this.rights.ownWords(page.header.participantId)
    return reply.view('timeline/timeline.njk', {
      ...page,
      chapters: timelineView(page.header, entries),
      count: entries.length,
      others,
      statements,
      disputes: disputes
        .filter(({ journeyId }) => journeyId === id)
        .map((dispute) => ({ ...dispute, settlement: dispute.settled && settlements[dispute.settled.settlement] })),
      detailsCorrections: correctionsOf(await this.journeys.detailsTold(page.header.participantId)),
      canPutRight: page.header.parked === null && isPermitted(page.as, 'record'),
      mayRecord: isPermitted(page.as, 'record'),
      offered: isPermitted(page.as, 'record') ? formsOffered({ header: page.header, entries }) : [],
    })
  }
}
