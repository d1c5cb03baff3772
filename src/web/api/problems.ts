/** Every way in which the API can say no: its code, its status, and what a caller can do about it (RFC 9457). */
import type { Refusal } from '../../domain/history.ts'
import { classifyFailure, type FailureCode } from '../errors/failure.ts'

interface ProblemKind {
  readonly status: number
  readonly title: string
  /** For whoever writes the calling program. */
  readonly meaning: string
}

/** The codes are stable: programs hold on to them. The words may get better. */
export const problemKinds = {
  // The request itself.
  malformed_request: {
    status: 400,
    title: 'The request cannot be read',
    meaning:
      'The address, a header or the framing of the request is not well formed. Mend the request; sending it again will not help.',
  },
  malformed_json: {
    status: 400,
    title: 'The body is not JSON',
    meaning: 'The body could not be read as one JSON text. Nothing was changed.',
  },
  invalid_query: {
    status: 400,
    title: 'The query cannot be used',
    meaning: 'A parameter of the address is unknown, missing or of the wrong form. `errors` names each one.',
  },
  invalid_header: {
    status: 400,
    title: 'A header cannot be used',
    meaning: 'Idempotency-Key, If-Match or X-After-Position is not of the form described. `errors` names it.',
  },
  signed_out: {
    status: 401,
    title: 'Not signed in',
    meaning:
      'Send an access token of your identity provider as Authorization: Bearer, made out for this API and not expired; or use the session of a browser that is signed in.',
  },
  forbidden: { status: 403, title: 'Not allowed', meaning: 'Your role does not allow this.' },
  not_found: {
    status: 404,
    title: 'Not found',
    meaning: 'There is nothing at this address, or nothing that you may see.',
  },
  no_referral: {
    status: 404,
    title: 'There is no such journey',
    meaning: 'A journey begins with a referral, and there is none under this id.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Not done this way',
    meaning: 'The address exists, but not for this method. The Allow header says which methods it knows.',
  },
  not_acceptable: {
    status: 406,
    title: 'Not available in that form',
    meaning: 'The Accept header names no form in which this can be answered.',
  },
  body_too_large: { status: 413, title: 'The body is too large', meaning: 'A body may have 64 KiB.' },
  not_json: {
    status: 415,
    title: 'The body must be declared as JSON',
    meaning: 'Requests that change something need Content-Type: application/json.',
  },
  invalid_body: {
    status: 422,
    title: 'Some fields cannot be accepted',
    meaning:
      'A field is unknown, missing or of the wrong form. `errors` names each one and what it should be. Nothing was changed.',
  },
  key_used_differently: {
    status: 422,
    title: 'This Idempotency-Key was used for another request',
    meaning: 'The same key came before with another body at the same address. Use a new key for a new request.',
  },
  too_many_records: {
    status: 429,
    title: 'More records than is usual',
    meaning:
      'You asked for more different records in some minutes than one person’s work needs. That was noted. Wait some minutes; ask whoever runs the service where a program needs more.',
  },
  too_many_requests: {
    status: 429,
    title: 'Too many requests',
    meaning: 'Wait as long as Retry-After says, then go on.',
  },
  // What the rules of a journey refuse.
  recorded_before_occurred: {
    status: 422,
    title: 'Dated in the future',
    meaning: 'Nothing can be recorded before the day it happened.',
  },
  unknown_session: {
    status: 422,
    title: 'Not a session of this programme',
    meaning:
      'The session code is not in the version of the programme this journey follows. GET /api/programmes/{key}/{version} lists them.',
  },
  unknown_outcome: {
    status: 422,
    title: 'Not an attendance outcome',
    meaning: 'The outcome is not one of the 19 codes.',
  },
  unknown_reason: {
    status: 422,
    title: 'Not one of the reasons',
    meaning: 'The reason is not one of the codes that this command knows.',
  },
  control_characters: {
    status: 422,
    title: 'A character that cannot be shown',
    meaning:
      'A text holds a control character other than a tab or a line end (in a reference or a CRN, also these), or half a character. Remove it.',
  },
  event_too_large: {
    status: 422,
    title: 'Too much text for one record',
    meaning: 'The event would take more than 512 KiB in the log. Shorten the text, or record it in parts.',
  },
  no_details: {
    status: 422,
    title: 'Nothing says who he is',
    meaning: 'A participant cannot be registered without details.',
  },
  already_referred: {
    status: 409,
    title: 'Already referred',
    meaning: 'There is already a journey under this reference.',
  },
  journey_ended: {
    status: 409,
    title: 'The journey has ended',
    meaning:
      'Nothing that happened after the end can be added, and it cannot end twice. Corrections and recategorisation still can be made.',
  },
  not_allocated: {
    status: 409,
    title: 'Not allocated to a group',
    meaning: 'Record the allocation before the first session.',
  },
  already_recorded: { status: 409, title: 'Attendance is already recorded', meaning: 'Correct that record instead.' },
  nothing_to_correct: {
    status: 409,
    title: 'Nothing to correct',
    meaning: 'Nothing is recorded for this session yet, or the record already says so.',
  },
  crn_in_use: {
    status: 409,
    title: 'The CRN is somebody else’s',
    meaning: 'Another man is on record with this CRN. Check which of the two it belongs to; correct the other first.',
  },
  no_such_record: { status: 409, title: 'No such record', meaning: 'The journey has no event of that revision.' },
  no_longer_stands: {
    status: 409,
    title: 'It no longer stands',
    meaning: 'The record was withdrawn, or corrected since: put right what stands now. The detail names it.',
  },
  not_correctable: {
    status: 409,
    title: 'It cannot be corrected',
    meaning: 'The record has no such field, or that field is put right in another way. The detail says how.',
  },
  wrong_value: { status: 409, title: 'Not a value of that field', meaning: 'The detail says what the value must be.' },
  makes_impossible: {
    status: 409,
    title: 'Another record would become impossible',
    meaning: 'The detail names that record by its kind, day and event: put it right first.',
  },
  before_adulthood: {
    status: 409,
    title: 'Before he was 18',
    meaning: 'Nothing on a journey is dated before the man turned 18. Check the date, and his date of birth.',
  },
  before_allocation: {
    status: 409,
    title: 'Before he had a place in a group',
    meaning: 'A session is dated on or after the day of the first allocation. The detail says which day that is.',
  },
  two_at_one_time: {
    status: 409,
    title: 'In two sessions at one time',
    meaning: 'Another session that he is recorded at took the same minutes. The detail says which event tells it.',
  },
  before_referral: {
    status: 409,
    title: 'Before the referral',
    meaning:
      'Only an assessment of eligibility or a decision on suitability is dated before the referral. The detail says which day that is.',
  },
  not_ended: {
    status: 409,
    title: 'Not ended',
    meaning: 'The journey has not ended, so there is nothing to reinstate.',
  },
  before_the_end: {
    status: 409,
    title: 'Before the end',
    meaning: 'A journey is reinstated on or after the day it ended.',
  },
  nothing_to_recategorise: {
    status: 409,
    title: 'Nothing to recategorise',
    meaning: 'The journey did not end by dropping out.',
  },
  not_started: {
    status: 409,
    title: 'Not started',
    meaning: 'No session was ever recorded as attended, so the programme cannot be complete.',
  },
  // What the rules of a group and its sessions refuse.
  unknown_code: {
    status: 422,
    title: 'Not a code of a group',
    meaning: 'A group is called by up to 20 capital letters, digits, dots, hyphens or underscores, with a digit in it.',
  },
  unknown_programme: {
    status: 422,
    title: 'Not a programme that is delivered here',
    meaning: 'GET /api/programmes lists them.',
  },
  unknown_day: { status: 422, title: 'Not a day', meaning: 'The day does not exist, or is no day of the week.' },
  unknown_time: {
    status: 422,
    title: 'Not a time, or not a length',
    meaning: 'A time has 24 hours, as 18:30; a session lasts from 1 to 480 minutes.',
  },
  unknown_minutes: {
    status: 422,
    title: 'Not a number of minutes',
    meaning: 'Somebody is in a session for 0 to 480 minutes.',
  },
  unknown_engagement: {
    status: 422,
    title: 'Not a way of taking part',
    meaning: 'The engagement is not one of the codes.',
  },
  unknown_capacity: { status: 422, title: 'Not a number of places', meaning: 'A group has from 1 to 24 places.' },
  unknown_role: { status: 422, title: 'Not a role in the room', meaning: 'The role is not one of the codes.' },
  no_facilitator: {
    status: 422,
    title: 'Nobody is named',
    meaning: 'At least one facilitator is named by a staff code.',
  },
  facilitator_twice: { status: 422, title: 'A facilitator is named twice', meaning: 'Each facilitator is named once.' },
  no_place: {
    status: 422,
    title: 'Provider or place is not said',
    meaning: 'A group needs a provider that runs it and a place where it meets.',
  },
  no_reason: { status: 422, title: 'Why is not said', meaning: 'A correction says why the record was wrong.' },
  nobody_marked: { status: 422, title: 'Nobody is marked', meaning: 'A register marks at least one person.' },
  marked_twice: { status: 422, title: 'Somebody is marked twice', meaning: 'A register has one row for each person.' },
  not_a_member: {
    status: 409,
    title: 'Not a member of the group',
    meaning: 'He has, and had, no place in this group. Give him a place first.',
  },
  unknown_staff_code: {
    status: 422,
    title: 'Not a staff code',
    meaning: 'A staff code has up to 20 capital letters, digits or hyphens.',
  },
  no_name: {
    status: 422,
    title: 'Name or provider is not said',
    meaning: 'A facilitator is added with a name and the provider that he or she works for.',
  },
  unknown_course: { status: 422, title: 'Not a course', meaning: 'The course is not one of the codes.' },
  unknown_form: {
    status: 422,
    title: 'Not a form of support',
    meaning: 'The form in which it was held is not one of the codes.',
  },
  lapsed_before: {
    status: 422,
    title: 'The last day is not one',
    meaning: 'A training lapses on a real day that is not before the day it was completed.',
  },
  training_known: {
    status: 409,
    title: 'The training is recorded',
    meaning: 'This course was recorded as completed on that day already.',
  },
  not_on_the_list: {
    status: 404,
    title: 'There is no such facilitator',
    meaning: 'Nobody was added to the list under this id.',
  },
  already_on_the_list: {
    status: 409,
    title: 'The staff code belongs to somebody',
    meaning: 'A facilitator with this staff code is on the list already.',
  },
  facilitator_left: {
    status: 409,
    title: 'The facilitator left',
    meaning: 'It is recorded already that he or she left.',
  },
  before_onboarding: {
    status: 409,
    title: 'Before the facilitator began',
    meaning: 'Nobody leaves before he or she began.',
  },
  before_leaving: {
    status: 409,
    title: 'Before the facilitator left',
    meaning: 'Who comes back begins again on or after the day of leaving.',
  },
  no_group: { status: 404, title: 'There is no such group', meaning: 'No group was formed under this id.' },
  no_session: { status: 404, title: 'There is no such session', meaning: 'No session was scheduled under this id.' },
  already_formed: {
    status: 409,
    title: 'The code belongs to a group',
    meaning: 'There is a group under this code already.',
  },
  already_member: {
    status: 409,
    title: 'Already a member of the group',
    meaning: 'He has a place in this group already.',
  },
  group_full: { status: 409, title: 'The group is full', meaning: 'All places of the group are taken.' },
  already_scheduled: {
    status: 409,
    title: 'Already in the calendar',
    meaning: 'The session was scheduled before. Move it instead.',
  },
  already_delivered: {
    status: 409,
    title: 'Recorded as held',
    meaning: 'The session is recorded as held. Its register can be corrected.',
  },
  not_delivered: { status: 409, title: 'Not recorded as held', meaning: 'Who was in the room is recorded first.' },
  session_cancelled: {
    status: 409,
    title: 'The session was called off',
    meaning: 'It is scheduled again as a session of its own.',
  },
  same_time: { status: 409, title: 'Nothing to move', meaning: 'That is when the session is to be already.' },
  already_marked: {
    status: 409,
    title: 'Marked already',
    meaning: 'The register has a row for one of them. Correct that row instead.',
  },
  not_marked: {
    status: 409,
    title: 'Not marked yet',
    meaning: 'The register has no row of him. Mark him instead of correcting.',
  },
  refused: {
    status: 409,
    title: 'Refused by a rule',
    meaning: 'A rule of the programme refused this. The detail says which.',
  },
  oddities: {
    status: 409,
    title: 'Unusual, and not confirmed',
    meaning:
      'It is possible and unusual: `oddities` says what is, each with a code. Where it is meant, send the request again with those codes in `confirmedOddities`; an Idempotency-Key stays the same. Nothing was changed.',
  },
  // What stands in the way for now.
  changed_meanwhile: {
    status: 412,
    title: 'The record changed meanwhile',
    meaning: 'The journey is no longer at the revision given in If-Match. Read it again, then decide again.',
  },
  busy: {
    status: 409,
    title: 'Somebody else is writing',
    meaning: 'The journey kept changing while this was being recorded. Nothing was changed; send it again.',
  },
  journey_unreadable: {
    status: 409,
    title: 'The journey cannot be read',
    meaning: 'Its log has an event that cannot be understood. Nothing can be added until that has been put right.',
  },
  key_missing: {
    status: 409,
    title: 'The key to the personal data is missing',
    meaning:
      'Nothing personal can be added for this participant until whoever runs the service puts the newest copy of the keys back.',
  },
  unexpected: {
    status: 500,
    title: 'Something went wrong',
    meaning:
      'A fault of ours. Quote the instance to whoever runs the service. It is safe to send the request again with the same Idempotency-Key.',
  },
  store_unavailable: {
    status: 503,
    title: 'The event store cannot be reached',
    meaning:
      'It is not known whether the request was written. Send it again, with the same Idempotency-Key, after Retry-After.',
  },
  clock_wrong: {
    status: 503,
    title: 'The clock of the service is wrong',
    meaning:
      'Nothing was recorded: what is recorded under a wrong clock would be known as of the wrong day. Send it again, with the same Idempotency-Key, when whoever runs the service has set the clock right.',
  },
  read_models_unavailable: {
    status: 503,
    title: 'The read models cannot be reached',
    meaning: 'Questions cannot be answered just now; commands are recorded as ever. Ask again after Retry-After.',
  },
  reach_unknown: {
    status: 503,
    title: 'Who may see a case cannot be found out',
    meaning:
      'Before a record is shown or changed it is looked up who may see it. That cannot be done just now, so nothing is answered. Ask again after Retry-After.',
  },
  consultation_log_unavailable: {
    status: 503,
    title: 'Who looks cannot be written down',
    meaning:
      'Every look at a record is written down before the record is shown. That cannot be done just now, so nothing is answered. Ask again after Retry-After.',
  },
  identity_provider_unavailable: {
    status: 503,
    title: 'The identity provider cannot be reached',
    meaning:
      'An access token cannot be checked just now, so it lets nobody in. Send the request again after Retry-After.',
  },
  database_busy: {
    status: 503,
    title: 'A database is in use',
    meaning:
      'Another process kept a database busy for too long. Nothing was changed; send the request again after Retry-After.',
  },
  not_ready: {
    status: 503,
    title: 'The service is not ready',
    meaning: 'The event store, the read models or the projector does not answer. `checks` says which.',
  },
  closing: { status: 503, title: 'The service is closing', meaning: 'Send the request again when it is back.' },
  storage_full: {
    status: 507,
    title: 'There is no room left to record this',
    meaning: 'The disk is full. Nothing was changed.',
  },
} as const satisfies Readonly<Record<string, ProblemKind>>

