import { Controller, Query, Req, Sse } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import { concat, EMPTY, from, map, merge, mergeMap, of, takeUntil, type Observable } from 'rxjs'
import { RequiresOneOf } from '../../access/permission.guard.ts'
import { Identification } from '../../access/identification.ts'
import { permit } from '../../access/policy.ts'
import { whoIsAsking, type SignedIn } from '../../access/session.ts'
import { Operations } from '../../operations/operations.ts'
import { Journeys } from '../../queries/journeys.ts'
import { LiveJourneys } from '../../queries/live.ts'
import { BadAddress } from '../errors/pages.filter.ts'

/** What a page is sent about its topic: the journey's last revision, or a digest of the operations page. Nothing about anybody. */
type LiveMessage = { readonly topic: string } & ({ readonly revision: number } | { readonly digest: string })

const mostTopics = 100
const journeyTopic = /^journey-([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/

@RequiresOneOf('read', 'operate')
@Controller('live')
export class LiveController {
  constructor(
    private readonly live: LiveJourneys,
    private readonly journeys: Journeys,
    private readonly operations: Operations,
    private readonly identification: Identification,
  ) {}

  /** One stream for all pages a browser has open: each topic's present state at once, then each change. */
  @Sse()
  follow(@Query('topic') topic: unknown, @Req() request: FastifyRequest): Observable<{ data: LiveMessage }> {
    const topics = [topic].flat().filter((one): one is string => typeof one === 'string')
    const known = [...new Set(topics)].filter((one) => one === 'operations' || journeyTopic.test(one))
    if (known.length === 0 || known.length > mostTopics)
      throw new BadAddress(
        'This address names nothing that can be followed.',
        'Open a journey, or the operations page.',
      )
    const as = whoIsAsking(request)
    return merge(...known.map((one) => this.messagesOf(one, as))).pipe(
      map((data) => ({ data })),
      takeUntil(this.identification.ends(request)),
    )
  }

  private messagesOf(topic: string, as: SignedIn): Observable<LiveMessage> {
    const journeyId = journeyTopic.exec(topic)?.[1]
    permit(as, journeyId ? 'read' : 'operate')
    if (!journeyId) return this.operations.changes().pipe(map((digest) => ({ topic, digest })))
    return from(this.journeys.header(journeyId)).pipe(
      mergeMap((header) => (header ? concat(of(header), this.live.after(header.revision, journeyId)) : EMPTY)),
      map(({ revision }) => ({ topic, revision })),
    )
  }
}
