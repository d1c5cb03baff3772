/**
 * What a correct import makes of a legacy contact log: the written rules, taken one by one and literally.
 *
 * This is the oracle the real importer is measured against, so it shares no code with it (nor with the simulator), keeps
 * everything in memory and prefers being obvious to being quick. Where the rules are silent it does the least it can:
 * values are compared exactly as written, with no trimming, case folding or Unicode normalisation; only a line end is a
 * line end, however it is written.
 */
import { readFileSync } from 'node:fs'

export type RejectionReason =
  | 'bad_crn'
  | 'bad_date'
  | 'unknown_contact'
  | 'recorded_before_occurred'
  | 'already_referred'
  | 'no_referral'
  | 'wrong_participant'
  | 'journey_ended'
  | 'unknown_session'
  | 'unknown_outcome'
  | 'not_allocated'
  | 'already_recorded'
  | 'nothing_to_correct'
  | 'unknown_reason'
  | 'nothing_to_recategorise'
  | 'not_started'

export interface JourneyFigures {
  crn: string
  outcome: 'open' | 'completed' | 'dropped_out'
  reason: string | null
  attended: number
  acceptable_absences: number
  unacceptable_absences: number
  corrections: number
  recategorisations: number
  facilitators_met: number
}

export interface ImportResult {
  rows: number
  accepted: number
  duplicates: number
  rejected: number
  rejected_by_reason: Partial<Record<RejectionReason, number>>
  participants: number
  journeys: number
  completed: number
  dropped_out: number
  rejects: { line: number; reason: RejectionReason }[]
  per_journey: Record<string, JourneyFigures>
}

export function referenceImportFile(path: string): ImportResult {
  return referenceImport(readFileSync(path, 'utf8'))
}

/** Imports the text of a contact log, header included. Lines count records; the header is line 1. */
export function referenceImport(csv: string): ImportResult {
  const [header, ...records] = parseCsv(csv)
  if (header?.join() !== columns.join())
    throw new Error(`Not a contact log: its header is ${header?.join() ?? 'missing'}`)

  const journeys = new Map<string, JourneySoFar>()
  const accepted = new Set<string>()
  const rejects: ImportResult['rejects'] = []
  let duplicates = 0

  let rows = 0
  records.forEach((cells, index) => {
    if (cells.every((cell) => cell.trim() === '')) return
    rows++
    const verdict = importOne(asRow(cells), journeys, accepted)
    if (verdict === 'duplicate') duplicates++
    else if (verdict !== 'accepted') rejects.push({ line: index + 2, reason: verdict })
  })

  const rejected_by_reason: ImportResult['rejected_by_reason'] = {}
  for (const { reason } of rejects) rejected_by_reason[reason] = (rejected_by_reason[reason] ?? 0) + 1

  const all = [...journeys.values()]
  return {
    rows,
    accepted: accepted.size,
    duplicates,
    rejected: rejects.length,
    rejected_by_reason,
    participants: new Set(all.map((journey) => journey.crn)).size,
    journeys: all.length,
    completed: all.filter((journey) => journey.outcome === 'completed').length,
    dropped_out: all.filter((journey) => journey.outcome === 'dropped_out').length,
    rejects,
    per_journey: Object.fromEntries([...journeys].map(([ref, journey]) => [ref, figuresOf(journey)])),
  }
}

type Row = Record<(typeof columns)[number], string>

interface JourneySoFar {
  crn: string
  programme: string
  allocated: boolean
  /** Current outcome of each session recorded. */
  outcomes: Map<string, string>
  everAttended: boolean
  outcome: 'open' | 'completed' | 'dropped_out'
  reason: string | null
  /** The day the journey ended: when it happened, not when it was recorded. Sortable, yyyy-mm-dd. */
  endedOn: string | null
  corrections: number
  recategorisations: number
  facilitators: Set<string>
}

