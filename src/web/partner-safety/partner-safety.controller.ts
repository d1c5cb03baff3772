/** The pages of partner-safety workers: what is to be done, one record, its forms, and who looked at it. */
import {
  Body,
  Controller,
  createParamDecorator,
  Get,
  NotFoundException,
  Param,
  Post,
  Query,
  Req,
  Res,
  type ExecutionContext,
} from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { isRole, roles } from '../../access/policy.ts'
import { whoIsAsking } from '../../access/session.ts'
import { PartnerSafetyCommandHandler } from '../../commands/partner-safety/partner-safety-command-handler.ts'
import { dayNumbered, dayNumberOf, dayOf } from '../../domain/calendar.ts'
import { partnerConcerns, partnerRelations } from '../../domain/partner-safety/partner-safety-codes.ts'
import { isWithdrawable, partnerStandingOf } from '../../domain/partner-safety/partner-safety.ts'
import { strandLookCategory, strandLookFrom, strandViews } from '../../domain/partner-safety/strand-looks.ts'
import { PartnerSafetyStrand } from '../../partner-safety/strand.ts'
import { classifyFailure } from '../errors/failure.ts'
import type { FormError } from '../forms/date.ts'
import { formModel, httpStatusOf, type FormValues } from '../forms/form-fields.ts'
import { readStrandForm, strandAnswersInWords, strandControls, type StrandForm } from './strand-form.ts'
import { detailsForm, formsOpen, strandForms } from './strand-forms.ts'
import { StrandLooking } from './strand-looking.ts'
import { StrandPages, type StrandPage } from './strand-pages.ts'
import { sayStrandEvent } from './strand-words.ts'

/** Contacts that are due within so many days are listed. */
const soonDays = 14
/** The newest looks at a record are listed. */
const mostLooks = 200

const formRoutes = strandForms.map(({ path }) => `:record/${path}`)

/** The form whose route it is. */
const RequestedStrandForm = createParamDecorator((_: unknown, context: ExecutionContext): StrandForm => {
  const { routeOptions } = context.switchToHttp().getRequest<FastifyRequest>()
  return strandForms.find(({ path }) => routeOptions.url === `/partner-safety/:record/${path}`)!
})

@RequiresPermission('partner_safety')
@Controller('partner-safety')
export class PartnerSafetyController {
  constructor(
    private readonly pages: StrandPages,
    private readonly strand: PartnerSafetyStrand,
    private readonly commands: PartnerSafetyCommandHandler,
    private readonly looking: StrandLooking,
  ) {}

  @Get()
  async lists(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const today = todayIs()
    const soon = dayNumbered(dayNumberOf(today) + soonDays)
    const listed = (await this.pages.listed(whoIsAsking(request))).map(({ strandId, name, facts, isUnreadable }) => ({
      path: `/partner-safety/${strandId}`,
      strandId,
      name: name ?? 'Not recorded yet',
      isUnreadable,
      ...facts,
      ...partnerStandingOf(facts),
    }))
    await this.looking.along(
      request,
      listed.map(({ strandId }) => strandId),
      'lists',
    )
    const open = listed.filter(({ closed }) => closed === null)
    const by = <T>(rows: readonly T[], day: (row: T) => string | null) =>
      rows.toSorted((one, other) => (day(one) ?? '').localeCompare(day(other) ?? ''))
    return reply.view('partner-safety/lists.njk', {
      waiting: by(
        open.filter(({ offeredOn }) => offeredOn === null),
        ({ askedForOn }) => askedForOn,
      ),
      due: by(
        open.filter(({ nextOn }) => nextOn !== null && nextOn <= soon),
        ({ nextOn }) => nextOn,
      ).map((row) => ({ ...row, isLate: row.nextOn! < today })),
      concerns: by(
        open.flatMap(({ path, name, concerns }) =>
          concerns
            .filter(({ settled }) => settled === null)
            .map((concern) => ({ path, name, ...concern, what: partnerConcerns[concern.concern] })),
        ),
        ({ on }) => on,
      ),
      others: open.filter(({ offeredOn, nextOn }) => offeredOn !== null && (nextOn === null || nextOn > soon)),
      closed: listed.filter((row) => row.closed !== null),
      soonDays,
    })
  }

