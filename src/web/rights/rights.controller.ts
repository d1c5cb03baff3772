/** The rights of one participant, for the data protection officer; the forms about them; and the list of what waits for somebody. */
import {
  Body,
  Controller,
  createParamDecorator,
  Get,
  HttpCode,
  Param,
  Post,
  Query,
  Req,
  Res,
  type ExecutionContext,
} from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { randomUUID } from 'node:crypto'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { whoIsAsking } from '../../access/session.ts'
import { ErasureCommandHandler } from '../../commands/erasure-command-handler.ts'
import { dayOf } from '../../domain/calendar.ts'
import { erasureReasons, holdReasons } from '../../domain/erasure.ts'
import { wordsOf } from '../../domain/event-words.ts'
import { retentionRule } from '../../domain/retention.ts'
import { settlements } from '../../domain/statements.ts'
import { Journeys } from '../../queries/journeys.ts'
import { Rights } from '../../queries/rights.ts'
import { SubjectAccess, type SubjectAccessPack } from '../../queries/subject-access.ts'
import { classifyFailure } from '../errors/failure.ts'
import type { FormError } from '../forms/date.ts'
import { httpStatusOf, longestNote, type FormValues } from '../forms/form-fields.ts'
import { sayDay } from '../layout/dates.ts'
import { JourneyPages, type JourneyPage } from '../layout/journey-page.ts'
import { Looking } from '../looking.ts'
import { roleName } from '../../queries/register-words.ts'
import { askErasureForm, decideErasureForm, placeHoldForm, releaseHoldForm } from './erasure.forms.ts'
import { disputeForm, settleDisputeForm, statementForm } from './statement.forms.ts'
import type { RightsAnswers, RightsForm, RightsSituation } from './rights-form.ts'

const rightsForms: readonly RightsForm[] = [
  askErasureForm,
  decideErasureForm,
  placeHoldForm,
  releaseHoldForm,
  statementForm,
  disputeForm,
  settleDisputeForm,
]

/** The form whose route it is: each has a route of its own, so that metrics and traces tell them apart. */
const RequestedRightsForm = createParamDecorator((_: unknown, context: ExecutionContext): RightsForm => {
  const { routeOptions } = context.switchToHttp().getRequest<FastifyRequest>()
  return rightsForms.find(({ path }) => routeOptions.url === `/journeys/:id/rights/${path}`)!
})

const paths = rightsForms.map(({ path }) => `journeys/:id/rights/${path}`)

const uuidShape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

interface Ids {
  readonly id: string
  readonly item?: string
}

interface RightsRequest {
  readonly form: RightsForm
  readonly page: JourneyPage
  readonly situation: RightsSituation
  readonly reply: FastifyReply
}

@RequiresPermission('read', 'protect')
@Controller()
export class RightsController {
  constructor(
    private readonly pages: JourneyPages,
    private readonly journeys: Journeys,
    private readonly rights: Rights,
    private readonly access: SubjectAccess,
    private readonly erasures: ErasureCommandHandler,
    private readonly looking: Looking,
  ) {}

