/** Signing in and out: the addresses that a browser and the identity provider send each other to. */
import { Body, Controller, Get, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { FaultLog } from '../../operations/fault-log.ts'
import { SignInRefused } from '../../access/identity-provider.ts'
import { ForSignedIn, Public } from '../../access/permission.guard.ts'
import { isPermitted, permissions, roles, whoMay } from '../../access/policy.ts'
import { identityOf, whoIsAsking, type SignedIn } from '../../access/session.ts'
import { Sessions } from '../../access/sessions.ts'
import { SignIn } from '../../access/sign-in.ts'
import { dayOf } from '../../domain/calendar.ts'
import { Today } from '../../queries/today.ts'
import { headerFor } from '../layout/navigation.ts'
import { keepInBrowser, pendingCookie, sessionCookie, shownCookie, takeFromBrowser } from './cookies.ts'
import { permissionWords } from './permission-words.ts'

@Controller()
export class SignInController {
  constructor(
    private readonly signIn: SignIn,
    private readonly sessions: Sessions,
    private readonly today: Today,
    @Inject(FaultLog) private readonly log: FaultLog,
  ) {}

  @Public()
  @Get('sign-in')
  async begin(@Query('to') to: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const begun = await this.signIn.begin(`${originOf(request)}/sign-in/callback`, ownPath(to))
    keepInBrowser(reply, pendingCookie, begun.pending)
    return reply.redirect(begun.to.href, 303)
  }

  @Public()
  @Get('sign-in/callback')
  async complete(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const pending = shownCookie(request, pendingCookie)
    takeFromBrowser(reply, pendingCookie)
    try {
      const answer = new URL(request.url, originOf(request)).searchParams
      const done = await this.signIn.complete(pending ?? '', answer)
      // Whatever session the browser had before is over: nobody can prepare one for somebody else.
      await this.endSessionOf(request)
      keepInBrowser(reply, sessionCookie, done.session)
      return reply.redirect(done.returnTo, 303)
    } catch (error) {
      if (!(error instanceof SignInRefused)) throw error
      this.log.error(
        { requestId: request.id, refused: error.message, because: reasonOf(error.cause) },
        'A sign-in was refused.',
      )
      return reply.status(401).view('sign-in/refused.njk', { requestId: request.id })
    }
  }

  @Public()
  @Post('sign-out')
  async end(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    await this.endSessionOf(request)
    takeFromBrowser(reply, sessionCookie)
    const atProvider = await this.signIn.signOutAddress(`${originOf(request)}/signed-out`)
    return reply.redirect(atProvider?.href ?? '/signed-out', 303)
  }

  /** Where somebody begins who did not say where he wants to go: at what needs him today, or else at the first of what is his. */
  @ForSignedIn()
  @Get('sign-in/home')
  async home(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const who = whoIsAsking(request)
    const begin = isPermitted(who, 'read') && (await this.isNeeded(who)) ? '/today' : headerFor(who, '/').home.href
    return reply.redirect(begin, 303)
  }

  /** Where that cannot be found out, he begins elsewhere: signing in does not depend on it. */
  private async isNeeded(who: SignedIn): Promise<boolean> {
    try {
      return await this.today.asksForAnything(who, dayOf(new Date().toISOString()))
    } catch (error) {
      this.log.error({ because: reasonOf(error) }, 'What needs somebody who signed in could not be found out.')
      return false
    }
  }

  @Public()
  @Get('signed-out')
  signedOut(@Res() reply: FastifyReply) {
    return reply.view('sign-in/signed-out.njk', {})
  }

  /** The identity provider itself says that a session of its own is over (OpenID Connect Back-Channel Logout 1.0). */
  @Public()
  @Post('sign-out/back-channel')
  @HttpCode(200)
  async endedElsewhere(
    @Body() body: Record<string, unknown> | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const token = body?.logout_token
    try {
      if (typeof token !== 'string') throw new SignInRefused('There is no logout token.')
      await this.signIn.endedAtProvider(token)
      return reply.status(200).send('')
    } catch (error) {
      if (!(error instanceof SignInRefused)) throw error
      this.log.error(
        { requestId: request.id, refused: error.message, because: reasonOf(error.cause) },
        'A logout token was refused.',
      )
      return reply.status(400).type('application/json').send('{"error":"invalid_request"}')
    }
  }

  /** Who somebody is here, what his role opens, and who can do what it does not. */
  @ForSignedIn()
  @Get('account')
  account(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const who = whoIsAsking(request)
    const words = permissions.map((permission) => ({
      text: permissionWords[permission],
      may: isPermitted(who, permission),
      whoElse: whoMay(permission),
    }))
    return reply.view('sign-in/account.njk', {
      account: { ...who, roleName: roles[who.role].name },
      own: words.filter(({ may }) => may),
      others: words.filter(({ may }) => !may),
    })
  }

  private async endSessionOf(request: FastifyRequest): Promise<void> {
    const identity = identityOf(request)
    if (identity.who !== null && identity.sessionId !== null) await this.sessions.end(identity.sessionId)
  }
}

/** The host is one of ours: the application answers to no other name. */
const originOf = ({ protocol, host }: FastifyRequest): string => `${protocol}://${host}`

/** A page of this service; anywhere else, or nothing that can be an address, is its first page. */
export function ownPath(text: unknown): string {
  if (typeof text !== 'string' || !text.startsWith('/')) return '/sign-in/home'
  const address = URL.parse(text, 'http://here')
  return address?.origin === 'http://here' ? `${address.pathname}${address.search}` : '/sign-in/home'
}

/** The kind of failure, never its message: that may quote what the provider or a browser sent. */
const reasonOf = (cause: unknown): string | undefined => {
  if (!(cause instanceof Error)) return undefined
  const { code } = cause as { code?: unknown }
  return typeof code === 'string' ? code : cause.name
}
