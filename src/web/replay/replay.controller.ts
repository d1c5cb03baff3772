import { Controller, Get, NotFoundException, Param, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Journeys } from '../../queries/journeys.ts'
import { BadAddress } from '../errors/pages.filter.ts'
import { dateInput, readDate } from '../forms/date.ts'
import { JourneyPages, type JourneyPage } from '../layout/journey-page.ts'
import { rows } from './drawing.ts'
import { momentsForBrowser, readAddress, replayView, type ReplayAsked, type ReplayView } from './replay.ts'

type Query = Readonly<Record<string, unknown>>

@Controller('journeys/:id/replay')
export class ReplayController {
  constructor(
    private readonly pages: JourneyPages,
    private readonly journeys: Journeys,
  ) {}

  @Get()
  async show(
    @Param('id') id: string,
    @Query() query: Query,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, id, 'replay')
    const goto =
      'date-day' in query || 'date-month' in query || 'date-year' in query ? readDate(query, 'date', 'The date') : null
    const asked = understood(goto ? { clock: query.clock } : query)
    const view = await this.viewOf(page, goto?.day ? { ...asked, at: goto.day } : asked)
    const place = /^\d{1,6}$/.test(String(query.place)) ? view.moments[Number(query.place) - 1] : undefined
    // A form names a place or a date; the address it leads to names the moment itself.
    if (place) return reply.redirect(`${page.path}/replay?clock=${asked.clock}&at=${encodeURIComponent(place.at)}`, 303)
    if (goto?.day) return reply.redirect(view.here, 303)
    const error = goto?.error ?? null
    return reply.status(error ? 400 : 200).view('replay/replay.njk', {
      ...page,
      view,
      rows,
      errors: error ? [{ text: error.text, href: `#${error.field}` }] : [],
      goto: dateInput(
        'date',
        view.clock === 'known' ? 'As known on what date?' : 'As it happened by what date?',
        query,
        error,
        'For example, 27 3 2024',
      ),
    })
  }

  /** All moments at once, for the playhead in the browser. */
  @Get('moments')
  async moments(
    @Param('id') id: string,
    @Query() query: Query,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, id, 'replay')
    const view = await this.viewOf(page, understood({ clock: query.clock }))
    const { clock } = view
    const html = await Promise.all(
      view.moments.map(
        (moment) =>
          reply.server.view('replay/moment.njk', { moment, clock, path: page.path }) as unknown as Promise<string>,
      ),
    )
    return reply
      .type('application/json')
      .send(JSON.stringify(momentsForBrowser(view, ({ number }) => html[number - 1]!)))
  }

  private async viewOf(page: JourneyPage, asked: ReplayAsked): Promise<ReplayView> {
    const events = await this.journeys.events(page.journeyId, page.as)
    if (events.length === 0) throw new NotFoundException()
    return replayView(`${page.path}/replay`, events, asked)
  }
}

function understood(query: Query): ReplayAsked {
  const asked = readAddress(query)
  if ('problem' in asked) throw new BadAddress(asked.problem, asked.howTo)
  return asked
}
