import { Controller, Get, NotFoundException, Param, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { Journeys } from '../../queries/journeys.ts'
import { Exports } from '../exports.ts'
import { JourneyPages, type JourneyPage } from '../layout/journey-page.ts'
import { rows } from '../replay/drawing.ts'
import { replayView, type Misasked, type ReplayView } from '../replay/replay.ts'
import { clockIn, momentIn, type AddressQuery } from './asked-moment.ts'
import { drawnTable } from './drawn-table.ts'
import { legend, stylesOf, withoutLinks } from './picture.ts'

/** The picture has its styles inside it, and nothing else: it runs no script and asks for nothing. */
const pictureMay = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

/** What a replay draws, in two other forms: as a table, and as a picture to keep. */
@RequiresPermission('read')
@Controller('journeys/:id/replay')
export class DrawnController {
  constructor(
    private readonly pages: JourneyPages,
    private readonly journeys: Journeys,
    private readonly exports: Exports,
  ) {}

  @Get('table')
  async table(
    @Param('id') id: string,
    @Query() query: AddressQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, id, 'replay')
    const view = await this.viewOf(page, query)
    if ('problem' in view) return reply.status(400).view('replay/no-moment.njk', { ...page, ...view })
    const address = `clock=${view.clock}&at=${encodeURIComponent(view.moment.at)}`
    return reply.view('moments/drawn-table.njk', { ...page, view, table: drawnTable(view, page.header), address })
  }

  @Get('picture.svg')
  async picture(
    @Param('id') id: string,
    @Query() query: AddressQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, id, 'replay')
    const view = await this.viewOf(page, query)
    if ('problem' in view) return reply.status(400).view('replay/no-moment.njk', { ...page, ...view })
    const render = async (styles: string) =>
      withoutLinks(
        await (reply.server.view('moments/picture.njk', {
          ...page,
          view,
          rows,
          legend,
          styles,
        }) as unknown as Promise<string>),
      )
    await this.exports.record(request, { kind: 'picture', of: id, records: view.marks.length, personalFields: true })
    // The styles are those that the pages are served with.
    const { body: stylesheet } = await reply.server.inject('/assets/app.css')
    return reply
      .type('image/svg+xml; charset=utf-8')
      .header('content-security-policy', pictureMay)
      .header('content-disposition', `attachment; filename="replay-${view.clock}-${view.moment.at.slice(0, 10)}.svg"`)
      .send(await render(stylesOf(await render(''), stylesheet)))
  }

  private async viewOf({ journeyId, path }: JourneyPage, query: AddressQuery): Promise<ReplayView | Misasked> {
    const events = await this.journeys.events(journeyId)
    if (events.length === 0) throw new NotFoundException()
    const { clock, error: clockError } = clockIn(query)
    const { by, error } = momentIn(query, { name: 'at', subject: 'The moment' }, clock, new Date().toISOString())
    const wrong = clockError ?? error
    if (wrong) return { problem: `${wrong.text}.`, howTo: 'Follow the link from the moment you want on the replay.' }
    return replayView(`${path}/replay`, events, { clock, at: by })
  }
}
