import { Body, Controller, Get, Param, Post, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { suitabilityNames } from '../../domain/journey/referral.ts'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { dateInput } from '../forms/date.ts'
import { checked, formModel, httpStatusOf, type Body as Fields, type FormError } from '../forms/form.ts'
import { Telling } from '../forms/telling.ts'
import { JourneyPages, type JourneyPage } from '../layout/journey-page.ts'
import { ContactForm } from './contact.form.ts'
import { contact, contactKeys, type ContactKey } from './contacts.ts'

const dates = { happenedOn: 'The date it happened' }
const order = ['contact', 'result', 'decision', 'groupId', 'about', 'provider', 'happenedOn', 'note']
const mends = { recorded_before_occurred: 'happenedOn-day', journey_ended: 'happenedOn-day' }

@RequiresPermission('read', 'record')
@Controller('journeys/:id/contact')
export class ContactController {
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
    const { form, days, errors } = await checked(ContactForm, body, dates)
    if (errors.length > 0) return this.show(page, reply, body, errors)
    const { command, data } = contact(form.contact as ContactKey).names(form)
    const error = await this.telling.tell(
      page,
      reply,
      command,
      data,
      { occurredOn: days.happenedOn!, commandId: form.commandId },
      { done: 'contact', mends, otherwise: 'contact' },
    )
    return error ? this.show(page, reply, body, [error]) : reply
  }

  private show(page: JourneyPage, reply: FastifyReply, body: Fields, errors: readonly FormError[]) {
    return reply.status(httpStatusOf(errors)).view('contact/contact.njk', {
      ...page,
      ...formModel(body, errors, order),
      contacts: contactKeys.map((key) => ({ key, ...contact(key) })),
      decisions: suitabilityNames,
      happenedOn: dateInput(
        'happenedOn',
        'When did it happen?',
        body,
        errors.find(({ field }) => field.startsWith('happenedOn')) ?? null,
        'For example, 27 3 2024',
      ),
    })
  }
}
