/** Who may not see a case: what holds now and what held before, a form that limits it, and a page that lifts a limit. */
import { Body, Controller, Get, NotFoundException, Param, Post, Query, Req, Res } from '@nestjs/common'
import { IsIn, Matches } from 'class-validator'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { isRole, roles } from '../../access/policy.ts'
import { LimitedAccessCommandHandler } from '../../commands/limited-access-command-handler.ts'
import type { CommandResult } from '../../commands/decide-and-append.ts'
import { dayNumbered, dayNumberOf, dayOf, type Day } from '../../domain/calendar.ts'
import type { Actor } from '../../domain/history.ts'
import {
  isInForce,
  limitKinds,
  limitReasons,
  longestLimitDays,
  mostLimitedPeople,
  type AccessLimit,
  type LimitKind,
  type LimitReason,
} from '../../domain/limited-access.ts'
import { LimitedCases } from '../../reach/limited-cases.ts'
import { classifyFailure } from '../errors/failure.ts'
import { dateError, dateInput, type FormError } from '../forms/date.ts'
import {
  checkedFields,
  CommandFields,
  controlOf,
  formModel,
  httpStatusOf,
  type CheckedFields,
  type FormValues,
} from '../forms/form-fields.ts'
import { sayDay } from '../layout/dates.ts'
import { JourneyPages, type JourneyPage } from '../layout/journey-page.ts'

const date = { name: 'until', legend: 'What is the last day?', subject: 'The last day' }
const order = ['kind', 'people', 'reason', date.name]

/** Under which the check page sends its form, and what it says. */
const form = { path: 'access/new', doing: 'limiting who may see the case', confirm: 'Limit who may see the case' }

/** Ids of accounts as people write them: parted by commas, semicolons or spaces. */
const idsIn = (written: string): readonly string[] => [...new Set(written.split(/[\s,;]+/).filter(Boolean))]

class LimitFields extends CommandFields {
  @IsIn(Object.keys(limitKinds), { message: 'Select what the limit is' })
  kind = ''

  @Matches(/^[\w.:|-]{1,128}(?:[\s,;]+[\w.:|-]{1,128})*[\s,;]*$/, {
    message: 'Enter the id of each person’s account, such as CM001, with commas between them',
  })
  people = ''

  @IsIn(Object.keys(limitReasons), { message: 'Select why' })
  reason = ''
}

@RequiresPermission('read', 'limit')
@Controller('journeys/:id/access')
export class LimitedAccessController {
  constructor(
    private readonly pages: JourneyPages,
    private readonly commands: LimitedAccessCommandHandler,
    private readonly limited: LimitedCases,
  ) {}

  @Get()
  async show(
    @Param('id') id: string,
    @Query() { done }: FormValues,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, id, 'access')
    const today = dayOf(new Date().toISOString())
    const limits = [...(await this.commands.limitsOf(page.header.participantId)).limits.values()].toReversed()
    return reply.view('limited-access/access.njk', {
      ...page,
      done: done === 'limited' || done === 'lifted' ? done : null,
      inForce: limits.filter((limit) => isInForce(limit, today)).map(inWords),
      over: limits.filter((limit) => !isInForce(limit, today)).map(inWords),
    })
  }

  @Get('new')
  async open(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const page = await this.pages.open(request, id, null, { view: 'access' })
    return showForm(reply, page, {}, [])
  }

  @Post('new')
  async submit(
    @Param('id') id: string,
    @Body() body: FormValues,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, id, null, { view: 'access' })
    if (body.step === 'change') return showForm(reply, page, body, [])
    const checked = await checkedFields(LimitFields, body, { [date.name]: date.subject })
    const errors = errorsOf(checked)
    if (errors.length > 0) return showForm(reply, page, body, errors)
    if (body.step !== 'confirm') return showCheck(reply, page, body, checked)
    const { kind, people, reason } = checked.fields
    const until = checked.days[date.name]!
    const data = { kind: kind as LimitKind, people: idsIn(people), reason: reason as LimitReason, until }
    try {
      const issued = issuedBy(page, checked.fields.commandId)
      await this.known(await this.commands.limit(page.header.participantId, data, issued))
    } catch (error) {
      const { code, refusal } = classifyFailure(error)
      if (code !== 'refused') throw error
      return showForm(reply, page, body, [{ field: refusedAt[refusal!.code] ?? 'kind', text: refusal!.message }])
    }
    // Whoever shut himself out is not led back to what he may not see any more.
    const isHimself = kind === 'exclusion' && data.people.includes(page.as.id)
    return reply.redirect(isHimself ? '/' : `${page.path}/access?done=limited`, 303)
  }

  @Get(':limit/lift')
  async askToLift(
    @Param('id') id: string,
    @Param('limit') limit: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, id, null, { view: 'access' })
    const found = await this.limitOf(page, limit)
    return reply.view('limited-access/lift.njk', { ...page, ...formModel({}, [], []), limit: inWords(found) })
  }

  @Post(':limit/lift')
  async lift(
    @Param('id') id: string,
    @Param('limit') limit: string,
    @Body() body: FormValues,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, id, null, { view: 'access' })
    const found = await this.limitOf(page, limit)
    const { fields, errors } = await checkedFields(CommandFields, body)
    const model = (problems: readonly FormError[]) => ({
      ...page,
      ...formModel(body, problems, []),
      limit: inWords(found),
    })
    if (errors.length > 0) return reply.status(400).view('limited-access/lift.njk', model(errors))
    try {
      const issued = issuedBy(page, fields.commandId)
      await this.known(await this.commands.lift(page.header.participantId, { limit: found.limit }, issued))
    } catch (error) {
      const { code, refusal } = classifyFailure(error)
      if (code !== 'refused') throw error
      return reply.status(400).view('limited-access/lift.njk', model([{ field: '', text: refusal!.message }]))
    }
    return reply.redirect(`${page.path}/access?done=lifted`, 303)
  }

  /** What was recorded holds before anybody is told that it does. */
  private async known(result: CommandResult): Promise<void> {
    if (result !== 'nothing_new') await this.limited.catchUpTo(BigInt(result.position))
  }

  /** @throws NotFoundException */
  private async limitOf({ header }: JourneyPage, limit: string): Promise<AccessLimit> {
    const { limits } = await this.commands.limitsOf(header.participantId)
    const found = /^\d{1,9}$/.test(limit) ? limits.get(Number(limit)) : undefined
    if (!found) throw new NotFoundException('There is no such limit.')
    return found
  }
}

