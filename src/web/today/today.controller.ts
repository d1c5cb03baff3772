/** The page of what needs whoever is signed in: his role says what of, and the read models say whom. */
import { Controller, Get, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { whoIsAsking } from '../../access/session.ts'
import { dayOf } from '../../domain/calendar.ts'
import { Facilitators } from '../../queries/facilitators.ts'
import { journeysIn, Today } from '../../queries/today.ts'
import { Looking } from '../looking.ts'
import { staffAsked, todayView } from './today.ts'

@RequiresPermission('read')
@Controller('today')
export class TodayController {
  constructor(
    private readonly today: Today,
    private readonly facilitators: Facilitators,
    private readonly looking: Looking,
  ) {}

  @Get()
  async show(@Query('facilitator') facilitator: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const who = whoIsAsking(request)
    const day = dayOf(new Date().toISOString())
    const staff = who.role === 'facilitator' ? staffAsked(who, facilitator, await this.facilitators.known()) : null
    const lists = await this.today.lists(who, day, staff?.code)
    await this.looking.along(request, journeysIn(lists), 'today')
    return reply.view('today/today.njk', todayView(lists, day, staff))
  }
}
