/** What the API answers about groups and sessions. Each class is one schema of the OpenAPI document; the comments are its descriptions. */
import { ApiProperty } from '@nestjs/swagger'
import { outcomeCodes, type Outcome } from '../../domain/journey/outcomes.ts'

/** Where a command of a group or a session was written. */
export class GroupWrittenDto {
  /** The opaque ids of the sessions it is about, in order; the id of the group where it is about that. */
  @ApiProperty({ type: [String], format: 'uuid' })
  readonly ids!: readonly string[]

  /** The place of its last event in the whole log: pass it as `after` to a question that should know of it. */
  @ApiProperty({ type: String, example: '12345' })
  readonly position!: string
}

export class ListedGroupDto {
  /** The opaque id of the group. */
  @ApiProperty({ format: 'uuid' })
  readonly groupId!: string

  /** What it is called. */
  @ApiProperty({ type: String, example: 'G141' })
  readonly code!: string

  /** The name of the programme. */
  @ApiProperty({ type: String })
  readonly programme!: string

  @ApiProperty({ type: String })
  readonly provider!: string

  @ApiProperty({ type: String })
  readonly place!: string

  /** 1 is Monday. */
  @ApiProperty({ type: 'integer', minimum: 1, maximum: 7 })
  readonly weekday!: number

  @ApiProperty({ type: String, example: '18:30' })
  readonly startsAt!: string

  @ApiProperty({ type: 'integer' })
  readonly minutes!: number

  @ApiProperty({ type: 'integer' })
  readonly capacity!: number

  /** How many have a place now. */
  @ApiProperty({ type: 'integer' })
  readonly members!: number

  /** The day of its next session; null where none is in the calendar. */
  @ApiProperty({ type: String, format: 'date', nullable: true })
  readonly nextOn!: string | null

  /** A synthetic record, in no official figure. */
  @ApiProperty({ type: Boolean })
  readonly demonstration!: boolean
}

export class RegisterEntryDto {
  /** The opaque id of his journey. */
  @ApiProperty({ format: 'uuid' })
  readonly journeyId!: string

  @ApiProperty({ enum: outcomeCodes })
  readonly outcome!: Outcome

  @ApiProperty({ type: 'integer' })
  readonly minutes!: number

  @ApiProperty({ type: String, example: 'full' })
  readonly engagement!: string

  /** How often it was corrected. */
  @ApiProperty({ type: 'integer' })
  readonly corrections!: number

  /** Why the journey does not take it; null where it does, or will. */
  @ApiProperty({ type: String, nullable: true })
  readonly notCarried!: string | null
}

export class GroupSessionDto {
  @ApiProperty({ format: 'uuid' })
  readonly sessionId!: string

  @ApiProperty({ format: 'uuid' })
  readonly groupId!: string

  @ApiProperty({ type: String, example: 'F1' })
  readonly programmeSession!: string

  /** The day it is to be; once it was held, the day it was. */
  @ApiProperty({ type: String, format: 'date' })
  readonly on!: string

  @ApiProperty({ type: String, example: '18:30' })
  readonly startsAt!: string

  @ApiProperty({ enum: ['scheduled', 'cancelled', 'delivered'] })
  readonly status!: string

  /** Staff codes of who was to deliver it. */
  @ApiProperty({ type: [String] })
  readonly planned!: readonly string[]

  /** Staff codes of who was in the room. */
  @ApiProperty({ type: [String] })
  readonly actual!: readonly string[]

  @ApiProperty({ type: [RegisterEntryDto] })
  readonly register!: readonly RegisterEntryDto[]
}

export class TrainingHeldDto {
  /** The code of the course. */
  @ApiProperty({ type: String, example: 'bbr_facilitator' })
  readonly course!: string

  /** The day on which it was completed. */
  @ApiProperty({ type: String, format: 'date' })
  readonly on!: string

  /** The last day on which it holds; null where it does not lapse. */
  @ApiProperty({ type: String, format: 'date', nullable: true })
  readonly validUntil!: string | null

  /** Whether its last day has passed. */
  @ApiProperty({ type: Boolean })
  readonly hasLapsed!: boolean
}

export class ListedFacilitatorDto {
  /** The opaque id of the facilitator. */
  @ApiProperty({ format: 'uuid' })
  readonly facilitatorId!: string

  /** The staff code under which registers name him or her. */
  @ApiProperty({ type: String, example: 'F012' })
  readonly code!: string

  @ApiProperty({ type: String })
  readonly name!: string

  @ApiProperty({ type: String })
  readonly provider!: string

  /** The day he or she left; null where that has not happened. */
  @ApiProperty({ type: String, format: 'date', nullable: true })
  readonly leftOn!: string | null

  /** The last of each course. */
  @ApiProperty({ type: [TrainingHeldDto] })
  readonly trainings!: readonly TrainingHeldDto[]

  /** Sessions delivered in the last four weeks. */
  @ApiProperty({ type: 'integer' })
  readonly sessions!: number

  /** How many of these began at 17:00 or later. */
  @ApiProperty({ type: 'integer' })
  readonly evenings!: number

  /** Sessions whose day has passed and of which nobody recorded whether they were held. */
  @ApiProperty({ type: 'integer' })
  readonly outstanding!: number
}