export type ProblemCode = keyof typeof problemKinds

export const problemCodes = Object.keys(problemKinds) as ProblemCode[]

export const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(problemKinds, code)

/** Which field to look at, and what it should be. Never what was sent. */
export interface FieldError {
  readonly field: string
  readonly message: string
}

/** An answer that says no. */
export class Problem extends Error {
  readonly status: number

  constructor(
    readonly code: ProblemCode,
    readonly more: {
      readonly detail?: string
      readonly errors?: readonly FieldError[]
      /** Further members of the answer, as RFC 9457 allows. */
      readonly also?: object
      readonly headers?: Readonly<Record<string, string>>
    } = {},
  ) {
    super(more.detail ?? problemKinds[code].meaning)
    this.name = 'Problem'
    this.status = problemKinds[code].status
  }

  /** @param requestId distinguishes one occurrence from another, and has no other meaning */
  body(requestId: string): object {
    const { detail, errors, also } = this.more
    const { status, title, meaning } = problemKinds[this.code]
    return {
      type: `/api/problems/${this.code}`,
      title,
      status,
      detail: detail ?? meaning,
      instance: `urn:uuid:${requestId}`,
      code: this.code,
      ...(errors ? { errors } : {}),
      ...also,
    }
  }
}

/** The one code that the API names for its own media type. */
const codeFor = (code: FailureCode): ProblemCode =>
  code === 'unsupported_media_type' ? 'not_json' : code === 'form_expired' ? 'forbidden' : code

