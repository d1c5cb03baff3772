/** Who may do what: one table of roles and permissions. Default deny: what is not written here, nobody may do. */
import type { Actor } from '../domain/history.ts'

/**
 * `read`: see who is on the programme and what happened on a journey. `record`: add to a journey. `operate`: see the status of
 * the service and reprocess parked streams; nothing about anybody. `review`: see who looked at whose record, and the
 * entries of the evidence log. `protect`: carry out the rights of the people in the records, erasure among them. `limit`: say who
 * may not see a case, or who alone may. `partner_safety`: see and record what is done for the safety of partners, and nothing
 * of what the other permissions open.
 */
export const permissions = ['read', 'record', 'operate', 'review', 'protect', 'limit', 'partner_safety'] as const
export type Permission = (typeof permissions)[number]

interface RoleRules {
  readonly name: string
  /** As several people who have it are called. */
  readonly plural: string
  readonly may: readonly Permission[]
  /** No restriction of a case to some people shuts this role out; an exclusion does. */
  readonly isAlwaysNamed?: true
}

/** The key of a role is what the identity provider says of a person; it is stored with every event he records. */
export const roles = {
  case_manager: { name: 'Case manager', plural: 'case managers', may: ['read', 'record'] },
  facilitator: { name: 'Facilitator', plural: 'facilitators', may: ['read', 'record'] },
  treatment_manager: { name: 'Treatment manager', plural: 'treatment managers', may: ['read', 'record', 'limit'] },
  auditor: { name: 'Auditor', plural: 'auditors', may: ['read', 'review'] },
  data_protection_officer: {
    name: 'Data protection officer',
    plural: 'data protection officers',
    may: ['read', 'review', 'protect', 'limit'],
    isAlwaysNamed: true,
  },
  // What partners and ex-partners are told is kept apart from the men's records, and so are those who tell them.
  partner_safety_worker: { name: 'Partner-safety worker', plural: 'partner-safety workers', may: ['partner_safety'] },
  administrator: { name: 'Administrator', plural: 'administrators', may: ['operate'] },
} as const satisfies Readonly<Record<string, RoleRules>>

export type Role = keyof typeof roles

export const roleCodes = Object.keys(roles) as Role[]

export const isRole = (text: unknown): text is Role => typeof text === 'string' && Object.hasOwn(roles, text)

/** A role that is not named here may do nothing. */
export const isPermitted = ({ role }: Pick<Actor, 'role'>, permission: Permission): boolean =>
  isRole(role) && (roles[role].may as readonly Permission[]).includes(permission)

/** `case managers, facilitators and treatment managers` */
export function whoMay(permission: Permission): string {
  const names = roleCodes.filter((role) => isPermitted({ role }, permission)).map((role) => roles[role].plural)
  return new Intl.ListFormat('en-GB').format(names)
}

/** The asker is known, and may not do this. */
export class Forbidden extends Error {
  /** @param needed the permission that is lacking; undefined where nobody may */
  constructor(readonly needed?: Permission) {
    super('Your role does not allow this.')
    this.name = 'Forbidden'
  }
}

/** Nobody is signed in, or no longer. */
export class SignedOut extends Error {
  /** @param why `none`: nothing was shown. `ended`: a session that is over. `token`: an access token that is not accepted here. */
  constructor(readonly why: 'none' | 'ended' | 'token') {
    super('Nobody is signed in.')
    this.name = 'SignedOut'
  }
}

/** @throws Forbidden */
export function permit(actor: Actor, permission: Permission): void {
  if (!isPermitted(actor, permission)) throw new Forbidden(permission)
}
