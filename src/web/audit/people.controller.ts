/** Whom an auditor sought at the desk by name: the journeys of everybody who answers to it, each with the way to its events. */
import { Controller, Get, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { statuses } from '../../domain/journey/figures.ts'
import { Journeys } from '../../queries/journeys.ts'
import { Searches } from '../caseload/searches.ts'
import { sayCount } from '../layout/dates.ts'
import { Looking } from '../looking.ts'
import { addressWith, filterAsked, parametersOf, type AskedFields } from './asked.ts'

const pageSize = 25

@RequiresPermission('read', 'review')
@Controller('audit/people')
export class PeopleController {
  constructor(
    private readonly journeys: Journeys,
    private readonly searches: Searches,
    private readonly looking: Looking,
  ) {}

  /** The address has an id of the search and the rest of the question, never the name. */
  @Get()
  async show(@Query() query: AskedFields, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const search = typeof query.search === 'string' ? query.search : ''
    const sought = this.searches.of(request, search)
    if (sought === null) {
      await this.looking.along(request, [], 'audit')
      return reply.status(410).view('audit/people-over.njk', {})
    }
    const { find = '' } = sought
    const page = typeof query.page === 'string' && /^[1-9]\d{0,3}$/.test(query.page) ? Number(query.page) : 1
    const { rows, total, more } = await this.journeys.caseload({ find, page, pageSize })
    await this.looking.along(
      request,
      rows.map(({ journeyId }) => journeyId),
      'audit',
    )
    const rest = parametersOf(filterAsked(query))
    const order: Record<string, string> =
      query.order === 'recorded' || query.order === 'happened' ? { order: query.order } : {}
    const pageAt = (n: number) => addressWith('/audit/people', { search, ...rest, ...order, page: String(n) })
    return reply.view('audit/people.njk', {
      find,
      count: more ? `More than ${sayCount(total, 'journey')}` : sayCount(total, 'journey'),
      rows: rows.map((row) => ({
        ...row,
        statusName: statuses[row.status],
        href: addressWith('/audit', { case: `journey-${row.journeyId}`, ...rest, ...order }),
        record: addressWith(`/journeys/${row.journeyId}/record`, { clock: 'known' }),
      })),
      previous: page > 1 ? pageAt(page - 1) : null,
      next: page * pageSize < total ? pageAt(page + 1) : null,
    })
  }
}
