/** The identity provider: where it is, what it signs with, and what it says of a person. */
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from 'jose'
import * as openid from 'openid-client'
import type { IdentityProviderSettings } from './access-settings.ts'
import { isRole } from './policy.ts'
import type { SignedIn } from './session.ts'

/** The provider cannot be reached, or does not answer as one. */
export class IdentityProviderUnavailable extends Error {
  constructor(options?: ErrorOptions) {
    super('The identity provider cannot be reached, or does not answer as one.', options)
    this.name = 'IdentityProviderUnavailable'
  }
}

/** What the provider said cannot be believed, or does not let this person in. The message is for whoever runs the service. */
export class SignInRefused extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SignInRefused'
  }
}

const patienceSeconds = 5

/** Signatures of a public key only: with a shared secret, whoever checks a token could make one. */
export const acceptedAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
]

export class IdentityProvider {
  private discovered: Promise<openid.Configuration> | undefined
  private keys: ReturnType<typeof createRemoteJWKSet> | undefined

  /** @param locate called once, when the provider is first needed: the development provider is started by it */
  constructor(private readonly locate: () => Promise<IdentityProviderSettings>) {}

  settings(): Promise<IdentityProviderSettings> {
    return this.locate()
  }

  /** @throws IdentityProviderUnavailable */
  async client(): Promise<openid.Configuration> {
    this.discovered ??= this.discover()
    try {
      return await this.discovered
    } catch (error) {
      this.discovered = undefined
      throw new IdentityProviderUnavailable({ cause: error })
    }
  }

  /**
   * The claims of a token that this provider signed for an audience, and that has not expired.
   * @throws IdentityProviderUnavailable; SignInRefused for a token that is not acceptable
   */
  async verified(
    token: string,
    { audience, types, requiredClaims }: { audience: string; types: readonly string[]; requiredClaims: string[] },
  ): Promise<JWTPayload> {
    const metadata = (await this.client()).serverMetadata()
    if (!metadata.jwks_uri) throw new IdentityProviderUnavailable()
    this.keys ??= createRemoteJWKSet(new URL(metadata.jwks_uri), { timeoutDuration: patienceSeconds * 1_000 })
    const { payload, protectedHeader } = await jwtVerify(token, this.keys, {
      issuer: metadata.issuer,
      audience,
      algorithms: acceptedAlgorithms,
      requiredClaims,
      clockTolerance: 5,
    }).catch((cause: unknown) => {
      // Its keys could not be fetched: that says nothing about the token.
      if (isAway(cause)) throw new IdentityProviderUnavailable({ cause })
      throw new SignInRefused('The token is not acceptable.', { cause })
    })
    const type = protectedHeader.typ?.toLowerCase().replace(/^application\//, '')
    if (type !== undefined && !types.includes(type)) throw new SignInRefused('The token is of another type.')
    return payload
  }

  private async discover(): Promise<openid.Configuration> {
    const { issuer, clientId, clientSecret, idTokenAlgorithm } = await this.locate()
    const address = new URL(issuer)
    const configuration = await openid.discovery(
      address,
      clientId,
      idTokenAlgorithm === undefined ? {} : { id_token_signed_response_alg: idTokenAlgorithm },
      clientSecret === undefined ? openid.None() : openid.ClientSecretBasic(clientSecret),
      {
        timeout: patienceSeconds,
        // readConfig lets an address without TLS pass on this machine's own loopback alone.
        execute: address.protocol === 'http:' ? [openid.allowInsecureRequests] : [],
      },
    )
    // Otherwise the signature of an ID token would be taken on trust in the connection it came over.
    openid.enableNonRepudiationChecks(configuration)
    return configuration
  }
}

const isAway = (error: unknown): boolean =>
  error instanceof errors.JWKSTimeout ||
  (error instanceof errors.JOSEError && error.code === errors.JOSEError.code) ||
  (error instanceof TypeError && error.message === 'fetch failed')

/**
 * Who the provider says somebody is.
 * @throws SignInRefused for a subject that may name a person, and unless exactly one role is known here
 */
export function personOf(
  claims: Readonly<Record<string, unknown>>,
  { issuer, roleClaim }: IdentityProviderSettings,
): SignedIn {
  const { sub, name, preferred_username: username, organisation } = claims
  // It is written into every event and is there for good, so it may be no address and no name with a space in it.
  if (typeof sub !== 'string' || !/^[\w.:|-]{1,128}$/.test(sub))
    throw new SignInRefused('The subject is not an opaque identifier of 1 to 128 characters without @ and spaces.')
  const known = [...new Set([claims[roleClaim]].flat().filter(isRole))]
  const [role] = known
  if (role === undefined) throw new SignInRefused(`The claim "${roleClaim}" names no role that is known here.`)
  if (known.length > 1)
    throw new SignInRefused(`The claim "${roleClaim}" names more than one role: ${known.join(', ')}.`)
  const text = (value: unknown) =>
    typeof value === 'string' && value.trim() !== '' ? value.trim().slice(0, 200) : null
  return {
    id: sub,
    role,
    organisation: text(organisation) ?? new URL(issuer).hostname,
    name: text(name) ?? text(username) ?? sub,
  }
}
