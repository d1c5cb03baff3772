/** What the body of each command of a group or a session must say. */
import {
  courseCodes,
  facilitatorDepartureCodes,
  supportFormCodes,
  type CourseCode,
  type FacilitatorDeparture,
  type SupportForm,
} from '../../domain/facilitator/training.ts'
import { largestGroup } from '../../domain/group/group.ts'
import {
  changeReasonCodes,
  departureCodes,
  engagementCodes,
  longestSession,
  facilitatorRoleCodes,
  standInReasonCodes,
  type ChangeReason,
  type Departure,
  type Engagement,
  type FacilitatorRole,
  type StandInReason,
} from '../../domain/group/room.ts'
import { outcomeCodes } from '../../domain/journey/outcomes.ts'
import { programmes } from '../../domain/programme.ts'
import { ConfirmableDto, ContactDto } from './commands.dto.ts'
import {
  CalendarDay,
  Code,
  Codes,
  OneOf,
  OpaqueId,
  ProviderName,
  Rows,
  SessionCode,
  TimeOfDay,
  Whole,
  Writing,
} from './fields.ts'

/** The day on which it was done; what a day says beside that is a field of its own. */
export class GroupCommandDto extends ConfirmableDto {
  @CalendarDay({ description: 'The day it was done. When it was recorded is noted by itself.', example: '2025-03-04' })
  readonly occurredOn!: string
}

export class PlannedFacilitatorDto {
  @Code({ description: 'The staff code of the facilitator.', example: 'F012' })
  readonly facilitator!: string

  @OneOf(facilitatorRoleCodes, { description: 'What he or she is in the room for.', example: 'lead' })
  readonly role!: FacilitatorRole
}

export class ActualFacilitatorDto extends PlannedFacilitatorDto {
  @OneOf(standInReasonCodes, {
    description: 'Why somebody who was not planned was there. Where nobody says, `not_stated` is recorded.',
    example: 'sickness',
    optional: true,
  })
  readonly standIn?: StandInReason
}

const staffExample = [{ facilitator: 'F012', role: 'lead' }]

export class GroupFormationDto extends GroupCommandDto {
  @Code({ description: 'What the group is called.', example: 'G141' })
  readonly code!: string

  @OneOf([...new Set(programmes.map(({ key }) => key))], { description: 'The programme.', example: 'bbr' })
  readonly programme!: string

  @ProviderName({ description: 'Who runs it.', example: 'North' })
  readonly provider!: string

  @ProviderName({ description: 'The building where it meets.', example: 'Mill Lane' })
  readonly place!: string

  @Whole(1, 7, { description: 'The day of the week, 1 for Monday.', example: 2 })
  readonly weekday!: number

  @TimeOfDay({ description: 'When a session begins, in the service’s time zone.', example: '18:30' })
  readonly startsAt!: string

  @Whole(1, longestSession, { description: 'How long a session lasts, in minutes.', example: 150 })
  readonly minutes!: number

  @Whole(1, largestGroup, { description: 'How many may have a place at one time.', example: 12 })
  readonly capacity!: number

  @Rows(PlannedFacilitatorDto, 6, { description: 'Who is to deliver its sessions.', example: staffExample })
  readonly facilitators!: readonly PlannedFacilitatorDto[]
}

const journeyOfHis = { description: 'The opaque id of his journey.', example: '3f0c0f0e-5b0a-4a53-9d2e-0c9c1f3b7a11' }

export class JoiningDto extends ContactDto {
  @OpaqueId(journeyOfHis)
  readonly journeyId!: string
}

export class LeavingDto extends JoiningDto {
  @OneOf(departureCodes, { description: 'Why he left.', example: 'other_group' })
  readonly reason!: Departure
}

export class SessionToScheduleDto {
  @SessionCode({ description: 'The session, as the programme codes it.', example: 'F1' })
  readonly programmeSession!: string

  @CalendarDay({ description: 'The day it is to be.', example: '2025-03-11' })
  readonly on!: string

  @TimeOfDay({ description: 'Where it is not the usual time of the group.', example: '18:00', optional: true })
  readonly startsAt?: string

  @Whole(1, longestSession, { description: 'Where it is not as long as usual.', example: 120, optional: true })
  readonly minutes?: number
}

