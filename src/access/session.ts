/** Who is asking, and what he may do. The one place: until there is sign-in, one seeded case manager on this machine. */
import type { Actor } from '../domain/history.ts'

export interface SignedIn extends Actor {
  readonly name: string
}

const seededCaseManager: SignedIn = {
  id: 'CM001',
  role: 'case_manager',
  organisation: 'demonstration',
  name: 'Case manager (seeded)',
}

/** Who sent this request. Sign-in will look at the session; nothing else in the product may. */
export const whoIsAsking = (_request: unknown): SignedIn => seededCaseManager

/** The asker is known, and may not do this. */
export class Forbidden extends Error {
  constructor() {
    super('Your role does not allow this.')
    this.name = 'Forbidden'
  }
}

/**
 * `read`: see who is on the programme and what happened on a journey. `record`: add to a journey. `operate`: see the status of
 * the service and reprocess parked streams; nothing about anybody.
 */
export type Permission = 'read' | 'record' | 'operate'

const permitted: Readonly<Record<string, readonly Permission[]>> = {
  // Whoever is at this machine runs it too: until there is sign-in, nobody else can be asked.
  case_manager: ['read', 'record', 'operate'],
  administrator: ['operate'],
}

/** Default deny: a role that is not named here may do nothing. */
export const isPermitted = (actor: Actor, permission: Permission): boolean =>
  Object.hasOwn(permitted, actor.role) && permitted[actor.role]!.includes(permission)

/** @throws Forbidden */
export function permit(actor: Actor, permission: Permission): void {
  if (!isPermitted(actor, permission)) throw new Forbidden()
}
