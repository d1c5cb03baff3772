/** Everything the pages need around them: templates, public files, and the protections every answer carries. */
import cookie from '@fastify/cookie'
import csrf from '@fastify/csrf-protection'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import serveStatic from '@fastify/static'
import type {} from '@fastify/view'
import { UnsupportedMediaTypeException } from '@nestjs/common'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import nunjucks from 'nunjucks'
import { askingAs } from '../access/asking.ts'
import { isUnloggedLook } from '../access/consulted.ts'
import { Identification } from '../access/identification.ts'
import { identify, identityOf } from '../access/session.ts'
import { FaultLog } from '../operations/fault-log.ts'
import { Staleness } from '../operations/staleness.ts'
import { PagesFilter } from './errors/pages.filter.ts'
import { receiveFiles, takesFiles } from './import/receive-files.ts'
import { teach } from './layout/filters.ts'
import { headerFor } from './layout/navigation.ts'
import { timeRequests } from './operations/timed-requests.ts'
import { traceRequests } from './operations/traced-requests.ts'
import { sessionCookie } from './sign-in/cookies.ts'

declare module 'fastify' {
  interface FastifyReply {
    /** What every template may use. */
    locals: object
  }
}

export interface WebConfig {
  /** What buildAssets() made: served under /assets/. */
  readonly publicDir: string
  /** Where the templates are, beside their controllers. */
  readonly viewsDir: string
  /** Requests a minute from one address before it is answered 429; 0 for no limit. */
  readonly requestsAMinute: number
  /** Whether people are offered to be somebody else: at the development provider they may. */
  readonly canChangeRole: boolean
  /** Signs the cookie of the form token. */
  readonly secret: string
}

/** How long to wait before asking again for what is away. */
const retryAfterSeconds = 5

/** What watches the service is answered however often it asks: an answer of 429 would look like a failure. */
const neverLimited = new Set(['/api/health/live', '/api/health/ready', '/metrics'])

/** Sent by the identity provider and by no browser: what it sends is signed, and holds no token of a form. */
const fromProvider = new Set(['/sign-out/back-channel'])

export async function configureWeb(
  app: NestFastifyApplication,
  { publicDir, viewsDir, requestsAMinute, canChangeRole, secret }: WebConfig,
): Promise<void> {
  const fastify = app.getHttpAdapter().getInstance()

  traceRequests(app)
  timeRequests(app)
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    frameguard: { action: 'deny' },
    referrerPolicy: { policy: 'same-origin' },
    // Served on this machine's own address without a certificate: the proxy in front says this where there is one.
    strictTransportSecurity: false,
  })
  if (requestsAMinute > 0)
    await app.register(rateLimit, {
      max: requestsAMinute,
      timeWindow: '1 minute',
      // Counted by request.ip: the address connected, or the one a trusted proxy names.
      allowList: ({ url }) => url.startsWith('/assets/') || neverLimited.has(url.split('?')[0]!),
    })
  await receiveFiles(app)
  await app.register(cookie, { secret })
  await app.register(csrf, { cookieOpts: { signed: true, httpOnly: true, sameSite: 'strict', path: '/' } })
  if (existsSync(publicDir)) {
    await app.register(serveStatic, {
      root: publicDir,
      prefix: '/assets/',
      immutable: true,
      maxAge: '365d',
      index: false,
    })
  }
  app.setViewEngine({
    engine: { nunjucks },
    templates: templateFolders(viewsDir),
    options: { autoescape: true, throwOnUndefined: false, onConfigure: teach },
  })

  const assetsVersion = versionOf(publicDir)
  // A page takes what a form sends and nothing else: not JSON, which may be null.
  fastify.addHook('onRequest', async ({ url, method, headers }) => {
    if (!isPage(url) || method === 'GET' || method === 'HEAD') return
    const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase()
    const taken = takesFiles(url) ? 'multipart/form-data' : 'application/x-www-form-urlencoded'
    if (type !== taken) throw new UnsupportedMediaTypeException()
  })
  fastify.addHook('onRequest', async (request, reply) => {
    if (!request.url.startsWith('/assets/')) reply.header('cache-control', 'no-store')
  })
  // Also where the form itself is shown again, with what was typed.
  fastify.addHook('onSend', async (_request, reply) => {
    if (reply.statusCode === 503 && !reply.hasHeader('retry-after')) reply.header('retry-after', retryAfterSeconds)
  })
  // The last thing that happens to an answer: what shows a record nobody was written down as looking at stays here.
  fastify.addHook('onSend', async (request, reply) => {
    if (reply.statusCode < 300 && isUnloggedLook(request))
      throw new Error('A record was about to be shown that no look was written down for.')
  })
  const identification = app.get(Identification)
  // Before any body is read: files are taken from those alone who may send them.
  fastify.addHook('onRequest', async (request) => {
    const { cookies, headers, url } = request
    if (url.startsWith('/assets/')) return
    const shown = { cookie: cookies[sessionCookie], authorization: headers.authorization, takesTokens: isApi(url) }
    identify(request, await identification.identify(shown))
  })
  const currency = app.get(Staleness)
  fastify.addHook('preHandler', async (request, reply) => {
    if (isPage(request.url)) reply.locals = { ...reply.locals, outOfDate: await currency.outOfDate() }
  })
  fastify.addHook('preHandler', (request, reply, next) => {
    if (!isPage(request.url)) return next()
    const { who } = identityOf(request)
    const header = who && { ...headerFor(who, request.url), canChangeRole }
    reply.locals = { ...reply.locals, csrfToken: reply.generateCsrf(), assetsVersion, ...header }
    if (request.method === 'GET' || request.method === 'HEAD' || fromProvider.has(request.url)) return next()
    fastify.csrfProtection(request, reply, next)
  })
  // The last before the handler: from here on it is known who asks, wherever a question is answered.
  fastify.addHook('preHandler', (request, _reply, next) => askingAs(identityOf(request).who, next))
  app.useGlobalFilters(new PagesFilter(app.get(FaultLog)))
}

const isApi = (url: string): boolean => /^\/api(?:[/?]|$)/.test(url)

/** Everything but the files, the API, the metrics and the evidence log is a page for people; so is the API's own description. */
export const isPage = (url: string): boolean =>
  !url.startsWith('/assets/') &&
  !/^\/(?:api(?!\/docs(?:\?|$))|metrics|evidence\/checkpoint|evidence\/tile)(?:[/?]|$)/.test(url)

function templateFolders(viewsDir: string): string[] {
  const require = createRequire(import.meta.url)
  const packageFolder = (name: string) => dirname(require.resolve(`${name}/package.json`))
  return [viewsDir, join(packageFolder('govuk-frontend'), 'dist'), packageFolder('@ministryofjustice/frontend')]
}

/** Changes with the files, so that browsers may keep them for ever. */
function versionOf(publicDir: string): string {
  const hash = createHash('sha256')
  for (const name of ['app.css', 'app.js']) {
    const file = join(publicDir, name)
    if (existsSync(file)) hash.update(readFileSync(file))
  }
  return `?v=${hash.digest('hex').slice(0, 12)}`
}
