import type { Clock } from '../replay/moments.ts'
import { Controller, Get, NotFoundException, Param, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { compareMoments } from '../../domain/journey/comparison.ts'
import type { Recorded } from '../../domain/history.ts'
import type { JourneyEvent } from '../../domain/journey/journey.ts'
import { placesOn } from '../../domain/journey/replay.ts'
import { Journeys } from '../../queries/journeys.ts'
import { dateInput, type FormError } from '../forms/date.ts'
import { JourneyPages } from '../layout/journey-page.ts'
import { clockIn, clockItems, dateParts, dayOfMoment, daysBefore, momentIn, type AddressQuery } from './asked-moment.ts'
import { comparisonView } from './compare.ts'

/** Where nothing else is asked for, the last record is compared with so many days before it. Our own choice. */
const usualSpanDays = 28

@RequiresPermission('read')
@Controller('journeys/:id/compare')
export class CompareController {
  constructor(
    private readonly pages: JourneyPages,
    private readonly journeys: Journeys,
  ) {}

  @Get()
  async show(
    @Param('id') id: string,
    @Query() query: AddressQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, id, null, { view: 'comparison' })
    const events = await this.journeys.events(id)
    if (events.length === 0) throw new NotFoundException()
    const now = new Date().toISOString()
    const { clock, error: clockError } = clockIn(query)
    const first = momentIn(query, { name: 'from', subject: 'The first moment' }, clock, now)
    const second = momentIn(query, { name: 'to', subject: 'The second moment' }, clock, now)
    const to = second.by ?? usualEnd(clock, events, now)
    const from = first.by ?? usualBeginning(clock, to, now)
    const errors = [clockError, first.error, second.error].filter((error): error is FormError => error !== null)
    if (errors.length === 0 && from > to) errors.push(notInOrder)
    const view =
      errors.length === 0
        ? comparisonView(page.path, compareMoments(events, { clock, from, to }), from, to, page.header)
        : null
    // A form names days; the address it leads to names the moments themselves.
    if (view && 'from-day' in query) return reply.redirect(view.here, 303)
    const input = (name: 'from' | 'to', legend: string, hint: string, by: string) =>
      dateInput(
        name,
        legend,
        `${name}-day` in query ? query : dateParts(name, dayOfMoment(by)),
        errors.find(({ field }) => field.startsWith(`${name}-`)) ?? null,
        hint,
      )
    return reply.status(errors.length > 0 ? 400 : 200).view('moments/compare.njk', {
      ...page,
      view,
      clocks: clockItems(clock),
      clockError: clockError && { text: clockError.text },
      from: input('from', 'First moment', 'For example, 27 3 2024', from),
      to: input('to', 'Second moment', 'Today or in the past', to),
      errors: errors.map(({ text, field }) => ({ text, href: `#${field}` })),
    })
  }
}

const notInOrder: FormError = {
  field: 'from-day',
  text: 'The first moment must be the same as or before the second',
  parts: ['day', 'month', 'year'],
}

/** The last record, or now where a record is dated later than today. */
function usualEnd(clock: Clock, events: readonly Recorded<JourneyEvent>[], now: string): string {
  const last = placesOn(clock, events).at(-1)!
  const latest = clock === 'known' ? now : dayOfMoment(now)
  return last < latest ? last : latest
}

function usualBeginning(clock: Clock, to: string, now: string): string {
  const day = daysBefore(dayOfMoment(to), usualSpanDays)
  return momentIn({ from: day }, { name: 'from', subject: 'The first moment' }, clock, now).by!
}
