import { Controller, Get, NotFoundException, Param, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { setImmediate as othersTurn } from 'node:timers/promises'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { dayOf } from '../../domain/calendar.ts'
import type { Recorded } from '../../domain/history.ts'
import type { JourneyEvent } from '../../domain/journey/journey.ts'
import { journeyOn } from '../../domain/journey/replay.ts'
import { Journeys } from '../../queries/journeys.ts'
import { BadAddress } from '../errors/pages.filter.ts'
import { dateError, dateInput, readDate } from '../forms/date.ts'
import { JourneyPages, type JourneyPage } from '../layout/journey-page.ts'
import { rows } from './drawing.ts'
import { marksOf } from './marks.ts'
import { momentAt } from './moments.ts'
import {
  noSuchPlace,
  notYet,
  outlineOf,
  readAddress,
  replayView,
  titleFor,
  type Misasked,
  type ReplayAsked,
  type ReplayView,
} from './replay.ts'

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
    const now = new Date().toISOString()
    const goto =
      'date-day' in query || 'date-month' in query || 'date-year' in query ? readDate(query, 'date', 'The date') : null
    const asked = readAddress(goto ? { clock: query.clock } : query)
    if ('problem' in asked) return noMoment(reply, page, asked, 400)
    const future = goto?.day ? goto.day > dayOf(now) : false
    const error = future ? dateError('date', 'The date must be today or in the past') : (goto?.error ?? null)
    const misasked = notYet(asked, now)
    if (misasked) return noMoment(reply, page, misasked, 404)
    const view = await this.viewOf(page, goto?.day && !future ? { ...asked, at: goto.day } : asked)
    const { places } = view.journey
    const noPlace = noSuchPlace(query.place, places.length)
    if (noPlace) return noMoment(reply, page, noPlace, 404)
    // A form names a place or a date; the address it leads to names the moment itself.
    if (query.place !== undefined) {
      const at = encodeURIComponent(places[Number(query.place) - 1]!)
      return reply.redirect(`${page.path}/replay?clock=${asked.clock}&at=${at}`, 303)
    }
    if (goto?.day && !error) return reply.redirect(view.here, 303)
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
    return outlineOf(await this.viewOf(page, understood({ clock: query.clock }), upTo(query)))
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
    const { clock } = understood({ clock: query.clock })
    const events = await this.eventsOf(page, upTo(query))
    const journey = journeyOn(clock, events)
    const marks = marksOf(events)
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
        // Indentation is half of it.
        html: html.replace(/\s*\n\s*/g, '\n'),
      })
      await othersTurn() // a long journey has many events to fold for each
    }
    return reply.type('application/json').send(JSON.stringify(moments))
  }

  private async viewOf(page: JourneyPage, asked: ReplayAsked, latest = Infinity): Promise<ReplayView> {
    const events = await this.eventsOf(page, latest)
    const view = replayView(`${page.path}/replay`, events, asked)
    await othersTurn()
    return view
  }

  private async eventsOf({ journeyId }: JourneyPage, latest: number): Promise<readonly Recorded<JourneyEvent>[]> {
    const events = (await this.journeys.events(journeyId)).filter(({ revision }) => revision <= latest)
    if (events.length === 0) throw new NotFoundException()
    await othersTurn()
    return events
  }
}

function understood(query: Query): ReplayAsked {
  const asked = readAddress(query)
  if ('problem' in asked) throw new BadAddress(asked.problem, asked.howTo)
  return asked
}

/** The page that asks knows the journey up to this revision: what was added since would move the numbers of its moments. */
const upTo = ({ upto }: Query): number => (/^\d{1,9}$/.test(String(upto)) ? Number(upto) : Infinity)

const noMoment = (reply: FastifyReply, page: JourneyPage, misasked: Misasked, status: 400 | 404) =>
  reply.status(status).view('replay/no-moment.njk', { ...page, ...misasked })

/** More moments are not sent at once. */
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