const refusedAt: Readonly<Record<string, string>> = { unknown_people: 'people', unknown_end: `${date.name}-day` }

const issuedBy = (page: JourneyPage, commandId: string) => ({
  by: page.as,
  source: 'ui' as const,
  commandId,
  correlationId: page.requestId,
})

function errorsOf({ fields, days, errors }: CheckedFields<LimitFields>): readonly FormError[] {
  const today = dayOf(new Date().toISOString())
  const until: Day | undefined = days[date.name]
  const all = [...errors]
  if (idsIn(fields.people).length > mostLimitedPeople)
    all.push({ field: 'people', text: `Enter ${mostLimitedPeople} people or fewer` })
  if (until !== undefined && until < today) all.push(dateError(date.name, `${date.subject} must be today or later`))
  if (until !== undefined && until > dayNumbered(dayNumberOf(today) + longestLimitDays))
    all.push(dateError(date.name, `${date.subject} must be within two years`))
  return all
}

function showForm(reply: FastifyReply, page: JourneyPage, values: FormValues, errors: readonly FormError[]) {
  const fault = errors.find(({ field }) => controlOf(field) === date.name) ?? null
  return reply.status(httpStatusOf(errors)).view('limited-access/limit.njk', {
    ...page,
    ...formModel(values, errors, order),
    form,
    kinds: Object.entries(limitKinds).map(([value, text]) => ({ value, text, checked: values.kind === value })),
    reasons: Object.entries(limitReasons).map(([value, text]) => ({ value, text, checked: values.reason === value })),
    date: dateInput(date.name, date.legend, values, fault, 'For example, 27 3 2027'),
  })
}

function showCheck(reply: FastifyReply, page: JourneyPage, body: FormValues, checked: CheckedFields<LimitFields>) {
  const { kind, people, reason } = checked.fields
  const ids = idsIn(people)
  const parts = ['day', 'month', 'year'].map((part) => `${date.name}-${part}`)
  return reply.view('forms/check-answers.njk', {
    ...page,
    ...formModel(body, [], order),
    form,
    oddities: [],
    answers: [
      { label: 'Limit', text: limitKinds[kind as LimitKind], control: 'kind' },
      {
        label: 'People',
        text: ids.map((id) => (id === page.as.id ? `${id} (yourself)` : id)).join('\n'),
        control: 'people',
      },
      { label: 'Reason', text: limitReasons[reason as LimitReason], control: 'reason' },
      { label: 'Last day', text: sayDay(checked.days[date.name]!), control: `${date.name}-day` },
    ],
    carried: ['commandId', 'kind', 'people', 'reason', ...parts].flatMap((name) =>
      typeof body[name] === 'string' ? [{ name, value: body[name] }] : [],
    ),
  })
}

const roleName = ({ role }: Actor): string => (isRole(role) ? roles[role].name.toLowerCase() : role)

const inWords = (limit: AccessLimit) => ({
  number: limit.limit,
  kind: limitKinds[limit.kind],
  people: limit.people,
  reason: limitReasons[limit.reason],
  from: limit.from,
  until: limit.until,
  setBy: `${limit.setBy.id}, ${roleName(limit.setBy)}`,
  lifted: limit.lifted && { on: limit.lifted.on, by: `${limit.lifted.by.id}, ${roleName(limit.lifted.by)}` },
})
