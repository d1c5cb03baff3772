/**
 * An identity provider for looking around: real OpenID Connect on this machine's own loopback, with one made-up person a role
 * and no password. Whoever reaches it can be anybody, so it runs neither in production nor for anybody but this machine.
 */
import { exportJWK, generateKeyPair } from 'jose'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { randomBytes } from 'node:crypto'
import type { Adapter, AdapterPayload, Configuration } from 'oidc-provider'
import type { IdentityProviderSettings } from './access-settings.ts'
import { roles, type Role } from './policy.ts'

interface DevelopmentPerson {
  readonly id: string
  readonly role: Role
  readonly name: string
  /** What there is to see for this role, in one sentence. */
  readonly look: string
}

/** All made up. */
export const developmentPeople: readonly DevelopmentPerson[] = [
  {
    id: 'CM001',
    role: 'case_manager',
    name: 'Cerys Morgan',
    look: 'Finds participants, reads their journeys and records what happened.',
  },
  {
    id: 'FA001',
    role: 'facilitator',
    name: 'Femi Adeyemi',
    look: 'Records who came to a session, and what was said there.',
  },
  {
    id: 'TM001',
    role: 'treatment_manager',
    name: 'Tomasz Malinowski',
    look: 'Follows how programmes are delivered, and puts records right.',
  },
  {
    id: 'AU001',
    role: 'auditor',
    name: 'Aisling Underwood',
    look: 'Reads everything, changes nothing, and asks who looked at a record.',
  },
  {
    id: 'DP001',
    role: 'data_protection_officer',
    name: 'Dilys Prosser',
    look: 'Looks after the rights of the people in the records.',
  },
  {
    id: 'DP002',
    role: 'data_protection_officer',
    name: 'Daniel Okafor',
    look: 'Authorises what another data protection officer asked for.',
  },
  {
    id: 'PS001',
    role: 'partner_safety_worker',
    name: 'Parveen Shah',
    look: 'Supports partners and ex-partners, and sees none of the men’s records.',
  },
  {
    id: 'AD001',
    role: 'administrator',
    name: 'Ada Donnelly',
    look: 'Keeps the service running, and sees nothing about anybody.',
  },
]

const organisation = 'demonstration'
const clientId = 'throughline'
const audience = 'urn:throughline:api'
/** Of the clients that programs get access tokens with; a secret known to everybody protects nothing, and need not here. */
export const developmentClientSecret = 'development'

/** What stands in the way of running it here; null where nothing does. */
export function whyNoDevelopmentProvider({
  production,
  host,
  behindProxy,
}: {
  production: boolean
  host: string
  behindProxy: boolean
}): string | null {
  const what = 'The development identity provider lets anybody be anybody'
  if (production) return `${what}, and NODE_ENV is production. Set OIDC_ISSUER to your identity provider.`
  if (!/^(127(\.\d+){3}|::1|localhost)$/.test(host))
    return `${what}, and this service would be served on ${host}. Set OIDC_ISSUER to your identity provider.`
  if (behindProxy)
    return `${what}, and TRUSTED_PROXIES says that others ask too. Set OIDC_ISSUER to your identity provider.`
  return null
}

export class DevelopmentProvider {
  private constructor(
    private readonly server: Server,
    readonly settings: IdentityProviderSettings,
  ) {}

  /** @param stylesheet the file that its one page looks like ours with, where it was built */
  static async start(stylesheet: string): Promise<DevelopmentProvider> {
    const server = createServer()
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
    server.unref()
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    // Loaded here, since a service with a provider of its own never needs it.
    const { default: Provider } = await import('oidc-provider')
    const provider = new Provider(issuer, await configuration())
    const answer = provider.callback()
    const interactions = new RegExp('^/interaction/[\\w-]+(/as/(\\w+))?$')
    server.on('request', (request, response) => {
      const [path = ''] = (request.url ?? '').split('?')
      const chosen = interactions.exec(path)
      // It asks each time who somebody wants to be, so it must not remember who he was.
      if (path.startsWith('/auth')) request.headers.cookie = withoutSession(request.headers.cookie)
      if (path === '/app.css') return sendStylesheet(stylesheet, response)
      if (!chosen) return void answer(request, response)
      const id = chosen[2]
      void (id === undefined ? choose(request, response) : finish(request, response, id)).catch(() => {
        response.writeHead(400, { 'content-type': 'text/plain' }).end('This sign-in is over. Begin again.')
      })
    })

    const choose = async (request: IncomingMessage, response: ServerResponse) => {
      const { uid, params } = await provider.interactionDetails(request, response)
      sendPage(response, chooserPage(uid, new URL(String(params.redirect_uri)).origin))
    }
    const finish = async (request: IncomingMessage, response: ServerResponse, id: string) => {
      // Only where the page was asked for by this browser: the cookie of the interaction says so.
      const { params } = await provider.interactionDetails(request, response)
      const person = developmentPeople.find((one) => one.id === id)
      if (request.method !== 'POST' || !person) throw new Error('Nobody was chosen.')
      const grant = new provider.Grant({ accountId: person.id, clientId: String(params.client_id) })
      grant.addOIDCScope('openid profile')
      const result = { login: { accountId: person.id, remember: false }, consent: { grantId: await grant.save() } }
      await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
    }
    return new DevelopmentProvider(server, {
      issuer,
      clientId,
      clientSecret: undefined,
      audience,
      roleClaim: 'role',
      idTokenAlgorithm: 'ES256',
    })
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }
}

