/** Groups and sessions in the API: what the pages record, recorded the same way. What may happen is not decided here: the domain refuses. */
import { Body, Get, Param, Req } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import { ApiOperation, ApiParam } from '@nestjs/swagger'
import { RequiresPermission } from '../../access/permission.guard.ts'
import type { CommandResult } from '../../commands/decide-and-append.ts'
import { GroupCommandHandler, type IssuedOnGroup } from '../../commands/group-command-handler.ts'
import { SessionCommandHandler, type IssuedOnSession } from '../../commands/session-command-handler.ts'
import { dayOf } from '../../domain/calendar.ts'
import { versionInForce } from '../../domain/programme.ts'
import { RegisterCarrier } from '../../process/register-carrier.ts'
import { Groups } from '../../queries/groups.ts'
import { Looking } from '../looking.ts'
import { AnswersProblems, ApiController, FromLog, FromReadModel, GroupCommandRoute } from './api-controller.ts'
import { ListedGroupDto, GroupSessionDto, type GroupWrittenDto } from './group-answers.dto.ts'
import {
  CancellationDto,
  DeliveryDto,
  GroupFormationDto,
  JoiningDto,
  LeavingDto,
  MoveDto,
  RegisterCorrectionDto,
  RegisterDto,
  ScheduleDto,
} from './groups.dto.ts'
import { IdempotentCommands } from './idempotent-commands.ts'
import { Problem } from './problems.ts'
import { JourneyIdPipe, RequestContext, type CommandRequest } from './request-context.ts'

const groupParam = ApiParam({
  name: 'groupId',
  description: 'The opaque id of the group.',
  schema: { type: 'string', format: 'uuid' },
})
const sessionParam = ApiParam({
  name: 'sessionId',
  description: 'The opaque id of the session.',
  schema: { type: 'string', format: 'uuid' },
})

/** Any id that this service makes up has one form. */
const GroupId = () => Param('groupId', JourneyIdPipe)
const OfSession = () => Param('sessionId', JourneyIdPipe)

const staffCodesOf = (staff: readonly { readonly facilitator: string }[] = []) =>
  staff.map(({ facilitator }) => facilitator)

export async function issuedBy(
  commands: IdempotentCommands,
  request: CommandRequest,
  body: { occurredOn: string; confirmedOddities: readonly string[] },
): Promise<IssuedOnGroup> {
  const { by, requestId: correlationId } = request
  const { confirmedOddities, ...said } = body
  const commandId = await commands.commandIdFor(request, said)
  return { occurredOn: body.occurredOn, by, source: 'api', commandId, correlationId, confirmedOddities }
}

/** 201 where it was recorded now, 200 where it was before. */
export async function answered(
  groups: Groups,
  { reply }: CommandRequest,
  stream: string,
  ids: readonly string[],
  written: CommandResult,
): Promise<GroupWrittenDto> {
  void reply.status(written === 'nothing_new' ? 200 : 201)
  const position = written === 'nothing_new' ? await groups.headPositionOf(stream) : written.position
  return { ids, position: position ?? '' }
}

@ApiController('groups', 'Groups and sessions')
export class ApiGroupsController {
  constructor(
    private readonly idempotent: IdempotentCommands,
    private readonly commands: GroupCommandHandler,
    private readonly sessions: SessionCommandHandler,
    private readonly groups: Groups,
    private readonly looking: Looking,
  ) {}

  @Get()
  @RequiresPermission('read')
  @ApiOperation({ summary: 'Which groups are there?' })
  @FromReadModel({ type: [ListedGroupDto] })
  @AnswersProblems('invalid_header')
  async list(@Req() request: FastifyRequest): Promise<readonly ListedGroupDto[]> {
    await this.looking.along(request, [], 'group')
    return this.groups.list(dayOf(new Date().toISOString()))
  }

  @GroupCommandRoute(
    '',
    'A group was formed',
    'already_formed',
    'unknown_code',
    'unknown_programme',
    'facilitator_twice',
  )
  async form(@RequestContext() request: CommandRequest, @Body() body: GroupFormationDto) {
    const { weekday, startsAt, minutes, programme: key, code, provider, place, capacity, facilitators } = body
    const programme = { key, version: versionInForce(key) }
    const slot = { weekday, startsAt, minutes }
    const { groupId, written } = await this.commands.form(
      { code, programme, provider, place, slot, capacity, facilitators },
      await issuedBy(this.idempotent, request, body),
    )
    return answered(this.groups, request, `group-${groupId}`, [groupId], written)
  }

  @GroupCommandRoute(
    ':groupId/members',
    'He was given a place in the group',
    'no_group',
    'group_full',
    'already_member',
    'no_referral',
    'journey_ended',
    'key_missing',
    'before_referral',
  )
  @groupParam
  async join(@GroupId() groupId: string, @RequestContext() request: CommandRequest, @Body() body: JoiningDto) {
    const { journeyId, note } = body
    const member = { journeyId, ...(note !== undefined && { note }) }
    const written = await this.commands.addMember(groupId, member, await issuedBy(this.idempotent, request, body))
    return answered(this.groups, request, `group-${groupId}`, [groupId], written)
  }

  @GroupCommandRoute(':groupId/departures', 'He left the group', 'no_group', 'not_a_member', 'key_missing')
  @groupParam
  async leave(@GroupId() groupId: string, @RequestContext() request: CommandRequest, @Body() body: LeavingDto) {
    const { journeyId, reason, note } = body
    const leaving = { journeyId, reason, ...(note !== undefined && { note }) }
    const written = await this.commands.removeMember(groupId, leaving, await issuedBy(this.idempotent, request, body))
    return answered(this.groups, request, `group-${groupId}`, [groupId], written)
  }

