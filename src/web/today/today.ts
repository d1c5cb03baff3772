/** What needs somebody, in the words of the page: each kind of task has a heading, three columns, and where the rest is found. */
import type { SignedIn } from '../../access/session.ts'
import { alertKindNames } from '../../access/unusual-reach.ts'
import type { AlertKind } from '../../domain/consultation.ts'
import { daysBetween, type Day } from '../../domain/calendar.ts'
import { isCourse, trainingCourses } from '../../domain/facilitator/training.ts'
import { standInReasons, type StandInReason } from '../../domain/group/room.ts'
import { quietAfterDays } from '../../domain/journey/needs.ts'
import { outcomes, type Outcome } from '../../domain/journey/outcomes.ts'
import type { KnownFacilitator } from '../../queries/facilitators.ts'
import type { Task, TaskKind, TaskList, TaskSession } from '../../queries/today.ts'
import { sayTimeOfDay, sayWeekday } from '../groups/say.ts'
import { sayCount } from '../layout/dates.ts'

interface Row {
  /** Empty where the page that it would lead to is not known. */
  readonly href: string
  readonly title: string
  readonly under: string
  readonly what: string
  readonly on: Day
}

interface KindOfTask {
  readonly heading: string
  /** Of whom or what, why, and of which day a row speaks. */
  readonly columns: readonly [string, string, string]
  readonly row: (task: Task, today: Day) => Omit<Row, 'on'>
  /** Where all of them are. */
  readonly all?: { readonly href: string; readonly text: string }
}

const about = ({ journey }: Task, path = ''): Pick<Row, 'href' | 'title' | 'under'> => ({
  href: journey ? `/journeys/${journey.journeyId}${path}` : '',
  title: journey ? journey.name || 'Name not known' : 'No journey known',
  under: journey ? [journey.crn, journey.groupId].filter(Boolean).join(' · ') : '',
})

const sayPlace = ({ groupCode, programmeSession, startsAt }: TaskSession): string =>
  `${groupCode}, ${programmeSession} at ${sayTimeOfDay(startsAt)}`

const inSession = ({ session }: Task, path = ''): Pick<Row, 'href' | 'title' | 'under'> => ({
  href: `/sessions/${session!.sessionId}${path}`,
  title: sayPlace(session!),
  under: session!.place,
})

const names = (codes: readonly string[]): string => new Intl.ListFormat('en-GB').format(codes)

const toRegister = (heading: string): KindOfTask => ({
  heading,
  columns: ['Session', 'Facilitators planned', 'Day'],
  row: (task) => ({ ...inSession(task, '/register'), what: names(task.session!.planned) }),
})

const inCaseload = (need: string) => ({ href: `/?need=${need}`, text: 'All of them in the case load' })

