import type { Permission } from '../../access/policy.ts'

/** What each permission opens, as it ends the sentence `Only … can …`. */
export const permissionWords: Readonly<Record<Permission, string>> = {
  read: 'see who is on the programme and what happened on a journey',
  record: 'record what happened on a journey',
  operate: 'see the status of the service and have parked journeys read again',
  protect: 'carry out the rights of the people in the records, such as erasure',
  partner_safety: 'see and record what is done for the safety of partners',
  limit: 'say who may not see a case',
  review: 'see who has looked at a record, and the registers across journeys',
}
