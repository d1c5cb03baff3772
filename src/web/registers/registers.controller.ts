/** The registers across journeys: each a list, a chart, and two files to take away. They change nothing but the log of who looked. */
import { Controller, Get, NotFoundException, Param, Query, Req, Res } from '@nestjs/common'
import { stringify } from 'csv-stringify/sync'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { SavedViews } from '../../access/saved-views.ts'
import { whoIsAsking } from '../../access/session.ts'
import type { Day } from '../../domain/calendar.ts'
import { harmless } from '../../exchange/csv-records.ts'
import { Journeys } from '../../queries/journeys.ts'
import {
  isRegisterName,
  registerNames,
  registerPageSize,
  Registers,
  type RegisterName,
  type AuditRow,
} from '../../queries/registers.ts'
import { Exports } from '../exports.ts'
import { Looking } from '../looking.ts'
import { registerAddress, pagination, registerAsked } from './asked.ts'
import { questionNames, questionWords } from './inspector-questions.ts'
import { barsOf, barStep } from './bars.ts'
import { reasonName, registerWords, roleName } from '../../queries/register-words.ts'

type Asked = Readonly<Record<string, unknown>>

/** How many journeys stand in one entry of the consultation log: an event has a limit. */
const subjectsAtOnce = 1_000

@RequiresPermission('read', 'review')
@Controller('registers')
export class RegistersController {
  constructor(
    private readonly registers: Registers,
    private readonly journeys: Journeys,
    private readonly looking: Looking,
    private readonly exports: Exports,
    private readonly views: SavedViews,
  ) {}

  @RequiresPermission('review')
  @Get()
  async index(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return reply.view('registers/registers.njk', {
      registers: registerNames.map((name) => ({ name, ...registerWords[name] })),
      questions: questionNames.map((name) => ({ name, ...questionWords[name] })),
      views: await this.views.of(whoIsAsking(request).id),
    })
  }

  @Get(':name')
  async show(
    @Param('name') given: string,
    @Query() query: Asked,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const name = named(given)
    const { page, ...filter } = registerAsked(query)
    const answer = await this.registers.page(name, filter, page)
    const shown = [...new Set(answer.rows.flatMap(({ journeyIds }) => journeyIds))]
    await this.looking.along(request, shown, 'audit_register')
    const known = await this.journeys.rowsOf(shown)
    const words = registerWords[name]
    const hrefOf = (more: Readonly<Record<string, string | number | undefined>>) =>
      registerAddress(`/registers/${name}`, { ...filter, ...more })
    return reply.view('registers/register.njk', {
      name,
      title: words.title,
      meaning: words.meaning,
      spanHeading: words.span.heading,
      filter,
      filtered: Object.keys(filter).length > 0,
      total: answer.total,
      bars: barsOf(answer.months),
      barStep,
      leavers: name === 'recategorised-outcomes' ? leaversView(await this.registers.leavers(filter)) : null,
      rows: answer.rows.map((row) => ({
        ...row,
        says: words.says(row),
        span: words.span.of(row),
        roleName: roleName(row.role),
        byHref: hrefOf({ by: row.by }),
        journeys: row.journeyIds.map((journeyId) => ({
          reference: known.get(journeyId)?.reference || 'Journey',
          href: `/journeys/${journeyId}/history${row.category === 'journey' ? `#event-${row.revision}` : ''}`,
          bytes:
            row.category === 'journey'
              ? `/audit/streams/journey-${journeyId}?at=${row.revision}#event-${row.revision}`
              : null,
        })),
      })),
      pagination: pagination(page, Math.ceil(answer.total / registerPageSize), (n) =>
        hrefOf({ page: n > 1 ? n : undefined }),
      ),
      address: hrefOf({}),
      saved: (await this.views.of(whoIsAsking(request).id)).some(({ address }) => address === hrefOf({})),
      pack: registerAddress('/audit/packs/new', {
        scope: 'register',
        register: name,
        since: typedAs(filter.from),
        until: typedAs(filter.to),
        by: filter.by,
      }),
      csv: registerAddress(`/registers/${name}/rows.csv`, { ...filter }),
      jsonl: registerAddress(`/registers/${name}/rows.jsonl`, { ...filter }),
    })
  }

