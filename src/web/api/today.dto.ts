/** What the API answers about the tasks of a day. Each class is one schema of the OpenAPI document; the comments are its descriptions. */
import { ApiProperty } from '@nestjs/swagger'
import { taskKinds, type TaskKind } from '../../queries/today.ts'

export class TaskDto {
  /** The day it is about: of a session, an absence or a last contact; until when a training holds; when something was asked. */
  @ApiProperty({ type: String, format: 'date', example: '2025-03-04' })
  readonly on!: string

  /** The opaque id of the journey it is about; null where it is about nobody’s. */
  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  readonly journeyId!: string | null

  /** The session it is about; null where it is about none. */
  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  readonly sessionId!: string | null

  /** Of somebody who is planned twice: the session that overlaps. */
  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  readonly otherSessionId!: string | null

  /** Codes of the people it is about, or of who asked for it. */
  @ApiProperty({ type: [String], example: ['F012'] })
  readonly staff!: readonly string[]

  /** A code that says more: the outcome of an absence, why somebody stood in, the course of a training, the kind of an alert. */
  @ApiProperty({ type: String, nullable: true, example: 'sickness' })
  readonly detail!: string | null

  /** How many it is about: people who are not marked, facilitators who are left, records that were reached for. */
  @ApiProperty({ type: 'integer' })
  readonly count!: number
}

export class TaskListDto {
  @ApiProperty({ enum: taskKinds })
  readonly kind!: TaskKind

  /** The first of them: 10, or 50 where nothing else lists all of them. */
  @ApiProperty({ type: [TaskDto] })
  readonly tasks!: readonly TaskDto[]

  /** How many there are, as far as they are counted. */
  @ApiProperty({ type: 'integer' })
  readonly total!: number

  /** There are more than were counted. */
  @ApiProperty({ type: Boolean })
  readonly more!: boolean
}