export class ScheduleDto extends GroupCommandDto {
  @Rows(SessionToScheduleDto, 60, {
    description: 'The sessions in order. Bank holidays are not passed over here: each day is the caller’s.',
    example: [{ programmeSession: 'F1', on: '2025-03-11' }],
  })
  readonly sessions!: readonly SessionToScheduleDto[]
}

const changed = { description: 'Why.', example: 'room' }

export class MoveDto extends GroupCommandDto {
  @CalendarDay({ description: 'The new day.', example: '2025-03-18' })
  readonly on!: string

  @TimeOfDay({ description: 'When it begins.', example: '18:30' })
  readonly startsAt!: string

  @OneOf(changeReasonCodes, changed)
  readonly reason!: ChangeReason
}

export class CancellationDto extends GroupCommandDto {
  @OneOf(changeReasonCodes, changed)
  readonly reason!: ChangeReason
}

export class RegisterRowDto {
  @OpaqueId(journeyOfHis)
  readonly journeyId!: string

  @OneOf(outcomeCodes, { description: 'The attendance outcome code.', example: 'ATTC' })
  readonly outcome!: string

  @Whole(0, longestSession, {
    description:
      'How long he was there. Where it is left out: the whole session for who attended, and 0 for who did not.',
    example: 150,
    optional: true,
  })
  readonly minutes?: number

  @OneOf(engagementCodes, { description: 'How he took part.', example: 'full', optional: true })
  readonly engagement?: Engagement

  @Writing(4_000, { description: 'Free text; sealed under his own key.', example: 'Spoke first.', optional: true })
  readonly note?: string
}

const registerExample = [{ journeyId: journeyOfHis.example, outcome: 'ATTC' }]

export class RegisterDto extends GroupCommandDto {
  @Rows(RegisterRowDto, largestGroup, {
    description: 'A row for each man. Whoever is left out can be marked later.',
    example: registerExample,
  })
  readonly register!: readonly RegisterRowDto[]
}

export class DeliveryDto extends RegisterDto {
  @TimeOfDay({ description: 'When it began.', example: '18:35' })
  readonly startedAt!: string

  @Whole(1, longestSession, { description: 'How long it lasted, in minutes.', example: 145 })
  readonly minutes!: number

  @Rows(ActualFacilitatorDto, 10, { description: 'Who delivered it.', example: staffExample })
  readonly actual!: readonly ActualFacilitatorDto[]

  @Codes(10, { description: 'Staff codes of who watched.', example: ['F050'], optional: true })
  readonly observers: readonly string[] = []
}

export class RegisterCorrectionDto extends GroupCommandDto {
  @OpaqueId(journeyOfHis)
  readonly journeyId!: string

  @OneOf(outcomeCodes, { description: 'What the register should have said.', example: 'AAME' })
  readonly outcome!: string

  @Whole(0, longestSession, { description: 'How long he was there.', example: 0, optional: true })
  readonly minutes?: number

  @OneOf(engagementCodes, { description: 'How he took part.', example: 'not_stated', optional: true })
  readonly engagement?: Engagement

  @Writing(4_000, { description: 'Why it was wrong; sealed under his own key.', example: 'A medical note arrived.' })
  readonly because!: string
}

export class OnboardingDto extends GroupCommandDto {
  @Code({ description: 'The staff code under which registers name him or her.', example: 'F077' })
  readonly code!: string

  @Writing(80, { description: 'The name; sealed under the facilitator’s own key.', example: 'Rowan Vale' })
  readonly name!: string

  @ProviderName({ description: 'Who he or she works for.', example: 'North' })
  readonly provider!: string
}

export class TrainingDto extends GroupCommandDto {
  @OneOf(courseCodes, { description: 'The course that was completed.', example: 'bbr_facilitator' })
  readonly course!: CourseCode

  @CalendarDay({ description: 'The last day on which it holds.', example: '2027-03-04', optional: true })
  readonly validUntil?: string
}

export class SupportDto extends GroupCommandDto {
  @OneOf(supportFormCodes, { description: 'In which form it was held.', example: 'one_to_one' })
  readonly form!: SupportForm

  @Whole(1, longestSession, { description: 'How long it lasted, in minutes. What was said is not asked.', example: 60 })
  readonly minutes!: number
}

export class FacilitatorDepartureDto extends GroupCommandDto {
  @OneOf(facilitatorDepartureCodes, { description: 'Why he or she left.', example: 'moved_post' })
  readonly reason!: FacilitatorDeparture
}
