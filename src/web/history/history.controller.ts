import { Controller, Get, Param, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { isPermitted } from '../../access/policy.ts'
import { recordingDoubts } from '../../commands/clock-check.ts'
import { Journeys } from '../../queries/journeys.ts'
import { correctionsOf } from '../details/details-words.ts'
import { Exports } from '../exports.ts'
import { JourneyPages } from '../layout/journey-page.ts'
import { historyEvent, historyLinks } from './history.ts'

/** Where the events go in the page: everything before it is sent first, then each event as the log gives it, then the rest. */
const here = '<!--events-->'

@RequiresPermission('read')
@Controller('journeys/:id')
export class HistoryController {
  constructor(
    private readonly pages: JourneyPages,
    private readonly journeys: Journeys,
    private readonly exports: Exports,
  ) {}

  @Get('history')
  async show(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const page = await this.pages.open(request, id, 'history')
    const render = async (template: string, model: object) => String(await reply.server.view(template, model))
    const detailsCorrections = correctionsOf(await this.journeys.detailsTold(page.header.participantId))
    const mayReview = isPermitted(page.as, 'review')
    const [before = '', after = ''] = (
      await render('history/history.njk', { ...reply.locals, ...page, detailsCorrections, mayReview, here })
    ).split(here)
    // What was put right later is said at the event itself, so the whole is looked through once before.
    const links = historyLinks(await this.journeys.events(id))
    const events = await begun(this.journeys.history(id))
    async function* pieces() {
      yield before
      const doubtOf = recordingDoubts()
      for await (const record of events) {
        const doubt = doubtOf({ metadata: record.event?.metadata, receivedAt: new Date(record.receivedAt) })
        yield await render('history/event.njk', { event: historyEvent(record, links, doubt), path: page.path })
      }
      yield after
    }
    return reply.type('text/html; charset=utf-8').send(Readable.from(pieces()))
  }

  /** The same as JSON Lines: one event a line, opened and as stored. */
  @Get('history.jsonl')
  async download(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    await this.pages.open(request, id, 'history', { view: 'download' }) // answers 404 where there is no such journey
    const records = await this.journeys.eventCount(id)
    await this.exports.record(request, { kind: 'history_file', of: id, records, personalFields: true })
    const events = await begun(this.journeys.history(id))
    async function* lines() {
      for await (const record of events) yield `${JSON.stringify(record)}\n`
    }
    return reply
      .type('application/jsonl; charset=utf-8')
      .header('content-disposition', `attachment; filename="journey-${id}.jsonl"`)
      .send(Readable.from(lines()))
  }
}

/** The first is read before anything is answered: until then it can still be said that the log cannot be reached. */
async function begun<T>(records: AsyncGenerator<T>): Promise<AsyncGenerator<T>> {
  const first = await records.next()
  return (async function* () {
    if (first.done) return
    yield first.value
    yield* records
  })()
}
