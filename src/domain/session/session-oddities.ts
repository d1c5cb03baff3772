/** What is possible and improbable about the days of a group's sessions: the same that is asked about a record of one journey. */
import { dayInWords, dayNumberOf, type Day } from '../calendar.ts'
import { weekdayOf } from '../group/weekly.ts'
import { odditiesOfDay, type BankHolidays, type Oddity } from '../journey/oddities.ts'

/** A session of the group as its calendar has it: the day on which it was held, or is to be. */
export interface CalendarSession {
  readonly sessionId: string
  readonly programmeSession: string
  readonly on: Day
}

/** When the group meets otherwise. */
export interface UsualDays {
  /** The day of the week, 1 for Monday: a group that meets on Saturdays is not asked why. */
  readonly weekday: number
  /** Its sessions that were not called off. */
  readonly calendar: readonly CalendarSession[]
}

/**
 * What is odd about the days of sessions that are put in the calendar, moved, or recorded as held; of many that are odd in the
 * same way the first is named.
 * @param today the day on which it is recorded
 */
export function odditiesOfSessions(
  sessions: readonly Pick<CalendarSession, 'sessionId' | 'on'>[],
  usual: UsualDays,
  today: Day,
  bankHolidays: BankHolidays,
): readonly Oddity[] {
  const found = sessions.flatMap((session) => odditiesOfOne(session, usual, today, bankHolidays))
  return [...Map.groupBy(found, ({ code }) => code).values()].map(([first, ...more]) => ({
    code: first!.code,
    sentence:
      more.length === 0
        ? first!.sentence
        : `${first!.sentence} Something like it is true of ${more.length} more of these sessions.`,
  }))
}

function odditiesOfOne(
  { sessionId, on }: Pick<CalendarSession, 'sessionId' | 'on'>,
  { weekday, calendar }: UsualDays,
  today: Day,
  bankHolidays: BankHolidays,
): readonly Oddity[] {
  const isUsual = weekdayOf(dayNumberOf(on)) === weekday
  const ofDay = odditiesOfDay({ on, today }, true, bankHolidays).filter(({ code }) => code !== 'weekend' || !isUsual)
  const other = calendar.find((one) => one.on === on && one.sessionId !== sessionId)
  if (!other) return ofDay
  const sentence = `Another session of the group, ${other.programmeSession}, is in its calendar for ${dayInWords(on)}.`
  return [...ofDay, { code: 'second_same_day', sentence }]
}