  @Get('rights')
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const listed = await this.rights.erasures()
    const ids = listed.flatMap(({ journeyId }) => (journeyId === null ? [] : [journeyId]))
    await this.looking.along(request, ids, 'rights')
    const rows = await this.journeys.rowsOf(ids)
    const named = listed.map((one) => ({ ...one, name: rows.get(one.journeyId ?? '')?.name ?? '(no journey)' }))
    return reply.view('rights/rights-list.njk', {
      waiting: named.filter(({ state }) => state === 'asked'),
      others: named.filter(({ state }) => state !== 'asked'),
      as: whoIsAsking(request).id,
    })
  }

  /** Whose record has been kept for as long as the rule says: whether it is still needed is for a person to decide. */
  @Get('rights/retention')
  async retention(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const due = await this.rights.dueForReview(dayOf(new Date().toISOString()))
    const ids = due.map(({ journeyId }) => journeyId)
    await this.looking.along(request, ids, 'rights')
    const rows = await this.journeys.rowsOf(ids)
    const named = due.map((one) => ({ ...one, name: rows.get(one.journeyId)?.name ?? '' }))
    return reply.view('rights/retention.njk', { rule: retentionRule, due: named })
  }

  /** All that is recorded about him, with a box at each text that may say something of somebody else. */
  @Get('journeys/:id/rights/access-pack')
  async choosePack(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const page = await this.pages.open(request, id, null)
    const pack = await this.access.pack(page.header.participantId)
    if (pack) await this.lookAtOthers(request, id, pack)
    return reply.view('rights/pack-choose.njk', { ...page, pack })
  }

  @Post('journeys/:id/rights/access-pack')
  @HttpCode(200)
  async makePack(
    @Param('id') id: string,
    @Body() body: FormValues,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, id, null)
    const leftOut = new Set([body.leftOut ?? []].flat().map(String))
    const pack = await this.access.pack(page.header.participantId, leftOut)
    if (!pack) return reply.status(503).view('rights/pack-choose.njk', { ...page, pack })
    // That it was made is on record, for each of his journeys, before it is handed out.
    for (const { journeyId } of pack.journeys) await this.looking.at(request, journeyId, 'subject_access')
    if (body.format !== 'json')
      return reply.view('rights/pack.njk', { ...page, pack, settlements, roleNameOf: roleName })
    return reply
      .type('application/json')
      .header('content-disposition', 'attachment; filename="subject-access.json"')
      .send(JSON.stringify(pack, null, 2))
  }

  private async lookAtOthers(request: FastifyRequest, id: string, { journeys }: SubjectAccessPack): Promise<void> {
    for (const { journeyId } of journeys) if (journeyId !== id) await this.looking.at(request, journeyId, 'form')
  }

  @Get('journeys/:id/rights')
  async ofPerson(
    @Param('id') id: string,
    @Query() { recorded }: FormValues,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const page = await this.pages.open(request, id, 'rights')
    const rights = await this.rights.of(page.header.participantId)
    const { erasure } = rights
    return reply.view('rights/rights.njk', {
      ...page,
      erasure: erasure.state === 'none' ? erasure : { ...erasure, reasonText: erasureReasons[erasure.reason] },
      mayAuthorise: erasure.state === 'asked' && erasure.askedBy !== page.as.id,
      holds: rights.holds.map((hold) => ({ ...hold, reasonText: holdReasons[hold.reason] })),
      statements: rights.statements,
      disputes: rights.disputes.map((dispute) => ({
        ...dispute,
        settlement: dispute.settled && settlements[dispute.settled.settlement],
      })),
      entries: rights.entries.map((entry) => ({ ...entry, role: roleName(entry.by.role) })).toReversed(),
      recorded: rightsForms.find(({ path }) => path === recorded)?.recorded,
    })
  }

  @Get(paths)
  async open(
    @RequestedRightsForm() form: RightsForm,
    @Param() ids: Ids,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const asked = await this.requestOf(form, ids, request, reply)
    if (form.unavailable(asked.situation) !== null) return this.showUnavailable(asked, 200)
    return this.showForm(asked, { commandId: randomUUID() }, [])
  }

  @Post(paths)
  @HttpCode(200)
  async submit(
    @RequestedRightsForm() form: RightsForm,
    @Param() ids: Ids,
    @Body() body: FormValues,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const asked = await this.requestOf(form, ids, request, reply)
    const { page, situation } = asked
    if (form.unavailable(situation) !== null) return this.showUnavailable(asked, 409)
    const values = { ...body, commandId: uuidShape.test(String(body.commandId)) ? body.commandId : randomUUID() }
    if (body.step === 'change') return this.showForm(asked, values, [])
    const { answers, errors } = answersIn(form, situation, values)
    if (errors.length > 0) return this.showForm(asked, values, errors)
    if (body.step !== 'confirm') return this.showCheck(asked, answers, values, [])
    if (
      form.isTyped(answers) &&
      String(body.typed ?? '')
        .trim()
        .toUpperCase() !== toType(situation)
    )
      return this.showCheck(asked, answers, values, [{ field: 'typed', text: `Type ${toType(situation)} to confirm` }])
    try {
      const written = await form.record(answers, situation, this.erasures, {
        by: page.as,
        source: 'ui',
        commandId: String(values.commandId),
        correlationId: page.requestId,
      })
      const after = written === 'nothing_new' ? '' : `&after=${written.position}`
      return await reply.redirect(`${page.path}/rights?recorded=${encodeURIComponent(form.path)}${after}`, 303)
    } catch (error) {
      const { code, refusal } = classifyFailure(error)
      const at = (text: string, status: number) => [{ field: 'confirm', text, status }]
      if (code === 'refused') return this.showCheck(asked, answers, values, at(refusal!.message, 409))
      if (code === 'store_unavailable' || code === 'busy' || code === 'database_busy')
        return this.showCheck(asked, answers, values, at(noAnswer, 503))
      throw error
    }
  }

  private async requestOf(
    form: RightsForm,
    { id, item = '' }: Ids,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<RightsRequest> {
    const page = await this.pages.open(request, id, null)
    const { header, as } = page
    const [rights, journeys] = [
      await this.rights.of(header.participantId),
      await this.rights.journeysOf(header.participantId),
    ]
    const events = form.path === 'dispute' ? await this.journeys.events(id) : []
    const records = events.map(({ revision, type, metadata }) => ({
      value: String(revision),
      text: `Event ${revision}: ${wordsOf(type).name}, ${sayDay(metadata.occurredAt)}`,
    }))
    return { form, page, situation: { header, rights, journeys, records, by: as.id, item }, reply }
  }

  private showForm(asked: RightsRequest, values: FormValues, errors: readonly FormError[]) {
    const { form, situation, reply } = asked
    return reply.status(httpStatusOf(errors)).view('rights/rights-form.njk', {
      ...model(asked, values, errors),
      questions: form.questions(situation),
    })
  }

  private showCheck(asked: RightsRequest, answers: RightsAnswers, values: FormValues, errors: readonly FormError[]) {
    const { form, situation, reply } = asked
    const questions = form.questions(situation)
    return reply.status(httpStatusOf(errors)).view('rights/rights-check.njk', {
      ...model(asked, values, errors),
      answers: questions.map((question) => {
        const { name, label } = question
        if (question.kind === 'text') return { name, label, text: answers[name] }
        const chosen = question.choices.find(({ value }) => value === answers[name])!
        return { name, label, text: chosen.hint ? `${chosen.text}: ${chosen.hint}` : chosen.text }
      }),
      carried: ['commandId', ...questions.map(({ name }) => name)].map((name) => ({ name, value: values[name] })),
      toType: form.isTyped(answers) ? toType(situation) : null,
    })
  }

  private showUnavailable({ form, page, situation, reply }: RightsRequest, status: number) {
    const why = form.unavailable(situation)
    return reply.status(status).view('rights/unavailable.njk', { ...page, form, why, refused: status !== 200 })
  }
}

