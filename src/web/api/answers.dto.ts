/** What the API answers. Each class is one schema of the OpenAPI document; the comments are its descriptions. */
import { oddityCodes, type OddityCode } from '../../domain/journey/oddities.ts'
import { ApiProperty } from '@nestjs/swagger'
import { needCodes, type Need } from '../../domain/journey/needs.ts'
import { statusCodes, type JourneyFigures, type Status } from '../../domain/journey/figures.ts'
import type { JourneyEvent } from '../../domain/journey/journey.ts'
import { outcomeCodes, reasonCodes, type Outcome, type Reason } from '../../domain/journey/outcomes.ts'
import type { ChangedBelief, Moment } from '../../domain/journey/replay.ts'
import type { ModuleDefinition, ProgrammeDefinition, SessionDefinition } from '../../domain/programme.ts'
import type { Source } from '../../domain/history.ts'
import type { CaseloadPage, CaseloadRow, JourneyHeader, LogRecord, TimelineEntry } from '../../queries/journeys.ts'
import { problemCodes, type FieldError, type ProblemCode } from './problems.ts'

/** Where the event of a command was written. */
export class WrittenDto {
  /** The opaque id of the journey. */
  @ApiProperty({ format: 'uuid' })
  readonly journeyId!: string

  /** The revision at which it stands in the journey's own stream. */
  @ApiProperty({ type: 'integer', example: 7 })
  readonly revision!: number

  /** Its place in the whole log: pass it as `after` to a question that should know of it. */
  @ApiProperty({ type: String, example: '12345' })
  readonly position!: string
}

/** Where a correction of who he is was written. */
export class DetailsWrittenDto {
  /** The opaque id of the journey at whose address it was sent. */
  @ApiProperty({ format: 'uuid' })
  readonly journeyId!: string

  /** The revision at which it stands in the history of the man himself. */
  @ApiProperty({ type: 'integer', example: 1 })
  readonly detailsRevision!: number

  /** Its place in the whole log: pass it as `after` to a question that should know of it. */
  @ApiProperty({ type: String, example: '12345' })
  readonly position!: string
}

export class FieldErrorDto implements FieldError {
  @ApiProperty({ type: String, example: 'occurredOn' })
  readonly field!: string

  /** What the field should be; never what was sent. */
  @ApiProperty({ type: String, example: 'must be a real date from 1900 on, written YYYY-MM-DD' })
  readonly message!: string
}

export class CheckDto {
  @ApiProperty({ enum: ['up', 'down'] })
  readonly status!: 'up' | 'down'
}

export class ProjectorCheckDto extends CheckDto {
  /** `standing_by` while another instance projects for all; `rebuilding` while answers may be old or incomplete; `refused`, which is down, where a newer release built the read models. */
  @ApiProperty({ enum: ['stopped', 'standing_by', 'projecting', 'rebuilding', 'retrying', 'refused'] })
  readonly state!: 'stopped' | 'standing_by' | 'projecting' | 'rebuilding' | 'retrying' | 'refused'
}

export class ChecksDto {
  /** The event store. */
  @ApiProperty({ type: CheckDto })
  readonly log!: CheckDto
  /** The database that the pages read. */
  @ApiProperty({ type: CheckDto })
  readonly readModels!: CheckDto
  @ApiProperty({ type: ProjectorCheckDto })
  readonly projector!: ProjectorCheckDto
}

/** RFC 9457. */
/** One thing that is unusual about what was sent. */
export class OddityDto {
  /** To be sent back in `confirmedOddities`. */
  @ApiProperty({ enum: oddityCodes, example: 'weekend' })
  readonly code!: OddityCode

  @ApiProperty({ type: String, example: '8 March 2025 was a Saturday.' })
  readonly sentence!: string
}

export class ProblemDto {
  /** Described at this address. */
  @ApiProperty({ type: String, format: 'uri-reference', example: '/api/problems/journey_ended' })
  readonly type!: string

  @ApiProperty({ type: String })
  readonly title!: string

  @ApiProperty({ type: 'integer', example: 409 })
  readonly status!: number

  @ApiProperty({ type: String })
  readonly detail!: string

  /** This one request, to quote when asking for help. */
  @ApiProperty({ type: String, format: 'uri' })
  readonly instance!: string

  @ApiProperty({ enum: problemCodes })
  readonly code!: ProblemCode

  @ApiProperty({ type: [FieldErrorDto], required: false })
  readonly errors?: readonly FieldErrorDto[]

  /** Of `oddities`: what is unusual. */
  @ApiProperty({ type: [OddityDto], required: false })
  readonly oddities?: readonly OddityDto[]

  /** Of `not_ready`: which of them is down. */
  @ApiProperty({ type: ChecksDto, required: false })
  readonly checks?: ChecksDto
}

/** One kind of problem, as its type says it. */
export class ProblemKindDto {
  @ApiProperty({ type: String })
  readonly type!: string

  @ApiProperty({ enum: problemCodes })
  readonly code!: ProblemCode

