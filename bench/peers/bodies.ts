/** The bodies of the peers' requests, validated as Nest's documentation shows it. */
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsISO8601,
  IsOptional,
  IsString,
  Length,
  Matches,
  MaxLength,
} from 'class-validator'
import { outcomeCodes, type Outcome } from '../../src/domain/journey/outcomes.ts'
import {
  referralSourceNames,
  suitabilities,
  type ReferralSource,
  type Suitability,
} from '../../src/domain/journey/referral.ts'
import { programmes } from '../../src/domain/programme.ts'

class DatedBody {
  @IsISO8601({ strict: true })
  @Length(10, 10)
  readonly occurredOn!: string
}

export class ContactBody extends DatedBody {
  @IsOptional()
  @IsString()
  @MaxLength(4_000)
  readonly note?: string
}

export class ReferralBody extends ContactBody {
  @Matches(/^[A-Z]\d{6}$/)
  readonly crn!: string

  @Length(1, 100)
  readonly familyName!: string

  @Length(1, 100)
  readonly givenNames!: string

  @IsISO8601({ strict: true })
  @Length(10, 10)
  readonly dateOfBirth!: string

  @IsIn(programmes.map(({ key }) => key))
  readonly programme!: string

  @Length(1, 100)
  readonly provider!: string

  @IsIn(Object.keys(referralSourceNames))
  readonly referralSource!: ReferralSource

  @Length(1, 100)
  readonly reference!: string
}

export class EligibilityBody extends ContactBody {
  @IsOptional()
  @IsString()
  @MaxLength(500)
  readonly result?: string
}

export class SuitabilityBody extends EligibilityBody {
  @IsIn(suitabilities)
  readonly decision!: Suitability
}

export class AllocationBody extends ContactBody {
  @Length(1, 40)
  readonly groupId!: string
}

export class AttendanceBody extends AllocationBody {
  @Length(1, 40)
  readonly sessionId!: string

  @IsIn(outcomeCodes)
  readonly outcome!: Outcome

  @IsArray()
  @ArrayMaxSize(10)
  @Length(1, 40, { each: true })
  readonly plannedFacilitators!: readonly string[]

  @IsArray()
  @ArrayMaxSize(10)
  @Length(1, 40, { each: true })
  readonly actualFacilitators!: readonly string[]
}

export class AttendanceCorrectionBody extends DatedBody {
  @IsIn(outcomeCodes)
  readonly outcome!: Outcome

  @IsOptional()
  @IsString()
  @MaxLength(4_000)
  readonly because?: string
}
