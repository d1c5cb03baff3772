/** Signing in and out by OpenID Connect: the code flow with PKCE, and what the provider says when a session of its own ends. */
import * as openid from 'openid-client'
import { IdentityProviderUnavailable, personOf, SignInRefused, type IdentityProvider } from './identity-provider.ts'
import type { Sessions } from './sessions.ts'

export interface SignInBegun {
  /** Where the browser is to go. */
  readonly to: URL
  /** What its cookie holds until it is back. */
  readonly pending: string
}

export interface SignInDone {
  /** What the cookie of its session holds. */
  readonly session: string
  readonly returnTo: string
}

/** The event that a logout token must name: OpenID Connect Back-Channel Logout 1.0, 2.4. */
const backChannelLogout = 'http://schemas.openid.net/event/backchannel-logout'
/** A logout token older than this is refused, in seconds: the standard advises about two minutes. */
const oldestLogoutToken = 180

export class SignIn {
  constructor(
    private readonly provider: IdentityProvider,
    private readonly sessions: Sessions,
    /** Whether the provider is asked to let the person choose again who he is. */
    private readonly choosesAgain: boolean,
  ) {}

  /** @throws IdentityProviderUnavailable */
  async begin(redirectUri: string, returnTo: string): Promise<SignInBegun> {
    const client = await this.provider.client()
    const codeVerifier = openid.randomPKCECodeVerifier()
    const [state, nonce] = [openid.randomState(), openid.randomNonce()]
    const to = openid.buildAuthorizationUrl(client, {
      redirect_uri: redirectUri,
      scope: 'openid profile',
      state,
      nonce,
      code_challenge: await openid.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
      ...(this.choosesAgain ? { prompt: 'login' } : {}),
    })
    return { to, pending: await this.sessions.expect({ state, nonce, codeVerifier, redirectUri, returnTo }) }
  }

  /**
   * @param pending what the browser's cookie holds: an answer meant for another browser finds nothing
   * @param answer the query of the address the provider sent the browser to
   * @throws SignInRefused, IdentityProviderUnavailable
   */
  async complete(pending: string, answer: URLSearchParams): Promise<SignInDone> {
    const expected = await this.sessions.take(pending)
    if (!expected) throw new SignInRefused('No sign-in of this browser is under way, or it took too long.')
    const client = await this.provider.client()
    const { redirectUri, returnTo, state, nonce, codeVerifier } = expected
    const claims = await this.claimsFrom(client, new URL(`${redirectUri}?${answer}`), { state, nonce, codeVerifier })
    const who = personOf(claims, await this.provider.settings())
    const sid = typeof claims.sid === 'string' ? claims.sid : null
    const session = await this.sessions.begin(who, { issuer: claims.iss, subject: claims.sub, sid })
    return { session, returnTo }
  }

  /** Where the provider ends its own session too; null where it says no such place. */
  async signOutAddress(returnTo: string): Promise<URL | null> {
    try {
      const client = await this.provider.client()
      if (!client.serverMetadata().end_session_endpoint) return null
      return openid.buildEndSessionUrl(client, { post_logout_redirect_uri: returnTo })
    } catch (error) {
      // Signed out here all the same.
      if (error instanceof IdentityProviderUnavailable) return null
      throw error
    }
  }

  /**
   * The provider says that a session is over.
   * @returns how many sessions of ours ended with it
   * @throws SignInRefused for a token that does not come from the provider, is not for us, is old, or came before
   */
  async endedAtProvider(logoutToken: string): Promise<number> {
    const { clientId } = await this.provider.settings()
    const claims = await this.provider.verified(logoutToken, {
      audience: clientId,
      types: ['logout+jwt', 'jwt'],
      requiredClaims: ['iat', 'exp', 'jti', 'events'],
    })
    const { iss, sub, sid, events, nonce, iat, jti } = claims
    const names = typeof events === 'object' && events !== null && Object.hasOwn(events, backChannelLogout)
    const subject = typeof sub === 'string' ? sub : null
    const session = typeof sid === 'string' ? sid : null
    if (!names || nonce !== undefined || (subject === null && session === null))
      throw new SignInRefused('The token is not a logout token.')
    const age = Date.now() / 1_000 - iat!
    if (age > oldestLogoutToken || age < -5) throw new SignInRefused('The logout token is too old.')
    if (!(await this.sessions.isNew(`${iss} ${jti}`, (iat! + 2 * oldestLogoutToken) * 1_000)))
      throw new SignInRefused('The logout token came before.')
    return this.sessions.endAt({ issuer: iss!, subject, sid: session })
  }

  private async claimsFrom(
    client: openid.Configuration,
    address: URL,
    expected: { state: string; nonce: string; codeVerifier: string },
  ): Promise<openid.IDToken> {
    try {
      const tokens = await openid.authorizationCodeGrant(client, address, {
        expectedState: expected.state,
        expectedNonce: expected.nonce,
        pkceCodeVerifier: expected.codeVerifier,
        idTokenExpected: true,
      })
      return tokens.claims()!
    } catch (cause) {
      throw new SignInRefused('What the identity provider answered cannot be accepted.', { cause })
    }
  }
}
