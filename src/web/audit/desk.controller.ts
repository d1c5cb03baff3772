/** The auditor's desk: finds any event of the log, and shows what the log itself has of it. */
import { Body, Controller, Get, Post, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { Cases } from '../../audit/cases.ts'
import { EventIndex } from '../../audit/event-index.ts'
import { EventReader } from '../../audit/event-reader.ts'
import { EventSearch, type FoundPlaces, type IndexClock } from '../../audit/event-search.ts'
import { Looking } from '../looking.ts'
import { BadAddress } from '../errors/pages.filter.ts'
import { ReachedStreams } from './reached-streams.ts'
import {
  addressWith,
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
    const subjects = found.places
      .flatMap(({ stream }) => this.cases.journeysIn(stream))
      .filter((id) => !without.has(`journey-${id}`))
    await this.looking.along(request, [...new Set(subjects)], 'audit')
    const events = await this.reader.each(found.places)
    return reply.view('audit/desk.njk', {
      ...formModel(asked, clock, stream ?? ''),
      events: events.map((event) => eventInShort(event, this.index.linksOf(event))),
      ...this.places(asked, clock, stream, found, query),
      case: stream && { stream, href: streamAddress(stream) },
      isFiltered: isFiltered(asked) || stream !== null,
      size: this.index.size,
      head: this.reader.head(),
    })
  }

  /** A search is sent, not linked: a reference or a CRN never stands in an address. What it is answered with can be linked to. */
  @Post()
  async ask(@Body() body: AskedFields, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const { fields, problems } = typedDates(body)
    const asked = filterAsked({ ...body, ...fields })
    const written = typeof body.case === 'string' ? body.case.trim() : ''
    const found = written === '' ? null : this.cases.streamNamed(written)
    const stream = found !== null && (await this.reached.withheld()).has(found) ? null : found
    if (written !== '' && stream === null)
      problems.unshift({ href: '#case', text: 'No case in this log has this reference, CRN or id' })
    const clock = clockOf(body, asked)
    if (problems.length === 0)
      return reply.redirect(
        addressWith('/audit', {
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