  @ApiProperty({ type: 'integer' })
  readonly status!: number

  @ApiProperty({ type: String })
  readonly title!: string

  @ApiProperty({ type: String })
  readonly meaning!: string
}

export class CaseloadRowDto implements CaseloadRow {
  @ApiProperty({ format: 'uuid' })
  readonly journeyId!: string
  /** `Family, Given`; says so where his key was destroyed. */
  readonly name!: string
  readonly crn!: string
  /** The referral's own reference in the system it came from. */
  readonly reference!: string
  readonly programme!: string
  readonly provider!: string | null
  readonly groupId!: string | null
  @ApiProperty({ enum: statusCodes })
  readonly status!: Status
  @ApiProperty({ format: 'date' })
  readonly referredOn!: string
  @ApiProperty({ format: 'date' })
  readonly lastContactOn!: string
  readonly endedOn!: string | null
  /** Sessions whose outcome now believed is attended. */
  readonly attended!: number
  readonly acceptableAbsences!: number
  readonly unacceptableAbsences!: number
  readonly corrections!: number
  readonly recategorisations!: number
  /** How many different staff actually delivered his sessions. */
  readonly facilitatorsMet!: number
  /** What needs doing, as far as the events say. When an order ends is in no event. */
  @ApiProperty({ enum: needCodes, isArray: true })
  readonly needs!: readonly Need[]
  /** A synthetic record, in no official figure. */
  readonly demonstration!: boolean
}

export class CaseloadDto implements CaseloadPage {
  @ApiProperty({ type: [CaseloadRowDto] })
  readonly rows!: readonly CaseloadRowDto[]
  /** How many journeys match, counted up to 2,000. */
  readonly total!: number
  /** More match than were counted. */
  readonly more!: boolean
  readonly page!: number
  readonly pageSize!: number
  /** The first 100 in order. */
  @ApiProperty({ type: [String] })
  readonly providers!: readonly string[]
  readonly moreProviders!: boolean
  /** The first 100 in order. */
  @ApiProperty({ type: [String] })
  readonly groups!: readonly string[]
  readonly moreGroups!: boolean
  /** There is nothing at all in the case load. */
  readonly empty!: boolean
}

export class ParkedDto {
  /** The revision of the event that cannot be projected. */
  readonly revision!: number
  readonly why!: string
}

export class JourneyDto extends CaseloadRowDto implements JourneyHeader {
  @ApiProperty({ format: 'uuid' })
  readonly participantId!: string
  readonly dateOfBirth!: string
  readonly programmeKey!: string
  /** The version of the programme this journey stays with. */
  readonly programmeVersion!: number
  /** The last revision this answer knows of. */
  readonly revision!: number
  /** The event at which the journey's stream is parked, because it cannot be projected. */
  @ApiProperty({ type: ParkedDto, nullable: true })
  readonly parked!: ParkedDto | null
}

export class TimelineEntryDto implements TimelineEntry {
  readonly revision!: number
  @ApiProperty({ format: 'uuid' })
  readonly eventId!: string
  @ApiProperty({ type: String, example: 'AttendanceRecorded' })
  readonly type!: JourneyEvent['type']
  /** The day it happened. */
  @ApiProperty({ format: 'date' })
  readonly occurredOn!: string
  /** When it was recorded. */
  @ApiProperty({ format: 'date-time' })
  readonly recordedAt!: string
  @ApiProperty({ enum: ['ui', 'api', 'import', 'simulator', 'terminal'] })
  readonly source!: Source
  readonly recordedBy!: string
  readonly module!: string | null
  readonly sessionId!: string | null
  @ApiProperty({ enum: outcomeCodes, nullable: true })
  readonly outcome!: Outcome | null
  @ApiProperty({ type: [String] })
  readonly plannedFacilitators!: readonly string[]
  @ApiProperty({ type: [String] })
  readonly actualFacilitators!: readonly string[]
  /** The revision of the entry this one corrects. */
  readonly corrects!: number | null
  /** The revision of the entry this one takes back as recorded in error. */
  readonly withdraws!: number | null
  /** Of a correction that says a record anew: the type of the event that told it first. */
  @ApiProperty({ type: String, nullable: true })
  readonly of!: JourneyEvent['type'] | null
  /** The entry that told first what this one is about: its own revision, where it is that. */
  readonly fact!: number
  /** The revision of the withdrawal that took this entry back and stands. */
  readonly withdrawnBy!: number | null
  /** Of an entry that tells a fact: its last version that stands; null where the fact was withdrawn, and for all other entries. */
  readonly current!: number | null
  /** Whether nothing that stands has been recorded about its fact since. */
  readonly latest!: boolean
  /** Why a record was corrected or withdrawn, or a journey reinstated. */
  readonly because!: string | null
  /** The revision of the entry that corrects this one. */
  readonly correctedBy!: number | null
  @ApiProperty({ enum: outcomeCodes, nullable: true })
  readonly wasOutcome!: Outcome | null
  readonly reason!: string | null
  readonly wasReason!: string | null
  readonly groupId!: string | null
  readonly provider!: string | null
  readonly note!: string | null
  readonly detail!: string | null
  /** What a legacy log wrote in columns this contact has no place for. */
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  readonly asWritten!: Readonly<Record<string, string>>
  readonly late!: boolean
  readonly daysLate!: number
}

