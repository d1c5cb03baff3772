/** The commands of the API: a route for each. What may happen is not decided here: the domain refuses. */
import { Body, Param } from '@nestjs/common'
import { ApiParam } from '@nestjs/swagger'
import { RequestContext, SessionIdPipe, type CommandRequest } from './request-context.ts'
import {
  AllocationDto,
  AttendanceCorrectionDto,
  AttendanceDto,
  ContactDto,
  CorrectionDto,
  DetailsCorrectionDto,
  DropOutDto,
  EligibilityDto,
  EnforcementDto,
  ProviderTransferDto,
  RecategorisationDto,
  ReferralDto,
  ReinstatementDto,
  SuitabilityDto,
  WithdrawalDto,
} from './commands.dto.ts'
import { ApiController, JourneyId, CommandRoute, DetailsRoute } from './api-controller.ts'
import { IdempotentCommands } from './idempotent-commands.ts'

const putRight = ['no_such_record', 'no_longer_stands', 'makes_impossible'] as const

@ApiController('journeys', 'What happened')
export class CommandsController {
  constructor(private readonly commands: IdempotentCommands) {}

  @CommandRoute('', 'He was referred', 'already_referred', 'no_details')
  refer(@RequestContext() request: CommandRequest, @Body() referral: ReferralDto) {
    return this.commands.refer(request, referral)
  }

  @CommandRoute('eligibility', 'His eligibility was assessed')
  assessEligibility(
    @JourneyId() id: string,
    @RequestContext() request: CommandRequest,
    @Body() { occurredOn, ...data }: EligibilityDto,
  ) {
    return this.commands.execute(request, id, 'AssessEligibility', occurredOn, data)
  }

  @CommandRoute('suitability', 'It was decided whether he can take part now')
  decideSuitability(
    @JourneyId() id: string,
    @RequestContext() request: CommandRequest,
    @Body() { occurredOn, ...data }: SuitabilityDto,
  ) {
    return this.commands.execute(request, id, 'DecideSuitability', occurredOn, data)
  }

  @CommandRoute('waiting-list', 'He was placed on the waiting list')
  placeOnWaitingList(
    @JourneyId() id: string,
    @RequestContext() request: CommandRequest,
    @Body() { occurredOn, ...data }: ContactDto,
  ) {
    return this.commands.execute(request, id, 'PlaceOnWaitingList', occurredOn, data)
  }

  @CommandRoute('allocation', 'He was allocated to a group')
  allocateToGroup(
    @JourneyId() id: string,
    @RequestContext() request: CommandRequest,
    @Body() { occurredOn, ...data }: AllocationDto,
  ) {
    return this.commands.execute(request, id, 'AllocateToGroup', occurredOn, data)
  }

  @CommandRoute('three-way-meetings', 'A three-way meeting was held')
  holdThreeWayMeeting(
    @JourneyId() id: string,
    @RequestContext() request: CommandRequest,
    @Body() { occurredOn, ...data }: ContactDto,
  ) {
    return this.commands.execute(request, id, 'HoldThreeWayMeeting', occurredOn, data)
  }

  @CommandRoute('programme-reviews', 'A programme review was completed')
  completeProgrammeReview(
    @JourneyId() id: string,
    @RequestContext() request: CommandRequest,
    @Body() { occurredOn, ...data }: ContactDto,
  ) {
    return this.commands.execute(request, id, 'CompleteProgrammeReview', occurredOn, data)
  }

  @CommandRoute('provider-transfer', 'Another provider took the journey over')
  acceptProviderTransfer(
    @JourneyId() id: string,
    @RequestContext() request: CommandRequest,
    @Body() { occurredOn, ...data }: ProviderTransferDto,
  ) {
    return this.commands.execute(request, id, 'AcceptProviderTransfer', occurredOn, data)
  }

  @CommandRoute(
    'attendance',
    'A session was held: did he come?',
    'unknown_session',
    'not_allocated',
    'already_recorded',
    'before_allocation',
    'two_at_one_time',
    'unknown_time',
  )
  recordAttendance(
    @JourneyId() id: string,
    @RequestContext() request: CommandRequest,
    @Body() { occurredOn, groupId = '', ...data }: AttendanceDto,
  ) {
    return this.commands.execute(request, id, 'RecordAttendance', occurredOn, { groupId, ...data })
  }