/** Seconds after which what stands in the way for now may be gone. */
const retryAfter: Partial<Record<ProblemCode, string>> = {
  busy: '1',
  database_busy: '5',
  store_unavailable: '5',
  clock_wrong: '60',
  read_models_unavailable: '5',
  identity_provider_unavailable: '5',
  consultation_log_unavailable: '5',
  reach_unknown: '5',
  too_many_records: '600',
}

/** What is wrong, as far as the caller may know; whatever is not foreseen is `unexpected`, and says nothing of what is inside. */
export function problemFrom(error: unknown): Problem {
  if (error instanceof Problem) return error
  const failure = classifyFailure(error)
  if (failure.refusal) return fromRefusal(failure.refusal)
  if (failure.oddities)
    return new Problem('oddities', {
      also: { oddities: failure.oddities.map(({ code, sentence }) => ({ code, sentence })) },
    })
  const code = codeFor(failure.code)
  const seconds = retryAfter[code]
  if (code === 'signed_out') return new Problem(code, { headers: { 'www-authenticate': 'Bearer' } })
  return new Problem(code, seconds === undefined ? {} : { headers: { 'retry-after': seconds } })
}

const fieldRefused: Readonly<Record<string, string>> = {
  recorded_before_occurred: 'occurredOn',
  before_referral: 'occurredOn',
  before_adulthood: 'occurredOn',
  before_allocation: 'occurredOn',
  two_at_one_time: 'startedAt',
  crn_in_use: 'crn',
  unknown_session: 'sessionId',
  unknown_outcome: 'outcome',
}

function fromRefusal({ code, message }: Refusal): Problem {
  if (!isProblemCode(code)) return new Problem('refused', { detail: message })
  const field = fieldRefused[code]
  return new Problem(code, { detail: message, ...(field ? { errors: [{ field, message }] } : {}) })
}
