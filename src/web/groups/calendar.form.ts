/** The calendar of a group: its sessions week by week, and one that is moved or called off. */
import { IsIn, IsNotEmpty, Matches } from 'class-validator'
import type { SessionToSchedule } from '../../commands/session-command-handler.ts'
import type { Day } from '../../domain/calendar.ts'
import { changeReasonCodes, changeReasons, type ChangeReason } from '../../domain/group/room.ts'
import { weeklyDays } from '../../domain/group/weekly.ts'
import { programmeAt } from '../../domain/programme.ts'
import { bankHolidayOn } from '../../commands/bank-holidays.ts'
import { sessionGroups } from '../forms/choices.ts'
import { dateInput, type FormError } from '../forms/date.ts'
import { checkedFields, CommandFields, controlOf } from '../forms/form-fields.ts'
import {
  addressOfGroup,
  addressOfSession,
  codeItems,
  dateFields,
  odditiesOfDays,
  unlessWrong,
  type GroupForm,
  type GroupSituation,
} from './group-form.ts'
import { sayTimeOfDay, sayWeekday, weekdays } from './say.ts'

class ScheduleFields extends CommandFields {
  @IsNotEmpty({ message: 'Select the first session' })
  first = ''

  @Matches(/^([1-9]|[1-5]\d)$/, { message: 'Enter how many sessions, from 1 to 59' })
  count = ''
}

interface Schedule {
  readonly sessions: readonly SessionToSchedule[]
  readonly skipped: readonly { readonly day: Day; readonly because: string }[]
}

/** The sessions of the programme that are held with the group and are not in its calendar yet, in the order of the programme. */
function sessionsLeft({ whole }: GroupSituation) {
  const { programmeKey, programmeVersion } = whole!.group
  const inCalendar = new Set(
    whole!.sessions.filter(({ status }) => status !== 'cancelled').map(({ programmeSession }) => programmeSession),
  )
  const definition = programmeAt(programmeKey, programmeVersion)
  return (definition?.sessions ?? []).filter(({ id, kind }) => kind === 'group' && !inCalendar.has(id))
}

export const scheduleForm: GroupForm<Schedule> = {
  route: 'groups/:group/schedule',
  template: 'groups/schedule.njk',
  title: ({ whole }) => `Schedule sessions of ${whole!.group.code}`,
  doing: 'putting the sessions in the calendar',
  confirm: 'Put them in the calendar',
  recorded: 'Sessions scheduled',
  order: () => ['first', 'count', 'startsOn'],
  refusals: { unknown_session: 'first' },
  otherwise: 'first',
  unavailable: (situation) =>
    sessionsLeft(situation).length > 0 ? null : 'Every group session of the programme is in the calendar.',
  initial: (situation) => {
    const left = sessionsLeft(situation)
    const last = situation.whole!.sessions.at(-1)?.on
    const { today } = situation
    return {
      first: left.at(0)?.id,
      count: String(left.length),
      ...dateFields('startsOn', last !== undefined && last > today ? last : today),
    }
  },
  async read(values, situation) {
    const { fields, days, errors } = await checkedFields(ScheduleFields, values, { startsOn: 'The date to begin from' })
    const left = sessionsLeft(situation)
    const from = left.findIndex(({ id }) => id === fields.first)
    const beside: FormError[] =
      fields.first !== '' && from < 0 ? [{ field: 'first', text: 'Select a session from the list' }] : []
    return unlessWrong([...errors, ...beside], () => {
      const wanted = left.slice(from, from + Number(fields.count))
      const { days: on, skipped } = weeklyDays(situation.whole!.group, days.startsOn!, wanted.length, bankHolidayOn)
      return { sessions: on.map((day, n) => ({ programmeSession: wanted[n]!.id, on: day })), skipped }
    })
  },
  view(situation, values, errors) {
    const { programmeKey: key, programmeVersion: version, weekday } = situation.whole!.group
    const left = new Set(sessionsLeft(situation).map(({ id }) => id))
    return {
      sessions: sessionGroups({ key, version }, (id) => left.has(id)),
      weekday: weekdays[weekday - 1],
      date: dateInput(
        'startsOn',
        'From which date?',
        values,
        errors.find(({ field }) => controlOf(field) === 'startsOn') ?? null,
        `The first ${weekdays[weekday - 1]} on or after this date is the first session`,
      ),
    }
  },
  answers: ({ sessions, skipped }, { whole }) => {
    const { startsAt } = whole!.group
    return [
      ...sessions.map(({ programmeSession, on }) => ({ session: programmeSession, on, because: '' })),
      ...skipped.map(({ day, because }) => ({ session: '', on: day, because })),
    ]
      .toSorted((a, b) => (a.on < b.on ? -1 : 1))
      .map(({ session, on, because }) => ({
        label: session || 'No session',
        text: because ? `${sayWeekday(on)}: ${because}` : `${sayWeekday(on)} at ${sayTimeOfDay(startsAt)}`,
        control: session ? 'first' : 'startsOn-day',
      }))
  },
  oddities: ({ sessions }, situation) =>
    odditiesOfDays(
      sessions.map(({ programmeSession, on }, n) => ({ sessionId: `new ${n}`, programmeSession, on })),
      situation,
    ),
  async record({ sessions }, situation, recorders, issued) {
    const { written } = await recorders.sessions.schedule(situation.whole!.group.groupId, sessions, issued)
    return { written, to: addressOfGroup(situation) }
  },
}

