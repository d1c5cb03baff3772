/** The auditor's desk: finds any event of the log, and shows what the log itself has of it. */
import { Body, Controller, Get, Post, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { Cases } from '../../audit/cases.ts'
import { EventIndex } from '../../audit/event-index.ts'
import { EventReader } from '../../audit/event-reader.ts'
import { EventSearch, type FoundPlaces, type IndexClock } from '../../audit/event-search.ts'
import { statuses } from '../../domain/journey/figures.ts'
import { Journeys } from '../../queries/journeys.ts'
import { longestSought, Searches } from '../caseload/searches.ts'
import { Looking } from '../looking.ts'
import { BadAddress } from '../errors/pages.filter.ts'
import { ReachedStreams } from './reached-streams.ts'
import {
  addressWith,
  askedInWords,
  clockOf,
  dayAsTyped,
  filterOf,
  isFiltered,
  parametersOf,
  filterAsked,
  readStream,
  sourceItems,
  typedDates,
  typeItems,
  type AskedFields,
  type AskedFilter,
  type TypedProblem,
} from './asked.ts'
import { eventInShort, streamAddress } from './inspected.ts'

const pageSize = 25

@RequiresPermission('read', 'review')
@Controller('audit')
export class DeskController {
  constructor(
    private readonly index: EventIndex,
    private readonly search: EventSearch,
    private readonly reader: EventReader,
    private readonly cases: Cases,
    private readonly journeys: Journeys,
    private readonly searches: Searches,
    private readonly looking: Looking,
    private readonly reached: ReachedStreams,
  ) {}

  @Get()
  async find(@Query() query: AskedFields, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const asked = filterAsked(query)
    const without = await this.reached.withheld()
    const named = readStream(query, 'case')
    const stream = named !== null && without.has(named) ? null : named
    const clock = clockOf(query, asked)
    const found = this.search.find(
      { ...filterOf(asked), streams: stream ? this.cases.streamsOf(stream) : named ? [] : undefined, without },
      clock,
      pageSize,
      cursorIn(query),
    )
    const subjects = [...(stream ? [stream] : []), ...found.places.map((place) => place.stream)]
      .flatMap((one) => this.cases.journeysIn(one))
      .filter((id) => !without.has(`journey-${id}`))
    await this.looking.along(request, [...new Set(subjects)], 'audit')
    const events = await this.reader.each(found.places)
    return reply.view('audit/desk.njk', {
      ...formModel(asked, clock, stream ?? ''),
      events: events.map((event) => eventInShort(event, this.index.linksOf(event))),
      ...this.places(asked, clock, stream, found, query),
      case: stream && (await this.caseOf(stream)),
      isFiltered: isFiltered(asked) || stream !== null,
      only: askedInWords(asked),
      openedAt: new Date().toISOString(),
      size: this.index.size,
      head: this.reader.head(),
    })
  }

  /**
   * A search is sent, not linked: a name, a reference or a CRN never stands in an address. A reference, a CRN or an id leads
   * to the events of the one case that has it; anything else is looked for as in the case load, and whoever is found is shown.
   */
  @Post()
  async ask(@Body() body: AskedFields, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const { fields, problems } = typedDates(body)
    const asked = filterAsked({ ...body, ...fields })
    const written = typeof body.case === 'string' ? body.case.trim().slice(0, longestSought) : ''
    const named = written === '' ? null : this.cases.streamNamed(written)
    const stream = named !== null && (await this.reached.withheld()).has(named) ? null : named
    const isSought = written !== '' && stream === null
    if (isSought && (await this.journeys.caseload({ find: written, pageSize: 1 })).total === 0)
      problems.unshift({
        href: '#case',
        text: 'No case in this log has this reference, CRN or id, and nobody has this name',
      })
    const clock = clockOf(body, asked)
    if (problems.length === 0)
      return reply.redirect(
        addressWith(isSought ? '/audit/people' : '/audit', {
          ...(isSought && { search: this.searches.keep(request, { find: written }) }),
          ...(stream && { case: stream }),
          ...parametersOf(asked),
          ...(typeof body.order === 'string' && body.order !== '' && { order: clock }),
        }),
        303,
      )
    await this.looking.along(request, [], 'audit')
    return reply.status(400).view('audit/desk.njk', {
      ...formModel(asked, clock, written, problems, body),
      size: this.index.size,
      head: this.reader.head(),
    })
  }

  /** The case that is asked about: whose it is, and where else to look at it. */
  private async caseOf(stream: string) {
    const isJourney = stream.startsWith('journey-')
    const ids = isJourney || stream.startsWith('participant-') ? this.cases.journeysIn(stream) : []
    const own = (await this.journeys.named(ids)).map((row) => ({
      ...row,
      statusName: statuses[row.status],
      events: isJourney ? null : addressWith('/audit', { case: `journey-${row.journeyId}` }),
      record: addressWith(`/journeys/${row.journeyId}/record`, { clock: 'known' }),
      pack: addressWith('/audit/packs/new', { scope: 'journey', case: row.journeyId }),
    }))
    return {
      stream,
      href: streamAddress(stream),
      changes: addressWith('/audit/changes', { case: stream }),
      journeys: own,
      isJourney,
    }
  }

  private places(
    asked: AskedFilter,
    clock: IndexClock,
    stream: string | null,
    { next, isPartial }: FoundPlaces,
    { after }: AskedFields,
  ) {
    const parameters = { ...(stream && { case: stream }), ...parametersOf(asked), order: clock }
    return {
      next: next && addressWith('/audit', { ...parameters, after: next }),
      first: after === undefined ? null : addressWith('/audit', parameters),
      isPartial,
      changes: null,
    }
  }
}

function cursorIn({ after }: AskedFields): string | null {
  if (after === undefined) return null
  if (typeof after === 'string' && /^-?\d{1,15}\.\d{1,15}$/.test(after)) return after
  throw new BadAddress('This page of a search does not exist.', 'Go back to the audit desk and search again.')
}

function formModel(
  asked: AskedFilter,
  clock: IndexClock,
  written: string,
  problems: readonly TypedProblem[] = [],
  body: AskedFields = {},
) {
  const typed = (name: string, day: string | undefined) =>
    typeof body[name] === 'string' ? (body[name] as string) : dayAsTyped(day)
  return {
    asked,
    clock,
    written,
    types: typeItems(asked.type),
    sources: sourceItems(asked.source),
    typed: {
      'recorded-from': typed('recorded-from', asked.recorded.from),
      'recorded-to': typed('recorded-to', asked.recorded.to),
      'happened-from': typed('happened-from', asked.happened.from),
      'happened-to': typed('happened-to', asked.happened.to),
    },
    problems,
    problemFor: Object.fromEntries(problems.map(({ href, text }) => [href.slice(1), { text }])),
  }
}
