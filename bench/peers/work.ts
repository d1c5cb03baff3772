/** The work that every contender is given: the 23 commands of one man's journey, from the referral to the end, the same for each. */
import { dayNumbered, dayNumberOf, dayOf, type Day } from '../../src/domain/calendar.ts'
import type { Actor } from '../../src/domain/history.ts'
import type { JourneyCommand } from '../../src/domain/journey/journey.ts'
import type { ReferralSource } from '../../src/domain/journey/referral.ts'
import { programmeAt } from '../../src/domain/programme.ts'

export interface ReferralWork {
  readonly occurredOn: Day
  readonly crn: string
  readonly familyName: string
  readonly givenNames: string
  readonly dateOfBirth: Day
  readonly programme: string
  readonly provider: string
  readonly referralSource: ReferralSource
  readonly reference: string
}

type StepType =
  | 'AssessEligibility'
  | 'DecideSuitability'
  | 'PlaceOnWaitingList'
  | 'AllocateToGroup'
  | 'HoldThreeWayMeeting'
  | 'RecordAttendance'
  | 'CorrectAttendance'
  | 'IssueWarning'
  | 'CompleteProgrammeReview'
  | 'Complete'

/** One command after the referral. */
export interface Step {
  readonly type: StepType
  /** Below a journey's own address, where it is sent over HTTP. */
  readonly route: string
  readonly occurredOn: Day
  /** As the rules ask for it. */
  readonly data: Extract<JourneyCommand, { type: StepType }>['data']
  /** As it is sent over HTTP, without the day. */
  readonly body: object
}

/** A step as a command handler takes it. */
export type StepCommand = Pick<Step, 'type' | 'data' | 'occurredOn'>

export interface JourneyWork {
  readonly referral: ReferralWork
  readonly steps: readonly Step[]
}

/** Whoever takes commands in the process that issues them. */
export interface Contender {
  /** @returns the id of the journey */
  refer(referral: ReferralWork): Promise<string>
  execute(journeyId: string, step: Step): Promise<void>
  close(): Promise<void>
}

export const commandsAJourney = 23

/** Who issues all of them. */
export const issuer: Actor = { id: 'CM001', role: 'case_manager', organisation: 'north' }

/** Long enough ago that the last of it has happened, and no longer: the product asks about days that are far from today. */
const begins = dayNumberOf(dayOf(new Date().toISOString())) - 240
const attended = programmeAt('bbr', 1)!.sessions.slice(0, 14)

/** @param n tells him from all others of one log */
export function journeyWork(n: number): JourneyWork {
  const on = (days: number): Day => dayNumbered(begins + (n % 28) + days)
  const note = (text: string) => ({ note: `${text} He was told what comes next, and when.` })
  const plain = (type: StepType, route: string, days: number, data: object): Step => ({
    type,
    route,
    occurredOn: on(days),
    data: data as Step['data'],
    body: data,
  })
  const groupId = `G${String(n % 20).padStart(3, '0')}`
  const attendance = attended.map(({ id: sessionId }, week) => {
    const outcome = week === 5 || week === 9 ? 'UAAB' : 'ATTC'
    const data = { sessionId, outcome, groupId, plannedFacilitators: ['FA001', 'FA002'], actualFacilitators: ['FA001'] }
    return plain(
      'RecordAttendance',
      'attendance',
      42 + 7 * week,
      week % 3 === 0 ? { ...data, ...note('He came.') } : data,
    )
  })
  const [corrected] = attended.slice(5)
  const because = 'The list was read one line too low.'
  const steps = [
    plain('AssessEligibility', 'eligibility', 3, { result: 'Medium' }),
    plain('DecideSuitability', 'suitability', 10, {
      decision: 'suitable',
      ...note('He takes responsibility in part.'),
    }),
    plain('PlaceOnWaitingList', 'waiting-list', 11, {}),
    plain('AllocateToGroup', 'allocation', 30, { groupId }),
    plain('HoldThreeWayMeeting', 'three-way-meetings', 35, note('All three were there.')),
    ...attendance,
    {
      ...plain('CorrectAttendance', `attendance/${corrected!.id}/corrections`, 42 + 7 * 5, {
        sessionId: corrected!.id,
        outcome: 'ATTC',
        because,
      }),
      body: { outcome: 'ATTC', because },
    },
    plain('IssueWarning', 'warnings', 42 + 7 * 14, note('For the second absence.')),
    plain('Complete', 'completion', 42 + 7 * 15, note('He finished.')),
  ]
  if (steps.length + 1 !== commandsAJourney) throw new Error(`A journey has ${steps.length + 1} commands.`)
  return {
    referral: {
      occurredOn: on(0),
      crn: `${String.fromCharCode(65 + (Math.floor(n / 1_000_000) % 26))}${String(n % 1_000_000).padStart(6, '0')}`,
      familyName: `Example ${n}`,
      givenNames: 'Sam',
      dateOfBirth: dayNumbered(dayNumberOf('1988-02-29') + (n % 3_000)),
      programme: 'bbr',
      provider: 'North',
      referralSource: 'court_requirement',
      reference: `BENCH-${n}`,
    },
    steps,
  }
}