/** The checks, in the order they are written: the first that matches decides. */
function importOne(
  row: Row,
  journeys: Map<string, JourneySoFar>,
  accepted: Set<string>,
): RejectionReason | 'duplicate' | 'accepted' {
  if (!/^[A-Z][0-9]{6}$/.test(row.crn)) return 'bad_crn'

  const recordedOn = dayOfTimestamp(row.recorded_at)
  const occurredOn = day(row.occurred_on)
  if (recordedOn === null || occurredOn === null || day(row.date_of_birth) === null) return 'bad_date'

  if (!contacts.includes(row.contact)) return 'unknown_contact'

  if (occurredOn > recordedOn) return 'recorded_before_occurred'

  const sameInEveryColumn = JSON.stringify(columns.map((column) => row[column]))
  if (accepted.has(sameInEveryColumn)) return 'duplicate'

  const journey = journeys.get(row.journey_ref)

  if (row.contact === 'Referral') {
    if (journey) return 'already_referred'
    journeys.set(row.journey_ref, {
      crn: row.crn,
      programme: row.programme,
      allocated: false,
      outcomes: new Map(),
      everAttended: false,
      outcome: 'open',
      reason: null,
      endedOn: null,
      corrections: 0,
      recategorisations: 0,
      facilitators: new Set(),
    })
    accepted.add(sameInEveryColumn)
    return 'accepted'
  }

  if (!journey) return 'no_referral'

  if (journey.crn !== row.crn) return 'wrong_participant'

  if (journey.endedOn !== null && row.contact !== 'Session correction' && row.contact !== 'Outcome recategorised') {
    const wouldEndItAgain = row.contact === 'Dropped out' || row.contact === 'Completed'
    if (wouldEndItAgain || occurredOn > journey.endedOn) return 'journey_ended'
  }

  const aboutSession = row.contact === 'Session' || row.contact === 'Session correction'
  if (aboutSession && !sessions.get(journey.programme)?.includes(row.session)) return 'unknown_session'
  if (aboutSession && !outcomes.includes(row.outcome)) return 'unknown_outcome'

  const known = journey.outcomes.get(row.session)
  if (row.contact === 'Session' && !journey.allocated) return 'not_allocated'
  if (row.contact === 'Session' && known !== undefined) return 'already_recorded'
  if (row.contact === 'Session correction' && (known === undefined || known === row.outcome))
    return 'nothing_to_correct'

  const givesReason = row.contact === 'Dropped out' || row.contact === 'Outcome recategorised'
  if (givesReason && !reasons.includes(row.outcome)) return 'unknown_reason'
  if (row.contact === 'Outcome recategorised' && journey.outcome !== 'dropped_out') return 'nothing_to_recategorise'
  if (row.contact === 'Completed' && !journey.everAttended) return 'not_started'

  accepted.add(sameInEveryColumn)

  if (row.contact === 'Allocated to group') journey.allocated = true
  if (aboutSession) {
    journey.outcomes.set(row.session, row.outcome)
    if (attended.includes(row.outcome)) journey.everAttended = true
  }
  if (row.contact === 'Session') {
    // Names of a list, unlike values of a column, stand without the spaces around them: 'F001; F002' names no third.
    const names = row.actual_facilitators.split(';').map((name) => name.trim())
    for (const name of names) if (name !== '') journey.facilitators.add(name)
  }
  if (row.contact === 'Session correction') journey.corrections++
  if (row.contact === 'Dropped out') {
    journey.outcome = 'dropped_out'
    journey.reason = row.outcome
    journey.endedOn = occurredOn
  }
  if (row.contact === 'Completed') {
    journey.outcome = 'completed'
    journey.endedOn = occurredOn
  }
  if (row.contact === 'Outcome recategorised') {
    journey.reason = row.outcome
    journey.recategorisations++
  }
  return 'accepted'
}

function figuresOf(journey: JourneySoFar): JourneyFigures {
  const current = [...journey.outcomes.values()]
  return {
    crn: journey.crn,
    outcome: journey.outcome,
    reason: journey.reason,
    attended: current.filter((code) => attended.includes(code)).length,
    acceptable_absences: current.filter((code) => acceptableAbsences.includes(code)).length,
    unacceptable_absences: current.filter((code) => code === 'UAAB').length,
    corrections: journey.corrections,
    recategorisations: journey.recategorisations,
    facilitators_met: journey.facilitators.size,
  }
}

