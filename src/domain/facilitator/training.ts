/** What facilitators are trained for and supported with, as coded data, and whether a training was in force on a day. */
import type { Day } from '../calendar.ts'

interface TrainingCourse {
  readonly name: string
  /** The keys of the programmes that it trains somebody to deliver; none where it trains for something else. */
  readonly programmes: readonly string[]
}

/** The courses. Which there are is our own choice: no public list of them is known to us. */
export const trainingCourses = {
  bbr_facilitator: { name: 'Building Better Relationships: facilitator', programmes: ['bbr'] },
  bbr_treatment_manager: { name: 'Building Better Relationships: treatment manager', programmes: ['bbr'] },
  core_skills: { name: 'Core group work skills', programmes: [] },
  safeguarding: { name: 'Safeguarding', programmes: [] },
  risk_assessment: { name: 'Risk assessment', programmes: [] },
} as const satisfies Readonly<Record<string, TrainingCourse>>

export type CourseCode = keyof typeof trainingCourses

export const courseCodes = Object.keys(trainingCourses) as CourseCode[]

export const isCourse = (code: string): code is CourseCode => Object.hasOwn(trainingCourses, code)

/** The courses that train somebody to deliver a programme. */
export const coursesFor = (programmeKey: string): readonly CourseCode[] =>
  courseCodes.filter((code) => (trainingCourses[code] as TrainingCourse).programmes.includes(programmeKey))

/** In which form supervision or a debrief was held. What was said in it is never recorded. */
export const supportForms = {
  one_to_one: 'One to one',
  pair: 'With the co-facilitator',
  team: 'With the team',
  observed: 'After an observed session',
} as const

export type SupportForm = keyof typeof supportForms

export const supportFormCodes = Object.keys(supportForms) as SupportForm[]

/** Why somebody stopped being a facilitator here. */
export const facilitatorDepartures = {
  moved_post: 'Moved to another post',
  left_service: 'Left the service',
  contract_ended: 'Contract ended',
  retired: 'Retired',
  entered_in_error: 'Entered in error',
  other: 'Other',
  not_stated: 'Not stated',
} as const

export type FacilitatorDeparture = keyof typeof facilitatorDepartures

export const facilitatorDepartureCodes = Object.keys(facilitatorDepartures) as FacilitatorDeparture[]

/** A training that somebody completed on a day. */
export interface CompletedTraining {
  readonly course: string
  readonly on: Day
  /** The last day on which it holds; null where it does not lapse. */
  readonly validUntil: Day | null
}

/** Whether a training held on a day: completed by then, and not lapsed. */
export const inForceOn = ({ on, validUntil }: CompletedTraining, day: Day): boolean =>
  on <= day && (validUntil === null || validUntil >= day)
