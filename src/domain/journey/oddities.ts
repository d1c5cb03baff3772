/**
 * What is possible and improbable about a record: each oddity is one sentence for the person who is about to record it, who may
 * well mean it. Pure: which days are bank holidays is told.
 */
import { dayInWords, daysBetween, dayNumberOf, type Day } from '../calendar.ts'
import type { CommandContext } from '../history.ts'
import { programmeAt, type ProgrammeDefinition } from '../programme.ts'
import { believedOf, type Believed, type FactEvent } from './believed.ts'
import { nounOf } from './correctable.ts'
import { foldedAnew, type JourneyEvent } from './fold.ts'
import { attendanceCategoryOf } from './outcomes.ts'
import type { JourneyFacts } from './state.ts'

/** In the order in which they are said. The codes are stored and answered to programs: add to them, never rename them. */
export const oddities = {
  far_from_today: 'Far from today',
  recorded_late: 'Recorded more than 30 days late',
  weekend: 'On a weekend',
  bank_holiday: 'On a bank holiday',
  second_same_day: 'A second one the same day',
  out_of_order: 'Out of the order of the programme',
  sessions_missing: 'Fewer sessions than the programme has',
  another_person: 'All that says who he is changes',
  very_old: 'Older than 90',
} as const

export type OddityCode = keyof typeof oddities

export const oddityCodes = Object.keys(oddities) as OddityCode[]

export const isOddityCode = (code: unknown): code is OddityCode =>
  typeof code === 'string' && Object.hasOwn(oddities, code)

export interface Oddity {
  readonly code: OddityCode
  readonly sentence: string
}

/** Nothing was written: the record is possible, and nobody has said yet that it is meant. */
export class OdditiesUnconfirmed extends Error {
  /** All there are, confirmed ones among them. */
  readonly oddities: readonly Oddity[]

  constructor(oddities: readonly Oddity[]) {
    super(`Something about this is unusual. ${oddities.map(({ sentence }) => sentence).join(' ')}`)
    this.name = 'OdditiesUnconfirmed'
    this.oddities = oddities
  }
}

/** A year, in days: what is further from today is likelier a slip of the keyboard in the year. The figure is our own. */
export const farDays = 365

/** After so many days a record counts as late. The figure is our own; most services ask for a record within 5 days. */
export const lateDays = 30

/** What the bank holiday of a day is called; undefined where the day is none. */
export type BankHolidays = (day: Day) => string | undefined

type Dates = Pick<CommandContext, 'occurredOn' | 'recordedOn'>

/** What is odd about an event that is about to be added. Of a correction, only what was not odd about the record before. */
export function odditiesOf(
  journey: JourneyFacts,
  event: JourneyEvent,
  dates: Dates,
  bankHolidays: BankHolidays,
): readonly Oddity[] {
  switch (event.type) {
    case 'RecordWithdrawn':
    case 'AttendanceCorrected':
    case 'OutcomeRecategorised':
      return []
    case 'RecordCorrected': {
      const { corrects, of, data } = event.data
      const fact = journey.recorded.get(corrects)!.fact
      const { believed } = believedOf(journey.recorded)
      const said = believed.find((one) => one.fact === fact && one.type === of)
      const without = foldedAnew(new Map([...journey.recorded].filter(([, version]) => version.fact !== fact)))
      const now = odditiesOfFact(without, { type: of, data } as unknown as FactEvent, dates, bankHolidays)
      const asBefore = { ...dates, occurredOn: said?.on ?? dates.occurredOn }
      const before = said ? odditiesOfFact(without, said, asBefore, bankHolidays) : []
      const known = new Set(before.map(({ sentence }) => sentence))
      // A correction comes late by its nature: that is not asked about.
      return now.filter(({ code, sentence }) => code !== 'recorded_late' && !known.has(sentence))
    }
    default:
      return odditiesOfFact(journey, event, dates, bankHolidays)
  }
}

/**
 * What is odd about the day of something, whatever it is.
 * @param asksWeekday whether it is unusual on a weekend or a bank holiday
 */
