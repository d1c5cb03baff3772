/** What the body of each command must say. Every name in it is the domain's own. */
import {
  referralSourceNames,
  suitabilities,
  type ReferralSource,
  type Suitability,
} from '../../domain/journey/referral.ts'
import { oddityCodes } from '../../domain/journey/oddities.ts'
import { outcomeCodes, reasonCodes } from '../../domain/journey/outcomes.ts'
import { programmes } from '../../domain/programme.ts'
import {
  CalendarDay,
  Changes,
  Code,
  Codes,
  Crn,
  Line,
  OneOf,
  ProviderName,
  SessionCode,
  SomeOf,
  TimeOfDay,
  Whole,
  Writing,
} from './fields.ts'

const referralSources = Object.keys(referralSourceNames)

const note = {
  description: 'Free text; sealed under his own key.',
  example: 'Came with his support worker.',
  optional: true,
}

/** What may be unusual, and is recorded once the caller says that it is meant. */
export class ConfirmableDto {
  @SomeOf(oddityCodes, {
    description:
      'What is unusual about it and is meant, by the codes that a 409 `oddities` has answered. They are kept with the record.',
    example: ['far_from_today', 'out_of_order'],
    optional: true,
  })
  readonly confirmedOddities: readonly string[] = []
}

/** Something happened on a day. */
export class ContactDto extends ConfirmableDto {
  @CalendarDay({ description: 'The day it happened. When it was recorded is noted by itself.', example: '2025-03-04' })
  readonly occurredOn!: string

  @Writing(4_000, note)
  readonly note?: string
}

export class ReferralDto extends ContactDto {
  @Crn({ description: 'His case reference number.', example: 'X123456' })
  readonly crn!: string

  @Line(100, { description: 'His family name.', example: 'Example' })
  readonly familyName!: string

  @Line(100, { description: 'His given names.', example: 'Sam' })
  readonly givenNames!: string

  @CalendarDay({ description: 'His date of birth.', example: '1988-02-29' })
  readonly dateOfBirth!: string

  @OneOf([...new Set(programmes.map(({ key }) => key))], {
    description: 'The programme. The journey stays with the version in force now.',
    example: 'bbr',
  })
  readonly programme!: string

  @ProviderName({ description: 'Who delivers it.', example: 'North' })
  readonly provider!: string

  @OneOf(referralSources, { description: 'Who asked for the place.', example: 'court_requirement' })
  readonly referralSource!: ReferralSource

  @Line(100, {
    description: 'The referral’s own reference in the system it comes from. One journey a reference.',
    example: 'REF-2025-0042',
  })
  readonly reference!: string
}

const result = { description: 'The result, in the words of the assessment; sealed.', example: 'Medium', optional: true }

export class EligibilityDto extends ContactDto {
  @Writing(500, result)
  readonly result?: string
}

export class SuitabilityDto extends ContactDto {
  @OneOf(suitabilities, { description: 'What was decided.', example: 'suitable' })
  readonly decision!: Suitability

  @Writing(500, result)
  readonly result?: string
}

export class AllocationDto extends ContactDto {
  @Code({ description: 'The group he has a place in.', example: 'G014' })
  readonly groupId!: string
}

export class ProviderTransferDto extends ContactDto {
  @ProviderName({ description: 'Who has taken the journey over.', example: 'East' })
  readonly provider!: string
}

const outcome = { description: 'The attendance outcome code.', example: 'ATTC' }

export class AttendanceDto extends ContactDto {
  @SessionCode({ description: 'The session, as the programme codes it.', example: 'F1' })
  readonly sessionId!: string

  @OneOf(outcomeCodes, outcome)
  readonly outcome!: string

  @Code({ description: 'The group it was held for.', example: 'G014', optional: true })
  readonly groupId?: string

  @Codes(10, { description: 'Staff codes of who was to deliver it.', example: ['F011', 'F008'], optional: true })
  readonly plannedFacilitators: readonly string[] = []