const withoutSession = (cookies = ''): string =>
  cookies
    .split('; ')
    .filter((one) => !one.startsWith('_session'))
    .join('; ')

const claimsOf = ({ id, role, name }: DevelopmentPerson) => ({ sub: id, role, name, organisation })

/** What the provider remembers while it runs. All of it is forgotten with the process, and so is every key it signed with. */
class InMemory implements Adapter {
  private readonly remembered = new Map<string, AdapterPayload>()

  async upsert(id: string, payload: AdapterPayload): Promise<void> {
    const now = Date.now() / 1_000
    for (const [old, { exp }] of this.remembered) if (exp !== undefined && exp < now) this.remembered.delete(old)
    this.remembered.set(id, payload)
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    return this.remembered.get(id)
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.remembered.values().find((one) => one.uid === uid)
  }

  async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return this.remembered.values().find((one) => one.userCode === userCode)
  }

  async consume(id: string): Promise<void> {
    const payload = this.remembered.get(id)
    if (payload) payload.consumed = Math.floor(Date.now() / 1_000)
  }

  async destroy(id: string): Promise<void> {
    this.remembered.delete(id)
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    for (const [id, one] of this.remembered) if (one.grantId === grantId) this.remembered.delete(id)
  }
}

async function configuration(): Promise<Configuration> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const hour = 3_600
  return {
    adapter: InMemory,
    jwks: { keys: [{ ...(await exportJWK(privateKey)), use: 'sig', alg: 'ES256' }] },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    clients: [
      {
        client_id: clientId,
        // A native client may come back to any port of the loopback (RFC 8252): this service takes whichever is free.
        application_type: 'native',
        redirect_uris: ['127.0.0.1', 'localhost', '[::1]'].map((host) => `http://${host}/sign-in/callback`),
        token_endpoint_auth_method: 'none',
        id_token_signed_response_alg: 'ES256' as const,
        grant_types: ['authorization_code'],
        response_types: ['code'],
      },
      ...developmentPeople.map(({ id }) => ({
        client_id: id,
        client_secret: developmentClientSecret,
        id_token_signed_response_alg: 'ES256' as const,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      })),
    ],
    claims: { openid: ['sub', 'role', 'organisation'], profile: ['name'] },
    conformIdTokenClaims: false,
    findAccount: (_context, id) => {
      const person = developmentPeople.find((one) => one.id === id)
      return person && { accountId: id, claims: () => claimsOf(person) }
    },
    extraTokenClaims: (_context, token) => {
      const person = developmentPeople.find((one) => one.id === token.clientId)
      return person && { role: person.role, name: person.name, organisation }
    },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_context, client) => (client.clientId === clientId ? [] : audience),
        getResourceServerInfo: () => ({
          scope: '',
          audience,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    pkce: { required: () => true },
    ttl: {
      AccessToken: hour,
      AuthorizationCode: 60,
      ClientCredentials: 8 * hour,
      Grant: hour,
      IdToken: hour,
      Interaction: hour,
      Session: hour,
    },
    renderError: (context, { error, error_description: description }) => {
      context.type = 'text/plain'
      context.body = `${error}: ${description ?? ''}`
    },
  }
}

function sendStylesheet(file: string, response: ServerResponse): void {
  if (!existsSync(file)) return void response.writeHead(404).end()
  response.writeHead(200, { 'content-type': 'text/css', 'cache-control': 'no-cache' }).end(readFileSync(file))
}

function sendPage(response: ServerResponse, html: string): void {
  response
    .writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      // What comes after the form is sent is another address than ours, and browsers hold form-action against it.
      'content-security-policy':
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
    })
    .end(html)
}

const chooserPage = (uid: string, home: string) => `<!DOCTYPE html>
<html lang="en" class="govuk-template">
<head>
  <meta charset="utf-8">
  <title>Choose who to be – development sign-in</title>
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="/app.css">
</head>
<body class="govuk-template__body">
  <header class="tl-header"><div class="govuk-width-container tl-header__row"><span class="tl-wordmark"><span class="tl-wordmark__name">Development sign-in</span></span></div></header>
  <div class="govuk-width-container">
    <nav aria-label="Back"><a class="govuk-back-link" href="${home}/signed-out">Back to Throughline</a></nav>
    <main class="govuk-main-wrapper tl-main">
      <h1 class="govuk-heading-l">Choose who to be</h1>
      <p class="govuk-body">Nobody here is real, and there is no password. In production this page is your own identity provider’s.</p>
      <dl class="govuk-summary-list tl-people">
${developmentPeople
  .map(
    ({ id, role, name, look }) => `        <div class="govuk-summary-list__row">
          <dt class="govuk-summary-list__key">${roles[role].name}<span class="tl-people__name">${name}</span></dt>
          <dd class="govuk-summary-list__value">${look}</dd>
          <dd class="govuk-summary-list__actions"><form method="post" action="/interaction/${uid}/as/${id}"><button class="govuk-button govuk-button--secondary tl-people__go">Sign in<span class="govuk-visually-hidden"> as ${roles[role].name}</span></button></form></dd>
        </div>`,
  )
  .join('\n')}
      </dl>
    </main>
  </div>
</body>
</html>
`
