/** Facilitators in the API: what the pages record, recorded the same way. What may happen is not decided here: the domain refuses. */
import { Body, Get, Param, Req } from '@nestjs/common'
import { ApiOperation, ApiParam } from '@nestjs/swagger'
import type { FastifyRequest } from 'fastify'
import { RequiresPermission } from '../../access/permission.guard.ts'
import type { CommandResult } from '../../commands/decide-and-append.ts'
import { FacilitatorCommandHandler } from '../../commands/facilitator-command-handler.ts'
import { dayOf } from '../../domain/calendar.ts'
import { Facilitators } from '../../queries/facilitators.ts'
import { Groups } from '../../queries/groups.ts'
import { Looking } from '../looking.ts'
import { AnswersProblems, ApiController, FromReadModel, GroupCommandRoute } from './api-controller.ts'
import { ListedFacilitatorDto } from './group-answers.dto.ts'
import { answered, issuedBy } from './groups.controller.ts'
import { FacilitatorDepartureDto, OnboardingDto, SupportDto, TrainingDto } from './groups.dto.ts'
import { IdempotentCommands } from './idempotent-commands.ts'
import { JourneyIdPipe, RequestContext, type CommandRequest } from './request-context.ts'

const facilitatorParam = ApiParam({
  name: 'facilitatorId',
  description: 'The opaque id of the facilitator.',
  schema: { type: 'string', format: 'uuid' },
})

const OfFacilitator = () => Param('facilitatorId', JourneyIdPipe)

@ApiController('facilitators', 'Facilitators')
export class ApiFacilitatorsController {
  constructor(
    private readonly idempotent: IdempotentCommands,
    private readonly commands: FacilitatorCommandHandler,
    private readonly facilitators: Facilitators,
    private readonly groups: Groups,
    private readonly looking: Looking,
  ) {}

  @Get()
  @RequiresPermission('read')
  @ApiOperation({ summary: 'Who delivers sessions, and trained for what?' })
  @FromReadModel({ type: [ListedFacilitatorDto] })
  @AnswersProblems('invalid_header')
  async facilitatorList(@Req() request: FastifyRequest): Promise<readonly ListedFacilitatorDto[]> {
    await this.looking.along(request, [], 'facilitators')
    const listed = await this.facilitators.list(dayOf(new Date().toISOString()))
    return listed.map(
      ({ facilitatorId, code, name, provider, leftOn, trainings, sessions, evenings, outstanding }) => ({
        facilitatorId,
        code,
        name,
        provider,
        leftOn,
        trainings: trainings.map(({ course, on, validUntil, hasLapsed }) => ({ course, on, validUntil, hasLapsed })),
        sessions,
        evenings,
        outstanding,
      }),
    )
  }

  @GroupCommandRoute(
    '',
    'A facilitator began',
    'unknown_staff_code',
    'no_name',
    'already_on_the_list',
    'before_leaving',
    'key_missing',
  )
  async onboard(@RequestContext() request: CommandRequest, @Body() body: OnboardingDto) {
    const { code, name, provider } = body
    const issued = await issuedBy(this.idempotent, request, body)
    const { facilitatorId, written } = await this.commands.onboard({ code, name, provider }, issued)
    return this.answered(request, facilitatorId, written)
  }

  @GroupCommandRoute(
    ':facilitatorId/training',
    'A training was completed',
    'not_on_the_list',
    'unknown_course',
    'lapsed_before',
    'training_known',
  )
  @facilitatorParam
  async train(@OfFacilitator() id: string, @RequestContext() request: CommandRequest, @Body() body: TrainingDto) {
    const { course, validUntil } = body
    const issued = await issuedBy(this.idempotent, request, body)
    const training = { course, ...(validUntil !== undefined && { validUntil }) }
    return this.answered(request, id, await this.commands.execute(id, 'RecordTraining', training, issued))
  }

  @GroupCommandRoute(':facilitatorId/supervision', 'Supervision was held', 'not_on_the_list', 'unknown_form')
  @facilitatorParam
  async supervise(@OfFacilitator() id: string, @RequestContext() request: CommandRequest, @Body() body: SupportDto) {
    const { form, minutes } = body
    const issued = await issuedBy(this.idempotent, request, body)
    return this.answered(request, id, await this.commands.execute(id, 'RecordSupervision', { form, minutes }, issued))
  }

  @GroupCommandRoute(':facilitatorId/debriefs', 'A debrief was held', 'not_on_the_list', 'unknown_form')
  @facilitatorParam
  async debrief(@OfFacilitator() id: string, @RequestContext() request: CommandRequest, @Body() body: SupportDto) {
    const { form, minutes } = body
    const issued = await issuedBy(this.idempotent, request, body)
    return this.answered(request, id, await this.commands.execute(id, 'RecordDebrief', { form, minutes }, issued))
  }

  @GroupCommandRoute(
    ':facilitatorId/departure',
    'The facilitator left',
    'not_on_the_list',
    'facilitator_left',
    'before_onboarding',
  )
  @facilitatorParam
  async facilitatorLeaves(
    @OfFacilitator() id: string,
    @RequestContext() request: CommandRequest,
    @Body() body: FacilitatorDepartureDto,
  ) {
    const issued = await issuedBy(this.idempotent, request, body)
    const written = await this.commands.execute(id, 'RecordFacilitatorLeft', { reason: body.reason }, issued)
    return this.answered(request, id, written)
  }

  private answered(request: CommandRequest, id: string, written: CommandResult) {
    return answered(this.groups, request, `facilitator-${id}`, [id], written)
  }
}
