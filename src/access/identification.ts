/** Finds out who sent a request: by the cookie of a session, or, on the API, by an access token. */
import { of, timer, type Observable } from 'rxjs'
import { personOf, SignInRefused, type IdentityProvider } from './identity-provider.ts'
import { identityOf, type Identity } from './session.ts'
import type { Sessions } from './sessions.ts'

/** A longer one would go off at once. Whoever is cut off by it comes back. */
const longestTimerMs = 2 ** 31 - 1

export interface Shown {
  /** What the cookie of the session holds. */
  readonly cookie: string | undefined
  readonly authorization: string | undefined
  /** Whether an access token is taken here: on the API alone, since a page is for a browser. */
  readonly takesTokens: boolean
}

export class Identification {
  constructor(
    private readonly provider: IdentityProvider,
    private readonly sessions: Sessions,
  ) {}

  /**
   * Whoever shows a token is judged by it alone, whatever cookie comes along.
   * @throws IdentityProviderUnavailable where a token cannot be checked: it then lets nobody in
   */
  async identify({ cookie, authorization, takesTokens }: Shown): Promise<Identity> {
    if (takesTokens && authorization !== undefined) return this.byToken(authorization)
    if (cookie === undefined) return { who: null, why: 'none' }
    const session = await this.sessions.of(cookie)
    return session ? { who: session.who, sessionId: session.id, until: null } : { who: null, why: 'ended' }
  }

  /** Says once that whoever sent a request may no longer be answered: his session is over, or his access token expired. */
  ends(request: object): Observable<unknown> {
    const identity = identityOf(request)
    if (identity.who === null) return of(true)
    return identity.sessionId === null
      ? timer(Math.min(longestTimerMs, Math.max(0, (identity.until ?? 0) - Date.now())))
      : this.sessions.ended(identity.sessionId)
  }

  private async byToken(authorization: string): Promise<Identity> {
    const refused = { who: null, why: 'token' } as const
    const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization)?.[1]
    if (token === undefined) return refused
    const settings = await this.provider.settings()
    try {
      const claims = await this.provider.verified(token, {
        audience: settings.audience,
        types: ['at+jwt', 'jwt'],
        requiredClaims: ['exp', 'sub'],
      })
      return { who: personOf(claims, settings), sessionId: null, until: claims.exp! * 1_000 }
    } catch (error) {
      if (error instanceof SignInRefused) return refused
      throw error
    }
  }
}
