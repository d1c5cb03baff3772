/** What every page of one journey begins with: that there is such a journey, who he is, and whether the page is up to date. */
import { Injectable, NotFoundException } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import { ReadModels } from '../../../projections/runner/read-models.ts'
import { whoIsAsking, type SignedIn } from '../../access/session.ts'
import { statuses } from '../../domain/journey/figures.ts'
import { Journeys, type JourneyHeader } from '../../queries/journeys.ts'

export interface JourneyPage {
  readonly journeyId: string
  readonly path: string
  readonly header: JourneyHeader & { readonly statusName: string }
  readonly as: SignedIn
  /** The correlation id of what this request records, and of its trace. */
  readonly requestId: string
  readonly section: 'timeline' | 'replay' | 'history' | null
  readonly catchingUp: boolean
}

const patienceMs = 2_000

@Injectable()
export class JourneyPages {
  constructor(
    private readonly journeys: Journeys,
    private readonly readModels: ReadModels,
  ) {}

  async open(request: FastifyRequest, journeyId: string, section: JourneyPage['section']): Promise<JourneyPage> {
    const as = whoIsAsking(request)
    const { after } = request.query as { after?: unknown }
    const catchingUp = !(await this.caughtUp(after))
    const header = await this.journeys.header(journeyId)
    if (!header) throw new NotFoundException('There is no journey at this address.')
    return {
      journeyId,
      path: `/journeys/${journeyId}`,
      header: { ...header, statusName: statuses[header.status] },
      as,
      requestId: request.id,
      section,
      catchingUp,
    }
  }

  /** After a write the page waits, within reason, for the read model to contain it. */
  async caughtUp(after: unknown): Promise<boolean> {
    if (typeof after !== 'string' || !/^\d{1,19}$/.test(after)) return true
    return this.readModels.waitFor(after, patienceMs)
  }
}
