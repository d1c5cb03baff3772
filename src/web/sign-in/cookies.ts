/** The two cookies of signing in. Browsers keep them to this address, as `__Host-` asks, and to TLS or this machine itself. */
import type { CookieSerializeOptions } from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Holds the secret of a session. */
export const sessionCookie = '__Host-throughline'
/** Holds the secret of a sign-in under way, while the browser is at the identity provider. */
export const pendingCookie = '__Host-throughline-sign-in'

// Lax and not strict: a browser that comes back from the identity provider must bring its cookie along.
const options: CookieSerializeOptions = { path: '/', secure: true, httpOnly: true, sameSite: 'lax' }

export const keepInBrowser = (reply: FastifyReply, name: string, secret: string): void =>
  void reply.setCookie(name, secret, options)

export const takeFromBrowser = (reply: FastifyReply, name: string): void => void reply.clearCookie(name, options)

export const shownCookie = ({ cookies }: FastifyRequest, name: string): string | undefined => cookies[name]
