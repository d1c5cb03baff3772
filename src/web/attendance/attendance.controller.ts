import { Body, Controller, Get, Param, Post, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { Journeys } from '../../queries/journeys.ts'
import { outcomeGroups, sessionGroups } from '../forms/choices.ts'
import { dateInput } from '../forms/date.ts'
import { checked, formModel, httpStatusOf, staffCodes, type Body as Fields, type FormError } from '../forms/form.ts'
import { Telling } from '../forms/telling.ts'
import { JourneyPages, type JourneyPage } from '../layout/journey-page.ts'
import { AttendanceForm } from './attendance.form.ts'

const dates = { heldOn: 'The date of the session' }
const order = ['sessionId', 'heldOn', 'outcome', 'planned', 'actual', 'groupId', 'note']
const mends = {
  unknown_session: 'sessionId',
  already_recorded: 'sessionId',
  not_allocated: 'sessionId',
  unknown_outcome: 'outcome',
  recorded_before_occurred: 'heldOn-day',
  journey_ended: 'heldOn-day',
}

@RequiresPermission('read', 'record')
@Controller('journeys/:id/attendance')
export class AttendanceController {
  constructor(
    private readonly pages: JourneyPages,
    private readonly journeys: Journeys,
    private readonly telling: Telling,
  ) {}

  @Get()
  async ask(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const page = await this.pages.open(request, id, null)
    return this.show(page, reply, {}, [])
  }

  @Post()
  async tell(
    @Param('id') id: string,
    @Body() body: Fields,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, id, null)
    const { form, days, errors } = await checked(AttendanceForm, body, dates)
    if (errors.length > 0) return this.show(page, reply, body, errors)
    const { commandId, sessionId, outcome, groupId, planned, actual, note } = form
    const error = await this.telling.tell(
      page,
      reply,
      'RecordAttendance',
      {
        sessionId,
        outcome,
        groupId,
        plannedFacilitators: staffCodes(planned || actual),
        actualFacilitators: staffCodes(actual),
        ...(note && { note }),
      },
      { occurredOn: days.heldOn!, commandId },
      { done: 'attendance', mends, otherwise: 'sessionId' },
    )
    return error ? this.show(page, reply, body, [error]) : reply
  }

  private async show(page: JourneyPage, reply: FastifyReply, body: Fields, errors: readonly FormError[]) {
    const entries = await this.journeys.timeline(page.journeyId)
    const recorded = new Set(
      entries.flatMap(({ type, sessionId }) => (type === 'AttendanceRecorded' ? [sessionId] : [])),
    )
    // Who was planned last time is most likely who was planned this time.
    const usual =
      entries.findLast(({ plannedFacilitators }) => plannedFacilitators.length > 0)?.plannedFacilitators.join(', ') ??
      ''
    const values = { planned: usual, actual: usual, groupId: page.header.groupId ?? '', ...body }
    const model = formModel(values, errors, order)
    return reply.status(httpStatusOf(errors)).view('attendance/attendance.njk', {
      ...page,
      ...model,
      sessions: sessionGroups(
        { key: page.header.programmeKey, version: page.header.programmeVersion },
        (session) => !recorded.has(session) || session === body.sessionId,
      ),
      outcomes: outcomeGroups,
      heldOn: dateInput(
        'heldOn',
        'When was the session held?',
        values,
        errors.find(({ field }) => field.startsWith('heldOn')) ?? null,
        'For example, 27 3 2024',
      ),
    })
  }
}
