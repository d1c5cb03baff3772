/** For every event of a journey: what it is called in a sentence, which of its fields can be corrected, and how a new value is checked. */
import { programmeAt, versionInForce } from '../programme.ts'
import type { ChangeType, FactType, FactEvent } from './believed.ts'
import type { CorrectionEvent } from './correction.ts'
import { isOutcome, isReason } from './outcomes.ts'
import { referralSourceNames, suitabilities } from './referral.ts'

export type FieldRule =
  /** It can be corrected. The check says what is wrong with a new value, in a sentence, or null where it is right. */
  | { readonly correct: 'any' | 'required'; readonly wrong: (value: unknown) => string | null }
  /** It cannot be, and this sentence says what puts it right instead. */
  | { readonly instead: string }

type FieldRules<T extends FactType> = {
  readonly [F in keyof Extract<FactEvent, { type: T }>['data']]-?: FieldRule
}

interface CorrectableFact<T extends FactType> {
  /** The noun for it, with what tells it from others of its kind. */
  readonly noun: (data: Extract<FactEvent, { type: T }>['data']) => string
  readonly fields: FieldRules<T>
}

const optionalText: FieldRule = {
  correct: 'any',
  wrong: (value) => (typeof value === 'string' ? null : 'must be text'),
}
const requiredText: FieldRule = {
  correct: 'required',
  wrong: (value) => (typeof value === 'string' && value.trim() !== '' ? null : 'must not be empty'),
}
/** In the open in the log: shaped so that it cannot carry a name by mistake. */
const shaped = (shape: RegExp, what: string, correct: 'any' | 'required'): FieldRule => ({
  correct,
  wrong: (value) => (typeof value === 'string' && shape.test(value) ? null : `must be ${what}`),
})
const groupCode = (correct: 'any' | 'required') =>
  shaped(/^(?=.*\d)[A-Za-z0-9_.-]{1,20}$/, 'a code of up to 20 letters and digits, with at least one digit', correct)
const providerName = (correct: 'any' | 'required') =>
  shaped(/^[\p{L}\p{N}][\p{L}\p{N} &'().,-]{0,79}$/u, 'the name of an organisation or area', correct)
const sessionCode = shaped(/^[A-Z0-9]{1,10}$/, 'a session code of the programme, such as F1', 'required')
const timeOfDay = shaped(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'a time of 24 hours, such as 18:30', 'any')
const oneOf = (isOne: (code: string) => boolean, what: string): FieldRule => ({
  correct: 'required',
  wrong: (value) => (typeof value === 'string' && isOne(value) ? null : `is not one of the ${what}`),
})
const staffCodesOf: FieldRule = {
  correct: 'required',
  wrong: (value) =>
    Array.isArray(value) && value.every((one) => typeof one === 'string' && /^[A-Za-z0-9-]{1,20}$/.test(one))
      ? null
      : 'must be a list of staff codes',
}
const programme: FieldRule = {
  correct: 'required',
  wrong: (value) => {
    const { key, version } = (value ?? {}) as { key?: unknown; version?: unknown }
    const isKnown =
      typeof key === 'string' &&
      /^[A-Za-z0-9-]{1,40}$/.test(key) &&
      typeof version === 'number' &&
      (programmeAt(key, version) !== undefined || (version === 0 && versionInForce(key) === 0))
    return isKnown ? null : 'is not a programme and a version that is known'
  },
}
const asImported: FieldRule = {
  instead: 'It is the contact log as it was written. What was made of it can be corrected field by field.',
}
const noted = { note: optionalText, asWritten: asImported }
const enforced = { about: optionalText, ...noted }

const facts: { readonly [T in FactType]: CorrectableFact<T> } = {
  ReferralReceived: {
    noun: () => 'referral',
    fields: {
      participantId: { instead: 'A referral of the wrong person is withdrawn, and the right person is referred.' },
      programme,
      source: oneOf((code) => Object.hasOwn(referralSourceNames, code), 'sources of a referral'),
      provider: providerName('any'),
      reference: {
        instead: 'A referral under the wrong reference is withdrawn, and he is referred under the right one.',
      },
      ...noted,
    },
  },
  EligibilityAssessed: { noun: () => 'eligibility assessment', fields: { result: optionalText, ...noted } },
  SuitabilityDecided: {
    noun: () => 'decision on suitability',
    fields: {
      decision: oneOf((code) => suitabilities.some((known) => known === code), 'decisions on suitability'),
      result: optionalText,
      ...noted,
    },
  },
  PlacedOnWaitingList: { noun: () => 'place on the waiting list', fields: noted },
  AllocatedToGroup: { noun: () => 'allocation to a group', fields: { groupId: groupCode('required'), ...noted } },
  ThreeWayMeetingHeld: { noun: () => 'three-way meeting', fields: noted },
  ProgrammeReviewCompleted: { noun: () => 'programme review', fields: noted },
  ProviderTransferAccepted: {
    noun: () => 'provider transfer',
    fields: { provider: providerName('required'), ...noted },
  },
  AttendanceRecorded: {
    noun: ({ sessionId }) => `session ${sessionId}`,
    fields: {
      sessionId: sessionCode,
      outcome: oneOf(isOutcome, 'attendance outcome codes'),
      groupId: groupCode('any'),
      plannedFacilitators: staffCodesOf,
      actualFacilitators: staffCodesOf,
      startedAt: timeOfDay,
      endedAt: timeOfDay,
      ...noted,
    },
  },
  WarningIssued: { noun: () => 'warning', fields: enforced },
  BreachInitiated: { noun: () => 'breach', fields: enforced },
  BreachResolved: { noun: () => 'resolution of a breach', fields: enforced },
  RecallRecorded: { noun: () => 'recall', fields: enforced },
  ParticipantDroppedOut: {
    noun: () => 'drop-out',
    fields: { reason: oneOf(isReason, 'reasons for leaving'), ...noted },
  },
  ProgrammeCompleted: { noun: () => 'completion of the programme', fields: noted },
  JourneyReinstated: { noun: () => 'reinstatement', fields: { because: requiredText } },
}

const nouns: { readonly [T in ChangeType]: string } = {
  AttendanceCorrected: 'correction of attendance',
  OutcomeRecategorised: 'recategorisation of the reason for leaving',
}

/**
 * How each event of a journey is put right; a new event type, or a new field of one, does not compile without its answer. What
 * changes another event's fact is put right as that fact is, or withdrawn.
 */
export const correctable: {
  readonly [T in FactEvent['type'] | CorrectionEvent['type']]: T extends FactType
    ? CorrectableFact<T>
    : { readonly versionOf: FactType | 'any' }
} = {
  ...facts,
  AttendanceCorrected: { versionOf: 'AttendanceRecorded' },
  OutcomeRecategorised: { versionOf: 'ParticipantDroppedOut' },
  RecordCorrected: { versionOf: 'any' },
  RecordWithdrawn: { versionOf: 'any' },
}

export const factTypes = Object.keys(facts) as FactType[]

export const isFactType = (type: string): type is FactType => Object.hasOwn(facts, type)

/** The rules of the fields of a fact, by field. */
export const fieldRulesOf = (type: FactType): Readonly<Record<string, FieldRule>> => facts[type].fields

/** What a sentence calls a fact: `session F3`. */
export const nounOf = (type: FactEvent['type'], data: object): string =>
  isFactType(type) ? (facts[type].noun as (data: object) => string)(data) : nouns[type]
