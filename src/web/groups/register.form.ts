/** The register: the whole group on one page. Who was in the room, and a row for each man; any of them may be left for later. */
import type { DeliveredSession, RegisterRow } from '../../commands/session-command-handler.ts'
import type { Day } from '../../domain/calendar.ts'
import {
  engagements,
  isTime,
  longestSession,
  facilitatorRoles,
  standInReasons,
  type ActualFacilitator,
  type FacilitatorRole,
  type StandInReason,
} from '../../domain/group/room.ts'
import { isOutcome, outcomes } from '../../domain/journey/outcomes.ts'
import { outcomeGroups } from '../forms/choices.ts'
import { dateInput, readDate, type FormError } from '../forms/date.ts'
import {
  checkedFields,
  CommandFields,
  controlOf,
  longestNote,
  staffCodes,
  staffCodesShape,
  type FormValues,
} from '../forms/form-fields.ts'
import { sayDay } from '../layout/dates.ts'
import {
  datesRefusedAt,
  addressOfSession,
  codeItems,
  dateFields,
  nameOfMember,
  odditiesOfDays,
  refuseLater,
  unlessWrong,
  type GroupForm,
  type GroupSituation,
} from './group-form.ts'
import { sayFacilitator, sayTimeOfDay } from './say.ts'

/** How many may stand in for the planned facilitators of one session. */
const standIns = [1, 2, 3] as const

interface Register {
  readonly on: Day
  /** Null where the session is recorded as held already and the rest of its register is filled in. */
  readonly room: Omit<DeliveredSession, 'register'> | null
  readonly rows: readonly RegisterRow[]
}

const typed = (values: FormValues, name: string): string => {
  const value = values[name]
  return typeof value === 'string' ? value.trim() : ''
}

/** ` (Rowan Vale)`; nothing where the list does not have the code. */
const nameOfKnown = ({ known }: GroupSituation, code: string): string => {
  const person = known.find((one) => one.code === code)
  return person ? ` (${person.name})` : ''
}

const isHeld = ({ session }: GroupSituation): boolean => session!.facts.status === 'delivered'

/** Whoever has a place in the group and is not marked yet, in the order of their names. */
const toMark = (situation: GroupSituation): readonly string[] => {
  const { register } = situation.session!.facts
  return situation
    .whole!.members.filter(({ leftOn, journeyId }) => leftOn === null && !register.has(journeyId))
    .map(({ journeyId }) => journeyId)
    .toSorted((a, b) => nameOfMember(situation, a).localeCompare(nameOfMember(situation, b), 'en'))
}

