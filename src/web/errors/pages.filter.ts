/** When something cannot be done, people get a page that says what to do next; what broke inside stays inside. */
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isDatabaseUnavailable } from '../../../projections/storage/availability.ts'
import { Forbidden } from '../../access/session.ts'
import { StaleRevision } from '../../commands/command-handler.ts'
import { Refusal } from '../../domain/history.ts'
import { StoreUnavailable, ConcurrencyConflict } from '../../event-store/event-store.ts'
import type { FaultLog } from '../../operations/fault-log.ts'
import { toldOf } from './faults.ts'

interface Said {
  readonly status: number
  readonly title: string
  readonly paragraphs: readonly string[]
}

/** An address that asks for something nobody can give, and how to write it instead. */
export class BadAddress extends HttpException {
  constructor(
    problem: string,
    readonly howTo: string,
  ) {
    super(problem, 400)
  }
}

@Catch()
export class PagesFilter implements ExceptionFilter {
  constructor(private readonly log: FaultLog) {}

  async catch(error: unknown, host: ArgumentsHost): Promise<void> {
    const reply = host.switchToHttp().getResponse<FastifyReply>()
    const request = host.switchToHttp().getRequest<FastifyRequest>()
    const said = saying(error)
    if (said.status === 500) this.log.error(toldOf(error, request), 'A page failed.')
    if (reply.sent || reply.raw.headersSent) {
      reply.raw.destroy()
      return
    }
    void reply.status(said.status).header('cache-control', 'no-store')
    const path = request.url.split('?')[0]!
    if (path === '/api' || path.startsWith('/api/') || path.endsWith('.jsonl')) {
      await reply
        .type('application/problem+json')
        .send(JSON.stringify({ type: 'about:blank', title: said.title, status: said.status }))
      return
    }
    if (path.startsWith('/assets/')) {
      await reply.type('text/plain').send(said.title)
      return
    }
    await reply.view('errors/error.njk', { ...said })
  }
}

function saying(error: unknown): Said {
  if (error instanceof BadAddress) {
    return { status: 400, title: 'This address cannot be used', paragraphs: [error.message, error.howTo] }
  }
  if (error instanceof Refusal)
    return {
      status: 400,
      title: 'This cannot be recorded',
      paragraphs: [error.message, 'Go back and change what you entered.'],
    }
  if (error instanceof StaleRevision)
    return { status: 409, title: 'The record has changed', paragraphs: [error.message] }
  if (error instanceof Forbidden) return { status: 403, title: 'You cannot see this', paragraphs: [error.message] }
  if (error instanceof StoreUnavailable || error instanceof ConcurrencyConflict) {
    return {
      status: 503,
      title: 'Sorry, the service is unavailable',
      paragraphs: [
        'The log cannot be reached.',
        'Wait a few minutes, then load the page again. If you were recording something, look at the timeline to see whether it is there.',
      ],
    }
  }
  if (isDatabaseUnavailable(error)) {
    return {
      status: 503,
      title: 'Sorry, the pages are unavailable',
      paragraphs: [
        'The database the pages are read from cannot be reached. What was recorded is safe: it is kept elsewhere.',
        'Wait a few minutes, then load the page again. If you were recording something, go back and send it again: it will never be recorded twice.',
      ],
    }
  }
  const { code, cause } = error as { code?: string; cause?: { code?: string } }
  if ([code, cause?.code].some((it) => it?.startsWith('FST_CSRF_'))) {
    return {
      status: 403,
      title: 'This form can no longer be sent',
      paragraphs: [
        'The page it came from is too old, or cookies are switched off. Nothing was recorded.',
        'Go back, copy what you typed, load the page again and send it once more.',
      ],
    }
  }
  const status =
    error instanceof HttpException ? error.getStatus() : ((error as { statusCode?: number }).statusCode ?? 500)
  switch (status) {
    case 400:
      return { status, title: 'This request cannot be understood', paragraphs: ['Go back and try again.'] }
    case 404:
      return {
        status,
        title: 'Page not found',
        paragraphs: [
          'If you typed the address, check it is correct.',
          'If you followed a link, the journey may never have existed here.',
        ],
      }
    case 413:
      return {
        status,
        title: 'That is too much at once',
        paragraphs: ['Nothing was recorded. Go back and shorten the note.'],
      }
    case 429:
      return { status, title: 'Too many requests', paragraphs: ['Wait a minute, then load the page again.'] }
    default:
      return status < 500
        ? { status, title: 'This cannot be done', paragraphs: ['Nothing was recorded. Go back and try again.'] }
        : {
            status: 500,
            title: 'Sorry, there is a problem with the service',
            paragraphs: [
              'What went wrong was noted. Try again later.',
              'If you had sent a form, look at the timeline to see whether it was recorded.',
            ],
          }
  }
}
