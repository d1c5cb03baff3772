/** A legacy system's contact log: its columns, what can be refused at sight and why, and each contact as a command to the journey. */
import { LRUCache } from 'lru-cache'
import { instantOf } from '../commands/clock.ts'
import { isRecordableDay, type Day, type Instant } from '../domain/calendar.ts'
import type { ContactName } from '../domain/event-words.ts'
import type { CommandContext } from '../domain/history.ts'
import type { JourneyCommand } from '../domain/journey/journey.ts'
import { indexedNameWords } from '../protection/name-words.ts'
import { versionInForce } from '../domain/programme.ts'
import type { Details } from '../domain/participant.ts'

export const columns = [
  'journey_ref',
  'crn',
  'family_name',
  'given_names',
  'date_of_birth',
  'recorded_at',
  'occurred_on',
  'contact',
  'programme',
  'group',
  'session',
  'outcome',
  'planned_facilitators',
  'actual_facilitators',
  'provider',
  'recorded_by',
  'note',
] as const

export type Column = (typeof columns)[number]

export type ContactRow = Readonly<Record<Column, string>>

export type SightRefusal = 'too_many_columns' | 'bad_crn' | 'bad_date' | 'unknown_contact' | 'recorded_before_occurred'

/** A record that passed every check that needs nothing but itself. */
export interface Contact {
  readonly row: ContactRow
  readonly kind: ContactKind
  readonly occurredOn: Day
  readonly recordedAt: Instant
  readonly recordedOn: Day
  readonly dateOfBirth: Day
}

/** The checks that need nothing but the record, in the order of the import rules. */
export function atSight({
  row,
  extra,
}: {
  readonly row: ContactRow
  readonly extra: readonly string[]
}): Contact | SightRefusal {
  if (extra.length > 0) return 'too_many_columns'
  if (!/^[A-Z]\d{6}$/.test(row.crn)) return 'bad_crn'
  const recorded = /^(\d{2}\/\d{2}\/\d{4}) (\d{2}):(\d{2})$/.exec(row.recorded_at)
  const recordedOn = recorded && dayFrom(recorded[1]!)
  const occurredOn = dayFrom(row.occurred_on)
  const dateOfBirth = dayFrom(row.date_of_birth)
  if (!recorded || !recordedOn || !occurredOn || !dateOfBirth) return 'bad_date'
  const [hour, minute] = [Number(recorded[2]), Number(recorded[3])]
  if (hour > 23 || minute > 59) return 'bad_date'
  if (!isContactKind(row.contact)) return 'unknown_contact'
  if (occurredOn > recordedOn) return 'recorded_before_occurred'
  return {
    row,
    kind: row.contact,
    occurredOn,
    recordedOn,
    recordedAt: recordedInstant(recordedOn, hour, minute),
    dateOfBirth,
  }
}

/** Records come in order of recording: most are of a day whose offset is already known. */
const offsets = new LRUCache<Day, number | 'varies'>({ max: 1_000 })

function recordedInstant(day: Day, hour: number, minute: number): Instant {
  let offset = offsets.get(day)
  if (offset === undefined) {
    // A day on which the clocks change has two offsets, and is worked out each time.
    const [first, last] = [instantOf(day, 0, 0), instantOf(day, 23, 59)]
    const steady = Date.parse(last) - Date.parse(first) === (23 * 60 + 59) * 60_000
    offset = steady ? Date.parse(`${day}T00:00:00Z`) - Date.parse(first) : 'varies'
    offsets.set(day, offset)
  }
  if (offset === 'varies') return instantOf(day, hour, minute)
  return new Date(Date.parse(`${day}T00:00:00Z`) + (hour * 60 + minute) * 60_000 - offset).toISOString()
}

/** `dd/mm/yyyy` as a day that can be recorded, or null where it is none. */
export function dayFrom(text: string): Day | null {
  const parts = /^(\d{2})\/(\d{2})\/(\d{4})$/.exec(text)
  const day = parts && `${parts[3]}-${parts[2]}-${parts[1]}`
  return isRecordableDay(day) ? day : null
}

export const detailsOf = ({ row, dateOfBirth }: Contact): Required<Details> => ({
  crn: row.crn,
  familyName: row.family_name,
  givenNames: row.given_names,
  dateOfBirth,
})

/** What each contact is called, and which of the columns it has a place for. The rest is kept as it was written. */
const contactKinds = {
  Referral: ['programme', 'provider'],
  'Eligibility assessed': ['outcome'],
  'Suitability decided': ['outcome'],
  'Placed on waiting list': [],
  'Allocated to group': ['group'],
  Session: ['group', 'session', 'outcome', 'planned_facilitators', 'actual_facilitators'],
  'Session correction': ['session', 'outcome'],
  'Three-way meeting': [],
  'Programme review': [],
  Warning: ['outcome'],
  'Breach initiated': ['outcome'],
  'Breach resolved': ['outcome'],
  Recall: ['outcome'],
  'Provider transfer': ['provider'],
  'Dropped out': ['outcome'],
  Completed: [],
  'Outcome recategorised': ['outcome'],
} as const satisfies Record<ContactName, readonly Column[]>