export const registerForm: GroupForm<Register> = {
  route: 'sessions/:session/register',
  template: 'groups/register.njk',
  title: ({ session }) => `Register: ${session!.name} of ${session!.facts.scheduled!.groupCode}`,
  doing: 'recording the register',
  confirm: 'Record the register',
  recorded: 'Register recorded',
  order: (situation) => [
    ...(isHeld(situation)
      ? []
      : [
          'there',
          ...standIns.flatMap((n) => [`standIn-${n}`, `standInRole-${n}`, `standInReason-${n}`]),
          'observers',
          'heldOn',
          'startedAt',
          'minutes',
        ]),
    'all',
    ...toMark(situation).flatMap((id) => [`outcome-${id}`, `minutes-${id}`, `engagement-${id}`, `note-${id}`]),
  ],
  refusals: {
    no_facilitator: 'there',
    facilitator_twice: 'standIn-1',
    unknown_time: 'startedAt',
    ...datesRefusedAt('heldOn-day'),
  },
  otherwise: 'all',
  unavailable(situation) {
    if (situation.session!.facts.status === 'cancelled') return 'This session was called off.'
    if (toMark(situation).length > 0) return null
    return isHeld(situation)
      ? 'Everybody in this register is marked. A wrong mark can be corrected.'
      : 'Nobody has a place in this group yet. Give somebody a place first.'
  },
  initial({ session, today }) {
    const { facilitators, on, startsAt, minutes } = session!.facts.scheduled!
    return {
      ...Object.fromEntries(facilitators.map(({ facilitator }) => [`there-${facilitator}`, 'yes'])),
      ...dateFields('heldOn', on > today ? today : on),
      startedAt: startsAt,
      minutes: String(minutes),
    }
  },
  /** One button marks everybody who is not marked yet as having come: then only who did not is left to be chosen. */
  filledBy: (step, values, situation) =>
    step === 'all'
      ? {
          ...values,
          ...Object.fromEntries(
            toMark(situation)
              .filter((id) => typed(values, `outcome-${id}`) === '')
              .map((id) => [`outcome-${id}`, 'ATTC']),
          ),
        }
      : null,
  async read(values, situation) {
    const { errors: wrongCommand } = await checkedFields(CommandFields, values)
    const rows = readRows(values, situation)
    const none: FormError[] =
      rows.entry.length === 0 && rows.errors.length === 0
        ? [{ field: 'all', text: 'Select an outcome for at least one person' }]
        : []
    if (isHeld(situation)) {
      const on = situation.session!.facts.delivered!.on
      return unlessWrong([...wrongCommand, ...rows.errors, ...none], () => ({ on, room: null, rows: rows.entry }))
    }
    const room = readRoom(values, situation)
    return unlessWrong([...wrongCommand, ...room.errors, ...rows.errors, ...none], () => ({
      ...room.entry!,
      rows: rows.entry,
    }))
  },
  view(situation, values, errors) {
    const { facilitators } = situation.session!.facts.scheduled!
    const errorAt = (field: string) => errors.find((error) => error.field === field)
    return {
      isHeld: isHeld(situation),
      planned: facilitators.map(({ facilitator, role }) => ({
        name: `there-${facilitator}`,
        text: `${facilitator}${nameOfKnown(situation, facilitator)}: ${facilitatorRoles[role]}`,
        checked: typed(values, `there-${facilitator}`) === 'yes',
      })),
      standIns: standIns.map((n) => ({
        n,
        value: typed(values, `standIn-${n}`),
        error: errorAt(`standIn-${n}`),
        roleItems: codeItems(facilitatorRoles, typed(values, `standInRole-${n}`) || 'cover'),
        reasonItems: codeItems(standInReasons, typed(values, `standInReason-${n}`) || 'not_stated'),
        isOpen: n === 1 || typed(values, `standIn-${n}`) !== '',
      })),
      date: dateInput(
        'heldOn',
        'When was it held?',
        values,
        errors.find(({ field }) => controlOf(field) === 'heldOn') ?? null,
        'For example, 27 3 2026',
      ),
      outcomes: outcomeGroups,
      engagements: Object.entries(engagements).map(([value, text]) => ({ value, text })),
      rows: toMark(situation).map((id) => ({
        id,
        name: nameOfMember(situation, id),
        crn: situation.whole!.members.find(({ journeyId }) => journeyId === id)?.row?.crn ?? '',
        outcome: typed(values, `outcome-${id}`),
        minutes: typed(values, `minutes-${id}`),
        engagement: typed(values, `engagement-${id}`),
        note: typed(values, `note-${id}`),
        errors: ['outcome', 'minutes', 'note'].flatMap((field) => errorAt(`${field}-${id}`) ?? []),
      })),
      already: situation.session!.facts.register.size,
    }
  },
  answers({ on, room, rows }, situation) {
    const given = new Map(rows.map((row) => [row.journeyId, row]))
    return [
      ...(room === null
        ? []
        : [
            {
              label: 'Held',
              text: `${sayDay(on)} at ${sayTimeOfDay(room.startedAt)}, ${room.minutes} minutes`,
              control: 'heldOn-day',
            },
            { label: 'In the room', text: room.actual.map(sayFacilitator).join('\n'), control: 'there' },
            { label: 'Planned and not there', text: missing(room.actual, situation) || 'Nobody', control: 'there' },
            { label: 'Observers', text: room.observers.join(', ') || 'None', control: 'observers' },
          ]),
      ...toMark(situation).map((id) => ({
        label: nameOfMember(situation, id),
        text: sayRow(given.get(id)),
        control: `outcome-${id}`,
      })),
    ]
  },
  // The day of a session that is recorded as held already was asked about then.
  oddities: ({ on, room }, situation) => {
    const { sessionId, facts } = situation.session!
    const { programmeSession } = facts.scheduled!
    return room === null ? [] : odditiesOfDays([{ sessionId, programmeSession, on }], situation)
  },
  async record({ on, room, rows }, situation, { sessions }, issued) {
    const { sessionId } = situation.session!
    const written =
      room === null
        ? await sessions.mark(sessionId, rows, issued)
        : await sessions.deliver(sessionId, { ...room, register: rows }, { ...issued, occurredOn: on })
    return { written, to: addressOfSession(situation) }
  },
}

const missing = (actual: readonly ActualFacilitator[], { session }: GroupSituation): string =>
  session!.facts
    .scheduled!.facilitators.map(({ facilitator }) => facilitator)
    .filter((planned) => !actual.some(({ facilitator }) => facilitator === planned))
    .join(', ')

