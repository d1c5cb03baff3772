import { Controller, Get, NotFoundException, Param, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { setImmediate as othersTurn } from 'node:timers/promises'
import { RequiresPermission } from '../../access/permission.guard.ts'
import type { Recorded } from '../../domain/history.ts'
import type { JourneyEvent } from '../../domain/journey/journey.ts'
import { Journeys } from '../../queries/journeys.ts'
import { BadAddress } from '../errors/pages.filter.ts'
import { dateInput, readDate } from '../forms/date.ts'
import { JourneyPages, type JourneyPage } from '../layout/journey-page.ts'
import { rows } from './drawing.ts'
import { momentAt } from './moments.ts'
import { outlineOf, readAddress, replayView, titleFor, type ReplayAsked, type ReplayView } from './replay.ts'

type Query = Readonly<Record<string, unknown>>

@RequiresPermission('read')
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
    const { view } = await this.viewOf(page, goto?.day ? { ...asked, at: goto.day } : asked)
    const place = /^\d{1,6}$/.test(String(query.place)) ? view.journey.places[Number(query.place) - 1] : undefined
    // A form names a place or a date; the address it leads to names the moment itself.
    if (place) return reply.redirect(`${page.path}/replay?clock=${asked.clock}&at=${encodeURIComponent(place)}`, 303)
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

  /** The line in outline: with it the browser moves the playhead by itself. */
  @Get('outline')
  async outline(@Param('id') id: string, @Query() query: Query, @Req() request: FastifyRequest) {
    const page = await this.pages.open(request, id, 'replay', { further: true })
    return outlineOf((await this.viewOf(page, understood({ clock: query.clock }))).view)
  }

  /** The words of a few moments, by their numbers: asked for as the playhead comes to them. */
  @Get('moments')
  async moments(
    @Param('id') id: string,
    @Query() query: Query,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const { from, count } = numbersFrom(query)
    const page = await this.pages.open(request, id, 'replay', { further: true })
    const { view, events } = await this.viewOf(page, understood({ clock: query.clock }))
    const { clock, journey, marks } = view
    const moments = []
    for (const place of journey.places.slice(from - 1, from - 1 + count)) {
      const moment = momentAt(journey, place, events, marks)
      const html = await (reply.server.view('replay/moment.njk', {
        moment,
        clock,
        path: page.path,
      }) as unknown as Promise<string>)
      moments.push({
        number: moment.number,
        title: titleFor(clock, moment),
        announcement: moment.announcement,
        html,
      })
      await othersTurn() // a long journey has many events to fold for each
    }
    return reply.type('application/json').send(JSON.stringify(moments))
  }

  private async viewOf(
    page: JourneyPage,
    asked: ReplayAsked,
  ): Promise<{ view: ReplayView; events: readonly Recorded<JourneyEvent>[] }> {
    const events = await this.journeys.events(page.journeyId)
    if (events.length === 0) throw new NotFoundException()
    await othersTurn()
    const view = replayView(`${page.path}/replay`, events, asked)
    await othersTurn()
    return { view, events }
  }
}

function understood(query: Query): ReplayAsked {
  const asked = readAddress(query)
  if ('problem' in asked) throw new BadAddress(asked.problem, asked.howTo)
  return asked
}

/** More moments are not told at once. */
const mostMoments = 40

function numbersFrom({ from, count }: Query): { from: number; count: number } {
  const [first, many] = [Number(from), Number(count)]
  if (!Number.isInteger(first) || !Number.isInteger(many) || first < 1 || many < 1 || many > mostMoments)
    throw new BadAddress(
      'The address does not name moments of this journey.',
      `Write the number of the first, from=1, and how many, count=1 to count=${mostMoments}.`,
    )
  return { from: first, count: many }
}
