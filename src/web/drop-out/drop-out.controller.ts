import { Body, Controller, Get, Param, Post, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { reasonItems } from '../forms/choices.ts'
import { dateInput } from '../forms/date.ts'
import { checked, formModel, httpStatusOf, type Body as Fields, type FormError } from '../forms/form.ts'
import { Telling } from '../forms/telling.ts'
import { JourneyPages, type JourneyPage } from '../layout/journey-page.ts'
import { DropOutForm } from './drop-out.form.ts'

const dates = { leftOn: 'The date he left' }
const order = ['leftOn', 'reason', 'note']
const mends = { unknown_reason: 'reason', recorded_before_occurred: 'leftOn-day', journey_ended: 'leftOn-day' }

@RequiresPermission('read', 'record')
@Controller('journeys/:id/drop-out')
export class DropOutController {
  constructor(
    private readonly pages: JourneyPages,
    private readonly telling: Telling,
  ) {}

  @Get()
  async ask(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.show(await this.pages.open(request, id, null), reply, {}, [])
  }

  @Post()
  async tell(
    @Param('id') id: string,
    @Body() body: Fields,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, id, null)
    const { form, days, errors } = await checked(DropOutForm, body, dates)
    if (errors.length > 0) return this.show(page, reply, body, errors)
    const { commandId, reason, note } = form
    const error = await this.telling.tell(
      page,
      reply,
      'DropOut',
      { reason, ...(note && { note }) },
      { occurredOn: days.leftOn!, commandId },
      { done: 'drop-out', mends, otherwise: 'leftOn-day' },
    )
    return error ? this.show(page, reply, body, [error]) : reply
  }

  private show(page: JourneyPage, reply: FastifyReply, body: Fields, errors: readonly FormError[]) {
    return reply.status(httpStatusOf(errors)).view('drop-out/drop-out.njk', {
      ...page,
      ...formModel(body, errors, order),
      leftOn: dateInput(
        'leftOn',
        'When did he leave?',
        body,
        errors.find(({ field }) => field.startsWith('leftOn')) ?? null,
        'For example, 27 3 2024',
      ),
      reasons: reasonItems(body.reason),
    })
  }
}