function sayRow(row: RegisterRow | undefined): string {
  if (!row) return 'Not marked yet'
  const { outcome, minutes, engagement, note } = row
  return [
    isOutcome(outcome) ? `${outcomes[outcome]} (${outcome})` : outcome,
    ...(minutes === undefined ? [] : [`${minutes} minutes`]),
    ...(engagement === undefined ? [] : [engagements[engagement as keyof typeof engagements]]),
    ...(note ? [`Note: ${note}`] : []),
  ].join('\n')
}

function readRoom(
  values: FormValues,
  { session, today }: GroupSituation,
): { entry: Omit<Register, 'rows'> | null; errors: readonly FormError[] } {
  const errors: FormError[] = []
  const planned = session!.facts.scheduled!.facilitators.filter(
    ({ facilitator }) => typed(values, `there-${facilitator}`) === 'yes',
  )
  const stoodIn = standIns.flatMap((n): ActualFacilitator[] => {
    const facilitator = typed(values, `standIn-${n}`)
    if (facilitator === '') return []
    if (!/^[A-Za-z0-9-]{1,20}$/.test(facilitator))
      errors.push({ field: `standIn-${n}`, text: 'Stand-in must be one staff code, such as F099' })
    const [role, reason] = [typed(values, `standInRole-${n}`), typed(values, `standInReason-${n}`)]
    return [
      {
        facilitator,
        role: (Object.hasOwn(facilitatorRoles, role) ? role : 'cover') as FacilitatorRole,
        standIn: (Object.hasOwn(standInReasons, reason) ? reason : 'not_stated') as StandInReason,
      },
    ]
  })
  const actual = [...planned, ...stoodIn]
  if (actual.length === 0) errors.unshift({ field: 'there', text: 'Select who was in the room, or enter who stood in' })
  const observers = typed(values, 'observers')
  if (observers !== '' && !staffCodesShape.test(observers))
    errors.push({ field: 'observers', text: 'Enter staff codes separated by commas, such as F012, F030' })
  const subject = 'The date of the session'
  const { day, error } = readDate(values, 'heldOn', subject)
  if (error) errors.push(error)
  errors.push(...refuseLater('heldOn', subject, day ?? undefined, today))
  const startedAt = typed(values, 'startedAt')
  if (!isTime(startedAt)) errors.push({ field: 'startedAt', text: 'Enter when it began, such as 18:30' })
  const minutes = minutesIn(typed(values, 'minutes'))
  if (minutes === null || minutes < 1)
    errors.push({ field: 'minutes', text: `Enter how long it lasted, from 1 to ${longestSession} minutes` })
  return unlessWrong(errors, () => ({
    on: day!,
    room: { startedAt, minutes: minutes!, actual, observers: staffCodes(observers) },
  }))
}

function readRows(values: FormValues, situation: GroupSituation) {
  const errors: FormError[] = []
  const entry = toMark(situation).flatMap((journeyId): RegisterRow[] => {
    const at = (field: string) => typed(values, `${field}-${journeyId}`)
    const name = nameOfMember(situation, journeyId)
    const [outcome, engagement, note] = [at('outcome'), at('engagement'), at('note')]
    const minutes = at('minutes') === '' ? undefined : minutesIn(at('minutes'))
    if (outcome === '') {
      if (note !== '' || minutes !== undefined || engagement !== '')
        errors.push({
          field: `outcome-${journeyId}`,
          text: `Select an outcome for ${name}, or leave the whole row empty`,
        })
      return []
    }
    if (!isOutcome(outcome)) errors.push({ field: `outcome-${journeyId}`, text: `Select an outcome for ${name}` })
    if (minutes === null)
      errors.push({
        field: `minutes-${journeyId}`,
        text: `The minutes of ${name} must be a number from 0 to ${longestSession}`,
      })
    if (note.length > longestNote)
      errors.push({
        field: `note-${journeyId}`,
        text: `The note on ${name} must be ${longestNote} characters or fewer`,
      })
    return [
      {
        journeyId,
        outcome,
        ...(typeof minutes === 'number' && { minutes }),
        ...(Object.hasOwn(engagements, engagement) && { engagement }),
        ...(note && { note: note.replace(/\r\n?/g, '\n') }),
      },
    ]
  })
  return { entry, errors }
}

/** @returns null where it is no number of minutes that somebody can be in a session */
const minutesIn = (text: string): number | null =>
  /^\d{1,3}$/.test(text) && Number(text) <= longestSession ? Number(text) : null
