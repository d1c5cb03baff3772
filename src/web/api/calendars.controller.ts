/** Calendars in the API: the same iCalendar files as on the pages, for a program that keeps a calendar elsewhere up to date. */
import { Get, Param, Req, Res } from '@nestjs/common'
import { ApiOperation, ApiParam } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { dayOf } from '../../domain/calendar.ts'
import { Calendars } from '../../queries/calendars.ts'
import { replyCalendar } from '../groups/calendar-file.ts'
import { Looking } from '../looking.ts'
import { AnswersProblems, ApiController, FromReadModel } from './api-controller.ts'
import { Problem } from './problems.ts'
import { JourneyIdPipe } from './request-context.ts'

const calendarAnswer = {
  description: 'An iCalendar file (RFC 5545) of the sessions from four weeks ago on. Nobody is named in it.',
  content: { 'text/calendar': { schema: { type: 'string' as const } } },
}

const idOf = (name: string, description: string) =>
  ApiParam({ name, description, schema: { type: 'string', format: 'uuid' } })

@ApiController('', 'Calendars')
export class ApiCalendarsController {
  constructor(
    private readonly calendars: Calendars,
    private readonly looking: Looking,
  ) {}

  @Get('groups/:groupId/calendar.ics')
  @RequiresPermission('read')
  @ApiOperation({ summary: 'When does a group meet?' })
  @idOf('groupId', 'The opaque id of the group.')
  @FromReadModel(calendarAnswer)
  @AnswersProblems('invalid_header', 'not_found', 'consultation_log_unavailable')
  async groupCalendar(
    @Param('groupId', JourneyIdPipe) groupId: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const entries = await this.calendars.ofGroup(groupId, dayOf(new Date().toISOString()))
    if (!entries) throw new Problem('not_found')
    await this.looking.along(request, [], 'group')
    return replyCalendar(request, reply, entries, { name: 'Sessions of a group', file: 'group' })
  }

  @Get('facilitators/:facilitatorId/calendar.ics')
  @RequiresPermission('read')
  @ApiOperation({ summary: 'Which sessions is a facilitator planned for?' })
  @idOf('facilitatorId', 'The opaque id of the facilitator.')
  @FromReadModel(calendarAnswer)
  @AnswersProblems('invalid_header', 'not_found', 'consultation_log_unavailable')
  async facilitatorCalendar(
    @Param('facilitatorId', JourneyIdPipe) facilitatorId: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const entries = await this.calendars.ofFacilitator(facilitatorId, dayOf(new Date().toISOString()))
    if (!entries) throw new Problem('not_found')
    await this.looking.along(request, [], 'facilitators')
    return replyCalendar(request, reply, entries, { name: 'Sessions to deliver', file: 'sessions' })
  }
}
