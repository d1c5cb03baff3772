/** Groups and sessions in words, as the pages say them. */
import type { Day } from '../../domain/calendar.ts'
import { facilitatorRoles, standInReasons, type ActualFacilitator, type WeeklySlot } from '../../domain/group/room.ts'
import { sayDay } from '../layout/dates.ts'

export const weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const

/** `18:30` as `6:30pm`. */
export function sayTimeOfDay(time: string): string {
  const [hour, minute] = time.split(':').map(Number) as [number, number]
  if (hour === 12 && minute === 0) return 'midday'
  const minutes = minute === 0 ? '' : `:${String(minute).padStart(2, '0')}`
  return `${hour % 12 === 0 ? 12 : hour % 12}${minutes}${hour < 12 ? 'am' : 'pm'}`
}

/** `Tuesdays at 6:30pm, 150 minutes` */
export const sayWeekly = ({ weekday, startsAt, minutes }: WeeklySlot): string =>
  `${weekdays[weekday - 1]}s at ${sayTimeOfDay(startsAt)}, ${minutes} minutes`

/** `Tuesday 3 March 2026` */
export const sayWeekday = (day: Day): string =>
  `${weekdays[(new Date(`${day}T12:00:00Z`).getUTCDay() + 6) % 7]} ${sayDay(day)}`

/** `F099 (Cover facilitator, stood in: sickness)` */
export const sayFacilitator = ({ facilitator, role, standIn }: ActualFacilitator): string =>
  `${facilitator} (${facilitatorRoles[role]}${standIn === undefined ? '' : `, stood in: ${standInReasons[standIn].toLowerCase()}`})`
