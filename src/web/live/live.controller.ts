import { Controller, NotFoundException, Param, Req, Sse } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import { map, type Observable } from 'rxjs'
import { whoIsAsking } from '../../access/session.ts'
import { Journeys } from '../../queries/journeys.ts'
import { LiveJourneys } from '../../queries/live.ts'

@Controller('journeys/:id/live')
export class LiveController {
  constructor(
    private readonly live: LiveJourneys,
    private readonly journeys: Journeys,
  ) {}

  /** Tells an open page that something was added to the journey: the revision and nothing else. */
  @Sse()
  async follow(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
  ): Promise<Observable<{ data: { revision: number } }>> {
    const as = whoIsAsking(request)
    if (!(await this.journeys.header(id, as))) throw new NotFoundException()
    return this.live.of(id, as).pipe(map((data) => ({ data })))
  }
}
