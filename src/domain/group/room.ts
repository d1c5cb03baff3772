/** Who is in the room when a group meets, and the week of a group: roles, reasons and times as coded data. */
import { isRecordableDay, type Day } from '../calendar.ts'
import { Refusal } from '../history.ts'

/** What a member of staff is in the room for. */
export const facilitatorRoles = {
  lead: 'Lead facilitator',
  co: 'Co-facilitator',
  cover: 'Cover facilitator',
  treatment_manager: 'Treatment manager',
} as const

export type FacilitatorRole = keyof typeof facilitatorRoles

export const facilitatorRoleCodes = Object.keys(facilitatorRoles) as FacilitatorRole[]

/** Why somebody else than planned was in the room. Nobody has to say: `not_stated` never keeps a register from being recorded. */
export const standInReasons = {
  sickness: 'Sickness',
  leave: 'Leave',
  training: 'Training or supervision',
  other_duty: 'Needed elsewhere',
  vacancy: 'Post not filled',
  family: 'Family or childcare',
  travel: 'Travel or weather',
  other: 'Other',
  not_stated: 'Not stated',
} as const

export type StandInReason = keyof typeof standInReasons

export const standInReasonCodes = Object.keys(standInReasons) as StandInReason[]

/** Why a session was moved or called off. */
export const changeReasons = {
  facilitator_away: 'Facilitator not available',
  room: 'Room not available',
  too_few: 'Too few people could come',
  bank_holiday: 'Bank holiday',
  weather: 'Weather or travel',
  safety: 'Safety of the group',
  duplicate: 'Scheduled twice',
  entered_in_error: 'Entered in error',
  other: 'Other',
} as const

export type ChangeReason = keyof typeof changeReasons

export const changeReasonCodes = Object.keys(changeReasons) as ChangeReason[]

/** Why somebody left a group. What this means for his journey is recorded on his journey. */
export const departures = {
  other_group: 'Moved to another group',
  rejoins_later: 'Will rejoin at the same module',
  deselected: 'De-selected',
  left_programme: 'Left the programme',
  entered_in_error: 'Entered in error',
  other: 'Other',
} as const

export type Departure = keyof typeof departures

export const departureCodes = Object.keys(departures) as Departure[]

/** How far somebody took part, as the facilitators saw it. The four steps are our own. */
export const engagements = {
  full: 'Took a full part',
  some: 'Took some part',
  little: 'Took little part',
  none: 'Took no part',
  not_stated: 'Not stated',
} as const

export type Engagement = keyof typeof engagements

export const engagementCodes = Object.keys(engagements) as Engagement[]

/** A member of staff by his or her code, and what he or she was planned for. */
export interface PlannedFacilitator {
  readonly facilitator: string
  readonly role: FacilitatorRole
}

/** Somebody who delivered a session: as planned, or standing in. */
export interface ActualFacilitator extends PlannedFacilitator {
  /** Why somebody who was not planned was there; absent for who was. */
  readonly standIn?: StandInReason
}

/** When a group meets: the day of the week from 1 (Monday) to 7 (Sunday), the wall-clock time, and for how many minutes. */
export interface WeeklySlot {
  readonly weekday: number
  readonly startsAt: string
  readonly minutes: number
}

/** Nobody is kept in a room for longer, in minutes. A slip of the keyboard is caught by it; the figure is our own. */
export const longestSession = 480

/** A wall-clock time of 24 hours, `18:30`. */
export const isTime = (text: string): boolean => /^(?:[01]\d|2[0-3]):[0-5]\d$/.test(text)

/** The wall-clock time so many minutes later; the last minute of the day where that would be the next day. */
export function timeAfter(startsAt: string, minutes: number): string {
  const [hour, minute] = startsAt.split(':').map(Number) as [number, number]
  const at = Math.min(hour * 60 + minute + minutes, 24 * 60 - 1)
  return [Math.floor(at / 60), at % 60].map((part) => String(part).padStart(2, '0')).join(':')
}

/** @throws Refusal `unknown_time` */
export function refuseUnknownTime(startsAt: string, minutes: number): void {
  if (!isTime(startsAt))
    throw new Refusal('unknown_time', 'That is not a time of day. Write the time with 24 hours, such as 18:30.')
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > longestSession)
    throw new Refusal(
      'unknown_time',
      `A session lasts from 1 to ${longestSession} minutes. Enter its length in minutes.`,
    )
}

/** @throws Refusal `unknown_day` */
export function refuseUnknownDay(day: Day): void {
  if (!isRecordableDay(day)) throw new Refusal('unknown_day', 'The date must be a real date in 1900 or later.')
}

/** @throws Refusal `unknown_reason` */
export function refuseUnknownReason(known: Readonly<Record<string, string>>, reason: string): void {
  if (!Object.hasOwn(known, reason))
    throw new Refusal('unknown_reason', 'That is not one of the reasons. Choose a reason from the list.')
}

/** Who is planned: at least one, each once, each with a known role. @throws Refusal `no_facilitator`, `facilitator_twice`, `unknown_role` */
export function refuseUnstaffed(staff: readonly PlannedFacilitator[]): void {
  if (staff.length === 0 || staff.some(({ facilitator }) => facilitator.trim() === ''))
    throw new Refusal('no_facilitator', 'Nobody is named. Name at least one facilitator by his or her staff code.')
  if (new Set(staff.map(({ facilitator }) => facilitator)).size < staff.length)
    throw new Refusal('facilitator_twice', 'A facilitator is named twice. Name each facilitator once.')
  if (!staff.every(({ role }) => Object.hasOwn(facilitatorRoles, role)))
    throw new Refusal('unknown_role', 'That is not a role in the room. Choose a role from the list.')
}
