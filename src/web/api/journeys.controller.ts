/** Questions about journeys. Their answers come from src/queries; each needs the permission to read. */
import { Body, HttpCode, Post, Query, Req, Res, StreamableFile } from '@nestjs/common'
import { ApiHeader, ApiOperation, ApiResponse } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Negotiator from 'negotiator'
import { Readable } from 'node:stream'
import { Identification } from '../../access/identification.ts'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { sentenceOf } from '../../domain/event-words.ts'
import { journeyAt } from '../../domain/journey/replay.ts'
import { programmeAt, sessionOf } from '../../domain/programme.ts'
import { Exports } from '../exports.ts'
import { Looking } from '../looking.ts'
import { Journeys, type LogRecord } from '../../queries/journeys.ts'
import { LiveJourneys } from '../../queries/live.ts'
import { CaseloadDto, JourneyDto, ReplayDto, TimelineEntryDto } from './answers.dto.ts'
import { isNamedIn, tagOf } from './request-context.ts'
import { JourneyQuery, ApiController, FromLog, FromReadModel, JourneyId, AnswersProblems } from './api-controller.ts'
import { LiveStreams } from './live.ts'
import { Problem } from './problems.ts'
import { AfterQuery, CaseloadSearchDto, ReplayQuery } from './queries.dto.ts'

const notFound = () => new Problem('not_found')

@ApiController('caseload', 'The case load')
@RequiresPermission('read')
export class CaseloadController {
  constructor(
    private readonly journeys: Journeys,
    private readonly looking: Looking,
  ) {}

  @Post('search')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Which journeys are there?',
    description: 'A POST, because a name or a CRN never goes into an address.',
  })
  @FromReadModel({ type: CaseloadDto, description: 'One page of journeys.' })
  @AnswersProblems(
    'malformed_json',
    'invalid_query',
    'invalid_header',
    'body_too_large',
    'not_json',
    'invalid_body',
    'consultation_log_unavailable',
    'too_many_records',
  )
  async searchCaseload(
    @Query() _after: AfterQuery,
    @Body() search: CaseloadSearchDto,
    @Req() request: FastifyRequest,
  ): Promise<CaseloadDto> {
    const page = await this.journeys.caseload(search)
    const shown = page.rows.map(({ journeyId }) => journeyId)
    await this.looking.along(request, shown, search.find ? 'search' : 'caseload')
    return page
  }
}

@ApiController('journeys', 'Journeys')
export class JourneysController {
  constructor(
    private readonly journeys: Journeys,
    private readonly changes: LiveJourneys,
    private readonly streams: LiveStreams,
    private readonly identification: Identification,
    private readonly looking: Looking,
    private readonly exports: Exports,
  ) {}

