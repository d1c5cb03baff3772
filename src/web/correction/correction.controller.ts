import { Body, Controller, Get, Param, Post, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { outcomes } from '../../domain/journey/outcomes.ts'
import { Journeys, type TimelineEntry } from '../../queries/journeys.ts'
import { outcomeGroups, sessionGroups } from '../forms/choices.ts'
import { checked, formModel, httpStatusOf, type Body as Fields, type FormError } from '../forms/form.ts'
import { Telling } from '../forms/telling.ts'
import { JourneyPages, type JourneyPage } from '../layout/journey-page.ts'
import { CorrectionForm } from './correction.form.ts'

const order = ['sessionId', 'outcome', 'because']
const mends = { unknown_session: 'sessionId', unknown_outcome: 'outcome' }

@RequiresPermission('read', 'record')
@Controller('journeys/:id/correction')
export class CorrectionController {
  constructor(
    private readonly pages: JourneyPages,
    private readonly journeys: Journeys,
    private readonly telling: Telling,
  ) {}

  @Get()
  async ask(
    @Param('id') id: string,
    @Query() query: Fields,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, id, null)
    return this.show(page, reply, { sessionId: query.sessionId }, [])
  }

  @Post()
  async tell(
    @Param('id') id: string,
    @Body() body: Fields,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, id, null)
    const { form, errors } = await checked(CorrectionForm, body)
    if (errors.length > 0) return this.show(page, reply, body, errors)
    const { commandId, sessionId, outcome, because, revision } = form
    const says = saysNow(await this.journeys.timeline(id), sessionId)
    const error = await this.telling.tell(
      page,
      reply,
      'CorrectAttendance',
      { sessionId, outcome, because },
      // A correction is about the day of the session, whenever it is made.
      { occurredOn: says?.heldOn ?? page.header.referredOn, commandId, expectedRevision: Number(revision) },
      { done: 'correction', mends, otherwise: says ? 'outcome' : 'sessionId' },
    )
    return error ? this.show(page, reply, body, [error]) : reply
  }

  private async show(page: JourneyPage, reply: FastifyReply, body: Fields, errors: readonly FormError[]) {
    const entries = await this.journeys.timeline(page.journeyId)
    const recorded = new Set(entries.flatMap(({ sessionId }) => (sessionId ? [sessionId] : [])))
    const sessionId = typeof body.sessionId === 'string' && recorded.has(body.sessionId) ? body.sessionId : null
    return reply.status(httpStatusOf(errors)).view('correction/correction.njk', {
      ...page,
      ...formModel(body, errors, order),
      says: sessionId && saysNow(entries, sessionId),
      sessions: sessionGroups({ key: page.header.programmeKey, version: page.header.programmeVersion }, (session) =>
        recorded.has(session),
      ),
      outcomes: outcomeGroups,
    })
  }
}

/** What the record says of a session now, and what it said before. */
function saysNow(entries: readonly TimelineEntry[], sessionId: string) {
  const about = entries.filter((entry) => entry.sessionId === sessionId && entry.outcome !== null)
  const first = about.find(({ type }) => type === 'AttendanceRecorded')
  const last = about.reduce<TimelineEntry | undefined>(
    (latest, entry) => (latest && latest.revision > entry.revision ? latest : entry),
    undefined,
  )
  if (!first || !last) return null
  return {
    sessionId,
    heldOn: first.occurredOn,
    outcome: `${outcomes[last.outcome!]} (${last.outcome})`,
    recordedAt: last.recordedAt,
    recordedBy: last.recordedBy,
    revision: last.revision,
    actual: first.actualFacilitators,
  }
}
