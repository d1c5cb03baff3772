/** Serves every form of a group or a session: filled in, checked by the person who filled it in, and recorded once. */
import {
  Body,
  Controller,
  createParamDecorator,
  Get,
  NotFoundException,
  Param,
  Post,
  Req,
  Res,
  type ExecutionContext,
} from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { whoIsAsking } from '../../access/session.ts'
import { FacilitatorCommandHandler } from '../../commands/facilitator-command-handler.ts'
import { GroupCommandHandler } from '../../commands/group-command-handler.ts'
import { SessionCommandHandler } from '../../commands/session-command-handler.ts'
import { dayOf } from '../../domain/calendar.ts'
import type { Refusal } from '../../domain/history.ts'
import type { Oddity } from '../../domain/journey/oddities.ts'
import { Facilitators } from '../../queries/facilitators.ts'
import { Groups } from '../../queries/groups.ts'
import { Journeys } from '../../queries/journeys.ts'
import { Looking } from '../looking.ts'
import { classifyFailure } from '../errors/failure.ts'
import type { FormError } from '../forms/date.ts'
import { formModel, httpStatusOf, type FormValues } from '../forms/form-fields.ts'
import { cancelForm, moveForm, scheduleForm } from './calendar.form.ts'
import { facilitatorLeavingForm, onboardingForm, supportForm, trainingForm } from './facilitator.form.ts'
import { formationForm } from './formation.form.ts'
import {
  addressOfFacilitator,
  addressOfGroup,
  addressOfSession,
  nameOfMember,
  usualDaysOf,
  type GroupForm,
  type GroupSituation,
} from './group-form.ts'
import { joiningForm, leavingForm } from './membership.form.ts'
import { registerCorrectionForm } from './register-correction.form.ts'
import { registerForm } from './register.form.ts'

/** Every form of a group or a session: a new one is added here, and is then served as the others are. */
export const groupForms = [
  formationForm,
  joiningForm,
  leavingForm,
  scheduleForm,
  moveForm,
  cancelForm,
  registerForm,
  registerCorrectionForm,
  onboardingForm,
  trainingForm,
  supportForm,
  facilitatorLeavingForm,
] as readonly GroupForm[]

/** The form whose route it is: each has a route of its own, so that metrics and traces tell them apart. */
const RequestedGroupForm = createParamDecorator((_: unknown, context: ExecutionContext): GroupForm => {
  const { routeOptions } = context.switchToHttp().getRequest<FastifyRequest>()
  return groupForms.find(({ route }) => routeOptions.url === `/${route}`)!
})

const routes = groupForms.map(({ route }) => route)

/** Whose place in a group could be next. */
const mayBePlaced = [
  'awaiting_allocation',
  'suitable_not_ready',
  'awaiting_assessment',
  'scheduled',
  'on_programme',
] as const
const mostCandidates = 50

type Ids = Readonly<Partial<Record<'group' | 'session' | 'journey' | 'facilitator', string>>>

@RequiresPermission('read', 'record')
@Controller()
export class GroupFormController {
  constructor(
    private readonly queries: Groups,
    private readonly journeys: Journeys,
    private readonly groups: GroupCommandHandler,
    private readonly sessions: SessionCommandHandler,
    private readonly facilitatorCommands: FacilitatorCommandHandler,
    private readonly facilitators: Facilitators,
    private readonly looking: Looking,
  ) {}

  @Get(routes)
  async open(
    @RequestedGroupForm() form: GroupForm,
    @Param() ids: Ids,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const situation = await this.situationOf(form, ids, {}, request)
    if (form.unavailable(situation) !== null) return this.showUnavailable(form, situation, reply)
    const values = { ...form.initial(situation), revision: String(situation.session?.revision ?? '') }
    return this.show(form, situation, values, [], request, reply)
  }

