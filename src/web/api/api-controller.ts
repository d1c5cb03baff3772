/** What every controller of the API shares: its address, its pipe and filter, and its description for OpenAPI. */
import { applyDecorators, Controller, Get, Param, Post, UseFilters, UseInterceptors, UsePipes } from '@nestjs/common'
import {
  ApiHeader,
  ApiOperation,
  ApiParam,
  ApiResponse,
  ApiTags,
  getSchemaPath,
  type ApiResponseOptions,
} from '@nestjs/swagger'
import { RequiresPermission } from '../../access/permission.guard.ts'
import { DetailsWrittenDto, ProblemDto, WrittenDto } from './answers.dto.ts'
import { GroupWrittenDto } from './group-answers.dto.ts'
import { JourneyIdPipe } from './request-context.ts'
import { DtoPipe } from './dto.pipe.ts'
import { Freshness } from './freshness.ts'
import { ProblemFilter } from './problem.filter.ts'
import { Problem, problemKinds, type ProblemCode } from './problems.ts'

export const ApiController = (path: string, tag: string) =>
  applyDecorators(ApiTags(tag), Controller(`api/${path}`), UsePipes(DtoPipe), UseFilters(ProblemFilter))

/** The id in the address; whatever cannot be one is not found. */
export const JourneyId = () => Param('journeyId', JourneyIdPipe)

const always: readonly ProblemCode[] = [
  'signed_out',
  'forbidden',
  'identity_provider_unavailable',
  'too_many_requests',
  'unexpected',
  'store_unavailable',
  'clock_wrong',
  'read_models_unavailable',
  'reach_unknown',
]

/** The problems a route can answer with, one response a status. */
export function AnswersProblems(...codes: readonly ProblemCode[]): MethodDecorator {
  const byStatus = Object.groupBy([...new Set([...codes, ...always])], (code) => String(problemKinds[code].status))
  return applyDecorators(
    ...Object.entries(byStatus).map(([status, of = []]) =>
      ApiResponse({
        status: Number(status),
        description: of.map((code) => `\`${code}\`: ${problemKinds[code].title}.`).join(' '),
        content: {
          'application/problem+json': {
            schema: { $ref: getSchemaPath(ProblemDto) },
            example: new Problem(of[0]!).body('00000000-0000-4000-8000-000000000000'),
          },
        },
      }),
    ),
  )
}

const text = (description: string, example: string) => ({ description, schema: { type: 'string' as const }, example })

const journeyParam = ApiParam({
  name: 'journeyId',
  description: 'The opaque id of the journey.',
  schema: { type: 'string', format: 'uuid' },
})

const writtenHeaders = {
  ETag: text('The revision of the journey now, in quotes: send it as If-Match with the next command.', '"7"'),
  Location: text('The journey.', '/api/journeys/3f0c0f0e-5b0a-4a53-9d2e-0c9c1f3b7a11'),
}

const idempotencyKeyHeader = ApiHeader({
  name: 'Idempotency-Key',
  required: false,
  description:
    '1 to 255 visible ASCII characters, made up by the caller for this one command. Sent again with the same key, it is written once.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
  example: '7a0f4f0c-1f0e-4f0e-8c59-0d8f6f3e7b55',
})

const ofEveryCommand: readonly ProblemCode[] = [
  'malformed_json',
  'invalid_header',
  'body_too_large',
  'not_json',
  'invalid_body',
  'recorded_before_occurred',
  'before_adulthood',
  'control_characters',
  'event_too_large',
  'key_used_differently',
  'busy',
  'database_busy',
  'storage_full',
]

/** A route that records something of a group or a session, once however often it is sent. */
export const GroupCommandRoute = (path: string, summary: string, ...codes: readonly ProblemCode[]) =>
  applyDecorators(
    Post(path),
    RequiresPermission('record'),
    ApiOperation({ summary }),
    idempotencyKeyHeader,
    ApiResponse({ status: 201, description: 'It was recorded.', type: GroupWrittenDto }),
    ApiResponse({ status: 200, description: 'It was recorded before, by this same command.', type: GroupWrittenDto }),
    AnswersProblems(...ofEveryCommand, 'oddities', 'not_found', ...codes),
  )