  @JourneyQuery('', 'Who is he, where does he stand, and what are his figures?')
  @FromReadModel({
    type: JourneyDto,
    description: 'The journey.',
    headers: { ETag: { description: 'Its revision, in quotes.', schema: { type: 'string' }, example: '"7"' } },
  })
  @ApiResponse({ status: 304, description: 'It is still at the revision that If-None-Match names.' })
  @ApiHeader({
    name: 'If-None-Match',
    required: false,
    description: 'Answered with 304 where the journey is still at this revision.',
    schema: { type: 'string' },
    example: '"7"',
  })
  async journey(
    @JourneyId() id: string,
    @Query() _after: AfterQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JourneyDto | undefined> {
    const journey = await this.journeys.header(id)
    if (!journey) throw notFound()
    await this.looking.at(request, id, 'summary')
    const tag = tagOf(journey.revision)
    reply.header('etag', tag)
    if (!isNamedIn(request.headers['if-none-match'], tag)) return journey
    reply.status(304)
    return undefined
  }

  @JourneyQuery('timeline', 'What happened, in the order it happened?')
  @FromReadModel({
    type: TimelineEntryDto,
    isArray: true,
    description: 'Every event, with what it corrects or was corrected by.',
  })
  async timeline(
    @JourneyId() id: string,
    @Query() _after: AfterQuery,
    @Req() request: FastifyRequest,
  ): Promise<readonly TimelineEntryDto[]> {
    const journey = await this.journeys.header(id)
    const entries = journey ? await this.journeys.timeline(journey) : []
    if (entries.length === 0) throw notFound()
    await this.looking.at(request, id, 'timeline')
    return entries
  }

  @JourneyQuery('replay', 'How did it stand at a moment, on either clock?')
  @FromLog({ type: ReplayDto, description: 'The journey as it stood; folded afresh from the log.' })
  async replay(
    @JourneyId() id: string,
    @Query() { clock, at }: ReplayQuery,
    @Req() request: FastifyRequest,
  ): Promise<ReplayDto> {
    const events = await this.journeys.events(id)
    if (events.length === 0) throw notFound()
    await this.looking.at(request, id, 'replay')
    const place = clock === 'known' ? new Date(at).toISOString() : at
    const { status, facts, figures, included, last, changedSince } = journeyAt(events, { clock, by: place })
    const programme = facts.programme && programmeAt(facts.programme.key, facts.programme.version)
    const said = (event: (typeof included)[number]) => ({
      revision: event.revision,
      type: event.type,
      occurredOn: event.metadata.occurredAt,
      recordedAt: event.metadata.recordedAt,
      sentence: sentenceOf(event),
    })
    return {
      clock,
      at: place,
      status,
      figures,
      sessions: [...facts.sessions].map(([sessionId, { outcome, heldOn }]) => ({
        sessionId,
        name: (programme && sessionOf(programme, sessionId)?.name) ?? sessionId,
        outcome,
        heldOn,
      })),
      changedSince,
      last: last && said(last),
      sentences: included.map(said),
    }
  }

  @JourneyQuery('history', 'What does the log itself say, whole and in recorded order?', 'not_acceptable')
  @FromLog({
    description: 'Every event of the stream: as JSON, or as JSON Lines where Accept says application/jsonl.',
    content: {
      'application/json': { schema: { type: 'array', items: { $ref: '#/components/schemas/LogRecordDto' } } },
      'application/jsonl': { schema: { $ref: '#/components/schemas/LogRecordDto' } },
    },
  })
  async history(
    @JourneyId() id: string,
    @Query() _after: AfterQuery,
    @Req() request: FastifyRequest,
  ): Promise<StreamableFile> {
    const contentType = preferredForm(request.headers.accept)
    if (!contentType) throw new Problem('not_acceptable')
    const records = this.journeys.history(id)
    // The first is read before anything is answered: until then it can still be said that there is none, or no log.
    const first = await records.next()
    if (first.done) throw notFound()
    await this.disclosed(request, id).catch(async (error: unknown) => {
      // Nobody will read on: the reading of the log would stay open.
      await records.return(undefined)
      throw error
    })
    const text = contentType === historyForms[0] ? asArray(first.value, records) : asLines(first.value, records)
    const stream = Readable.from(text, { objectMode: false })
    // Where nobody reads on (HEAD, a lost connection), the reading of the log has to end too: it would stay open.
    stream.once('close', () => void records.return(undefined))
    return new StreamableFile(stream, { type: contentType })
  }

  @JourneyQuery('live', 'Tell me when something is added')
  @FromReadModel({
    description:
      'Server-sent events: the revision now, then each revision added, once the read model can show it. A comment every 15 seconds.',
    content: { 'text/event-stream': { schema: { type: 'string' }, example: 'id: 8\ndata: {"revision":8}\n\n' } },
  })
  async follow(
    @JourneyId() id: string,
    @Query() _after: AfterQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const journey = await this.journeys.header(id)
    if (!journey) throw notFound()
    await this.looking.at(request, id, 'live')
    reply.type('text/event-stream; charset=utf-8').header('x-accel-buffering', 'no')
    if (request.method === 'HEAD') return void reply.send('')
    void reply.send(
      this.streams.of(journey.revision, this.changes.after(journey.revision, id), this.identification.ends(request)),
    )
  }

  /** Written down twice: as a look at him, and among all that was taken away. */
  private async disclosed(request: FastifyRequest, id: string): Promise<void> {
    await this.looking.at(request, id, 'download')
    const records = await this.journeys.eventCount(id)
    await this.exports.record(request, { kind: 'history_api', of: id, records, personalFields: true })
  }
}

/** The content types in which a history is had; the first, an array, where the asker likes several the same. */
const historyForms = ['json', 'jsonl', 'x-ndjson'].map((form) => `application/${form}; charset=utf-8`)

/** @returns undefined where the asker takes none of them; who does not say takes any */
const preferredForm = (accept = ''): string | undefined =>
  new Negotiator({ headers: { accept: accept.trim() || '*/*' } }).mediaTypes(historyForms)[0]

async function* asLines(first: LogRecord, rest: AsyncGenerator<LogRecord>): AsyncGenerator<string> {
  yield `${JSON.stringify(first)}\n`
  for await (const record of rest) yield `${JSON.stringify(record)}\n`
}

async function* asArray(first: LogRecord, rest: AsyncGenerator<LogRecord>): AsyncGenerator<string> {
  yield `[${JSON.stringify(first)}`
  for await (const record of rest) yield `,\n${JSON.stringify(record)}`
  yield ']\n'
}
