/** One stream whole: every event as it is read and as it is stored, with what proves it, some at a time and never out of place. */
import { Controller, Get, NotFoundException, Param, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { Cases, isStreamName } from '../../audit/cases.ts'
import { EventIndex } from '../../audit/event-index.ts'
import { EventReader, type InspectedEvent } from '../../audit/event-reader.ts'
import { EventSearch } from '../../audit/event-search.ts'
import { Looking } from '../looking.ts'
import {
  addressWith,
  dayAsTyped,
  fieldItems,
  filterOf,
  isField,
  isFiltered,
  parametersOf,
  filterAsked,
  sourceItems,
  typedDates,
  typeItems,
  typesWithField,
  type AskedFields,
  type AskedFilter,
} from './asked.ts'
import { streamAddress, wholeEvent } from './inspected.ts'
import { ReachedStreams } from './reached-streams.ts'

const pageSize = 20

@RequiresPermission('read', 'review')
@Controller('audit/streams')
export class StreamController {
  constructor(
    private readonly index: EventIndex,
    private readonly search: EventSearch,
    private readonly reader: EventReader,
    private readonly cases: Cases,
    private readonly looking: Looking,
    private readonly reached: ReachedStreams,
  ) {}

  @Get(':stream')
  async show(
    @Param('stream') stream: string,
    @Query() query: AskedFields,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const without = await this.reached.withheld()
    const newest = isStreamName(stream) && !without.has(stream) ? await this.newestRevision(stream) : null
    if (newest === null) throw new NotFoundException('The log has no stream of this name.')
    // Dates are typed here and stand in the address as they were typed: a stream is asked by a link, and names nobody.
    const { fields, problems } = typedDates(query)
    const asked = filterAsked({ ...query, ...fields })
    const field = typeof query.field === 'string' && isField(query.field) ? query.field : ''
    const revisions = this.matching(stream, asked, field, without)
    const page = pageAt(revisions, newest, revisionIn(query))
    await this.look(request, stream, without)
    const events = await this.read(stream, page)
    const path = streamAddress(stream)
    const parameters = { ...parametersOf(asked), ...(field && { field }) }
    const linkTo = (revision: number | null) =>
      revision === null ? null : addressWith(path, { ...parameters, at: String(revision) })
    return reply.view('audit/stream.njk', {
      openedAt: new Date().toISOString(),
      stream,
      path,
      category: stream.slice(0, stream.indexOf('-')),
      journeyId: stream.startsWith('journey-') ? stream.slice('journey-'.length) : null,
      events: events.map((event) => wholeEvent(event, this.index.linksOf(event), field)),
      newest,
      page,
      matched: revisions?.length ?? null,
      previous: linkTo(page.previous),
      next: linkTo(page.next),
      first: linkTo(page.previous === null ? null : (revisions?.[0] ?? 0)),
      last: linkTo(page.next === null ? null : (revisions?.at(-1) ?? newest)),
      whole: isFiltered(asked) || field ? addressWith(path, { at: String(page.from) }, `event-${page.from}`) : null,
      at: query.at ?? '',
      asked,
      types: typeItems(asked.type),
      sources: sourceItems(asked.source),
      fields: fieldItems(field),
      typed: Object.fromEntries(
        (['recorded', 'happened'] as const).flatMap((clock) =>
          (['from', 'to'] as const).map((end) => {
            const name = `${clock}-${end}`
            const given = query[name]
            return [name, problems.length > 0 && typeof given === 'string' ? given : dayAsTyped(asked[clock][end])]
          }),
        ),
      ),
      problems,
      problemFor: Object.fromEntries(problems.map(({ href, text }) => [href.slice(1), { text }])),
      parameters,
      related: this.related(stream, without),
      head: this.reader.head(),
    })
  }

  /** As far as the store has it, or had it: what the index and the evidence log know of is shown as missing. */
  private async newestRevision(stream: string): Promise<number | null> {
    const [stored, indexed] = [await this.reader.newestRevision(stream), this.index.newestIn(stream)]
    return stored === null && indexed === null ? null : Math.max(stored ?? 0, indexed ?? 0)
  }

  /** @returns null where the whole stream is asked for */
  private matching(
    stream: string,
    asked: AskedFilter,
    field: string,
    without: ReadonlySet<string>,
  ): readonly number[] | null {
    if (!isFiltered(asked) && !field && without.size === 0) return null
    const withField = field ? typesWithField(field) : undefined
    const types = asked.type ? [asked.type].filter((type) => withField?.includes(type) ?? true) : withField
    if (types?.length === 0) return []
    return this.search.revisionsIn(stream, { ...filterOf(asked), types, without })
  }

  private read(stream: string, { revisions, from, to }: StreamPage): Promise<InspectedEvent[]> {
    if (revisions) return this.reader.each(revisions.map((revision) => ({ stream, revision })))
    return this.reader.range(stream, from, to)
  }

  private async look(request: FastifyRequest, stream: string, without: ReadonlySet<string>): Promise<void> {
    const journeys = this.cases.journeysIn(stream).filter((id) => !without.has(`journey-${id}`))
    if (journeys.length === 1) return this.looking.at(request, journeys[0]!, 'stream')
    return this.looking.along(request, journeys, 'stream')
  }

  private related(stream: string, without: ReadonlySet<string>) {
    const names = [...new Set([...this.index.concernedBy(stream), ...this.index.concerning(stream)])]
    return names
      .filter((name) => name !== stream && !without.has(name))
      .map((name) => ({ name, href: streamAddress(name) }))
  }
}

interface StreamPage {
  /** First and last revision shown. */
  readonly from: number
  readonly to: number
  /** Which of them, where not all are. */
  readonly revisions: readonly number[] | null
  /** A revision of the page before, and of the page after. */
  readonly previous: number | null
  readonly next: number | null
}

/** A page begins at the same revision whenever it is asked for: what is appended later comes after everything. */
function pageAt(matching: readonly number[] | null, newest: number, at: number): StreamPage {
  const count = matching?.length ?? newest + 1
  const found = matching ? matching.findIndex((revision) => revision >= at) : Math.min(at, newest)
  const place = found < 0 ? Math.max(0, count - 1) : found
  const begin = place - (place % pageSize)
  const end = Math.min(begin + pageSize, count) - 1
  const revisionAt = (n: number) => (matching ? (matching[n] ?? 0) : n)
  return {
    from: revisionAt(begin),
    to: revisionAt(Math.max(begin, end)),
    revisions: matching && matching.slice(begin, end + 1),
    previous: begin > 0 ? revisionAt(begin - pageSize) : null,
    next: end + 1 < count ? revisionAt(end + 1) : null,
  }
}

/** The revision that an address goes to: 0 where it names none. */
function revisionIn({ at }: AskedFields): number {
  return typeof at === 'string' && /^\d{1,9}$/.test(at.trim()) ? Number(at) : 0
}
