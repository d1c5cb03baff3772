/** What changed between two days on either clock: across one case, one group or everything, journey by journey. */
import { Controller, Get, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { Cases } from '../../audit/cases.ts'
import { EventReader } from '../../audit/event-reader.ts'
import { EventSearch, type ChangedStream, type IndexClock } from '../../audit/event-search.ts'
import { dayOf, endOfDay, type Day } from '../../domain/calendar.ts'
import { compareMoments, type FactChangeKind } from '../../domain/journey/comparison.ts'
import { statuses } from '../../domain/journey/figures.ts'
import { Journeys, type CaseloadRow } from '../../queries/journeys.ts'
import { sayCount, sayDay } from '../layout/dates.ts'
import { Looking } from '../looking.ts'
import { daysBefore } from '../moments/asked-moment.ts'
import { addressWith, dayAsTyped, readStream, typedDay, type AskedFields, type TypedProblem } from './asked.ts'
import { streamAddress } from './inspected.ts'
import { ReachedStreams } from './reached-streams.ts'

const pageSize = 10

/** Where nothing else is asked for: the last four weeks. Our own choice. */
const usualSpanDays = 28

@RequiresPermission('read', 'review')
@Controller('audit/changes')
export class ChangesController {
  constructor(
    private readonly search: EventSearch,
    private readonly reader: EventReader,
    private readonly cases: Cases,
    private readonly journeys: Journeys,
    private readonly looking: Looking,
    private readonly reached: ReachedStreams,
  ) {}

  @Get()
  async show(@Query() query: AskedFields, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const { clock, from, to, stream, problems } = this.asked(query)
    const page = typeof query.page === 'string' && /^[1-9]\d{0,5}$/.test(query.page) ? Number(query.page) : 1
    const without = await this.reached.withheld()
    const changed =
      problems.length > 0
        ? []
        : this.search.changedStreams(this.streamsOf(stream), clock, { from, to }, 'journey-', without)
    const shown = changed.slice((page - 1) * pageSize, page * pageSize)
    await this.looking.along(request, shown.map(journeyOf), 'comparison')
    const known = await this.journeys.rowsOf(shown.map(journeyOf))
    const parameters = { clock, from, to, ...(stream && { case: stream }) }
    const pageAt = (number: number) => addressWith('/audit/changes', { ...parameters, page: String(number) })
    return reply.status(problems.length > 0 ? 400 : 200).view('audit/changes.njk', {
      openedAt: new Date().toISOString(),
      desk: addressWith('/audit', stream ? { case: stream } : {}),
      clock,
      typed: { from: typedOr(query, 'from', from), to: typedOr(query, 'to', to) },
      written: stream ?? (typeof query.case === 'string' ? query.case : ''),
      from: sayDay(from),
      to: sayDay(to),
      problems,
      problemFor: Object.fromEntries(problems.map(({ href, text }) => [href.slice(1), { text }])),
      journeys: await Promise.all(shown.map((one) => this.journey(one, clock, from, to, known.get(journeyOf(one))))),
      count: sayCount(changed.length, 'journey'),
      events: changed.reduce((sum, { events }) => sum + events, 0),
      previous: page > 1 ? pageAt(page - 1) : null,
      next: page * pageSize < changed.length ? pageAt(page + 1) : null,
      head: this.reader.head(),
    })
  }

  private streamsOf(stream: string | null): readonly string[] | null {
    if (stream === null) return null
    return stream.startsWith('group-') ? this.cases.streamsOfGroup(stream) : this.cases.streamsOf(stream)
  }

  /** One journey at the end of both days, from its events in the log. */
  private async journey(
    { stream, events }: ChangedStream,
    clock: IndexClock,
    from: Day,
    to: Day,
    who: CaseloadRow | undefined,
  ) {
    const journeyId = journeyOf({ stream })
    const known = clock === 'recorded'
    const [first, second] = [known ? endOfDay(daysBefore(from, 1)) : daysBefore(from, 1), known ? endOfDay(to) : to]
    const compared = compareMoments(await this.journeys.events(journeyId), {
      clock: known ? 'known' : 'happened',
      from: first,
      to: second,
    })
    const { before, after } = compared.status
    const latest = new Date().toISOString()
    const until = known ? (second < latest ? second : latest) : second
    return {
      journeyId,
      stream,
      who,
      href: streamAddress(stream),
      events: sayCount(events, 'event'),
      status: before === after ? statuses[after] : `${statuses[before]}, then ${statuses[after]}`,
      statusChanged: before !== after,
      changes: kindNames.flatMap(([kind, name]) => {
        const count = compared.facts.filter(({ how }) => how === kind).length
        return count === 0 ? [] : [{ kind, text: `${count} ${name}` }]
      }),
      by: [...new Set(compared.events.map(({ metadata }) => metadata.actor.id))].slice(0, 5),
      compare: addressWith(`/journeys/${journeyId}/compare`, {
        clock: known ? 'known' : 'happened',
        from: first,
        to: until,
      }),
      inspect: addressWith(streamAddress(stream), { [`${clock}-from`]: from, [`${clock}-to`]: to }),
    }
  }

  private asked(query: AskedFields) {
    const problems: TypedProblem[] = []
    const today = dayOf(new Date().toISOString())
    const day = (name: string, label: string, otherwise: Day): Day => {
      const text = typeof query[name] === 'string' ? query[name].trim() : ''
      if (text === '') return otherwise
      const found = typedDay(text)
      if (!found) problems.push({ href: `#${name}`, text: `“${label}” must be a real date, like 17/5/2024` })
      return found ?? otherwise
    }
    const to = day('to', 'Last day', today)
    const from = day('from', 'First day', daysBefore(to, usualSpanDays))
    if (problems.length === 0 && from > to)
      problems.push({ href: '#to', text: '“Last day” must be the same as or after “First day”' })
    const stream = readStream(query, 'case')
    if (stream === null && typeof query.case === 'string' && query.case.trim() !== '')
      problems.push({ href: '#case', text: 'Enter the name of a stream, such as that of a journey or a group' })
    const clock: IndexClock = query.clock === 'happened' ? 'happened' : 'recorded'
    return { clock, from, to, stream, problems }
  }
}

const journeyOf = ({ stream }: Pick<ChangedStream, 'stream'>): string => stream.slice('journey-'.length)

const kindNames: readonly (readonly [FactChangeKind, string])[] = [
  ['added', 'added'],
  ['corrected', 'corrected'],
  ['withdrawn', 'withdrawn'],
  ['put_back', 'put back'],
  ['as_before', 'as before'],
]

const typedOr = (query: AskedFields, name: string, day: Day): string =>
  typeof query[name] === 'string' && typedDay(query[name]) === null ? query[name] : dayAsTyped(day)
