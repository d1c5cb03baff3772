/** Everything that can be told about a journey through the API. What may happen is not decided here: the domain refuses. */
import { Body, Param } from '@nestjs/common'
import { ApiParam } from '@nestjs/swagger'
import { AskedFor, SessionIdPipe, type Asked } from './asked.ts'
import {
  AllocationDto,
  AttendanceCorrectionDto,
  AttendanceDto,
  ContactDto,
  DropOutDto,
  EligibilityDto,
  EnforcementDto,
  ProviderTransferDto,
  RecategorisationDto,
  ReferralDto,
  SuitabilityDto,
} from './commands.dto.ts'
import { Face, JourneyId, Tells } from './face.ts'
import { Teller } from './teller.ts'

@Face('journeys', 'What happened')
export class CommandsController {
  constructor(private readonly teller: Teller) {}

  @Tells('', 'He was referred', 'already_referred', 'no_details')
  refer(@AskedFor() asked: Asked, @Body() referral: ReferralDto) {
    return this.teller.refer(asked, referral)
  }

  @Tells('eligibility', 'His eligibility was assessed')
  assessEligibility(
    @JourneyId() id: string,
    @AskedFor() asked: Asked,
    @Body() { occurredOn, ...data }: EligibilityDto,
  ) {
    return this.teller.tell(asked, id, 'AssessEligibility', occurredOn, data)
  }

  @Tells('suitability', 'It was decided whether he can take part now')
  decideSuitability(
    @JourneyId() id: string,
    @AskedFor() asked: Asked,
    @Body() { occurredOn, ...data }: SuitabilityDto,
  ) {
    return this.teller.tell(asked, id, 'DecideSuitability', occurredOn, data)
  }

  @Tells('waiting-list', 'He was placed on the waiting list')
  placeOnWaitingList(@JourneyId() id: string, @AskedFor() asked: Asked, @Body() { occurredOn, ...data }: ContactDto) {
    return this.teller.tell(asked, id, 'PlaceOnWaitingList', occurredOn, data)
  }

  @Tells('allocation', 'He was allocated to a group')
  allocateToGroup(@JourneyId() id: string, @AskedFor() asked: Asked, @Body() { occurredOn, ...data }: AllocationDto) {
    return this.teller.tell(asked, id, 'AllocateToGroup', occurredOn, data)
  }

  @Tells('three-way-meetings', 'A three-way meeting was held')
  holdThreeWayMeeting(@JourneyId() id: string, @AskedFor() asked: Asked, @Body() { occurredOn, ...data }: ContactDto) {
    return this.teller.tell(asked, id, 'HoldThreeWayMeeting', occurredOn, data)
  }

  @Tells('programme-reviews', 'A programme review was completed')
  completeProgrammeReview(
    @JourneyId() id: string,
    @AskedFor() asked: Asked,
    @Body() { occurredOn, ...data }: ContactDto,
  ) {
    return this.teller.tell(asked, id, 'CompleteProgrammeReview', occurredOn, data)
  }

  @Tells('provider-transfer', 'Another provider took the journey over')
  acceptProviderTransfer(
    @JourneyId() id: string,
    @AskedFor() asked: Asked,
    @Body() { occurredOn, ...data }: ProviderTransferDto,
  ) {
    return this.teller.tell(asked, id, 'AcceptProviderTransfer', occurredOn, data)
  }

  @Tells('attendance', 'A session was held: did he come?', 'unknown_session', 'not_allocated', 'already_recorded')
  recordAttendance(
    @JourneyId() id: string,
    @AskedFor() asked: Asked,
    @Body() { occurredOn, groupId = '', ...data }: AttendanceDto,
  ) {
    return this.teller.tell(asked, id, 'RecordAttendance', occurredOn, { groupId, ...data })
  }

  @Tells(
    'attendance/:sessionId/corrections',
    'A record of attendance was wrong',
    'unknown_session',
    'nothing_to_correct',
  )
  @ApiParam({ name: 'sessionId', description: 'The session whose record is wrong.', example: 'F1' })
  correctAttendance(
    @JourneyId() id: string,
    @Param('sessionId', SessionIdPipe) sessionId: string,
    @AskedFor() asked: Asked,
    @Body() { occurredOn, ...data }: AttendanceCorrectionDto,
  ) {
    return this.teller.tell(asked, id, 'CorrectAttendance', occurredOn, { sessionId, ...data })
  }

  @Tells('warnings', 'He was given a warning')
  issueWarning(@JourneyId() id: string, @AskedFor() asked: Asked, @Body() { occurredOn, ...data }: EnforcementDto) {
    return this.teller.tell(asked, id, 'IssueWarning', occurredOn, data)
  }

  @Tells('breach', 'Breach proceedings were begun')
  initiateBreach(@JourneyId() id: string, @AskedFor() asked: Asked, @Body() { occurredOn, ...data }: EnforcementDto) {
    return this.teller.tell(asked, id, 'InitiateBreach', occurredOn, data)
  }

  @Tells('breach-resolution', 'The breach was resolved')
  resolveBreach(@JourneyId() id: string, @AskedFor() asked: Asked, @Body() { occurredOn, ...data }: EnforcementDto) {
    return this.teller.tell(asked, id, 'ResolveBreach', occurredOn, data)
  }

  @Tells('recall', 'He was recalled to prison')
  recordRecall(@JourneyId() id: string, @AskedFor() asked: Asked, @Body() { occurredOn, ...data }: EnforcementDto) {
    return this.teller.tell(asked, id, 'RecordRecall', occurredOn, data)
  }

  @Tells('drop-out', 'He dropped out')
  dropOut(@JourneyId() id: string, @AskedFor() asked: Asked, @Body() { occurredOn, ...data }: DropOutDto) {
    return this.teller.tell(asked, id, 'DropOut', occurredOn, data)
  }

  @Tells('completion', 'He completed the programme', 'not_started')
  complete(@JourneyId() id: string, @AskedFor() asked: Asked, @Body() { occurredOn, ...data }: ContactDto) {
    return this.teller.tell(asked, id, 'Complete', occurredOn, data)
  }

  @Tells('recategorisation', 'The reason for leaving was recategorised', 'nothing_to_recategorise')
  recategoriseOutcome(
    @JourneyId() id: string,
    @AskedFor() asked: Asked,
    @Body() { occurredOn, ...data }: RecategorisationDto,
  ) {
    return this.teller.tell(asked, id, 'RecategoriseOutcome', occurredOn, data)
  }
}