  @Codes(10, { description: 'Staff codes of who was in the room.', example: ['F011', 'F029'], optional: true })
  readonly actualFacilitators: readonly string[] = []

  @TimeOfDay({
    description: 'When it began. Where both times are known, he cannot be in another session then.',
    example: '18:30',
    optional: true,
  })
  readonly startedAt?: string

  @TimeOfDay({ description: 'When it ended.', example: '21:00', optional: true })
  readonly endedAt?: string
}

/** A correction is shown beside what it corrects, and never replaces it. */
export class AttendanceCorrectionDto extends ConfirmableDto {
  @CalendarDay({ description: 'The day the mistake was found. The session keeps its own day.', example: '2025-03-06' })
  readonly occurredOn!: string

  @OneOf(outcomeCodes, { ...outcome, example: 'AAME' })
  readonly outcome!: string

  @Writing(4_000, {
    ...note,
    description: 'Why the record is corrected; sealed under his own key.',
    example: 'A medical note arrived.',
  })
  readonly because?: string
}

export class EnforcementDto extends ContactDto {
  @Writing(500, { description: 'What it is about; sealed.', example: 'Two unacceptable absences', optional: true })
  readonly about?: string
}

export class DropOutDto extends ContactDto {
  @OneOf(reasonCodes, { description: 'Why he left.', example: 'missed_sessions' })
  readonly reason!: string
}

export class RecategorisationDto extends ContactDto {
  @OneOf(reasonCodes, { description: 'The reason now believed. The former one stays on record.', example: 'health' })
  readonly to!: string
}

const why = {
  description: 'Why; shown beside what is put right, and sealed under his own key.',
  example: 'The day was mistyped.',
}

/** A record of whatever kind says something else from now on. What it says until now is read from the log. */
export class CorrectionDto extends ConfirmableDto {
  @Whole(0, 999_999_999, { description: 'The revision of the event that is wrong.', example: 4 })
  readonly corrects!: number

  @CalendarDay({
    description: 'The day on which it happened, where that was wrong.',
    example: '2025-03-04',
    optional: true,
  })
  readonly occurredOn?: string

  @Changes({
    description:
      'By field, what it should have said; a field that is not named stays as it was, and an empty text takes it away.',
    example: { groupId: 'G015' },
    optional: true,
  })
  readonly changes: Readonly<Record<string, unknown>> = {}

  @Writing(4_000, why)
  readonly because!: string
}

/** Who he is: only what changes is said. */
export class DetailsCorrectionDto extends ConfirmableDto {
  @Crn({ description: 'His case reference number, where that was wrong.', example: 'X123456', optional: true })
  readonly crn?: string

  @Line(100, { description: 'His family name, where that was wrong.', example: 'Exampel', optional: true })
  readonly familyName?: string

  @Line(100, { description: 'His given names, where these were wrong.', example: 'Samuel', optional: true })
  readonly givenNames?: string

  @CalendarDay({ description: 'His date of birth, where that was wrong.', example: '1988-02-28', optional: true })
  readonly dateOfBirth?: string

  @Writing(4_000, { ...why, description: 'Why the details were wrong; sealed.', example: 'As his passport says.' })
  readonly because!: string
}

export class WithdrawalDto {
  @Whole(0, 999_999_999, {
    description: 'The revision of the event that is taken back: a record, a correction of one, or a withdrawal.',
    example: 1,
  })
  readonly withdraws!: number

  @Writing(4_000, { ...why, example: 'Recorded of the wrong man.' })
  readonly because!: string
}

export class ReinstatementDto extends ConfirmableDto {
  @CalendarDay({ description: 'The day on which it was decided that the journey goes on.', example: '2025-03-06' })
  readonly occurredOn!: string

  @Writing(4_000, { ...why, example: 'The court set the breach aside.' })
  readonly because!: string
}
