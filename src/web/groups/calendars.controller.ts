/** The calendars that somebody takes away as a file: of a group, and of a facilitator. */
import { Controller, Get, NotFoundException, Param, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { dayOf } from '../../domain/calendar.ts'
import { Calendars } from '../../queries/calendars.ts'
import { Looking } from '../looking.ts'
import { replyCalendar } from './calendar-file.ts'

@RequiresPermission('read')
@Controller()
export class CalendarsController {
  constructor(
    private readonly calendars: Calendars,
    private readonly looking: Looking,
  ) {}

  @Get('groups/:group/calendar.ics')
  async group(@Param('group') groupId: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const entries = await this.calendars.ofGroup(groupId, dayOf(new Date().toISOString()))
    if (!entries) throw new NotFoundException('There is no group at this address.')
    await this.looking.along(request, [], 'group')
    return replyCalendar(request, reply, entries, { name: 'Sessions of a group', file: 'group' })
  }

  @Get('facilitators/:facilitator/calendar.ics')
  async facilitator(@Param('facilitator') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const entries = await this.calendars.ofFacilitator(id, dayOf(new Date().toISOString()))
    if (!entries) throw new NotFoundException('There is no facilitator at this address.')
    await this.looking.along(request, [], 'facilitators')
    return replyCalendar(request, reply, entries, { name: 'Sessions to deliver', file: 'sessions' })
  }
}
