/** What a form has recorded and what can be done next: shown right after, and whenever somebody goes back to that form. */
import { Controller, Get, NotFoundException, Param, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { Journeys } from '../../queries/journeys.ts'
import { JourneyPages } from '../layout/journey-page.ts'
import { answersOf } from './answers.ts'
import type { FormValues } from './form-fields.ts'
import { formsOffered, journeyForms } from './journey-forms.ts'

@RequiresPermission('read', 'record')
@Controller('journeys/:id/recorded')
export class RecordedController {
  constructor(
    private readonly pages: JourneyPages,
    private readonly journeys: Journeys,
  ) {}

  /** From the log itself: what was just recorded is there before any read model knows of it. */
  @Get()
  async show(
    @Param('id') id: string,
    @Query() { event, repeated, after }: FormValues,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, id, null)
    const revision = typeof event === 'string' && /^\d{1,9}$/.test(event) ? Number(event) : -1
    const recorded = revision < 0 ? null : await this.journeys.eventAt(id, revision)
    const form = recorded && journeyForms.find(({ events }) => events.includes(recorded.type))
    if (!recorded || !form) throw new NotFoundException('No form recorded that event.')
    const { type, data, metadata } = recorded
    const answers = answersOf(form, { event: type, data, occurredOn: metadata.occurredAt }, page.header)
    const entries = await this.journeys.timeline(page.header)
    return reply.view('forms/recorded.njk', {
      ...page,
      heading: form.recorded,
      about: answers.find(({ field }) => field === 'sessionId')?.text ?? answers[0]!.text,
      answers,
      revision,
      repeated: repeated === 'same' || repeated === 'changed' ? repeated : null,
      after: typeof after === 'string' && /^\d{1,19}$/.test(after) ? after : '',
      correctable: 'sessionId' in data ? data.sessionId : null,
      offered: formsOffered({ header: page.header, entries }).filter(({ path }) => path !== 'correction'),
    })
  }
}
