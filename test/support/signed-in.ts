/**
 * Signs the requests of a spec in, without a browser and without the development provider: a real session is begun in the
 * application's own store, and requests are taken to come from it as if they had shown its cookie. The guard, the table of
 * roles and everything after it then do as they do for anybody.
 */
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { askingAs } from '../../src/access/asking.ts'
import type { Role } from '../../src/access/policy.ts'
import { identify, type SignedIn } from '../../src/access/session.ts'
import { Sessions } from '../../src/access/sessions.ts'
import { sessionCookie } from '../../src/web/sign-in/cookies.ts'

/** Made up; the same person whenever a spec signs in as this role. */
export const personOfRole = (role: Role): SignedIn => ({
  id: role === 'case_manager' ? 'CM001' : `spec-${role}`,
  role,
  organisation: 'demonstration',
  name: `Spec ${role.replaceAll('_', ' ')}`,
})

/** What a spec asks of the questions without a request, asked as this role. */
export const askedAs = <T>(role: Role, ask: () => T): T => askingAs(personOfRole(role), ask)

/** A case manager, for whoever needs an actor and no request. */
export const caseManager = personOfRole('case_manager')

const aProvider = { issuer: 'https://login.example.org', sid: null }

/** @returns the value of the session's cookie */
export const sessionFor = (app: NestFastifyApplication, who: SignedIn): Promise<string> =>
  app.get(Sessions).begin(who, { ...aProvider, subject: who.id })

/** `name=value`, for the cookie header of one request. */
export const cookieFor = async (app: NestFastifyApplication, role: Role): Promise<string> =>
  `${sessionCookie}=${await sessionFor(app, personOfRole(role))}`

const ofOfficers =
  /^\/(?:registers|questions|rights|alerts)(?:[/?]|$)|^\/journeys\/[^/?]+\/(?:rights|access|looks)(?:[/?]|$)/

/** What a spec may look at without saying as whom: pages that have a role of their own as that, all else as a case manager. */
const roleFor = (url: string): Role => {
  if (/^\/operations(?:[/?]|$)|[?&]topic=operations/.test(url)) return 'administrator'
  if (/^\/partner-safety(?:[/?]|$)/.test(url)) return 'partner_safety_worker'
  if (ofOfficers.test(url)) return 'data_protection_officer'
  return /^\/audit(?:[/?]|$)/.test(url) ? 'auditor' : 'case_manager'
}

/**
 * From now on every request that shows neither a session nor an access token comes from somebody signed in.
 * To be called before the application is initialised.
 */
export function signEverybodyIn(app: NestFastifyApplication, asRole: (url: string) => Role = roleFor): void {
  const secrets = new Map<Role, Promise<string>>()
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', async (request) => {
      if (request.cookies[sessionCookie] !== undefined || request.headers.authorization !== undefined) return
      const role = asRole(request.url)
      if (!secrets.has(role)) secrets.set(role, sessionFor(app, personOfRole(role)))
      const { id, who } = (await app.get(Sessions).of(await secrets.get(role)!))!
      identify(request, { who, sessionId: id, until: null })
    })
}
