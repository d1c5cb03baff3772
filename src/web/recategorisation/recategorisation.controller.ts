import { Body, Controller, Get, Param, Post, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { dayOf } from '../../domain/calendar.ts'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { reasons, isReason } from '../../domain/journey/outcomes.ts'
import { Journeys } from '../../queries/journeys.ts'
import { reasonItems } from '../forms/choices.ts'
import { checked, formModel, httpStatusOf, type Body as Fields, type FormError } from '../forms/form.ts'
import { Telling } from '../forms/telling.ts'
import { JourneyPages, type JourneyPage } from '../layout/journey-page.ts'
import { RecategorisationForm } from './recategorisation.form.ts'

const order = ['to', 'note']
const mends = { unknown_reason: 'to', nothing_to_recategorise: 'to' }

@RequiresPermission('read', 'record')
@Controller('journeys/:id/recategorisation')
export class RecategorisationController {
  constructor(
    private readonly pages: JourneyPages,
    private readonly journeys: Journeys,
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
    const { form, errors } = await checked(RecategorisationForm, body)
    if (errors.length > 0) return this.show(page, reply, body, errors)
    const { commandId, to, note, revision } = form
    const error = await this.telling.tell(
      page,
      reply,
      'RecategoriseOutcome',
      { to, note },
      // Recategorising is a decision, and it is made today.
      { occurredOn: dayOf(new Date().toISOString()), commandId, expectedRevision: Number(revision) },
      { done: 'recategorisation', mends, otherwise: 'to' },
    )
    return error ? this.show(page, reply, body, [error]) : reply
  }

  private async show(page: JourneyPage, reply: FastifyReply, body: Fields, errors: readonly FormError[]) {
    const said = (await this.journeys.timeline(page.journeyId))
      .filter(({ type }) => type === 'ParticipantDroppedOut' || type === 'OutcomeRecategorised')
      .sort((a, b) => a.revision - b.revision)
      .map(({ reason, recordedAt, recordedBy, revision }) => ({
        reason: reason && isReason(reason) ? reasons[reason] : (reason ?? ''),
        code: reason ?? '',
        recordedAt,
        recordedBy,
        revision,
      }))
    return reply.status(httpStatusOf(errors)).view('recategorisation/recategorisation.njk', {
      ...page,
      ...formModel(body, errors, order),
      said,
      reasons: reasonItems(
        body.to,
        said.slice(-1).map(({ code }) => code),
      ),
    })
  }
}
