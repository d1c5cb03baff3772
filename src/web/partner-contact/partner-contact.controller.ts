/**
 * The page on which a case manager asks that contact be offered to a partner. It says nothing else and is told nothing back: the
 * answer is the same whether anything was asked for before, and nothing of it is added to the man's record.
 */
import { Body, Controller, Get, Param, Post, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { PartnerSafetyCommandHandler } from '../../commands/partner-safety/partner-safety-command-handler.ts'
import { checkedFields, CommandFields, formModel, httpStatusOf, type FormValues } from '../forms/form-fields.ts'
import { JourneyPages } from '../layout/journey-page.ts'

@RequiresPermission('read', 'record')
@Controller('journeys/:id/partner-contact')
export class PartnerContactController {
  constructor(
    private readonly pages: JourneyPages,
    private readonly commands: PartnerSafetyCommandHandler,
  ) {}

  @Get()
  async show(
    @Param('id') id: string,
    @Query() { asked }: FormValues,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, id, null)
    const template = asked === 'yes' ? 'partner-contact/asked.njk' : 'partner-contact/ask.njk'
    return reply.view(template, { ...page, ...formModel({}, [], []) })
  }

  @Post()
  async ask(
    @Param('id') id: string,
    @Body() body: FormValues,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, id, null)
    const { fields, errors } = await checkedFields(CommandFields, body)
    if (errors.length > 0) {
      const model = { ...page, ...formModel(body, errors, []) }
      return reply.status(httpStatusOf(errors)).view('partner-contact/ask.njk', model)
    }
    const { journeyId, header, as } = page
    await this.commands.askForOffer({ journeyId, participantId: header.participantId }, { by: as, ...fields })
    return reply.redirect(`${page.path}/partner-contact?asked=yes`, 303)
  }
}
