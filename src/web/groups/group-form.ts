/** What one form of a group or a session consists of. Showing, checking, check your answers and recording are the same for all. */
import { bankHolidayOn } from '../../commands/bank-holidays.ts'
import type { CommandResult } from '../../commands/decide-and-append.ts'
import type { FacilitatorCommandHandler } from '../../commands/facilitator-command-handler.ts'
import type { GroupCommandHandler } from '../../commands/group-command-handler.ts'
import type { IssuedOnSession, SessionCommandHandler } from '../../commands/session-command-handler.ts'
import type { Day } from '../../domain/calendar.ts'
import { dateRefusals } from '../../domain/dates.ts'
import { odditiesOfDay, type Oddity } from '../../domain/journey/oddities.ts'
import { odditiesOfSessions, type CalendarSession, type UsualDays } from '../../domain/session/session-oddities.ts'
import type { KnownFacilitator, WholeFacilitator } from '../../queries/facilitators.ts'
import type { SessionRecord, WholeGroup } from '../../queries/groups.ts'
import type { CaseloadRow } from '../../queries/journeys.ts'
import type { FormError } from '../forms/date.ts'
import type { FormValues } from '../forms/form-fields.ts'

/** What a form is filled in and checked with. What its address does not name is null. */
export interface GroupSituation {
  readonly whole: WholeGroup | null
  readonly session: SessionRecord | null
  readonly facilitator: WholeFacilitator | null
  /** Who is on the list of facilitators, by staff code: a form offers them and takes anybody else’s code too. */
  readonly known: readonly KnownFacilitator[]
  /** The member that the address names. */
  readonly journeyId: string | null
  /** Who could be given a place, where the form asks for that. */
  readonly candidates: readonly CaseloadRow[]
  readonly today: Day
}

/** One line of what is checked before it is recorded. */
export interface GroupAnswer {
  readonly label: string
  readonly text: string
  /** The id of the control that asks for it. */
  readonly control: string
}

/** What records it. */
export interface GroupRecorders {
  readonly groups: GroupCommandHandler
  readonly sessions: SessionCommandHandler
  readonly facilitators: FacilitatorCommandHandler
}

export interface GroupForm<Entry = unknown> {
  /** Its address: `:group`, `:session`, `:journey` and `:facilitator` stand for ids. */
  readonly route: string
  readonly template: string
  readonly title: (situation: GroupSituation) => string
  /** The heading of its check page: "Check your answers before …". */
  readonly doing: string
  /** On the button that records. */
  readonly confirm: string
  /** Said once it is recorded. */
  readonly recorded: string
  /** Whether it asks who could be given a place. */
  readonly asksCandidates?: true
  /** The controls from top to bottom. */
  order(situation: GroupSituation): readonly string[]
  /** The control that puts a refusal right, by its code, and the one for all others. */
  readonly refusals: Readonly<Record<string, string>>
  readonly otherwise: string
  /** Why it cannot be done as things stand; null where it can. */
  unavailable(situation: GroupSituation): string | null
  initial(situation: GroupSituation): FormValues
  /** Another button than that to go on: what the form is filled in with then; null for a button that it does not know. */
  filledBy?(step: string, values: FormValues, situation: GroupSituation): FormValues | null
  /** @returns no entry where anything is wrong */
  read(values: FormValues, situation: GroupSituation): Promise<{ entry: Entry | null; errors: readonly FormError[] }>
  /** What its template shows beside the fields. */
  view(situation: GroupSituation, values: FormValues, errors: readonly FormError[]): object
  answers(entry: Entry, situation: GroupSituation): readonly GroupAnswer[]
  /** What is unusual about it, which is said before it is recorded. */
  oddities?(entry: Entry, situation: GroupSituation): readonly Oddity[]
  /** @returns the address of the page that shows what was recorded */
  record(
    entry: Entry,
    situation: GroupSituation,
    recorders: GroupRecorders,
    issued: IssuedOnSession,
  ): Promise<{ written: CommandResult; to: string }>
}

/** When the group meets. */
export const usualDaysOf = ({ whole }: GroupSituation): UsualDays => ({
  weekday: whole?.group.weekday ?? 0,
  calendar: (whole?.sessions ?? []).filter(({ status }) => status !== 'cancelled'),
})

/** What is odd about the days of these sessions, those of the calendar by their ids. */
export function odditiesOfDays(sessions: readonly CalendarSession[], situation: GroupSituation): readonly Oddity[] {
  const { weekday, calendar } = usualDaysOf(situation)
  const ids = new Set(sessions.map(({ sessionId }) => sessionId))
  const others = calendar.filter(({ sessionId }) => !ids.has(sessionId))
  return odditiesOfSessions(sessions, { weekday, calendar: [...others, ...sessions] }, situation.today, bankHolidayOn)
}

/** What is odd about the day on which somebody got or gave up a place. */
export const odditiesOfPlace = (on: Day, { today }: GroupSituation): readonly Oddity[] =>
  odditiesOfDay({ on, today }, false, bankHolidayOn)

/** An entry that stands only where nothing is wrong. */
export const unlessWrong = <Entry>(errors: readonly FormError[], entry: () => Entry) => ({
  entry: errors.length > 0 ? null : entry(),
  errors,
})

export const addressOfGroup = ({ whole }: GroupSituation): string => `/groups/${whole?.group.groupId ?? ''}`

export const addressOfFacilitator = ({ facilitator }: GroupSituation): string =>
  facilitator ? `/facilitators/${facilitator.facilitator.facilitatorId}` : '/facilitators'

export const addressOfSession = ({ session }: GroupSituation): string => `/sessions/${session?.sessionId ?? ''}`

/** Every refusal of the rule of dates at the one control for the date. */
export const datesRefusedAt = (control: string): Readonly<Record<string, string>> =>
  Object.fromEntries(dateRefusals.map((code) => [code, control]))

/** A member as everybody on the page knows him: by name, or by nothing where the case load does not know him yet. */
export const nameOfMember = ({ whole }: GroupSituation, journeyId: string): string =>
  whole?.members.find((member) => member.journeyId === journeyId)?.row?.name ?? 'Name not known'

/** The items of a select made from coded data. */
export const codeItems = (codes: Readonly<Record<string, string>>, chosen: unknown, none?: string) => [
  ...(none === undefined ? [] : [{ value: '', text: none, selected: !chosen }]),
  ...Object.entries(codes).map(([value, text]) => ({ value, text, selected: value === chosen })),
]

/** A day that has not come yet cannot have happened. */
export const refuseLater = (field: string, subject: string, day: Day | undefined, today: Day): FormError[] =>
  day !== undefined && day > today
    ? [{ field: `${field}-day`, text: `${subject} must be today or in the past`, parts: ['day', 'month', 'year'] }]
    : []

/** A day as the three fields of a date. */
export const dateFields = (name: string, day: Day): FormValues => {
  const [year, month, date] = day.split('-') as [string, string, string]
  return { [`${name}-day`]: String(Number(date)), [`${name}-month`]: String(Number(month)), [`${name}-year`]: year }
}
