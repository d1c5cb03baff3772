import { Body, Controller, Get, Param, Post, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { dateInput } from '../forms/date.ts'
import { checked, formModel, httpStatusOf, type Body as Fields, type FormError } from '../forms/form.ts'
import { Telling } from '../forms/telling.ts'
import { JourneyPages, type JourneyPage } from '../layout/journey-page.ts'
import { CompletionForm } from './completion.form.ts'

const dates = { completedOn: 'The date he completed the programme' }
const order = ['completedOn', 'note']
const mends = {}

@RequiresPermission('read', 'record')
@Controller('journeys/:id/completion')
export class CompletionController {
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
    const { form, days, errors } = await checked(CompletionForm, body, dates)
    if (errors.length > 0) return this.show(page, reply, body, errors)
    const { commandId, note } = form
    const error = await this.telling.tell(
      page,
      reply,
      'Complete',
      note ? { note } : {},
      { occurredOn: days.completedOn!, commandId },
      { done: 'completion', mends, otherwise: 'completedOn-day' },
    )
    return error ? this.show(page, reply, body, [error]) : reply
  }

  private show(page: JourneyPage, reply: FastifyReply, body: Fields, errors: readonly FormError[]) {
    return reply.status(httpStatusOf(errors)).view('completion/completion.njk', {
      ...page,
      ...formModel(body, errors, order),
      completedOn: dateInput(
        'completedOn',
        'When did he complete the programme?',
        body,
        errors.find(({ field }) => field.startsWith('completedOn')) ?? null,
        'For example, 27 3 2024',
      ),
    })
  }
}