  @Get(':record')
  async show(
    @Param('record') strandId: string,
    @Query() { done }: FormValues,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, strandId, 'record')
    const { facts } = page
    const events = await this.strand.eventsOf(strandId)
    const standing = partnerStandingOf(facts)
    return reply.view('partner-safety/record.njk', {
      ...page,
      done: strandForms.find(({ path }) => path === done)?.recorded ?? null,
      relation: page.partner && partnerRelations[page.partner.relation],
      standing,
      concerns: standing.concerns.map((concern) => ({ ...concern, what: partnerConcerns[concern.concern] })),
      forms: formsOpen(facts),
      entries: events.toReversed().map((event) => ({
        revision: event.revision,
        on: event.metadata.occurredAt,
        recordedAt: event.metadata.recordedAt,
        by: `${event.metadata.actor.id}, ${roleName(event.metadata.actor.role)}`,
        ...sayStrandEvent(event),
        isWithdrawn: facts.withdrawn.has(event.revision),
        mayWithdraw: facts.closed === null && isWithdrawable(facts, event.revision),
      })),
    })
  }

  @Get(':record/looks')
  async looks(@Param('record') strandId: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const page = await this.pages.open(request, strandId, 'looks')
    const looks = (await this.strand.newestIn(`${strandLookCategory}-${strandId}`, mostLooks)).flatMap(
      (event) => strandLookFrom(event) ?? [],
    )
    return reply.view('partner-safety/looks.njk', {
      ...page,
      rows: looks.map(({ at, by, view }) => ({ at, who: by.id, role: roleName(by.role), view: strandViews[view] })),
    })
  }

  @Get(formRoutes)
  async openForm(
    @RequestedStrandForm() form: StrandForm,
    @Param() { record, item }: { readonly record: string; readonly item?: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, record, 'form')
    const values = form === detailsForm && page.partner ? { ...page.partner } : dateOf(todayIs())
    return this.showForm(reply, form, page, itemIn(item), values, [])
  }

  @Post(formRoutes)
  async submit(
    @RequestedStrandForm() form: StrandForm,
    @Param() { record, item }: { readonly record: string; readonly item?: string },
    @Body() body: FormValues,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, record, 'form')
    const number = itemIn(item)
    // Sent again, it shows what was recorded.
    if (typeof body.commandId === 'string' && page.facts.handled.has(body.commandId))
      return reply.redirect(`${page.path}?done=${encodeURIComponent(form.path)}`, 303)
    if (body.step === 'change') return this.showForm(reply, form, page, number, body, [])
    const { answers, commandId, errors } = await readStrandForm(form, body, todayIs())
    if (errors.length > 0) return this.showForm(reply, form, page, number, body, errors)
    if (body.step !== 'confirm') return this.showCheck(reply, form, page, number, body, answers)
    try {
      const { on } = answers.days
      const written = await this.commands.record(record, form.event(answers, number), {
        by: page.as,
        commandId,
        ...(on && { on }),
      })
      const after = written ? `&after=${written.position}` : ''
      return await reply.redirect(`${page.path}?done=${encodeURIComponent(form.path)}${after}`, 303)
    } catch (error) {
      const { code, refusal } = classifyFailure(error)
      if (code !== 'refused') throw error
      return this.showForm(reply, form, page, number, body, [{ field: '', text: refusal!.message }])
    }
  }

  private showForm(
    reply: FastifyReply,
    form: StrandForm,
    page: StrandPage,
    item: number,
    values: FormValues,
    errors: readonly FormError[],
  ) {
    const closed = page.facts.closed ? 'This record is closed. Nothing can be added to it.' : null
    return reply.status(httpStatusOf(errors)).view('partner-safety/form.njk', {
      ...page,
      ...formModel(
        values,
        errors,
        form.fields.map(({ name }) => name),
      ),
      ...addressesOf(form, page, item),
      title: form.title,
      intro: form.intro,
      why: closed ?? form.unavailable(page.facts, item),
      controls: strandControls(form, values, errors),
    })
  }

  private showCheck(
    reply: FastifyReply,
    form: StrandForm,
    page: StrandPage,
    item: number,
    body: FormValues,
    answers: Parameters<typeof strandAnswersInWords>[1],
  ) {
    const { doing, confirm } = form
    return reply.view('partner-safety/check.njk', {
      ...page,
      ...formModel(body, [], []),
      ...addressesOf(form, page, item),
      doing,
      confirm,
      answers: strandAnswersInWords(form, answers),
      carried: carriedBy(form, body),
    })
  }
}

const todayIs = () => dayOf(new Date().toISOString())

const roleName = (role: string): string => (isRole(role) ? roles[role].name.toLowerCase() : role)

/** What has happened has mostly happened today. */
const dateOf = (day: string): FormValues => ({
  'on-day': String(Number(day.slice(8, 10))),
  'on-month': String(Number(day.slice(5, 7))),
  'on-year': day.slice(0, 4),
})

/** @throws NotFoundException */
function itemIn(item: string | undefined): number {
  if (item === undefined) return -1
  if (!/^\d{1,9}$/.test(item)) throw new NotFoundException('There is no entry at this address.')
  return Number(item)
}

const addressesOf = ({ path }: StrandForm, page: StrandPage, item: number) => ({
  action: `${page.path}/${path.replace(':item', String(item))}`,
  back: page.path,
})

/** What was filled in, as it was typed: it travels with the check page and is checked again when it comes back. */
const carriedBy = ({ fields }: StrandForm, body: FormValues) =>
  ['commandId', ...fields.flatMap(({ kind, name }) => (kind === 'date' ? partsOf(name) : [name]))].flatMap((name) =>
    typeof body[name] === 'string' ? [{ name, value: body[name] }] : [],
  )

const partsOf = (name: string) => ['day', 'month', 'year'].map((part) => `${name}-${part}`)