const noAnswer =
  'The log did not answer, so we cannot say whether this was recorded. Wait a moment and send it again: it will never be recorded twice'

/** What is typed to confirm what cannot be undone: whoever looks at the wrong man types the wrong CRN. */
const toType = ({ header }: RightsSituation): string => header.crn.toUpperCase() || 'ERASE'

function answersIn(form: RightsForm, situation: RightsSituation, values: FormValues) {
  const answers: Record<string, string> = {}
  const errors: FormError[] = []
  for (const question of form.questions(situation)) {
    const { name, missing } = question
    const value = typeof values[name] === 'string' ? values[name].trim() : ''
    const isThere = question.kind === 'text' ? value !== '' : question.choices.some((choice) => choice.value === value)
    if (!isThere) errors.push({ field: name, text: missing })
    else if (value.length > longestNote)
      errors.push({ field: name, text: `It must be ${longestNote.toLocaleString('en-GB')} characters or fewer` })
    else answers[name] = value
  }
  return { answers, errors }
}

const model = ({ form, page, situation }: RightsRequest, values: FormValues, errors: readonly FormError[]) => ({
  ...page,
  form,
  action: `${page.path}/rights/${form.path.replace(':item', encodeURIComponent(situation.item))}`,
  values,
  errors: errors.map(({ field, text }) => ({ href: `#${field}`, text })),
  errorFor: Object.fromEntries(errors.map(({ field, text }) => [field, { text }])),
  erasure: situation.rights.erasure,
  journeysCount: situation.journeys?.length ?? 0,
  dispute: situation.rights.disputes.find(({ disputeId }) => disputeId === situation.item),
  hold: situation.rights.holds.find(({ holdId }) => holdId === situation.item),
  holdReasons,
  erasureReasons,
})