  @Post(routes)
  async submit(
    @RequestedGroupForm() form: GroupForm,
    @Param() ids: Ids,
    @Body() body: FormValues,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const situation = await this.situationOf(form, ids, body, request)
    const step = typeof body.step === 'string' ? body.step : ''
    if (await this.wasRecorded(situation, body)) return reply.redirect(`${backOf(form, situation)}?repeated=same`, 303)
    if (form.unavailable(situation) !== null) return this.showUnavailable(form, situation, reply.status(409))
    if (step === 'change') return this.show(form, situation, body, [], request, reply)
    const filled = form.filledBy?.(step, body, situation)
    if (filled) return this.show(form, situation, filled, [], request, reply)
    const { entry, errors } = await form.read(body, situation)
    if (entry === null) return this.show(form, situation, body, errors, request, reply)
    if (step !== 'confirm') return this.showCheck(form, situation, body, entry, [], reply)
    return this.record(form, situation, body, entry, request, reply)
  }

  private async record(
    form: GroupForm,
    situation: GroupSituation,
    body: FormValues,
    entry: unknown,
    request: FastifyRequest,
    reply: FastifyReply,
  ) {
    const { revision, confirmedOddities } = body
    const issued = {
      occurredOn: situation.today,
      by: whoIsAsking(request),
      source: 'ui' as const,
      commandId: String(body.commandId),
      correlationId: request.id,
      confirmedOddities: typeof confirmedOddities === 'string' ? confirmedOddities.split(' ').filter(Boolean) : [],
      usual: usualDaysOf(situation),
      ...(typeof revision === 'string' && /^\d{1,9}$/.test(revision) && { expectedRevision: Number(revision) }),
    }
    try {
      const { written, to } = await form.record(
        entry,
        situation,
        { groups: this.groups, sessions: this.sessions, facilitators: this.facilitatorCommands },
        issued,
      )
      const recorded = groupForms.indexOf(form)
      const search = written === 'nothing_new' ? 'repeated=same' : `recorded=${recorded}&after=${written.position}`
      return await reply.redirect(`${to}?${search}`, 303)
    } catch (error) {
      const { code, refusal, oddities } = classifyFailure(error)
      switch (code) {
        case 'refused': {
          return this.show(form, situation, body, [refusedIn(form, situation, refusal!)], request, reply)
        }
        case 'oddities':
          return this.showCheck(
            form,
            situation,
            body,
            entry,
            [{ field: 'confirmedOddities', text: 'Select if this is right, or change your answers' }],
            reply,
            oddities,
          )
        case 'changed_meanwhile': {
          const now = { ...body, revision: String(situation.session?.revision ?? '') }
          return this.show(form, situation, now, [{ field: form.otherwise, text: changedMeanwhile }], request, reply)
        }
        case 'store_unavailable':
        case 'busy':
        case 'database_busy':
          // Whether it was written is not known; the command id makes sending it again safe.
          return this.showCheck(
            form,
            situation,
            body,
            entry,
            [{ field: 'confirm', text: noAnswer, status: 503 }],
            reply,
          )
        default:
          throw error
      }
    }
  }

  /** Whether the session holds what this command added: a form that is sent again shows what was recorded. */
  private async wasRecorded({ session }: GroupSituation, { commandId }: FormValues): Promise<boolean> {
    return session !== null && session.events.some((event) => event.commandId === commandId)
  }

  private async situationOf(
    form: GroupForm,
    ids: Ids,
    values: FormValues,
    request: FastifyRequest,
  ): Promise<GroupSituation> {
    const session = ids.session === undefined ? null : await this.queries.session(ids.session)
    if (ids.session !== undefined && !session) throw new NotFoundException('There is no session at this address.')
    const groupId = session?.facts.scheduled!.groupId ?? ids.group
    const whole = groupId === undefined ? null : await this.queries.group(groupId)
    if (groupId !== undefined && !whole) throw new NotFoundException('There is no group at this address.')
    const today = dayOf(new Date().toISOString())
    const facilitator =
      ids.facilitator === undefined ? null : await this.facilitators.facilitator(ids.facilitator, today)
    if (ids.facilitator !== undefined && !facilitator)
      throw new NotFoundException('There is no facilitator at this address.')
    const candidates = form.asksCandidates ? await this.candidates(values) : []
    const shown = [...(whole?.members ?? []), ...candidates].map(({ journeyId }) => journeyId)
    await this.looking.along(request, [...new Set(shown)], 'form')
    return {
      whole,
      session,
      facilitator,
      known: facilitator ? [] : await this.facilitators.known(),
      journeyId: ids.journey ?? null,
      candidates,
      today,
    }
  }

