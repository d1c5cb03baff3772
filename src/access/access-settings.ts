/** What access needs of the configuration. Whoever reads the configuration provides it: access knows nothing else of it. */

/** An OpenID Connect provider, and what it says of a person. */
export interface IdentityProviderSettings {
  /** Its address, exactly as it calls itself. */
  readonly issuer: string
  readonly clientId: string
  /** Undefined for a client that keeps no secret: PKCE alone then binds an answer to whoever asked. */
  readonly clientSecret: string | undefined
  /** What an access token for the API names as its audience; never the client, which ID tokens are for. */
  readonly audience: string
  /** The claim that names a person's role. */
  readonly roleClaim: string
  /** The one algorithm of ID tokens; undefined takes any that the provider says it uses. */
  readonly idTokenAlgorithm: string | undefined
}

export interface AccessSettings {
  /** Where people sign in; undefined means the development provider on this machine, where anybody can be anybody. */
  readonly identityProvider: IdentityProviderSettings | undefined
  /** NODE_ENV is production. */
  readonly production: boolean
  /** The address that is served. */
  readonly host: string
  /** Addresses, or ranges of them, of proxies whose X-Forwarded-For header says who asks. */
  readonly trustedProxies: readonly string[]
  /** What must be shown to read the metrics; undefined lets this machine itself read them. */
  readonly metricsToken: string | undefined
  /** How many different records one person may open in ten minutes; 0 for no limit. */
  readonly recordsInTenMinutes: number
  /** A PostgreSQL server, where sessions and saved views are kept for all instances; undefined keeps them in the data directory. */
  readonly databaseUrl: string | undefined
  /** Its folder. */
  readonly dataDir: string
  /** The file of the stylesheet that the development provider's pages use. */
  readonly stylesheet: string
}

/** Under which the settings are provided to what is injected. */
export const ACCESS_SETTINGS = Symbol('AccessSettings')
