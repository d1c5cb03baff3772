/** What needs whoever asks today, in the API: the lists of the page, with ids in place of names. */
import { Get, Query, Req } from '@nestjs/common'
import { ApiOperation } from '@nestjs/swagger'
import type { FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { whoIsAsking } from '../../access/session.ts'
import { dayOf } from '../../domain/calendar.ts'
import { journeysIn, Today } from '../../queries/today.ts'
import { Looking } from '../looking.ts'
import { AnswersProblems, ApiController, FromReadModel } from './api-controller.ts'
import { TodayQuery } from './queries.dto.ts'
import { TaskListDto } from './today.dto.ts'

@ApiController('today', 'Today')
export class ApiTodayController {
  constructor(
    private readonly today: Today,
    private readonly looking: Looking,
  ) {}

  @Get()
  @RequiresPermission('read')
  @ApiOperation({ summary: 'What needs whoever asks, in the order in which to begin?' })
  @FromReadModel({ type: [TaskListDto] })
  @AnswersProblems('invalid_query', 'invalid_header', 'consultation_log_unavailable', 'too_many_records')
  async todayLists(
    @Query() { facilitator }: TodayQuery,
    @Req() request: FastifyRequest,
  ): Promise<readonly TaskListDto[]> {
    const lists = await this.today.lists(whoIsAsking(request), dayOf(new Date().toISOString()), facilitator)
    await this.looking.along(request, journeysIn(lists), 'today')
    return lists.map(({ kind, tasks, total, more }) => ({
      kind,
      tasks: tasks.map(({ on, journey, session, other, staff, detail, count }) => ({
        on,
        journeyId: journey?.journeyId ?? null,
        sessionId: session?.sessionId ?? null,
        otherSessionId: other?.sessionId ?? null,
        staff,
        detail,
        count,
      })),
      total,
      more,
    }))
  }
}
