/** What a request says beside its body: who sent it, which command it is, and the revision it was decided on. */
import { createParamDecorator, Injectable, type ExecutionContext, type PipeTransform } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { whoIsAsking } from '../../access/session.ts'
import type { Actor } from '../../domain/history.ts'
import { isSessionCode } from './fields.ts'
import { Problem } from './problems.ts'

export interface CommandRequest {
  /** The opaque part of who signed in: a name never reaches the log. */
  readonly by: Actor
  /** Method and path as requested, ids included and query left out. */
  readonly route: string
  readonly idempotencyKey: string | undefined
  readonly expectedRevision: number | undefined
  readonly reply: FastifyReply
  readonly requestId: string
}

const actorOf = (request: FastifyRequest): Actor => {
  const { id, role, organisation } = whoIsAsking(request)
  return { id, role, organisation }
}

/** @throws Problem for a header that is not of its form: a precondition that cannot be understood must not be passed over */
export const commandRequestOf = (request: FastifyRequest, reply: FastifyReply): CommandRequest => ({
  by: actorOf(request),
  route: `${request.method} ${request.url.split('?')[0]}`,
  idempotencyKey: keyFrom(request.headers['idempotency-key']),
  expectedRevision: revisionFrom(request.headers['if-match']),
  reply,
  requestId: request.id,
})

export const RequestContext = createParamDecorator((_: unknown, context: ExecutionContext): CommandRequest => {
  const http = context.switchToHttp()
  return commandRequestOf(http.getRequest(), http.getResponse())
})

const badHeader = (field: string, message: string) => new Problem('invalid_header', { errors: [{ field, message }] })

function keyFrom(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  if (typeof header === 'string' && /^[\x21-\x7e]{1,255}$/.test(header)) return header
  throw badHeader('Idempotency-Key', 'must be 1 to 255 visible ASCII characters')
}

/** One strong entity tag, as a GET or a command answered it. `*` expects nothing more than that there is a journey. */
function revisionFrom(header: string | undefined): number | undefined {
  if (header === undefined || header === '*') return undefined
  const tag = /^"(\d{1,15})"$/.exec(header)
  if (!tag) throw badHeader('If-Match', 'must be one revision in quotes, such as "7", or *')
  return Number(tag[1])
}

export const tagOf = (revision: number): string => `"${revision}"`

/** Whether an If-None-Match names the tag; it is compared weakly, as RFC 9110 asks. */
export const isNamedIn = (header: string | undefined, tag: string): boolean =>
  header !== undefined && header.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === tag)

const opaqueId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Anything that cannot be the id of a journey names no journey. */
@Injectable()
export class JourneyIdPipe implements PipeTransform<string, string> {
  transform(id: string): string {
    if (!opaqueId.test(id)) throw new Problem('not_found')
    return id
  }
}

@Injectable()
export class SessionIdPipe implements PipeTransform<string, string> {
  transform(id: string): string {
    if (!isSessionCode(id)) throw new Problem('not_found')
    return id
  }
}