  private async candidates({ find }: FormValues) {
    const sought = typeof find === 'string' ? find.trim().slice(0, 200) : ''
    const { rows } = await this.journeys.caseload({
      ...(sought && { find: sought }),
      statuses: mayBePlaced,
      sort: 'referred',
      direction: 'asc',
      pageSize: mostCandidates,
    })
    return rows
  }

  private show(
    form: GroupForm,
    situation: GroupSituation,
    values: FormValues,
    errors: readonly FormError[],
    request: FastifyRequest,
    reply: FastifyReply,
  ) {
    return reply.status(httpStatusOf(errors)).view(form.template, {
      ...this.page(form, situation),
      ...formModel(values, errors, form.order(situation)),
      ...form.view(situation, values, errors),
      draftKey: situation.session && this.queries.draftKey(situation.session.sessionId, whoIsAsking(request).id),
    })
  }

  private showCheck(
    form: GroupForm,
    situation: GroupSituation,
    values: FormValues,
    entry: unknown,
    errors: readonly FormError[],
    reply: FastifyReply,
    oddities: readonly Oddity[] = form.oddities?.(entry, situation) ?? [],
  ) {
    return reply.status(httpStatusOf(errors)).view('groups/check.njk', {
      ...this.page(form, situation),
      ...formModel(values, errors, ['confirmedOddities', 'confirm']),
      answers: form.answers(entry, situation),
      oddities,
      odd: oddities.map(({ code }) => code).join(' '),
      carried: carriedValues(values),
    })
  }

  private showUnavailable(form: GroupForm, situation: GroupSituation, reply: FastifyReply) {
    return reply.view('groups/unavailable.njk', { ...this.page(form, situation), why: form.unavailable(situation) })
  }

  private page(form: GroupForm, situation: GroupSituation) {
    const { route, doing, confirm } = form
    const { whole, session, journeyId, facilitator } = situation
    const ids: Ids = {
      facilitator: facilitator?.facilitator.facilitatorId,
      group: whole?.group.groupId,
      session: session?.sessionId,
      journey: journeyId ?? undefined,
    }
    return {
      section: 'groups',
      title: form.title(situation),
      doing,
      confirm,
      action: `/${route.replace(/:(\w+)/g, (_, id: keyof Ids) => ids[id] ?? '')}`,
      back: backOf(form, situation),
      known: situation.known,
      group: whole?.group,
      facilitator: facilitator?.facilitator,
      session: session && { id: session.sessionId, name: session.name, ...session.facts.scheduled },
    }
  }
}

/** A refusal at the control that puts it right; of one man in a register at his row, with his name. */
function refusedIn(form: GroupForm, situation: GroupSituation, { code, message, journeyId }: Refusal): FormError {
  if (journeyId === undefined) return { field: form.refusals[code] ?? form.otherwise, text: message }
  const text = `${nameOfMember(situation, journeyId)}: ${message.charAt(0).toLowerCase()}${message.slice(1)}`
  return { field: `outcome-${journeyId}`, text }
}

const backOf = ({ route }: GroupForm, situation: GroupSituation): string =>
  route.startsWith('facilitators')
    ? addressOfFacilitator(situation)
    : situation.session
      ? addressOfSession(situation)
      : situation.whole
        ? addressOfGroup(situation)
        : '/groups'

const notCarried = new Set(['_csrf', 'step', 'confirmedOddities'])

/** Everything that was filled in, as it was typed: it travels with the check page and is checked again when it comes back. */
const carriedValues = (values: FormValues) =>
  Object.entries(values).flatMap(([name, value]) =>
    typeof value === 'string' && !notCarried.has(name) ? [{ name, value }] : [],
  )

const changedMeanwhile =
  'Somebody added to this session while you were filling in the form. Check what it says now, then send the form again'
const noAnswer =
  'The log did not answer, so we cannot say whether this was recorded. Wait a moment and send it again: it will never be recorded twice'