export type ContactKind = keyof typeof contactKinds

const isContactKind = (text: string): text is ContactKind => Object.hasOwn(contactKinds, text)

const placeless: readonly Column[] = [
  'programme',
  'group',
  'session',
  'outcome',
  'planned_facilitators',
  'actual_facilitators',
  'provider',
]

/** Makes an open code of what was written, and says whether it had to be veiled because it might be somebody's name. */
export type CodeMaker = (text: string) => string

/** A few letters and a few digits: F035, ST-1204. Longer runs of digits are telephone numbers; a letter and six digits is a CRN. */
const looksLikeACode = /^(?![A-Za-z]\d{6}$)[A-Za-z]{0,5}[-_.]?\d{1,6}[A-Za-z]?$/
const looksLikeAPlace = /^[\p{L} &'().,-]{1,40}$/u

/** The contact as a command. Codes that do not look like codes are veiled, and their text is kept under his key. */
export function commandOf(contact: Contact, commandId: string, participantId: string, veil: CodeMaker): JourneyCommand {
  const { row, kind, occurredOn, recordedOn } = contact
  const context: CommandContext = { commandId, occurredOn, recordedOn, copied: true }
  const asWritten: Record<string, string> = {}
  const placed: readonly Column[] = contactKinds[kind]
  for (const column of placeless) if (row[column] !== '' && !placed.includes(column)) asWritten[column] = row[column]
  const hisNames = indexedNameWords(`${row.family_name} ${row.given_names}`)
  const code = (column: Column, text: string, looksRight: RegExp): string => {
    if (text === '' || (looksRight.test(text) && !indexedNameWords(text).some((word) => hisNames.includes(word))))
      return text
    asWritten[column] = row[column]
    return veil(text)
  }
  const staff = (column: 'planned_facilitators' | 'actual_facilitators'): string[] => [
    ...new Set(
      row[column]
        .split(';')
        .map((name) => name.trim())
        .filter((name) => name !== '')
        .map((name) => code(column, name, looksLikeACode)),
    ),
  ]
  const note = row.note === '' ? {} : { note: row.note }
  const written = () => (Object.keys(asWritten).length === 0 ? {} : { asWritten })
  const text = (field: string) => (row.outcome === '' ? {} : { [field]: row.outcome })

  switch (kind) {
    case 'Referral': {
      const key = code('programme', row.programme, /^[a-z0-9-]{1,40}$/)
      const data = {
        participantId,
        programme: { key, version: versionInForce(key) },
        source: 'not_stated' as const,
        provider: code('provider', row.provider, looksLikeAPlace),
        reference: row.journey_ref,
        ...note,
      }
      return { type: 'Refer', ...context, data: { ...data, ...written() } }
    }
    case 'Eligibility assessed':
      return { type: 'AssessEligibility', ...context, data: { ...text('result'), ...note, ...written() } }
    case 'Suitability decided':
      return {
        type: 'DecideSuitability',
        ...context,
        data: {
          decision: suitabilities[row.outcome.toLowerCase()] ?? 'not_stated',
          ...text('result'),
          ...note,
          ...written(),
        },
      }
    case 'Placed on waiting list':
      return { type: 'PlaceOnWaitingList', ...context, data: { ...note, ...written() } }
    case 'Allocated to group': {
      const groupId = code('group', row.group, looksLikeACode)
      return { type: 'AllocateToGroup', ...context, data: { groupId, ...note, ...written() } }
    }
    case 'Session': {
      const data = {
        sessionId: row.session,
        outcome: row.outcome,
        groupId: code('group', row.group, looksLikeACode),
        plannedFacilitators: staff('planned_facilitators'),
        actualFacilitators: staff('actual_facilitators'),
        ...note,
      }
      return { type: 'RecordAttendance', ...context, data: { ...data, ...written() } }
    }
    case 'Session correction': {
      const because = row.note === '' ? {} : { because: row.note }
      return {
        type: 'CorrectAttendance',
        ...context,
        data: { sessionId: row.session, outcome: row.outcome, ...because, ...written() },
      }
    }
    case 'Three-way meeting':
      return { type: 'HoldThreeWayMeeting', ...context, data: { ...note, ...written() } }
    case 'Programme review':
      return { type: 'CompleteProgrammeReview', ...context, data: { ...note, ...written() } }
    case 'Warning':
      return { type: 'IssueWarning', ...context, data: { ...text('about'), ...note, ...written() } }
    case 'Breach initiated':
      return { type: 'InitiateBreach', ...context, data: { ...text('about'), ...note, ...written() } }
    case 'Breach resolved':
      return { type: 'ResolveBreach', ...context, data: { ...text('about'), ...note, ...written() } }
    case 'Recall':
      return { type: 'RecordRecall', ...context, data: { ...text('about'), ...note, ...written() } }
    case 'Provider transfer': {
      const provider = code('provider', row.provider, looksLikeAPlace)
      return { type: 'AcceptProviderTransfer', ...context, data: { provider, ...note, ...written() } }
    }
    case 'Dropped out':
      return { type: 'DropOut', ...context, data: { reason: row.outcome, ...note, ...written() } }
    case 'Completed':
      return { type: 'Complete', ...context, data: { ...note, ...written() } }
    case 'Outcome recategorised':
      return { type: 'RecategoriseOutcome', ...context, data: { to: row.outcome, ...note, ...written() } }
  }
}

const suitabilities: Readonly<Record<string, 'suitable' | 'not_ready' | 'not_suitable'>> = {
  suitable: 'suitable',
  'not ready': 'not_ready',
  not_ready: 'not_ready',
  'suitable but not ready': 'not_ready',
  'not suitable': 'not_suitable',
  not_suitable: 'not_suitable',
}

/** The staff code of who recorded it, or a veiled one. */
export const recorderOf = (row: ContactRow, veil: CodeMaker): string =>
  row.recorded_by === '' ? 'not-stated' : looksLikeACode.test(row.recorded_by) ? row.recorded_by : veil(row.recorded_by)

/** Which column a refusal is about, and what it should hold: what the person who mends the record needs to know. */
/** What is expected where a record was refused for this reason, in words, and the column it is about where there is one. */
export const whatIsExpected = (reason: string): { readonly column: Column | ''; readonly expected: string } => {
  const [column, expected] =
    reason === 'bad_date' ? ['' as const, 'real dates, dd/mm/yyyy'] : (mending[reason] ?? ['' as const, ''])
  return { column, expected }
}

export function whatToMend(
  reason: string,
  row: ContactRow,
): { readonly column: Column | ''; readonly expected: string } {
  if (reason === 'bad_date') {
    const wrong = !/^\d{2}\/\d{2}\/\d{4} \d{2}:\d{2}$/.test(row.recorded_at) || !dayFrom(row.recorded_at.slice(0, 10))
    if (!wrong && !dayFrom(row.occurred_on)) return { column: 'occurred_on', expected: 'a real date, dd/mm/yyyy' }
    if (!wrong && !dayFrom(row.date_of_birth)) return { column: 'date_of_birth', expected: 'a real date, dd/mm/yyyy' }
    return { column: 'recorded_at', expected: 'a real date and time, dd/mm/yyyy HH:MM' }
  }
  const [column, expected] = mending[reason] ?? ['', '']
  return { column, expected }
}

const mending: Readonly<Record<string, readonly [Column | '', string]>> = {
  too_many_columns: [
    '',
    'one cell for each column: text that holds a comma or another delimiter was split over several cells; put it back into one, and leave no cell beyond the last column',
  ],
  bad_crn: ['crn', 'a letter and six digits, such as X123456'],
  unknown_contact: ['contact', `one of: ${Object.keys(contactKinds).join(', ')}`],
  recorded_before_occurred: ['occurred_on', 'a day not later than that of recorded_at'],
  already_referred: ['contact', 'one Referral a journey'],
  no_referral: ['journey_ref', 'the reference of a journey that was referred'],
  wrong_participant: ['crn', 'the CRN the journey was referred under'],
  journey_ended: ['occurred_on', 'a day not later than the one on which the journey ended'],
  unknown_session: ['session', 'a session of the programme'],
  unknown_outcome: ['outcome', 'one of the 19 outcome codes, such as ATTC'],
  not_allocated: ['contact', 'an Allocated to group before the first Session'],
  already_recorded: ['contact', 'a Session correction where the earlier record is wrong'],
  nothing_to_correct: ['outcome', 'an outcome other than the one on record'],
  unknown_reason: ['outcome', 'a reason for leaving, such as motivation'],
  nothing_to_recategorise: ['contact', 'a journey that ended by dropping out'],
  not_started: ['contact', 'a session attended before the completion'],
  control_characters: ['', 'no characters that cannot be shown; no tab or line end in the reference'],
  event_too_large: ['note', 'less text, or the rest of it in a record of its own'],
  journey_unreadable: ['', 'the same record again, once the journey or the participant can be read'],
  key_missing: ['', 'the same record again, once whoever runs the service has put the newest copy of the keys back'],
  busy: ['', 'the same record again: others kept recording on this journey'],
}