  @Get(':name/rows.csv')
  csv(@Param('name') name: string, @Query() query: Asked, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const line = (cells: readonly unknown[]) => stringify([cells.map((cell) => harmless(String(cell ?? '')))])
    return this.download(name, query, request, reply.type('text/csv; charset=utf-8'), 'csv', {
      before: line(Object.keys(fileFields)),
      row: (row) => line(Object.values(fileFields).map((field) => field(row))),
    })
  }

  @Get(':name/rows.jsonl')
  jsonl(
    @Param('name') name: string,
    @Query() query: Asked,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const object = (row: AuditRow) =>
      Object.fromEntries(Object.entries(fileFields).map(([field, of]) => [field, of(row)]))
    return this.download(name, query, request, reply.type('application/jsonl; charset=utf-8'), 'jsonl', {
      before: '',
      row: (row) => `${JSON.stringify(object(row))}\n`,
    })
  }

  /** Every journey in the file is written down as looked at before the file begins. */
  private async download(
    given: string,
    query: Asked,
    request: FastifyRequest,
    reply: FastifyReply,
    ending: 'csv' | 'jsonl',
    written: { readonly before: string; readonly row: (row: AuditRow) => string },
  ) {
    const name = named(given)
    const { page: _page, ...filter } = registerAsked(query)
    const subjects = await this.registers.subjects(name, filter)
    for (let n = 0; n === 0 || n < subjects.length; n += subjectsAtOnce)
      await this.looking.along(request, subjects.slice(n, n + subjectsAtOnce), 'audit_register_download')
    const kind = ending === 'csv' ? 'register_csv' : 'register_jsonl'
    const records = await this.registers.count(name, filter)
    await this.exports.record(request, { kind, of: name, records, personalFields: false })
    // Asked for here, where it is known who asks.
    const all = this.registers.all(name, filter)
    async function* lines() {
      if (written.before) yield written.before
      for await (const rows of all) yield rows.map(written.row).join('')
    }
    return reply.header('content-disposition', `attachment; filename="${name}.${ending}"`).send(Readable.from(lines()))
  }
}

/** A day as a form of the desk takes it: 17/5/2024. */
const typedAs = (day: Day | undefined) => day?.split('-').toReversed().map(Number).join('/')

/** @throws NotFoundException */
function named(given: string): RegisterName {
  if (!isRegisterName(given)) throw new NotFoundException('There is no register of that name.')
  return given
}

/** The fields of a file, in the order in which they stand in it. Nothing personal is among them. */
const fileFields: Readonly<Record<string, (row: AuditRow) => unknown>> = {
  recorded_at: ({ recordedAt }) => recordedAt,
  occurred_on: ({ occurredOn }) => occurredOn,
  days_late: ({ daysLate }) => daysLate,
  recorded_by: ({ by }) => by,
  role: ({ role }) => role,
  organisation: ({ organisation }) => organisation,
  source: ({ source }) => source,
  journey_ids: ({ journeyIds }) => journeyIds.join(' '),
  revision: ({ revision }) => revision,
  event_id: ({ eventId }) => eventId,
  event_type: ({ type }) => type,
  about_revision: ({ about }) => about,
  about_type: ({ of }) => of,
  stood_for_days: ({ lagDays }) => lagDays,
  was: ({ was }) => was,
  became: ({ became }) => became,
  detail: ({ detail }) => detail,
  records: ({ records }) => records,
  taken_back: ({ takenBackBy }) => takenBackBy !== null,
}

function leaversView({ byReason, ...whole }: Awaited<ReturnType<Registers['leavers']>>) {
  const share = (part: number, of: number) => (of === 0 ? '' : `${Math.round((part / of) * 1000) / 10}%`)
  return {
    ...whole,
    share: share(whole.recategorised, whole.left),
    byReason: byReason.map((row) => ({
      ...row,
      name: reasonName(row.reason),
      share: share(row.recategorised, row.left),
    })),
  }
}