export function odditiesOfDay(
  { on, today }: { readonly on: Day; readonly today: Day },
  asksWeekday: boolean,
  bankHolidays: BankHolidays,
): readonly Oddity[] {
  const found: Oddity[] = []
  const days = daysBetween(on, today)
  const said = dayInWords(on)
  if (days > farDays) found.push({ code: 'far_from_today', sentence: `${said} is more than a year ago.` })
  else if (-days > farDays) found.push({ code: 'far_from_today', sentence: `${said} is more than a year from now.` })
  else if (days > lateDays)
    found.push({
      code: 'recorded_late',
      sentence: `${said} is ${days} days ago. Most records are made within a few days.`,
    })
  if (!asksWeekday) return found
  const was = days < 0 ? 'is' : 'was'
  const weekday = dayOfWeek(on)
  if (weekday === 'Saturday' || weekday === 'Sunday')
    found.push({ code: 'weekend', sentence: `${said} ${was} a ${weekday}.` })
  const holiday = bankHolidays(on)
  if (holiday) found.push({ code: 'bank_holiday', sentence: `${said} ${was} a bank holiday: ${holiday}.` })
  return found
}

function odditiesOfFact(
  journey: JourneyFacts,
  event: FactEvent,
  { occurredOn, recordedOn }: Dates,
  bankHolidays: BankHolidays,
): readonly Oddity[] {
  const found: Oddity[] = []
  const say = (code: OddityCode, sentence: string) => void found.push({ code, sentence })
  found.push(...odditiesOfDay({ on: occurredOn, today: recordedOn }, !anyDay.has(event.type), bankHolidays))
  const sameDay = secondOn(journey, event, occurredOn)
  if (sameDay) say('second_same_day', sameDay)
  const programme = journey.programme && programmeAt(journey.programme.key, journey.programme.version)
  if (programme && event.type === 'AttendanceRecorded') {
    const order = outOfOrder(journey, programme, event.data.sessionId, occurredOn)
    if (order) say('out_of_order', order)
  }
  if (programme && event.type === 'ProgrammeCompleted') {
    const attended = [...journey.sessions.values()].filter(
      ({ outcome }) => attendanceCategoryOf(outcome) === 'attended',
    ).length
    const asked = programme.sessions.length
    if (attended < asked)
      say(
        'sessions_missing',
        `The programme has ${asked} sessions, and ${attended} of them ${attended === 1 ? 'is' : 'are'} on record as attended.`,
      )
  }
  return found
}

/** What may happen on any day of the week. */
const anyDay: ReadonlySet<JourneyEvent['type']> = new Set(['RecallRecorded', 'ParticipantDroppedOut'])

const weekdays = ['Thursday', 'Friday', 'Saturday', 'Sunday', 'Monday', 'Tuesday', 'Wednesday'] as const

/** 1 January 1970 was a Thursday. */
const dayOfWeek = (day: Day) => weekdays[((dayNumberOf(day) % 7) + 7) % 7]!

function secondOn({ recorded }: JourneyFacts, event: FactEvent, day: Day): string | null {
  const isOnDay = (one: { readonly type: string; readonly on: Day }) => one.type === event.type && one.on === day
  // Nothing has to be folded where nothing of the kind was ever told of that day.
  if (![...recorded.values()].some(({ on }) => on === day)) return null
  const other = believedOf(recorded).believed.find(isOnDay) as Believed | undefined
  if (!other) return null
  const what = event.type === 'AttendanceRecorded' ? 'session' : nounOf(event.type, event.data)
  const which = event.type === 'AttendanceRecorded' ? ` (${nounOf(other.type, other.data)})` : ''
  return `Another ${what} is on record for ${dayInWords(day)}${which}.`
}

/** Of the sessions before it in the programme, one that has no record or was held later; else of those after it, one held earlier. */
function outOfOrder(
  { sessions }: JourneyFacts,
  { sessions: inOrder }: ProgrammeDefinition,
  sessionId: string,
  heldOn: Day,
): string | null {
  const place = inOrder.findIndex(({ id }) => id === sessionId)
  for (const { id } of inOrder.slice(0, Math.max(0, place))) {
    const held = sessions.get(id)?.heldOn
    if (held === undefined)
      return `${sessionId} comes after ${id} in the programme, and nothing is on record for ${id}.`
    if (held > heldOn)
      return `${sessionId} comes after ${id} in the programme, and ${id} was held later, on ${dayInWords(held)}.`
  }
  for (const { id } of inOrder.slice(place + 1)) {
    const held = sessions.get(id)?.heldOn
    if (held !== undefined && held < heldOn)
      return `${sessionId} comes before ${id} in the programme, and ${id} was held earlier, on ${dayInWords(held)}.`
  }
  return null
}