/** Why a session cannot be moved, called off or recorded as held; null where it can. */
export function whyNotToCome({ session }: GroupSituation): string | null {
  switch (session!.facts.status) {
    case 'cancelled':
      return 'This session was called off.'
    case 'delivered':
      return 'This session is recorded as held.'
    default:
      return null
  }
}

const titleOf =
  (what: string) =>
  ({ session }: GroupSituation): string =>
    `${what} ${session!.name} of ${session!.facts.scheduled!.groupCode}`

class MoveFields extends CommandFields {
  @Matches(/^([01]\d|2[0-3]):[0-5]\d$/, { message: 'Enter when it begins, such as 18:30' })
  startsAt = ''

  @IsIn(changeReasonCodes, { message: 'Select why it is moved' })
  reason = ''
}

interface Move {
  readonly on: Day
  readonly startsAt: string
  readonly reason: ChangeReason
}

export const moveForm: GroupForm<Move> = {
  route: 'sessions/:session/move',
  template: 'groups/move.njk',
  title: titleOf('Move'),
  doing: 'moving the session',
  confirm: 'Move the session',
  recorded: 'Session moved',
  order: () => ['movedTo', 'startsAt', 'reason'],
  refusals: { same_time: 'movedTo-day', unknown_time: 'startsAt', unknown_day: 'movedTo-day' },
  otherwise: 'reason',
  unavailable: whyNotToCome,
  initial: ({ session }) => {
    const { on, startsAt } = session!.facts.scheduled!
    return { ...dateFields('movedTo', on), startsAt }
  },
  async read(values) {
    const { fields, days, errors } = await checkedFields(MoveFields, values, { movedTo: 'The new date' })
    return unlessWrong(errors, () => ({
      on: days.movedTo!,
      startsAt: fields.startsAt,
      reason: fields.reason as ChangeReason,
    }))
  },
  view: (_situation, values, errors) => ({
    reasonItems: codeItems(changeReasons, values.reason, 'Select a reason'),
    date: dateInput(
      'movedTo',
      'To which date?',
      values,
      errors.find(({ field }) => controlOf(field) === 'movedTo') ?? null,
      'For example, 27 3 2026',
    ),
  }),
  answers: ({ on, startsAt, reason }, { session }) => {
    const was = session!.facts.scheduled!
    return [
      { label: 'Until now', text: `${sayWeekday(was.on)} at ${sayTimeOfDay(was.startsAt)}`, control: '' },
      { label: 'New date', text: sayWeekday(on), control: 'movedTo-day' },
      { label: 'Begins', text: sayTimeOfDay(startsAt), control: 'startsAt' },
      { label: 'Reason', text: changeReasons[reason], control: 'reason' },
    ]
  },
  oddities: ({ on }, situation) => {
    const { sessionId, facts } = situation.session!
    return odditiesOfDays([{ sessionId, programmeSession: facts.scheduled!.programmeSession, on }], situation)
  },
  async record(move, situation, { sessions }, issued) {
    const written = await sessions.execute(situation.session!.sessionId, 'RescheduleSession', move, issued)
    return { written, to: addressOfSession(situation) }
  },
}

class CancelFields extends CommandFields {
  @IsIn(changeReasonCodes, { message: 'Select why it is called off' })
  reason = ''
}

export const cancelForm: GroupForm<{ readonly reason: ChangeReason }> = {
  route: 'sessions/:session/cancel',
  template: 'groups/cancel.njk',
  title: titleOf('Call off'),
  doing: 'calling off the session',
  confirm: 'Call off the session',
  recorded: 'Session called off',
  order: () => ['reason'],
  refusals: {},
  otherwise: 'reason',
  unavailable: whyNotToCome,
  initial: () => ({}),
  async read(values) {
    const { fields, errors } = await checkedFields(CancelFields, values)
    return unlessWrong(errors, () => ({ reason: fields.reason as ChangeReason }))
  },
  view: (_situation, values) => ({ reasonItems: codeItems(changeReasons, values.reason, 'Select a reason') }),
  answers: ({ reason }, { session }) => {
    const { on, startsAt } = session!.facts.scheduled!
    return [
      { label: 'Session', text: `${session!.name}, ${sayWeekday(on)} at ${sayTimeOfDay(startsAt)}`, control: '' },
      { label: 'Reason', text: changeReasons[reason], control: 'reason' },
    ]
  },
  async record({ reason }, situation, { sessions }, issued) {
    const written = await sessions.execute(situation.session!.sessionId, 'CancelSession', { reason }, issued)
    return { written, to: addressOfSession(situation) }
  },
}
