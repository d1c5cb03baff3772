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

/** `operate`: see how the service stands and have parked streams reprocessed; nothing about anybody. */
type Deed = 'read' | 'tell' | 'operate'

const permitted: Readonly<Record<string, readonly Deed[]>> = {
  // Whoever is at this machine runs it too: until there is sign-in, nobody else can be asked.
  case_manager: ['read', 'tell', 'operate'],
  administrator: ['operate'],
}

/** Default deny: a role that is not named here may do nothing. @throws Forbidden */
export function permit(actor: Actor, what: Deed): void {
  if (!permitted[actor.role]?.includes(what)) throw new Forbidden()
}