const kinds: Readonly<Record<TaskKind, KindOfTask>> = {
  missed: {
    heading: 'Missed a session since the last working day',
    columns: ['Name', 'What was recorded', 'Day of the session'],
    row: (task) => ({ ...about(task), what: outcomes[task.detail as Outcome] }),
  },
  warning: {
    heading: 'Absences at the warning threshold',
    columns: ['Name', 'Why', 'Last contact'],
    row: (task) => ({
      ...about(task),
      what: sayCount(task.journey!.unacceptableAbsences, 'unacceptable absence'),
    }),
    all: inCaseload('warning'),
  },
  dispute: {
    heading: 'Disputes to answer',
    columns: ['Name', 'What is asked', 'Since'],
    row: (task) => ({ ...about(task), what: 'He says that a record is wrong' }),
  },
  review: {
    heading: 'Reviews due',
    columns: ['Name', 'Programme', 'Last contact'],
    row: (task) => ({ ...about(task), what: task.journey!.programme }),
    all: inCaseload('review'),
  },
  no_contact: {
    heading: `Nothing recorded for ${quietAfterDays} days or more`,
    columns: ['Name', 'For how long', 'Last contact'],
    row: (task, today) => ({ ...about(task), what: sayCount(daysBetween(task.on, today), 'day') }),
    all: inCaseload('no_contact'),
  },
  register_outstanding: toRegister('Registers outstanding'),
  session_today: toRegister('Sessions today'),
  register_incomplete: {
    heading: 'Registers half done',
    columns: ['Session', 'What is missing', 'Day'],
    row: (task) => ({
      ...inSession(task, '/register'),
      what: `${sayCount(task.count, 'person', 'people')} not marked`,
    }),
  },
  session_this_week: {
    heading: 'Sessions in the next six days',
    columns: ['Session', 'Facilitators planned', 'Day'],
    row: (task) => ({ ...inSession(task), what: names(task.session!.planned) }),
  },
  training_lapses: {
    heading: 'Training that has lapsed or lapses soon',
    columns: ['Facilitator', 'Training', 'In force to'],
    row: ({ staff, detail, on }, today) => ({
      href: '/facilitators',
      title: names(staff),
      under: on < today ? 'Lapsed' : '',
      what: isCourse(detail ?? '') ? trainingCourses[detail as keyof typeof trainingCourses].name : (detail ?? ''),
    }),
  },
  session_unstaffed: {
    heading: 'Sessions whose facilitator has left',
    columns: ['Session', 'Who is missing', 'Day'],
    row: (task) => ({
      ...inSession(task),
      what: `${names(task.staff)} ${task.staff.length === 1 ? 'has' : 'have'} left; ${
        task.count === 0 ? 'nobody is planned instead' : `${task.count} of those planned will be there`
      }`,
    }),
  },
  double_booked: {
    heading: 'Facilitators planned twice at one time',
    columns: ['Session', 'Who, and for what else', 'Day'],
    row: (task) => ({ ...inSession(task), what: `${names(task.staff)}: also ${sayPlace(task.other!)}` }),
  },
  stand_in: {
    heading: 'Who stood in during the last four weeks',
    columns: ['Session', 'Who stood in, and why', 'Day'],
    row: (task) => ({
      ...inSession(task),
      what: `${names(task.staff)}: ${standInReasons[task.detail as StandInReason].toLowerCase()}`,
    }),
  },
  erasure: {
    heading: 'Erasures that wait for a second person',
    columns: ['Name', 'Who decides', 'Asked for'],
    row: (task) => ({
      ...about(task, '/rights'),
      what:
        task.detail === 'another_decides'
          ? 'You asked for it: somebody else decides'
          : `${names(task.staff)} asked for it: decide`,
    }),
    all: { href: '/rights', text: 'All erasures' },
  },
  unusual_reach: {
    heading: 'Unusual looks of the last two weeks',
    columns: ['Who', 'What he did', 'When'],
    row: ({ staff, detail, count }) => ({
      href: '/alerts',
      title: names(staff),
      under: '',
      what: `${alertKindNames[detail as AlertKind]}: ${sayCount(count, 'record')}`,
    }),
    all: { href: '/alerts', text: 'All unusual looks' },
  },
  retention: {
    heading: 'Records due for review',
    columns: ['Name', 'What is asked', 'Last journey ended'],
    row: (task) => ({ ...about(task, '/rights'), what: 'Is the record still needed?' }),
    all: { href: '/rights/retention', text: 'All records due for review' },
  },
}

/** Whose sessions a facilitator looks at, and whose there are to choose from. */
export interface StaffAsked {
  /** Undefined for everybody’s. */
  readonly code: string | undefined
  readonly known: readonly KnownFacilitator[]
}

/** A facilitator who signs in under a staff code begins with what is his or hers; anybody else with what is everybody’s. */
export function staffAsked(who: SignedIn, asked: unknown, known: readonly KnownFacilitator[]): StaffAsked {
  const wanted = typeof asked === 'string' ? asked : who.id
  return { code: known.find(({ code }) => code === wanted)?.code, known }
}

export function todayView(lists: readonly TaskList[], today: Day, staff: StaffAsked | null) {
  const isFilled = ({ total }: TaskList) => total > 0
  return {
    day: sayWeekday(today),
    staff: staff && {
      ...staff,
      options: [
        { value: '', text: 'Everybody', selected: staff.code === undefined },
        ...staff.known.map(({ code, name }) => ({
          value: code,
          text: `${name} (${code})`,
          selected: code === staff.code,
        })),
      ],
    },
    lists: lists.filter(isFilled).map(({ kind, tasks, total, more }) => {
      const { heading, columns, row, all } = kinds[kind]
      return {
        kind,
        heading,
        columns,
        rows: tasks.map((task): Row => ({ ...row(task, today), on: task.on })),
        count: `${more ? 'more than ' : ''}${total.toLocaleString('en-GB')}`,
        left: more || total > tasks.length ? total - tasks.length : 0,
        all,
      }
    }),
    nothing: lists.filter((list) => !isFilled(list)).map(({ kind }) => kinds[kind].heading),
  }
}
