/** When something cannot be done, people get a page that says what to do next; what broke inside stays inside. */
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Forbidden, SignedOut, whoMay } from '../../access/policy.ts'
import type { FaultLog } from '../../operations/fault-log.ts'
import { permissionWords } from '../sign-in/permission-words.ts'
import { classifyFailure, type Failure, type FailureCode } from './failure.ts'
import { whereItFailed } from './faults.ts'

interface PageWords {
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
    const words = wordsFor(error)
    if (words.status === 500) this.log.error(whereItFailed(error, request), 'A page failed.')
    if (reply.sent || reply.raw.headersSent) {
      reply.raw.destroy()
      return
    }
    void reply.status(words.status).header('cache-control', 'no-store')
    const path = request.url.split('?')[0]!
    if (path === '/api' || path.startsWith('/api/') || path.endsWith('.jsonl')) {
      await reply
        .type('application/problem+json')
        .send(JSON.stringify({ type: 'about:blank', title: words.title, status: words.status }))
      return
    }
    if (path.startsWith('/assets/')) {
      await reply.type('text/plain').send(words.title)
      return
    }
    if (error instanceof SignedOut && isNavigation(request)) {
      await reply.redirect(`/sign-in?${new URLSearchParams({ to: request.url })}`, 303)
      return
    }
    // What was sent cannot be sent again by following a link: that leads to the page it came from.
    const signInTo = error instanceof SignedOut ? path : undefined
    await reply.view('errors/error.njk', { ...words, signInTo })
  }
}

/** A browser that opens a page asks for HTML; a script would only follow a redirect into a page it cannot use. */
const isNavigation = ({ method, headers }: FastifyRequest) =>
  method === 'GET' && (headers.accept ?? '').includes('text/html')

function wordsFor(error: unknown): PageWords {
  if (error instanceof BadAddress)
    return { status: 400, title: 'This address cannot be used', paragraphs: [error.message, error.howTo] }
  const failure = classifyFailure(error)
  return pages[failure.code](failure, error as Error)
}

const page =
  (status: number, title: string, ...paragraphs: string[]) =>
  (): PageWords => ({ status, title, paragraphs })

const cannotBeDone = ({ status = 400 }: Failure): PageWords => ({
  status,
  title: 'This cannot be done',
  paragraphs: ['Nothing was recorded. Go back and try again.'],
})

const malformed = page(400, 'This request cannot be understood', 'Go back and try again.')

const logAway = page(
  503,
  'Sorry, the service is unavailable',
  'The log cannot be reached.',
  'Wait a few minutes, then load the page again. If you were recording something, look at the timeline to see whether it is there.',
)

const ours = page(
  500,
  'Sorry, there is a problem with the service',
  'What went wrong was noted. Try again later.',
  'If you had sent a form, look at the timeline to see whether it was recorded.',
)

/** Who can do what was asked, and who could let the asker do it. */
function whomToAsk(error: Error): readonly string[] {
  if (!(error instanceof Forbidden) || error.needed === undefined) return ['Your role does not allow this.']
  return [
    `Your role does not allow this. Only ${whoMay(error.needed)} can ${permissionWords[error.needed]}.`,
    'If your work needs it, ask one of them, or ask whoever manages accounts in your organisation for another role.',
  ]
}

/** A failure without words does not compile. */
const pages: Readonly<Record<FailureCode, (failure: Failure, error: Error) => PageWords>> = {
  refused: ({ refusal }) => ({
    status: 400,
    title: 'This cannot be recorded',
    paragraphs: [refusal!.message, 'Go back and change what you entered.'],
  }),
  oddities: (_failure, { message }) => ({
    status: 409,
    title: 'This is unusual, and was not recorded',
    paragraphs: [message, 'Go back and confirm that it is what happened, or change what you entered.'],
  }),
  changed_meanwhile: (_failure, { message }) => ({
    status: 409,
    title: 'The record has changed',
    paragraphs: [message],
  }),
  busy: logAway,
  database_busy: page(
    503,
    'Sorry, the service is busy',
    'Nothing was recorded. Wait a few seconds, then send it again.',
  ),
  store_unavailable: logAway,
  clock_wrong: page(
    503,
    'Sorry, nothing can be recorded just now',
    'The clock of the service is wrong, and what is recorded under it would be known as of the wrong day. Nothing was recorded.',
    'Tell whoever runs the service. When the clock is right, go back and send it again.',
  ),
  read_models_unavailable: page(
    503,
    'Sorry, the pages are unavailable',
    'The database the pages are read from cannot be reached. What was recorded is safe: it is kept elsewhere.',
    'Wait a few minutes, then load the page again. If you were recording something, go back and send it again: it will never be recorded twice.',
  ),
  signed_out: page(401, 'You are signed out', 'Sign in to go on. If you had sent a form, nothing was recorded.'),
  forbidden: (_failure, error) => ({ status: 403, title: 'You cannot see this', paragraphs: whomToAsk(error) }),
  identity_provider_unavailable: page(
    503,
    'Sorry, nobody can sign in just now',
    'The service in which your organisation keeps its accounts cannot be reached.',
    'Wait a few minutes, then try again. Whoever is signed in already stays signed in.',
  ),
  reach_unknown: page(
    503,
    'Sorry, nothing can be shown just now',
    'Before a record is shown it is looked up who may see it. That cannot be done just now, so nothing is shown.',
    'Wait a few minutes, then load the page again.',
  ),
  consultation_log_unavailable: page(
    503,
    'Sorry, nothing can be shown just now',
    'Who looks at a record is written down before it is shown. That cannot be done just now, so nothing is shown.',
    'Wait a few minutes, then load the page again.',
  ),
  form_expired: page(
    403,
    'This form can no longer be sent',
    'The page it came from is too old, or cookies are switched off. Nothing was recorded.',
    'Go back, copy what you typed, load the page again and send it once more.',
  ),
  journey_unreadable: page(
    409,
    'This journey cannot be read',
    'Its log has an event that cannot be understood. Nothing was recorded, and nothing can be added until that has been put right. Tell whoever runs this service.',
  ),
  key_missing: page(
    409,
    'Nothing personal can be added to this journey',
    'The key to his personal details is missing. Nothing was recorded.',
    'Tell whoever runs this service: the newest copy of the keys has to be put back.',
  ),
  storage_full: page(
    507,
    'There is no room left to record this',
    'The disk is full. Nothing was recorded. Tell whoever runs this service.',
  ),
  malformed_request: (failure) => (failure.status === 400 ? malformed() : cannotBeDone(failure)),
  malformed_json: malformed,
  not_found: page(
    404,
    'Page not found',
    'If you typed the address, check it is correct.',
    'If you followed a link, what it led to may never have existed here.',
    'Some records are open to named people only, and look like this to everybody else. If your work needs a record that you cannot find, ask a data protection officer.',
  ),
  method_not_allowed: cannotBeDone,
  not_acceptable: cannotBeDone,
  body_too_large: page(413, 'That is too much at once', 'Nothing was recorded. Go back and shorten the note.'),
  unsupported_media_type: cannotBeDone,
  too_many_requests: page(429, 'Too many requests', 'Wait a minute, then load the page again.'),
  too_many_records: (_failure, { message }) => ({
    status: 429,
    title: 'You have looked at very many records',
    paragraphs: [
      `${message} This was noted, and nothing more is shown just now.`,
      'Wait some minutes, then load the page again. If your work needs more, tell a data protection officer.',
    ],
  }),
  closing: ours,
  unexpected: ours,
}
