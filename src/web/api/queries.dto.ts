/** What each question may say. Nothing personal ever goes into an address: looking for somebody is a POST. */
import { caseloadSorts, type CaseloadSort } from '../../queries/journeys.ts'
import { statusCodes, type Status } from '../../domain/journey/figures.ts'
import { needCodes, type Need } from '../../domain/journey/needs.ts'
import type { Moment } from '../../domain/journey/replay.ts'
import { Code, OneOf, ProviderName, PlaceOnClock, Position, SomeOf, Whole, Writing } from './fields.ts'

/** Any query may wait for what its caller has just recorded. */
export class AfterQuery {
  @Position({
    description:
      'Wait, two seconds at most, until the answer knows of this position. Also as the header X-After-Position.',
    example: '12345',
    optional: true,
  })
  readonly after?: string
}

export class TodayQuery extends AfterQuery {
  @Code({
    description: 'Only the sessions and the training of whoever has this staff code.',
    example: 'F012',
    optional: true,
  })
  readonly facilitator?: string
}

export class ReplayQuery extends AfterQuery {
  @OneOf(['happened', 'known'], {
    description: 'The clock: what had happened by then, as is known today; or what was known then.',
    example: 'known',
  })
  readonly clock!: Moment['clock']

  @PlaceOnClock({
    description: 'A day on the clock happened; an instant on the clock known. Inclusive.',
    example: '2025-03-05T17:00:00Z',
  })
  readonly at!: string
}

export class CaseloadSearchDto {
  @Writing(100, {
    description:
      'Words of a name or their beginnings, with one typing mistake in each; all or part of a CRN or a reference; a date of birth.',
    example: 'X123456',
    optional: true,
  })
  readonly find?: string

  @SomeOf(statusCodes, {
    description: 'Only journeys in one of these states.',
    example: ['on_programme', 'breach'],
    optional: true,
  })
  readonly statuses?: readonly Status[]

  @ProviderName({ description: 'Only journeys with this provider.', example: 'North', optional: true })
  readonly provider?: string

  @Code({ description: 'Only journeys in this group.', example: 'G014', optional: true })
  readonly groupId?: string

  @OneOf(needCodes, { description: 'Only journeys on which this needs doing.', example: 'review', optional: true })
  readonly need?: Need

  @OneOf(caseloadSorts, {
    description: 'Sorted by; where it is not said, match (the nearest to what is sought) with find, else last_contact.',
    example: 'last_contact',
    optional: true,
  })
  readonly sort?: CaseloadSort

  @OneOf(['asc', 'desc'], {
    description: 'In which direction; where it is not said, asc for name and match, else desc.',
    example: 'desc',
    optional: true,
  })
  readonly direction?: 'asc' | 'desc'

  @Whole(1, 1_000_000, { description: 'Which page, from 1.', example: 1, optional: true })
  readonly page?: number

  @Whole(1, 200, { description: 'How many journeys a page; 25 where it is not said.', example: 25, optional: true })
  readonly pageSize?: number
}