export class FiguresDto implements JourneyFigures {
  @ApiProperty({ enum: ['open', 'completed', 'dropped_out'] })
  readonly outcome!: JourneyFigures['outcome']
  /** Why he left, after any recategorisation. */
  @ApiProperty({ enum: reasonCodes, nullable: true })
  readonly reason!: Reason | null
  readonly attended!: number
  readonly acceptable_absences!: number
  readonly unacceptable_absences!: number
  readonly corrections!: number
  readonly recategorisations!: number
  readonly facilitators_met!: number
}

export class BelievedSessionDto {
  readonly sessionId!: string
  readonly name!: string
  @ApiProperty({ enum: outcomeCodes })
  readonly outcome!: Outcome
  @ApiProperty({ format: 'date' })
  readonly heldOn!: string
}

export class SaidDto {
  readonly revision!: number
  @ApiProperty({ type: String, example: 'AttendanceRecorded' })
  readonly type!: JourneyEvent['type']
  @ApiProperty({ format: 'date' })
  readonly occurredOn!: string
  @ApiProperty({ format: 'date-time' })
  readonly recordedAt!: string
  /** The event in one plain sentence that says nothing about who he is. */
  readonly sentence!: string
}

export class ReplayDto {
  @ApiProperty({ enum: ['happened', 'known'] })
  readonly clock!: Moment['clock']
  /** The moment, on that clock, inclusive. */
  readonly at!: string
  @ApiProperty({ enum: statusCodes })
  readonly status!: Status
  @ApiProperty({ type: FiguresDto })
  readonly figures!: JourneyFigures
  @ApiProperty({ type: [BelievedSessionDto] })
  readonly sessions!: readonly BelievedSessionDto[]
  /** What was believed then and is no longer. Empty on the clock of what happened. */
  @ApiProperty({
    type: 'array',
    items: {
      type: 'object',
      properties: {
        about: { type: 'string', enum: ['session', 'reason', 'record'] },
        sessionId: { type: 'string' },
        type: { type: 'string', description: 'Of any other record: the type of the event that told it first.' },
        fact: { type: 'integer', description: 'And the revision of that event.' },
        then: { description: 'The outcome or the reason; of any other record, the revision that said it then.' },
        now: { description: 'The same now; null where it was withdrawn.' },
        revision: { type: 'integer', description: 'The event that changed it.' },
      },
    },
  })
  readonly changedSince!: readonly ChangedBelief[]
  /** The last event on this clock up to the moment. */
  @ApiProperty({ type: SaidDto, nullable: true })
  readonly last!: SaidDto | null
  /** Every event that counts at the moment, in the order of the log. */
  @ApiProperty({ type: [SaidDto] })
  readonly sentences!: readonly SaidDto[]
}

export class LogRecordDto implements LogRecord {
  readonly revision!: number
  @ApiProperty({ format: 'uuid' })
  readonly eventId!: string
  readonly type!: string
  /** When this log received it; a legacy system may have been told long before. */
  @ApiProperty({ format: 'date-time' })
  readonly receivedAt!: string
  readonly position!: string
  /** The event opened, or null where it cannot be understood. */
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  readonly event!: LogRecord['event']
  /** As the log holds it, sealed. */
  @ApiProperty({ type: 'object', additionalProperties: true })
  readonly stored!: LogRecord['stored']
  readonly sentence!: string
}

export class ModuleDto implements ModuleDefinition {
  readonly key!: string
  readonly name!: string
}

export class SessionDto implements SessionDefinition {
  /** The code practitioners write. */
  readonly id!: string
  readonly name!: string
  readonly module!: string
  @ApiProperty({ enum: ['group', 'individual', 'review'] })
  readonly kind!: SessionDefinition['kind']
}

/** One version of a programme. A journey stays with the version in force when it was referred. */
export class ProgrammeDto implements ProgrammeDefinition {
  readonly key!: string
  readonly version!: number
  readonly name!: string
  @ApiProperty({ type: [ModuleDto] })
  readonly modules!: readonly ModuleDto[]
  /** In the order in which they are meant to be delivered. */
  @ApiProperty({ type: [SessionDto] })
  readonly sessions!: readonly SessionDto[]
}

export class AliveDto {
  @ApiProperty({ enum: ['alive'] })
  readonly status!: 'alive'
}

export class ReadyDto {
  @ApiProperty({ enum: ['ready'] })
  readonly status!: 'ready'
  /** When the read models last read the log; null before the first event. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly asOf!: string | null
  /** Whether the read models have read the log to its end. */
  readonly level!: boolean
  @ApiProperty({ type: ChecksDto })
  readonly checks!: ChecksDto
}
