/** Who sent a request. The one place that is asked: nothing else in the product looks at a cookie or a token. */
import type { Actor } from '../domain/history.ts'
import { SignedOut, type Role } from './policy.ts'

export interface SignedIn extends Actor {
  readonly role: Role
  /** For the person himself to see; it goes into no event. */
  readonly name: string
}

/** What is known of whoever sent a request. */
export type Identity =
  | {
      readonly who: SignedIn
      /** The session of a browser; null for an access token. */
      readonly sessionId: string | null
      /** When the access token stops being good, in milliseconds since 1970; null for a session, which says so itself. */
      readonly until: number | null
    }
  | { readonly who: null; readonly why: SignedOut['why'] }

const identities = new WeakMap<object, Identity>()

export const identify = (request: object, identity: Identity): void => void identities.set(request, identity)

/** A request that was never looked at came from nobody. */
export const identityOf = (request: object): Identity => identities.get(request) ?? { who: null, why: 'none' }

/** @throws SignedOut */
export function whoIsAsking(request: object): SignedIn {
  const identity = identityOf(request)
  if (identity.who === null) throw new SignedOut(identity.why)
  return identity.who
}
