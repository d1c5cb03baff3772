/** An identity provider that a spec makes say whatever it likes: right by default, wrong where a spec says so. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey, type JWK, type JWTPayload } from 'jose'

interface Keys {
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}

async function keys(): Promise<Keys> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), use: 'sig', alg: 'ES256', kid: 'the-key' } }
}

/** How one token is made. */
export interface TokenMade {
  readonly claims?: JWTPayload
  /** Claims that are left out. */
  readonly without?: readonly string[]
  readonly typ?: string
  readonly how?: 'signed' | 'none' | 'hmac-of-public-key' | 'another-key' | 'altered'
}

export class HostileProvider {
  /** How the next ID token is made. */
  idToken: TokenMade = {}
  /** What is answered instead of tokens. */
  tokenAnswer: ((nonce: string) => { status: number; body: object }) | null = null
  /** Members of the discovery document that are other than they should be. */
  metadata: object = {}
  /** Whether the authorisation endpoint sends the browser back with other parameters than it should. */
  back: (answer: URLSearchParams) => void = () => undefined
  /** Whether it answers at all. */
  away = false
  readonly issuer: string
  /** What the token endpoint was sent. */
  readonly asked: URLSearchParams[] = []
  private readonly nonces = new Map<string, string>()
  private codes = 0

  private constructor(
    private readonly server: Server,
    private readonly own: Keys,
    private readonly other: Keys,
  ) {
    this.issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  static async start(): Promise<HostileProvider> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const provider = new HostileProvider(server, await keys(), await keys())
    server.on('request', (request, response) => {
      void provider.answer(request).then(({ status, headers = {}, body }) => {
        response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body ?? {}))
      })
    })
    return provider
  }

  /** Everything right again. */
  behave(): void {
    this.idToken = {}
    this.tokenAnswer = null
    this.metadata = {}
    this.back = () => undefined
    this.away = false
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }

  async token(
    defaults: JWTPayload,
    { claims = {}, without = [], typ, how = 'signed' }: TokenMade = {},
  ): Promise<string> {
    const now = Math.floor(Date.now() / 1_000)
    const all: JWTPayload = { iss: this.issuer, sub: 'CM001', iat: now, exp: now + 300, ...defaults, ...claims }
    for (const name of without) delete all[name]
    if (how === 'none') return new UnsecuredJWT(all).encode()
    const header = { kid: 'the-key', ...(typ === undefined ? {} : { typ }) }
    if (how === 'hmac-of-public-key')
      return new SignJWT(all)
        .setProtectedHeader({ ...header, alg: 'HS256' })
        .sign(new TextEncoder().encode(JSON.stringify(this.own.jwk)))
    const { privateKey } = how === 'another-key' ? this.other : this.own
    const token = await new SignJWT(all).setProtectedHeader({ ...header, alg: 'ES256' }).sign(privateKey)
    if (how !== 'altered') return token
    const [head, , signature] = token.split('.')
    const altered = Buffer.from(JSON.stringify({ ...all, role: 'administrator' })).toString('base64url')
    return `${head}.${altered}.${signature}`
  }

  private async answer(
    request: IncomingMessage,
  ): Promise<{ status: number; headers?: Record<string, string>; body?: object }> {
    const url = new URL(request.url!, this.issuer)
    if (this.away) return { status: 503 }
    if (url.pathname === '/.well-known/openid-configuration') return { status: 200, body: this.discovery() }
    if (url.pathname === '/jwks') return { status: 200, body: { keys: [this.own.jwk] } }
    if (url.pathname === '/auth') {
      const code = `code-${++this.codes}`
      this.nonces.set(code, url.searchParams.get('nonce')!)
      const answer = new URLSearchParams({ code, state: url.searchParams.get('state')!, iss: this.issuer })
      this.back(answer)
      return { status: 303, headers: { location: `${url.searchParams.get('redirect_uri')}?${answer}` } }
    }
    const sent = new URLSearchParams((await Array.fromAsync(request as AsyncIterable<Buffer>)).join(''))
    this.asked.push(sent)
    const nonce = this.nonces.get(sent.get('code')!)
    if (nonce === undefined) return { status: 400, body: { error: 'invalid_grant' } }
    this.nonces.delete(sent.get('code')!)
    if (this.tokenAnswer) return this.tokenAnswer(nonce)
    const idToken = await this.token({ aud: 'throughline', nonce, role: 'case_manager', name: 'Spec' }, this.idToken)
    return { status: 200, body: { access_token: 'opaque', token_type: 'Bearer', expires_in: 300, id_token: idToken } }
  }

  private discovery(): object {
    return {
      issuer: this.issuer,
      authorization_endpoint: `${this.issuer}/auth`,
      token_endpoint: `${this.issuer}/token`,
      jwks_uri: `${this.issuer}/jwks`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
      authorization_response_iss_parameter_supported: true,
      ...this.metadata,
    }
  }
}