/** dd/mm/yyyy, zero-padded, on a day that exists → yyyy-mm-dd; otherwise null. There is no year 0. */
function day(text: string): string | null {
  const parts = /^([0-9]{2})\/([0-9]{2})\/([0-9]{4})$/.exec(text)
  if (!parts) return null
  const [, dd, mm, yyyy] = parts
  const year = Number(yyyy)
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  const lengthOfMonth = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][Number(mm) - 1]
  if (year === 0 || lengthOfMonth === undefined) return null
  if (Number(dd) < 1 || Number(dd) > lengthOfMonth) return null
  return `${yyyy}-${mm}-${dd}`
}

/** The day of a dd/mm/yyyy HH:MM on the wall clock; otherwise null. An hour lost to summer time is not looked for. */
function dayOfTimestamp(text: string): string | null {
  const parts = /^(.{10}) ([0-9]{2}):([0-9]{2})$/s.exec(text)
  if (!parts || Number(parts[2]) > 23 || Number(parts[3]) > 59) return null
  return day(parts[1] ?? '')
}

/** Short rows are padded with empty columns; anything beyond the last column is not part of the record. */
function asRow(cells: string[]): Row {
  return Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? ''])) as Row
}

/** RFC 4180, read character by character. A line with nothing on it at all is not a record. */
function parseCsv(csv: string): string[][] {
  const text = csv.replace(/\r+\n|\r/g, '\n')
  const records: string[][] = []
  let cells: string[] = []
  let cell = ''
  let quoted = false
  let sawQuote = false
  const endRecord = () => {
    const blank = cells.length === 0 && cell === '' && !sawQuote
    if (!blank) records.push([...cells, cell].map((written) => written.replace(/^'(?='*[=+\-@\t\n])/, '')))
    cells = []
    cell = ''
    sawQuote = false
  }
  for (let at = text.startsWith('\uFEFF') ? 1 : 0; at < text.length; at++) {
    const character = text.charAt(at)
    if (quoted) {
      if (character !== '"') cell += character
      else if (text[at + 1] === '"') {
        cell += '"'
        at++
      } else quoted = false
    } else if (character === '"' && cell === '') {
      quoted = true
      sawQuote = true
    } else if (character === ',') {
      cells.push(cell)
      cell = ''
    } else if (character === '\n') {
      endRecord()
    } else cell += character
  }
  endRecord()
  return records
}

const columns = [
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

const contacts = [
  'Referral',
  'Eligibility assessed',
  'Suitability decided',
  'Placed on waiting list',
  'Allocated to group',
  'Session',
  'Session correction',
  'Three-way meeting',
  'Programme review',
  'Warning',
  'Breach initiated',
  'Breach resolved',
  'Recall',
  'Provider transfer',
  'Dropped out',
  'Completed',
  'Outcome recategorised',
]

/** Only Building Better Relationships is described; a programme nobody described has no sessions we could know. */
const sessions = new Map([
  [
    'bbr',
    'PG1 PG2 PG3 F1 F2 F3 F4 F5 F6 T1 T2 T3 T4 T5 T6 E1 E2 E3 E4 E5 E6 R1 R2 R3 R4 R5 R6 IF IT IE IR MR FR'.split(' '),
  ],
])

const attended = ['ATTC', 'AFTC']
const acceptableAbsences = 'AAAA AAME AARE AASD AAHO AAEM AAFC AACL AARC CO05 CO10'.split(' ')
/** The 19 nDelius outcome codes. */
const outcomes = [...attended, 'ATSH', 'ATSS', 'UAAB', ...acceptableAbsences, 'RSSR', 'RSOF', 'IAPSD']

const reasons = [
  'missed_sessions',
  'motivation',
  'attitude',
  'behaviour_in_group',
  'behaviour_outside_group',
  'alcohol_or_drugs',
  'health',
  'risk_reassessed',
  'recalled',
  'remanded_or_sentenced',
  'order_expired',
  'order_revoked',
  'requirement_removed',
  'moved_area',
  'work',
  'family',
  'transferred_programme',
  'died',
  'duplicate_referral',
  'entered_in_error',
  'other',
]