/** A route that records something that happened, once however often it is sent. */
export function CommandRoute(path: string, summary: string, ...codes: readonly ProblemCode[]): MethodDecorator {
  const begins = path === ''
  const onJourney: readonly ProblemCode[] = [
    'not_found',
    'no_referral',
    'journey_ended',
    'changed_meanwhile',
    'key_missing',
    'before_referral',
    'makes_impossible',
  ]
  return applyDecorators(
    Post(begins ? '' : `:journeyId/${path}`),
    RequiresPermission('record'),
    ApiOperation({ summary }),
    ...(begins
      ? []
      : [
          journeyParam,
          ApiHeader({
            name: 'If-Match',
            required: false,
            description: 'The revision looked at, in quotes. Refused with 412 when the journey has moved on.',
            schema: { type: 'string' },
            example: '"7"',
          }),
        ]),
    idempotencyKeyHeader,
    ApiResponse({ status: 201, description: 'It was recorded.', type: WrittenDto, headers: writtenHeaders }),
    ApiResponse({
      status: 200,
      description: 'It was recorded before, by this same command; where, is answered again.',
      type: WrittenDto,
      headers: writtenHeaders,
    }),
    AnswersProblems(...ofEveryCommand, 'oddities', ...codes, ...(begins ? [] : onJourney), 'journey_unreadable'),
  )
}

/** The route that corrects who the man of a journey is. What it writes stands in his own history, not in that of the journey. */
export const DetailsRoute = (): MethodDecorator =>
  applyDecorators(
    Post(':journeyId/details-corrections'),
    RequiresPermission('record'),
    ApiOperation({ summary: 'Who he is was recorded wrongly' }),
    journeyParam,
    idempotencyKeyHeader,
    ApiResponse({ status: 201, description: 'It was recorded.', type: DetailsWrittenDto }),
    ApiResponse({ status: 200, description: 'It was recorded before, by this same command.', type: DetailsWrittenDto }),
    AnswersProblems(
      ...ofEveryCommand,
      'oddities',
      'not_found',
      'no_details',
      'crn_in_use',
      'nothing_to_correct',
      'key_missing',
      'journey_unreadable',
    ),
  )

const freshnessHeaders = {
  'X-As-Of': text('When the read model was last caught up with the log.', '2025-03-04T10:15:00.000Z'),
  'X-Still-Catching-Up': text('true where the answer does not yet know of the position asked to wait for.', 'true'),
}

/** An answer from the read model: it may wait for what the caller has just recorded, and says how fresh it is. */
export const FromReadModel = (answer: ApiResponseOptions) =>
  applyDecorators(
    UseInterceptors(Freshness),
    ApiHeader({
      name: 'X-After-Position',
      required: false,
      description: 'Wait, two seconds at most, for this position. Also as ?after=.',
      schema: { type: 'string' },
      example: '12345',
    }),
    ApiResponse({ status: 200, ...answer, headers: { ...freshnessHeaders, ...answer.headers } } as ApiResponseOptions),
  )

/** An answer from the log itself, which always holds whatever was recorded. */
export const FromLog = (answer: ApiResponseOptions) => ApiResponse({ status: 200, ...answer } as ApiResponseOptions)

/** A question about one journey. */
export const JourneyQuery = (path: string, summary: string, ...codes: readonly ProblemCode[]) =>
  applyDecorators(
    Get(path === '' ? ':journeyId' : `:journeyId/${path}`),
    RequiresPermission('read'),
    ApiOperation({ summary }),
    journeyParam,
    AnswersProblems(
      'invalid_query',
      'invalid_header',
      'not_found',
      'consultation_log_unavailable',
      'too_many_records',
      ...codes,
    ),
  )