  @GroupCommandRoute(':groupId/sessions', 'Sessions were put in the calendar', 'no_group', 'unknown_session')
  @groupParam
  async schedule(@GroupId() groupId: string, @RequestContext() request: CommandRequest, @Body() body: ScheduleDto) {
    const issued = await issuedBy(this.idempotent, request, body)
    const { sessionIds, written } = await this.sessions.schedule(groupId, body.sessions, {
      ...issued,
      usual: await this.groups.usualDays(groupId),
    })
    return answered(this.groups, request, `session-${sessionIds.at(-1)!}`, sessionIds, written)
  }
}

@ApiController('sessions', 'Groups and sessions')
export class ApiSessionsController {
  constructor(
    private readonly idempotent: IdempotentCommands,
    private readonly commands: SessionCommandHandler,
    private readonly groups: Groups,
    private readonly carrier: RegisterCarrier,
    private readonly looking: Looking,
  ) {}

  @Get(':sessionId')
  @RequiresPermission('read')
  @ApiOperation({ summary: 'Who was in the room, and what came of it for each man?' })
  @sessionParam
  @FromLog({ type: GroupSessionDto })
  @AnswersProblems('not_found', 'journey_unreadable')
  async session(@OfSession() sessionId: string, @Req() request: FastifyRequest): Promise<GroupSessionDto> {
    const record = await this.groups.session(sessionId)
    if (!record) throw new Problem('not_found')
    const { scheduled, delivered, register, status } = record.facts
    await this.looking.along(request, [...register.keys()], 'register')
    const { groupId, programmeSession, facilitators } = scheduled!
    const refused = new Map(this.carrier.notCarried(`session-${sessionId}`).map(({ eventId, why }) => [eventId, why]))
    return {
      sessionId,
      groupId,
      programmeSession,
      on: delivered?.on ?? scheduled!.on,
      startsAt: delivered?.startedAt ?? scheduled!.startsAt,
      status,
      planned: staffCodesOf(facilitators),
      actual: staffCodesOf(delivered?.actual),
      register: [...register].map(([journeyId, { outcome, minutes, engagement, corrections, saidBy }]) => ({
        journeyId,
        outcome,
        minutes,
        engagement,
        corrections,
        notCarried: refused.get(saidBy) ?? null,
      })),
    }
  }

  @GroupCommandRoute(':sessionId/moves', 'The session was moved', 'no_session', 'session_cancelled', 'same_time')
  @sessionParam
  move(@OfSession() id: string, @RequestContext() request: CommandRequest, @Body() body: MoveDto) {
    const { on, startsAt, reason } = body
    return this.recorded(id, request, body, (issued) =>
      this.commands.execute(id, 'RescheduleSession', { on, startsAt, reason }, issued),
    )
  }

  @GroupCommandRoute(':sessionId/cancellation', 'The session was called off', 'no_session', 'already_delivered')
  @sessionParam
  cancel(@OfSession() id: string, @RequestContext() request: CommandRequest, @Body() body: CancellationDto) {
    const { reason } = body
    return this.recorded(id, request, body, (issued) => this.commands.execute(id, 'CancelSession', { reason }, issued))
  }

  @GroupCommandRoute(
    ':sessionId/delivery',
    'The session was held: who was in the room?',
    'no_session',
    'session_cancelled',
    'already_delivered',
    'not_a_member',
    'marked_twice',
    'key_missing',
    'journey_ended',
    'before_referral',
    'before_allocation',
    'two_at_one_time',
  )
  @sessionParam
  deliver(@OfSession() id: string, @RequestContext() request: CommandRequest, @Body() body: DeliveryDto) {
    const { startedAt, minutes, actual, observers, register } = body
    return this.recorded(id, request, body, (issued) =>
      this.commands.deliver(id, { startedAt, minutes, actual, observers, register }, issued),
    )
  }

  @GroupCommandRoute(
    ':sessionId/register',
    'More of the register was filled in',
    'not_delivered',
    'not_a_member',
    'already_marked',
    'journey_ended',
    'before_referral',
    'before_allocation',
    'two_at_one_time',
  )
  @sessionParam
  mark(@OfSession() id: string, @RequestContext() request: CommandRequest, @Body() body: RegisterDto) {
    return this.recorded(id, request, body, (issued) => this.commands.mark(id, body.register, issued))
  }

  @GroupCommandRoute(
    ':sessionId/register-corrections',
    'The register was wrong',
    'not_delivered',
    'not_marked',
    'nothing_to_correct',
  )
  @sessionParam
  correct(@OfSession() id: string, @RequestContext() request: CommandRequest, @Body() body: RegisterCorrectionDto) {
    const { occurredOn: _, confirmedOddities: __, ...correction } = body
    return this.recorded(id, request, body, (issued) =>
      this.commands.execute(id, 'CorrectRegister', correction, issued),
    )
  }

  private async recorded(
    id: string,
    request: CommandRequest,
    body: { occurredOn: string; confirmedOddities: readonly string[] },
    record: (issued: IssuedOnSession) => Promise<CommandResult>,
  ) {
    const { expectedRevision } = request
    const issued = await issuedBy(this.idempotent, request, body)
    const groupId = (await this.groups.session(id))?.facts.scheduled?.groupId
    const usual = groupId === undefined ? undefined : await this.groups.usualDays(groupId)
    const written = await record({
      ...issued,
      ...(usual && { usual }),
      ...(expectedRevision !== undefined && { expectedRevision }),
    })
    return answered(this.groups, request, `session-${id}`, [id], written)
  }
}
