import { Controller, Get, NotFoundException, Param, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { roles } from '../../access/policy.ts'
import { Evidence } from '../../evidence/evidence.module.ts'
import { Journeys } from '../../queries/journeys.ts'
import { dateInput, type FormError } from '../forms/date.ts'
import { sayInstant } from '../layout/dates.ts'
import { JourneyPages } from '../layout/journey-page.ts'
import { clockIn, clockItems, dateParts, dayOfMoment, momentIn, type AddressQuery } from './asked-moment.ts'
import { signedHeadOf } from '../../evidence/evidence-file.ts'
import { fingerprintOf } from './fingerprints.ts'
import { recordView } from './record.ts'

/** The record as it was at one moment, on one page to print. */
@RequiresPermission('read')
@Controller('journeys/:id/record')
export class RecordController {
  constructor(
    private readonly pages: JourneyPages,
    private readonly journeys: Journeys,
    private readonly evidence: Evidence,
  ) {}

  @Get()
  async show(
    @Param('id') id: string,
    @Query() query: AddressQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, id, null, { view: 'record_at_moment' })
    const log = await Array.fromAsync(this.journeys.history(id))
    const events = log.flatMap(({ event }) => (event ? [event] : []))
    if (events.length === 0) throw new NotFoundException()
    const now = new Date().toISOString()
    const { clock, error: clockError } = clockIn(query)
    const asked = momentIn(query, { name: 'at', subject: 'The moment' }, clock, now)
    const by = asked.by ?? (clock === 'known' ? now : dayOfMoment(now))
    const errors = [clockError, asked.error].filter((error): error is FormError => error !== null)
    const view = errors.length === 0 ? recordView(page.path, events, clock, by) : null
    // A form names a day; the address it leads to names the moment itself.
    if (view && 'at-day' in query) return reply.redirect(view.here, 303)
    const file = this.evidence.log?.file ?? null
    const head = signedHeadOf(file)
    const stream = `journey-${id}`
    return reply.status(errors.length > 0 ? 400 : 200).view('moments/record.njk', {
      ...page,
      view,
      stream,
      fingerprints: view
        ? log.filter(({ revision }) => view.revisions.has(revision)).map((one) => fingerprintOf(file, stream, one))
        : [],
      head: head && { ...head, root: head.root.toString('base64') },
      notUnderstood: log.length - events.length,
      askedBy: `${page.as.name}, ${roles[page.as.role].name.toLowerCase()}, ${page.as.organisation} (${page.as.id})`,
      printedAt: sayInstant(now),
      clocks: clockItems(clock),
      clockError: clockError && { text: clockError.text },
      at: dateInput(
        'at',
        'Moment',
        'at-day' in query ? query : dateParts('at', dayOfMoment(by)),
        asked.error,
        'For example, 27 3 2024',
      ),
      errors: errors.map(({ text, field }) => ({ text, href: `#${field}` })),
    })
  }
}
