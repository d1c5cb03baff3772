/** The codes practitioners use: the 19 attendance outcomes of nDelius and the reasons for leaving. Data, in the field's own words. */

export const outcomes = {
  ATTC: 'Attended, complied',
  AFTC: 'Attended, failed to comply',
  ATSH: 'Sent home (behaviour)',
  ATSS: 'Sent home (service issues)',
  UAAB: 'Unacceptable absence',
  AAAA: 'Acceptable absence: other',
  AAME: 'Acceptable absence: medical',
  AARE: 'Acceptable absence: religious',
  AASD: 'Acceptable absence: stood down',
  AAHO: 'Acceptable absence: holiday',
  AAEM: 'Acceptable absence: employment',
  AAFC: 'Acceptable absence: family or childcare',
  AACL: 'Acceptable absence: court or legal',
  AARC: 'Acceptable absence: remand or custody',
  CO05: 'Acceptable absence: professional judgement',
  CO10: 'Acceptable failure to comply',
  RSSR: 'Rescheduled by the service',
  RSOF: 'Rescheduled by the person',
  IAPSD: 'Suspended',
} as const

export type Outcome = keyof typeof outcomes

export const outcomeCodes = Object.keys(outcomes) as Outcome[]

export const isOutcome = (code: string): code is Outcome => Object.hasOwn(outcomes, code)

/** What an outcome means for the count: was he there, was he excused, was he simply not there? */
export type AttendanceCategory = 'attended' | 'sent_home' | 'acceptable_absence' | 'unacceptable_absence' | 'not_held'

const standings: Record<Outcome, AttendanceCategory> = {
  ATTC: 'attended',
  AFTC: 'attended',
  ATSH: 'sent_home',
  ATSS: 'sent_home',
  UAAB: 'unacceptable_absence',
  AAAA: 'acceptable_absence',
  AAME: 'acceptable_absence',
  AARE: 'acceptable_absence',
  AASD: 'acceptable_absence',
  AAHO: 'acceptable_absence',
  AAEM: 'acceptable_absence',
  AAFC: 'acceptable_absence',
  AACL: 'acceptable_absence',
  AARC: 'acceptable_absence',
  CO05: 'acceptable_absence',
  CO10: 'acceptable_absence',
  RSSR: 'not_held',
  RSOF: 'not_held',
  IAPSD: 'not_held',
}

export const attendanceCategoryOf = (outcome: Outcome): AttendanceCategory => standings[outcome]

export const reasons = {
  missed_sessions: 'Missed too many sessions',
  motivation: 'Motivation',
  attitude: 'Attitude to facilitators or group',
  behaviour_in_group: 'Behaviour in group',
  behaviour_outside_group: 'Behaviour outside group',
  alcohol_or_drugs: 'Alcohol or drugs',
  health: 'Mental or physical health',
  risk_reassessed: 'Risk or suitability re-assessed',
  recalled: 'Recalled',
  remanded_or_sentenced: 'Remanded or sentenced',
  order_expired: 'Order expired',
  order_revoked: 'Order revoked',
  requirement_removed: 'Requirement removed by court',
  moved_area: 'Moved area',
  work: 'Work',
  family: 'Family',
  transferred_programme: 'Transferred to another programme',
  died: 'Died',
  duplicate_referral: 'Duplicate referral',
  entered_in_error: 'Entered in error',
  other: 'Other',
} as const

export type Reason = keyof typeof reasons

export const reasonCodes = Object.keys(reasons) as Reason[]

export const isReason = (code: string): code is Reason => Object.hasOwn(reasons, code)