  @CommandRoute(
    'attendance/:sessionId/corrections',
    'A record of attendance was wrong',
    'unknown_session',
    'nothing_to_correct',
  )
  @ApiParam({ name: 'sessionId', description: 'The session whose record is wrong.', example: 'F1' })
  correctAttendance(
    @JourneyId() id: string,
    @Param('sessionId', SessionIdPipe) sessionId: string,
    @RequestContext() request: CommandRequest,
    @Body() { occurredOn, ...data }: AttendanceCorrectionDto,
  ) {
    return this.commands.execute(request, id, 'CorrectAttendance', occurredOn, { sessionId, ...data })
  }

  @CommandRoute('warnings', 'He was given a warning')
  issueWarning(
    @JourneyId() id: string,
    @RequestContext() request: CommandRequest,
    @Body() { occurredOn, ...data }: EnforcementDto,
  ) {
    return this.commands.execute(request, id, 'IssueWarning', occurredOn, data)
  }

  @CommandRoute('breach', 'Breach proceedings were begun')
  initiateBreach(
    @JourneyId() id: string,
    @RequestContext() request: CommandRequest,
    @Body() { occurredOn, ...data }: EnforcementDto,
  ) {
    return this.commands.execute(request, id, 'InitiateBreach', occurredOn, data)
  }

  @CommandRoute('breach-resolution', 'The breach was resolved')
  resolveBreach(
    @JourneyId() id: string,
    @RequestContext() request: CommandRequest,
    @Body() { occurredOn, ...data }: EnforcementDto,
  ) {
    return this.commands.execute(request, id, 'ResolveBreach', occurredOn, data)
  }

  @CommandRoute('recall', 'He was recalled to prison')
  recordRecall(
    @JourneyId() id: string,
    @RequestContext() request: CommandRequest,
    @Body() { occurredOn, ...data }: EnforcementDto,
  ) {
    return this.commands.execute(request, id, 'RecordRecall', occurredOn, data)
  }

  @CommandRoute('drop-out', 'He dropped out')
  dropOut(
    @JourneyId() id: string,
    @RequestContext() request: CommandRequest,
    @Body() { occurredOn, ...data }: DropOutDto,
  ) {
    return this.commands.execute(request, id, 'DropOut', occurredOn, data)
  }

  @CommandRoute('completion', 'He completed the programme', 'not_started')
  complete(
    @JourneyId() id: string,
    @RequestContext() request: CommandRequest,
    @Body() { occurredOn, ...data }: ContactDto,
  ) {
    return this.commands.execute(request, id, 'Complete', occurredOn, data)
  }

  @CommandRoute('recategorisation', 'The reason for leaving was recategorised', 'nothing_to_recategorise')
  recategoriseOutcome(
    @JourneyId() id: string,
    @RequestContext() request: CommandRequest,
    @Body() { occurredOn, ...data }: RecategorisationDto,
  ) {
    return this.commands.execute(request, id, 'RecategoriseOutcome', occurredOn, data)
  }

  @CommandRoute('reinstatement', 'The journey goes on although it had ended', 'not_ended', 'before_the_end')
  reinstateJourney(
    @JourneyId() id: string,
    @RequestContext() request: CommandRequest,
    @Body() { occurredOn, ...data }: ReinstatementDto,
  ) {
    return this.commands.execute(request, id, 'ReinstateJourney', occurredOn, data)
  }

  @CommandRoute(
    'corrections',
    'A record of whatever kind was wrong',
    ...putRight,
    'not_correctable',
    'wrong_value',
    'nothing_to_correct',
    'before_allocation',
    'two_at_one_time',
  )
  correctRecord(@JourneyId() id: string, @RequestContext() request: CommandRequest, @Body() correction: CorrectionDto) {
    return this.commands.correctRecord(request, id, correction)
  }

  @CommandRoute('withdrawals', 'A record of whatever kind was recorded in error', ...putRight)
  withdrawRecord(
    @JourneyId() id: string,
    @RequestContext() request: CommandRequest,
    @Body() withdrawal: WithdrawalDto,
  ) {
    return this.commands.withdrawRecord(request, id, withdrawal)
  }
  @DetailsRoute()
  correctDetails(
    @JourneyId() id: string,
    @RequestContext() request: CommandRequest,
    @Body() correction: DetailsCorrectionDto,
  ) {
    return this.commands.correctDetails(request, id, correction)
  }
}
